#include <muster/flow/graph.hpp>

#include "catch.hpp"
#include "testing/event.hpp"
#include "testing/no_threads.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/fallback.hpp>
#include <muster/policy/hedge.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;
using testing::meeting;

namespace {

// What several calls did, in the order in which they did it.
class trace {
public:
    auto task(std::string what) {
        return [this, what = std::move(what)] { add(what); };
    }
    void add(std::string const& what) {
        std::lock_guard lock(mutex_);
        text_ += what + ' ';
    }
    [[nodiscard]] std::string text() {
        std::lock_guard lock(mutex_);
        return text_;
    }

private:
    std::mutex mutex_;
    std::string text_;
};

auto const one = [] { return 1; };
auto const plus_one = [](int n) { return n + 1; };
auto const sum = [](std::vector<std::reference_wrapper<int const>> const& all) { return std::accumulate(all.begin(), all.end(), 0); };
auto const breaks = []() -> int { throw std::runtime_error{"broken"}; };

std::string refusal(auto const& misuse) {
    try {
        misuse();
    } catch (std::invalid_argument const& refused) {
        return refused.what();
    }
    return "accepted";
}

}  // namespace

// What a node is handed, and what it answers

TEST_CASE("graph: each node is called with what its inputs answered", "[flow]") {
    graph build;
    auto const text = build.add("text", [] { return std::string{"four"}; });
    auto const size = build.add("size", [](std::string const& from) { return from.size(); }, text);
    auto const both = build.add("both", [](std::string const& from, std::size_t n) { return from + std::to_string(n); }, text, size);
    auto const none = build.add("none", [](std::string const& from) { CHECK(from == "four4"); }, both);
    static_assert(std::same_as<decltype(text), node_of<std::string> const>);
    static_assert(std::same_as<decltype(size), node_of<std::size_t> const>);
    static_assert(std::same_as<decltype(none), node_of<void> const>);

    thread_pool pool{4};
    for (auto const& result : {build.run(), build.run(on{pool})}) {
        static_assert(std::same_as<decltype(result[size]), outcome<std::size_t> const&>);
        CHECK(result.ok());
        CHECK(result[text] == "four");
        CHECK(result[size] == 4u);
        CHECK(result[both] == "four4");
        CHECK(result[none].has_value());
    }
}

TEST_CASE("graph: inputs are lent, so that answers need not be copyable, and a result gives them away", "[flow]") {
    graph build;
    auto const made = build.add("made", [] { return std::make_unique<int>(42); });
    auto const seen = build.add("seen", [](std::unique_ptr<int> const& from) { return from.get(); }, made);
    auto const again = build.add("again", [](std::unique_ptr<int> const& from) { return from.get(); }, made);

    auto result = build.run();
    CHECK(result[seen] == result[made]->get());
    CHECK(result[again] == result[made]->get());
    std::unique_ptr<int> const taken = *std::move(result)[made];
    CHECK(*taken == 42);
    CHECK(**build.run()[made] == 42);
}

TEST_CASE("graph: a list of nodes is one input", "[flow]") {
    graph build;
    std::vector<node_of<int>> numbers;
    for (int i = 0; i < 10; ++i) numbers.push_back(build.add(std::to_string(i), [i] { return i; }));
    auto const all = build.add("all", sum, numbers);
    auto const more = build.add("more", [](int a, auto const& list) { return a + sum(list); }, all, numbers);
    auto const none = build.add("none", sum, std::vector<node_of<int>>{});
    auto const result = build.run();
    CHECK(result[all] == 45);
    CHECK(result[more] == 90);
    CHECK(result[none] == 0);
}

TEST_CASE("graph: what answers nothing hands nothing on, and comes first", "[flow]") {
    trace calls;
    graph build;
    auto const first = build.add("first", calls.task("first"));
    std::vector const two{build.add("a", calls.task("a"), first), build.add("b", calls.task("b"), first)};
    auto const c = build.add("c", [] { return 3; });
    auto const d = build.add("d", [&](int n) { calls.add("d"); return n; }, two, c, first);
    build.add("e", calls.task("e"), two, build.add("last", calls.task("last"), std::vector{build.add("void d", [](int) {}, d)}));
    CHECK(build.run()[d] == 3);
    CHECK(calls.text() == "first a b d last e ");
}

TEST_CASE("graph: a node may take the context, which says its name and position", "[flow]") {
    graph build;
    auto const a = build.add("a", [](context& cx) {
        CHECK(cx.stage() == "a");
        CHECK(cx.index() == 0);
        CHECK(cx.attempt() == 1);
        REQUIRE(cx.run() != nullptr);
        CHECK(cx.run()->items == 2);
        return 1;
    });
    build.add("b", [](int n, context& cx) {
        CHECK(n == 1);
        CHECK(cx.stage() == "b");
        CHECK(cx.index() == 1);
    }, a);
    CHECK(build.run().ok());
}

TEST_CASE("graph: the context is inherited, and the path goes on", "[flow]") {
    graph build;
    auto const fails = build.add("fails", [](context& cx) -> outcome<int> {
        CHECK(cx.path() == std::vector<std::size_t>{7, 0});
        return failure{cause::unavailable, "not there"};
    });
    auto const behind = build.add("behind", plus_one, fails);
    context outer;
    outer.item(7);
    auto const result = build.run(outer);
    CHECK(result[fails].error().index() == 0);
    CHECK(result[behind].error().index() == 1);
    CHECK(result[behind].error().path() == std::vector<std::size_t>{7, 1});
}

TEST_CASE("graph: tasks of all kinds are nodes", "[flow]") {
    struct point {
        int x;
        int doubled() const { return 2 * x; }
    };
    int (*const function)(point const&, int) = [](point const& p, int n) { return p.x + n; };
    graph build;
    auto const origin = build.add("origin", [] { return point{20}; });
    auto const member = build.add("member", &point::x, origin);
    auto const method = build.add("method", &point::doubled, origin);
    auto const called = build.add("called", function, origin, member);
    auto const plain = build.add("plain", [](int n) noexcept { return n; }, called);
    auto const result = build.run();
    CHECK(result[method] == 40);
    CHECK(result[plain] == 40);
}

TEST_CASE("graph: no nodes, no calls, a result", "[flow]") {
    thread_pool pool{4};
    graph const build;
    CHECK(build.run().ok());
    CHECK(build.run(on{pool}).reports().empty());
    CHECK(pool.started() == 0);
}

// Order

TEST_CASE("graph: after orders nodes that hand nothing to each other, also one that was added before", "[flow]") {
    trace calls;
    graph build;
    auto const late = build.add("late", calls.task("late"));
    auto const middle = build.add("middle", calls.task("middle"));
    auto const early = build.add("early", calls.task("early"));
    auto const other = build.add("other", calls.task("other"));
    build.after(late, middle, other);
    build.after(middle, early);
    build.after(middle, early);    // twice is once
    thread_pool pool{4};
    CHECK(build.run().ok());
    CHECK(calls.text() == "early middle other late ");
    CHECK(build.run(on{pool, 1}).ok());
    CHECK(calls.text() == "early middle other late early middle other late ");
}

TEST_CASE("graph: a cycle is refused with its path, before anything runs", "[flow]") {
    int calls = 0;
    auto const call = [&] { ++calls; };
    graph build;
    auto const start = build.add("start", call);
    auto const a = build.add("a", call, start);
    auto const b = build.add("b", call, a);
    auto const c = build.add("c", call, b);
    build.add("end", call, c);
    CHECK(build.run().ok());
    build.after(a, c);
    thread_pool pool{2};
    std::string const expected = "muster: the nodes of this graph wait for each other: a -> b -> c -> a";
    CHECK(refusal([&] { (void)build.run(); }) == expected);
    CHECK(refusal([&] { (void)build.run(on{pool}); }) == expected);
    CHECK(calls == 5);

    graph alone;
    auto const self = alone.add("self", call);
    alone.after(self, self);
    CHECK(refusal([&] { (void)alone.run(); }).ends_with(": self -> self"));
}

TEST_CASE("graph: a name that is taken or empty is refused, and the graph stays as it was", "[flow]") {
    graph build;
    auto const a = build.add("a", one);
    CHECK(refusal([&] { build.add("a", one); }) == "muster: the graph has a node \"a\" already");
    CHECK(refusal([&] { build.add("", one); }) == "muster: a node of a graph needs a name");
    CHECK(build.size() == 1);
    auto const b = build.add("b", plus_one, a);
    CHECK(build.run()[b] == 2);
    CHECK(build.find("b") == b);
    CHECK_FALSE(build.find("c"));
}

TEST_CASE("graph: nodes of another graph are refused", "[flow]") {
    graph build;
    auto const ours = build.add("ours", one);
    std::optional<graph> other{std::in_place};
    auto const theirs = other->add("theirs", one);
    node_of<int> const nowhere;
    for (auto const& stranger : {theirs, nowhere}) {
        CHECK(refusal([&] { build.add("x", plus_one, stranger); }) == "muster: this node belongs to another graph, or to none");
        CHECK(refusal([&] { build.add("x", sum, std::vector{ours, stranger}); }) != "accepted");
        CHECK(refusal([&] { build.after(ours, stranger); }) != "accepted");
        CHECK(refusal([&] { build.after(stranger, ours); }) != "accepted");
        auto const result = build.run();
        CHECK(refusal([&] { (void)result[stranger]; }) == "muster: this result is of another graph than the node");
        CHECK(refusal([&] { (void)result.report(stranger); }) != "accepted");
    }
    CHECK(build.size() == 1);
    other.emplace();    // in the same place, and yet another one
    CHECK(refusal([&] { other->after(other->add("x", one), theirs); }) != "accepted");
}

// What goes wrong

TEST_CASE("graph: the nodes behind one that failed do not run, and say whose failure it was; the others go on", "[flow]") {
    thread_pool pool{4};
    int calls = 0;
    graph build;
    auto const good = build.add("good", one);
    auto const bad = build.add("bad", []() -> outcome<int> { return failure{cause::unavailable, "no answer"}.retry_after(3s); });
    auto const behind = build.add("behind", [&](int, int) { ++calls; return 1; }, good, bad);
    auto const further = build.add("further", [&](int) { ++calls; return 1; }, behind);
    auto const ordered = build.add("ordered", [&] { ++calls; });
    build.after(ordered, bad);
    auto const free = build.add("free", plus_one, good);

    for (auto const& result : {build.run(), build.run(on{pool})}) {
        CHECK_FALSE(result.ok());
        CHECK(result[free] == 2);
        REQUIRE_FALSE(result[bad].has_value());
        CHECK(result[bad].error().stage() == "bad");
        CHECK(result[bad].error().attempts() == 1);
        CHECK(result[bad].error().text() == "no answer");
        CHECK(result.report(bad).state == node_state::failed);

        std::vector<failure> not_run;
        if (!result[behind]) not_run.push_back(result[behind].error());
        if (!result[further]) not_run.push_back(result[further].error());
        if (!result[ordered]) not_run.push_back(result[ordered].error());
        REQUIRE(not_run.size() == 3);
        for (auto const& each : not_run) {
            CHECK(each.code() == cause::unavailable);
            CHECK(each.text() == "not run: \"bad\" failed: no answer");
            CHECK(each.attempts() == 0);
            CHECK(each.retry_after() == 3s);
            CHECK(result.reports()[each.index()].name == each.stage());
            CHECK(result.reports()[each.index()].state == node_state::upstream_failed);
            CHECK(result.reports()[each.index()].because == bad.index());
        }
        CHECK(not_run[1].stage() == "further");
        CHECK(result.failures().size() == 4);
        CHECK(result.failures()[0].stage() == "bad");
    }
    CHECK(calls == 0);
}

TEST_CASE("graph: of two nodes that failed, the first in the order of the arguments is blamed", "[flow]") {
    thread_pool pool{4};
    graph build;
    auto const late = build.add("late", breaks);
    auto const early = build.add("early", breaks);
    auto const behind = build.add("behind", [](int, int) {}, early, late);
    for (int round = 0; round < 20; ++round) CHECK(build.run(on{pool})[behind].error().text() == "not run: \"early\" failed: broken");
}

TEST_CASE("graph: what a node throws is its failure", "[flow]") {
    graph build;
    auto const bad = build.add("bad", breaks);
    auto const behind = build.add("behind", plus_one, bad);
    auto const odd = build.add("odd", []() -> int { throw 42; });
    auto const full = build.add("full", []() -> int { throw std::bad_alloc{}; });
    auto const result = build.run();
    CHECK(result[bad].error().code() == cause::threw);
    CHECK_THROWS_AS(std::rethrow_exception(result[bad].error().exception()), std::runtime_error);
    CHECK_THROWS_AS(std::rethrow_exception(result[behind].error().exception()), std::runtime_error);
    CHECK(result[odd].error().code() == cause::threw);
    CHECK(result[full].error().code() == cause::out_of_memory);
}

TEST_CASE("graph: an answer that throws when it is moved fails its node alone", "[flow]") {
    struct heavy {
        heavy() = default;
        heavy(heavy&& other) : moves(other.moves + 1) {
            if (moves == 2) throw std::runtime_error{"too heavy"};
        }
        heavy& operator=(heavy&&) = delete;
        int moves = 0;
    };
    graph build;
    auto const moved = build.add("moved", [] { return heavy{}; });
    auto const fine = build.add("fine", one);
    auto const result = build.run();
    REQUIRE_FALSE(result[moved].has_value());
    CHECK(result[moved].error().text() == "too heavy");
    CHECK(result[moved].error().stage() == "moved");
    CHECK(result[fine] == 1);
}

TEST_CASE("graph: a stop reaches what runs, and what has not begun is cancelled", "[flow]") {
    thread_pool pool{4};
    for (bool const wide : {false, true}) {
        std::stop_source stop;
        graph build;
        auto const before = build.add("before", one);
        auto const running = build.add("running", [&](int, context& cx) -> outcome<int> {
            stop.request_stop();
            CHECK(cx.stop_requested());
            return 2;    // it had its answer already
        }, before);
        auto const next = build.add("next", plus_one, running);
        auto const last = build.add("last", plus_one, next);
        auto const result = wide ? build.run(on{pool}, context{stop.get_token()}) : build.run(context{stop.get_token()});
        CHECK(result[before] == 1);
        CHECK(result[running] == 2);
        for (auto const& each : {next, last}) {
            REQUIRE_FALSE(result[each].has_value());
            CHECK(result[each].error().code() == cause::cancelled);
            CHECK(result[each].error().text() == "the run was asked to stop");
            CHECK(result[each].error().attempts() == 0);
            CHECK(result[each].error().index() == each.index());
            CHECK(result.report(each).state == node_state::stopped);
        }
        CHECK(result[last].error().stage() == "last");
    }
}

TEST_CASE("graph: a node that waits is woken by a stop", "[flow]") {
    thread_pool pool{2};
    std::stop_source stop;
    graph build;
    event waiting;
    auto const waits = build.add("waits", [&](context& cx) -> outcome<void> { waiting.set(); return cx.pause(24h); });
    auto const stops = build.add("stops", [&] { auto const seen = waiting.wait(); stop.request_stop(); return seen; });
    auto const behind = build.add("behind", one, waits);
    auto const result = build.run(on{pool}, context{stop.get_token()});
    CHECK(result[stops] == true);
    CHECK(result[waits].error().code() == cause::cancelled);
    CHECK(result.report(waits).state == node_state::failed);
    CHECK(result[behind].error().code() == cause::cancelled);
}

TEST_CASE("graph: a run that was stopped before it began runs nothing", "[flow]") {
    std::stop_source stop;
    stop.request_stop();
    graph build;
    auto const a = build.add("a", [] { FAIL("called"); });
    build.add("b", [] { FAIL("called"); }, a);
    auto const result = build.run(context{stop.get_token()});
    CHECK(result.failures().size() == 2);
    for (auto const& each : result.reports()) CHECK(each.state == node_state::stopped);
}

TEST_CASE("graph: past the deadline nothing is begun", "[flow]") {
    manual_time time{manual_time::jumping};
    graph build;
    auto const quick = build.add("quick", [](context& cx) { return cx.pause(1s); });
    auto const slow = build.add("slow", [](context& cx) { return cx.pause(1h); }, quick);
    auto const behind = build.add("behind", one, slow);
    auto const free = build.add("free", one);
    build.after(free, quick);
    context cx{time};
    auto const until = cx.change_deadline(time.now() + 1min);
    auto const result = build.run(cx);
    CHECK(result[quick].has_value());
    CHECK(result[slow].error().code() == cause::timed_out);
    CHECK(result[slow].error().attempts() == 1);
    CHECK(result[behind].error().code() == cause::timed_out);
    CHECK(result[free].error().code() == cause::timed_out);
    CHECK(result[free].error().attempts() == 0);
    CHECK(result.report(free).state == node_state::stopped);
}

// Policies

TEST_CASE("graph: policies stand in front of a node's task, whatever it takes", "[flow]") {
    manual_time time{manual_time::jumping};
    graph build;
    auto const twice = build.add("twice", retry{.attempts = 3} | [](context& cx) -> outcome<int> {
        if (cx.attempt() < 3) return failure{cause::unavailable, "busy"};
        return static_cast<int>(cx.attempt());
    });
    auto const late = build.add("late", deadline{1s} | [](int n, context& cx) -> outcome<int> {
        if (auto waited = cx.pause(2s); !waited) return std::move(waited).error();
        return n;
    }, twice);
    auto const throws = [](int, int) -> int { throw std::runtime_error{"no"}; };
    auto const hopeless = build.add("hopeless", retry{.attempts = 2} | throws, twice, twice);
    auto const rescued = build.add("rescued", fallback{[](auto const&) { return -1; }} | [](int, int) -> outcome<int> {
        return failure{cause::unavailable, "gone"};
    }, twice, twice);
    auto const result = build.run(context{time});
    CHECK(result[twice] == 3);
    CHECK(result[late].error().code() == cause::timed_out);
    CHECK(result[late].error().stage() == "late");
    CHECK(result[hopeless].error().attempts() == 2);
    CHECK(result[hopeless].error().stage() == "hopeless");
    CHECK(result[rescued] == -1);
}

TEST_CASE("graph: policies that look at the item see the input", "[flow]") {
    memory_cache<std::string, std::size_t> memory{{.entries = 8}};
    int calls = 0;
    graph build;
    auto const text = build.add("text", [] { return std::string{"four"}; });
    auto const size = build.add("size", cached{memory} | [&](std::string const& from) { ++calls; return from.size(); }, text);
    CHECK(build.run()[size] == 4u);
    CHECK(build.run()[size] == 4u);
    CHECK(calls == 1);
    CHECK(memory.get("four") == 4u);
}

TEST_CASE("graph: places, gates and hedges work in nodes", "[flow]") {
    thread_pool pool{2};
    bulkhead room{1};
    graph build;
    auto const named_inside = build.add("outer", named{"inner"} | breaks);
    auto const leased = build.add("leased", scratch{[] { return 40; }} | [](int& state) { return ++state; });
    auto const all = [](int a, int b, context&, int& state) { return state + a + b; };
    auto const both = build.add("both", scratch{[] { return 40; }} | all, leased, leased);
    auto const through = build.add("through", limit{room} | hedge{pool, 1h} | [](int a, int b) { return a + b; }, leased, both);
    auto const result = build.run(on{pool});
    CHECK(result[named_inside].error().stage() == "inner");
    CHECK(result[leased] == 41);
    CHECK(result[both] == 122);
    CHECK(result[through] == 163);
}

// Runs

TEST_CASE("graph: runs many times, and from several threads, each run with a state of its own", "[flow]") {
    thread_pool pool{4};
    std::atomic<int> calls{0};
    graph build;
    auto const a = build.add("a", [&] { return ++calls; });
    auto const b = build.add("b", plus_one, a);
    auto const c = build.add("c", [](int x, int y) { return y - x; }, a, b);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 4; ++i)
            callers.emplace_back([&] {
                for (int round = 0; round < 50; ++round) {
                    auto const result = round % 2 ? build.run(on{pool}) : build.run();
                    wrong += !result.ok() || *result[b] != *result[a] + 1 || result[c] != 1;
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(calls == 200);
}

TEST_CASE("graph: grows between runs, and older results do not see it", "[flow]") {
    graph build;
    auto const a = build.add("a", one);
    auto const before = build.run();
    auto const b = build.add("b", plus_one, a);
    CHECK(build.run()[b] == 2);
    CHECK(before[a] == 1);
    CHECK(before.reports().size() == 1);
    CHECK(before.graphviz().find("->") == std::string::npos);
    CHECK(refusal([&] { (void)before[b]; }) == "muster: this node was added after the run");
}

TEST_CASE("graph: moves with its nodes, and leaves an empty one", "[flow]") {
    graph build;
    auto const a = build.add("a", one);
    graph moved{std::move(build)};
    CHECK(moved.run()[a] == 1);
    CHECK(build.size() == 0);    // NOLINT(bugprone-use-after-move): what is left is promised
    CHECK(refusal([&] { build.add("b", plus_one, a); }) != "accepted");
    auto const b = build.add("b", one);
    moved = std::move(build);
    CHECK(moved.run()[b] == 1);
    CHECK(refusal([&] { (void)moved.run()[a]; }) != "accepted");
}

TEST_CASE("graph: a result may outlive its graph", "[flow]") {
    std::optional<graph> build{std::in_place};
    auto const a = build->add("a", [text = std::string(100, 'x')] { return text; });
    auto const result = build->run();
    build.reset();
    CHECK(result[a] == std::string(100, 'x'));
    CHECK(result.reports()[0].name == "a");
}

TEST_CASE("graph: reports say when each node ran, on the time of the run", "[flow]") {
    manual_time time{manual_time::jumping};
    graph build;
    auto const first = build.add("first", [](context& cx) { return cx.pause(2ms); });
    auto const bad = build.add("bad", [](context& cx) -> outcome<int> {
        (void)cx.pause(3ms);
        return failure{cause::unavailable, "no"};
    }, first);
    auto const behind = build.add("behind", plus_one, bad);
    auto const result = build.run(context{time});
    CHECK(result.report(first).name == "first");
    CHECK(result.report(first).began == 0ms);
    CHECK(result.report(first).took == 2ms);
    CHECK(result.report(bad).began == 2ms);
    CHECK(result.report(bad).took == 3ms);
    CHECK(result.report(behind).took == 0ms);
    CHECK(result.took() == 5ms);
}

// Where it runs

namespace {

// An executor that tells when the caller of a run waits, and else is a pool.
class telling_pool {
public:
    explicit telling_pool(std::size_t width) : pool_(width), waiter_{this} {}
    [[nodiscard]] std::size_t width() const noexcept { return pool_.width(); }
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { pool_.bulk(n, width, body); }
    template <class Job>
    void post(Job job) { pool_.post(std::move(job)); }
    [[nodiscard]] waiter_ref waiting() noexcept { return waiter_; }

    event somebody_waits;

private:
    struct telling {
        telling_pool* of;
        [[nodiscard]] instant now() const { return of->pool_.waiting().now(); }
        bool wait_until(wait_point& point, instant until) const {
            of->somebody_waits.set();
            return of->pool_.waiting().wait_until(point, until);
        }
    };
    thread_pool pool_;
    telling waiter_;
};

// An executor as wide as it says, that does with its jobs what a test wants.
struct odd_executor {
    std::size_t how_wide = 8;
    std::function<void(std::function<void()>)> take;

    [[nodiscard]] std::size_t width() const noexcept { return how_wide; }
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) const { if (n != 0) body(std::size_t{0}, n); }
    template <class Job>
    void post(Job job) const { take([shared = std::make_shared<Job>(std::move(job))] { (*shared)(); }); }
};
static_assert(executor<odd_executor>);

// A source, so many nodes behind it, and one behind them all.
struct fan {
    explicit fan(int wide) {
        auto const source = build.add("source", one);
        for (int i = 0; i < wide; ++i) middle.push_back(build.add(std::to_string(i), [i](int n) { return n + i; }, source));
        end = build.add("end", sum, middle);
        expected = wide + wide * (wide - 1) / 2;
    }
    graph build;
    std::vector<node_of<int>> middle;
    node_of<int> end;
    int expected = 0;
};

}  // namespace

TEST_CASE("graph: as many nodes run at once as are ready and the place is wide", "[flow]") {
    thread_pool pool{4};
    for (int round = 0; round < 20; ++round) {
        meeting first{4}, second{4};
        graph build;
        std::vector<node_of<bool>> before, behind;
        for (int i = 0; i < 4; ++i) before.push_back(build.add("first " + std::to_string(i), [&] { return first.arrive(); }));
        auto const neck = build.add("neck", [](auto const& all) { return all.size(); }, before);
        for (int i = 0; i < 4; ++i)
            behind.push_back(build.add("second " + std::to_string(i), [&](std::size_t) { return second.arrive(); }, neck));
        auto const result = build.run(on{pool});
        for (auto const& each : before) CHECK(result[each] == true);
        for (auto const& each : behind) CHECK(result[each] == true);
    }
}

TEST_CASE("graph: one node that makes many ready finds hands for them, when all have left and the caller waits", "[flow]") {
    telling_pool pool{4};
    meeting both{2}, all{4};
    auto const caller = std::this_thread::get_id();
    std::atomic<int> met{0}, waited{0};
    auto const root = [&] {
        met += both.arrive();
        if (std::this_thread::get_id() == caller) return;
        waited += pool.somebody_waits.wait();    // this thread holds the only node that is left
    };
    graph build;
    auto const a = build.add("a", root);
    auto const b = build.add("b", root);
    std::vector<node_of<bool>> many;
    std::atomic<bool> caller_came{false};
    for (int i = 0; i < 4; ++i)
        many.push_back(build.add(std::to_string(i), [&] {
            if (std::this_thread::get_id() == caller) caller_came = true;
            return all.arrive();
        }, a, b));
    auto const result = build.run(on{pool});
    CHECK(met == 2);
    CHECK(waited == 1);
    CHECK(caller_came);
    for (auto const& each : many) CHECK(result[each] == true);
}

TEST_CASE("graph: no more nodes run at once than were asked for", "[flow]") {
    thread_pool pool{8};
    for (std::size_t const width : {1u, 2u, 3u}) {
        testing::crowd inside;
        graph build;
        std::vector<node_of<int>> first;
        for (int i = 0; i < 100; ++i)
            first.push_back(build.add(std::to_string(i), [&, i] {
                testing::crowd::visit const here{inside};
                std::this_thread::yield();
                return i;
            }));
        for (int i = 0; i < 100; ++i)
            build.add("behind " + std::to_string(i), [&](int n) {
                testing::crowd::visit const here{inside};
                std::this_thread::yield();
                return n;
            }, first[static_cast<std::size_t>(99 - i)]);
        CHECK(build.run(on{pool, width}).ok());
        CHECK(inside.most() <= width);
    }
}

TEMPLATE_TEST_CASE("graph: nested in tasks on the same pool it does not deadlock", "[flow]", thread_pool, blocking_pool) {
    for (std::size_t const width : {1u, 2u, 3u}) {
        TestType pool{width};
        fan const inner{10};
        auto const nested = [&](int, context& cx) { return *inner.build.run(on{pool}, cx)[inner.end]; };
        for (auto const& each : map(std::vector<int>(50), on{pool} | nested)) CHECK(each == inner.expected);

        auto const middle_run = [&](context& cx) {
            graph middle;
            std::vector<node_of<int>> few;
            for (int i = 0; i < 4; ++i)
                few.push_back(middle.add(std::to_string(i), [&](context& below) {
                    auto const mapped = map(std::vector<int>(3), on{pool} | nested, below);
                    return mapped[0].value() + mapped[1].value() + mapped[2].value();
                }));
            auto const total = middle.add("total", sum, few);
            return middle.run(on{pool}, cx)[total];
        };
        graph outer;
        std::vector<node_of<int>> all;
        for (int i = 0; i < 10; ++i) all.push_back(outer.add(std::to_string(i), middle_run));
        auto const total = outer.add("total", sum, all);
        CHECK(outer.run(on{pool})[total] == 120 * inner.expected);
        CHECK(pool.submit([&] { return outer.run(on{pool})[total]; }).get() == 120 * inner.expected);
    }
}

TEST_CASE("graph: runs on every executor", "[flow]") {
    fan const work{100};
    inline_executor here;
    blocking_pool io{3};
    thread_pool pool{2};
    settings const switches;
    CHECK(work.build.run(on{here})[work.end] == work.expected);
    CHECK(work.build.run(on{io})[work.end] == work.expected);
    CHECK(work.build.run(on{pool, automatic{}})[work.end] == work.expected);
    CHECK(work.build.run(on{pool, 2, switches})[work.end] == work.expected);
}

TEST_CASE("graph: where no thread can be started the caller runs all nodes", "[flow]") {
    testing::no_threads const none;
    thread_pool pool{4};
    fan const work{100};
    CHECK(work.build.run(on{pool})[work.end] == work.expected);
}

TEST_CASE("graph: helpers that are refused, come at once, or come when all is over, change nothing", "[flow]") {
    std::vector<std::function<void()>> kept;
    {
        int refused = 0;
        odd_executor full{.take = [&](auto) { ++refused; throw std::runtime_error{"full"}; }};
        odd_executor at_once{.take = [](auto job) { job(); }};
        odd_executor late{.take = [&](auto job) {
            if (refused-- > 0) throw std::runtime_error{"full"};    // not for ever
            kept.push_back(std::move(job));
        }};
        fan const work{100};
        CHECK(work.build.run(on{full})[work.end] == work.expected);
        CHECK(refused != 0);
        refused = 3;
        CHECK(work.build.run(on{late})[work.end] == work.expected);
        CHECK(kept.size() == 7);    // the width less the caller, however many nodes are ready
        CHECK(work.build.run(on{at_once})[work.end] == work.expected);
    }
    for (auto const& job : kept) job();    // the graph, its result and the executor are gone
}

// Size

TEST_CASE("graph: neither wide nor deep graphs recurse, or cost more than in proportion", "[flow]") {
    thread_pool pool{4};
    constexpr int wide = 10'000, deep = 100'000;
    fan const work{wide};
    CHECK(work.build.run()[work.end] == work.expected);
    CHECK(work.build.run(on{pool})[work.end] == work.expected);

    graph chain;
    auto last = chain.add("0", one);
    auto const first = last;
    for (int i = 1; i < deep; ++i) last = chain.add(std::to_string(i), plus_one, last);
    CHECK(chain.run()[last] == deep);
    CHECK(chain.run(on{pool})[last] == deep);

    graph backward;    // as deep, by order alone, and against the order of adding
    std::vector<graph_node> nodes;
    std::atomic<int> calls{0};
    for (int i = 0; i < deep; ++i) nodes.push_back(backward.add(std::to_string(i), [&] { ++calls; }));
    for (std::size_t i = 1; i < nodes.size(); ++i) backward.after(nodes[i - 1], nodes[i]);
    CHECK(backward.run(on{pool}).ok());
    CHECK(calls == deep);
    backward.after(nodes.back(), nodes.front());
    CHECK(refusal([&] { (void)backward.run(); }).ends_with("-> 2 -> 1 -> 0"));
    chain.after(first, last);
    CHECK(refusal([&] { (void)chain.run(); }).ends_with("-> 99998 -> 99999 -> 0"));
}

TEST_CASE("graph: a failure at the start of a long chain costs its end no more than its own", "[flow]") {
    graph chain;
    auto last = chain.add("0", breaks);
    for (int i = 1; i < 10'000; ++i) last = chain.add(std::to_string(i), plus_one, last);
    CHECK(chain.run()[last].error().text() == "not run: \"0\" failed: broken");
}

// Everything at once

namespace {

struct dice {
    std::uint64_t state;
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(detail::mixed(state++) % n); }
};

// A graph drawn at random, and what each of its nodes must give: worked out node by node, in the order of adding or against it.
struct drawn_graph {
    explicit drawn_graph(std::uint64_t seed) {
        dice by{seed * 0x10001};
        auto const count = 1 + by.below(60);
        auto const reach = 1 + by.below(count);
        auto const fails = by.below(3) == 0 ? 10u : 1'000u;    // one in so many
        for (std::size_t i = 0; i < count; ++i) {
            auto const bad = by.below(fails) == 0;
            std::vector<node_of<std::uint64_t>> some;
            for (auto more = i == 0 ? 0 : by.below(5); more != 0; --more) some.push_back(nodes[i - 1 - by.below(std::min(i, reach))]);
            nodes.push_back(add(i, bad, some, by));
            broken.push_back(bad);
            inputs.push_back({});
            for (auto const& each : some) inputs.back().push_back(each.index());
            before.push_back(inputs.back());
        }
        for (auto more = by.below(count); more != 0; --more) {    // all the same way: no cycles
            auto const later = by.below(count), earlier = by.below(count);
            if (earlier >= later) continue;
            build.after(nodes[later], nodes[earlier]);
            before[later].push_back(earlier);
        }
        for (std::size_t i = 0; i < count; ++i) judge(i);
    }

    node_of<std::uint64_t> add(std::size_t i, bool bad, std::vector<node_of<std::uint64_t>> const& some, dice& by) {
        auto const waits = by.below(16) == 0;
        auto const task = [=](context& cx, auto const&... given) -> outcome<std::uint64_t> {
            if (waits) (void)cx.pause(20us);
            if (bad) return failure{cause::unavailable, "drawn"};
            auto answer = detail::mixed(i);
            ((answer = detail::mixed(answer ^ given)), ...);
            return answer;
        };
        auto const name = std::to_string(i);
        switch (some.size()) {
            case 0: return build.add(name, [=](context& cx) { return task(cx); });
            case 1:
                return build.add(name, retry{.attempts = 2, .delay = 0s} | [=](std::uint64_t a, context& cx) {
                    return task(cx, a);
                }, some[0]);
            case 2: return build.add(name, [=](std::uint64_t a, std::uint64_t b, context& cx) { return task(cx, a, b); }, some[0], some[1]);
            default:
                return build.add(name, deadline{1h} | [=](auto const& list, context& cx) -> outcome<std::uint64_t> {
                    auto answer = task(cx);
                    if (answer)
                        for (std::uint64_t const given : list) *answer = detail::mixed(*answer ^ given);
                    return answer;
                }, some);
        }
    }

    void judge(std::size_t i) {
        auto decides = i;
        for (auto const each : before[i])
            if (decides == i && because[each] != each) decides = because[each];
            else if (decides == i && broken[each]) decides = each;
        because.push_back(decides);
        auto answer = detail::mixed(i);
        for (auto const each : inputs[i]) answer = detail::mixed(answer ^ answers[each]);
        answers.push_back(answer);
    }

    [[nodiscard]] std::size_t mistakes(graph_result const& result) const {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            auto const& report = result.reports()[i];
            auto const& given = result[nodes[i]];
            auto const expected = because[i] != i ? node_state::upstream_failed : broken[i] ? node_state::failed : node_state::done;
            wrong += report.state != expected || report.because != because[i];
            if (expected == node_state::done) wrong += given != answers[i];
            else wrong += given.has_value() || given.error().index() != i || given.error().stage() != report.name ||
                          given.error().code() != cause::unavailable || (given.error().attempts() == 0) != (because[i] != i);
        }
        return wrong;
    }

    graph build;
    std::vector<node_of<std::uint64_t>> nodes;
    std::vector<bool> broken;
    std::vector<std::vector<std::size_t>> inputs, before;
    std::vector<std::size_t> because;
    std::vector<std::uint64_t> answers;
};

}  // namespace

TEST_CASE("graph: graphs drawn at random give what they give node by node, on every width, from several callers", "[flow][soak]") {
    auto const rounds = std::getenv("MUSTER_SOAK") ? 50'000u : 150u;
    thread_pool narrow{1}, pair{2}, wide{16};
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        drawn_graph const drawn{seed};
        std::atomic<std::size_t> wrong{drawn.mistakes(drawn.build.run())};
        {
            std::vector<std::jthread> callers;
            for (auto* pool : {&narrow, &pair, &wide, &wide})
                callers.emplace_back([&, pool] { wrong += drawn.mistakes(drawn.build.run(on{*pool})); });
        }
        auto const nested = [&](int, context& cx) { return drawn.mistakes(drawn.build.run(on{pair}, cx)); };
        for (auto const& each : map(std::vector<int>(4), on{pair} | nested)) wrong += each.value();
        INFO("graph " << seed);
        REQUIRE(wrong == 0);
    }
}

TEST_CASE("graph: a stop at any moment leaves each node done, failed or stopped, and its run over", "[flow][soak]") {
    auto const rounds = std::getenv("MUSTER_SOAK") ? 20'000u : 100u;
    thread_pool pool{4};
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        drawn_graph const drawn{seed};
        std::stop_source stop;
        std::jthread const stopper([&] {
            for (auto turns = detail::mixed(seed) % 300; turns != 0; --turns) std::this_thread::yield();
            stop.request_stop();
        });
        auto const result = drawn.build.run(on{pool}, context{stop.get_token()});
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < drawn.nodes.size(); ++i) {
            auto const& report = result.reports()[i];
            auto const& given = result[drawn.nodes[i]];
            if (report.state == node_state::done) wrong += given != drawn.answers[i];
            else wrong += given.has_value();
            if (report.state == node_state::stopped)
                wrong += given.error().code() != cause::cancelled || given.error().attempts() != 0;
            if (report.state == node_state::done)
                for (auto const each : drawn.before[i]) wrong += result.reports()[each].state != node_state::done;
        }
        INFO("graph " << seed);
        REQUIRE(wrong == 0);
    }
}
