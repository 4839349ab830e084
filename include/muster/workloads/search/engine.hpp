#pragma once

#include <concepts>       // same_as
#include <cstdint>        // uint32_t
#include <functional>     // engine_maker
#include <memory>         // shared_ptr
#include <span>           // patterns
#include <string>         // patterns
#include <string_view>    // text
#include <utility>        // move
#include <vector>         // candidates

#include <muster/core/outcome.hpp>    // outcome

namespace muster::searching {

/// A regex as engines take it; its meaning is that of `rule::regex`.
struct line_pattern {
    std::string regex{};
    bool ignore_case = false;
    friend bool operator==(line_pattern const&, line_pattern const&) = default;
};

/// A line on which a pattern may match.
struct candidate {
    std::uint32_t pattern = 0;    ///< its index
    std::uint32_t at = 0;         ///< the offset of any byte of the line, its line end included
    friend bool operator==(candidate const&, candidate const&) = default;
};

/// Finds the lines of a text that are worth a closer look: all on which one of its patterns matches, and perhaps some more.
///
/// Shape      the text is whole lines, each ended by LF but perhaps the last, less than 4 GiB. Candidates come in any order, and may come twice.
///            `alone()` are the patterns that it does not look for, which must be tried on every line; sorted.
/// Fails      as a whole: a text that was not looked through to its end gives no candidates that can be used.
/// Threads    any number: const.
template <class E>
concept line_engine = requires(E const& by, std::string_view text, std::vector<candidate>& into) {
    { by.scan(text, into) } -> std::same_as<outcome<void>>;                          // appends
    { by.alone() } -> std::convertible_to<std::span<std::uint32_t const>>;
    { by.name() } -> std::convertible_to<std::string_view>;                          // for reports: "hyperscan"
};

/// Any line_engine, made for a set of patterns.
///
/// Lifetime   copies share the engine.
/// Cost       one indirect call a text.
class engine {
public:
    template <line_engine E>
        requires(!std::same_as<E, engine>)
    explicit engine(E by) : by_(std::make_shared<held<E>>(std::move(by))) {}

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const { return by_->scan(text, into); }
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return by_->alone(); }
    [[nodiscard]] std::string_view name() const noexcept { return by_->name(); }

private:
    struct any {
        virtual ~any() = default;
        virtual outcome<void> scan(std::string_view, std::vector<candidate>&) const = 0;
        virtual std::span<std::uint32_t const> alone() const noexcept = 0;
        virtual std::string_view name() const noexcept = 0;
    };
    template <class E>
    struct held final : any {
        explicit held(E what) : by(std::move(what)) {}
        outcome<void> scan(std::string_view text, std::vector<candidate>& into) const override { return by.scan(text, into); }
        std::span<std::uint32_t const> alone() const noexcept override { return by.alone(); }
        std::string_view name() const noexcept override { return by.name(); }
        E by;
    };
    std::shared_ptr<any const> by_;
};

static_assert(line_engine<engine>);

/// Makes an engine for patterns, or says why it cannot: not on this processor, not with this version of the library.
using engine_maker = std::function<outcome<engine>(std::span<line_pattern const>)>;

}  // namespace muster::searching
