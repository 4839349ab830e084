#include <muster/flow/stream.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/by_priority.hpp>
#include <muster/flow/fair.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/drop_newest.hpp>
#include <muster/policy/drop_oldest.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/in_order_by.hpp>
#include <muster/policy/sample.hpp>
#include <muster/policy/spill.hpp>
#include <muster/policy/throttle.hpp>

using namespace muster;

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

// What a sequential program makes of the same items.
struct model {
    std::vector<int> answers;    // sorted
    int failed = 0;
};
model expected(int items, int fail_1, int fail_2) {
    model out;
    for (int i = 0; i < items; ++i) {
        if (i % fail_1 == 1 || (i + 1) % fail_2 == 2) ++out.failed;
        else out.answers.push_back((i + 1) * 3);
    }
    return out;
}

// The same task, many items at once; a call that throws fails all of its items, so what one item throws stays its own.
template <class Task>
auto at_once(Task const& task) {
    return [task](std::span<int const> some) {
        std::vector<outcome<int>> out;
        for (int const n : some) {
            try {
                out.emplace_back(task(n));
            } catch (std::runtime_error const& what) {
                out.emplace_back(failure{cause::threw, what.what()});
            }
        }
        return out;
    };
}

template <class Make>
void run_case(std::mt19937& random, Make const& make) {
    auto const pick = [&](int from, int to) { return std::uniform_int_distribution<int>{from, to}(random); };
    int const items = pick(0, 120), fail_1 = pick(2, 20), fail_2 = pick(3, 20), leave = pick(0, 9) == 0 ? pick(0, 60) : -1, stop_at = pick(0, 9) == 0 ? pick(0, 60) : -1;
    auto const first = [=](int n) {
        if (n % fail_1 == 1) throw std::runtime_error{"first"};
        return n + 1;
    };
    auto const second = [=](int n) -> outcome<int> {
        if (n % fail_2 == 2) return failure{cause::invalid_input, "second"};
        return n * 3;
    };
    std::stop_source stop;
    auto answers = stream(numbers(items), make(first, second, pick), context{stop.get_token()});
    std::vector<int> seen;
    int failed = 0, cancelled = 0, count = 0;
    for (auto& one : answers) {
        if (one) seen.push_back(*one);
        else if (one.error().is(cause::cancelled)) ++cancelled;
        else ++failed;
        if (++count == leave) return;    // and nothing hangs or leaks
        if (count == stop_at) stop.request_stop();
    }
    auto const report = answers.report();
    for (auto const& stage : report.stages) CHECK(stage.in == stage.out + stage.failed + stage.dropped.all());
    auto const should = expected(items, fail_1, fail_2);
    std::sort(seen.begin(), seen.end());
    CHECK(seen.size() + static_cast<std::size_t>(failed + cancelled) + report.dropped == report.read + report.stopped);
    if (cancelled == 0 && report.dropped == 0) {
        CHECK(seen == should.answers);
        CHECK(failed == should.failed);
    } else {
        CHECK(std::includes(should.answers.begin(), should.answers.end(), seen.begin(), seen.end()));
        CHECK(failed <= should.failed);
    }
}

}  // namespace

TEST_CASE("stream: random pipelines do what a sequential program does", "[flow][stream]") {
    thread_pool pool{3};
    blocking_pool waits{4};
    std::mt19937 random{20'261'122};
    int const rounds = std::getenv("MUSTER_SOAK") ? 1'250 : 50;    // fourteen pipelines each
    for (int round = 0; round < rounds; ++round) {
        auto const width = [](auto const& pick) { return static_cast<std::size_t>(pick(1, 4)); };
        auto const room = [](auto const& pick) { return static_cast<std::size_t>(pick(1, 8)); };
        run_case(random, [&](auto a, auto b, auto const&) { return pipeline{a, b}; });
        run_case(random, [&](auto a, auto b, auto const& pick) { return pipeline{on{pool, width(pick)} | buffer{room(pick)} | a, b}; });
        run_case(random, [&](auto a, auto b, auto const& pick) { return pipeline{a, on{waits, width(pick)} | buffer{room(pick)} | b}; });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | buffer{room(pick)} | a, on{pool, width(pick)} | buffer{room(pick)} | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | buffer{room(pick)} | a, on{waits, width(pick)} | buffer{room(pick)} | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | in_order{} | a, on{waits, width(pick)} | in_order{} | buffer{room(pick)} | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{waits, width(pick)} | a, on{waits, 1} | buffer{1} | [](int n) { return n; }, on{pool, width(pick)} | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | a, [](int n) { return n; }, on{pool, width(pick)} | in_order{} | b, on{pool, width(pick)} | [](int n) { return n; }};
        });
        auto const batch = [](auto const& pick) {
            batched out{.size = static_cast<std::size_t>(pick(0, 20))};    // 0: automatic
            if (pick(0, 3) == 0) out.bytes = static_cast<std::size_t>(pick(1, 40));
            if (pick(0, 3) == 0) out.linger = std::chrono::microseconds{pick(1, 500)};
            return out;
        };
        auto const key = [](int n) { return n % 5; };
        run_case(random, [&](auto a, auto b, auto const& pick) { return pipeline{batch(pick) | at_once(a), b}; });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            auto const first = batch(pick);
            return pipeline{on{pool, width(pick)} | buffer{room(pick)} | first | at_once(a), batch(pick) | at_once(b)};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            auto const first = batch(pick);
            return pipeline{on{waits, width(pick)} | in_order{} | first | at_once(a), on{pool, width(pick)} | buffer{room(pick)} | batch(pick) | at_once(b)};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{a, on{waits, width(pick)} | in_order{} | batch(pick) | at_once(b), on{pool, width(pick)} | [](int n) { return n; }};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | buffer{room(pick)} | in_order_by{key} | a, on{waits, width(pick)} | in_order_by{key} | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            return pipeline{on{pool, width(pick)} | a, on{pool, width(pick)} | buffer{room(pick)} | in_order_by{key} | b, on{waits, 1} | batch(pick) | at_once([](int n) { return n; })};
        });
    }
}

TEST_CASE("stream: random pipelines that drop, spill and reorder lose nothing that is not counted", "[flow][stream]") {
    thread_pool pool{3};
    blocking_pool waits{4};
    std::mt19937 random{20'261'123};
    int const rounds = std::getenv("MUSTER_SOAK") ? 700 : 25;    // twenty-one pipelines each
    auto const tens = [](int n) { return n / 10; };
    auto const thirds = [](int n) { return n % 3; };
    auto const width = [](auto const& pick) { return static_cast<std::size_t>(pick(1, 4)); };
    auto const room = [](auto const& pick) { return static_cast<std::size_t>(pick(1, 8)); };
    auto const both = [&](auto const& how) {
        run_case(random, [&](auto a, auto b, auto const& pick) {
            auto const here = on{pool, width(pick)} | buffer{room(pick)};
            auto const there = on{waits, width(pick)} | buffer{room(pick)};
            return pipeline{here | how | a, there | how | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            auto const here = on{pool, width(pick)} | in_order{};
            auto const there = on{pool, width(pick)} | in_order{} | buffer{room(pick)};
            return pipeline{here | a, [](int n) { return n; }, there | how | b};
        });
        run_case(random, [&](auto a, auto b, auto const& pick) {
            auto const here = on{pool, width(pick)} | buffer{room(pick)};
            auto const there = on{waits, width(pick)} | buffer{room(pick)};
            auto const size = static_cast<std::size_t>(pick(0, 9));
            auto const linger = std::chrono::microseconds{pick(0, 500)};
            return pipeline{here | how | batched{.size = size, .linger = linger} | at_once(a), there | how | in_order_by{thirds} | b};
        });
    };
    for (int round = 0; round < rounds; ++round) {
        both(drop_oldest{});
        both(drop_newest{});
        both(sample{.every = 3});
        both(throttle{.items = 30, .per = std::chrono::hours{1}} | drop_oldest{});
        both(spill{.memory = 9'000});
        both(fair{tens});
        both(by_priority{thirds});
    }
}
