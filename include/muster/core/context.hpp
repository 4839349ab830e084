#pragma once

#include <algorithm>      // min
#include <atomic>         // retries
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <stop_token>     // stop_token, stop_callback
#include <string>         // text of an interruption
#include <string_view>    // stage name
#include <vector>         // path

#include <muster/core/failure.hpp>    // failure
#include <muster/core/outcome.hpp>    // outcome
#include <muster/core/waiter.hpp>     // waiter_ref, instant

namespace muster {

struct run_info;    // core/run_info.hpp: how the verb that this call belongs to runs

/// Where an item of a stream came from; together the idempotency key of what is done with it.
struct origin {
    std::string_view source{};       ///< name of the source; empty outside streams
    std::uint64_t partition = 0;
    std::uint64_t offset = 0;
    std::uint64_t part = 0;          ///< which of the items that one source record became
    std::uint64_t epoch = 0;         ///< start of the run, to fence off older ones
    friend bool operator==(origin const&, origin const&) = default;
};

/// Restores one thing that a policy changed in a context, at the end of the policy's scope.
template <class T>
class [[nodiscard]] context_change {
public:
    context_change(T& where, T value) : where_(where), before_(std::move(where)) { where = std::move(value); }
    context_change(context_change const&) = delete;
    ~context_change() { where_ = std::move(before_); }

private:
    T& where_;
    T before_;
};

/// What one call knows: whether to stop, until when it may run, which attempt and item it is, how to wait.
///
/// Default    no stop, no deadline, attempt 1, real time.
/// Threads    one call, one context: never shared between calls that run at the same time. A verb makes them.
/// Lifetime   a context made `below` another refers to it, and must not outlive it.
class context {
public:
    context() = default;
    explicit context(std::stop_token stop) : stop_(std::move(stop)) {}
    explicit context(waiter_ref by) : waiter_(by) {}
    context(std::stop_token stop, waiter_ref by) : stop_(std::move(stop)), waiter_(by) {}

    /// A context for nested calls: inherits stop, deadline, waiter, stage and path, starts again at attempt 1.
    [[nodiscard]] static context below(context const& parent);

    // What a task asks

    /// True when the run was asked to stop or the deadline has passed. The clock is read only where a deadline is set.
    [[nodiscard]] bool stop_requested() const { return stopped() || expired(); }
    /// The stop alone: the run's, or one that the waiter has heard of.
    [[nodiscard]] bool stopped() const { return stop_.stop_requested() || waiter_.stopped(); }
    /// True when `stop_requested` may ever be.
    [[nodiscard]] bool may_stop() const noexcept { return stop_.stop_possible() || deadline_ != never || waiter_.may_stop(); }
    [[nodiscard]] std::stop_token const& stop() const noexcept { return stop_; }
    [[nodiscard]] instant deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool expired() const { return deadline_ != never && now() >= deadline_; }
    [[nodiscard]] instant now() const { return waiter_.now(); }
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
    /// Position of the item in the innermost verb; 0 outside verbs.
    [[nodiscard]] std::size_t index() const noexcept;
    /// Positions from the outermost verb to the innermost.
    [[nodiscard]] std::vector<std::size_t> path() const;
    /// How many verbs are around this call.
    [[nodiscard]] std::size_t depth() const noexcept;
    [[nodiscard]] std::string_view stage() const noexcept { return stage_; }
    [[nodiscard]] origin const& from() const noexcept { return origin_; }
    /// How the verb around this call runs; null outside verbs.
    [[nodiscard]] run_info const* run() const noexcept { return run_; }

    // How a task, gate or policy waits

    enum class wait_end { woken, elapsed, stopped, expired };

    /// Waits at `point` until it is woken, `until` comes, the deadline passes or the run is asked to stop.
    wait_end wait(wait_point& point, instant until = never) const;
    /// Waits that long; fails with cause::cancelled or cause::timed_out when it was cut short.
    outcome<void> pause(std::chrono::nanoseconds how_long) const;
    /// The failure that fits a wait that ended early, or the reason why `stop_requested()` is true.
    [[nodiscard]] failure interruption() const;

    // What policies and verbs change; each returns a guard that puts the old value back

    auto change_deadline(instant when) { return context_change<instant>{deadline_, when}; }
    auto change_attempt(unsigned number) { return context_change<unsigned>{attempt_, number}; }
    auto change_stage(std::string_view name) { return context_change<std::string_view>{stage_, name}; }
    auto change_stop(std::stop_token stop) { return context_change<std::stop_token>{stop_, std::move(stop)}; }
    auto change_waiter(waiter_ref by) { return context_change<waiter_ref>{waiter_, by}; }
    auto change_origin(origin where) { return context_change<origin>{origin_, where}; }
    auto change_run(run_info const* info) { return context_change<run_info const*>{run_, info}; }

    [[nodiscard]] waiter_ref waiting() const noexcept { return waiter_; }
    /// For verbs: the item that the next call is about.
    void item(std::size_t index) noexcept { index_ = index; has_index_ = true; attempt_ = 1; }
    /// For verbs: the next call is about several items, or none.
    void no_item() noexcept { has_index_ = false; attempt_ = 1; }
    /// For the library: completes a failure with what this context knows.
    void stamp(failure& what) const { what.stamp(stage_, path(), attempt_); }
    /// For policies: the failure of an attempt that never came as far as the task.
    [[nodiscard]] failure not_run(failure what) const {
        what.stamp(stage_, path(), attempt_ == 0 ? 0 : attempt_ - 1);
        return what;
    }

    /// For verbs: where the retries of calls below are counted from now on; null: nowhere. It outlives those calls.
    void count_retries(std::atomic<std::uint64_t>* where) noexcept { retries_ = where; }
    /// For policies: an item is called once more.
    void note_retry() const noexcept {
        if (retries_) retries_->fetch_add(1, std::memory_order_relaxed);    // relaxed: a number alone
    }

    /// For caches: the single flights that this call leads, so that it never waits for itself. Innermost first.
    struct flight {
        void const* owner = nullptr;
        void const* key = nullptr;
        flight const* outer = nullptr;
    };
    [[nodiscard]] flight const* flights() const noexcept { return flights_; }
    auto change_flights(flight const* innermost) { return context_change<flight const*>{flights_, innermost}; }

private:
    std::stop_token stop_;
    instant deadline_ = never;
    waiter_ref waiter_;
    std::string_view stage_;
    origin origin_;
    context const* parent_ = nullptr;
    run_info const* run_ = nullptr;
    flight const* flights_ = nullptr;
    std::atomic<std::uint64_t>* retries_ = nullptr;
    std::size_t index_ = 0;
    unsigned attempt_ = 1;
    bool has_index_ = false;
};

// Implementation

inline context context::below(context const& parent) {
    context child{parent.stop_, parent.waiter_};
    child.deadline_ = parent.deadline_;
    child.stage_ = parent.stage_;
    child.origin_ = parent.origin_;
    child.flights_ = parent.flights_;
    child.run_ = parent.run_;
    child.retries_ = parent.retries_;
    child.parent_ = &parent;
    return child;
}

inline std::size_t context::index() const noexcept {
    for (auto const* at = this; at; at = at->parent_)
        if (at->has_index_) return at->index_;
    return 0;
}

inline std::vector<std::size_t> context::path() const {
    std::vector<std::size_t> out(depth());
    auto place = out.size();
    for (auto const* at = this; at; at = at->parent_)
        if (at->has_index_) out[--place] = at->index_;
    return out;
}

inline std::size_t context::depth() const noexcept {
    std::size_t count = 0;
    for (auto const* at = this; at; at = at->parent_) count += at->has_index_;
    return count;
}

inline context::wait_end context::wait(wait_point& point, instant until) const {
    // A stop interrupts the wait; the callback is gone before `point` can be.
    auto const waited = [&] {
        auto const interrupt = [&point] { point.interrupt(); };
        std::stop_callback const on_stop(stop_, interrupt);
        return waiter_.wait_until(point, std::min(until, deadline_));
    }();
    if (stop_.stop_possible()) point.resume();
    if (waited) return wait_end::woken;
    if (stopped()) return wait_end::stopped;
    return until <= deadline_ ? wait_end::elapsed : wait_end::expired;
}

inline outcome<void> context::pause(std::chrono::nanoseconds how_long) const {
    if (how_long <= how_long.zero()) return {};
    wait_point nobody;
    auto const end = wait(nobody, later(now(), how_long));
    if (end == wait_end::elapsed || end == wait_end::woken) return {};
    return interruption();
}

inline failure context::interruption() const {
    if (stopped()) return {cause::cancelled, "the run was asked to stop"};
    return {cause::timed_out, "the deadline passed"};
}

}  // namespace muster
