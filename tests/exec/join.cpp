#include <muster/exec/join.hpp>

#include "catch.hpp"
#include "forked.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>

using namespace muster;

namespace {

std::uint64_t fib(worker w, unsigned n) {
    if (n < 2) return n;
    auto [a, b] = join(w, [n](worker in) { return fib(in, n - 1); }, [n](worker in) { return fib(in, n - 2); });
    return a + b;
}
std::uint64_t fib(unsigned n) {
    if (n < 2) return n;
    auto [a, b] = join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
    return a + b;
}
// Both faces in turn: each keeps its own place.
std::uint64_t mixed(worker w, unsigned n) {
    if (n < 2) return n;
    if (n % 2 == 0) {
        auto [a, b] = join(w, [n](worker in) { return mixed(in, n - 1); }, [n](worker in) { return mixed(in, n - 2); });
        return a + b;
    }
    auto [a, b] = join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
    return a + b;
}

struct odd : std::runtime_error {
    using runtime_error::runtime_error;
};

// Sums the leaves; each whose number the mask marks throws.
std::uint64_t sum(worker w, std::uint64_t first, std::uint64_t last, std::uint64_t throws_at) {
    if (last - first == 1) {
        if (first == throws_at) throw odd(std::to_string(first));
        return first;
    }
    auto const middle = first + (last - first) / 2;
    auto [a, b] = join(w, [=](worker in) { return sum(in, first, middle, throws_at); },
                       [=](worker in) { return sum(in, middle, last, throws_at); });
    return a + b;
}

// Waits until somebody else has taken part: shows that work is shared without a clock.
void busy_until(worker w, std::atomic<bool> const& seen) {
    while (!seen) join(w, [](worker) {}, [](worker) {});
}

}  // namespace

TEST_CASE("join: gives both answers, on every width and from both faces", "[exec][join]") {
    for (std::size_t const workers : {1u, 2u, 3u, 16u, 64u}) {
        thread_pool pool{workers};
        for (int round = 0; round < 3; ++round) {
            CHECK(*pool.run([](worker w) { return fib(w, 23); }) == 28'657);
            CHECK(*pool.run([] { return fib(23); }) == 28'657);
            CHECK(*pool.run([](worker w) { return mixed(w, 23); }) == 28'657);
        }
    }
}

TEST_CASE("join: outside a pool, and in one that does not fork, the sides are called one after the other", "[exec][join]") {
    std::string order;
    auto [a, b] = join([&] { order += 'f'; return 1; }, [&] { order += 'g'; return 2; });
    CHECK(order == "fg");
    CHECK(a + b == 3);
    blocking_pool wide{2};
    CHECK(*map(std::array{10u, 11u}, on{wide} | [](unsigned n) { return fib(n); })[1] == 89);
}

TEST_CASE("join: answers may be nothing, or move only; more than two are a tuple", "[exec][join]") {
    thread_pool pool{2};
    int left = 0;
    auto const done = pool.run([&](worker w) {
        auto [nothing, text] = join(w, [&](worker) { left = 1; }, [](worker) { return std::make_unique<std::string>("b"); });
        static_assert(std::is_same_v<decltype(nothing), std::monostate>);
        auto [x, y, z, u] = join(w, [](worker) { return 1; }, [](worker) { return 2L; }, [](worker) { return std::string{"3"}; }, [](worker) {});
        static_assert(std::is_same_v<decltype(y), long> && std::is_same_v<decltype(u), std::monostate>);
        auto [p, q, r] = join([] { return 4; }, [] { return 5; }, [] { return 6; });
        return *text + std::to_string(x) + std::to_string(y) + z + std::to_string(p) + std::to_string(q) + std::to_string(r);
    });
    CHECK(left == 1);
    CHECK(done.value() == "b123456");
}

TEST_CASE("join: an idle worker takes the other side while this one is busy", "[exec][join]") {
    for (std::size_t const workers : {2u, 4u}) {
        thread_pool pool{workers};
        for (int round = 0; round < 50; ++round) {
            std::atomic<bool> seen{false};
            auto const here = std::this_thread::get_id();
            auto const elsewhere = pool.run([&](worker w) {
                auto [nothing, by] = join(w, [&](worker in) { busy_until(in, seen); },
                                          [&](worker) {
                                              seen = true;
                                              return std::this_thread::get_id();
                                          });
                return by;
            });
            REQUIRE(elsewhere.value() != here);
        }
    }
}

TEST_CASE("join: throws what a side throws, the left one's where both do, and calls none in vain", "[exec][join]") {
    for (std::size_t const workers : {1u, 2u, 8u}) {
        thread_pool pool{workers};
        CHECK(pool.run([](worker w) { return sum(w, 0, 4'096, 5'000); }).value() == 4'096 * 4'095 / 2);
        for (std::uint64_t const at : {0u, 1u, 2'047u, 2'048u, 4'095u}) {
            auto const failed = pool.run([at](worker w) { return sum(w, 0, 4'096, at); });
            REQUIRE(!failed);
            CHECK(failed.error().is(cause::threw));
            CHECK(failed.error().text() == std::to_string(at));
        }
        auto const both = pool.run([](worker w) {
            join(w, [](worker) { throw odd("left"); }, [](worker) { throw odd("right"); });
        });
        CHECK(both.error().text() == "left");
    }
    thread_pool one{1};
    bool called = false;
    CHECK(!one.run([&](worker w) { join(w, [](worker) { throw odd("left"); }, [&](worker) { called = true; }); }));
    CHECK(!called);
    CHECK_THROWS_AS(join([]() -> int { throw odd("x"); }, [] { return 1; }), odd);
}

TEST_CASE("join: the left side throws while another thread is in the right one: its answer is waited for, and destroyed", "[exec][join]") {
    thread_pool pool{2};
    auto const token = std::make_shared<int>(1);
    for (int round = 0; round < 50; ++round) {
        std::atomic<bool> taken{false};
        auto const failed = pool.run([&](worker w) {
            join(w,
                 [&](worker in) {
                     busy_until(in, taken);
                     throw odd("left");
                 },
                 [&](worker) {
                     taken = true;
                     return token;
                 });
        });
        REQUIRE(failed.error().text() == "left");
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("join: what waits runs nothing but what its own other side forked", "[exec][join]") {
    // Each leaf locks what only one may hold, and joins under the lock. A stranger's leaf on that thread would lock it again.
    for (std::size_t const workers : {1u, 2u, 3u, 16u}) {
        thread_pool pool{workers};
        std::mutex one_at_a_time;
        static thread_local bool holding = false;
        std::atomic<std::size_t> strangers{0}, leaves{0};
        auto const leaf = [&](worker w) {
            strangers += holding;
            std::lock_guard const lock(one_at_a_time);
            holding = true;
            join(w, [](worker in) { return fib(in, 8); }, [](worker in) { return fib(in, 8); });
            holding = false;
            ++leaves;
        };
        auto const tree = [&leaf](auto const& self, worker w, int depth) -> void {
            if (depth == 0) return leaf(w);
            join(w, [&self, depth](worker in) { self(self, in, depth - 1); }, [&self, depth](worker in) { self(self, in, depth - 1); });
        };
        for (int round = 0; round < 5; ++round) REQUIRE(pool.run([&](worker w) { tree(tree, w, 7); }));
        CHECK(strangers == 0);
        CHECK(leaves == 5 * 128);
    }
}

TEST_CASE("join: a stop ends the run at its next fork", "[exec][join]") {
    for (std::size_t const workers : {1u, 2u, 8u}) {
        thread_pool pool{workers};
        std::stop_source stop;
        std::atomic<std::size_t> leaves{0};
        auto const endless = [&](auto const& self, worker w, std::uint64_t depth) -> void {
            if (++leaves == 1'000) stop.request_stop();
            join(w, [&self, depth](worker in) { if (depth < 40) self(self, in, depth + 1); }, [&self, depth](worker in) { if (depth < 40) self(self, in, depth + 1); });
        };
        auto const ended = pool.run([&](worker w) { endless(endless, w, 0); }, context{stop.get_token()});
        REQUIRE(!ended);
        CHECK(ended.error().is(cause::cancelled));
        CHECK(leaves < 1'000'000'000);    // of 2^41
        CHECK(*pool.run([](worker w) { return fib(w, 20); }) == 6'765);    // the pool is as before
    }
    std::stop_source before;
    before.request_stop();
    thread_pool pool{2};
    bool called = false;
    CHECK(pool.run([&](worker w) { join(w, [&](worker) { called = true; }, [](worker) {}); }, context{before.get_token()}).error().is(cause::cancelled));
    CHECK(!called);
    // An item of a verb below that is cancelled, too: it did not throw of its own accord.
    auto const items = pool.run([] { return map(std::array{1, 2}, [](int n) { return join([n] { return n; }, [n] { return n; }).first; }); },
                                context{before.get_token()});
    for (auto const& each : items.value()) CHECK(each.error().is(cause::cancelled));
}

TEST_CASE("join: in the tasks of a pool, nested in verbs and the other way round", "[exec][join]") {
    for (std::size_t const workers : {1u, 2u, 5u}) {
        thread_pool pool{workers};
        std::vector<unsigned> const sizes{18, 3, 19, 0, 17, 18, 1};
        for (auto const& each : map(sizes, on{pool} | [](unsigned n) { return fib(n); })) CHECK(each);
        auto const inner = [&](unsigned n) {
            return pool.run([&, n](worker w) {
                auto [a, b] = join(w, [&](worker) { return map(sizes, on{pool} | [](unsigned m) { return fib(m); })[0].value(); },
                                   [n](worker in) { return fib(in, n); });
                return a + b;
            });
        };
        for (auto const& each : map(sizes, on{pool} | inner)) CHECK(each.value() >= 2'584);
        auto handle = pool.submit([] { return fib(20); });
        CHECK(handle.get().value() == 6'765);
    }
}

TEST_CASE("join: many callers from outside share one pool", "[exec][join]") {
    thread_pool pool{3};
    std::atomic<std::size_t> right{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 12; ++c)
            callers.emplace_back([&] {
                for (int round = 0; round < 20; ++round) right += *pool.run([](worker w) { return fib(w, 16); }) == 987;
            });
    }
    CHECK(right == 240);
}

TEST_CASE("join: a chain of forks as deep as the stack allows", "[exec][join]") {
    thread_pool pool{2};
    auto const down = [](auto const& self, worker w, unsigned depth) -> unsigned {
        if (depth == 0) return 0;
        auto [a, b] = join(w, [&self, depth](worker in) { return self(self, in, depth - 1); }, [](worker) { return 1u; });
        return a + b;
    };
    unsigned const depth = sanitized ? 2'000 : 10'000;    // the frames of a sanitizer are several times as large
    CHECK(*pool.run([&](worker w) { return down(down, w, depth); }) == depth);
}

TEST_CASE("join: the forks around a call that waits are taken by others meanwhile", "[exec][join]") {
    thread_pool pool{2};
    for (int round = 0; round < 20; ++round) {
        wait_point over;
        auto const end = pool.run([&] {
            // The outer fork answers the wish that every run begins with; nobody forks again before the wait.
            return join([&] { return join([&] { return context{pool.waiting()}.wait(over); }, [&] { over.wake(); }).first; }, [] {}).first;
        });
        REQUIRE(end.value() == context::wait_end::woken);
    }
}
