#pragma once

#include <string>         // describe
#include <string_view>    // the name

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/context.hpp>     // context
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Gives a stage a name: failures, observers and reports say it.
///
/// Order      a place: first in the chain.
/// Lifetime   refers to the characters, usually a literal.
/// Cost       two words written in the context.
struct named {
    using policy_concept = place_tag;

    std::string_view text;

    [[nodiscard]] auto enter(context& cx) const { return cx.change_stage(text); }
    [[nodiscard]] constexpr std::string_view name() const noexcept { return text; }
    [[nodiscard]] std::string describe() const { return "named{" + std::string{text} + "}"; }
    friend constexpr bool operator==(named const&, named const&) noexcept = default;
};

}  // namespace muster
