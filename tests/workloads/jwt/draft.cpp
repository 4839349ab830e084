#include <muster/workloads/jwt/draft.hpp>

#include "catch.hpp"

using namespace muster::jwt;

TEST_CASE("draft: says nothing until it is told, and compares", "[jwt][signer]") {
    CHECK(draft{} == draft{});
    CHECK_FALSE(draft{.subject = "x"} == draft{});
    CHECK(draft{}.audience.empty());
    CHECK_FALSE(draft{}.expires);
}
