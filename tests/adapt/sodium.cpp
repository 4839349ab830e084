#include <muster/adapt/sodium.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("start_sodium: may be called any number of times", "[adapt][sodium]") {
    start_sodium();
    start_sodium();
    CHECK(sodium_init() == 1);    // 1: it was ready already
}
