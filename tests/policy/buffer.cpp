#include <muster/policy/buffer.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<buffer>);
static_assert(buffer{} == buffer{64} && buffer{1} != buffer{2});

TEST_CASE("buffer: a stage called as a function does not read it", "[policy]") {
    CHECK((buffer{256} | [](int n) { return n; })(3) == 3);
    CHECK(buffer{256}.describe() == "buffer{256}");
}
