#pragma once

#include <charconv>       // to_chars
#include <chrono>         // durations, as seconds
#include <cmath>          // isfinite
#include <concepts>       // integral
#include <cstddef>        // size_t
#include <iterator>       // begin, end
#include <optional>       // null where empty
#include <string>         // string
#include <string_view>    // string_view
#include <type_traits>    // is_arithmetic

namespace muster {

class json_writer;

namespace detail {

template <class T>
concept json_member = requires(T const& value, json_writer& to) { value.write_json(to); };
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class T>
concept json_range = requires(T const& items) { std::begin(items) != std::end(items); };

// How many bytes at `at` are one well-formed UTF-8 character; 0 where none starts, `bad` then counts what to replace
// by one mark.
inline std::size_t utf8_length(std::string_view text, std::size_t at, std::size_t& bad) {
    auto const byte = [&](std::size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    auto const lead = byte(0);
    bad = 1;
    if (lead < 0x80) return 1;
    std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4) return 0;    // a continuation, an overlong two-byte form, past U+10FFFF
    unsigned low = 0x80, high = 0xbf;                         // what the second byte may be
    if (lead == 0xe0) low = 0xa0;                             // else overlong
    if (lead == 0xed) high = 0x9f;                            // else a surrogate
    if (lead == 0xf0) low = 0x90;                             // else overlong
    if (lead == 0xf4) high = 0x8f;                            // else past U+10FFFF
    for (std::size_t i = 1; i < length; ++i, low = 0x80, high = 0xbf) {
        if (byte(i) < low || byte(i) > high) return 0;
        bad = i + 1;
    }
    return length;
}

}  // namespace detail

/// `text` as a JSON string, in quotes.
///
/// Shape      control characters, quotes and backslashes escaped; bytes that are no UTF-8 become U+FFFD, so the
///            result is UTF-8.
/// Source     RFC 8259, section 7; replacement by maximal subparts, Unicode 15 section 3.9.
[[nodiscard]] std::string json_text(std::string_view text);

/// Writes JSON into a string, for reports: it writes and does not read.
///
/// `out.object([&] { out.member("items", 3).member("rows", rows); })`: brackets and commas cannot be forgotten.
///
/// Shape      compact, or indented; members in the order in which they are written.
/// Units      durations are written as seconds.
/// Fails      never; what JSON cannot say (NaN, an infinity, an empty optional) is null.
/// Lifetime   refers to the string.
class json_writer {
public:
    /// `indent`  0: on one line; else that many spaces a level.
    explicit json_writer(std::string& into, std::size_t indent = 0) : into_(into), indent_(indent) {}
    json_writer(json_writer const&) = delete;

    /// `{...}`; `body()` writes members.
    template <std::invocable Body>
    json_writer& object(Body&& body) { return nested('{', '}', body); }
    /// `[...]`; `body()` writes values.
    template <std::invocable Body>
    json_writer& array(Body&& body) { return nested('[', ']', body); }

    /// `"key": value`; a callable as value writes it.
    template <class T>
    json_writer& member(std::string_view key, T const& value);

    /// null, a boolean, a number, a text, a duration, an optional, a range, a callable that writes it, or anything
    /// with a member `write_json(json_writer&)`.
    template <class T>
    json_writer& value(T const& what);

private:
    template <class Body>
    json_writer& nested(char open, char close, Body&& body);
    void separate();
    void new_line() {
        if (indent_ != 0) into_.append(1, '\n').append(indent_ * depth_, ' ');
    }
    template <class T>
    void number(T what) {
        char digits[64];
        auto const end = std::to_chars(digits, digits + sizeof digits, what).ptr;
        into_.append(digits, end);
    }

    std::string& into_;
    std::size_t indent_;
    std::size_t depth_ = 0;
    bool first_ = true;        // the next value is the first at this depth
    bool has_key_ = false;     // the next value belongs to a key, which has separated it
};

// Implementation

inline std::string json_text(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    for (std::size_t at = 0, bad = 0; at < text.size();) {
        auto const length = detail::utf8_length(text, at, bad);
        if (length == 0) {
            out += "\xef\xbf\xbd";
            at += bad;
            continue;
        }
        char const c = text[at];
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (auto const code = static_cast<unsigned char>(c); code < 0x20 || code == 0x7f)
                    out.append("\\u00") += {hex[code >> 4], hex[code & 15]};
                else out.append(text, at, length);
        }
        at += length;
    }
    return out += '"';
}

inline void json_writer::separate() {
    if (has_key_) {
        has_key_ = false;
        return;
    }
    if (!first_) into_ += ',';
    if (depth_ != 0) new_line();
    first_ = false;
}

template <class Body>
json_writer& json_writer::nested(char open, char close, Body&& body) {
    separate();
    into_ += open;
    ++depth_;
    first_ = true;
    body();
    --depth_;
    if (!first_) new_line();
    into_ += close;
    first_ = false;
    return *this;
}

template <class T>
json_writer& json_writer::member(std::string_view key, T const& what) {
    separate();
    into_ += json_text(key);
    into_ += indent_ == 0 ? ":" : ": ";
    has_key_ = true;
    return value(what);
}

template <class T>
json_writer& json_writer::value(T const& what) {
    if constexpr (detail::json_member<T>) {
        what.write_json(*this);
    } else if constexpr (std::invocable<T const&>) {
        what();
    } else if constexpr (std::is_null_pointer_v<T>) {
        separate();
        into_ += "null";
    } else if constexpr (std::convertible_to<T const&, std::string_view>) {
        separate();
        into_ += json_text(what);
    } else if constexpr (detail::is_optional<T>) {
        if (what) value(*what);
        else value(nullptr);
    } else if constexpr (detail::is_duration<T>) {
        value(std::chrono::duration<double>{what}.count());
    } else if constexpr (detail::json_range<T>) {
        array([&] { for (auto const& each : what) value(each); });
    } else {
        static_assert(std::is_arithmetic_v<T>,
                      "muster: json_writer writes null, booleans, numbers, texts, durations, optionals, ranges, and "
                      "what has write_json(json_writer&)");
        separate();
        if constexpr (std::same_as<T, bool>) into_ += what ? "true" : "false";
        else if constexpr (std::floating_point<T>) {
            if (std::isfinite(what)) number(what);
            else into_ += "null";
        } else if constexpr (sizeof(T) == 1) number(static_cast<int>(what));    // a char type is a number here
        else number(what);
    }
    return *this;
}

}  // namespace muster
