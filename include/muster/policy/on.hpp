#pragma once

#include <string>    // describe

#include <muster/core/concepts.hpp>    // executor, place_tag
#include <muster/core/settings.hpp>    // settings
#include <muster/core/stage.hpp>       // operator|
#include <muster/core/width.hpp>       // width

namespace muster {

/// Says where a verb runs its items, and how many at once.
///
/// Order      a place: first in the chain. Verbs read it; a stage called as a function runs on the caller's thread.
/// Default    as wide as the executor. `on{pool, 4}` fixes a number; `on{pool, automatic{}}` lets the rule decide: one or
///            two items inline, else min(cores, cap, items), and a batch that is over before a thread wakes stays inline, too. `on{pool, 4, switches}` obeys the switches of the settings, also
///            when they change while the program runs: from the next verb on.
/// Lifetime   refers to the executor and the settings, which must outlive every stage made from this policy.
/// Cost       read once a run.
template <class E>
class on {
    static_assert(detail::is_executor<E> || detail::is_runner<E>,
                  "muster: on names an executor, which has width(), bulk(n, width, body) and post(job), or a runner");

public:
    using policy_concept = place_tag;

    explicit constexpr on(E& where) noexcept : where_(&where) {}
    explicit on(E&&) = delete;    // a temporary would be gone before the first call
    constexpr on(E& where, width how_wide) noexcept : where_(&where), width_(how_wide), asked_(true) {}
    constexpr on(E& where, width how_wide, settings const& switches) noexcept
        : where_(&where), width_(how_wide), asked_(true), switches_(&switches) {}

    [[nodiscard]] constexpr E& where() const noexcept { return *where_; }
    /// The width that it fixes or leaves to the rule; null: the executor's own.
    [[nodiscard]] constexpr width const* asked() const noexcept { return asked_ ? &width_ : nullptr; }
    [[nodiscard]] constexpr settings const* switches() const noexcept { return switches_; }

    [[nodiscard]] std::string describe() const {
        if (!asked_) return "on";
        return width_.fixed() ? "on{" + std::to_string(*width_.fixed()) + "}" : "on{automatic}";
    }
    friend constexpr bool operator==(on const&, on const&) noexcept = default;

private:
    E* where_;
    width width_;
    bool asked_ = false;
    settings const* switches_ = nullptr;
};

}  // namespace muster
