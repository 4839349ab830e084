#include <muster/policy/hedge.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include <muster/core/stage.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;

namespace {

// The first call to come is the first attempt: it waits as it is told. The second answers at once.
struct two_attempts {
    std::function<outcome<int>(context&)> first, second;
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
    outcome<int> operator()(int, context& cx) const { return ++*calls == 1 ? first(cx) : second(cx); }
};

outcome<int> until_stopped(context& cx) {
    wait_point nobody;
    (void)cx.wait(nobody);
    return cx.interruption();
}

// A policy of a user that throws: in a map it fails one item.
struct throws {
    using policy_concept = around_tag;
    auto around(auto const& next, context& cx, auto&& item) const {
        if (item >= 0) throw std::runtime_error{"a policy threw"};
        return next(cx, item);
    }
};

}  // namespace

static_assert(around_policy<hedge<thread_pool>>);

TEST_CASE("hedge: an answer in time is the answer, and nothing is asked twice", "[policy]") {
    manual_time time;
    thread_pool pool{1};
    context cx{time};
    two_attempts const task{[](context&) { return 1; }, [](context&) { return 2; }};
    CHECK((hedge{pool, 1s} | task)(0, cx) == 1);
    CHECK(*task.calls == 1);
    inline_executor here;
    CHECK((hedge{here, 1s} | task)(0, cx) == 2);    // its only attempt is the second call
}

TEST_CASE("hedge: asks again when the first answer is slow, stops it and joins it", "[policy]") {
    manual_time time;
    thread_pool pool{2};
    std::atomic<bool> ended{false};
    event begun;
    two_attempts const task{[&](context& cx) {
                                begun.set();
                                auto const why = until_stopped(cx);
                                ended = why.error().is(cause::cancelled);
                                return why;
                            },
                            [](context&) { return 2; }};
    outcome<int> answer;
    std::jthread caller([&] {
        context cx{time};
        answer = (hedge{pool, 1s} | task)(0, cx);
    });
    REQUIRE(begun.wait());
    time.until_waiting(2);    // the call, and its first attempt
    time.advance(1s);
    caller.join();
    CHECK(answer == 2);
    CHECK(ended);
    CHECK(*task.calls == 2);
}

TEST_CASE("hedge: the first attempt may still win; then the second is stopped", "[policy]") {
    manual_time time;
    thread_pool pool{2};
    event second_begun, first_begun;
    two_attempts const task{[&](context&) {
                                first_begun.set();
                                return second_begun.wait() ? 1 : -1;
                            },
                            [&](context& cx) {
                                second_begun.set();
                                return until_stopped(cx);
                            }};
    outcome<int> answer;
    std::jthread caller([&] {
        context cx{time};
        answer = (hedge{pool, 1s} | task)(0, cx);
    });
    REQUIRE(first_begun.wait());
    time.until_waiting(1);
    time.advance(1s);
    caller.join();
    CHECK(answer == 1);
}

TEST_CASE("hedge: a first attempt that fails before the time is not hedged", "[policy]") {
    manual_time time;
    thread_pool pool{1};
    context cx{time};
    two_attempts const task{[](context&) { return failure{cause::unavailable, "down"}; }, [](context&) { return 2; }};
    CHECK((hedge{pool, 1s} | task)(0, cx).error().text() == "down");
    CHECK(*task.calls == 1);
}

TEST_CASE("hedge: when both fail it gives the failure that came last", "[policy]") {
    for (bool const first_comes_last : {true, false}) {
        manual_time time;
        thread_pool pool{{.workers = 1, .spares = 0}};
        event begun, second_begun, go_on, after_first;
        two_attempts const task{[&](context&) -> outcome<int> {
                                    begun.set();
                                    (void)go_on.wait();
                                    return failure{cause::unavailable, "first"};
                                },
                                [&](context&) -> outcome<int> {
                                    second_begun.set();
                                    if (!first_comes_last) {
                                        pool.post([&] { after_first.set(); });    // its one thread comes to it when the first is over
                                        go_on.set();
                                        (void)after_first.wait();
                                    }
                                    return failure{cause::unavailable, "second"};
                                }};
        outcome<int> answer;
        std::jthread caller([&] {
            context cx{time};
            answer = (hedge{pool, 1s} | task)(0, cx);
        });
        REQUIRE(begun.wait());
        time.until_waiting(1);
        time.advance(1s);
        if (first_comes_last) {
            REQUIRE(second_begun.wait());
            time.until_waiting(1);    // it joins
            go_on.set();
        }
        caller.join();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().text() == (first_comes_last ? "first" : "second"));
    }
}

TEST_CASE("hedge: an attempt that the executor has no thread for is not waited for", "[policy]") {
    manual_time time;
    event busy, go_on;
    thread_pool pool{{.workers = 1, .spares = 0}};
    pool.post([&] {
        busy.set();
        (void)go_on.wait();
    });
    REQUIRE(busy.wait());
    two_attempts const task{[](context&) { return 1; }, [](context&) { return 2; }};
    outcome<int> answer;
    std::jthread caller([&] {
        context cx{time};
        answer = (hedge{pool, 1s} | task)(0, cx);
    });
    time.until_waiting(1);
    time.advance(1s);
    caller.join();
    CHECK(answer == 1);    // the only call that was made
    CHECK(*task.calls == 1);
    go_on.set();
}

TEST_CASE("hedge: a stop or a deadline ends both, and is what the call fails with", "[policy]") {
    for (bool const by_deadline : {false, true}) {
        manual_time time;
        thread_pool pool{2};
        std::stop_source stop;
        event begun;
        two_attempts const task{[&](context& cx) {
                                    begun.set();
                                    return until_stopped(cx);
                                },
                                [](context&) { return 2; }};
        outcome<int> answer;
        std::jthread caller([&] {
            context cx{stop.get_token(), time};
            auto const soon = cx.change_deadline(by_deadline ? later(time.now(), 500ms) : never);
            answer = (hedge{pool, 1s} | task)(0, cx);
        });
        REQUIRE(begun.wait());
        time.until_waiting(2);
        if (by_deadline) time.advance(500ms);
        else stop.request_stop();
        caller.join();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().is(by_deadline ? cause::timed_out : cause::cancelled));
        CHECK(*task.calls == 1);
    }
}

TEST_CASE("hedge: what throws on the way to the task is a failure, on both threads", "[policy]") {
    thread_pool pool{2};
    context cx;
    auto const answer = (hedge{pool, 1h} | throws{} | [](int n) { return n; })(1, cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::threw));
    CHECK(answer.error().text() == "a policy threw");

    event busy, go_on;
    thread_pool full{{.workers = 1, .spares = 0}};
    full.post([&] {
        busy.set();
        (void)go_on.wait();
    });
    REQUIRE(busy.wait());
    auto const second = (hedge{full, 0ns} | throws{} | [](int n) { return n; })(1, cx);
    CHECK(second.error().text() == "a policy threw");
    go_on.set();
}

TEST_CASE("hedge: both attempts see which attempt of a retry it is, and the path of the item", "[policy]") {
    thread_pool pool{2};
    manual_time time;
    context cx{time};
    cx.item(5);
    std::vector<unsigned> seen;
    auto const answer = (retry{.attempts = 3, .delay = 0ns} | hedge{pool, 1h} | [&](int, context& call) -> outcome<int> {
        seen.push_back(call.attempt());
        CHECK(call.path() == std::vector<std::size_t>{5});
        return failure{cause::unavailable, "down"};
    })(1, cx);
    CHECK(seen == std::vector<unsigned>{1, 2, 3});
    CHECK(answer.error().attempts() == 3);
}

TEST_CASE("hedge: says itself", "[policy]") {
    inline_executor here;
    CHECK(hedge{here, 250ms}.describe() == "hedge{250ms}");
    CHECK(hedge{here, 1s} == hedge{here, 1s});
    CHECK_FALSE(hedge{here, 1s} == hedge{here, 2s});
}

TEST_CASE("hedge: an attempt that waits on a thread of the executor lends its place, as all that run there do", "[policy]") {
    thread_pool pool{1};
    wait_point opened;
    auto const ask = hedge{pool, std::chrono::hours{1}} | [&](int n, context& cx) -> outcome<int> {
        pool.post([&] { opened.wake(); });
        auto const until = cx.change_deadline(later(cx.now(), std::chrono::seconds{20}));
        if (cx.wait(opened) != context::wait_end::woken) return cx.interruption();
        return n;
    };
    CHECK(ask(1) == 1);
}
