#include <muster/adapt/fiber_thread.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "testing/event.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/fan_out.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/map.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/circuit_breaker.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/hedge.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/trip.hpp>
#include <muster/testing/conformance.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::crowd;
using testing::event;
using testing::manual_time;

namespace {

template <class Each>
auto items(Each each) {
    return [each](std::size_t first, std::size_t last) {
        for (; first != last; ++first) each(first);
    };
}

// Waits for a moment, so that others go on; on a slow machine the moment may be over at once.
void step_aside(context const& cx) { (void)cx.pause(1us); }

// What threads of a test end by `wake`, and calls wait for.
struct signs {
    std::mutex mutex;
    std::vector<wait_point*> open;

    void wait(context const& cx) {
        wait_point mine;
        {
            std::lock_guard lock(mutex);
            open.push_back(&mine);
        }
        (void)cx.wait(mine);
        std::lock_guard lock(mutex);
        std::erase(open, &mine);
    }
    std::size_t wake_all() {
        std::lock_guard lock(mutex);
        for (auto* const each : open) each->wake();
        return std::exchange(open, {}).size();
    }
};

// Asks until it is so, for a minute at most.
template <class Condition>
bool comes_true(Condition const& condition) {
    for (auto const end = std::chrono::steady_clock::now() + testing::longest_wait; std::chrono::steady_clock::now() < end; std::this_thread::yield())
        if (condition()) return true;
    return false;
}

// A library that serves calls from one thread: `ask` is answered by the poll after it.
class answering_poller {
public:
    void begin_polling() {
        if (polled_.exchange(true)) throw std::logic_error("muster: another thread polls already");
        by_ = std::this_thread::get_id();
    }
    void end_polling() { polled_ = false; }
    void poll(std::chrono::nanoseconds most) {
        wrong_thread_ += by_ != std::this_thread::get_id();
        std::unique_lock lock(mutex_);
        if (asked_.empty() && !woken_ && most > 0ns) {
            ++sleeps_;
            changed_.wait_for(lock, most, [this] { return woken_; });
        }
        woken_ = false;
        auto const now = std::exchange(asked_, {});
        lock.unlock();
        for (auto* const each : now) each->wake();
        polls_ += 1;
        answers_ += now.size();
    }
    void wake() {
        std::lock_guard lock(mutex_);
        woken_ = true;
        changed_.notify_all();
    }

    void ask(context const& cx) {
        wait_point answered;
        {
            std::lock_guard lock(mutex_);
            asked_.push_back(&answered);
        }
        (void)cx.wait(answered);
    }
    [[nodiscard]] std::size_t answers() const { return answers_; }
    [[nodiscard]] std::size_t polls() const { return polls_; }
    [[nodiscard]] std::size_t sleeps() const { return sleeps_; }
    [[nodiscard]] std::size_t on_wrong_thread() const { return wrong_thread_; }
    [[nodiscard]] bool polled() const { return polled_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<wait_point*> asked_;
    bool woken_ = false;
    std::thread::id by_;
    std::atomic<bool> polled_{false};
    std::atomic<std::size_t> answers_{0}, polls_{0}, sleeps_{0}, wrong_thread_{0};
};

}  // namespace

static_assert(executor<fiber_thread> && has_waiter<fiber_thread>);
static_assert(!std::copyable<fiber_thread> && !std::movable<fiber_thread>);
static_assert(poller<answering_poller>);
static_assert(!std::constructible_from<fiber_thread, answering_poller>);    // a temporary would be gone before the first poll

TEST_CASE("conformance: fiber_thread of 1, 2 and 10,000", "[adapt][fibers]") {
    for (std::size_t const most : {1u, 2u, 10'000u}) {
        fiber_thread fibers{{.most = most}};
        CHECK(fibers.width() == most);
        CHECK(testing::conformance::of_executor(fibers) == testing::conformance::broken{});
    }
}

TEST_CASE("fiber_thread: options out of their range are refused, by name", "[adapt][fibers]") {
    auto const text = [](fiber_thread_options options) {
        try {
            fiber_thread const fibers{options};
        } catch (std::invalid_argument const& refused) {
            return std::string{refused.what()};
        }
        return std::string{};
    };
    CHECK(text({.stack = 16 * KiB, .most = 1}).empty());
    CHECK(text({.stack = 16 * KiB - 1}) == "muster: a fiber_thread's stack of 16383 bytes is none of 16 KiB to 1 GiB");
    CHECK(text({.stack = GiB + 1}) == "muster: a fiber_thread's stack of 1073741825 bytes is none of 16 KiB to 1 GiB");
    CHECK(text({.most = 0}) == "muster: 0 calls at once on a fiber_thread are none of 1 to 1,000,000");
    CHECK(text({.most = 1'000'001}) == "muster: 1000001 calls at once on a fiber_thread are none of 1 to 1,000,000");
}

TEST_CASE("fiber_thread: 5,000 calls wait at once on one thread", "[adapt][fibers]") {
    constexpr std::size_t calls = sanitized ? 500 : 5'000;    // ThreadSanitizer takes milliseconds to make a stack
    auto const before = testing::threads_of_process();
    fiber_thread fibers;
    CHECK(testing::threads_of_process() == before + 1);
    manual_time time;
    std::set<std::thread::id> threads;    // written by one thread alone
    std::vector<outcome<std::size_t>> answers;
    std::jthread caller([&] {
        context const cx{time};
        answers = map(indices{calls}, on{fibers, 5'000} | [&](std::size_t i, context& own) {
            (void)own.pause(1h);
            threads.insert(std::this_thread::get_id());
            return 2 * i;
        }, cx);
    });
    CHECK(time.until_waiting(calls) == calls);
    CHECK(testing::threads_of_process() == before + 2);
    CHECK(fibers.stacks() == calls);
    time.advance(1h);
    caller.join();
    CHECK(threads.size() == 1);
    REQUIRE(answers.size() == calls);
    std::size_t right = 0;
    for (std::size_t i = 0; i < calls; ++i) right += answers[i] == 2 * i;
    CHECK(right == calls);
}

TEST_CASE("fiber_thread: items are claimed in order, jobs run in order, and no more at once than the width", "[adapt][fibers]") {
    fiber_thread fibers;
    std::vector<std::size_t> claimed;
    std::size_t now = 0, most = 0;
    std::array<wait_point, 7> all_there;
    (void)map(indices{300}, on{fibers, 7} | [&](std::size_t i, context& cx) {
        claimed.push_back(i);
        most = std::max(most, ++now);
        if (i == 6)
            for (auto& each : all_there) each.wake();
        if (i < 7) (void)cx.wait(all_there[i]);
        if (i % 3 == 0) step_aside(cx);
        --now;
    });
    std::vector<std::size_t> in_order(300);
    std::iota(in_order.begin(), in_order.end(), 0);
    CHECK(claimed == in_order);
    CHECK(most == 7);

    std::vector<std::size_t> ran;
    event all;
    for (std::size_t i = 0; i < 300; ++i)
        fibers.post([&ran, &all, i] {
            ran.push_back(i);
            if (i == 299) all.set();
        });
    REQUIRE(all.wait());
    CHECK(ran == in_order);
}

TEST_CASE("fiber_thread: 100,000 calls that do not wait need a stack or two", "[adapt][fibers]") {
    std::atomic<std::size_t> ran{0};
    {
        fiber_thread fibers;
        for (int i = 0; i < 50'000; ++i) fibers.post([&] { ++ran; });
        fibers.bulk(50'000, 5'000, items([&](std::size_t) { ++ran; }));
        CHECK(fibers.stacks() <= 3);    // a slice that is over lets another begin
    }
    CHECK(ran == 100'000);
}

TEST_CASE("fiber_thread: 100,000 calls that each wait come to their end, many at once", "[adapt][fibers]") {
    constexpr std::size_t at_once = sanitized ? 100 : 1'000;
    fiber_thread fibers;
    std::atomic<std::size_t> ran{0};
    auto const answers = map(indices{100'000}, on{fibers, at_once} | [&](std::size_t, context& cx) {
        step_aside(cx);
        ++ran;
    });
    CHECK(ran == 100'000);
    CHECK(fibers.stacks() <= at_once);
    std::size_t failed = 0;
    for (auto const& each : answers) failed += !each;
    CHECK(failed == 0);
}

TEST_CASE("fiber_thread: waits end at their time, the earliest first", "[adapt][fibers]") {
    fiber_thread fibers;
    std::vector<std::size_t> ended;
    instant begun{};
    std::size_t there = 0, early = 0;
    std::array<wait_point, 50> all_there;
    (void)map(indices{50}, on{fibers, 50} | [&](std::size_t i, context& cx) {
        if (++there == 50) {
            begun = later(cx.now(), 20ms);
            for (auto& each : all_there) each.wake();
        }
        (void)cx.wait(all_there[i]);
        wait_point nobody;
        auto const until = begun + i * 7 % 50 * 1ms;
        (void)cx.wait(nobody, until);
        early += cx.now() < until;
        ended.push_back(i * 7 % 50);
    });
    CHECK(early == 0);
    REQUIRE(ended.size() == 50);
    CHECK(std::is_sorted(ended.begin(), ended.end()));
}

TEST_CASE("fiber_thread: a deadline and a stop end waits", "[adapt][fibers]") {
    fiber_thread fibers;
    {
        manual_time time;
        std::vector<outcome<void>> answers;
        std::jthread caller([&] {
            answers = map(indices{100}, on{fibers, 100} | deadline{5s} | [](std::size_t, context& cx) { return cx.pause(1h); }, context{time});
        });
        time.until_waiting(100);
        time.advance(5s);
        caller.join();
        for (auto const& each : answers) REQUIRE((!each && each.error().is(cause::timed_out)));
    }
    {
        auto const answers = map(indices{100}, on{fibers, 100} | deadline{1ms} | [](std::size_t, context& cx) { return cx.pause(1h); });
        for (auto const& each : answers) REQUIRE((!each && each.error().is(cause::timed_out)));
    }
    std::stop_source stop;
    std::atomic<std::size_t> waiting{0};
    std::vector<outcome<void>> answers;
    std::jthread caller([&] {
        answers = map(indices{100}, on{fibers, 60} | [&](std::size_t, context& cx) {
            ++waiting;
            return cx.pause(1h);
        }, context{stop.get_token()});
    });
    REQUIRE(comes_true([&] { return waiting == 60; }));
    stop.request_stop();
    caller.join();
    for (auto const& each : answers) REQUIRE((!each && each.error().is(cause::cancelled)));
    CHECK(waiting == 60);    // the others were not begun
}

TEST_CASE("fiber_thread: a stop that one of its calls requests ends the waits of the others", "[adapt][fibers]") {
    fiber_thread fibers;
    std::stop_source stop;
    auto const answers = map(indices{200}, on{fibers, 200} | [&](std::size_t i, context& cx) -> outcome<void> {
        if (i != 199) return cx.pause(1h);
        stop.request_stop();
        return {};
    }, context{stop.get_token()});
    std::size_t cancelled = 0;
    for (auto const& each : answers) cancelled += !each && each.error().is(cause::cancelled);
    CHECK(cancelled == 199);
}

TEST_CASE("fiber_thread: retries wait beside each other", "[adapt][fibers]") {
    fiber_thread fibers;
    manual_time time;
    std::vector<outcome<std::size_t>> answers;
    std::jthread caller([&] {
        answers = map(indices{500}, on{fibers, 500} | retry{.attempts = 2, .delay = 10s, .jitter = false} |
                                        [](std::size_t i, context& cx) -> outcome<std::size_t> {
                                            if (cx.attempt() == 1) return failure{cause::unavailable, "once"};
                                            return i;
                                        },
                      context{time});
    });
    CHECK(time.until_waiting(500) == 500);
    time.advance(10s);
    caller.join();
    for (std::size_t i = 0; i < 500; ++i) REQUIRE(answers[i] == i);
}

TEST_CASE("fiber_thread: limit{rate_limiter} spaces calls, first come first served", "[adapt][fibers]") {
    fiber_thread fibers;
    manual_time time;
    rate_limiter quota{{.permits = 1, .per = 1s}};
    std::vector<std::size_t> let_in;
    auto const begun = time.now();
    std::size_t early = 0;
    std::atomic<std::size_t> passed{0};
    std::jthread caller([&] {
        (void)map(indices{4}, on{fibers, 4} | limit{quota} | [&](std::size_t i, context& cx) {
            let_in.push_back(i);
            early += cx.now() < begun + i * 1s;
            ++passed;
        }, context{time});
    });
    for (std::size_t left = 3; left != 0; --left) {
        CHECK(comes_true([&] { return passed == 4 - left && time.waiting() == left; }));    // else a second is lost: there is no burst
        time.advance(1s);
    }
    caller.join();
    CHECK(let_in == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(early == 0);
}

TEST_CASE("fiber_thread: limit{bulkhead} holds no thread while it waits for room", "[adapt][fibers]") {
    fiber_thread fibers;
    bulkhead narrow{3};
    crowd inside;
    std::array<wait_point, 3> all_there;
    auto const answers = map(indices{1'000}, on{fibers, 1'000} | limit{narrow} | [&](std::size_t i, context& cx) {
        crowd::visit const now(inside);
        if (i == 2)
            for (auto& each : all_there) each.wake();
        if (i < 3) (void)cx.wait(all_there[i]);
        step_aside(cx);
        return i;
    });
    CHECK(inside.most() == 3);
    for (std::size_t i = 0; i < 1'000; ++i) REQUIRE(answers[i] == i);
}

TEST_CASE("fiber_thread: of calls that miss a key at once one computes, the others wait", "[adapt][fibers]") {
    fiber_thread fibers;
    memory_cache<std::size_t, std::size_t> known;
    std::size_t computed = 0;
    auto const answers = map(indices{900}, on{fibers, 900} | cached{known, [](std::size_t i) { return i % 3; }} | [&](std::size_t i, context& cx) {
        ++computed;
        step_aside(cx);
        return i % 3 + 10;
    });
    CHECK(computed == 3);
    for (std::size_t i = 0; i < 900; ++i) REQUIRE(answers[i] == i % 3 + 10);
}

TEST_CASE("fiber_thread: a breaker that opens refuses those that come after", "[adapt][fibers]") {
    fiber_thread fibers;
    manual_time time;
    circuit_breaker breaker{{.window = 4, .minimum = 2, .failure_rate = 0.5, .open_for = 10s}};
    std::size_t calls = 0;
    auto const answers = map(indices{100}, on{fibers, 1} | trip{breaker} | [&](std::size_t) -> outcome<int> {
        ++calls;
        return failure{cause::unavailable, "down"};
    }, context{time});
    CHECK(calls == 2);
    CHECK(answers[99].error().is(cause::rejected));
}

TEST_CASE("fiber_thread: fan_out and hedge inside of its calls run on it, too", "[adapt][fibers]") {
    fiber_thread fibers;
    auto const slow = [](int n, context& cx) -> outcome<int> {
        if (auto waited = cx.pause(1h); !waited) return std::move(waited).error();
        return n;
    };
    auto const quick = [](int n, context& cx) {
        step_aside(cx);
        return n + 1;
    };
    auto const answers = map(indices{50}, on{fibers, 50} | [&](std::size_t i, context& cx) {
        return fan_out(static_cast<int>(i), on{fibers} | first{slow, quick}, cx);
    });
    for (int i = 0; i < 50; ++i) REQUIRE(answers[static_cast<std::size_t>(i)] == i + 1);

    std::array<std::atomic<int>, 50> attempts{};
    auto const hedged = map(indices{50}, on{fibers, 50} | hedge{fibers, 1ms} | [&](std::size_t i, context& cx) -> outcome<std::size_t> {
        if (attempts[i]++ == 0)
            if (auto waited = cx.pause(1h); !waited) return std::move(waited).error();
        return i;
    });
    for (std::size_t i = 0; i < 50; ++i) REQUIRE((hedged[i] == i && attempts[i] == 2));
}

TEST_CASE("fiber_thread: verbs nest, also where every stack is taken by a call that waits for its own", "[adapt][fibers]") {
    for (std::size_t const most : {1u, 2u, 5u, 10'000u}) {
        fiber_thread fibers{{.most = most}};
        auto const answers = map(indices{20}, on{fibers} | [&](std::size_t i, context& cx) {
            step_aside(cx);
            auto const inner = map(indices{5}, on{fibers} | [&](std::size_t j, context& below) {
                step_aside(below);
                auto const innermost = map(indices{3}, on{fibers} | [&](std::size_t k, context& last) {
                    step_aside(last);
                    return 100 * i + 10 * j + k;
                }, below);
                return *innermost[0] + *innermost[1] + *innermost[2];
            }, cx);
            std::size_t sum = 0;
            for (auto const& each : inner) sum += *each;
            return sum;
        });
        for (std::size_t i = 0; i < 20; ++i) REQUIRE(answers[i] == 1'500 * i + 315);
        CHECK(fibers.stacks() <= most);
    }
}

TEST_CASE("fiber_thread: a call of one waits for those of another, and its thread goes on", "[adapt][fibers]") {
    fiber_thread here, there;
    std::size_t beside = 0;
    auto const answers = map(indices{10}, on{here, 10} | [&](std::size_t i, context& cx) {
        if (i == 9) return beside = 1;
        auto const inner = map(indices{3}, on{there, 3} | [&](std::size_t j, context& below) {
            step_aside(below);
            return i + j;
        }, cx);
        return *inner[0] + *inner[1] + *inner[2];
    });
    CHECK(beside == 1);
    for (std::size_t i = 0; i < 9; ++i) REQUIRE(answers[i] == 3 * i + 3);
}

TEST_CASE("fiber_thread: wakes from other threads are never lost", "[adapt][fibers]") {
    fiber_thread fibers;
    signs open;
    std::atomic<bool> over{false};
    std::atomic<std::size_t> woken{0};
    std::vector<std::jthread> wakers;
    for (int t = 0; t < 3; ++t)
        wakers.emplace_back([&] {
            while (!over) woken += open.wake_all();
        });
    auto const answers = map(indices{20'000}, on{fibers, 500} | [&](std::size_t, context& cx) { open.wait(cx); });
    over = true;
    wakers.clear();
    CHECK(answers.size() == 20'000);
    CHECK(woken == 20'000);
}

TEST_CASE("fiber_thread: wakes that meet the end of a wait resume the call once", "[adapt][fibers]") {
    fiber_thread fibers;
    signs open;
    std::atomic<bool> over{false};
    std::jthread waker([&] {
        while (!over) open.wake_all();
    });
    std::atomic<std::size_t> ended{0};
    auto const answers = map(indices{20'000}, on{fibers, 100} | [&](std::size_t, context& cx) {
        auto const soon = cx.change_deadline(later(cx.now(), 5us));
        open.wait(cx);
        ++ended;
    });
    over = true;
    CHECK(ended == 20'000);
}

TEST_CASE("fiber_thread: what a task throws is the failure of its item alone", "[adapt][fibers]") {
    fiber_thread fibers;
    auto const answers = map(indices{300}, on{fibers, 300} | [](std::size_t i, context& cx) {
        step_aside(cx);
        if (i % 3 == 0) throw std::runtime_error("number " + std::to_string(i));
        return i;
    });
    for (std::size_t i = 0; i < 300; ++i)
        if (i % 3 == 0) REQUIRE(answers[i].error().text() == "number " + std::to_string(i));
        else REQUIRE(answers[i] == i);
}

TEST_CASE("fiber_thread: a call may wait inside of a handler, and while it unwinds", "[adapt][fibers]") {
    fiber_thread fibers;
    struct waits_in_destructor {
        context const& cx;
        int& thrown;
        ~waits_in_destructor() {
            step_aside(cx);
            thrown = std::uncaught_exceptions();
        }
    };
    auto const answers = map(indices{200}, on{fibers, 200} | [](std::size_t i, context& cx) {
        if (std::uncaught_exceptions() != 0 || std::current_exception()) return -1;
        int thrown = 0;
        try {
            waits_in_destructor const last{cx, thrown};
            if (i % 4 != 0) throw static_cast<int>(i);
            step_aside(cx);
            return thrown == 0 ? static_cast<int>(i) : -2;
        } catch (int) {
            for (int round = 0; round < 3; ++round) {
                (void)cx.pause((i * 7 % 5) * 1us + 1us);
                try {
                    throw;    // what is handled here, not what another call handles
                } catch (int again) {
                    if (again != static_cast<int>(i)) return -3;
                }
            }
            return thrown == 1 ? static_cast<int>(i) : -4;
        }
    });
    for (int i = 0; i < 200; ++i)
        if (i % 4 != 0) REQUIRE(answers[static_cast<std::size_t>(i)] == i);
        else REQUIRE(answers[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("fiber_thread: the destructor runs out what was posted, and what that posts and waits for", "[adapt][fibers]") {
    std::atomic<int> ran{0};
    {
        fiber_thread fibers;
        for (int i = 0; i < 200; ++i)
            fibers.post([&] {
                step_aside(context{});
                ++ran;
                fibers.post([&] {
                    step_aside(context{});
                    ++ran;
                });
            });
    }
    CHECK(ran == 400);
}

TEST_CASE("fiber_thread: submit gives the outcome, to its own calls as well", "[adapt][fibers]") {
    fiber_thread fibers;
    CHECK(fibers.submit([] { return 7; }).get() == 7);
    auto chained = fibers.submit([&] { return *fibers.submit([&] { return *fibers.submit([] { return 3; }).get() + 1; }).get() + 1; });
    CHECK(chained.get() == 5);
    CHECK(fibers.submit([]() -> int { throw std::runtime_error("no"); }).get().error().text() == "no");
}

TEST_CASE("fiber_thread: a verb on a pool inside of its calls lets the others go on", "[adapt][fibers]") {
    fiber_thread fibers;
    thread_pool pool{2};
    bulkhead one{1};
    // The pool's items need a permit that another fiber holds across a wait: were the thread blocked in the pool, nobody would give it back.
    auto const answers = map(indices{40}, on{fibers, 40} | [&](std::size_t i, context& cx) -> outcome<std::size_t> {
        if (i % 2 == 0) {
            auto const permit = one.acquire(cx);
            step_aside(cx);
            return i;
        }
        auto const inner = map(indices{8}, on{pool} | [&](std::size_t j, context& below) {
            auto const permit = one.acquire(below);
            step_aside(j % 2 == 0 ? cx : below);    // also by the context of the call around it
            return j;
        }, cx);
        std::size_t sum = 0;
        for (auto const& each : inner) sum += *each;
        return sum;
    });
    for (std::size_t i = 0; i < 40; ++i) REQUIRE(answers[i] == (i % 2 == 0 ? i : 28));
}

TEST_CASE("fiber_thread: calls that fork in a pool, and wait in between, do not mix their forks up", "[adapt][fibers]") {
    fiber_thread fibers;
    thread_pool pool{2};
    struct sums {
        static std::size_t of(context const& cx, std::size_t from, std::size_t to) {
            if (to - from <= 4) {
                step_aside(cx);
                return (from + to - 1) * (to - from) / 2;
            }
            auto const middle = from + (to - from) / 2;
            auto const [left, right] = join([&, from, middle] { return of(cx, from, middle); }, [&, middle, to] { return of(cx, middle, to); });
            return left + right;
        }
    };
    auto const answers = map(indices{30}, on{fibers, 30} | [&](std::size_t i, context& cx) {
        return pool.run([&] { return sums::of(cx, i, i + 64); }, cx);
    });
    for (std::size_t i = 0; i < 30; ++i) REQUIRE(answers[i] == (2 * i + 63) * 32);
}

TEST_CASE("fiber_thread: its thread polls, and sleeps in the poller", "[adapt][fibers]") {
    answering_poller client;
    {
        fiber_thread fibers{client};
        CHECK(client.polled());
        auto const answers = map(indices{3'000}, on{fibers, 1'000} | [&](std::size_t i, context& cx) {
            client.ask(cx);
            return i;
        });
        for (std::size_t i = 0; i < 3'000; ++i) REQUIRE(answers[i] == i);
        CHECK(client.answers() == 3'000);
        CHECK(client.on_wrong_thread() == 0);

        // What comes from another thread ends the sleep.
        auto const sleeps = client.sleeps();
        CHECK(comes_true([&] { return client.sleeps() > sleeps || client.sleeps() > 0; }));
        CHECK(fibers.submit([] { return 1; }).get() == 1);
    }
    CHECK_FALSE(client.polled());
}

TEST_CASE("fiber_thread: it polls also while calls compute one after another", "[adapt][fibers]") {
    answering_poller client;
    fiber_thread fibers{client};
    std::atomic<bool> answered{false};
    // Calls that never wait, until the answer of one that does is there.
    auto const answers = map(indices{200'000}, on{fibers, 2} | [&](std::size_t i, context& cx) {
        if (i == 0) {
            client.ask(cx);
            answered = true;
        }
        return answered.load();
    });
    CHECK(answers.back() == true);
}

TEST_CASE("fiber_thread: a verb whose calls compute holds up no other verb", "[adapt][fibers]") {
    fiber_thread fibers;
    std::stop_source over;
    event begun;
    std::atomic<std::size_t> computed{0};
    constexpr std::size_t items = 20'000;
    std::jthread computing([&] {
        (void)map(indices{items}, on{fibers, 100} | [&](std::size_t i, context& cx) {
            if (i == 10) begun.set();
            for (auto const until = later(cx.now(), 60us); cx.now() < until;) {}
            ++computed;
        }, context{over.get_token()});
    });
    REQUIRE(begun.wait());
    std::size_t there = 0;
    std::array<wait_point, 100> all_there;
    (void)map(indices{100}, on{fibers, 100} | [&](std::size_t i, context& cx) {
        if (++there == 100)
            for (auto& each : all_there) each.wake();
        (void)cx.wait(all_there[i]);
    });
    CHECK(computed < items);
    over.request_stop();
    CHECK(there == 100);
}

TEST_CASE("fiber_thread: a poller that another thread polls is refused", "[adapt][fibers]") {
    answering_poller client;
    fiber_thread const first{client};
    CHECK_THROWS_AS(fiber_thread{client}, std::logic_error);
    CHECK(client.polled());
}

TEST_CASE("fiber_thread: stacks that nobody used for a second are given back", "[adapt][fibers]") {
    fiber_thread fibers;
    (void)map(indices{500}, on{fibers, 500} | [](std::size_t, context& cx) { (void)cx.pause(20ms); });
    CHECK(fibers.stacks() > 64);
    CHECK(comes_true([&] { return fibers.stacks() == 64; }));
    CHECK(fibers.submit([] { return 1; }).get() == 1);
}

TEST_CASE("fiber_thread: a stack that overflows hits its guard, and writes into no neighbour", "[adapt][fibers][forks]") {
    struct deep {
        static int fall(int level, char* below) {
            char volatile here[512];
            here[0] = below ? *below : static_cast<char>(level);
            return level == 0 ? here[0] : fall(level - 1, const_cast<char*>(&here[0])) + here[0];
        }
    };
    auto const end = in_child([] {
        std::signal(SIGSEGV, SIG_DFL);
        fiber_thread fibers{{.stack = 64 * KiB}};
        return fibers.submit([] { return deep::fall(160, nullptr); }).get() ? 0 : 1;    // 80 to 110 KiB: into the guard, not beyond
    });
    if (sanitized) CHECK(end != exits(0));
    else CHECK(end == dies_of(SIGSEGV));
    CHECK(in_child([] {
        fiber_thread fibers{{.stack = MiB}};
        return fibers.submit([] { return deep::fall(160, nullptr); }).get() ? 0 : 1;
    }) == exits(0));
}

TEST_CASE("fiber_thread: where the machine refuses stacks fewer calls wait at once, and none is lost", "[adapt][fibers][forks]") {
    if (sanitized) return;
    CHECK(in_child([] {
        fiber_thread fibers{{.stack = MiB}};
        rlimit now{};
        ::getrlimit(RLIMIT_AS, &now);
        auto* const file = std::fopen("/proc/self/statm", "r");
        unsigned long pages = 0;
        if (!file || std::fscanf(file, "%lu", &pages) != 1) return 1;
        std::fclose(file);
        now.rlim_cur = pages * 4'096 + 100 * MiB;
        if (::setrlimit(RLIMIT_AS, &now) != 0) return 2;
        std::size_t ran = 0;
        auto const answers = map(indices{2'000}, on{fibers, 2'000} | [&](std::size_t i, context& cx) {
            (void)cx.pause(5ms);
            ++ran;
            return i;
        });
        for (std::size_t i = 0; i < 2'000; ++i)
            if (!(answers[i] == i)) return 3;
        return ran == 2'000 && fibers.refused() && fibers.stacks() < 100 && fibers.stacks() > 10 ? 0 : 4;
    }) == exits(0));
}

TEST_CASE("fiber_thread: a child of fork may end it, without the thread", "[adapt][fibers][forks]") {
    auto fibers = std::make_unique<fiber_thread>();
    CHECK(fibers->submit([] { return 1; }).get() == 1);
    CHECK(in_child([&] {
        fibers.reset();
        return 0;
    }) == exits(0));
    CHECK(fibers->submit([] { return 2; }).get() == 2);
}
