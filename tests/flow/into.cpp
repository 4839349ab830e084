#include <muster/flow/into.hpp>

#include "catch.hpp"

#include <array>
#include <span>
#include <stdexcept>
#include <vector>

using namespace muster;

TEST_CASE("into: takes a container, an array or a span", "[flow]") {
    std::vector<int> numbers(3);
    std::array<char, 2> letters{};
    static_assert(std::same_as<decltype(into{numbers}), into<int>>);
    static_assert(std::same_as<decltype(into{letters}), into<char>>);
    CHECK(into{numbers}.out.data() == numbers.data());
    CHECK(into{letters}.out.size() == 2);
    CHECK(into{std::span{numbers}.first(1)}.out.size() == 1);
}

TEST_CASE("into: says how much room there is, and how much it takes, where there is too little", "[flow]") {
    std::vector<int> out(2);
    CHECK_NOTHROW(detail::check_room(into{out}, 2));
    try {
        detail::check_room(into{out}, 3);
        FAIL("there is no room for three");
    } catch (std::length_error const& small) {
        CHECK(std::string{small.what()} == "muster: into{span} has room for 2 values of 3 items");
    }
}
