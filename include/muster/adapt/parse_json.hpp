#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <new>            // bad_alloc
#include <optional>       // what went wrong
#include <string>         // keys
#include <string_view>    // text
#include <utility>        // move
#include <vector>         // open values

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/detail/json_place.hpp>    // cut_and_quoted, json_place
#include <muster/core/bytes.hpp>                 // MiB
#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/outcome.hpp>               // outcome

namespace muster {

/// What one JSON text is bounded by.
struct json_limits {
    std::size_t max_bytes = 1 * MiB;    ///< 1 MiB; values take up to 40 times as much memory
    std::size_t max_depth = 64;         ///< of arrays and objects in each other
    friend bool operator==(json_limits const&, json_limits const&) = default;
};

/// Reads one JSON text that nobody trusts, all of it and nothing else.
///
/// Shape      numbers without fraction and exponent are integers while they fit in 64 bits. A mark of byte order before the text is no part of it.
/// Fails      cause::exhausted for `json_limits`; invalid_input for no JSON, with the byte and what was seen there, for bytes that are
///            no UTF-8, lone surrogates, numbers that no double holds, and for two members of one name in an object, with its place
///            as a JSON pointer; out_of_memory.
/// Threads    any number.
/// Cost       one pass, without recursion.
/// Source     RFC 8259; places: RFC 6901.
[[nodiscard]] outcome<nlohmann::json> parse_json(std::string_view text, json_limits limits = {});

// Implementation

namespace detail {

// Builds the value from what the parser tells, and stops it where a rule is broken.
class json_builder {
public:
    using json = nlohmann::json;

    explicit json_builder(std::size_t max_depth) : max_depth_(max_depth) {}

    bool null() { return put(nullptr); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(std::int64_t value) { return put(value); }
    bool number_unsigned(std::uint64_t value) { return put(value); }
    bool number_float(double value, std::string const&) { return put(value); }
    bool string(std::string& value) { return put(std::move(value)); }
    bool binary(json::binary_t&) { return false; }    // no JSON text has it
    bool start_object(std::size_t) { return open(json::object()); }
    bool start_array(std::size_t) { return open(json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        auto& object = *open_.back();
        if (object.contains(name))
            return refuse({cause::invalid_input, place() + ": the object has two members " + cut_and_quoted(name)});
        key_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, std::string const&, json::exception const& what) {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - ..."
        std::string_view said = what.what();
        if (auto const end = said.find("] "); end != said.npos) said.remove_prefix(end + 2);
        if (auto const end = said.find(": "); said.starts_with("parse error at") && end != said.npos) said.remove_prefix(end + 2);
        return refuse({cause::invalid_input, "no JSON: at byte " + std::to_string(position) + ": " + cleaned(said)});
    }

    [[nodiscard]] outcome<json> take() && {
        if (why_) return std::move(*why_);
        return std::move(root_);
    }

private:
    bool refuse(failure why) {
        if (!why_) why_ = std::move(why);
        return false;
    }
    json& add(json value) {
        if (open_.empty()) return root_ = std::move(value);
        auto& into = *open_.back();
        if (into.is_array()) return into.emplace_back(std::move(value));
        return into[key_] = std::move(value);
    }
    bool put(json value) { return add(std::move(value)), true; }
    bool open(json value) {
        if (open_.size() == max_depth_)
            return refuse({cause::exhausted, place() + ": values stand deeper than " + std::to_string(max_depth_) + " levels"});
        open_.push_back(&add(std::move(value)));    // it stays there until it is closed: what holds it grows only then
        return true;
    }
    bool close() { return open_.pop_back(), true; }
    std::string place() const {
        std::string out;
        json const* at = &root_;
        for (std::size_t i = 1; i < open_.size(); ++i) {
            out += '/';
            if (at->is_array()) out += std::to_string(at->size() - 1);
            else
                for (auto const& member : at->items())
                    if (&member.value() == open_[i]) out += pointer_part(member.key());
            at = open_[i];
        }
        return json_place(out);
    }

    std::size_t max_depth_;
    json root_;
    std::vector<json*> open_;
    std::string key_;
    std::optional<failure> why_;
};

}  // namespace detail

inline outcome<nlohmann::json> parse_json(std::string_view text, json_limits limits) {
    if (text.size() > limits.max_bytes)
        return failure{cause::exhausted, "the JSON text has " + std::to_string(text.size()) + " bytes, more than " + std::to_string(limits.max_bytes)};
    // The parser takes one for the end.
    if (auto const zero = text.find('\0'); zero != text.npos)
        return failure{cause::invalid_input, "no JSON: at byte " + std::to_string(zero + 1) + ": a zero byte"};
    try {
        detail::json_builder builder{limits.max_depth};
        nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
        return std::move(builder).take();
    } catch (std::bad_alloc const&) {
        return failure{cause::out_of_memory, "no memory is left for a JSON text of " + std::to_string(text.size()) + " bytes"};
    }
}

}  // namespace muster
