#pragma once

#include <algorithm>      // min
#include <atomic>         // counters of nodes
#include <cstddef>        // size_t
#include <memory>         // shared_ptr, unique_ptr
#include <mutex>          // mutex
#include <string>         // why a node did not run
#include <type_traits>    // is_null_pointer
#include <utility>        // move
#include <vector>         // ready nodes

#include <muster/core/concepts.hpp>              // has_waiter
#include <muster/core/context.hpp>               // context
#include <muster/core/failure.hpp>               // failure
#include <muster/core/invoke_task.hpp>           // guarded
#include <muster/core/run_info.hpp>              // run_info
#include <muster/core/waiter.hpp>                // wait_point, waiter_ref
#include <muster/flow/detail/graph_shape.hpp>    // graph_shape, graph_values
#include <muster/flow/graph_result.hpp>          // node_report

// One run of a graph. Ready nodes stand in a line; the caller and its helpers take them from there until it is empty.
//
// A helper is a job that was posted to the executor. It takes what is ready and leaves when nothing is: it never waits, so it
// never keeps a thread from other work. Whoever makes more nodes ready than it goes on with itself wakes the caller, should it
// wait, and posts as many helpers as there are nodes for, up to the width.
//
// The caller alone waits, and only while helpers hold the nodes that are left. A node is held by a thread that runs it, or it
// stands in the line, where the caller takes it if nobody else does: so a run needs no thread but its caller's. It never waits
// for a helper that has not come; that one finds the door closed, and touches nothing else of the run.

namespace muster::detail {

/// What a run shares with its helpers. It alone outlives the run, when the executor comes to a helper late.
struct graph_door {
    std::mutex mutex;
    wait_point caller;               // where the caller waits
    bool caller_waits = false;
    bool closed = false;             // the run is over
    std::size_t called = 0;          // helpers that were posted and have not come
    std::size_t inside = 0;          // helpers at work
};

template <class Place>
class graph_run {
public:
    graph_run(Place place, graph_shape const& shape, graph_values& values, std::vector<node_report>& reports, context const& parent,
              run_info const& info)
        : place_(place), shape_(shape), values_(values), reports_(reports), parent_(parent), info_(info),
          waiter_(calls_wait_by()), start_(waiter_.now()), ready_(shape.tasks.size()),
          missing_(std::make_unique<std::atomic<std::size_t>[]>(shape.tasks.size())), door_(std::make_shared<graph_door>()) {}
    graph_run(graph_run const&) = delete;

    /// Runs all nodes; returns when they have ended and no thread is in the run any more. Gives how long it took.
    std::chrono::nanoseconds run() noexcept {
        for (std::size_t i = 0; i < shape_.tasks.size(); ++i) {
            auto const count = shape_.before.of(i).size();
            missing_[i].store(count, std::memory_order_relaxed);    // relaxed: the mutex hands them to the helpers
            if (count == 0) ready_[tail_++] = i;
        }
        std::unique_lock lock(door_->mutex);
        for (;;) {
            work_off(lock);
            if (door_->inside == 0) break;
            door_->caller.reset();
            door_->caller_waits = true;
            lock.unlock();
            caller_waits_by().wait_until(door_->caller, never);    // not bounded by the deadline: helpers refer to this frame
            lock.lock();
        }
        door_->closed = true;
        return waiter_.now() - start_;
    }

private:
    static constexpr bool alone = std::is_null_pointer_v<Place>;
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

    // As the threads of the executor wait, where they have a way of their own.
    [[nodiscard]] waiter_ref executor_waits_by() const {
        if constexpr (!alone)
            if constexpr (has_waiter<std::remove_cvref_t<decltype(place_->where())>>) return place_->where().waiting();
        return parent_.waiting();
    }
    [[nodiscard]] waiter_ref calls_wait_by() const {
        return parent_.waiting().rules_time() ? parent_.waiting() : executor_waits_by();
    }
    // The caller's wait has no end to wait for: whoever rules the time need not know of it.
    [[nodiscard]] waiter_ref caller_waits_by() const {
        auto const by = executor_waits_by();
        return by.rules_time() ? waiter_ref{} : by;
    }

    // Takes nodes until none is ready; with the lock before and after.
    void work_off(std::unique_lock<std::mutex>& lock) noexcept {
        if (head_ == tail_) return;
        context cx = context::below(parent_);
        auto const run = cx.change_run(&info_);
        auto const waits = cx.change_waiter(waiter_);
        while (head_ != tail_) {
            auto node = ready_[head_++];
            call_others(lock);
            while (node != nobody) node = run_node(node, cx);
            lock.lock();
        }
    }

    // Sees to it that ready nodes find somebody; gives the lock back.
    void call_others(std::unique_lock<std::mutex>& lock) noexcept {
        auto& door = *door_;
        auto left = tail_ - head_;
        auto const wakes = left != 0 && door.caller_waits;
        if (wakes) {
            door.caller_waits = false;
            --left;
        }
        auto const posts = std::min(left, info_.width - 1 - door.called - door.inside);    // a place is the caller's
        door.called += posts;
        lock.unlock();
        if (wakes) door.caller.wake();
        if constexpr (!alone)
            if (posts != 0) post(posts);
    }

    // A helper that the executor refuses is done without: the nodes stay where the others find them.
    void post(std::size_t helpers) noexcept {
        for (; helpers != 0; --helpers) {
            auto const posted = guarded<outcome<void>>([&]() -> outcome<void> {
                place_->where().post([door = door_, of = this]() noexcept { help(*door, of); });
                return {};
            });
            if (posted) continue;
            std::lock_guard lock(door_->mutex);
            door_->called -= helpers;
            return;
        }
    }

    static void help(graph_door& door, graph_run* of) noexcept {
        std::unique_lock lock(door.mutex);
        --door.called;
        if (door.closed) return;    // `of` is gone
        ++door.inside;
        of->work_off(lock);
        if (--door.inside != 0 || !door.caller_waits) return;
        door.caller_waits = false;
        lock.unlock();
        door.caller.wake();    // from here on the run may be gone, the door may not
    }

    // Runs one node, and gives one that this made ready, to go on with; the others are for whoever comes.
    std::size_t run_node(std::size_t me, context& cx) noexcept {
        end_node(me, cx);
        auto next = nobody;
        std::unique_lock lock(door_->mutex, std::defer_lock);
        for (auto const after : shape_.after.of(me)) {
            // acq_rel: pairs with the same step of the other nodes before it; who takes the last one sees what they all answered
            if (missing_[after].fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
            if (next == nobody) {
                next = after;
                continue;
            }
            if (!lock.owns_lock()) lock.lock();
            ready_[tail_++] = after;
        }
        if (lock.owns_lock()) call_others(lock);
        return next;
    }

    void end_node(std::size_t me, context& cx) noexcept {
        auto const& task = *shape_.tasks[me];
        auto& report = reports_[me];
        auto const named = cx.change_stage(task.name);
        cx.item(me);
        report.because = decided_by(me);
        auto const& by = reports_[report.because];
        if (report.because != me && by.state != node_state::stopped) {
            report.state = node_state::upstream_failed;
            refuse(me, cx, upstream_failure(*values_[report.because]->error(), by.name));
        } else if (report.because != me || cx.stop_requested()) {
            report.state = node_state::stopped;
            refuse(me, cx, cx.interruption());
        } else {
            auto const began = cx.now();
            task.call(values_, me, cx);
            report.took = cx.now() - began;
            report.began = began - start_;
            report.state = values_[me]->error() ? node_state::failed : node_state::done;
        }
    }

    // The node that decides how this one ends: itself, or the one for which the first of those before it is not done.
    [[nodiscard]] std::size_t decided_by(std::size_t me) const noexcept {
        for (auto const before : shape_.before.of(me))
            if (reports_[before].state != node_state::done) return reports_[before].because;
        return me;
    }

    // As the failure that it comes from, so that it is judged alike; only that it says of whom.
    static failure upstream_failure(failure const& of, std::string_view name) {
        failure out{of.code(), "not run: \"" + std::string{name} + "\" failed" + (of.text().empty() ? "" : ": " + of.text())};
        if (of.exception()) out.exception(of.exception());
        if (auto const wait = of.retry_after()) out.retry_after(*wait);
        if (auto const code = of.exit_code()) out.exit_code(*code);
        if (auto const number = of.signal()) out.signal(*number);
        return out;
    }

    void refuse(std::size_t me, context& cx, failure why) const {
        auto const not_run = cx.change_attempt(0);
        cx.stamp(why);
        why.leave(cx.path());
        values_[me]->fail(std::move(why));
    }

    Place const place_;
    graph_shape const& shape_;
    graph_values& values_;
    std::vector<node_report>& reports_;
    context const& parent_;
    run_info const& info_;
    waiter_ref const waiter_;
    instant const start_;
    std::vector<std::size_t> ready_;    // each node once: [head_, tail_) stand in the line; guarded by the door's mutex
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::unique_ptr<std::atomic<std::size_t>[]> const missing_;    // how many of the nodes before it have not ended
    std::shared_ptr<graph_door> const door_;
};

}  // namespace muster::detail
