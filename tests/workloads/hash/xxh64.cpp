#include <xxhash.h>    // before ours: then ours is inlined beside it

#include <muster/workloads/hash/xxh64.hpp>

#include "promises.hpp"

#include <muster/workloads/hash/hex.hpp>

using namespace muster::hashing;

TEST_CASE("xxh64: agrees with the library's own function, one at a time and in batches", "[hash][xxh64]") {
    for (auto const& key : keys_of_all_lengths(2'000, 0)) {
        CAPTURE(key.size());
        CHECK(xxh64{}(key) == XXH64(key.data(), key.size(), 0));
    }
    CHECK(to_hex(xxh64{}("")) == "ef46db3751d8e999");    // the specification's first example
    CHECK(to_hex(xxh64{}("abc")) == "44bc2cf5ad770999");
}

TEST_CASE("xxh64: keeps what every hash promises", "[hash][xxh64]") { check_promises(xxh64{}); }
