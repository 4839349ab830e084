#include <muster/core/intrusive_list.hpp>    // first: proves the header stands alone

#include <string>    // what is in it

#include "catch.hpp"

namespace {

struct letter {
    char what;
    letter* before = nullptr;
    letter* after = nullptr;
};

std::string text_of(muster::intrusive_list<letter> const& list) {
    std::string text;
    for (auto const* at = list.first(); at; at = at->after) text += at->what;
    return text;
}

}  // namespace

TEST_CASE("intrusive_list: keeps the order in which objects came", "[core]") {
    letter a{'a'}, b{'b'}, c{'c'};
    muster::intrusive_list<letter> list;
    CHECK(list.empty());
    CHECK(list.pop_front() == nullptr);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    CHECK(text_of(list) == "abc");
    CHECK(list.size() == 3);
    CHECK(list.pop_front() == &a);
    CHECK(text_of(list) == "bc");
}

TEST_CASE("intrusive_list: gives up its first, its middle and its last, and takes them again", "[core]") {
    letter a{'a'}, b{'b'}, c{'c'};
    muster::intrusive_list<letter> list;
    for (auto* each : {&a, &b, &c}) list.push_back(*each);
    list.erase(b);
    CHECK(text_of(list) == "ac");
    CHECK((b.before == nullptr && b.after == nullptr));
    list.push_back(b);
    CHECK(text_of(list) == "acb");
    list.erase(a);
    list.erase(b);
    CHECK(text_of(list) == "c");
    list.erase(c);
    CHECK(list.empty());
    CHECK(list.size() == 0);
    list.push_back(a);
    CHECK(text_of(list) == "a");
}
