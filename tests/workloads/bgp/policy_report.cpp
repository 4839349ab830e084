#include <muster/workloads/bgp/policy_report.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <muster/workloads/bgp/fault.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {

std::vector<policy_state> const all_states{policy_state::made,    policy_state::no_prefixes, policy_state::failed,
                                           policy_state::refused, policy_state::invalid,     policy_state::timed_out,
                                           policy_state::cancelled};

request asking(std::string_view object, address_family family = address_family::ipv4) {
    return {.object = irr_object::parse(object).value(), .family = family};
}

// One of each kind.
policy_report mixed() {
    using file = written_policy::file;
    policy_report report;
    report.run = {.items = 8, .configured = 4, .width = 2, .cores = 2, .why = sequential_reason::none};
    report.wall = 100ms;
    report.busy = 198ms;
    report.rows = {
        {.asked = asking("AS13335"), .state = policy_state::made, .entries = 17, .took = 99ms, .ran_for = 98ms,
         .file = file::written, .path = "out/AS13335-v4.junos"},
        {.asked = asking("AS13335", address_family::ipv6), .state = policy_state::made, .entries = 3, .took = 1500us,
         .ran_for = 1500us, .remembered = true, .file = file::unchanged, .path = "out/AS13335-v6.junos"},
        {.asked = asking("AS3999"), .state = policy_state::no_prefixes, .took = 5ms, .ran_for = 5ms,
         .file = file::kept, .path = "out/AS3999-v4.junos"},
        {.asked = asking("AS112"), .state = policy_state::failed, .took = 7ms, .ran_for = 7ms,
         .error = failure{make_error_code(fault::server_error), "said \"F\""}},
        {.asked = asking("AS42"), .state = policy_state::refused,
         .error = failure{make_error_code(fault::refused), "nobody there"}},
        {.asked = asking("AS-X"), .state = policy_state::invalid, .error = failure{cause::invalid_input, "no"}},
        {.asked = asking("AS174"), .state = policy_state::timed_out, .took = 60s, .ran_for = 60s,
         .error = failure{make_error_code(fault::timed_out), "late"}},
        {.asked = asking("AS1299"), .error = failure{cause::cancelled, "stop"}}};    // cancelled until it is done
    return report;
}

nlohmann::json parsed(policy_report const& report) {
    std::string text;
    json_writer{text}.value(report);
    return nlohmann::json::parse(text);
}

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("policy_report: totals are the sums of the rows, and every row is in exactly one of them",
          "[bgp][policy_report]") {
    auto const report = mixed();
    std::size_t sum = 0;
    for (auto const state : all_states) sum += report.count(state);
    CHECK(sum == report.rows.size());
    CHECK(report.count(policy_state::made) == 2);
    CHECK(report.count(policy_state::cancelled) == 1);
    CHECK(report.entries() == 20);
    CHECK(report.remembered() == 1);
    auto const summary = report.summary();
    CHECK(summary.items == 8);
    CHECK(summary.finished == 7);    // all but the cancelled one
    CHECK(summary.failed == 4);
    CHECK(summary.workers == 2);
    CHECK(summary.configured == 4);
    CHECK(summary.cores == 2);
}

TEST_CASE("policy_report: all done means an answer for each, with prefixes or without", "[bgp][policy_report]") {
    CHECK(policy_report{}.all_done());
    for (auto const state : all_states) {
        CAPTURE(name_of(state));
        policy_report report;
        report.rows = {{.asked = asking("AS1"), .state = policy_state::made}, {.asked = asking("AS2"), .state = state}};
        CHECK(report.all_done() == (state == policy_state::made || state == policy_state::no_prefixes));
    }
}

TEST_CASE("policy_report: the table has a line for each request, in their order, columns in line, and the totals below",
          "[bgp][policy_report]") {
    auto const report = mixed();
    auto const lines = lines_of(to_text(report));
    REQUIRE(lines.size() == 1 + 8 + 1 + 3);
    CHECK(lines[0].starts_with("object"));
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(lines[i + 1].starts_with(report.rows[i].asked.object.text() + ' '));
        CHECK(lines[i + 1].find(name_of(report.rows[i].state)) == lines[0].find("state"));
        CHECK(lines[i + 1].find(name_of(report.rows[i].asked.family)) == lines[0].find("family"));
        CHECK(lines[i + 1].back() != ' ');
    }
    CHECK(holds(lines[1], " 17 "));
    CHECK(holds(lines[1], " 99.0 "));
    CHECK(lines[1].ends_with(" -      out/AS13335-v4.junos"));
    CHECK(lines[2].ends_with(" hit    out/AS13335-v6.junos (unchanged)"));
    CHECK(holds(lines[2], " 1.5 "));
    CHECK(holds(lines[3], " 0 "));
    CHECK(lines[3].ends_with("the file that was there is kept: out/AS3999-v4.junos"));
    CHECK(lines[4].ends_with("server error: said \"F\""));
    CHECK(!holds(lines[4], " 0 "));    // no answer is not an answer of none
    CHECK(lines[5].ends_with("refused: nobody there"));
    CHECK(lines[9].empty());
    CHECK(lines[10] == "8 policies: 2 made, 1 no prefixes, 1 failed, 1 refused, 1 invalid, 1 timed out, 1 cancelled, "
                       "20 prefixes, 1 from the cache");
    CHECK(lines[11] == "in parallel: 2 workers of 4 configured, 2 cores");
    CHECK(lines[12] == "wall 100.0 ms, sum of the parts 198.0 ms: speed-up 1.98, efficiency 0.99");
}

TEST_CASE("policy_report: a total of none is left out, that of those made never", "[bgp][policy_report]") {
    CHECK(holds(to_text(policy_report{}), "\n0 policies: 0 made, 0 prefixes, 0 from the cache\n"));
}

TEST_CASE("policy_report: nobody's words make lines of their own in the table", "[bgp][policy_report]") {
    policy_report report;
    report.rows = {{.asked = asking("AS1"), .state = policy_state::failed,
                    .error = failure{cause::exited, "x\nAS2  ipv4  made  999"}}};
    auto const lines = lines_of(to_text(report));
    CHECK(lines.size() == 1 + 1 + 1 + 3);
    CHECK(std::none_of(lines.begin(), lines.end(), [](auto const& line) { return line.starts_with("AS2"); }));
}

TEST_CASE("policy_report: the speed-up is rounded down, and the efficiency stands beside it", "[bgp][policy_report]") {
    auto report = mixed();
    report.run.width = 8;
    report.wall = 1000ms;
    report.busy = 7999ms;
    CHECK(holds(to_text(report), "speed-up 7.99, efficiency 0.99\n"));    // not 8.00, not 1.00
    report.busy = 8000ms;
    CHECK(holds(to_text(report), "speed-up 8.00, efficiency 1.00\n"));
    report.busy = 4299ms;
    CHECK(holds(to_text(report), "speed-up 4.29, efficiency 0.53\n"));
    CHECK(parsed(report).at("run").at("speedup").get<double>() == Approx(4.299).epsilon(1e-9));    // as it is
    CHECK(parsed(report).at("run").at("efficiency").get<double>() == Approx(4.299 / 8).epsilon(1e-9));
    CHECK(holds(to_text(policy_report{}), "speed-up 0.00, efficiency 0.00\n"));    // of nothing, in no time
}

TEST_CASE("policy_report: one after another it says why, in the table and in JSON", "[bgp][policy_report]") {
    auto report = mixed();
    CHECK(parsed(report).at("run").at("sequential_because").is_null());
    CHECK(parsed(report).at("run").at("parallel") == true);
    for (auto const& [why, text] : std::vector<std::pair<sequential_reason, std::string>>{
             {sequential_reason::asked_for, "asked for"}, {sequential_reason::disabled, "disabled"},
             {sequential_reason::too_few_items, "too few items"}, {sequential_reason::unavailable, "unavailable"},
             {sequential_reason::cannot_start, "cannot start"}}) {
        report.run = {.items = 8, .configured = 8, .width = 1, .cores = 1, .why = why};
        CHECK(to_text(report.run) == "one after another (" + text + "): 1 worker of 8 configured, 1 core");
        CHECK(holds(to_text(report), "\n" + to_text(report.run) + "\n"));
        CHECK(parsed(report).at("run").at("sequential_because") == text);
        CHECK(parsed(report).at("run").at("parallel") == false);
    }
}

TEST_CASE("policy_report: JSON holds every row and every total, for programs", "[bgp][policy_report]") {
    auto const report = mixed();
    auto const json = parsed(report);
    auto const& rows = json.at("policies");
    REQUIRE(rows.size() == 8);
    CHECK(rows[0] == nlohmann::json::parse(R"({"object": "AS13335", "family": "ipv4", "state": "made", "prefixes": 17,
        "seconds": 0.099, "program_seconds": 0.098, "cache_hit": false, "file": "out/AS13335-v4.junos",
        "file_state": "written"})"));
    CHECK(rows[1].at("cache_hit") == true);
    CHECK(rows[1].at("family") == "ipv6");
    CHECK(rows[1].at("file_state") == "unchanged");
    CHECK(rows[2].at("state") == "no prefixes");
    CHECK(rows[2].at("file_state") == "kept");
    CHECK(rows[3].at("error") == "said \"F\"");
    CHECK(rows[3].at("error_kind") == "server error");
    CHECK(!rows[3].contains("file"));
    CHECK(!rows[0].contains("error"));
    auto const& totals = json.at("totals");
    CHECK(totals.at("policies") == 8);
    CHECK(totals.at("prefixes") == 20);
    CHECK(totals.at("cache_hits") == 1);
    for (std::size_t i = 0; i < all_states.size(); ++i)
        CHECK(totals.at(std::string{name_of(all_states[i])}) == (i == 0 ? 2 : 1));
    auto const& run = json.at("run");
    CHECK(run.at("items") == 8);
    CHECK(run.at("failed") == 4);
    CHECK(run.at("workers") == 2);
    CHECK(run.at("configured") == 4);
    CHECK(run.at("wall_s").get<double>() == Approx(0.1));
    CHECK(run.at("busy_s").get<double>() == Approx(0.198));
}

TEST_CASE("policy_report: any bytes in a failure's text still make JSON", "[bgp][policy_report]") {
    policy_report report;
    report.rows = {{.asked = asking("AS1"), .state = policy_state::failed,
                    .error = failure{cause::exited, std::string("\"\\\n\0\x1b\xff\xc3", 7)}}};
    auto const json = parsed(report);    // throws where it is none
    CHECK(json.at("policies").at(0).at("error").get<std::string>().starts_with("\"\\\n"));
}
