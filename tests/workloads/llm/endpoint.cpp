#include <muster/workloads/llm/endpoint.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::llm;

TEST_CASE("endpoint: where chats are completed, in both dialects") {
    CHECK(endpoint{.url = "https://api.example.com/v1/", .model = "m"}.completions_url().value() == "https://api.example.com/v1/chat/completions");
    CHECK(endpoint{.url = "https://x.openai.azure.com", .model = "d-1", .speaks = dialect::azure, .api_version = "2024-06-01"}.completions_url().value() ==
          "https://x.openai.azure.com/openai/deployments/d-1/chat/completions?api-version=2024-06-01");
}

TEST_CASE("endpoint: what would make another URL is refused") {
    for (auto const& wrong : {endpoint{.url = "api.example.com", .model = "m"}, endpoint{.url = "https://h/v1?x=1", .model = "m"}, endpoint{.url = "https://h/v1"},
                              endpoint{.url = "https://h", .model = "../x", .speaks = dialect::azure}, endpoint{.url = "https://h", .model = "a/b", .speaks = dialect::azure},
                              endpoint{.url = "https://h", .model = "a", .speaks = dialect::azure, .api_version = "1&x=2"}}) {
        INFO(wrong.url << ' ' << wrong.model);
        auto const url = wrong.completions_url();
        REQUIRE_FALSE(url);
        CHECK(url.error().is(cause::invalid_input));
    }
}
