#include <muster/exec/pending.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;

TEST_CASE("pending: gives the outcome of the task: a value, nothing, an outcome, what it threw", "[exec]") {
    thread_pool pool{2};
    CHECK(pool.submit([] { return std::string{"done"}; }).get() == "done");
    CHECK(pool.submit([] {}).get().has_value());
    CHECK(pool.submit([]() -> outcome<int> { return failure{cause::unavailable, "closed"}; }).get().error().is(cause::unavailable));
    auto const thrown = pool.submit([]() -> int { throw std::runtime_error{"broke"}; }).get();
    REQUIRE_FALSE(thrown.has_value());
    CHECK(thrown.error().is(cause::threw));
    CHECK(thrown.error().text() == "broke");
}

TEST_CASE("pending: takes tasks and gives answers that only move", "[exec]") {
    blocking_pool pool{2};
    auto answer = pool.submit([held = std::make_unique<int>(7)] { return std::make_unique<int>(*held + 1); }).get();
    REQUIRE(answer.has_value());
    CHECK(**answer == 8);
}

TEST_CASE("pending: an answer that throws when it is moved is a failure, and the pool goes on", "[exec]") {
    struct throws_once {
        std::atomic<bool>* armed;
        explicit throws_once(std::atomic<bool>& by) : armed(&by) {}
        throws_once(throws_once&& from) : armed(from.armed) {
            if (armed->exchange(false)) throw std::runtime_error{"moved"};
        }
        throws_once& operator=(throws_once&&) = default;
    };
    thread_pool pool{1};
    std::atomic<bool> armed{true};
    auto const answer = pool.submit([&] { return throws_once{armed}; }).get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::threw));
    CHECK(answer.error().text() == "moved");
    CHECK(pool.submit([&] { return throws_once{armed}; }).get().has_value());
}

TEST_CASE("pending: a wait that ends first says why, and the task goes on", "[exec]") {
    event go_on;
    thread_pool pool{1};
    auto answer = pool.submit([&] { return go_on.wait(); });
    CHECK_FALSE(answer.ready());

    context late;
    auto const deadline = late.change_deadline(late.now());
    CHECK(answer.get(late).error().is(cause::timed_out));

    std::stop_source stop;
    stop.request_stop();
    CHECK(answer.get(context{stop.get_token()}).error().is(cause::cancelled));

    go_on.set();
    CHECK(answer.get() == true);
    CHECK(answer.ready());
}

TEST_CASE("pending: a handle may be dropped, and may outlive the executor", "[exec]") {
    std::optional<thread_pool> pool{1};
    event ran;
    (void)pool->submit([&] { ran.set(); });
    REQUIRE(ran.wait());
    auto answer = pool->submit([] { return 5; });
    pool.reset();
    CHECK(answer.ready());
    CHECK(answer.get() == 5);
}

TEST_CASE("pending: a task may wait for another one of the same pool, also on one worker", "[exec]") {
    thread_pool pool{1};
    auto const sum = pool.submit([&] {
        auto a = pool.submit([] { return 1; }), b = pool.submit([] { return 2; });
        return *a.get() + *b.get();
    }).get();
    CHECK(sum == 3);
}
