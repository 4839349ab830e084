#include <muster/workloads/hash/hash_batch.hpp>

#include "keys.hpp"
#include "catch.hpp"

#include <atomic>
#include <stdexcept>
#include <stop_token>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hmac_sha256.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>
#include <muster/workloads/hash/xxh64.hpp>

using namespace muster;
using namespace muster::hashing;

namespace {
// fnv1a, and what happens after a number of batches.
struct stopping {
    using digest_type = std::uint64_t;
    std::stop_source* stop;
    std::atomic<int>* batches;
    int stop_after;

    std::uint64_t operator()(std::string_view key) const { return fnv1a{}(key); }
    template <hashing::detail::keys Keys>
    outcome<void> each(Keys const& keys, std::span<std::uint64_t> out) const {
        if (++*batches == stop_after) stop->request_stop();
        return fnv1a{}.each(keys, out);
    }
    fnv1a::state start() const { return fnv1a{}.start(); }
};

template <class H>
void check_batch(H const& hash) {
    thread_pool pool{3};
    for (std::size_t const count : {0u, 1u, 31u, 32u, 33u, 1'000u, 20'000u}) {
        CAPTURE(count);
        auto const keys = keys_of_one_length(17, count);
        std::vector<typename H::digest_type> alone(count), here(count), there(count);
        for (std::size_t i = 0; i < count; ++i) alone[i] = hash(keys[i]);
        CHECK(hash_batch(keys, hash, into{here}).empty());
        CHECK(hash_batch(keys, on{pool} | hash, into{there}).empty());
        CHECK(here == alone);
        CHECK(there == alone);
        CHECK(map(keys, on{pool} | hash, into{there}).empty());    // the same, key by key
        CHECK(there == alone);
    }
}
}  // namespace

TEST_CASE("hash_batch: answers what the hash answers key by key, on one thread and on many", "[hash][hash_batch]") {
    check_batch(xxh3{});
    check_batch(xxh64{});
    check_batch(fnv1a{});
    check_batch(sha256{});
    check_batch(hmac_sha256{"a secret"});
}

TEST_CASE("hash_batch: too little room is refused before anything is written", "[hash][hash_batch]") {
    auto const keys = keys_of_one_length(8, 100);
    std::vector<std::uint64_t> out(99, 7);
    CHECK_THROWS_AS(hash_batch(keys, fnv1a{}, into{out}), std::length_error);
    CHECK(out == std::vector<std::uint64_t>(99, 7));
}

TEST_CASE("hash_batch: keys of chunks that a stop kept from starting have a failure each, the others a digest", "[hash][hash_batch]") {
    auto const keys = keys_of_one_length(8, 1'000);    // 32 chunks, the last one shorter
    std::vector<std::uint64_t> out(1'000, 0);
    std::stop_source stop;
    std::atomic<int> batches = 0;
    context const run{stop.get_token()};
    auto const failed = hash_batch(keys, stopping{&stop, &batches, 3}, into{out}, run);
    auto const done = 32u * static_cast<unsigned>(batches.load());
    REQUIRE(failed.size() == 1'000 - done);
    CHECK(batches == 3);
    for (std::size_t i = 0; i < failed.size(); ++i) {
        CHECK(failed[i].index() == done + i);
        CHECK(failed[i].is(cause::cancelled));
        CHECK(failed[i].attempts() == 0);
    }
    for (std::size_t i = 0; i < 1'000; ++i) CHECK(out[i] == (i < done ? fnv1a{}(keys[i]) : 0));
}

TEST_CASE("hash_batch: a deadline that has passed fails every key", "[hash][hash_batch]") {
    auto const keys = keys_of_one_length(8, 50);
    std::vector<std::uint64_t> out(50, 7);
    testing::manual_time time;
    context run{time};
    auto const soon = run.change_deadline(time.now());
    auto const failed = hash_batch(keys, xxh3{}, into{out}, run);
    REQUIRE(failed.size() == 50);
    CHECK(failed[49].is(cause::timed_out));
    CHECK(failed[49].index() == 49);
    CHECK(out == std::vector<std::uint64_t>(50, 7));
}

TEST_CASE("hash_batch: policies are about a chunk", "[hash][hash_batch]") {
    auto const keys = keys_of_one_length(8, 100);
    std::vector<std::uint64_t> out(100);
    bulkhead room{1};
    CHECK(hash_batch(keys, limit{room} | fnv1a{}, into{out}).empty());
    CHECK(out[99] == fnv1a{}(keys[99]));
}

TEST_CASE("hash_batch: nested, a failure has the path of its key", "[hash][hash_batch]") {
    auto const keys = keys_of_one_length(8, 40);
    std::stop_source stop;
    auto const outer = map(std::vector{0, 1, 2}, [&](int, context& cx) {
        std::vector<std::uint64_t> out(40);
        auto const soon = cx.change_deadline(instant::min());
        return hash_batch(keys, fnv1a{}, into{out}, cx);
    });
    REQUIRE(outer[2].has_value());
    REQUIRE(outer[2]->size() == 40);
    auto const path = outer[2]->back().path();
    CHECK(std::vector<std::size_t>(path.begin(), path.end()) == std::vector<std::size_t>{2, 39});
}
