#include <muster/workloads/hash/xxh3.hpp>

#include <xxhash.h>    // the program may include it, too

#include "promises.hpp"

#include <muster/core/transportable_callable.hpp>
#include <muster/workloads/hash/hex.hpp>

using namespace muster::hashing;

static_assert(muster::transportable_callable<xxh3>);    // a task for other processes

TEST_CASE("xxh3: agrees with the library's own function, one at a time and in batches", "[hash][xxh3]") {
    for (auto const& key : keys_of_all_lengths(2'000, 0)) {
        CAPTURE(key.size());
        CHECK(xxh3{}(key) == XXH3_64bits(key.data(), key.size()));
    }
    CHECK(to_hex(xxh3{}("")) == "2d06800538d394c2");    // as xxhsum -H3 writes it
}

TEST_CASE("xxh3: keeps what every hash promises", "[hash][xxh3]") { check_promises(xxh3{}); }
