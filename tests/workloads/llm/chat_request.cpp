#include <muster/workloads/llm/chat_request.hpp>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("chat_request: it is counted at about its tokens, those of the answer included") {
    chat_request what{.messages = {{.text = std::string(400, 'a')}}};
    CHECK(tokens_of(what) == 104);
    what.max_tokens = 1'000;
    CHECK(tokens_of(what) == 1'104);
    what.schema = std::string(40, ' ');
    CHECK(tokens_of(what) == 1'114);
}
