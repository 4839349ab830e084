#include <muster/workloads/formats/xml_limits.hpp>

#include "catch.hpp"

using muster::xml::limits;

TEST_CASE("xml::limits: without a word they are those of a stream that nobody trusts", "[xml][limits]") {
    constexpr limits by;
    static_assert(by.max_node == muster::MiB && by.max_depth == 128);
    CHECK(by.max_document == 0);    // a stream needs no bound of its length
    CHECK(by != limits{.max_depth = 127});
}
