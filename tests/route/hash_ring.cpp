#include <muster/route/hash_ring.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/policy/cached.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;

namespace {

// A node in reach of the network, with a switch.
struct remote {
    using key_type = int;
    using value_type = int;

    outcome<std::optional<int>> try_get(int key) {
        ++asked;
        if (throws) throw std::runtime_error{"lost"};
        if (off) return failure{why, "no answer"};
        std::lock_guard lock(mutex);
        auto const found = values.find(key);
        return found == values.end() ? std::optional<int>{} : found->second;
    }
    outcome<void> try_put(int key, int value) {
        ++asked;
        if (off) return failure{why, "no answer"};
        std::lock_guard lock(mutex);
        values[key] = value;
        return {};
    }
    outcome<bool> try_erase(int key) {
        ++asked;
        if (off) return failure{why, "no answer"};
        std::lock_guard lock(mutex);
        return values.erase(key) != 0;
    }

    std::atomic<bool> off{false}, throws{false};
    std::atomic<cause> why{cause::unavailable};
    std::atomic<int> asked{0};
    std::mutex mutex;
    std::map<int, int> values;
};

// The same with a cache's face: single flight is its own.
struct remote_cache : remote {
    std::optional<int> get(int key) { return flights.get(key); }
    template <class Compute>
    outcome<int> get_or_compute(int key, context& cx, Compute const& compute) {
        ++entered;
        return flights.get_or_compute(key, cx, [&](context& inner) -> outcome<int> {
            outcome<int> answer = compute(inner);
            if (answer) (void)try_put(key, *answer);
            return answer;
        });
    }
    std::atomic<int> entered{0};
    memory_cache<int, int> flights;
};

// A cache that holds nothing and cannot fail: for tests of where keys go.
struct nowhere {
    using key_type = std::string;
    using value_type = int;
    std::optional<int> get(std::string const&) { return {}; }
    template <class Compute>
    outcome<int> get_or_compute(std::string const&, context& cx, Compute const& compute) { return compute(cx); }
};

struct as_it_is {    // a user's hash
    std::size_t operator()(int key) const { return static_cast<std::size_t>(key); }
};

using local = memory_cache<int, int>;

template <class Number>
std::string nth(std::string const& of, Number i) { return of + std::to_string(i); }

// Nodes named node0, node1, ... in a ring.
template <class Node>
struct farm {
    explicit farm(std::size_t n, hash_ring_options options = {}) : nodes(n), ring(options) {
        for (std::size_t i = 0; i < n; ++i) REQUIRE(ring.add(nth("node", i), nodes[i]).has_value());
    }
    Node& at(std::string const& name) { return nodes.at(std::stoul(name.substr(4))); }
    Node& first(int key) { return at(ring.order_of(key).at(0)); }
    Node& second(int key) { return at(ring.order_of(key).at(1)); }
    node_health health_of(Node const& node) const {
        auto const all = ring.health();    // in the order in which they were added
        for (std::size_t i = 0; i < nodes.size(); ++i)
            if (&nodes[i] == &node) return all.at(i);
        return {};
    }
    std::deque<Node> nodes;
    hash_ring<Node> ring;
};

constexpr auto seven = [](context&) -> outcome<int> { return 7; };

std::vector<std::string> keys(int n) {
    std::vector<std::string> out;
    for (int i = 0; i < n; ++i) out.push_back(nth("key ", i));
    return out;
}
template <class Ring>
std::vector<std::string> places(Ring const& ring, std::vector<std::string> const& of) {
    std::vector<std::string> out;
    for (auto const& key : of) out.push_back(ring.node_of(key));
    return out;
}

}  // namespace

static_assert(cache<hash_ring<memory_cache<std::string, int>>>);
static_assert(cache<hash_ring<remote>>);
static_assert(cache<hash_ring<remote_cache>>);
static_assert(cache<hash_ring<hash_ring<local>>>);
static_assert(!std::copyable<hash_ring<local>>);
template <class Ring>
concept has_put = requires(Ring& in, typename Ring::key_type const& key) { in.put(key, 1); };
static_assert(has_put<hash_ring<remote>> && has_put<hash_ring<local>> && !has_put<hash_ring<nowhere>>);
template <class Ring>
concept takes_a_temporary = requires(Ring& in) { in.add("a", local{}); };
static_assert(!takes_a_temporary<hash_ring<local>>);

// Where keys go

TEST_CASE("hash_ring: every node has its share within a tenth, be they 3, 10 or 50", "[route]") {
    nowhere node;
    for (int const nodes : {3, 10, 50}) {
        double worst = 0;
        for (int set = 0; set < 20; ++set) {
            hash_ring<nowhere> ring;
            for (int i = 0; i < nodes; ++i)
                REQUIRE(ring.add("cache-" + std::to_string(set) + "." + std::to_string(i) + ":11211", node).has_value());
            worst = std::max(worst, ring.spread(200'000));
        }
        INFO(nodes << " nodes, worst " << worst);
        CHECK(worst < 0.1);
        CHECK(worst > 0);
    }
}

TEST_CASE("hash_ring: real keys spread as its own sample does", "[route]") {
    farm<nowhere> of{10};
    std::map<std::string, int> counts;
    for (auto const& place : places(of.ring, keys(50'000))) ++counts[place];
    REQUIRE(counts.size() == 10);
    for (auto const& [name, count] : counts) CHECK(count == Approx(5'000).epsilon(0.1));
}

TEST_CASE("hash_ring: removing a node moves its keys alone, and adding one moves keys to it alone", "[route]") {
    auto const all = keys(20'000);
    for (std::size_t const nodes : {2u, 3u, 10u, 50u}) {
        farm<nowhere> of{nodes};
        auto const before = places(of.ring, all);
        auto const name = nth("node", nodes / 2);
        context cx;
        REQUIRE(of.ring.remove(name, cx).has_value());
        auto const without = places(of.ring, all);
        std::size_t moved = 0, foreign = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            moved += before[i] != without[i];
            foreign += before[i] != without[i] && before[i] != name;
        }
        CHECK(static_cast<double>(moved) <= 1.2 / static_cast<double>(nodes) * static_cast<double>(all.size()));
        CHECK(foreign == 0);
        REQUIRE(of.ring.add(name, of.nodes[nodes / 2]).has_value());
        CHECK(places(of.ring, all) == before);    // it comes back to what was its own, and only that
    }
}

TEST_CASE("hash_ring: the order in which nodes were added plays no part", "[route]") {
    auto const all = keys(2'000);
    nowhere node;
    hash_ring<nowhere> up, down;
    for (int i = 0; i < 9; ++i) {
        REQUIRE(up.add(nth("node", i), node, 1 + i % 2).has_value());
        REQUIRE(down.add(nth("node", 8 - i), node, 1 + (8 - i) % 2).has_value());
    }
    CHECK(places(up, all) == places(down, all));
}

TEST_CASE("hash_ring: keys stay where older programs have put them", "[route]") {
    // Computed apart from this program, with the logarithm of another library.
    auto const last_digits = [](std::size_t nodes, auto weight_of) {
        nowhere node;
        hash_ring<nowhere> ring;
        for (std::size_t i = 0; i < nodes; ++i) REQUIRE(ring.add(nth("node", i), node, weight_of(i)).has_value());
        std::string out;
        for (auto const& place : places(ring, keys(20))) out += place.back();
        return out;
    };
    CHECK(last_digits(5, [](std::size_t) { return 1.; }) == "40341200401331040432");
    CHECK(last_digits(40, [](std::size_t) { return 0.1; }) == "10344804846435070805");
    CHECK(last_digits(3, [](std::size_t i) { return std::vector{1., 2.5, 4.}[i]; }) == "20011200121211220222");
    CHECK(last_digits(40, [](std::size_t i) { return static_cast<double>(1 + i % 3); }) == "60648804840639074805");
}

TEST_CASE("hash_ring: a node's share is its weight among all weights", "[route]") {
    nowhere node;
    hash_ring<nowhere> ring;
    std::vector<double> const weights{1, 2, 4, 0.5, 2.5};
    for (std::size_t i = 0; i < weights.size(); ++i) REQUIRE(ring.add(nth("node", i), node, weights[i]).has_value());
    CHECK(ring.spread(200'000) < 0.03);
    std::map<std::string, int> counts;
    for (auto const& place : places(ring, keys(20'000))) ++counts[place];
    for (auto const& each : ring.health()) CHECK(counts[each.name] == Approx(20'000 * each.share).epsilon(0.1));
    CHECK(ring.health().at(2).share == Approx(0.4));
}

TEST_CASE("hash_ring: a node of another weight moves no key between those of one weight", "[route]") {
    auto const all = keys(20'000);
    farm<nowhere> of{8};
    auto const even = places(of.ring, all);
    nowhere heavy;
    REQUIRE(of.ring.add("heavy", heavy, 3).has_value());    // from here on logarithms are compared
    auto const with = places(of.ring, all);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        moved += with[i] != even[i];
        if (with[i] != even[i]) REQUIRE(with[i] == "heavy");
    }
    CHECK(static_cast<double>(moved) == Approx(20'000 * 3 / 11.).epsilon(0.05));
}

TEST_CASE("hash_ring: the keys of one node have their second choice on all others", "[route]") {
    farm<nowhere> of{6};
    std::map<std::string, int> seconds;
    for (auto const& key : keys(12'000)) {
        auto const order = of.ring.order_of(key);
        REQUIRE(std::set<std::string>(order.begin(), order.end()).size() == 6);
        if (order[0] == "node0") ++seconds[order[1]];
    }
    REQUIRE(seconds.size() == 5);
    for (auto const& [name, count] : seconds) CHECK(count == Approx(400).epsilon(0.2));
}

TEST_CASE("hash_ring: without its first node a key goes to the second of its order", "[route]") {
    for (bool const even : {true, false}) {
        nowhere node;
        hash_ring<nowhere> ring;
        context cx;
        auto const weight_of = [&](std::size_t i) { return even ? 2 : static_cast<double>(1 + i % 5); };
        for (std::size_t i = 0; i < 40; ++i) REQUIRE(ring.add(nth("node", i), node, weight_of(i)).has_value());
        for (auto const& key : keys(30)) {
            auto const order = ring.order_of(key);
            REQUIRE(order.size() == 40);
            for (std::size_t i = 0; i < 3; ++i) {
                CHECK(ring.node_of(key) == order[i]);
                REQUIRE(ring.remove(order[i], cx).has_value());
            }
            for (std::size_t i = 0; i < 3; ++i) REQUIRE(ring.add(order[i], node, weight_of(std::stoul(order[i].substr(4)))).has_value());
        }
    }
}

TEST_CASE("hash_ring: a poor hash of the user's spreads all the same", "[route]") {
    local node;
    hash_ring<local, as_it_is> ring;
    for (int i = 0; i < 4; ++i) REQUIRE(ring.add(nth("node", i), node).has_value());
    std::map<std::string, int> counts;
    for (int key = 0; key < 20'000; ++key) ++counts[ring.node_of(key << 8)];
    for (auto const& [name, count] : counts) CHECK(count == Approx(5'000).epsilon(0.05));
}

// As a cache

TEST_CASE("hash_ring: without nodes a look finds nothing and a computation is made", "[route]") {
    hash_ring<local> ring;
    hash_ring<remote> far;
    hash_ring<remote_cache> both;
    context cx;
    CHECK_FALSE(ring.get(1).has_value());
    CHECK_FALSE(ring.put(1, 2));
    CHECK_FALSE(ring.erase(1));
    CHECK(ring.get_or_compute(1, cx, seven) == 7);
    CHECK(far.get_or_compute(1, cx, seven) == 7);
    CHECK(both.get_or_compute(1, cx, seven) == 7);
    CHECK_FALSE(far.get(1).has_value());
    CHECK(ring.size() == 0);
    CHECK(ring.node_of(1).empty());
    CHECK(ring.order_of(1).empty());
    CHECK(ring.health().empty());
    CHECK(ring.spread() == 0);
}

TEST_CASE("hash_ring: one node has every key", "[route]") {
    farm<local> of{1};
    CHECK(of.ring.put(1, 10));
    CHECK(of.ring.get(1) == 10);
    CHECK(of.nodes[0].get(1) == 10);
    CHECK(of.ring.spread() == 0);
    CHECK(of.ring.erase(1));
    CHECK_FALSE(of.ring.erase(1));
    CHECK_FALSE(of.ring.get(1).has_value());
}

TEST_CASE("hash_ring: a key lies on its node alone", "[route]") {
    farm<local> of{5};
    context cx;
    for (int key = 0; key < 100; ++key) {
        if (key % 2) CHECK(of.ring.put(key, key));
        else CHECK(of.ring.get_or_compute(key, cx, [&](context&) -> outcome<int> { return key; }) == key);
        CHECK(of.ring.get(key) == key);
        for (auto& node : of.nodes) CHECK(node.get(key).has_value() == (&node == &of.first(key)));
    }
}

TEST_CASE("hash_ring: stands where a cache does, in front of a task", "[route]") {
    farm<local> of{3};
    int calls = 0;
    auto const twice = cached{of.ring} | [&calls](int key) { return ++calls, 2 * key; };
    for (int round = 0; round < 2; ++round)
        for (int key = 0; key < 10; ++key) CHECK(twice(key) == 2 * key);
    CHECK(calls == 10);
}

TEST_CASE("hash_ring: what the computation fails with is the answer, and is not remembered", "[route]") {
    auto const check = [](auto of) {
        context cx;
        auto const fails = [](context&) -> outcome<int> { return failure{cause::exhausted, "spent"}; };
        CHECK(of->ring.get_or_compute(1, cx, fails).error().is(cause::exhausted));
        CHECK(of->ring.get_or_compute(1, cx, seven) == 7);
        CHECK(of->ring.get_or_compute(1, cx, fails) == 7);
        for (auto const& each : of->ring.health()) CHECK(each.state == ring_node_state::up);
    };
    check(std::make_unique<farm<local>>(3));
    check(std::make_unique<farm<remote>>(3));
    check(std::make_unique<farm<remote_cache>>(3));
}

TEST_CASE("hash_ring: entries age by the time that the call has", "[route]") {
    manual_time time;
    context cx{time};
    local node{{.ttl = 10s}};
    hash_ring<local> ring;
    REQUIRE(ring.add("a", node).has_value());
    CHECK(ring.get_or_compute(1, cx, seven) == 7);
    CHECK(ring.put(2, 8, time));
    time.advance(10s - 1ns);
    CHECK(ring.get(1, time) == 7);
    CHECK(ring.get(2, time) == 8);
    time.advance(1ns);
    CHECK_FALSE(ring.get(1, time).has_value());
    CHECK_FALSE(ring.get(2, time).has_value());
}

TEST_CASE("hash_ring: of calls that miss a key at once one computes, also where nodes only get and put", "[route]") {
    auto const check = [](auto of) {
        manual_time time;
        event go_on;
        std::atomic<int> calls{0};
        std::vector<outcome<int>> answers(8, failure{});
        {
            std::vector<std::jthread> threads;
            for (auto& answer : answers)
                threads.emplace_back([&] {
                    context cx{time};
                    answer = of->ring.get_or_compute(1, cx, [&](context&) -> outcome<int> { ++calls; return go_on.wait() ? 5 : -1; });
                });
            time.until_waiting(7);
            go_on.set();
        }
        for (auto const& answer : answers) CHECK(answer == 5);
        CHECK(calls == 1);
        CHECK(of->ring.get(1, time) == 5);
    };
    check(std::make_unique<farm<local>>(3));
    check(std::make_unique<farm<remote>>(3));
    check(std::make_unique<farm<remote_cache>>(3));
}

TEST_CASE("hash_ring: what flew is remembered by the nodes alone", "[route]") {
    manual_time time;
    context cx{time};
    farm<remote> of{2};
    CHECK(of.ring.get_or_compute(1, cx, seven) == 7);
    CHECK(of.ring.erase(1, time));
    CHECK(of.ring.get_or_compute(1, cx, [](context&) -> outcome<int> { return 8; }) == 8);    // at the same instant
}

TEST_CASE("hash_ring: a key that is entered again below its own call would wait for itself", "[route]") {
    farm<remote> of{2};
    context cx;
    auto const answer = of.ring.get_or_compute(1, cx, [&](context& inner) { return of.ring.get_or_compute(1, inner, seven); });
    CHECK(answer.error().is(cause::would_deadlock));
}

TEST_CASE("hash_ring: a node with a single flight of its own is the one that computes", "[route]") {
    farm<remote_cache> of{3};
    context cx;
    CHECK(of.ring.get_or_compute(1, cx, seven) == 7);
    CHECK(of.first(1).entered == 1);
    CHECK(of.ring.get_or_compute(1, cx, seven) == 7);    // a look is enough
    CHECK(of.first(1).entered == 1);
}

// Nodes that fail

TEST_CASE("hash_ring: a call that a node fails is made again on the next at once", "[route]") {
    manual_time time;
    context cx{time};
    farm<remote> of{4};
    of.first(1).off = true;
    CHECK_FALSE(of.ring.get(1, time).has_value());
    CHECK(of.ring.put(1, 5, time));
    CHECK(of.second(1).values.at(1) == 5);
    CHECK(of.ring.get(1, time) == 5);
    CHECK(time.waits().empty());
    CHECK(of.health_of(of.first(1)).failures == 3);
    CHECK(of.health_of(of.first(1)).hits == 0);
    CHECK(of.health_of(of.second(1)).hits == 1);
    CHECK(of.health_of(of.second(1)).misses == 1);
}

TEST_CASE("hash_ring: some failures in a row take a node down; then it is not asked, and its keys go to the next", "[route]") {
    manual_time time;
    farm<remote> of{4, {.failures = 3}};
    auto& node = of.first(1);
    auto const own = of.ring.node_of(1);
    auto const next = of.ring.order_of(1).at(1);
    node.off = true;
    (void)of.ring.get(1, time);
    CHECK(of.health_of(node).state == ring_node_state::suspect);
    CHECK(of.ring.node_of(1) == own);
    (void)of.ring.get(1, time);
    (void)of.ring.get(1, time);
    CHECK(of.health_of(node).state == ring_node_state::down);
    CHECK(of.ring.node_of(1) == next);
    CHECK(of.ring.order_of(1).front() == own);
    auto const asked = node.asked.load();
    for (int i = 0; i < 100; ++i) (void)of.ring.get(1, time);
    CHECK(node.asked == asked);
}

TEST_CASE("hash_ring: a success in between forgives the failures before", "[route]") {
    manual_time time;
    farm<remote> of{2, {.failures = 2}};
    auto& node = of.first(1);
    for (int i = 0; i < 10; ++i) {
        node.off = i % 2 == 0;
        (void)of.ring.get(1, time);
        CHECK(of.health_of(node).state == (node.off ? ring_node_state::suspect : ring_node_state::up));
    }
}

TEST_CASE("hash_ring: a node that is back is used again within a second, and has its keys again", "[route]") {
    manual_time time;
    farm<remote> of{3, {.failures = 1}};
    CHECK(of.ring.put(1, 5, time));
    auto& node = of.first(1);
    node.off = true;
    CHECK_FALSE(of.ring.get(1, time).has_value());
    time.advance(10min);
    for (int i = 0; i < 50; ++i) {    // probes that fail, two a second
        CHECK_FALSE(of.ring.get(1, time).has_value());
        time.advance(100ms);
    }
    CHECK(node.asked == 1 + 1 + 10);
    node.off = false;
    auto const back = time.now();
    while (of.health_of(node).state == ring_node_state::down) {
        (void)of.ring.get(1, time);
        time.advance(10ms);
    }
    CHECK(time.now() - back < 1s);
    CHECK(of.ring.get(1, time) == 5);
}

TEST_CASE("hash_ring: of the calls that come while a node is down, one each half second probes it", "[route]") {
    manual_time time;
    farm<remote> of{2, {.failures = 1, .probe_every = 500ms}};
    auto& node = of.first(1);
    node.off = true;
    (void)of.ring.get(1, time);
    time.advance(500ms - 1ns);
    (void)of.ring.get(1, time);
    CHECK(node.asked == 1);
    time.advance(1ns);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back([&] { (void)of.ring.get(1, time); });
    }
    CHECK(node.asked == 2);
}

TEST_CASE("hash_ring: nothing that goes wrong with all nodes reaches the caller", "[route]") {
    manual_time time;
    context cx{time};
    farm<remote> of{5, {.choices = 3}};
    for (auto& node : of.nodes) node.off = true;
    CHECK_FALSE(of.ring.get(1, time).has_value());
    int asked = 0;
    for (auto& node : of.nodes) asked += node.asked;
    CHECK(asked == 3);
    CHECK_FALSE(of.ring.put(1, 2, time));
    CHECK_FALSE(of.ring.erase(1, time));
    for (int i = 0; i < 20; ++i) CHECK(of.ring.get_or_compute(1, cx, seven) == 7);
    for (auto const& each : of.ring.health()) CHECK(each.state == ring_node_state::down);
    CHECK(of.ring.node_of(1).empty());

    farm<remote_cache> caches{2};
    for (auto& node : caches.nodes) node.off = true;
    for (int i = 0; i < 20; ++i) CHECK(caches.ring.get_or_compute(i, cx, seven) == 7);
}

TEST_CASE("hash_ring: a node that throws has failed", "[route]") {
    farm<remote> of{2, {.failures = 1}};
    of.first(1).throws = true;
    manual_time time;
    CHECK_FALSE(of.ring.get(1, time).has_value());
    CHECK(of.health_of(of.first(1)).state == ring_node_state::down);
}

TEST_CASE("hash_ring: a failure that says nothing of the node goes on to the next, and takes none down", "[route]") {
    manual_time time;
    farm<remote> of{2, {.failures = 1}};
    of.first(1).off = true;
    of.first(1).why = cause::invalid_input;
    CHECK(of.ring.put(1, 5, time));
    CHECK(of.second(1).values.at(1) == 5);
    CHECK(of.health_of(of.first(1)).state == ring_node_state::up);
    CHECK(of.health_of(of.first(1)).failures == 1);
}

TEST_CASE("hash_ring: a call that is stopped asks no further node", "[route]") {
    farm<remote> of{3};
    std::stop_source stop;
    context cx{stop.get_token()};
    for (auto& node : of.nodes) node.off = true;
    stop.request_stop();
    CHECK(of.ring.get_or_compute(1, cx, seven).error().is(cause::cancelled));
    int asked = 0;
    for (auto& node : of.nodes) asked += node.asked;
    CHECK(asked == 1);
}

TEST_CASE("hash_ring: erase asks every node, for copies from when another was down", "[route]") {
    manual_time time;
    farm<remote> of{3};
    of.first(1).off = true;
    CHECK(of.ring.put(1, 5, time));
    of.first(1).off = false;
    CHECK(of.ring.put(1, 6, time));
    CHECK(of.ring.erase(1, time));
    for (auto& node : of.nodes) CHECK(node.values.empty());
    CHECK_FALSE(of.ring.erase(1, time));
}

// Coming and going

TEST_CASE("hash_ring: refuses a name that is taken, a weight out of range, and options that make no sense", "[route]") {
    local a, b;
    hash_ring<local> ring;
    REQUIRE(ring.add("a", a).has_value());
    auto const twice = ring.add("a", b);
    CHECK(twice.error().is(cause::invalid_input));
    CHECK(twice.error().text() == "muster: hash_ring has a node \"a\" already; the name places the keys: give each node its own");
    for (double const weight : {0., -1., 1e-7, 1e7, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        CHECK(ring.add("b", b, weight).error().is(cause::invalid_input));
    CHECK(ring.size() == 1);
    context cx;
    CHECK(ring.remove("b", cx).error().text() == "muster: hash_ring has no node \"b\"");
    CHECK_THROWS_AS((hash_ring<local>{{.failures = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((hash_ring<local>{{.probe_every = 0s}}), std::invalid_argument);
    CHECK_THROWS_AS((hash_ring<local>{{.choices = 0}}), std::invalid_argument);
}

TEST_CASE("hash_ring: remove waits until calls under way have left the node, and for no other node's", "[route]") {
    manual_time time;
    farm<local> of{2};
    event begun, go_on, removed;
    auto const busy = of.ring.node_of(1);
    auto const other = busy == "node0" ? "node1" : "node0";
    outcome<int> answer = failure{};
    std::jthread call{[&] {
        context cx{time};
        answer = of.ring.get_or_compute(1, cx, [&](context&) -> outcome<int> { begun.set(); return go_on.wait() ? 5 : -1; });
    }};
    REQUIRE(begun.wait());
    context cx{time};
    CHECK(of.ring.remove(other, cx).has_value());
    outcome<void> done;
    std::jthread remover{[&] {
        context mine{time};
        done = of.ring.remove(busy, mine);
        removed.set();
    }};
    time.until_waiting(1);
    CHECK_FALSE(removed.is_set());
    CHECK(of.ring.size() == 0);    // no other call goes there
    CHECK_FALSE(of.ring.get(1).has_value());
    go_on.set();
    REQUIRE(removed.wait());
    call.join();
    CHECK(done.has_value());
    CHECK(answer == 5);
}

TEST_CASE("hash_ring: a remove that is cut short says so, and is asked again", "[route]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    farm<local> of{1};
    auto const answer = of.ring.get_or_compute(1, cx, [&](context& inner) -> outcome<int> {
        auto const until = inner.change_deadline(later(inner.now(), 1s));
        auto const early = of.ring.remove("node0", inner);    // from below its own call
        CHECK(early.error().is(cause::timed_out));
        CHECK(early.error().text() == "the deadline passed; calls are still under way on the node \"node0\"");
        CHECK(of.ring.add("node0", of.nodes[0]).error().is(cause::rejected));
        std::stop_source stop;
        stop.request_stop();
        context stopped{stop.get_token()};
        CHECK(of.ring.remove("node0", stopped).error().is(cause::cancelled));
        return 5;
    });
    CHECK(answer == 5);
    CHECK(of.ring.remove("node0", cx).has_value());
    CHECK(of.ring.remove("node0", cx).error().is(cause::invalid_input));
    CHECK(of.ring.add("node0", of.nodes[0]).has_value());
}

TEST_CASE("hash_ring: nodes come and go while others look up; none is used after it was removed", "[route]") {
    farm<remote> of{4};    // these stay
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::atomic<long> looks{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = t; !over; ++i) {
                    context cx;
                    auto const key = i % 500;
                    auto const answer = of.ring.get_or_compute(key, cx, [&](context&) -> outcome<int> { return 2 * key; });
                    if (!(answer == 2 * key)) ++wrong;
                    if (of.ring.order_of(key).size() < 4 || of.ring.health().size() < 4) ++wrong;
                    ++looks;
                }
            });
        std::vector<std::jthread> changers;
        for (int t = 0; t < 2; ++t)
            changers.emplace_back([&, t] {
                for (int i = 0; i < 100; ++i) {
                    auto const name = "guest" + std::to_string(t);
                    auto guest = std::make_unique<remote>();
                    guest->off = i % 3 == 0;
                    context cx;
                    if (!of.ring.add(name, *guest, 1 + i % 2)) ++wrong;
                    std::this_thread::yield();
                    if (!of.ring.remove(name, cx)) ++wrong;
                }    // the guest goes: whoever still used it would be seen by the sanitizers
            });
        changers.clear();
        over = true;
    }
    CHECK(wrong == 0);
    CHECK(looks > 0);
    CHECK(of.ring.size() == 4);
}

TEST_CASE("hash_ring: health counts what each node did", "[route]") {
    farm<local> of{3};
    context cx;
    for (int key = 0; key < 90; ++key) {
        (void)of.ring.get(key);                          // a miss
        (void)of.ring.get_or_compute(key, cx, seven);    // a miss
        (void)of.ring.get_or_compute(key, cx, seven);    // a hit
    }
    std::uint64_t hits = 0, misses = 0;
    double share = 0;
    for (auto const& each : of.ring.health()) {
        CHECK(each.hits > 0);
        CHECK(each.misses == 2 * each.hits);
        CHECK(each.failures == 0);
        hits += each.hits;
        misses += each.misses;
        share += each.share;
    }
    CHECK(hits == 90);
    CHECK(misses == 180);
    CHECK(share == Approx(1));
}
