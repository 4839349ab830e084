#include <muster/workloads/llm/fault.hpp>

#include "catch.hpp"

#include <muster/policy/retry.hpp>

using namespace muster;
using namespace muster::llm;

TEST_CASE("fault: what another attempt may mend is transient, and what no request can mend ends the run") {
    auto const of = [](fault which) { return failure{make_error_code(which), ""}; };
    for (auto const which : {fault::rate_limited, fault::overloaded, fault::slow, fault::bad_answer, fault::no_json, fault::wrong_shape}) {
        INFO(name_of(which));
        CHECK(is_transient(of(which)));
        CHECK_FALSE(ends_the_run(of(which)));
    }
    for (auto const which : {fault::quota_spent, fault::unauthorized, fault::no_such_model}) {
        INFO(name_of(which));
        CHECK_FALSE(is_transient(of(which)));
        CHECK(ends_the_run(of(which)));
    }
    for (auto const which : {fault::refused_request, fault::too_long, fault::cut_short, fault::filtered, fault::refused_by_model}) {
        INFO(name_of(which));
        CHECK_FALSE(is_transient(of(which)));
        CHECK_FALSE(ends_the_run(of(which)));
    }
    CHECK_FALSE(ends_the_run(failure{cause::exhausted, ""}));
    CHECK(of(fault::slow).code().message() == "endpoint too slow");
}
