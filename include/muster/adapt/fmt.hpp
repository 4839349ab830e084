#pragma once

#include <concepts>       // derived_from
#include <string>         // string
#include <string_view>    // string_view

#include <fmt/format.h>    // formatter

#include <muster/core/describe.hpp>            // describe
#include <muster/core/failure.hpp>             // failure, cause
#include <muster/core/outcome.hpp>             // outcome
#include <muster/core/run_info.hpp>            // sequential_reason

// fmt formatters: causes and failures by their text, outcomes by their value or failure, and policies, chains, stages
// and pipelines as they were written. `fmt::print("{}: {}\n", path, digests[i])`.

namespace muster::detail {

// Formats as a text; fill, width and precision are those of a string.
struct text_formatter : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto as_text(std::string_view text, Context& into) const {
        return fmt::formatter<fmt::string_view>::format(fmt::string_view{text.data(), text.size()}, into);
    }
};

template <class T>
concept describable = policy<T> || is_chain<T> || is_stage<T> || is_pipeline<T>;

}  // namespace muster::detail

template <>
struct fmt::formatter<muster::cause> : muster::detail::text_formatter {
    template <class Context>
    auto format(muster::cause which, Context& into) const { return as_text(muster::name_of(which), into); }
};

template <>
struct fmt::formatter<muster::sequential_reason> : muster::detail::text_formatter {
    template <class Context>
    auto format(muster::sequential_reason why, Context& into) const { return as_text(muster::name_of(why), into); }
};

/// As `to_string`: where it happened and what.
template <>
struct fmt::formatter<muster::failure> : muster::detail::text_formatter {
    template <class Context>
    auto format(muster::failure const& what, Context& into) const { return as_text(to_string(what), into); }
};

/// The value, in the format that is asked for, or the failure in brackets: `{:>8.2f}` writes `    3.14` or
/// `[timed out: 2 s]`.
template <class T>
    requires fmt::is_formattable<T>::value
struct fmt::formatter<muster::outcome<T>> : fmt::formatter<T> {
    template <class Context>
    auto format(muster::outcome<T> const& what, Context& into) const -> decltype(into.out()) {
        if (what.has_value()) return fmt::formatter<T>::format(*what, into);
        return fmt::format_to(into.out(), "[{}]", what.error());
    }
};

/// "done", or the failure in brackets.
template <>
struct fmt::formatter<muster::outcome<void>> : muster::detail::text_formatter {
    template <class Context>
    auto format(muster::outcome<void> const& what, Context& into) const {
        return as_text(what.has_value() ? "done" : '[' + to_string(what.error()) + ']', into);
    }
};

/// As `describe`: `named{parse} | retry{attempts 4, delay 200ms} | task`.
template <muster::detail::describable T>
struct fmt::formatter<T> : muster::detail::text_formatter {
    template <class Context>
    auto format(T const& what, Context& into) const { return as_text(muster::describe(what), into); }
};
