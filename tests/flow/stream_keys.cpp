// The order by key in streams: a file beside stream.cpp, which is long enough.
#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/in_order_by.hpp>
#include <muster/policy/named.hpp>

using namespace muster;

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}
constexpr int keys = 7;
int key_of(int n) { return n % keys; }

// Each key is inside at most once, and its items come in order.
struct watched {
    struct eyes {
        std::array<std::atomic<int>, keys> inside{};
        std::array<std::atomic<int>, keys> last{};
        std::atomic<int> faults{0};
        eyes() {
            for (auto& one : last) one = -1;
        }
    };
    eyes* by;
    int operator()(int n) const {
        auto const key = static_cast<std::size_t>(key_of(n));
        if (by->inside[key].fetch_add(1) != 0) ++by->faults;
        if (by->last[key].exchange(n) >= n) ++by->faults;
        if (n % 3 == 0) std::this_thread::yield();
        by->inside[key].fetch_sub(1);
        return n;
    }
};
template <class Stream>
void check_order(Stream&& answers, int n) {
    std::map<int, int> last;
    std::vector<int> seen;
    for (auto& one : answers) {
        REQUIRE(one);
        auto const key = key_of(*one);
        CHECK((last.count(key) == 0 || last[key] < *one));
        last[key] = *one;
        seen.push_back(*one);
    }
    std::sort(seen.begin(), seen.end());
    CHECK(seen == numbers(n));
    for (auto const& stage : answers.report().stages) {
        CHECK(stage.in == stage.out + stage.failed);
        CHECK(stage.waiting == 0);
    }
}

}  // namespace

TEST_CASE("stream: with in_order_by items of a key come out in order, and no two run at once", "[flow][stream][in_order_by]") {
    thread_pool pool{4};
    blocking_pool waits{4};
    inline_executor here;
    auto const same = [](int n) { return n; };
    int const n = 3'000;
    for (int round = 0; round < 5; ++round) {
        watched::eyes a, b, c, d, e;
        check_order(stream(numbers(n), on{pool, 4} | in_order_by{key_of} | watched{&a}), n);
        check_order(stream(numbers(n), pipeline{same, on{waits, 4} | buffer{3} | in_order_by{key_of} | watched{&b}, same}), n);
        check_order(stream(numbers(n), pipeline{on{pool, 1} | same, on{waits, 3} | in_order_by{key_of} | watched{&c}, on{pool, 4} | in_order_by{key_of} | watched{&d}}), n);
        check_order(stream(numbers(n), on{here} | in_order_by{key_of} | watched{&e}), n);
        for (auto const* one : {&a, &b, &c, &d, &e}) CHECK(one->faults == 0);
    }
}

TEST_CASE("stream: with in_order_by items of other keys overtake one that takes long", "[flow][stream][in_order_by]") {
    blocking_pool pool{3};
    testing::event go_on;
    auto const slow_first = [&](int n) {
        if (n == 0) (void)go_on.wait();
        return n;
    };
    std::vector<int> seen;
    auto const key = [](int n) { return n == 1 ? 0 : n; };
    auto answers = stream(numbers(100), on{pool, 2} | in_order_by{key} | slow_first);
    std::jthread const other{[&] {
        while (answers.report().stages[0].out < 30) std::this_thread::yield();    // those of other lanes do not wait for it
        go_on.set();
    }};
    for (auto& one : answers) seen.push_back(*one);
    CHECK(seen.size() == 100);
    auto const at = [&](int n) { return std::find(seen.begin(), seen.end(), n) - seen.begin(); };
    CHECK(at(0) >= 30);
    CHECK(at(0) < at(1));
}

TEST_CASE("stream: with in_order_by one key for all is one at a time, in order", "[flow][stream][in_order_by]") {
    thread_pool pool{4};
    testing::crowd inside;
    std::vector<int> seen;
    for (auto& one : stream(numbers(500), on{pool, 4} | in_order_by{[](int) { return 0; }} | [&](int n) {
             testing::crowd::visit const here{inside};
             return n;
         }))
        seen.push_back(*one);
    CHECK(seen == numbers(500));
    CHECK(inside.most() == 1);
}

TEST_CASE("stream: with in_order_by an item whose key throws fails alone, and failures pass", "[flow][stream][in_order_by]") {
    thread_pool pool{3};
    auto const no_threes = [](int n) -> outcome<int> {
        if (n % 10 == 3) return failure{cause::invalid_input, "a three"};
        return n;
    };
    auto const key = [](int n) {
        if (n % 10 == 7) throw std::runtime_error{"a seven"};
        return n;
    };
    struct kept {
        std::mutex mutex;
        std::map<std::string, std::vector<int>> all;
        void put(failure const& what, int const& item) {
            std::lock_guard lock(mutex);
            all[std::string{what.text()}].push_back(item);
            if (what.text() == "a seven") CHECK(what.stage() == "keyed");
        }
        void put(failure const&) {}
    } failures;
    auto answers = stream(numbers(200), pipeline{on{pool} | no_threes, named{"keyed"} | on{pool, 3} | in_order_by{key} | [](int n) { return n; }}, failures);
    std::size_t count = 0;
    for (auto& one : answers) count += one % 10 != 3 && one % 10 != 7;
    CHECK(count == 160);
    CHECK(failures.all["a three"].size() == 20);
    CHECK(failures.all["a seven"].size() == 20);
    for (int const n : failures.all["a seven"]) CHECK(n % 10 == 7);
    auto const report = answers.report();
    CHECK(report.stages[1].failed == 20);
    CHECK(report.stages[1].in == report.stages[1].out + 20);

    int failed = 0;
    for (auto& one : stream(numbers(20), pipeline{on{pool} | no_threes, on{pool, 3} | in_order_by{key} | [](int n) { return n; }})) failed += !one;
    CHECK(failed == 4);
}

TEST_CASE("stream: with in_order_by items that cannot be copied go through, by a member as the key", "[flow][stream][in_order_by]") {
    struct order {
        int customer;
        std::unique_ptr<int> number;
    };
    thread_pool pool{3};
    int sum = 0;
    for (auto& one : stream(numbers(300), pipeline{[](int n) { return order{n % 5, std::make_unique<int>(n)}; },
                                                   on{pool, 3} | in_order_by{&order::customer} | [](order&& of) { return std::move(of.number); }}))
        sum += **one;
    CHECK(sum == 300 * 299 / 2);
    std::vector<order> orders;
    for (int n = 0; n < 100; ++n) orders.push_back({n % 3, std::make_unique<int>(n)});
    sum = 0;
    for (auto& one : stream(orders, on{pool, 3} | in_order_by{&order::customer} | [](order const& of) { return *of.number; })) sum += *one;
    CHECK(sum == 100 * 99 / 2);
}

TEST_CASE("stream: with in_order_by leaving and stopping hang nowhere", "[flow][stream][in_order_by]") {
    thread_pool pool{3};
    for (int leave = 0; leave < 30; ++leave) {
        int count = 0;
        for (auto& one : stream(indices{1'000'000}, pipeline{on{pool, 2} | [](std::size_t n) { return static_cast<int>(n); },
                                                             on{pool, 3} | buffer{4} | in_order_by{key_of} | [](int n) { return n; }})) {
            (void)one;
            if (++count > leave) break;
        }
        std::stop_source stop;
        count = 0;
        auto answers = stream(indices{1'000'000}, on{pool, 3} | in_order_by{[](std::size_t n) { return n % 5; }} | [](std::size_t n) { return n; }, context{stop.get_token()});
        std::size_t all = 0;
        for (auto& one : answers) {
            ++all;
            if (one && ++count == leave) stop.request_stop();
            if (leave == 0) break;
        }
        if (leave != 0) CHECK(all == answers.report().read + 1);
    }
}
