#include <muster/workloads/llm/count_tokens.hpp>

#include "catch.hpp"

#include <string>

#include <muster/muster.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/llm/asked_node.hpp>
#include <muster/workloads/llm/chat_request.hpp>
#include <muster/workloads/llm/quota.hpp>

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

namespace mine {
struct question {
    int words;
};
[[maybe_unused]] int tokens_of(question const& of) { return of.words * 2; }
}  // namespace mine

TEST_CASE("count_tokens: a call waits for its tokens, and is a request whatever they are") {
    quota by{{.requests_per_minute = 1e6, .tokens_per_minute = 60'000, .share = 1}};
    auto const ask = limit{by, count_tokens} | [](asked_node const& node) { return node.number; };
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    auto const start = time.now();
    for (int i = 0; i < 61; ++i) CHECK(ask(asked_node{.number = 7, .text = std::string(4'000, 'a')}, cx) == 7u);    // 1,000 tokens each
    CHECK(time.now() - start >= 59s);
    CHECK(time.now() - start <= 61s);
}

TEST_CASE("count_tokens: what a stopped quota refuses is not called, and was no attempt") {
    quota by;
    by.stop(failure{cause::exhausted, "spent"});
    int calls = 0;
    auto const refused = (limit{by, count_tokens} | [&calls](chat_request const&) { return ++calls; })(chat_request{});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().attempts() == 0);
    CHECK(calls == 0);
}

TEST_CASE("count_tokens: an item of one's own says with tokens_of; one that says nothing is no item for it") {
    CHECK(count_tokens(mine::question{21}) == 42);
    CHECK(count_tokens(asked_node{.text = std::string(4'000, 'a')}) == 1'000);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<decltype(count_tokens), std::string const&>);
}
