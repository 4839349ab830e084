#pragma once

#include <algorithm>      // max, min
#include <cstddef>        // size_t
#include <optional>       // a context that may not be needed
#include <type_traits>    // false_type

#include <muster/core/chain.hpp>       // find_policy
#include <muster/core/concepts.hpp>    // executor
#include <muster/core/context.hpp>     // context
#include <muster/core/run_info.hpp>    // run_info
#include <muster/core/settings.hpp>    // settings
#include <muster/core/stage.hpp>       // stage
#include <muster/core/waiter.hpp>      // waiter_ref
#include <muster/os/cpus.hpp>          // granted_cpus
#include <muster/policy/batched.hpp>   // batched
#include <muster/policy/on.hpp>        // on
#include <muster/flow/detail/pace.hpp>    // pace

namespace muster::detail {

template <class P>
struct is_on : std::false_type {};
template <class E>
struct is_on<on<E>> : std::true_type {};
template <class P>
struct is_batched : std::is_same<P, batched> {};

/// The placement of a task: `find_policy` over its chain, null for a bare task.
template <template <class> class Asks, class Task>
constexpr auto placed(Task const&) noexcept { return nullptr; }
template <template <class> class Asks, class Chain, class F>
constexpr auto placed(stage<Chain, F> const& at) noexcept { return find_policy<Asks>(at.policies()); }

/// Decides how a verb runs `items` items: how wide, and why not wider.
template <class Place>
run_info plan_run(Place place, std::size_t items) {
    run_info plan{.items = items};
    if constexpr (!std::is_null_pointer_v<Place>) {
        using reason = sequential_reason;
        auto& where = place->where();
        auto const own = static_cast<std::size_t>(where.width());
        plan.configured = plan.width = own;
        plan.why = items <= 1 ? reason::too_few_items : reason::asked_for;
        if constexpr (requires { where.why_sequential(); })
            if (auto const why = where.why_sequential(); why != reason::none) plan.why = why;

        auto asked = place->asked() ? *place->asked() : width{std::max<std::size_t>(1, own)};
        if (auto const* switches = place->switches()) {
            auto const now = switches->snapshot();
            if (now.parallel_disabled()) {
                plan.width = 1;
                plan.why = reason::disabled;
                return plan;
            }
            asked = now.width_for(asked);
        }
        if (asked.fixed()) {
            plan.configured = *asked.fixed();
        } else {
            plan.cores = granted_cpus();
            plan.configured = asked.rule().cap;
            if constexpr (requires { where.threshold(); }) {    // what it says itself beats the default of the rule
                if (asked.rule().sequential_up_to == automatic{}.sequential_up_to) {
                    auto rule = asked.rule();
                    rule.sequential_up_to = where.threshold();
                    asked = rule;
                }
            }
            if (items <= asked.rule().sequential_up_to) plan.why = reason::too_few_items;
            else if (asked.workers(items, plan.cores) == 1) plan.why = reason::unavailable;
        }
        plan.width = std::min(own, asked.workers(items, plan.cores));
        plan.width = std::min(plan.width, items);
        if (plan.width > 1) {
            plan.why = reason::none;
            if constexpr (requires { where.prepare(plan.width); }) {
                plan.width = where.prepare(plan.width);
                if (plan.width <= 1) plan.why = reason::cannot_start;
            }
        }
        plan.width = std::max<std::size_t>(1, plan.width);
    }
    return plan;
}

/// The context that the items of one chunk are called with: below the verb's own, made when it is first asked for. A loop that
/// asks for none does not pay for it.
template <class Place>
class chunk_context {
public:
    chunk_context(Place place, run_info const& plan, context const& around)
        : place_(place), plan_(plan), around_(around), steps_(around) {}

    /// For a loop that asks for no context: when it is to stop.
    [[nodiscard]] pace& steps() noexcept { return steps_; }
    [[nodiscard]] context& get() {
        if (!made_) made_.emplace(around_, waiting(), plan_);
        return made_->cx;
    }

private:
    struct made {
        context cx;
        context_change<waiter_ref> waits;
        context_change<run_info const*> runs;
        made(context const& around, waiter_ref by, run_info const& plan)
            : cx(context::below(around)), waits(cx.change_waiter(by)), runs(cx.change_run(&plan)) {}
    };

    [[nodiscard]] waiter_ref waiting() const {
        if constexpr (!std::is_null_pointer_v<Place>) {
            using where = std::remove_cvref_t<decltype(place_->where())>;
            if constexpr (has_waiter<where>)
                if (!around_.waiting().rules_time()) return place_->where().waiting();
        }
        return around_.waiting();
    }

    Place place_;
    run_info const& plan_;
    context const& around_;
    pace steps_;
    std::optional<made> made_;
};

/// Calls `body(first, last, chunk)` on ranges that cover [0, n), as `place` says: the loop under every verb over ranges.
///
/// `place` is null or a pointer to the `on` of the stage; `chunk` is a `chunk_context`. `body` does not throw.
template <class Place, class Body>
void run_chunks(Place place, run_info const& plan, std::size_t n, context const& parent, Body const& body) {
    auto const chunk = [&](std::size_t first, std::size_t last) noexcept {
        chunk_context<Place> inside{place, plan, parent};
        body(first, last, inside);
    };
    if constexpr (!std::is_null_pointer_v<Place>) {
        auto& where = place->where();
        constexpr bool in_this_process = !runner<std::remove_cvref_t<decltype(where)>>;
        static_assert(in_this_process, "muster: over a runner there are map and for_each; reduce, scan and graphs run in this process");
        if constexpr (requires { where.bulk_if_worth_it(n, n, chunk); })
            if (plan.width > 1 && place->asked() && place->asked()->is_automatic()) return where.bulk_if_worth_it(n, plan.width, chunk);
        if (plan.width > 1) return where.bulk(n, plan.width, chunk);
    }
    if (n != 0) chunk(0, n);
}

/// The same item by item: `each(i, cx)`, where one context serves all the items of a chunk. `each` looks for a stop itself.
template <class Place, class Each>
void run_each(Place place, run_info const& plan, std::size_t n, context const& parent, Each const& each) {
    run_chunks(place, plan, n, parent, [&](std::size_t first, std::size_t last, auto& chunk) {
        auto& cx = chunk.get();
        for (auto i = first; i != last; ++i) each(i, cx);
    });
}

}  // namespace muster::detail
