#pragma once

// A thread of its own writes, and not the caller who comes first: callers may be many to a thread, with small stacks, and one that waits
// for the disk would stop the others of its thread. The next batch is what came while the last was committed, so that nobody waits
// for a batch to fill. 10,000 records from 10 callers, in seconds, on 2 busy cores:
//
//                                  what is committed survives a kill    and a power cut
//     all that came in one commit                                1.1                3.8
//     one commit each                                            1.9               26.5

#include <condition_variable>    // the writer's sleep
#include <cstddef>               // size_t
#include <cstdint>               // int64_t
#include <deque>                 // queue
#include <functional>            // work
#include <memory>                // shared_ptr
#include <mutex>                 // mutex
#include <optional>              // what was lost
#include <thread>                // jthread
#include <utility>               // move
#include <vector>                // batch

#include <muster/adapt/sqlite.hpp>            // sqlite_database
#include <muster/core/context.hpp>            // context
#include <muster/core/failure.hpp>            // cause, failure
#include <muster/core/intrusive_list.hpp>     // intrusive_list
#include <muster/core/invoke_task.hpp>        // guarded
#include <muster/core/outcome.hpp>            // outcome
#include <muster/core/waiter.hpp>             // wait_point
#include <muster/os/quiet_thread.hpp>         // quiet_thread

namespace muster::llm::detail {

struct group_limits {
    std::size_t queued = 0;           // jobs that wait to be written
    std::size_t queued_bytes = 0;     // of what they hold
    std::size_t batch = 0;            // jobs of one transaction
};

/// Writes for any number of callers, all that came while the last transaction was being committed in the next one.
///
/// Shape      Tables has `begin(cx)`, which gives a transaction. A job is `work(tables, cx)`, run in a transaction; after a failure of any the
///            transaction is rolled back, and each job of it runs again in one of its own: it must not mind.
/// Waits      for room in the queue, and until the job is committed: through the caller's context. One that is being written is waited
///            for beyond deadline and stop; that is a matter of milliseconds, for the lock of the file is there by then.
/// Fails      as the job; as beginning and committing; timed_out or cancelled; unavailable after `close`.
/// Threads    any number.
template <class Tables>
class group_writer {
public:
    using work = std::function<outcome<std::int64_t>(Tables&, context&)>;

    /// What becomes of a job whose caller leaves before it is written.
    enum class left { withdrawn, written };

    group_writer(Tables tables, group_limits limits) : tables_(std::move(tables)), limits_(limits) {
        batch_.reserve(limits_.queued);    // taking does not allocate
        thread_ = quiet_thread([this] { write(); });
    }
    group_writer(group_writer const&) = delete;
    group_writer& operator=(group_writer const&) = delete;
    ~group_writer() { (void)close(); }

    outcome<std::int64_t> submit(context& cx, work what, std::size_t bytes, left then = left::withdrawn);
    /// Waits until all that was handed over before is written; fails as the first job that failed after its caller had left.
    outcome<void> flush(context& cx);
    /// Takes no more, writes what was handed over, and ends; fails as `flush`.
    outcome<void> close();

    [[nodiscard]] std::uint64_t commits() const {
        std::lock_guard lock(mutex_);
        return commits_;
    }

private:
    struct job {
        work what;
        std::size_t bytes = 0;
        bool taken = false;          // under the mutex
        bool left_behind = false;    // under the mutex: nobody waits
        outcome<std::int64_t> result{};
        wait_point written;
    };
    using shared_job = std::shared_ptr<job>;
    struct room_seeker {
        wait_point point;
        room_seeker* before = nullptr;
        room_seeker* after = nullptr;
    };

    outcome<void> enter(context& cx, std::unique_lock<std::mutex>& lock, std::size_t bytes);
    void withdraw(job const& which);    // under the mutex
    [[nodiscard]] bool is_taken(job const& which) const {
        std::lock_guard lock(mutex_);
        return which.taken;
    }
    // One alone fits, whatever its size.
    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
        return queue_.empty() || (queue_.size() < limits_.queued && bytes <= limits_.queued_bytes && queued_bytes_ <= limits_.queued_bytes - bytes);
    }
    [[nodiscard]] static failure closed() { return {cause::unavailable, "the store is closed"}; }

    void write();
    void take(std::size_t most);
    bool write_together(context& cx);
    void write_alone(context& cx);
    void settle_all();

    Tables tables_;    // the writer's alone
    group_limits const limits_;
    std::vector<shared_job> batch_;    // the writer's alone

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<shared_job> queue_;
    std::size_t queued_bytes_ = 0;
    intrusive_list<room_seeker> seeking_;
    std::optional<failure> lost_;
    std::uint64_t commits_ = 0;
    bool closing_ = false;

    std::mutex closing_mutex_;    // one joins
    std::jthread thread_;         // last: it sees all the rest
};

// Implementation

template <class Tables>
outcome<void> group_writer<Tables>::enter(context& cx, std::unique_lock<std::mutex>& lock, std::size_t bytes) {
    while (!closing_ && !has_room(bytes)) {
        room_seeker me;
        struct hooked {
            group_writer& in;
            std::unique_lock<std::mutex>& lock;
            room_seeker& who;
            ~hooked() {
                lock.lock();
                in.seeking_.erase(who);
            }
        };
        seeking_.push_back(me);
        context::wait_end end{};
        {
            hooked const guard{*this, lock, me};
            lock.unlock();
            end = cx.wait(me.point);
        }
        if (end != context::wait_end::woken) return cx.interruption();
    }
    if (closing_) return closed();
    return {};
}

template <class Tables>
void group_writer<Tables>::withdraw(job const& which) {
    queued_bytes_ -= which.bytes;
    std::erase_if(queue_, [&](shared_job const& each) { return each.get() == &which; });
}

template <class Tables>
outcome<std::int64_t> group_writer<Tables>::submit(context& cx, work what, std::size_t bytes, left then) {
    auto const mine = std::make_shared<job>();
    mine->what = std::move(what);
    mine->bytes = bytes;
    {
        std::unique_lock lock(mutex_);
        if (auto entered = enter(cx, lock, bytes); !entered) return std::move(entered).error();
        queue_.push_back(mine);
        queued_bytes_ += bytes;
        changed_.notify_one();
    }
    // However this is left, a throw of the waiter too: what is being written may look at things of the caller.
    struct leaving {
        group_writer& in;
        job& which;
        left then;
        ~leaving() {
            if (which.written.woken()) return;    // and nothing of the writer is touched any more: it may be gone
            {
                std::lock_guard lock(in.mutex_);
                if (!which.taken) {
                    if (then == left::withdrawn) in.withdraw(which);
                    else which.left_behind = true;
                    return;
                }
            }
            context const last;    // also below a throw, and where a waiter does not wait any more
            (void)last.wait(which.written);
        }
    };
    {
        leaving const guard{*this, *mine, then};
        if (cx.wait(mine->written) != context::wait_end::woken && is_taken(*mine)) {
            context const patient{cx.waiting()};    // as the caller waits: without its thread, it may be
            (void)patient.wait(mine->written);
        }
    }
    if (!mine->written.woken()) return cx.interruption();
    return std::move(mine->result);
}

template <class Tables>
outcome<void> group_writer<Tables>::flush(context& cx) {
    auto const reached = submit(cx, [](Tables&, context&) { return outcome<std::int64_t>{0}; }, 0);
    if (!reached) return reached.error();
    std::lock_guard lock(mutex_);
    return lost_ ? outcome<void>{*lost_} : outcome<void>{};
}

template <class Tables>
outcome<void> group_writer<Tables>::close() {
    std::lock_guard one(closing_mutex_);
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
        changed_.notify_one();
        for (auto* each = seeking_.first(); each; each = each->after) each->point.wake();
    }
    if (thread_.joinable()) thread_.join();
    std::lock_guard lock(mutex_);
    return lost_ ? outcome<void>{*lost_} : outcome<void>{};
}

template <class Tables>
void group_writer<Tables>::write() {
    context cx;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return !queue_.empty() || closing_; });
            if (queue_.empty()) return;
        }
        if (!write_together(cx)) write_alone(cx);
        settle_all();
    }
}

template <class Tables>
void group_writer<Tables>::take(std::size_t most) {
    std::lock_guard lock(mutex_);
    while (!queue_.empty() && batch_.size() < most) {
        queue_.front()->taken = true;
        queued_bytes_ -= queue_.front()->bytes;
        batch_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    for (auto* each = seeking_.first(); each; each = each->after) each->point.wake();
}

// True when all that it took is settled: written, or failed as one.
template <class Tables>
bool group_writer<Tables>::write_together(context& cx) {
    // The lock of the file comes first: until then a caller that leaves takes its job along.
    auto change = guarded<outcome<sqlite_transaction>>([&] { return tables_.begin(cx); });
    take(change ? limits_.batch : limits_.queued);    // it was waited for long enough: not once for each batch
    if (!change) {
        for (auto const& each : batch_) each->result = change.error();
        return true;
    }
    if (batch_.empty()) return true;    // all have left
    bool well = true;
    for (auto const& each : batch_) {
        each->result = guarded<outcome<std::int64_t>>([&] { return each->what(tables_, cx); });
        if (!(well = each->result.has_value())) break;
    }
    auto const kept = well ? change->commit(cx) : outcome<void>{failure{}};
    if (!kept) change->roll_back();
    if (kept || (well && batch_.size() == 1)) {
        if (!kept) batch_.front()->result = kept.error();
        std::lock_guard lock(mutex_);
        commits_ += kept.has_value();
        return true;
    }
    return !well && batch_.size() == 1;    // its own failure
}

// One that fails takes no other with it.
template <class Tables>
void group_writer<Tables>::write_alone(context& cx) {
    std::optional<failure> locked_out;
    for (auto const& each : batch_) {
        if (locked_out) {
            each->result = *locked_out;
            continue;
        }
        auto change = guarded<outcome<sqlite_transaction>>([&] { return tables_.begin(cx); });
        if (!change) {
            locked_out = change.error();    // it was waited for long enough: not once for each
            each->result = *locked_out;
            continue;
        }
        each->result = guarded<outcome<std::int64_t>>([&] { return each->what(tables_, cx); });
        if (!each->result) continue;    // rolled back as it leaves
        if (auto const kept = change->commit(cx); !kept) each->result = kept.error();
        std::lock_guard lock(mutex_);
        commits_ += each->result.has_value();
    }
}

template <class Tables>
void group_writer<Tables>::settle_all() {
    {
        std::lock_guard lock(mutex_);
        for (auto const& each : batch_)
            if (each->left_behind && !each->result && !lost_) lost_ = each->result.error();
    }
    for (auto const& each : batch_) each->written.wake();
    batch_.clear();
}

}  // namespace muster::llm::detail
