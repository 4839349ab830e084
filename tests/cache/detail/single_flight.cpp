#include <muster/cache/detail/single_flight.hpp>

#include "catch.hpp"

#include <atomic>       // counts
#include <latch>        // leaders that meet
#include <semaphore>    // who waits
#include <stdexcept>    // runtime_error
#include <string>       // keys
#include <thread>       // jthread
#include <vector>       // threads

using namespace muster;
using namespace std::chrono_literals;

namespace {

using flights = detail::single_flight<std::string, int>;

// Says that a call has begun to wait, then waits as a thread does.
struct announcing_waiter {
    std::counting_semaphore<>* waiting;
    instant now() const { return thread_waiter{}.now(); }
    bool wait_until(wait_point& point, instant until) const {
        waiting->release();
        return thread_waiter{}.wait_until(point, until);
    }
};

// A clock that stands still, but reaches every deadline that somebody waits for at once.
struct impatient_waiter {
    instant now() const { return instant{}; }
    bool wait_until(wait_point& point, instant) const { return point.woken(); }
};

auto const nothing_known = [] { return std::optional<int>{}; };
auto const never_runs = [](context&) -> outcome<int> { throw std::logic_error{"this must not run"}; };

}  // namespace

TEST_CASE("single_flight: concurrent misses on one key run the task once", "[cache][single_flight]") {
    flights in;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    std::atomic<int> ran{0}, right{0};

    constexpr int others = 7;
    std::vector<std::jthread> threads;
    context cx;
    auto const answer = in.run("k", cx, nothing_known, [&](context&) -> outcome<int> {
        for (int i = 0; i < others; ++i)
            threads.emplace_back([&] {
                context mine{announces};
                right += in.run("k", mine, nothing_known, never_runs) == outcome<int>{42};
            });
        for (int i = 0; i < others; ++i) waiting.acquire();    // all of them are in the wait
        ++ran;
        return 42;
    });
    threads.clear();
    CHECK(answer == outcome<int>{42});
    CHECK(ran == 1);
    CHECK(right == others);
    CHECK(in.waited() == others);
    CHECK(in.size() == 0);
}

TEST_CASE("single_flight: distinct keys do not wait for each other", "[cache][single_flight]") {
    flights in;
    std::latch both{2};
    auto const meets = [&](context&) -> outcome<int> {
        both.arrive_and_wait();
        return 1;
    };
    std::jthread other{[&] {
        context cx;
        (void)in.run("a", cx, nothing_known, meets);
    }};
    context cx;
    CHECK(in.run("b", cx, nothing_known, meets).has_value());
}

TEST_CASE("single_flight: what was stored since the miss is taken, not computed again", "[cache][single_flight]") {
    flights in;
    context cx;
    CHECK(in.run("k", cx, [] { return std::optional<int>{5}; }, never_runs) == outcome<int>{5});
    CHECK(in.size() == 0);
}

TEST_CASE("single_flight: a failure reaches all who waited for it, and is not kept", "[cache][single_flight]") {
    flights in;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    outcome<int> theirs;
    context cx;
    std::jthread other;
    auto const mine = in.run("k", cx, nothing_known, [&](context&) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            theirs = in.run("k", also, nothing_known, never_runs);
        }};
        waiting.acquire();
        return failure{cause::unavailable, "no route"};
    });
    other.join();
    CHECK(mine.error().is(cause::unavailable));
    CHECK(theirs == mine);
    CHECK(in.run("k", cx, nothing_known, [](context&) -> outcome<int> { return 1; }) == outcome<int>{1});
}

TEST_CASE("single_flight: a waiter keeps its own deadline", "[cache][single_flight]") {
    flights in;
    context cx;
    auto const answer = in.run("k", cx, nothing_known, [&](context&) -> outcome<int> {
        std::jthread{[&] {
            impatient_waiter impatient;
            context hasty{impatient};
            auto const limited = hasty.change_deadline(instant{} + 1s);
            auto const end = in.run("k", hasty, nothing_known, never_runs);
            CHECK(end.error().is(cause::timed_out));
        }};
        return 3;
    });
    CHECK(answer == outcome<int>{3});
}

TEST_CASE("single_flight: a waiter that is stopped leaves, the flight goes on", "[cache][single_flight]") {
    flights in;
    context cx;
    auto const answer = in.run("k", cx, nothing_known, [&](context&) -> outcome<int> {
        std::stop_source stop;
        std::counting_semaphore<> waiting{0};
        announcing_waiter announces{&waiting};
        std::jthread other{[&] {
            context stopped{stop.get_token(), announces};
            auto const end = in.run("k", stopped, nothing_known, never_runs);
            CHECK(end.error().is(cause::cancelled));
        }};
        waiting.acquire();
        stop.request_stop();
        return 3;
    });
    CHECK(answer == outcome<int>{3});
}

TEST_CASE("single_flight: a cancelled leader hands over to a waiter", "[cache][single_flight]") {
    flights in;
    std::stop_source stop;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    outcome<int> theirs;
    std::jthread other;
    context cx{stop.get_token()};
    auto const mine = in.run("k", cx, nothing_known, [&](context& inner) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            theirs = in.run("k", also, nothing_known, [](context&) -> outcome<int> { return 8; });
        }};
        waiting.acquire();
        stop.request_stop();
        return inner.interruption();
    });
    other.join();
    CHECK(mine.error().is(cause::cancelled));
    CHECK(theirs == outcome<int>{8});
    CHECK(in.size() == 0);
}

TEST_CASE("single_flight: a deadline that passed inside the flight is the key's failure, shared by all", "[cache][single_flight]") {
    flights in;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    outcome<int> theirs;
    std::jthread other;
    context cx;
    auto const mine = in.run("k", cx, nothing_known, [&](context& inner) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            theirs = in.run("k", also, nothing_known, never_runs);
        }};
        waiting.acquire();
        auto const late = inner.change_deadline(instant{});    // a policy's, gone when the flight ends
        return inner.interruption();
    });
    other.join();
    CHECK(mine.error().is(cause::timed_out));
    CHECK(theirs == mine);
}

TEST_CASE("single_flight: a call that is late already does not compute", "[cache][single_flight]") {
    flights in;
    context cx;
    auto const late = cx.change_deadline(instant{});
    CHECK(in.run("k", cx, nothing_known, never_runs).error().is(cause::timed_out));
    CHECK(in.size() == 0);
}

TEST_CASE("single_flight: a leader whose own deadline passes meanwhile hands over", "[cache][single_flight]") {
    struct clock_by_hand {
        std::atomic<bool> late{false};
        instant now() const { return late ? instant{} + 1h : instant{}; }
        bool wait_until(wait_point& point, instant) const { return point.woken(); }
    };
    flights in;
    clock_by_hand time;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    outcome<int> theirs;
    std::jthread other;
    context cx{time};
    auto const limited = cx.change_deadline(instant{} + 1s);
    auto const mine = in.run("k", cx, nothing_known, [&](context& inner) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            theirs = in.run("k", also, nothing_known, [](context&) -> outcome<int> { return 8; });
        }};
        waiting.acquire();
        time.late = true;
        return inner.interruption();
    });
    other.join();
    CHECK(mine.error().is(cause::timed_out));
    CHECK(theirs == outcome<int>{8});
}

TEST_CASE("single_flight: a leader that throws hands over, and its caller gets the exception", "[cache][single_flight]") {
    flights in;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    outcome<int> theirs;
    std::jthread other;
    context cx;
    auto const throws = [&](context&) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            theirs = in.run("k", also, nothing_known, [](context&) -> outcome<int> { return 8; });
        }};
        waiting.acquire();
        throw std::runtime_error{"boom"};
    };
    CHECK_THROWS_AS((void)in.run("k", cx, nothing_known, throws), std::runtime_error);
    other.join();
    CHECK(theirs == outcome<int>{8});
    CHECK(in.size() == 0);
    CHECK(cx.flights() == nullptr);
}

TEST_CASE("single_flight: one who is chosen to lead but stopped passes the lead on", "[cache][single_flight]") {
    struct stops_when_woken {
        std::counting_semaphore<>* waiting;
        std::stop_source* stop;
        instant now() const { return thread_waiter{}.now(); }
        bool wait_until(wait_point& point, instant until) const {
            waiting->release();
            auto const woken = thread_waiter{}.wait_until(point, until);
            stop->request_stop();
            return woken;
        }
    };
    flights in;
    std::stop_source first, second;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    stops_when_woken stops{&waiting, &second};
    outcome<int> chosen, last;
    std::jthread one, two;
    context cx{first.get_token()};
    (void)in.run("k", cx, nothing_known, [&](context& inner) -> outcome<int> {
        one = std::jthread{[&] {
            context also{second.get_token(), stops};
            chosen = in.run("k", also, nothing_known, never_runs);
        }};
        waiting.acquire();
        two = std::jthread{[&] {
            context also{announces};
            last = in.run("k", also, nothing_known, [](context&) -> outcome<int> { return 8; });
        }};
        waiting.acquire();
        first.request_stop();
        return inner.interruption();
    });
    one.join();
    two.join();
    CHECK(chosen.error().is(cause::cancelled));
    CHECK(last == outcome<int>{8});
}

TEST_CASE("single_flight: a key entered again below its own flight fails with would_deadlock", "[cache][single_flight]") {
    flights in;
    context cx;
    auto const answer = in.run("k", cx, nothing_known, [&](context& inner) -> outcome<int> {
        return in.run("other", inner, nothing_known, [&](context& deeper) -> outcome<int> {
            auto const nested = context::below(deeper);
            auto child = nested;
            auto const again = in.run("k", child, nothing_known, never_runs);
            CHECK(again.error().is(cause::would_deadlock));
            CHECK(again.error().text().find("very call") != std::string::npos);
            return in.run("fine", child, nothing_known, [](context&) -> outcome<int> { return 4; });
        });
    });
    CHECK(answer == outcome<int>{4});
}

TEST_CASE("single_flight: the same key in another cache is another key", "[cache][single_flight]") {
    flights in, elsewhere;
    context cx;
    auto const answer = in.run("k", cx, nothing_known, [&](context& inner) {
        return elsewhere.run("k", inner, nothing_known, [](context&) -> outcome<int> { return 4; });
    });
    CHECK(answer == outcome<int>{4});
}

TEST_CASE("single_flight: leaders that wait for each other's keys do not hang", "[cache][single_flight]") {
    // n leaders in a circle, each asking for the key of the next; over two caches, so that no one table sees the circle.
    auto const count = GENERATE(2, 3, 5);
    flights even, odd;
    std::latch all_lead{count};
    std::atomic<int> refused{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < count; ++i)
            threads.emplace_back([&, i] {
                auto const table = [&](int k) -> flights& { return k % 2 ? odd : even; };
                context cx;
                (void)table(i).run(std::to_string(i), cx, nothing_known, [&](context& inner) -> outcome<int> {
                    all_lead.arrive_and_wait();
                    auto const next = (i + 1) % count;
                    auto answer = table(next).run(std::to_string(next), inner, nothing_known, never_runs);
                    if (!answer && answer.error().is(cause::would_deadlock)) ++refused;
                    return answer;
                });
            });
    }
    CHECK(refused == count);    // one is refused, the others wait for it and share its failure
    CHECK(even.size() + odd.size() == 0);
}

TEST_CASE("single_flight: a leader may wait for another leader's key", "[cache][single_flight]") {
    flights in;
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    std::jthread other;
    context cx;
    (void)in.run("b", cx, nothing_known, [&](context&) -> outcome<int> {
        other = std::jthread{[&] {
            context also{announces};
            auto const sum = in.run("a", also, nothing_known, [&](context& inner) -> outcome<int> {
                auto const part = in.run("b", inner, nothing_known, never_runs);
                return *part + 1;
            });
            CHECK(sum == outcome<int>{2});
        }};
        waiting.acquire();
        return 1;
    });
}

TEST_CASE("single_flight: many threads, few keys: one computation at a time for each key", "[cache][single_flight]") {
    flights in;
    std::atomic<int> inside[3] = {};
    std::atomic<bool> overlapped{false};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 6; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 2'000; ++i) {
                    auto const k = static_cast<std::size_t>((i * 7 + t) % 3);
                    std::stop_source stop;
                    if (i % 5 == 0) stop.request_stop();
                    context cx{stop.get_token()};
                    (void)in.run(std::to_string(k), cx, nothing_known, [&](context&) -> outcome<int> {
                        if (++inside[k] > 1) overlapped = true;
                        --inside[k];
                        return i;
                    });
                }
            });
    }
    CHECK_FALSE(overlapped);
    CHECK(in.size() == 0);
}
