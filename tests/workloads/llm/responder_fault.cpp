#include <muster/workloads/llm/responder_fault.hpp>

#include <set>
#include <string_view>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("responder_fault: each has a name of its own", "[llm][responder]") {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(responder_fault::own_answer); ++i) {
        auto const name = name_of(static_cast<responder_fault>(i));
        CHECK(name != "unknown fault");
        CHECK(names.insert(name).second);
    }
    CHECK(names.size() == 28);
    CHECK(name_of(responder_fault::half_answer) == "half answer");
    CHECK(responder_fault{} == responder_fault::none);    // an endpoint behaves until it is told otherwise
}
