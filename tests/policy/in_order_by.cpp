#include <muster/policy/in_order_by.hpp>

#include "catch.hpp"

#include <string>

#include <muster/core/stage.hpp>

using namespace muster;

namespace {
struct order {
    std::string customer;
    int number;
};
}  // namespace

static_assert(place_policy<in_order_by<std::string order::*>>);
static_assert(in_order_by{&order::number} == in_order_by{&order::number});

// What it does is tested with the verb that reads it: tests/flow/stream_keys.cpp.
TEST_CASE("in_order_by: a stage called as a function does not read it", "[policy]") {
    CHECK((in_order_by{&order::customer} | [](order const& one) { return one.number; })(order{"a", 3}) == 3);
    CHECK(in_order_by{&order::customer}.describe() == "in_order_by");
}
