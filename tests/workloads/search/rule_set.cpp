#include <muster/workloads/search/rule_set.hpp>

#include "catch.hpp"

#include <string>
#include <type_traits>
#include <vector>

using namespace muster;
using namespace muster::searching;

namespace {

std::string fault_of(rule what) {
    auto const made = rule_set::check({std::move(what)});
    if (made.faults.empty()) return "right";
    CHECK(made.rules.size() == 0);
    CHECK(made.kept.empty());
    CHECK(made.faults.size() == 1);
    return made.faults[0].text;
}

bool has(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

static_assert(std::is_copy_constructible_v<rule_set> && std::is_nothrow_move_constructible_v<rule_set>);

TEST_CASE("rule_set: right rules are kept in their order, and of each other it is said what is wrong", "[search][rule_set]") {
    auto const made = rule_set::check({
        {.name = "one", .regex = "a"},
        {.name = "two", .regex = "("},
        {.name = "", .regex = "a"},
        {.name = "three", .regex = "c"},
        {.name = "one", .regex = "d"},
        {.name = "two", .regex = "b"},
    });
    REQUIRE(made.rules.size() == 3);
    CHECK(made.kept == std::vector<std::size_t>{0, 3, 5});
    CHECK(made.rules[0].name == "one");
    CHECK(made.rules[1].name == "three");
    CHECK(made.rules[2].name == "two");    // the name was not taken by a rule that is wrong
    REQUIRE(made.faults.size() == 3);
    CHECK(made.faults[0].rule == 1);
    CHECK(has(made.faults[0].text, "regex is wrong"));
    CHECK(has(made.faults[0].text, "offset 1"));
    CHECK(made.faults[1].rule == 2);
    CHECK(has(made.faults[1].text, "needs a name"));
    CHECK(made.faults[2].rule == 4);
    CHECK(has(made.faults[2].text, "another rule"));
}

TEST_CASE("rule_set: what a rule may not be is refused", "[search][rule_set]") {
    CHECK(has(fault_of({.name = "r", .regex = "(?<a>x)", .fields = {"a", "b"}}), "\"b\" is no named group"));
    CHECK(has(fault_of({.name = "r", .regex = "(x)", .records = true}), "named groups"));
    CHECK(has(fault_of({.name = "r", .regex = "(?<a>x)", .record_delimiter = "-"}), "rule of records"));
    CHECK(has(fault_of({.name = "r", .regex = "(?<a>x)", .merge_fields = true}), "rule of records"));
    CHECK(has(fault_of({.name = "r", .regex = "(?<a>x)", .records = true, .record_delimiter = "["}), "delimiter is wrong"));
    CHECK(fault_of({.name = "r", .regex = "(?<a>x)", .records = true, .record_delimiter = "-", .merge_fields = true}) == "right");
    CHECK(fault_of({.name = "r", .regex = ""}) == "right");
    std::string many;
    for (int i = 0; i < 64; ++i) many += "(?<f" + std::to_string(i) + ">x)";
    CHECK(fault_of({.name = "r", .regex = many, .records = true}) == "right");
    CHECK(fault_of({.name = "r", .regex = many + "(?<more>x)"}) == "right");
    CHECK(has(fault_of({.name = "r", .regex = many + "(?<more>x)", .records = true}), "at most 64 fields, and this one 65"));
}

TEST_CASE("rule_set: columns are the fields that were asked for, else all names in their order, each once", "[search][rule_set]") {
    auto const made = rule_set::check({
        {.name = "all", .regex = "(?J)(?<b>x)(?<a>y)(z)(?<b>z)"},
        {.name = "some", .regex = "(?J)(?<b>x)(?<a>y)(?<b>z)(?<c>z)", .fields = {"c", "b"}},
        {.name = "none", .regex = "(x)"},
    });
    REQUIRE(made.faults.empty());
    CHECK(made.rules.columns(0) == std::vector<std::string>{"b", "a"});
    CHECK(made.rules.groups(0) == std::vector<std::vector<std::uint32_t>>{{1, 4}, {2}});
    CHECK(made.rules.columns(1) == std::vector<std::string>{"c", "b"});
    CHECK(made.rules.groups(1) == std::vector<std::vector<std::uint32_t>>{{4}, {1, 3}});
    CHECK(made.rules.columns(2).empty());
}

TEST_CASE("rule_set: patterns are the regexes of all rules, each delimiter before its rule's own", "[search][rule_set]") {
    auto const made = rule_set::check({
        {.name = "plain", .regex = "a", .ignore_case = false},
        {.name = "wrong", .regex = "(", .records = true, .record_delimiter = "-"},
        {.name = "record", .regex = "(?<f>b)", .records = true, .record_delimiter = "c"},
        {.name = "last", .regex = "(?<f>d)", .records = true},
    });
    CHECK(made.faults.size() == 1);
    CHECK(made.rules.patterns() == std::vector<line_pattern>{{"a", false}, {"c", true}, {"(?<f>b)", true}, {"(?<f>d)", true}});
    CHECK(made.rules.pattern(0).rule == 0);
    CHECK(made.rules.pattern(1).rule == 1);
    CHECK(made.rules.pattern(1).is_delimiter);
    CHECK(made.rules.pattern(2).rule == 1);
    CHECK(!made.rules.pattern(2).is_delimiter);
    CHECK(made.rules.pattern(3).rule == 2);
    pcre2_matcher by;
    CHECK(by.match(made.rules.compiled(0), "A") == false);
    CHECK(by.match(made.rules.compiled(1), "C") == true);
    CHECK(by.match(made.rules.compiled(2), "B") == true);
}

TEST_CASE("rule_set: a rule is for the systems that meet all of its conditions", "[search][rule_set]") {
    system_condition const linux_{system_attribute::family, comparison::equal, {"Linux"}}, new_{system_attribute::version, comparison::greater_or_equal, {"12"}};
    auto const made = rule_set::check({{.name = "any", .regex = "a"}, {.name = "both", .regex = "a", .systems = {linux_, new_}}});
    CHECK(made.rules.applies(0, {}));
    CHECK(!made.rules.applies(1, {}));
    CHECK(!made.rules.applies(1, {.family = system_family::gnu_linux, .version = "11.9"}));
    CHECK(made.rules.applies(1, {.family = system_family::gnu_linux, .version = "12"}));
    CHECK(!made.rules.applies(1, {.family = system_family::windows, .version = "12"}));
}

TEST_CASE("rule_set: none is a set, too, and copies share what they hold", "[search][rule_set]") {
    rule_set const none;
    CHECK(none.size() == 0);
    CHECK(none.patterns().empty());
    auto const made = rule_set::check({{.name = "a", .regex = "a"}}).rules;
    auto const copy = made;
    CHECK(&copy[0] == &made[0]);
    CHECK(&copy.compiled(0) == &made.compiled(0));
}
