#include <muster/workloads/jwt/detail/jwk_document.hpp>

#include <cstddef>
#include <string_view>

#include "catch.hpp"

using namespace muster::jwt::detail;

TEST_CASE("jwk_document: texts lie in memory that is wiped when it is given back", "[jwt][jwk]") {
    static_assert(std::is_same_v<jwk_json::string_t, secret_text>);
    static_assert(std::is_same_v<secret_text::allocator_type, wiping_allocator<char>>);
    auto const document = read_jwk_text(R"({"k":"a text that is too long to lie within the string"})");
    REQUIRE(document);
    CHECK(document->at("k").get_ref<secret_text const&>() == "a text that is too long to lie within the string");
}
