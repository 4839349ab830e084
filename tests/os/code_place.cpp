#include <muster/os/code_place.hpp>

#include <cstdlib>

#include "catch.hpp"

using namespace muster;

namespace {
int called = 0;
void call_me() { ++called; }
int not_code = 0;
}  // namespace

TEST_CASE("code_place: a function is found again by its place", "[os][code_place]") {
    auto const place = code_place::of(&call_me);
    REQUIRE(place);
    auto const found = place.function();
    REQUIRE(found == &call_me);
    found();
    CHECK(called == 1);
}

TEST_CASE("code_place: a function of a library is in that library", "[os][code_place]") {
    auto const mine = code_place::of(&call_me);
    auto const theirs = code_place::of(reinterpret_cast<code_place::function_type>(&std::abort));
    REQUIRE(theirs);
    CHECK(theirs.function() == reinterpret_cast<code_place::function_type>(&std::abort));
    CHECK(theirs.module != mine.module);
}

TEST_CASE("code_place: what is no code has no place, and no place is no code", "[os][code_place]") {
    CHECK_FALSE(code_place::of(nullptr));
    CHECK_FALSE(code_place::of(reinterpret_cast<code_place::function_type>(&not_code)));
    CHECK(code_place{}.function() == nullptr);
    auto place = code_place::of(&call_me);
    place.module += 2;
    CHECK(place.function() == nullptr);
    place = code_place::of(&call_me);
    for (auto const offset : {std::uint64_t{0} - 1, std::uint64_t{1} << 40}) {
        place.offset = offset;
        CHECK(place.function() == nullptr);
    }
    auto const data = reinterpret_cast<std::uint64_t>(&not_code) - (reinterpret_cast<std::uint64_t>(&call_me) - code_place::of(&call_me).offset);
    place.offset = data;
    CHECK(place.function() == nullptr);
}
