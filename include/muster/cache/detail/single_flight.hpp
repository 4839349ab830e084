#pragma once

#include <atomic>           // the count of those who waited
#include <cstdint>          // uint64_t
#include <functional>       // hash
#include <list>             // waiters
#include <memory>           // shared_ptr
#include <mutex>            // mutex
#include <optional>         // result
#include <unordered_map>    // flights by key
#include <utility>          // move

#include <muster/cache/detail/flight_graph.hpp>    // flight_graph
#include <muster/core/context.hpp>                 // context
#include <muster/core/failure.hpp>                 // cause, failure
#include <muster/core/outcome.hpp>                 // outcome

namespace muster::detail {

/// Lets one of the concurrent calls for a key compute, the leader, while the others wait for its answer.
///
/// Shape      `lookup()` answers `std::optional<Value>`: asked by each new leader before it computes, because the answer
///            may have been stored since the caller missed. `compute(cx)` answers `outcome<Value>` and has stored the
///            value when it returns.
/// Waits      through the context: each waiter keeps its own deadline and stop.
/// Fails      with what `compute` failed with, all who waited alike; cause::timed_out or cancelled for a waiter whose own
///            patience ends; cause::would_deadlock where a call would wait for itself: a key entered again below its own
///            flight, or a circle of flights, also through several caches.
/// Threads    any number at once. A leader that is stopped, passes its deadline, or throws hands over to a waiter.
/// Cost       one mutex, one allocation for a flight; nothing is kept of a flight that is over.
template <class Key, class Value, class Hash = std::hash<Key>>
class single_flight {
public:
    template <class Lookup, class Compute>
    outcome<Value> run(Key const& key, context& cx, Lookup const& lookup, Compute const& compute);

    /// How many calls waited for another one's answer.
    [[nodiscard]] std::uint64_t waited() const noexcept { return waited_.load(std::memory_order_relaxed); }    // a count alone
    /// How many flights there are at the moment.
    [[nodiscard]] std::size_t size() const;

private:
    struct flight;
    struct waiting;
    using shared_flight = std::shared_ptr<flight>;

    struct flight {
        explicit flight(Key const& of) : key(of) {}
        Key const key;                           // its address is what tells flights apart
        std::optional<outcome<Value>> result;    // set once, under the mutex; read afterwards without
        std::list<waiting*> waiters;
    };
    // One waiter, listed as long as this lives; made under the mutex, ends without it.
    struct waiting {
        waiting(single_flight& in, shared_flight for_this)
            : of(in), joined(std::move(for_this)), place(joined->waiters.insert(joined->waiters.end(), this)) {}
        waiting(waiting const&) = delete;
        waiting& operator=(waiting const&) = delete;
        ~waiting();

        single_flight& of;
        shared_flight joined;
        typename std::list<waiting*>::iterator place;
        wait_point point;
        bool promoted = false;    // it was made the next leader
    };

    template <class Lookup, class Compute>
    outcome<Value> lead(shared_flight const& mine, context& cx, Lookup const& lookup, Compute const& compute);
    outcome<Value> publish(flight& over, outcome<Value> result);
    void hand_over(flight& left);    // under the mutex

    mutable std::mutex mutex_;
    std::unordered_map<Key, shared_flight, Hash> flights_;
    std::atomic<std::uint64_t> waited_{0};
};

// Implementation

template <class Key, class Value, class Hash>
template <class Lookup, class Compute>
outcome<Value> single_flight<Key, Value, Hash>::run(Key const& key, context& cx, Lookup const& lookup, Compute const& compute) {
    std::unique_lock lock(mutex_);
    auto const found = flights_.find(key);
    if (found == flights_.end()) {
        auto const mine = std::make_shared<flight>(key);
        flights_.emplace(key, mine);
        lock.unlock();
        return lead(mine, cx, lookup, compute);
    }

    auto const theirs = found->second;
    if (flight_graph::leads(cx.flights(), &theirs->key))
        return failure{cause::would_deadlock, "this key is being computed by the very call that asks for it"};
    {
        flight_graph::wait const allowed{cx.flights(), &theirs->key};
        if (!allowed) return failure{cause::would_deadlock, "the computation of this key waits for the call that asks for it"};
        waiting me{*this, theirs};
        lock.unlock();
        waited_.fetch_add(1, std::memory_order_relaxed);    // a count alone
        cx.wait(me.point);
        lock.lock();
        if (theirs->result) {
            lock.unlock();
            return *theirs->result;
        }
        if (!std::exchange(me.promoted, false)) {
            lock.unlock();
            return cx.interruption();
        }
        lock.unlock();
    }
    return lead(theirs, cx, lookup, compute);
}

template <class Key, class Value, class Hash>
single_flight<Key, Value, Hash>::waiting::~waiting() {
    std::lock_guard lock(of.mutex_);
    joined->waiters.erase(place);
    if (promoted) of.hand_over(*joined);    // chosen, but its wait ended in a throw
}

template <class Key, class Value, class Hash>
template <class Lookup, class Compute>
outcome<Value> single_flight<Key, Value, Hash>::lead(shared_flight const& mine, context& cx, Lookup const& lookup,
                                                     Compute const& compute) {
    struct leaving {    // whatever ends the lead without an answer for all, a throw too: the next one takes over
        single_flight& of;
        flight* left;
        ~leaving() {
            if (!left) return;
            std::lock_guard lock(of.mutex_);
            of.hand_over(*left);
        }
    } guard{*this, mine.get()};

    if (cx.stop_requested()) return cx.interruption();
    auto result = [&]() -> outcome<Value> {
        if (auto known = lookup()) return std::move(*known);
        context::flight const leading{this, &mine->key, cx.flights()};
        auto const entered = cx.change_flights(&leading);
        return compute(cx);
    }();
    if (!result.has_value() && cx.stop_requested()) return result;    // the leader's own end, not the key's
    guard.left = nullptr;
    return publish(*mine, std::move(result));
}

template <class Key, class Value, class Hash>
outcome<Value> single_flight<Key, Value, Hash>::publish(flight& over, outcome<Value> result) {
    {
        std::lock_guard lock(mutex_);
        flights_.erase(over.key);
        if (over.waiters.empty()) return result;    // nobody has it, and nobody can find it any more
        over.result.emplace(std::move(result));
        for (auto* one : over.waiters) one->point.wake();
    }
    return *over.result;
}

template <class Key, class Value, class Hash>
void single_flight<Key, Value, Hash>::hand_over(flight& left) {
    if (left.waiters.empty()) {
        flights_.erase(left.key);
        return;
    }
    left.waiters.front()->promoted = true;
    left.waiters.front()->point.wake();
}

template <class Key, class Value, class Hash>
std::size_t single_flight<Key, Value, Hash>::size() const {
    std::lock_guard lock(mutex_);
    return flights_.size();
}

}  // namespace muster::detail
