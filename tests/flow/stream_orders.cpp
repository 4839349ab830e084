#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/by_priority.hpp>
#include <muster/flow/fair.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/drop_newest.hpp>
#include <muster/policy/named.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::numbers;
using testing::same;
using testing::check_sums;
using testing::through_a_jam;

namespace {
struct request {
    int tenant;
    int number;
};
auto const more = [](int tenant) { return 1 + tenant; };

// Who comes and who is served in step.
class steps {
public:
    void come_when(auto const& there) { wait(there), tell(come_); }
    void served_when(auto const& there) { wait(there), tell(served_); }
    [[nodiscard]] int come() const { return come_; }    // under the lock: by who is asked
    [[nodiscard]] int served() const { return served_; }
    [[nodiscard]] bool patient() const { return patient_; }

private:
    void wait(auto const& there) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, testing::longest_wait, there)) patient_ = false;
    }
    void tell(int& which) {
        std::lock_guard lock(mutex_);
        ++which;
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    int come_ = 0, served_ = 0;
    bool patient_ = true;
};
}  // namespace

TEST_CASE("stream: one greedy tenant and nine small ones that wait get shares by their weights, within a tenth", "[flow][stream][fair]") {
    std::vector<request> requests(9'000, {0, 0});
    for (int n = 0; n < 200; ++n)
        for (int tenant = 1; tenant < 10; ++tenant) requests.push_back({tenant, n});
    auto const check = [&](auto const& by, auto const& weight) {
        stream_report report;
        auto const seen = through_a_jam(requests, buffer{20'000} | by, report);
        REQUIRE(seen.size() == requests.size());
        double weights = 0;
        for (int tenant = 0; tenant < 10; ++tenant) weights += weight(tenant);
        std::array<int, 10> served{}, last{};
        for (std::size_t i = 1; i < 1 + 1'000; ++i) {    // all of them wait that long; the first was inside before
            auto const& [tenant, number] = seen[i];
            ++served[static_cast<std::size_t>(tenant)];
            CHECK(number >= std::exchange(last[static_cast<std::size_t>(tenant)], number));
        }
        for (int tenant = 0; tenant < 10; ++tenant)
            CHECK(served[static_cast<std::size_t>(tenant)] == Approx(1'000 * weight(tenant) / weights).epsilon(0.1));
    };
    check(fair{&request::tenant}, [](int) { return 1; });
    check(fair{&request::tenant, more}, more);
}

TEST_CASE("stream: where a tenant floods a buffer that drops, the others have their shares all the same", "[flow][stream][fair]") {
    // Of 100 requests that come one is served: 91 are of one tenant, and one of each of the others.
    constexpr int rounds = 2'000;
    steps both;
    blocking_pool pool{3};
    auto const comes = [&](std::size_t n) {
        if (n % 100 == 0) both.come_when([&] { return both.served() + 2 >= both.come(); });
        return request{n % 100 < 91 ? 0 : static_cast<int>(n % 100) - 90, 0};
    };
    auto answers = stream(indices{100 * rounds}, pipeline{comes, on{pool, 1} | buffer{40} | fair{&request::tenant} | drop_newest{} | [&](request const& one) {
                                                              both.served_when([&] { return both.come() > both.served() || both.come() == rounds; });
                                                              return one.tenant;
                                                          }});
    std::array<int, 10> of{};
    int all = 0;
    for (auto& one : answers)
        if (all < rounds - 10) ++all, ++of[static_cast<std::size_t>(*one)];    // who comes last is served however greedy
    CHECK(both.patient());
    CHECK(all == rounds - 10);
    for (int const each : of) CHECK(each == Approx(all / 10.0).epsilon(0.1));
    auto const report = answers.report();
    check_sums(report);
    CHECK(report.stages[1].dropped.over_share > 91 * rounds / 2);
}

TEST_CASE("stream: what is urgent overtakes what waits", "[flow][stream]") {
    std::vector<request> requests;
    for (int n = 0; n < 100; ++n) requests.push_back({0, n});
    for (int n = 0; n < 1'000; ++n) requests.push_back({1, n});
    stream_report report;
    auto const seen = through_a_jam(requests, buffer{2'000} | by_priority{&request::tenant}, report);
    REQUIRE(seen.size() == 1'100);
    for (std::size_t i = 0; i < 1'000; ++i) CHECK((seen[i + 1].tenant == 1 && seen[i + 1].number == static_cast<int>(i)));
    CHECK(seen.back().number == 99);
}

TEST_CASE("stream: what is not urgent goes before it has waited for ever, however much comes that is", "[flow][stream]") {
    // The sixth of them is not urgent, all others are; ten wait, and for each that is served one comes.
    auto const place_of_it = [](std::uint64_t age) {
        constexpr int all = 500;
        steps both;
        blocking_pool pool{3};
        auto const comes = [&](std::size_t n) {
            both.come_when([&] { return both.come() < both.served() + 10; });
            return request{n == 5 ? 0 : 1, static_cast<int>(n)};
        };
        auto answers = stream(indices{all}, pipeline{comes, on{pool, 1} | by_priority{&request::tenant, {.age = age}} | [&](request const& one) {
                                                         both.served_when([&] { return both.come() > both.served() + 8 || both.come() == all; });
                                                         return one.tenant;
                                                     }});
        int at = 0, found = -1;
        for (auto& one : answers) {
            if (*one == 0) found = at;
            ++at;
        }
        CHECK(both.patient());
        CHECK(at == all);
        return found;
    };
    CHECK(place_of_it(0) > 480);
    auto const aged = place_of_it(64);
    CHECK(aged > 50);
    CHECK(aged < 100);
}

TEST_CASE("stream: what says who is next may throw, and the item fails in the stage that it waited for", "[flow][stream]") {
    thread_pool pool{2};
    auto const key = [](int n) {
        if (n % 10 == 3) throw std::runtime_error{"no such tenant"};
        return n % 2;
    };
    auto answers = stream(numbers(100), named{"serve"} | on{pool} | fair{key} | same);
    int failed = 0;
    for (auto& one : answers) {
        if (one) continue;
        ++failed;
        CHECK(one.error().is(cause::threw));
        CHECK(one.error().text() == "no such tenant");
        CHECK(one.error().stage() == "serve");
        CHECK(one.error().index() % 10 == 3);
    }
    CHECK(failed == 10);
    check_sums(answers.report());
}
