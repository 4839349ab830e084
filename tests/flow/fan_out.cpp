#include <muster/flow/fan_out.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/policy/retry.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::meeting;

namespace {
auto const half = [](int n) { return n / 2.0; };
auto const text = [](int n) { return std::to_string(n); };
auto const broken = [](int) -> int { throw std::runtime_error{"broken"}; };
auto const closed = [](int) -> outcome<int> { return failure{cause::unavailable, "closed"}; };
auto const plus_one = [](int n) { return n + 1; };

// Waits until the stop of its call, and tells that it came.
auto waits_for_stop(std::atomic<int>& stopped) {
    return [&stopped](int, context& cx) -> outcome<int> {
        wait_point nobody;
        (void)cx.wait(nobody);
        ++stopped;
        return cx.interruption();
    };
}
}  // namespace

TEST_CASE("fan_out: all gives each task's own outcome, in the order of the tasks", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        auto const answers = fan_out(3, on{pool} | all{half, broken, text});
        static_assert(std::same_as<decltype(answers), std::tuple<outcome<double>, outcome<int>, outcome<std::string>> const>);
        CHECK(std::get<0>(answers) == 1.5);
        CHECK(std::get<1>(answers).error().index() == 1);
        CHECK(std::get<1>(answers).error().text() == "broken");
        CHECK(std::get<2>(answers) == "3");
    }
    CHECK(std::get<0>(fan_out(3, all{half})) == 1.5);
}

TEST_CASE("fan_out: all runs its tasks at once where there is a place", "[flow]") {
    thread_pool pool{3};
    meeting three{3};
    auto const meet = [&](int) { return three.arrive(); };
    auto const [a, b, c] = fan_out(0, on{pool} | all{meet, meet, meet});
    CHECK(a == true);
    CHECK(b == true);
    CHECK(c == true);
}

TEST_CASE("fan_out: first takes the first success, stops the others and joins them", "[flow]") {
    thread_pool pool{3};
    std::atomic<int> stopped{0};
    meeting all_there{3};
    auto const slow = [&](int n, context& cx) { (void)all_there.arrive(); return waits_for_stop(stopped)(n, cx); };
    auto const quick = [&](int n) { (void)all_there.arrive(); return n + 1; };
    CHECK(fan_out(4, on{pool} | first{slow, quick, slow}) == 5);
    CHECK(stopped == 2);
}

TEST_CASE("fan_out: first without a place asks one after the other, and no further once one answered", "[flow]") {
    int calls = 0;
    auto const counted = [&](int n) { ++calls; return n; };
    CHECK(fan_out(4, first{closed, counted, counted}) == 4);
    CHECK(calls == 1);
}

TEST_CASE("fan_out: an answer that throws when it is moved is a failure of its task", "[flow]") {
    struct throws_once {
        std::atomic<int>* left;
        explicit throws_once(std::atomic<int>& by) : left(&by) {}
        throws_once(throws_once&& from) : left(from.left) {
            if ((*left)-- > 0) throw std::runtime_error{"moved"};
        }
        throws_once& operator=(throws_once&&) = default;
    };
    thread_pool pool{2};
    std::atomic<int> left{1};
    auto const task = [&left](int) { return throws_once{left}; };
    auto const both = fan_out(1, on{pool} | all{task, task});
    CHECK(std::get<0>(both).has_value() + std::get<1>(both).has_value() == 1);
    left = 1;
    CHECK(fan_out(1, on{pool} | first{task, task}).has_value());
    left = 2;
    auto const none = fan_out(1, on{pool} | quorum{1, task, task});
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().is(cause::threw));
}

TEST_CASE("fan_out: first fails with the failure that came last when all failed", "[flow]") {
    auto const answer = fan_out(4, first{closed, broken});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().text() == "broken");
    CHECK(answer.error().index() == 1);
}

TEST_CASE("fan_out: quorum gives as many answers as it needs, in the order of the tasks, and stops the rest", "[flow]") {
    thread_pool pool{4};
    std::atomic<int> stopped{0};
    meeting all_there{4};
    auto const slow = [&](int n, context& cx) { (void)all_there.arrive(); return waits_for_stop(stopped)(n, cx); };
    auto const add = [&](int by) { return [&, by](int n) { (void)all_there.arrive(); return n + by; }; };
    auto const answers = fan_out(0, on{pool} | quorum{2, add(1), slow, add(2), slow});
    REQUIRE(answers.has_value());
    CHECK(*answers == std::vector{1, 2});
    CHECK(stopped == 2);
}

TEST_CASE("fan_out: quorum fails as soon as it cannot be reached, says how many answered, and stops the rest", "[flow]") {
    thread_pool pool{4};
    std::atomic<int> stopped{0};
    event one_answered;
    meeting all_there{4};
    auto const slow = [&](int n, context& cx) { (void)all_there.arrive(); return waits_for_stop(stopped)(n, cx); };
    auto const good = [&](int n) { (void)all_there.arrive(); one_answered.set(); return n; };
    auto const bad = [&](int) -> outcome<int> {
        (void)all_there.arrive();
        (void)one_answered.wait();
        return failure{cause::unavailable, "closed"};
    };
    auto const answers = fan_out(0, on{pool} | quorum{3, good, bad, bad, slow});
    REQUIRE_FALSE(answers.has_value());
    CHECK(answers.error().is(cause::unavailable));
    CHECK(answers.error().text() == "closed; 1 of 3 answers that were needed");
    CHECK(stopped == 1);
}

TEST_CASE("fan_out: a quorum of none is there at once, one of more than there are tasks never, and neither asks", "[flow]") {
    int calls = 0;
    auto const counted = [&](int n) { ++calls; return n; };
    auto const none = fan_out(1, quorum{0, counted, counted});
    REQUIRE(none.has_value());
    CHECK(none->empty());
    auto const three = fan_out(1, quorum{3, counted, counted});
    REQUIRE_FALSE(three.has_value());
    CHECK(three.error().is(cause::invalid_input));
    CHECK(calls == 0);
}

TEST_CASE("fan_out: policies in front of the group are about each of its tasks", "[flow]") {
    int calls = 0;
    auto const second_time = [&](int n) -> outcome<int> {
        if (++calls % 2 == 1) return failure{cause::unavailable, "not yet"};
        return n;
    };
    auto const [a, b] = fan_out(7, retry{.attempts = 2, .delay = 0ns} | all{second_time, second_time});
    CHECK(a == 7);
    CHECK(b == 7);
    CHECK(calls == 4);
}

TEST_CASE("fan_out: a stop of its context reaches the tasks, and those that did not start", "[flow]") {
    std::stop_source stop;
    auto const stops = [&](int) -> outcome<int> { stop.request_stop(); return failure{cause::unavailable, "down"}; };
    int calls = 0;
    auto const counted = [&](int n) { ++calls; return n; };
    auto const answer = fan_out(1, first{stops, counted}, context{stop.get_token()});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::cancelled));
    auto const [a, b] = fan_out(1, all{counted, counted}, context{stop.get_token()});
    CHECK(a.error().is(cause::cancelled));
    CHECK(a.error().attempts() == 0);
    CHECK(b.error().index() == 1);
    CHECK(calls == 0);
}

TEST_CASE("fan_out: nested in a map, on the same pool, a failure names item and task", "[flow]") {
    for (std::size_t const width : {1u, 2u, 8u}) {
        thread_pool pool{width};
        std::vector<int> const items{1, 2, 3};
        context const parent;
        detail::run_each(nullptr, run_info{}, 3, parent, [&](std::size_t i, context& cx) {
            cx.item(i);
            auto const [good, bad] = fan_out(items[i], on{pool} | all{plus_one, closed}, cx);
            CHECK(good == items[i] + 1);
            REQUIRE_FALSE(bad.has_value());
            CHECK(bad.error().path() == std::vector<std::size_t>{i, 1});
        });
    }
}

TEST_CASE("fan_out: a task that cannot be copied fails alone", "[flow]") {
    struct copied_in_vain {
        bool const* refuses;
        explicit copied_in_vain(bool const& when) : refuses(&when) {}
        copied_in_vain(copied_in_vain const& other) : refuses(other.refuses) {
            if (*refuses) throw std::runtime_error{"no copy"};
        }
        int operator()(int n) const { return n; }
    };
    bool refuses = false;
    thread_pool pool{2};
    auto const both = on{pool} | all{[](int n) { return n + 1; }, copied_in_vain{refuses}};
    refuses = true;
    auto const [other, one] = fan_out(1, both);
    CHECK(other == 2);
    REQUIRE(!one.has_value());
    CHECK(one.error().text() == "no copy");
    CHECK(one.error().index() == 1);
}
