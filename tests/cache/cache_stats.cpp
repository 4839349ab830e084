#include <muster/cache/cache_stats.hpp>    // first: proves the header stands alone

#include "catch.hpp"

using muster::cache_stats;

TEST_CASE("cache_stats: start at nothing, and compare by value", "[cache]") {
    cache_stats a, b;
    CHECK((a.hits == 0 && a.misses == 0 && a.stored == 0 && a.evicted == 0 && a.expired == 0 && a.waited == 0));
    CHECK(a == b);
    ++b.hits;
    CHECK(a != b);
}
