#include <muster/workloads/llm/node_result.hpp>

#include "catch.hpp"

#include <string>    // texts

#include <muster/workloads/llm/detail/cut_result.hpp>

using namespace muster::llm;
namespace inner = muster::llm::detail;

TEST_CASE("node_result: texts are cut at the end of a character", "[llm]") {
    CHECK(inner::cut("abc", 3) == "abc");
    CHECK(inner::cut("abcd", 3) == "abc");
    CHECK(inner::cut("ab\xc3\xbc", 3) == "ab");
    CHECK(inner::cut("ab\xc3\xbc", 4) == "ab\xc3\xbc");
    CHECK(inner::cut("\xf0\x9f\x90\x8b!", 3).empty());
    CHECK(inner::cut("\xf0\x9f\x90\x8b!", 4) == "\xf0\x9f\x90\x8b");
    CHECK(inner::cut("\x80\x80\x80\x80\x80\x80", 5) == "\x80\x80\x80\x80\x80");    // no UTF-8 anyway
    CHECK(inner::cut("", 0).empty());
}

TEST_CASE("node_result: what was cut is partial", "[llm]") {
    node_result one{.text = "0123456789", .answer = "0123", .facts = {{"a", "1"}}};
    inner::cut_result(one, {100, 4});
    CHECK(one.text == "0123");
    CHECK(one.answer == "0123");
    CHECK(one.facts.size() == 1);
    CHECK(!one.partial);    // a shorter reason is not a part of an answer

    node_result answer{.answer = std::string(11, 'x')};
    inner::cut_result(answer, {10, 10});
    CHECK(answer.answer == std::string(10, 'x'));
    CHECK(answer.partial);

    node_result facts{.facts = {{"a", "1"}, {"b", std::string(200, 'x')}, {"c", "3"}}};
    inner::cut_result(facts, {200, 10});
    CHECK(facts.facts == std::vector<fact>{{"a", "1"}});
    CHECK(facts.partial);

    node_result name{.facts = {{std::string(11, 'x'), "1"}}};
    inner::cut_result(name, {200, 10});
    CHECK(name.facts.empty());
    CHECK(name.partial);
}
