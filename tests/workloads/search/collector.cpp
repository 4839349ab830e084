#include <muster/workloads/search/collector.hpp>

#include "catch.hpp"

#include <string>
#include <tuple>
#include <vector>

#include "live_bytes.hpp"
#include "models.hpp"

using namespace models;
using namespace std::string_literals;

namespace {

using texts = std::vector<std::string>;

scanned_piece found(std::vector<line_hit> hits, std::uint64_t lines = 100, collected_system system = {}) {
    return {.look = {.encoding = text_encoding::bytes, .system = std::move(system)}, .bytes = 0, .lines = lines, .long_lines = 0, .hits = std::move(hits)};
}
line_hit at(std::uint64_t line, std::uint32_t pattern, std::string text = "text", texts fields = {}, std::uint64_t present = 0) {
    return {.pattern = pattern, .line = line, .text = std::move(text), .fields = std::move(fields), .present = present};
}

// Line, rule and text of all rows.
using row = std::tuple<std::uint64_t, std::size_t, std::string>;
std::vector<row> rows(kept_findings const& kept) {
    std::vector<row> out;
    for (auto const& each : kept.rows()) out.emplace_back(each.what.line, each.what.rule, each.what.text);
    return out;
}

// One file in one piece.
std::vector<row> rows_of(rule_set const& rules, std::vector<line_hit> hits) {
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "file"});
    CHECK(by.add(found(std::move(hits))));
    CHECK(by.end());
    return rows(kept);
}

}  // namespace

TEST_CASE("collector: findings keep their order, and lines are counted on over pieces", "[search][collector]") {
    auto const rules = checked({{.name = "a", .regex = "a"}, {.name = "b", .regex = "(?<f>b)"}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "first"});
    CHECK(by.add(found({at(1, 0), at(1, 1, "b", {"x"}, 1), at(7, 0)}, 10)));
    CHECK(by.add(found({}, 5)));
    CHECK(by.add(found({at(2, 1, "b", {"y"}, 1)}, 2)));
    CHECK(by.end());
    by.begin({.path = "second"});
    CHECK(by.add(found({at(3, 0)})));
    CHECK(by.end());
    CHECK(rows(kept) == std::vector<row>{{1, 0, "text"}, {1, 1, "b"}, {7, 0, "text"}, {17, 1, "b"}, {3, 0, "text"}});
    CHECK(kept.rows()[3].where.path == "first");
    CHECK(kept.rows()[3].what.fields == texts{"y"});
    CHECK(kept.rows()[4].where.path == "second");
    CHECK(by.findings() == 5);
    CHECK(by.tallies()[0] == rule_tally{.findings = 3, .files = 2});
    CHECK(by.tallies()[1] == rule_tally{.findings = 2, .files = 1, .missing = 1});
}

TEST_CASE("collector: the system is what the first piece tells, and its name the file's where that tells none", "[search][collector]") {
    auto const rules = checked({{.name = "a", .regex = "a"}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "p", .system = {.name = "file"}});
    CHECK(by.add(found({at(1, 0)}, 1, {.family = system_family::gnu_linux})));
    CHECK(by.add(found({at(1, 0)}, 1, {.family = system_family::windows})));
    by.begin({.path = "q", .system = {.name = "file"}});
    CHECK(by.add(found({at(1, 0)}, 1, {.name = "told"})));
    REQUIRE(kept.rows().size() == 3);
    CHECK(kept.rows()[0].where.system == collected_system{.family = system_family::gnu_linux, .name = "file"});
    CHECK(kept.rows()[1].where.system == kept.rows()[0].where.system);
    CHECK(kept.rows()[2].where.system.name == "told");
}

TEST_CASE("collector: a record is given whole, before a delimiter, at a field that it has, and at the end", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)(?<b>.)", .records = true, .record_delimiter = "-"}, {.name = "p", .regex = "p"}});
    // 0 is the delimiter, 1 the record, 2 the other rule
    CHECK(rows_of(rules, {at(1, 1, "", {"a1", ""}, 1), at(2, 2), at(3, 1, "", {"", "b1"}, 2), at(4, 0, ""), at(5, 1, "", {"", "b2"}, 2),
                          at(6, 1, "", {"a3", "b3"}, 3), at(7, 0, ""), at(8, 0, ""), at(9, 0, ""), at(9, 1, "", {"a4", ""}, 1)}) ==
          std::vector<row>{{2, 1, "text"}, {1, 0, "a1, b1"}, {5, 0, "b2"}, {6, 0, "a3, b3"}, {9, 0, "a4"}});
}

TEST_CASE("collector: a field that took part but holds nothing is there", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)(?<b>.)", .records = true}});
    CHECK(rows_of(rules, {at(1, 0, "", {"", ""}, 1), at(2, 0, "", {"", "b"}, 2), at(3, 0, "", {"a", ""}, 1)}) ==
          std::vector<row>{{1, 0, "b"}, {3, 0, "a"}});
}

TEST_CASE("collector: merged fields go on until the delimiter", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)(?<b>.)", .records = true, .record_delimiter = "-", .merge_fields = true}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "file"});
    CHECK(by.add(found({at(1, 1, "", {"1", ""}, 1), at(2, 1, "", {"2", "x"}, 3)}, 2)));
    CHECK(by.add(found({at(1, 1, "", {"3", ""}, 1), at(2, 0, ""), at(2, 1, "", {"4", ""}, 1)}, 2)));
    CHECK(by.end());
    REQUIRE(kept.rows().size() == 2);
    CHECK(kept.rows()[0].what == finding{.rule = 0, .line = 1, .text = "1\n2\n3, x", .fields = {"1\n2\n3", "x"}});
    CHECK(kept.rows()[1].what == finding{.rule = 0, .line = 4, .text = "4", .fields = {"4", ""}});
}

TEST_CASE("collector: merged fields take bounded memory, however long the record", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)", .records = true, .merge_fields = true}});
    struct counting {
        std::size_t rows = 0, bytes = 0, largest = 0;
        outcome<void> put(finding_place const&, finding const& what) {
            ++rows;
            bytes += what.fields.at(0).size();
            largest = std::max(largest, what.fields[0].size());
            return {};
        }
    } to;
    collector by{rules, to};
    by.begin({.path = "file"});
    auto const part = found({at(1, 0, "", {std::string(1'000, 'x')}, 1)}, 1);
    live_bytes const live;
    for (int i = 0; i < 10'000; ++i) CHECK(by.add(part));
    CHECK(live.peak() < 8 * MiB);
    CHECK(by.end());
    CHECK(to.largest <= MiB + 1'100);
    CHECK(to.bytes == 10'000 * 1'001 - to.rows);    // nothing is lost
}

TEST_CASE("collector: unique leaves out what reads alike in the file", "[search][collector]") {
    auto const rules = checked({{.name = "u", .regex = "(?<a>.)(?<b>.)", .unique = true}});
    kept_findings kept;
    collector by{rules, kept};
    for (int file = 0; file < 2; ++file) {
        by.begin({.path = "file"});
        CHECK(by.add(found({at(1, 0, "t", {"a", "b"}), at(2, 0, "t", {"a", "b"}), at(3, 0, "t", {"b", "a"}), at(4, 0, "s", {"a", "b"}),
                            at(5, 0, "t", {"a\0b"s, "c"}), at(6, 0, "t", {"a", "b\0c"s}), at(7, 0, "t\0a"s, {"b", "c"}), at(8, 0, "t", {"2:a", "b"})})));
        CHECK(by.add(found({at(1, 0, "s", {"a", "b"})})));
        CHECK(by.end());
    }
    CHECK(kept.rows().size() == 2 * 7);
    CHECK(by.tallies()[0] == rule_tally{.findings = 14, .files = 2, .repeated = 4});
}

TEST_CASE("collector: max_results counts what is given of a file; full_scan counts the others", "[search][collector]") {
    auto const rules = checked({{.name = "two", .regex = "a", .max_results = 2},
                                {.name = "full", .regex = "a", .max_results = 2, .full_scan = true},
                                {.name = "unique", .regex = "a", .unique = true, .max_results = 2, .full_scan = true}});
    kept_findings kept;
    collector by{rules, kept};
    for (int file = 0; file < 2; ++file) {
        by.begin({.path = "file"});
        for (int part = 0; part < 2; ++part) {    // over the border of pieces, too
            std::vector<line_hit> hits;
            for (std::uint64_t line = 1; line <= 2; ++line)
                for (std::uint32_t rule = 0; rule < 3; ++rule) hits.push_back(at(line, rule, rule == 2 ? std::to_string(line + 10) : "same"));
            CHECK(by.add(found(hits)));
        }
        CHECK(by.add(found({at(1, 2, "other")})));
        CHECK(by.end());
    }
    CHECK(by.tallies()[0] == rule_tally{.findings = 4, .files = 2});
    CHECK(by.tallies()[1] == rule_tally{.findings = 4, .files = 2, .left_off = 4});
    CHECK(by.tallies()[2] == rule_tally{.findings = 4, .files = 2, .repeated = 4, .left_off = 2});
    CHECK(by.findings() == 12);
    CHECK(kept.rows().size() == 12);
}

TEST_CASE("collector: records count for max_results as they are complete", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)", .records = true, .unique = true, .max_results = 2}});
    CHECK(rows_of(rules, {at(1, 0, "", {"x"}, 1), at(2, 0, "", {"x"}, 1), at(3, 0, "", {"y"}, 1), at(4, 0, "", {"z"}, 1)}) ==
          std::vector<row>{{1, 0, "x"}, {3, 0, "y"}});
}

TEST_CASE("collector: a rule that was tried and found nothing says so where it is asked to", "[search][collector]") {
    auto const only_linux = std::vector<system_condition>{system_condition{system_attribute::family, comparison::equal, {"linux"}}};
    auto const rules = checked({{.name = "shown", .regex = "(?<a>.)(?<b>.)", .show_missing = true},
                                {.name = "silent", .regex = "a"},
                                {.name = "other", .regex = "a", .show_missing = true, .systems = only_linux},
                                {.name = "there", .regex = "a", .show_missing = true}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "file"});
    CHECK(by.add(found({at(1, 3)})));
    CHECK(by.end());
    REQUIRE(kept.rows().size() == 2);
    CHECK(kept.rows()[1].what == finding{.rule = 0, .line = 0, .text = "", .fields = {"", ""}});
    CHECK(kept.rows()[1].what.missing());
    CHECK(by.findings() == 1);
    CHECK(by.tallies()[0].missing == 1);
    CHECK(by.tallies()[1].missing == 1);
    CHECK(by.tallies()[2].missing == 0);
    CHECK(by.tallies()[3].missing == 0);
    // Of a file that was not read to its end nobody knows it.
    by.begin({.path = "file"});
    CHECK(by.add(found({})));
    CHECK(by.abandon());
    by.begin({.path = "file"});
    CHECK(by.abandon());
    CHECK(kept.rows().size() == 2);
    CHECK(by.tallies()[0].missing == 1);
}

TEST_CASE("collector: a record that is open when the rest of the file is lost is given as it is", "[search][collector]") {
    auto const rules = checked({{.name = "r", .regex = "(?<a>.)(?<b>.)", .records = true}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "file"});
    CHECK(by.add(found({at(4, 0, "", {"x", ""}, 1)})));
    CHECK(by.abandon());
    CHECK(rows(kept) == std::vector<row>{{4, 0, "x"}});
    by.begin({.path = "next"});
    CHECK(by.add(found({})));
    CHECK(by.end());
    CHECK(kept.rows().size() == 1);
}

TEST_CASE("collector: hits of a rule that is not for the system are left out", "[search][collector]") {
    auto const only_linux = std::vector<system_condition>{system_condition{system_attribute::family, comparison::equal, {"linux"}}};
    auto const rules = checked({{.name = "a", .regex = "a", .systems = only_linux}});
    CHECK(rows_of(rules, {at(1, 0)}).empty());
}

TEST_CASE("collector: troubles are counted for their rule", "[search][collector]") {
    auto const rules = checked({{.name = "a", .regex = "a"}, {.name = "r", .regex = "(?<a>.)", .records = true, .record_delimiter = "-"}});
    kept_findings kept;
    collector by{rules, kept};
    by.begin({.path = "file"});
    auto part = found({});
    part.troubles = {{.pattern = 1, .line = 1, .times = 3}, {.pattern = 2, .line = 1}, {.pattern = 0, .line = 1}};
    CHECK(by.add(part));
    CHECK(by.tallies()[0].troubles == 1);
    CHECK(by.tallies()[1].troubles == 4);
}

TEST_CASE("collector: what the sink fails with comes from whichever call gave it something", "[search][collector]") {
    struct full {
        outcome<void> put(finding_place const&, finding const&) { return failure{cause::exhausted, "disk full"}; }
    } to;
    auto const rules = checked({{.name = "a", .regex = "a", .show_missing = true}, {.name = "r", .regex = "(?<a>.)", .records = true}});
    collector by{rules, to};
    by.begin({.path = "file"});
    CHECK(by.add(found({at(1, 0)})).error().text() == "disk full");
    by.begin({.path = "file"});
    CHECK(by.add(found({at(1, 1, "", {"x"}, 1)})));
    CHECK(by.abandon().error().text() == "disk full");
    by.begin({.path = "file"});
    CHECK(by.add(found({})));
    CHECK(by.end().error().text() == "disk full");
}
