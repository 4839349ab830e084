#pragma once

#include <cstdint>        // uint32_t
#include <initializer_list>    // one member
#include <map>            // faults
#include <string>         // string
#include <string_view>    // string_view

#include <muster/workloads/bgp/detail/ascii.hpp>    // decimal, lower
#include <muster/workloads/bgp/irr_data.hpp>        // irr_data
#include <muster/workloads/bgp/irr_fault.hpp>       // irr_fault

namespace muster::bgp::detail {

/// What one line of the client is answered with, and what becomes of the connection.
struct irr_answer {
    enum class after : std::uint8_t {
        go_on,
        mute,     ///< no answer to this or anything later
        close,
    };
    std::string text;    ///< empty: no answer
    after then = after::go_on;
};

using irr_faults = std::map<std::string, irr_fault, std::less<>>;    // by object, in lower case

/// One answer frame: "A<n>", the payload, "C"; n counts the payload and its newline, else bgpq4 aborts.
[[nodiscard]] inline std::string framed(std::string_view payload, bool short_by_one = false) {
    if (payload.empty()) return "C\n";
    std::string out{'A'};
    out += std::to_string(payload.size() + (short_by_one ? 0 : 1));
    out += '\n';
    out += payload;
    out += "\nC\n";
    return out;
}

/// The data queries: !g, !6 (of a number), !a4, !a6 (of a set), !i (members). False when the object is not there.
class irr_query {
public:
    enum class kind : std::uint8_t { none, v4_of_number, v6_of_number, v4_of_set, v6_of_set, members, all_members };

    explicit irr_query(std::string_view line) {
        auto const is = [line](std::string_view prefix) { return line.starts_with(prefix); };
        if (is("!g")) set(kind::v4_of_number, line.substr(2));
        else if (is("!6")) set(kind::v6_of_number, line.substr(2));
        else if (is("!a4")) set(kind::v4_of_set, line.substr(3));
        else if (is("!a6")) set(kind::v6_of_set, line.substr(3));
        else if (is("!i")) {
            auto const all = line.ends_with(",1");
            set(all ? kind::all_members : kind::members, line.substr(2, line.size() - (all ? 4 : 2)));
        }
    }

    [[nodiscard]] kind what() const noexcept { return kind_; }
    [[nodiscard]] std::string_view object() const noexcept { return object_; }

    /// Appends the items, with a space between them.
    bool run(irr_data const& data, std::string& to) const {
        auto const number_of = [](std::string_view text) -> std::uint32_t {
            if (!starts_like(text, "AS")) return 0;
            return static_cast<std::uint32_t>(decimal(text.substr(2), 4294967295).value_or(0));
        };
        auto const list = [&to](auto const& items) {
            for (auto const& item : items) {
                if (!to.empty()) to += ' ';
                to += item;
            }
            return true;
        };
        switch (kind_) {
            case kind::none: return false;
            case kind::v4_of_number: return data.append_prefixes(number_of(object_), false, to);
            case kind::v6_of_number: return data.append_prefixes(number_of(object_), true, to);
            case kind::members:
                if (auto const* members = data.members(object_)) return list(*members);
                return false;
            case kind::all_members:
                if (!data.members(object_)) return false;
                return list(data.expanded(object_));
            case kind::v4_of_set:
            case kind::v6_of_set: {
                if (!data.members(object_)) return false;
                bool const v6 = kind_ == kind::v6_of_set;
                for (auto const& member : data.expanded(object_)) {
                    if (auto const number = number_of(member)) {
                        std::string prefixes;
                        data.append_prefixes(number, v6, prefixes);
                        if (!to.empty() && !prefixes.empty()) to += ' ';
                        to += prefixes;
                    } else if ((member.find(':') != member.npos) == v6) {
                        list(std::initializer_list<std::string_view>{member});
                    }
                }
                return true;
            }
        }
        return false;
    }

private:
    void set(kind what, std::string_view object) { kind_ = what; object_ = object; }

    kind kind_ = kind::none;
    std::string_view object_;
};

/// Answers one line, without its newline, as IRRd does.
[[nodiscard]] inline irr_answer answer_of(std::string_view line, irr_data const& data, irr_faults const& faults) {
    using after = irr_answer::after;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line == "!!") return {};                                       // !!: nothing at all
    if (line == "!q") return {{}, after::close};
    // tells bgpq4 that !a4 is known here
    if (line == "!a") return {"F Missing required set name for A query\n"};
    if (line.starts_with("!n")) return {"C\n"};
    if (line.starts_with("!t")) {
        auto const seconds = decimal(line.substr(2), 1000);
        return {seconds && *seconds >= 1 ? "C\n" : "F Invalid value for timeout\n"};
    }
    if (line == "!v") return {framed("IRRd -- muster embedded responder")};
    if (line == "!s-lc" || line == "!s-*") {
        std::string names;
        for (auto const& name : data.sources()) {
            // one segment of at most 255 bytes
            if (names.size() + name.size() + 1 > 240) break;
            if (!names.empty()) names += ',';
            names += name;
        }
        return {framed(names)};
    }
    if (line.starts_with("!s")) {
        for (auto left = line.substr(2);;) {
            auto const comma = left.find(',');
            if (!data.has_source(left.substr(0, comma))) return {"F One or more selected sources are unavailable.\n"};
            if (comma == left.npos) return {"C\n"};
            left.remove_prefix(comma + 1);
        }
    }

    irr_query const query{line};
    if (query.what() == irr_query::kind::none) return {"F Unrecognized command\n"};
    auto fault = irr_fault::none;
    if (!faults.empty())
        if (auto const found = faults.find(lower(query.object())); found != faults.end()) fault = found->second;
    switch (fault) {
        case irr_fault::silent: return {{}, after::mute};
        case irr_fault::server_error: return {"F Internal error: the registry is not available\n"};
        case irr_fault::several_keys: return {"E\n"};
        case irr_fault::no_data: return {"C\n"};
        case irr_fault::unknown: return {"D\n"};
        case irr_fault::wrong_letter: return {"X what is this\n"};
        default: break;
    }
    std::string payload;
    if (!query.run(data, payload)) return {"D\n"};
    if (fault == irr_fault::bad_prefix) payload.insert(0, payload.empty() ? "300.1.2.0/24" : "300.1.2.0/24 ");
    auto frame = framed(payload, fault == irr_fault::bad_length);
    if (fault == irr_fault::half_answer || fault == irr_fault::close_early) {
        frame.resize(frame.size() / 2);
        return {std::move(frame), fault == irr_fault::half_answer ? after::mute : after::close};
    }
    return {std::move(frame)};
}

}  // namespace muster::bgp::detail
