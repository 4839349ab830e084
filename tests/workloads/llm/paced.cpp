#include <muster/workloads/llm/paced.hpp>

#include "catch.hpp"

#include <string>

#include <muster/muster.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

TEST_CASE("paced: a call waits for its tokens, and is a request whatever they are") {
    quota by{{.requests_per_minute = 1e6, .tokens_per_minute = 60'000, .share = 1}};
    auto const ask = paced{by} | [](asked_node const& node) { return node.number; };
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    auto const start = time.now();
    for (int i = 0; i < 61; ++i) CHECK(ask(asked_node{.number = 7, .text = std::string(4'000, 'a')}, cx) == 7u);    // 1,000 tokens each
    CHECK(time.now() - start >= 59s);
    CHECK(time.now() - start <= 61s);
}

TEST_CASE("paced: what a stopped quota refuses is not called, and was no attempt") {
    quota by;
    by.stop(failure{cause::exhausted, "spent"});
    int calls = 0;
    auto const refused = (paced{by} | [&calls](chat_request const&) { return ++calls; })(chat_request{});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().attempts() == 0);
    CHECK(calls == 0);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<paced, quota>);    // a temporary
}
