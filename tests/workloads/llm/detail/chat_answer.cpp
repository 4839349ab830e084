#include <muster/workloads/llm/detail/chat_answer.hpp>

#include "catch.hpp"

using namespace muster::llm::detail;
using namespace std::chrono_literals;

TEST_CASE("chat_answer: durations read as OpenAI writes them", "[llm][chat_answer]") {
    CHECK(reset_text(0ns) == "0ms");
    CHECK(reset_text(1ns) == "1ms");
    CHECK(reset_text(20ms) == "20ms");
    CHECK(reset_text(1s) == "1s");
    CHECK(reset_text(8640ms) == "8.64s");
    CHECK(reset_text(1005ms) == "1.005s");
    CHECK(reset_text(6min) == "6m0s");
    CHECK(reset_text(59'999'999us) == "1m0s");
    CHECK(reset_text(1h + 2min + 3500ms) == "1h2m3.5s");
    CHECK(reset_text(2h) == "2h0m0s");
    CHECK(whole_seconds(1ms) == "1");
}

TEST_CASE("chat_answer: dates are those of HTTP, in English", "[llm][chat_answer]") {
    CHECK(http_date(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(1'709'164'800) == "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST_CASE("chat_answer: the same prompt gives the same facts, another prompt others", "[llm][chat_answer]") {
    CHECK(facts_of("a") == facts_of("a"));
    CHECK(facts_of("a") != facts_of("b"));
    CHECK(facts_of("") == R"({"kind":"price","summary":"Node cbf29ce484222325, 0 bytes","confidence":0.75,"facts":[)"
                          R"({"name":"identity","value":"cbf2"},{"name":"fare","value":"9ce4"},{"name":"identity","value":"8422"}]})");
}
