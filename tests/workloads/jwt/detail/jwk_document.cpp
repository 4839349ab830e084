#include <muster/workloads/jwt/detail/jwk_document.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "../allocations.hpp"
#include "catch.hpp"

using namespace muster::jwt::detail;

TEST_CASE("jwk_object: finds members by what their names say, where they stand", "[jwt][jwk]") {
    std::string_view const text = R"({"k":"a\u0062c","\u0078":1,"y":[{"k":2}]})";
    auto const object = jwk_object::read(text);
    REQUIRE(object);
    REQUIRE(object->find("k"));
    CHECK(object->find("k")->raw.data() == text.data() + 6);
    CHECK(text_of(*object->find("k")) == "abc");
    REQUIRE(object->find("x"));
    CHECK(object->find("x")->kind == json_kind::number);
    CHECK(object->find("z") == nullptr);
}

TEST_CASE("wiping_allocator: nothing is left of a text that was given back or outgrew its memory", "[jwt][jwk]") {
    static_assert(std::is_same_v<secret_text::allocator_type, wiping_allocator<char>>);
    freed_memory const given_back{"a text that no other test"};
    {
        secret_text text{"a text that no other test has, and too long to lie within the string"};
        text += text;
        CHECK(text.size() > 100);
    }
    CHECK(given_back.found() == 0);
}
