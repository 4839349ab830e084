#include <muster/workloads/search/finding.hpp>

#include "catch.hpp"

using namespace muster::searching;

namespace {
struct returns_nothing {
    void put(finding_place const&, finding const&);
};
struct takes_no_place {
    muster::outcome<void> put(finding const&);
};
}  // namespace

static_assert(!finding_sink<returns_nothing>);
static_assert(!finding_sink<takes_no_place>);

TEST_CASE("finding: one without a line says that nothing was found", "[search][finding]") {
    CHECK(finding{}.missing());
    CHECK(!finding{.line = 1}.missing());
}

TEST_CASE("finding: kept findings are all there, in the order in which they came", "[search][finding]") {
    kept_findings kept;
    REQUIRE(kept.put({.path = "a"}, {.rule = 1, .line = 2, .text = "t", .fields = {"f", ""}}));
    REQUIRE(kept.put({.path = "b"}, {.rule = 0}));
    REQUIRE(kept.rows().size() == 2);
    CHECK(kept.rows()[0] == kept_findings::row{{.path = "a"}, {.rule = 1, .line = 2, .text = "t", .fields = {"f", ""}}});
    CHECK(kept.rows()[1].what.missing());
}
