#include <muster/workloads/llm/detail/token_bucket.hpp>

#include "catch.hpp"

using namespace muster::llm::detail;
using namespace std::chrono_literals;

TEST_CASE("token_bucket: grants the burst at once and then the rate", "[llm][token_bucket]") {
    token_bucket bucket{1'000, 10};
    auto now = token_bucket::clock::time_point{} + 1h;
    auto const granted = [&] {
        int count = 0;
        for (; bucket.has(1, now) && count < 100; ++count) bucket.take(1);
        return count;
    };
    CHECK(granted() == 10);
    CHECK(bucket.taken() == 10);
    CHECK(bucket.until_full() == 10ms);
    now += 3ms;
    CHECK(granted() == 3);
    now += 1h;
    CHECK(granted() == 10);
}

TEST_CASE("token_bucket: what is larger than the whole passes when it is full", "[llm][token_bucket]") {
    token_bucket bucket{10, 10};
    auto now = token_bucket::clock::time_point{} + 1h;
    CHECK(bucket.has(100, now));
    bucket.take(100);
    CHECK_FALSE(bucket.has(1, now + 9s));
    CHECK(bucket.has(1, now + 9200ms));
}

TEST_CASE("token_bucket: none at all limits nothing", "[llm][token_bucket]") {
    token_bucket bucket;
    CHECK_FALSE(bucket.is_limit());
    CHECK(bucket.has(1e9, {}));
    CHECK(bucket.until_full() == 0ns);
}
