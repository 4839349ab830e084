#include <muster/exec/thread_pool.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/join.hpp>
#include <muster/flow/fan_out.hpp>
#include <muster/flow/for_each.hpp>
#include <muster/flow/graph.hpp>
#include <muster/flow/map.hpp>
#include <muster/flow/reduce.hpp>
#include <muster/flow/scan.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/hedge.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>

// Trees of nested verbs, joins, policies and resources, drawn at random, from several callers at once, with exceptions, deadlines
// and stops, in pools that are made and destroyed, and grow and shrink meanwhile. Nothing may hang, lose an item, or blame the wrong one. Two seconds; ten minutes
// with MUSTER_SOAK. What hangs ends the process, and says which world it was.

using namespace muster;
using namespace std::chrono_literals;
using testing::event;

namespace {

class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
    std::uint64_t next() { return detail::mixed(state_++); }

private:
    std::uint64_t state_;
};

struct tally {    // outlives the pools: they run out what was posted when they go
    std::atomic<std::size_t> wrong{0}, posted{0}, ran{0};
};

// What the callers of one world share.
struct world {
    world(dice& by, tally& in)
        : counts(in), first({.workers = 1 + by.below(3), .spares = 256}), second({.workers = 1 + by.below(3), .spares = 256}),
          wide(1 + by.below(4)), memory({.entries = 16}) {}

    tally& counts;
    rate_limiter quick{{.permits = 1, .per = 2us, .burst = 8}};
    bulkhead room{2};
    inline_executor here;
    thread_pool first, second;
    blocking_pool wide;
    memory_cache<std::uint64_t, int> memory;

    void expect(bool right) { counts.wrong += !right; }
};

struct node {
    std::uint64_t seed = 0;
    unsigned depth = 0;    // below it
};
outcome<int> grow(world& in, node at, context& cx);
outcome<int> forks(world& in, thread_pool& pool, context& cx, dice& by);

std::vector<node> children(dice& by, node at) {
    std::vector<node> some(by.below(7));
    for (auto& each : some) each = {by.next(), at.depth - 1};
    return some;
}

template <class Place>
outcome<int> verbs(world& in, node at, context& cx, dice& by, Place place) {
    auto const some = children(by, at);
    auto const task = [&](node const& each, context& inner) { return grow(in, each, inner); };
    auto const blames_right = [&](std::vector<failure> const& failures) {
        for (auto const& each : failures) in.expect(each.index() < some.size() && each.path().size() > cx.depth());
    };
    switch (by.below(7)) {
        case 5: {
            std::vector<int> numbers(by.below(300), 1);
            auto const prefixes = scan(numbers, place | [](int n) { return n; }, 0, std::plus<>{}, cx);
            if (!prefixes) in.expect(cx.stop_requested());
            else
                for (std::size_t i = 0; i < numbers.size(); ++i) in.expect((*prefixes)[i] == static_cast<int>(i) + 1);
            return 1;
        }
        case 6: {    // each node after one or two of those before it
            graph tasks;
            std::vector<node_of<int>> nodes;
            for (auto const& each : some) {
                auto const called = std::to_string(nodes.size());
                if (nodes.empty()) {
                    nodes.push_back(tasks.add(called, [&in, each](context& inner) { return grow(in, each, inner); }));
                } else {
                    auto const& before = nodes[by.below(nodes.size())];
                    nodes.push_back(tasks.add(called, [&in, each](int, context& inner) { return grow(in, each, inner); }, before));
                    if (auto const& earlier = nodes[by.below(nodes.size() - 1)]; by.below(2)) tasks.after(nodes.back(), earlier);
                }
            }
            auto const result = tasks.run(place, cx);
            for (auto const& each : nodes) in.expect(result[each] || !result[each].error().stage().empty());
            return 1;
        }
        case 0: {
            std::vector<int> values(some.size());
            blames_right(map(some, place | task, into{values}, cx));
            return 1;
        }
        case 1: blames_right(for_each(some, place | scratch{[] { return 0; }} | [&](node const& each, context& inner, int& calls) {
            ++calls;
            return grow(in, each, inner);
        }, cx)); return 1;
        case 2: return reduce(some, place | task, 0, std::plus<>{}, cx);
        case 3: {
            std::vector<int> numbers(by.below(300));
            std::iota(numbers.begin(), numbers.end(), 1);
            auto const sum = reduce(numbers, place | [](int n) { return n; }, 0, std::plus<>{}, cx);
            in.expect(!sum ? cx.stop_requested() : *sum == static_cast<int>(numbers.size() * (numbers.size() + 1) / 2));
            return 1;
        }
        default: {
            auto const answers = map(some, place | task, cx);
            in.expect(answers.size() == some.size());
            for (std::size_t i = 0; i < answers.size(); ++i) in.expect(answers[i] || answers[i].error().index() == i);
            return 1;
        }
    }
}

outcome<int> leaf(world& in, context& cx, dice& by) {
    switch (by.below(8)) {
        case 0: throw std::runtime_error{"a leaf that throws"};
        case 1: return failure{cause::unavailable, "a leaf that fails"};
        case 2:
            if (by.below(4) == 0 && (cx.deadline() != never || cx.stop().stop_possible()))
                if (auto ended = cx.pause(1h); !ended) return std::move(ended).error();
            return 1;
        case 3:
            if (auto ended = cx.pause(std::chrono::microseconds{by.below(50)}); !ended) return std::move(ended).error();
            return 1;
        case 4: return (limit{in.room} | [](int n) { return n; })(1, cx);
        case 5:
            in.quick.retune({.permits = 1, .per = std::chrono::microseconds{1 + by.below(20)}, .burst = 4});
            return 1;
        default: return 1;
    }
}

outcome<int> grow(world& in, node at, context& cx) {
    dice by{at.seed};
    if (at.depth == 0) return leaf(in, cx, by);
    node const below{by.next(), at.depth - 1};
    auto const task = [&in](node const& each, context& inner) { return grow(in, each, inner); };
    auto& pool = by.below(2) ? in.first : in.second;
    switch (by.below(18)) {
        case 15:
            pool.resize(1 + by.below(4));
            return grow(in, below, cx);
        case 16: return forks(in, pool, cx, by);
        case 0: return verbs(in, at, cx, by, on{in.first});
        case 1: return verbs(in, at, cx, by, on{in.second, 2});
        case 2: return verbs(in, at, cx, by, on{in.wide});
        case 3: return verbs(in, at, cx, by, on{in.here});
        case 4:
        case 5:
        case 6: return verbs(in, at, cx, by, on{pool, automatic{}});
        case 7: return (hedge{pool, std::chrono::microseconds{by.below(100)}} | task)(below, cx);
        case 8: return (hedge{in.wide, std::chrono::microseconds{by.below(100)}} | task)(below, cx);
        case 9:    // keys lead downwards only
            return (cached{in.memory, [](node const& each) { return each.depth * 4 + each.seed % 4; }} | task)(below, cx);
        case 10: return (limit{in.quick} | task)(below, cx);
        case 11: return (retry{.attempts = 2, .delay = 10us} | task)(below, cx);
        case 12: return (deadline{std::chrono::microseconds{by.below(2'000)}} | task)(below, cx);
        case 13: {
            auto const both = on{pool} | quorum{1 + by.below(2), task, task, task};
            (void)fan_out(below, on{pool} | first{task, task}, cx);
            auto const answers = fan_out(below, both, cx);
            return answers ? outcome<int>{static_cast<int>(answers->size())} : outcome<int>{answers.error()};
        }
        case 14: {
            auto const stop = cx.stop();
            auto const until = cx.deadline();
            return pool.submit([&in, &pool, below, stop, until] {
                context own{stop, pool.waiting()};
                auto const narrowed = own.change_deadline(until);
                return grow(in, below, own);
            }, static_cast<priority>(by.below(3))).get();
        }
        default:
            ++in.counts.posted;
            pool.post([&counts = in.counts] { ++counts.ran; }, static_cast<priority>(by.below(3)));
            return grow(in, below, cx);
    }
}


struct thrown_by_a_leaf {};

// A tree of forks, in both of their forms; some leaves throw, some do what anything else here does.
std::size_t branches(world& in, worker w, thread_pool& pool, context const& cx, node at, bool may_throw) {
    dice by{at.seed};
    if (at.depth == 0) {
        if (may_throw && by.below(200) == 0) throw thrown_by_a_leaf{};
        if (by.below(8) != 0) return 1;
        context own{cx.stop(), pool.waiting()};
        auto const narrowed = own.change_deadline(cx.deadline());
        (void)invoke_task([&in](node const& leaf, context& inner) { return grow(in, leaf, inner); }, own, node{by.next(), 1});
        return 1;
    }
    auto const side = [&in, &pool, &cx, &by, may_throw, depth = at.depth - 1] {
        return [&in, &pool, &cx, may_throw, below = node{by.next(), depth}](worker inner) { return branches(in, inner, pool, cx, below, may_throw); };
    };
    if (by.below(2)) {
        auto const [a, b] = join(w, side(), side());
        return a + b;
    }
    auto const left = node{by.next(), at.depth - 1}, right = node{by.next(), at.depth - 1};
    auto const again = [&in, &pool, &cx, may_throw](node below) {    // the forms may be mixed through `run`
        return pool.run([&](worker inner) { return branches(in, inner, pool, cx, below, may_throw); }, cx).value();
    };
    auto const [a, b] = join([=] { return again(left); }, [=] { return again(right); });
    return a + b;
}

outcome<int> forks(world& in, thread_pool& pool, context& cx, dice& by) {
    auto const depth = static_cast<unsigned>(by.below(8));
    bool const may_throw = by.below(2);
    auto const leaves = pool.run([&](worker w) { return branches(in, w, pool, cx, {by.next(), depth}, may_throw); }, cx);
    if (leaves) in.expect(*leaves == std::size_t{1} << depth);
    else in.expect((may_throw && leaves.error().is(cause::threw)) || leaves.error().is(cause::cancelled));
    return 1;
}

// One world, from its making to its end: how many things were wrong.
std::size_t live(std::uint64_t seed) {
    dice by{seed};
    tally counts;
    {
        world in{by, counts};
        {
            std::stop_source stop;
            std::vector<std::jthread> callers(1 + by.below(3));
            std::atomic<std::size_t> left{callers.size()};
            for (auto& each : callers)
                each = std::jthread{[&, start = by.next()] {
                    dice own{start};
                    for (int tree = 0; tree < 4; ++tree) {
                        context cx{stop.get_token()};
                        auto const until = cx.change_deadline(
                            own.below(2) ? later(cx.now(), std::chrono::microseconds{own.below(5'000)}) : never);
                        auto const task = [&](node const& at, context& inner) { return grow(in, at, inner); };
                        (void)invoke_task(task, cx, node{own.next(), static_cast<unsigned>(1 + own.below(5))});
                    }
                    --left;
                }};
            for (auto turns = by.below(2'000); turns != 0 && left != 0; --turns) std::this_thread::yield();
            stop.request_stop();
            callers.clear();
        }
        for (auto more = by.below(4); more != 0; --more) {    // what is left in the queues when the pools go
            auto& pool = more % 2 ? in.first : in.second;
            counts.posted += 2;
            auto const how = static_cast<priority>(by.below(3));
            pool.post([&pool, &counts, how] {
                pool.post([&counts] { ++counts.ran; }, how);
                ++counts.ran;
            }, how);
        }
    }
    return counts.wrong + (counts.ran != counts.posted);
}

}  // namespace

TEST_CASE("stress: trees of verbs and policies, drawn at random, end, lose nothing and blame the right item", "[exec][soak]") {
    auto const length = std::getenv("MUSTER_SOAK") ? std::chrono::seconds{600} : std::chrono::seconds{2};
    auto const* const given = std::getenv("MUSTER_SEED");    // to live one world again, and those after it
    auto const from = given ? std::strtoull(given, nullptr, 10) : 1;
    std::atomic<std::uint64_t> world_now{from}, worlds{0};
    std::atomic<std::size_t> wrong{0};
    event over;
    std::jthread const living([&] {
        auto const until = std::chrono::steady_clock::now() + length;
        for (auto seed = from; wrong == 0 && std::chrono::steady_clock::now() < until; ++seed) {
            world_now = seed;
            wrong = live(seed * 0x10001);
            ++worlds;
        }
        over.set();
    });
    for (auto before = worlds.load(); !over.is_set(); before = worlds.load()) {
        wait_point tick;
        auto const end = std::chrono::steady_clock::now() + testing::longest_wait;
        while (!over.is_set() && worlds == before && std::chrono::steady_clock::now() < end)
            (void)tick.block_until(std::chrono::steady_clock::now() + 20ms);
        if (over.is_set() || worlds != before) continue;
        std::cerr << "stress: world " << world_now << " hangs; MUSTER_SEED=" << world_now << " lives it again\n";
        std::abort();
    }
    INFO("world " << world_now << "; MUSTER_SEED=" << world_now << " lives it again");
    CHECK(wrong == 0);
    CHECK(worlds != 0);
}
