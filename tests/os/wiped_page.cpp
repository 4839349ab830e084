#include <muster/os/wiped_page.hpp>

#include "catch.hpp"
#include "forked.hpp"

using namespace muster;

TEST_CASE("wiped_page: begins as the value that the type begins with", "[os][wiped_page]") {
    struct numbers {
        int a = 3, b = 4;
    };
    wiped_page<numbers> const mine;
    CHECK(mine->a + mine->b == 7);
}

TEST_CASE("wiped_page: a child of fork finds zeros, and its parent what it had", "[os][wiped_page][forks]") {
    wiped_page<int> const mine;
    *mine.operator->() = 5;
    CHECK(in_child([&] { return *mine.operator->(); }) == exits(0));
    CHECK(*mine.operator->() == 5);
}
