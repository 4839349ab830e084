#pragma once

#include <cstddef>        // size_t
#include <istream>        // a file
#include <optional>       // name
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // requests

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/printable.hpp>       // printable
#include <muster/workloads/bgp/request.hpp>                // request

namespace muster::bgp {

/// What a list of requests has in common.
struct request_list_options {
    bool ipv4 = true;
    bool ipv6 = true;
    as_number::reserved numbers = as_number::reserved::refuse;
    std::size_t most_lines = 1'000'000;    ///< of a file
};

/// Requests as people write them: one object, each family that is asked for.
///
/// Shape      "AS13335", "AS13335 LIST-NAME", "AS13335 exclusive" or "AS13335 LIST-NAME exclusive", blanks between;
///            a request for each family.
/// Fails      cause::invalid_input, with the rule.
[[nodiscard]] outcome<std::vector<request>> parse_request(std::string_view text,
                                                          request_list_options const& options = {});

/// A file of them, a line each; what follows `#` is a comment, empty lines are nothing.
///
/// Fails      as `parse_request`, with the number of the line; all of it or nothing.
[[nodiscard]] outcome<std::vector<request>> parse_request_list(std::istream& from,
                                                               request_list_options const& options = {});

// Implementation

inline outcome<std::vector<request>> parse_request(std::string_view text, request_list_options const& options) {
    constexpr std::string_view blanks = " \t";
    std::vector<std::string_view> words;
    for (auto left = text; words.size() < 4;) {
        auto const first = left.find_first_not_of(blanks);
        if (first == left.npos) break;
        left.remove_prefix(first);
        words.push_back(left.substr(0, left.find_first_of(blanks)));
        left.remove_prefix(words.back().size());
    }
    bool const exclusive = words.size() > 1 && words.back() == "exclusive";
    if (exclusive) words.pop_back();
    if (words.empty() || words.size() > 2)
        return failure{cause::invalid_input, detail::printable(text) +
                       " is no request: an object is allowed, then a name for the list, then exclusive"};
    auto object = irr_object::parse(words[0], options.numbers);
    if (!object) return std::move(object).error();
    std::optional<policy_name> name;
    if (words.size() == 2) {
        auto parsed = policy_name::parse(words[1]);
        if (!parsed) return std::move(parsed).error();
        name = std::move(*parsed);
    }
    std::vector<request> out;
    for (auto const family : {address_family::ipv4, address_family::ipv6}) {
        if (!(family == address_family::ipv4 ? options.ipv4 : options.ipv6)) continue;
        out.push_back({.object = *object, .family = family, .exclusive = exclusive});
        if (name) out.back().name = *name;
    }
    return out;
}

inline outcome<std::vector<request>> parse_request_list(std::istream& from, request_list_options const& options) {
    std::vector<request> out;
    std::size_t number = 0;
    for (std::string line; std::getline(from, line);) {
        if (++number > options.most_lines)
            return failure{cause::invalid_input, "more than " + std::to_string(options.most_lines) + " lines"};
        std::string_view text = line;
        text = text.substr(0, text.find('#'));
        if (text.ends_with('\r')) text.remove_suffix(1);
        if (text.find_first_not_of(" \t") == text.npos) continue;
        auto parsed = parse_request(text, options);
        if (!parsed) return std::move(parsed).error().note(" (line " + std::to_string(number) + ")");
        for (auto& each : *parsed) out.push_back(std::move(each));
    }
    return out;
}

}  // namespace muster::bgp
