#include <muster/workloads/search/portable_scan.hpp>

#include "catch.hpp"

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include <muster/core/transportable_callable.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/process_pool.hpp>
#include <muster/workloads/search/search_tree.hpp>
#include <muster/workloads/search/tree_walk.hpp>

#include "../../temporary_folder.hpp"
#include "models.hpp"

using namespace models;
using namespace std::string_literals;

namespace {

std::vector<rule> some_rules() {
    return {{.name = "word", .regex = "user (?<user>\\w+)"}, {.name = "zero", .regex = "uid=0", .only_matching = true, .max_results = 2, .show_missing = true}};
}

// As bad as an engine can be: dies of a text that it does not like.
class mortal_engine : public every_line {
public:
    using every_line::every_line;
    outcome<void> scan(std::string_view text, std::vector<candidate>&) const {
        if (text.find("kill me") != text.npos) ::raise(SIGKILL);
        return {};
    }
};
outcome<engine> make_mortal(std::span<line_pattern const> patterns) { return engine{mortal_engine{patterns.size()}}; }
outcome<engine> make_none(std::span<line_pattern const>) { return failure{cause::unavailable, "not on this processor"}; }

template <class Scan>
std::pair<search_report, std::vector<kept_findings::row>> search(std::string const& root, Scan const& scan, rule_set const& rules, std::uint64_t piece_bytes) {
    tree_walk walk{{root}};
    kept_findings to;
    auto report = search_tree(walk, scan, rules, to, {.piece_bytes = piece_bytes});
    return {std::move(report).value(), to.rows()};
}

}  // namespace

TEST_CASE("portable_scan: here it answers what a scanner answers", "[search][portable_scan]") {
    temporary_folder const folder;
    auto const file = folder.put("file", "user bob\nuid=0\nuid=0\nuid=0\n");
    piece const what{.file = file, .path = "file"};
    context cx;
    CHECK((portable_scan<&make_every_line>(some_rules())(what, cx).value() == scanner_of(checked(some_rules()))(what).value()));
    // Other rules, another engine and other options are told apart.
    auto const tight = portable_scan<&make_every_line>(some_rules(), {.most_found = 0})(what, cx).value();
    CHECK(tight.hits.size() == 1);
    CHECK(tight.rest);
    CHECK(portable_scan<&make_every_line>({{.name = "r", .regex = "bob"}})(what, cx).value().hits.size() == 1);
    CHECK(portable_scan<&make_loose>(some_rules())(what, cx).value().hits.size() == 3);
    CHECK(portable_scan<&make_none>(some_rules())(what, cx).error().text() == "not on this processor");
    auto const wrong = portable_scan<&make_every_line>({{.name = "good", .regex = "a"}, {.name = "bad", .regex = "("}})(what, cx);
    REQUIRE(!wrong);
    CHECK(wrong.error().is(cause::invalid_input));
    CHECK(wrong.error().text().find("\"bad\"") != std::string::npos);
}

TEST_CASE("portable_scan: in other processes it finds the same", "[search][portable_scan][forks]") {
    temporary_folder const folder;
    std::mt19937_64 random{11};
    for (int i = 0; i < 20; ++i) {
        std::string text;
        for (int line = 0; line < (i % 7 == 0 ? 20'000 : 50); ++line) text += random() % 3 == 0 ? "user bob\n" : random() % 5 == 0 ? "uid=0\r\n" : "no caf\xe9\n";
        folder.put("file" + std::to_string(i), text);
    }
    auto const rules = checked(some_rules());
    auto const expected = search(folder.path(), scanner_of(rules), rules, 100 * MiB);
    CHECK(expected.first.is_complete());
    process_pool cells{{.workers = 2}};
    for (std::uint64_t const size : {std::uint64_t{65'536}, 100 * MiB})
        for (std::size_t const most : {std::size_t{50'000}, std::size_t{4} * 1'024 * 1'024}) {
            auto const scan = portable_scan<&make_every_line>(some_rules(), {.most_found = most});
            auto const placed = search(folder.path(), on{cells} | scan, rules, size);
            CHECK((placed.second == expected.second));
            CHECK(placed.first.rules == expected.first.rules);
            CHECK(placed.first.lines == expected.first.lines);
        }
    auto const isolated = search(folder.path(), isolate{cells} | portable_scan<&make_every_line>(some_rules()), rules, 65'536);
    CHECK((isolated.second == expected.second));
}

TEST_CASE("portable_scan: an engine that dies takes its piece with it, and no other file", "[search][portable_scan][forks]") {
    temporary_folder const folder;
    for (int i = 0; i < 12; ++i) folder.put("file" + std::to_string(100 + i), i == 5 ? "user x\nkill me\n" : "user bob\n");
    std::string text;
    while (text.size() < 300'000) text += "user bob\n";
    folder.put("large", text + "kill me\n");
    auto const rules = checked(some_rules());
    for (bool const calls : {false, true}) {
        process_pool cells{{.workers = 2}};
        auto const scan = portable_scan<&make_mortal>(some_rules());
        auto const [report, rows] = calls ? search(folder.path(), isolate{cells} | scan, rules, 65'536) : search(folder.path(), on{cells} | scan, rules, 65'536);
        CHECK(report.files == 11);
        CHECK(report.failed == 2);
        CHECK(report.not_reached == 0);
        CHECK(!report.is_complete());
        REQUIRE(report.troubles.size() == 2);
        CHECK(report.troubles[0].path == "file105");
        CHECK(report.troubles[0].why.is(cause::crashed));
        CHECK(report.troubles[1].path == "large");
        CHECK(report.rules[0].files == 12);    // of the large one what lies before
        CHECK(report.rules[0].findings > 11 + 20'000);
        CHECK(report.rules[1].missing == 11);
    }
}
