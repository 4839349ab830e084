#include <muster/workloads/search/rules_file.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster::searching;

namespace {

// The flaws as lines, the file left out where it is "f".
std::vector<std::string> flaws(rules_file const& of) {
    std::vector<std::string> out;
    for (auto const& each : of.flaws) {
        auto line = to_string(each);
        if (line.starts_with("f:")) line.erase(0, 2);
        out.push_back(line);
    }
    return out;
}
std::vector<std::string> flaws(std::string_view text) { return flaws(parse_rules(text, "f")); }

std::vector<std::string> names(rules_file const& of) {
    std::vector<std::string> out;
    for (auto const& each : of.rules) out.push_back(each.name);
    return out;
}

using lines = std::vector<std::string>;

std::string text(rule_place const& of) { return of.file + ':' + std::to_string(of.line) + ':' + std::to_string(of.column); }
lines places(rules_file const& of) {
    lines out;
    for (auto const& each : of.places) out.push_back(text(each));
    return out;
}

std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}

// The only flaw of a text, without its place.
std::string only_flaw(std::string_view text) {
    auto const read = parse_rules(text);
    REQUIRE(read.flaws.size() == 1);
    CHECK(read.rules.empty());
    return read.flaws[0].text;
}

bool has(std::string_view in, std::string_view part) { return in.find(part) != in.npos; }

}  // namespace

TEST_CASE("rules_file: a rule takes each of its options", "[search][rules_file]") {
    auto const read = parse_rules(R"(
all:
  regex: '^(?<key>\w+)=(?<value>.*)$'
  comment: |
    Two
    lines
  ignore_case: false
  only_matching: True
  field_list: [value, key]
  multiline: yes
  rs_delimiter: '^--$'
  merge_fields: on
  unique: TRUE
  max_results: 7
  full_scan: true
  show_missing: true
  sys_filter:
    - {attr: os_family, comp: eq, value: Linux}
    - attr: os_version
      comp: in
      value: [11, 12.1, "13"]
plain:
  regex: x
)");
    CHECK(flaws(read) == lines{});
    rule const all{.name = "all", .regex = "^(?<key>\\w+)=(?<value>.*)$", .comment = "Two\nlines\n", .ignore_case = false, .only_matching = true,
                   .fields = {"value", "key"}, .records = true, .record_delimiter = "^--$", .merge_fields = true, .unique = true, .max_results = 7,
                   .full_scan = true, .show_missing = true,
                   .systems = {{system_attribute::family, comparison::equal, {"Linux"}}, {system_attribute::version, comparison::among, {"11", "12.1", "13"}}}};
    REQUIRE(read.rules.size() == 2);
    CHECK(read.rules[0] == all);
    CHECK(read.rules[1] == rule{.name = "plain", .regex = "x"});
    CHECK(places(read) == lines{":2:1", ":22:1"});
    CHECK(read.flawless());
}

TEST_CASE("rules_file: our own names mean the same, and one list item needs no list", "[search][rules_file]") {
    auto const read = parse_rules("r: {regex: x, fields: a, records: true, record_delimiter: y, systems: {attr: family, comp: eq, value: darwin}}");
    CHECK(flaws(read) == lines{});
    REQUIRE(read.rules.size() == 1);
    CHECK(read.rules[0].fields == lines{"a"});
    CHECK(read.rules[0].records);
    CHECK(read.rules[0].record_delimiter == "y");
    CHECK(read.rules[0].systems == std::vector<system_condition>{{system_attribute::family, comparison::equal, {"darwin"}}});
}

TEST_CASE("rules_file: each attribute and each comparison has its name", "[search][rules_file]") {
    auto const condition = [](std::string const& attr, std::string const& comp) {
        auto const read = parse_rules("r: {regex: x, sys_filter: [{attr: " + attr + ", comp: " + comp + ", value: " + (comp == "in" ? "[Linux]" : attr.ends_with("version") ? "1" : "Linux") + "}]}");
        CAPTURE(attr, comp, flaws(read));
        REQUIRE(read.rules.size() == 1);
        return read.rules[0].systems.at(0);
    };
    CHECK(condition("os_family", "eq").attribute == system_attribute::family);
    CHECK(condition("os_version", "eq").attribute == system_attribute::version);
    CHECK(condition("os_product", "eq").attribute == system_attribute::product);
    CHECK(condition("distro_family", "eq").attribute == system_attribute::distribution);
    CHECK(condition("producer", "eq").attribute == system_attribute::producer);
    CHECK(condition("producer_version", "eq").attribute == system_attribute::producer_version);
    CHECK(condition("name", "eq").attribute == system_attribute::name);
    CHECK(condition("name", "ne").by == comparison::not_equal);
    CHECK(condition("name", "lt").by == comparison::less);
    CHECK(condition("name", "le").by == comparison::less_or_equal);
    CHECK(condition("name", "gt").by == comparison::greater);
    CHECK(condition("name", "ge").by == comparison::greater_or_equal);
    CHECK(condition("os_family", "in").by == comparison::among);
}

TEST_CASE("rules_file: results without limit are -1, 0 or nothing written", "[search][rules_file]") {
    for (std::string const none : {"-1", "0", "", "~"}) CHECK(parse_rules("r: {regex: x, max_results: " + none + "}").rules.at(0).max_results == 0);
    for (std::string const bad : {"-2", "1.5", "1e3", "'1'", "[1]", "x", "99999999999999999999", "0x10", "1 2", "+1"}) {
        CAPTURE(bad);
        CHECK(has(only_flaw("r: {regex: x, max_results: " + bad + "}"), "\"max_results\" is a whole number"));
    }
}

TEST_CASE("rules_file: a wrong rule is told with its line and column, and the others stay", "[search][rules_file]") {
    auto const read = parse_rules("a: {regex: x}\n"
                                  "b:\n"
                                  "  regx: x\n"
                                  "c: {regex: x}\n",
                                  "f");
    CHECK(names(read) == lines{"a", "c"});
    CHECK(places(read) == lines{"f:1:1", "f:4:1"});
    CHECK(flaws(read) == lines{"3:3: b: there is no option \"regx\"; did you mean \"regex\"?", "3:3: b: there is no regex, and a rule needs one"});
    CHECK(read.flaws[0].rule == "b");
    CHECK(!read.flawless());
}

TEST_CASE("rules_file: an option that is none is told with the nearest, where one is near", "[search][rules_file]") {
    CHECK(only_flaw("r: {regex: x, show_mising: true}") == "there is no option \"show_mising\"; did you mean \"show_missing\"?");
    CHECK(only_flaw("r: {regex: x, Unique: true}") == "there is no option \"Unique\"; did you mean \"unique\"?");
    CHECK(only_flaw("r: {regex: x, zzzzzzzz: true}") == "there is no option \"zzzzzzzz\"");
    auto const longest = std::string(128, 'x');
    CHECK(only_flaw("r: {regex: x, " + longest + ": true}") == "there is no option \"" + longest.substr(0, 64) + "\"... (128 bytes)");
}

TEST_CASE("rules_file: a value of the wrong type is a flaw at the value", "[search][rules_file]") {
    CHECK(flaws("r:\n  regex: [x]\n") == lines{"2:10: r: \"regex\" is a text, not a list"});
    CHECK(flaws("r: {regex: x, comment: {a: b}}") == lines{"1:24: r: \"comment\" is a text, not a mapping"});
    CHECK(only_flaw("r: {regex: x, unique: 1}") == "\"unique\" is true or false, not \"1\"");
    CHECK(only_flaw("r: {regex: x, unique: \"true\"}") == "\"unique\" is true or false, not the text \"true\"");
    CHECK(only_flaw("r: {regex: x, unique: []}") == "\"unique\" is true or false, not a list");
    CHECK(only_flaw("r: {regex: x, field_list: {a: b}}") == "\"field_list\" is a list of the names of groups, not a mapping");
    CHECK(only_flaw("r: {regex: x, field_list: [[a]]}") == "a field is the name of a group, not a list");
    CHECK(only_flaw("r: {regex: x, field_list: ['']}") == "a field is the name of a group, not an empty text");
    CHECK(only_flaw("r: {regex: x, field_list: [a, b, a]}") == "the field \"a\" is there twice");
    CHECK(has(only_flaw("r: {regex: x, field_list: [" + repeated("a,", 257) + "]}"), "257 fields, more than 256"));
    CHECK(only_flaw("r: {regex: x, sys_filter: Linux}") == "\"sys_filter\" is a list of conditions, not a text");
    CHECK(only_flaw("r: x") == "a rule is a mapping of options, not a text");
    CHECK(only_flaw("r:") == "a rule is a mapping of options, not nothing");
    CHECK(only_flaw("- r: {regex: x}") == "a file of rules is a mapping of names to rules, not a list");
    CHECK(only_flaw("just text") == "a file of rules is a mapping of names to rules, not a text");
    CHECK(only_flaw("r: {regex: x, [a]: b}") == "a name is a text, not a list");
}

TEST_CASE("rules_file: a regex is there, is not empty, and ends in no line feed", "[search][rules_file]") {
    CHECK(only_flaw("r: {}") == "there is no regex, and a rule needs one");
    CHECK(only_flaw("r: {regex: }") == "there is no regex, and a rule needs one");
    CHECK(only_flaw("r: {regex: ~}") == "there is no regex, and a rule needs one");
    CHECK(only_flaw("r: {regex: ''}") == "\"regex\" is empty, and would match every line");
    CHECK(has(only_flaw("r:\n  regex: |\n    x\n"), "write |- or >- for | or >"));
    CHECK(parse_rules("r:\n  regex: |-\n    x: y # z\n").rules.at(0).regex == "x: y # z");
    CHECK(parse_rules("r: {regex: \"a\\0b\"}").rules.at(0).regex == std::string("a\0b", 3));
    CHECK(parse_rules("r: {regex: 12}").rules.at(0).regex == "12");
}

TEST_CASE("rules_file: what stands twice is told with the first", "[search][rules_file]") {
    CHECK(flaws("a: {regex: x}\nb: {regex: y}\na: {regex: z}\n") == lines{"3:1: a: a rule of this name is there already, in line 1"});
    CHECK(parse_rules("a: {regex: x}\na: {regex: z}\n").rules.at(0).regex == "x");
    CHECK(flaws("r:\n  regex: x\n  unique: true\n  regex: y\n") == lines{"4:3: r: \"regex\" is there twice; first in line 2"});
    CHECK(flaws("r:\n  regex: x\n  fields: [a]\n  field_list: [a]\n") == lines{"4:3: r: \"field_list\" means what \"fields\" says in line 3"});
    CHECK(flaws("global: {unique: true}\nglobal: {unique: no}\n") == lines{"2:1: \"global\" is there twice; first in line 1"});
    CHECK(has(only_flaw("r: {regex: x, sys_filter: [{attr: name, attr: name, comp: eq, value: a}]}"), "\"attr\" is there twice"));
}

TEST_CASE("rules_file: a condition has an attribute, a comparison and a value of the kind that they ask for", "[search][rules_file]") {
    auto const condition = [](std::string const& text) { return only_flaw("r: {regex: x, sys_filter: [" + text + "]}"); };
    CHECK(condition("{attr: os_famly, comp: eq, value: a}") == "there is no attribute \"os_famly\"; did you mean \"os_family\"?");
    CHECK(condition("{attr: name, comp: equals, value: a}") == "there is no comparison \"equals\"");
    CHECK(condition("{attr: name, comp: [eq], value: a}") == "comparison is a text, not a list");
    CHECK(has(condition("{comp: eq, value: a}"), "this one has no \"attr\""));
    CHECK(has(condition("{attr: name, value: a}"), "this one has no \"comp\""));
    CHECK(has(condition("{attr: name, comp: eq}"), "this one has no \"value\""));
    CHECK(condition("{attr: name, comp: in, value: a}") == "\"in\" compares with a list, not a text: write [a]");
    CHECK(condition("{attr: name, comp: in, value: []}") == "\"in\" compares with a list of 1 value or more, not an empty one");
    CHECK(condition("{attr: name, comp: eq, value: [a]}") == "this comparison is with one value, not a list: that is for \"in\"");
    CHECK(condition("{attr: name, comp: eq, value: }") == "a value is a text, not nothing");
    CHECK(condition("{attr: name, comp: in, value: ['']}") == "a value is a text, not an empty one");
    CHECK(condition("{attr: os_family, comp: eq, value: Linx}") ==
          "\"Linx\" is no family of systems: those are Windows, Linux and Darwin; did you mean \"Linux\"?");
    CHECK(condition("{attr: os_version, comp: ge, value: bookworm}") == "\"bookworm\" is no version: it starts with no number");
    CHECK(condition("{attr: name, comp: eq, val: a, value: a}") == "there is no part of a condition \"val\"; did you mean \"value\"?");
    CHECK(has(condition("Linux"), "a condition is a mapping"));
}

TEST_CASE("rules_file: what is for records is a flaw in a rule that has none", "[search][rules_file]") {
    CHECK(only_flaw("r: {regex: x, rs_delimiter: y}") == "\"rs_delimiter\" is for a rule of records: it needs multiline: true");
    CHECK(only_flaw("r: {regex: x, merge_fields: true, records: false}") == "\"merge_fields\" is for a rule of records: it needs multiline: true");
    CHECK(parse_rules("r: {regex: x, merge_fields: false}").flawless());
}

TEST_CASE("rules_file: global holds for the rules of its file that do not say otherwise, wherever it stands", "[search][rules_file]") {
    auto const read = parse_rules("before: {regex: x}\n"
                                  "global:\n"
                                  "  unique: true\n"
                                  "  max_results: 3\n"
                                  "  rs_delimiter: y\n"
                                  "  sys_filter: [{attr: os_family, comp: eq, value: Linux}]\n"
                                  "after: {regex: x, unique: no, max_results: -1, multiline: true, sys_filter: [{attr: name, comp: eq, value: a}]}\n"
                                  "none: {regex: x, sys_filter: []}\n");
    CHECK(flaws(read) == lines{});
    REQUIRE(names(read) == lines{"before", "after", "none"});
    std::vector<system_condition> const linux_only{{system_attribute::family, comparison::equal, {"Linux"}}};
    CHECK(read.rules[0] == rule{.name = "before", .regex = "x", .unique = true, .max_results = 3, .systems = linux_only});    // no records, no delimiter
    CHECK(read.rules[1] == rule{.name = "after", .regex = "x", .records = true, .record_delimiter = "y",
                                .systems = {{system_attribute::name, comparison::equal, {"a"}}}});
    CHECK(read.rules[2].systems.empty());
    CHECK(only_flaw("global: {regex: x}") == "\"regex\" is for one rule: \"global\" has none");
    CHECK(only_flaw("global: [x]") == "\"global\" is a mapping of options, not a list");
    CHECK(parse_rules("global:\n").flawless());
}

TEST_CASE("rules_file: nothing is a file of no rules", "[search][rules_file]") {
    for (std::string_view const none : {"", "\n", "# a comment\n", "---\n", "---\n...\n", "~", "{}", "\xef\xbb\xbf"}) {
        CAPTURE(none);
        auto const read = parse_rules(none);
        CHECK(flaws(read) == lines{});
        CHECK(read.rules.empty());
    }
}

TEST_CASE("rules_file: marks, line ends and letters that are no ASCII are read as they are", "[search][rules_file]") {
    CHECK(parse_rules("\xef\xbb\xbfr: {regex: x}\r\ns:\r\n  regex: 'y'\r\n").rules.at(1).regex == "y");
    auto const read = parse_rules("\xc3\xa4: {regex: \"\xe2\x82\xac\\u20ac\"}\n");
    CHECK(read.rules.at(0).name == "\xc3\xa4");
    CHECK(read.rules.at(0).regex == "\xe2\x82\xac\xe2\x82\xac");
}

TEST_CASE("rules_file: what is no YAML, or none that rules are written in, gives one flaw with its place", "[search][rules_file]") {
    auto const place = [](std::string_view text, std::string_view part) {
        auto const read = parse_rules(text, "f");
        CAPTURE(text, flaws(read));
        REQUIRE(read.flaws.size() == 1);
        CHECK(has(read.flaws[0].text, part));
        CHECK(read.rules.empty());
        return std::pair{read.flaws[0].at.line, read.flaws[0].at.column};
    };
    using at = std::pair<std::size_t, std::size_t>;
    CHECK(place("a: {regex: x}\nb: {regex: 'x}\n", "this is no YAML: ").first >= 2);
    CHECK(place("a:\n\tregex: x\n", "tab").first == 2);
    CHECK(place("a: {regex: x}\n---\nb: {regex: x}\n", "a second document").first >= 2);
    CHECK(place("a: {regex: x}\nb\xff: {regex: x}\n", "not UTF-8") == at{2, 2});
    CHECK(place("a: \xed\xa0\x80", "not UTF-8") == at{1, 4});
    CHECK(place(std::string_view{"a\0:\0 \0x\0", 8}, "the byte 0x00") == at{1, 2});
    CHECK(place("\xff\xfe" "a", "not UTF-8") == at{1, 1});
    CHECK(place("\x7f" "ELF", "the byte 0x7f") == at{1, 1});
    CHECK(place("a: {regex: !!binary x}", "the tag") == at{1, 12});
    CHECK(place("a: !mine {regex: x}", "the tag") == at{1, 4});
    CHECK(place("a: {regex: *b}", "this is no YAML: ") == at{1, 12});    // of no anchor
    CHECK(place("a: \"\\ud800\"", "this is no YAML: ").first == 1);
    CHECK(place("a: \"\\", "this is no YAML: ") == at{1, 6});    // told by yaml-cpp far behind the end
    CHECK(parse_rules("a: {regex: !!str 12}").rules.at(0).regex == "12");
}

TEST_CASE("rules_file: an alias is a flaw, so that no text is larger than it looks", "[search][rules_file]") {
    auto const read = parse_rules("a: &a {regex: x}\nb: *a\nc: {regex: x, field_list: *a}\nd: {<<: *a}\n", "f");
    CHECK(names(read) == lines{"a"});
    CHECK(flaws(read) == lines{"2:4: b: a rule is a mapping of options, not an alias, which rules have none of",
                               "3:27: c: \"field_list\" is a list of the names of groups, not an alias, which rules have none of",
                               "4:5: d: there is no option \"<<\"", "4:4: d: there is no regex, and a rule needs one"});
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 30; ++i) bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated("*a" + std::to_string(i - 1) + ", ", 9) + "]\n";
    CHECK(parse_rules(bomb).flaws.size() == 30);
}

TEST_CASE("rules_file: a name is printed as it is, so it is short and has no control characters", "[search][rules_file]") {
    CHECK(has(only_flaw("\"a\\nb\": {regex: x}"), "no control characters"));
    CHECK(has(only_flaw("'': {regex: x}"), "1 to 128 bytes"));
    CHECK(has(only_flaw(std::string(129, 'a') + ": {regex: x}"), "1 to 128 bytes"));
    CHECK(has(only_flaw("~: {regex: x}"), "a name is a text, not nothing"));
}

TEST_CASE("rules_file: deep, wide and long texts end in a flaw, not in a crash", "[search][rules_file]") {
    for (std::string_view const each : {"[", "{", "- ", "? ", "a: [", "[a,\n", "{a: ", "- - ", "&a ", "!!x ", "*a ", "a: b\n", "\"", "'", "|\n", ">\n", "---\n", "%", "%TAG ! x\n", "#",
                                        "- a\n", "[],", ": ", "a,", "\n", "a", "{[", "]", "<<: *a\n", "\t", " ", "-", "!<", "@", "`"}) {
        for (std::string_view const before : {"", "a: ", "a: {regex: [", "r:\n  field_list: ["}) {
            CAPTURE(before, each);
            auto const text = std::string{before} + repeated(each, 30'000 / each.size());
            auto const read = parse_rules(text);
            CHECK(read.rules.empty());
        }
    }
    CHECK(has(only_flaw(repeated("[", 400'001)), "more than 400000 brackets"));
    CHECK(has(only_flaw(repeated("[", 5'000)), "deeper than 16 levels"));
    CHECK(has(only_flaw(repeated("- ", 5'000)), "deeper than 16 levels"));
    CHECK(has(only_flaw(repeated("- a\n", 250'001)), "more than 250000 values"));
}

TEST_CASE("rules_file: a file has its limits of bytes, and of flaws", "[search][rules_file]") {
    CHECK(has(only_flaw(std::string(4 * 1024 * 1024 + 1, ' ')), "more than 4194304 bytes"));
    temporary_folder const here;
    auto const large = here.put("large.yaml", "a: {regex: x}\n" + std::string(100, '#'));
    auto const read = read_rules(large, {.max_bytes = 100}).value();
    REQUIRE(read.flaws.size() == 1);
    CHECK(to_string(read.flaws[0]) == large + ": there are more than 100 bytes of rules");
    CHECK(read_rules(large, {.max_bytes = 114}).value().flawless());
    auto const many = parse_rules(repeated("a: x\n", 10), {}, {.max_flaws = 4});
    CHECK(many.flaws.size() == 4);
    CHECK(many.more_flaws == 15);    // of ten, nine are there already, too
    CHECK(!parse_rules("a: x", {}, {.max_flaws = 0}).flawless());
}

TEST_CASE("rules_file: files include files beside them, and their rules stand where they are included", "[search][rules_file]") {
    temporary_folder const here;
    auto const first = here.put("first.yaml", "global: {unique: true}\n"
                                                "a: {regex: x}\n"
                                                "include_linux: {files: [sub/linux.yaml, other.yaml]}\n"
                                                "includes: other.yaml\n"
                                                "z: {regex: x}\n");
    here.put("sub/linux.yaml", "l: {regex: x}\ninclude: [../common.yaml, more.yaml]\n");
    here.put("sub/more.yaml", "m: {regex: x}\n");
    here.put("common.yaml", "c: {regex: x}\n");
    here.put("other.yaml", "o: {regex: x}\ninclude_c: common.yaml\n");
    auto const read = read_rules(first).value();
    CHECK(flaws(read) == lines{});
    CHECK(names(read) == lines{"a", "l", "c", "m", "o", "z"});    // common.yaml and other.yaml once
    CHECK(text(read.places[2]) == here / "sub/../common.yaml:1:1");
    CHECK(read.rules[0].unique);
    CHECK(!read.rules[1].unique);    // of another file
}

TEST_CASE("rules_file: a name that another file has taken is told with that file", "[search][rules_file]") {
    temporary_folder const here;
    auto const first = here.put("first.yaml", "\n\na: {regex: x}\ninclude: second.yaml\n");
    here.put("second.yaml", "a: {regex: y}\nb: {regex: y}\n");
    auto const read = read_rules(first).value();
    CHECK(names(read) == lines{"a", "b"});
    CHECK(flaws(read) == lines{here / "second.yaml:1:1: a: a rule of this name is there already, in \"" + first + "\", line 3"});
}

TEST_CASE("rules_file: a file that includes itself, on whatever way, is a flaw, and the rest is read", "[search][rules_file]") {
    temporary_folder const here;
    auto const first = here.put("first.yaml", "a: {regex: x}\ninclude: [./first.yaml, second.yaml, linked.yaml]\nb: {regex: x}\n");
    here.put("second.yaml", "include: first.yaml\nc: {regex: x}\n");
    std::filesystem::create_symlink("first.yaml", here / "linked.yaml");
    auto const read = read_rules(first).value();
    CHECK(names(read) == lines{"a", "c", "b"});
    REQUIRE(read.flaws.size() == 3);
    CHECK(to_string(read.flaws[0]) == first + ":2:11: include: \"./first.yaml\" includes this file, or is it: no file may include itself");
    CHECK(text(read.flaws[1].at) == here / "second.yaml:1:10");
    CHECK(text(read.flaws[2].at) == first + ":2:38");
}

TEST_CASE("rules_file: includes have limits of depth, of files and of bytes", "[search][rules_file]") {
    temporary_folder const here;
    for (int i = 0; i < 12; ++i) here.put("f" + std::to_string(i), "r" + std::to_string(i) + ": {regex: x}\ninclude: f" + std::to_string(i + 1) + "\n");
    auto const deep = read_rules(here / "f0").value();
    CHECK(deep.rules.size() == 9);
    REQUIRE(deep.flaws.size() == 1);
    CHECK(deep.flaws[0].text == "files include files deeper than 8 levels");
    CHECK(deep.flaws[0].at.file == here / "f8");
    auto const few = read_rules(here / "f0", {.max_files = 3}).value();
    CHECK(few.rules.size() == 3);
    CHECK(few.flaws.at(0).text == "more than 3 files are included");
    CHECK(read_rules(here / "f0", {.max_bytes = 70}).value().rules.size() == 2);
}

TEST_CASE("rules_file: an include that names nothing, or no file, is a flaw at its place", "[search][rules_file]") {
    temporary_folder const here;
    std::filesystem::create_directory(here / "folder");
    REQUIRE(::mkfifo((here / "pipe").c_str(), 0600) == 0);
    auto const flaw = [&](std::string const& text) {
        auto const read = read_rules(here.put("first.yaml", text + "\nlast: {regex: x}\n")).value();
        CAPTURE(text, flaws(read));
        CHECK(names(read) == lines{"last"});
        REQUIRE(read.flaws.size() == 1);
        CHECK(read.flaws[0].at.line == 1);
        return read.flaws[0].text;
    };
    CHECK(flaw("include: gone.yaml") == "cannot read rules from \"" + here / "gone.yaml\": No such file or directory");
    CHECK(has(flaw("include: folder"), "it is a folder"));
    CHECK(has(flaw("include: pipe"), "it is no regular file"));    // and nobody waits for who writes into it
    CHECK(flaw("include: [[a]]") == "a file to include is a text, not a list");
    CHECK(flaw("include:") == "a file to include is a text, not nothing");
    CHECK(has(flaw("include: \"a\\0b\""), "no control characters"));
    CHECK(has(flaw("include: ''"), "1 to 4096 bytes"));
    CHECK(flaw("include_x: {}") == "\"include_x\" includes nothing: it needs \"files\", a list of paths");
    CHECK(flaw("include_x: {files: [], files: []}") == "\"files\" is there twice");
}

TEST_CASE("rules_file: the first file is there, or reading fails with its name", "[search][rules_file]") {
    temporary_folder const here;
    auto const gone = read_rules(here / "gone.yaml");
    REQUIRE(!gone);
    CHECK(gone.error().is(muster::cause::unavailable));
    CHECK(gone.error().text() == "cannot read rules from \"" + here / "gone.yaml\": No such file or directory");
    CHECK(read_rules(here.path()).error().is(muster::cause::invalid_input));
    CHECK(read_rules(std::string("a\0b", 3)).error().is(muster::cause::invalid_input));
}

TEST_CASE("rules_file: a text includes no files", "[search][rules_file]") {
    CHECK(only_flaw("include: /etc/passwd") == "a text includes no files: only rules that are read from a file may");
}
