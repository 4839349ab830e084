#include <muster/workloads/llm/chat_request.hpp>

#include "catch.hpp"

#include <muster/core/concepts.hpp>

using namespace muster::llm;

TEST_CASE("chat_request: it weighs about its tokens, those of the answer included") {
    chat_request what{.messages = {{.text = std::string(400, 'a')}}};
    CHECK(muster::weight_of(what) == 104);
    what.max_tokens = 1'000;
    CHECK(muster::weight_of(what) == 1'104);
    what.schema = std::string(40, ' ');
    CHECK(muster::weight_of(what) == 1'114);
}
