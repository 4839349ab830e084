#pragma once

#include <algorithm>             // max, min
#include <atomic>                // counts
#include <chrono>                // bounds on waits
#include <condition_variable>    // ledgers
#include <cstddef>               // size_t
#include <initializer_list>      // causes
#include <memory>                // shared records of jobs
#include <mutex>                 // mutex
#include <stop_token>            // stop_source
#include <string>                // promises
#include <thread>                // callers
#include <utility>               // move
#include <vector>                // promises

#include <muster/core/concepts.hpp>    // the concepts
#include <muster/core/context.hpp>     // context
#include <muster/core/describe.hpp>    // describe
#include <muster/core/outcome.hpp>     // outcome
#include <muster/core/stage.hpp>       // operator|
#include <muster/core/waiter.hpp>      // wait_point

// Above 400 lines: one list of promises for each concept, side by side.

namespace muster::testing {

/// The promises that a resource or policy of your own breaks, one sentence each; empty when it keeps them all.
///
/// What types can tell, the concepts say; this says the rest, by trying: `CHECK(conformance::of_executor(pool).empty())`.
/// Give a fresh object of its usual options; a gate must let at least one in at once.
///
/// Waits      real time, bounded: a promise that is not kept within `patience` is broken. A thread that the object under test
///            keeps for ever is joined for ever.
/// Default    a minute of patience: it ends only the checks of what is broken.
/// Threads    starts some of its own; call it from one.
/// Cost       milliseconds.
class conformance {
public:
    using broken = std::vector<std::string>;
    using milliseconds = std::chrono::milliseconds;

    template <executor E>
    [[nodiscard]] static broken of_executor(E& where, milliseconds patience = std::chrono::minutes{1});

    template <gate G>
    [[nodiscard]] static broken of_gate(G& at, milliseconds patience = std::chrono::minutes{1});

    /// `key_of(i)` and `value_of(i)` make keys and values, other ones for another i.
    template <cache C, class Key, class Value>
    [[nodiscard]] static broken of_cache(C& in, Key const& key_of, Value const& value_of,
                                         milliseconds patience = std::chrono::minutes{1});

    /// A policy around calls of an int, whose answer is an int; `cached`, too, where it knows nothing yet.
    template <policy P>
    [[nodiscard]] static broken of_policy(P const& said);

    template <waiter W>
    [[nodiscard]] static broken of_waiter(W& by);

    template <observer O>
    [[nodiscard]] static broken of_observer(O& sees);

private:
    // Something that threads do together, and somebody waits for.
    struct ledger {
        milliseconds patience;
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t done = 0;

        explicit ledger(milliseconds how_patient) : patience(how_patient) {}

        void add() {
            std::lock_guard lock(mutex);
            ++done;
            changed.notify_all();
        }
        bool reaches(std::size_t so_many) {
            std::unique_lock lock(mutex);
            return changed.wait_for(lock, patience, [&] { return done >= so_many; });
        }
    };
    // Real time that tells how many calls wait.
    struct counted_waiter {
        ledger* waits;
        [[nodiscard]] instant now() const { return thread_waiter{}.now(); }
        bool wait_until(wait_point& point, instant until) const {
            waits->add();
            return thread_waiter{}.wait_until(point, until);
        }
    };
    static bool one_of(failure const& what, std::initializer_list<cause> which) {
        for (auto const each : which)
            if (what.is(each)) return true;
        return false;
    }
    template <executor E>
    static void try_bulk(E& where, std::size_t n, std::size_t width, broken& out);
    template <executor E>
    static bool nested(E& where, unsigned depth);
    template <around_policy P>
    static void try_calls(P const& said, broken& out);
};

// Implementation

template <executor E>
void conformance::try_bulk(E& where, std::size_t n, std::size_t width, broken& out) {
    auto const what = "bulk(" + std::to_string(n) + ", " + std::to_string(width) + ", body)";
    std::vector<unsigned char> calls(n, 0);    // plain bytes: what the body wrote is seen after bulk
    std::atomic<std::size_t> now{0}, most{0}, outside{0};
    where.bulk(n, width, [&](std::size_t first, std::size_t last) noexcept {
        auto const inside = now.fetch_add(1) + 1;
        for (auto seen = most.load(); seen < inside && !most.compare_exchange_weak(seen, inside);) {}
        if (first > last || last > n) ++outside;
        else
            for (auto i = first; i != last; ++i) ++calls[i];
        std::this_thread::yield();
        now.fetch_sub(1);
    });
    if (now != 0) out.push_back(what + " returned before all had returned");
    if (outside != 0) out.push_back(what + " called the body outside of [0, n)");
    for (auto const each : calls)
        if (each != 1) {
            out.push_back(what + " did not call each item once");
            break;
        }
    if (most > std::max<std::size_t>(1, std::min<std::size_t>(width, where.width()))) out.push_back(what + " ran more than its width at once");
}

template <executor E>
bool conformance::nested(E& where, unsigned depth) {
    if (depth == 0) return true;
    std::atomic<std::size_t> good{0};
    where.bulk(3, where.width(), [&](std::size_t first, std::size_t last) noexcept {
        for (; first != last; ++first) good += nested(where, depth - 1);
    });
    return good == 3;
}

template <executor E>
conformance::broken conformance::of_executor(E& where, milliseconds patience) {
    broken out;
    if (where.width() < 1) out.push_back("its width is at least 1");
    for (std::size_t const n : {0u, 1u, 2u, 3u, 100u, 5'000u})
        for (std::size_t const width : {std::size_t{1}, std::size_t{2}, std::size_t{where.width()}, std::size_t{where.width()} + 5})
            try_bulk(where, n, width, out);
    if (!nested(where, 4)) out.push_back("a bulk within a bulk runs each of its items");

    std::atomic<std::size_t> done{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 6; ++c)
            callers.emplace_back([&] {
                for (int round = 0; round < 20; ++round)
                    where.bulk(10, 4, [&](std::size_t first, std::size_t last) noexcept { done += last - first; });
            });
    }
    if (done != 1'200) out.push_back("bulks from several threads at once run each of their items");

    auto const jobs = std::make_shared<ledger>(patience);
    for (int i = 0; i < 50; ++i)
        where.post([jobs, only_moves = std::make_unique<int>(i)] { jobs->add(); });
    if (!jobs->reaches(50)) out.push_back("a posted job runs");
    if (std::lock_guard const lock(jobs->mutex); jobs->done > 50) out.push_back("a posted job runs once");
    where.bulk(4, 2, [&](std::size_t first, std::size_t last) noexcept {
        for (; first != last; ++first) where.post([jobs] { jobs->add(); });
    });
    if (!jobs->reaches(54)) out.push_back("a job that an item posted runs");

    if constexpr (has_waiter<E>) {
        waiter_ref by = where.waiting();
        for (auto& each : of_waiter(by)) out.push_back("its waiter: " + each);
    }
    return out;
}

template <gate G>
conformance::broken conformance::of_gate(G& at, milliseconds patience) {
    broken out;
    using permit_type = typename decltype(at.acquire(std::declval<context&>(), 1.0))::value_type;
    auto const allowed = {cause::rejected, cause::exhausted, cause::timed_out, cause::cancelled};
    context cx;
    {
        auto first = at.acquire(cx, 1);
        if (!first) {
            out.push_back("a fresh gate lets one in: " + to_string(first.error()));
            return out;
        }
        permit_type moved = std::move(*first);
        moved.settle(outcome<int>{1});

        // With one inside: others pass, or fail for a reason that a gate has, at their deadline at the latest.
        std::vector<outcome<permit_type>> more;
        for (int i = 0; i < 20; ++i) {
            auto const soon = cx.change_deadline(later(cx.now(), std::chrono::milliseconds{1}));
            more.push_back(at.acquire(cx, 1));
            if (!more.back() && !one_of(more.back().error(), allowed))
                out.push_back("a refusal is rejected, exhausted, timed out or cancelled: " + to_string(more.back().error()));
        }
        for (auto& each : more)
            if (each) each->settle(outcome<int>{failure{cause::invalid_input, "of the item, not of the other side"}});
    }
    {
        std::stop_source stop;
        stop.request_stop();
        context stopped{stop.get_token()};
        auto const answer = at.acquire(stopped, 1);
        if (!answer && !one_of(answer.error(), allowed)) out.push_back("a stopped call that is refused says why");
    }
    {
        // Until one has to wait; the stop must end that wait.
        std::vector<outcome<permit_type>> held;
        std::stop_source stop;
        ledger waits{patience};
        counted_waiter by{&waits};
        std::jthread const stopper([&] {
            std::unique_lock lock(waits.mutex);
            waits.changed.wait_for(lock, patience, [&] { return waits.done != 0; });
            lock.unlock();
            stop.request_stop();
        });
        context waiting{stop.get_token(), by};
        for (int i = 0; i < 1'000 && !stop.stop_requested(); ++i) {
            held.push_back(at.acquire(waiting, 1));
            if (!held.back() && !one_of(held.back().error(), allowed)) out.push_back("a wait that a stop ended says so");
            if (!held.back()) break;
        }
        waits.add();    // nobody had to wait
    }
    auto const late = cx.change_deadline(later(cx.now(), patience));
    if (auto const again = at.acquire(cx, 1); !again)
        out.push_back("once all permits are given back it lets one in again: " + to_string(again.error()));
    return out;
}

template <cache C, class Key, class Value>
conformance::broken conformance::of_cache(C& in, Key const& key_of, Value const& value_of, milliseconds patience) {
    broken out;
    using value = typename C::value_type;
    context cx;
    std::size_t calls = 0;
    auto const compute = [&](int which) {
        return [&calls, &value_of, which](context&) -> outcome<value> {
            ++calls;
            return value(value_of(which));
        };
    };
    if (in.get(key_of(0))) out.push_back("a fresh cache knows nothing");
    if (auto const answer = in.get_or_compute(key_of(0), cx, compute(0)); !answer || !(*answer == value_of(0)))
        out.push_back("get_or_compute answers what was computed");
    if (auto const again = in.get_or_compute(key_of(0), cx, compute(1)); !again || !(*again == value_of(0)) || calls != 1)
        out.push_back("what was computed is remembered");
    if (auto const known = in.get(key_of(0)); !known || !(*known == value_of(0))) out.push_back("get gives what is remembered");
    if (in.get(key_of(1))) out.push_back("keys are told apart");

    auto const fails = [](context&) -> outcome<value> { return failure{cause::unavailable, "not now"}; };
    if (auto const answer = in.get_or_compute(key_of(2), cx, fails); answer || !answer.error().is(cause::unavailable))
        out.push_back("a failure of the computation is the answer");
    if (auto const answer = in.get_or_compute(key_of(2), cx, compute(2)); !answer || !(*answer == value_of(2)))
        out.push_back("failures are not remembered");

    (void)in.get_or_compute(key_of(3), cx, [&](context& below) -> outcome<value> {
        auto const same = in.get_or_compute(key_of(3), below, compute(3));
        if (same || !same.error().is(cause::would_deadlock)) out.push_back("a key entered again below its own call fails with would_deadlock");
        return value(value_of(3));
    });

    // Four calls miss at once: one computes, until the three others wait through their contexts.
    constexpr std::size_t callers = 4;
    ledger here{patience};
    counted_waiter by{&here};
    std::atomic<std::size_t> computed{0}, right{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < callers; ++t)
            threads.emplace_back([&] {
                context own{waiter_ref{by}};
                auto const answer = in.get_or_compute(key_of(4), own, [&](context&) -> outcome<value> {
                    ++computed;
                    here.add();
                    (void)here.reaches(callers);
                    return value(value_of(4));
                });
                right += answer.has_value() && *answer == value_of(4);
            });
    }
    if (computed != 1) out.push_back("of the calls that miss a key at once one computes, the others wait through their contexts");
    if (right != callers) out.push_back("those who wait get the answer");

    // A waiter that is stopped does not wait for the one who computes.
    std::stop_source stop;
    ledger begun{patience}, waits{patience}, go_on{patience};
    std::jthread const leader([&] {
        context own;
        (void)in.get_or_compute(key_of(5), own, [&](context&) -> outcome<value> {
            begun.add();
            (void)go_on.reaches(1);
            return value(value_of(5));
        });
    });
    if (begun.reaches(1)) {
        std::jthread const stopper([&] {
            (void)waits.reaches(1);
            stop.request_stop();
        });
        counted_waiter impatient{&waits};
        context own{stop.get_token(), impatient};
        auto const answer = in.get_or_compute(key_of(5), own, compute(5));
        waits.add();
        if (answer || !answer.error().is(cause::cancelled)) out.push_back("a waiter that is stopped fails with cancelled");
    }
    go_on.add();
    return out;
}

template <around_policy P>
void conformance::try_calls(P const& said, broken& out) {
    {
        context cx;
        cx.item(3);
        auto const answer = (said | [](int n) { return n + 1; })(1, cx);
        if (answer.has_value() && !(*answer == 2)) out.push_back("a success goes through, or is refused; it is not replaced");
        if (cx.deadline() != never || cx.attempt() != 1 || !cx.stage().empty() || cx.flights() || cx.path().size() != 1 ||
            !(cx.waiting() == waiter_ref{}))
            out.push_back("what it changed in the context it puts back");
    }
    {
        std::stop_source stop;
        context cx{stop.get_token()};
        std::atomic<int> late{0};
        auto const answer = (said | [&](int) -> outcome<int> {
            late += stop.stop_requested();
            stop.request_stop();
            return failure{cause::unavailable, "and the run is stopped"};
        })(-2, cx);
        if (late != 0) out.push_back("after a stop it makes no further call");
        if (answer.has_value()) out.push_back("a failed call in a stopped run is not a success");
    }
    {
        std::stop_source stop;
        stop.request_stop();
        context cx{stop.get_token()};
        std::atomic<int> calls{0};
        (void)(said | [&](int n) { return n + (++calls > 1); })(-3, cx);
        if (calls > 1) out.push_back("in a run that is stopped already it makes one call at most");
    }
    {
        std::atomic<int> wrong{0};
        auto const task = said | [](int n) { return n + 1; };
        std::vector<std::jthread> callers;
        for (int t = 0; t < 4; ++t)
            callers.emplace_back([&, t] {
                for (int i = 0; i < 10; ++i) {
                    context cx;
                    auto const soon = cx.change_deadline(later(cx.now(), std::chrono::milliseconds{1}));
                    auto const item = 100 + 10 * t + i;
                    auto const answer = task(item, cx);
                    wrong += answer.has_value() && *answer != item + 1;
                }
            });
        callers.clear();
        if (wrong != 0) out.push_back("calls from several threads do not mix their answers up");
    }
}

template <policy P>
conformance::broken conformance::of_policy(P const& said) {
    broken out;
    if (describe(said).empty()) out.push_back("it describes itself");
    auto const copy = said;
    if (describe(copy) != describe(said)) out.push_back("a copy says the same");
    if constexpr (std::equality_comparable<P>) {
        if (!(copy == said)) out.push_back("a copy is equal");
    }
    if constexpr (around_policy<P>) try_calls(copy, out);
    else if (!((said | [](int n) { return n + 1; })(1) == 2)) out.push_back("a place does not stand in the way of a call");
    return out;
}

template <waiter W>
conformance::broken conformance::of_waiter(W& by) {
    broken out;
    auto const start = by.now();
    if (by.now() < start) out.push_back("its time does not run backwards");
    wait_point point;
    if (by.wait_until(point, start)) out.push_back("a wait whose end has come is over, and was not woken");
    point.wake();
    if (!by.wait_until(point, never)) out.push_back("a wake-up before the wait is remembered");
    point.reset();
    point.interrupt();
    if (by.wait_until(point, never)) out.push_back("an interruption ends a wait, and is no wake-up");
    for (bool const wakes : {true, false}) {
        wait_point other;
        std::jthread const from_elsewhere([&] { wakes ? other.wake() : other.interrupt(); });
        if (by.wait_until(other, never) != wakes) out.push_back("a wait is ended from another thread, woken or interrupted");
    }
    return out;
}

template <observer O>
conformance::broken conformance::of_observer(O& sees) {
    broken out;
    failure const why{cause::unavailable, "told to an observer"};
    auto const tell = [&] {
        context cx;
        cx.item(7);
        auto const start = cx.now();
        for (int i = 0; i < 50; ++i) {
            sees.on_call({.what = call_event::kind::started, .call = &cx, .at = start});
            sees.on_call({.what = call_event::kind::finished, .call = &cx, .at = cx.now(), .took = cx.now() - start,
                          .error = i % 2 ? &why : nullptr});
        }
    };
    tell();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(tell);
    threads.clear();
    if (!why.is(cause::unavailable)) out.push_back("it leaves alone what it is told of");
    return out;
}

}  // namespace muster::testing
