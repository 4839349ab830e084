#include <muster/core/poller.hpp>

#include "catch.hpp"

namespace {

struct events {
    int polls = 0;
    void begin_polling() {}
    void end_polling() {}
    void poll(std::chrono::nanoseconds) { ++polls; }
    void wake() {}
};
struct no_wake {
    void begin_polling() {}
    void end_polling() {}
    void poll(std::chrono::nanoseconds) {}
};

}  // namespace

TEST_CASE("poller: what polls, wakes, and changes hands, and no less") {
    STATIC_REQUIRE(muster::poller<events>);
    STATIC_REQUIRE_FALSE(muster::poller<no_wake>);
    STATIC_REQUIRE_FALSE(muster::poller<int>);
}
