#include <muster/workloads/llm/responder_rule.hpp>

#include "catch.hpp"

using namespace muster::llm;
using namespace std::chrono_literals;

TEST_CASE("responder_rule: one that says nothing fits every request and spoils none", "[llm][responder]") {
    responder_rule const rule;
    CHECK(rule.fault == responder_fault::none);
    CHECK(rule.prompt_has.empty());
    CHECK(rule.request == 0);
    CHECK(rule.every == 0);
    CHECK(rule.first_attempt == 1);
    CHECK(rule.last_attempt == responder_rule::any_number);
    CHECK(rule.times == responder_rule::any_number);
    CHECK_FALSE(rule.hint.has_value());
    CHECK(retry_hint{} == retry_hint{.as = retry_hint::form::milliseconds, .wait = 500ms});
}
