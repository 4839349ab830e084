#include <muster/workloads/bgp/irr_fault.hpp>

#include <set>
#include <string_view>

#include "catch.hpp"

using namespace muster::bgp;

TEST_CASE("irr_fault: each has a name of its own", "[bgp][irr_fault]") {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(irr_fault::wrong_letter); ++i) {
        auto const name = name_of(static_cast<irr_fault>(i));
        CHECK(name != "unknown fault");
        CHECK(names.insert(name).second);
    }
    CHECK(names.size() == 11);
    CHECK(name_of(irr_fault::half_answer) == "half answer");
    CHECK(irr_fault{} == irr_fault::none);    // a registry behaves until it is told otherwise
}
