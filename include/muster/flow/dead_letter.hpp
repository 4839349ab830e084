#pragma once

#include <chrono>         // system_clock
#include <concepts>       // convertible_to
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // no cause
#include <span>           // encoded bytes
#include <string>         // payload
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // path

#include <muster/core/context.hpp>    // origin
#include <muster/core/failure.hpp>    // cause, failure
#include <muster/core/json.hpp>       // utf8_length
#include <muster/core/outcome.hpp>    // outcome
#include <muster/core/trace_id.hpp>    // trace_id
#include <muster/core/wire.hpp>       // encoded, decoded

namespace muster {

/// How the item of a dead letter is kept.
enum class payload_form : std::uint8_t {
    none,     ///< not at all: nobody had it
    text,     ///< a string that is UTF-8, as it is
    bytes,    ///< any other string
    wire,     ///< any other transportable value, by core/wire.hpp
};

/// What a flow could not do: the item, what went wrong with it, where and when. The same in a file, in a table and in a journal.
///
/// Shape      strings are kept as they are, and can be read and searched; every other transportable value as its bytes on the wire, with
///            the fingerprint of its type, so that no other type takes them for its own.
/// Units      `time` in whole microseconds.
struct dead_letter {
    std::string payload{};
    payload_form form = payload_form::none;
    std::uint64_t fingerprint = 0;    ///< of payload_form::wire
    std::uint64_t whole = 0;          ///< bytes that the payload had; more than it has where it was cut

    std::string stage{};                 ///< empty: the stage had no name
    std::vector<std::size_t> path{};     ///< positions in the verbs around it, outermost first
    std::string source{};                ///< empty: the item came from no durable source; else with the four numbers its origin
    std::uint64_t partition = 0;
    std::uint64_t offset = 0;
    std::uint64_t part = 0;
    std::uint64_t epoch = 0;
    std::string trace{};                 ///< by which logs and spans know the record: `trace_id` of its origin; empty: it has none

    unsigned attempts = 0;
    std::optional<cause> kind{};    ///< which of the causes the code amounts to; none: a code of another sort
    std::string category{};         ///< of the code, its name
    int code = 0;
    std::string text{};
    std::chrono::system_clock::time_point time{};

    /// The record of a failure whose item nobody has any more.
    [[nodiscard]] static dead_letter of(failure const& what, std::chrono::system_clock::time_point when, origin const& from = {});
    /// The record of a failure and its item: a string, or any other value that is transportable.
    template <class Item>
    [[nodiscard]] static dead_letter of(failure const& what, Item const& item, std::chrono::system_clock::time_point when, origin const& from = {});

    /// The item again.
    ///
    /// Fails      cause::invalid_input where it was not kept, was cut, or is of another type.
    template <class T>
    [[nodiscard]] outcome<T> item() const;
    /// The failure again, stamped as it was. Of a category that this process does not know, only what it amounts to is left.
    [[nodiscard]] failure why() const;
    [[nodiscard]] bool cut() const noexcept { return whole > payload.size(); }

    friend bool operator==(dead_letter const&, dead_letter const&) = default;
};

// Implementation

namespace detail {

inline bool is_utf8(std::string_view text) {
    for (std::size_t at = 0, bad = 0; at < text.size();) {
        auto const length = utf8_length(text, at, bad);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

template <class T>
concept like_text = std::convertible_to<T const&, std::string_view>;

inline std::optional<cause> cause_of(failure const& what) {
    for (int number = 1; number <= static_cast<int>(cause::forbidden); ++number)
        if (what.is(static_cast<cause>(number))) return static_cast<cause>(number);
    return std::nullopt;
}

}  // namespace detail

inline dead_letter dead_letter::of(failure const& what, std::chrono::system_clock::time_point when, origin const& from) {
    dead_letter out;
    out.stage = what.stage();
    out.path = what.path();
    out.source = from.source;
    out.partition = from.partition;
    out.offset = from.offset;
    out.part = from.part;
    out.epoch = from.epoch;
    out.trace = trace_id(from);
    out.attempts = what.attempts();
    out.kind = detail::cause_of(what);
    out.category = what.code().category().name();
    out.code = what.code().value();
    out.text = what.text();
    out.time = std::chrono::floor<std::chrono::microseconds>(when);
    return out;
}

template <class Item>
dead_letter dead_letter::of(failure const& what, Item const& item, std::chrono::system_clock::time_point when, origin const& from) {
    auto out = of(what, when, from);
    if constexpr (detail::like_text<Item>) {
        out.payload = std::string_view{item};
        out.form = detail::is_utf8(out.payload) ? payload_form::text : payload_form::bytes;
    } else {
        constexpr bool travels = transportable<Item>;
        static_assert(travels, "muster: this item cannot be kept as a dead letter: let the flow take what owns its data (std::string, "
                               "std::vector, aggregates of such), or specialise muster::wire<T>");
        if constexpr (travels) {
            auto const bytes = encoded(item);
            out.payload.assign(reinterpret_cast<char const*>(bytes.data()), bytes.size());
            out.form = payload_form::wire;
            out.fingerprint = wire_fingerprint<Item>;
        }
    }
    out.whole = out.payload.size();
    return out;
}

template <class T>
outcome<T> dead_letter::item() const {
    auto const refused = [](std::string why) { return failure{cause::invalid_input, "muster: this dead letter " + std::move(why)}; };
    if (form == payload_form::none) return refused("has no item: none was kept");
    if (cut()) return refused("holds " + std::to_string(payload.size()) + " of the " + std::to_string(whole) + " bytes of its item: it was cut");
    bool const is_text = form != payload_form::wire;
    if constexpr (detail::like_text<T>) {
        static_assert(std::constructible_from<T, std::string>, "muster: a dead letter gives its text as a string that owns it");
        if (!is_text) return refused("holds a value, and no text");
        return T(payload);
    } else {
        static_assert(transportable<T>, "muster: a dead letter gives back strings and transportable values");
        if (is_text) return refused("holds a text, and no such value");
        if (fingerprint != wire_fingerprint<T>) return refused("holds a value of another type, or of another version of it");
        return decoded<T>(std::as_bytes(std::span{payload.data(), payload.size()}));
    }
}

inline failure dead_letter::why() const {
    std::error_code is = kind ? make_error_code(*kind) : make_error_code(cause::threw);
    auto said = text;
    if (category == std::generic_category().name()) is = {code, std::generic_category()};
    else if (category == std::system_category().name()) is = {code, std::system_category()};
    else if (auto const* known = travelling_category::named(category)) is = {code, *known};
    else if (category != cause_category().name()) said = category + ": " + std::to_string(code) + ": " + said;
    failure what{is, std::move(said)};
    what.stamp(stage, path, attempts);
    what.leave(path);
    return what;
}

}  // namespace muster
