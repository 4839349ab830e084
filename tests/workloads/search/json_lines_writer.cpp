#include <muster/workloads/search/json_lines_writer.hpp>

#include "catch.hpp"
#include "some_rules.hpp"
#include "temporary_folder.hpp"

#include <nlohmann/json.hpp>

using namespace muster;
using namespace muster::searching;
using test::on_linux;
using test::some_rules;

namespace {
std::vector<nlohmann::json> written(std::vector<std::pair<finding_place, finding>> const& rows) {
    temporary_folder const folder;
    auto lines = json_lines_writer::open(folder / "all.jsonl", some_rules());
    REQUIRE(lines.has_value());
    for (auto const& [where, what] : rows) REQUIRE(lines->put(where, what).has_value());
    CHECK(lines->finish() == rows.size());
    std::vector<nlohmann::json> out;
    std::ifstream file{folder / "all.jsonl"};
    for (std::string line; std::getline(file, line);) out.push_back(nlohmann::json::parse(line));
    return out;
}
}  // namespace

TEST_CASE("json_lines_writer: an object a line, with all that is known", "[search][json_lines_writer]") {
    auto const lines = written({{on_linux("a/b.txt", "alpha"), {.rule = 0, .line = 7, .text = "login yes", .fields = {"yes", ""}}},
                                {{.path = "c"}, {.rule = 2, .fields = {""}}}});
    REQUIRE(lines.size() == 2);
    auto const found = nlohmann::json::parse(R"-({"rule": "login", "system": "alpha", "os": "Linux", "product": "Debian GNU/Linux 12 (bookworm)",
        "version": "12", "distribution": "debian", "file": "a/b.txt", "line": 7, "match": "login yes", "fields": {"value": "yes", "n": ""}})-");
    auto const nothing = nlohmann::json::parse(R"({"rule": "users", "system": "", "os": "unknown", "product": "", "version": "",
        "distribution": "", "file": "c", "missing": true})");
    CHECK(lines[0] == found);
    CHECK(lines[1] == nothing);
}

TEST_CASE("json_lines_writer: one line each, whatever the texts hold", "[search][json_lines_writer]") {
    std::string const text = "a\nb\r\"\\\x01\t\xe2\x80\xa8";
    auto const lines = written({{{.path = "caf\xe9\n"}, {.rule = 0, .line = 1, .text = text, .fields = {text, "\xff"}}}});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["match"] == text);
    CHECK(lines[0]["fields"]["value"] == text);
    CHECK(lines[0]["fields"]["n"] == "\xef\xbf\xbd");
    CHECK(lines[0]["file"] == "caf\xc3\xa9\n");
}

TEST_CASE("json_lines_writer: without finish the old file stands, and after it nothing more is taken", "[search][json_lines_writer]") {
    temporary_folder const folder;
    auto const path = folder.put("all.jsonl", "old");
    CHECK(json_lines_writer::open(path, some_rules())->put({}, {.rule = 1, .line = 1}).has_value());
    CHECK(temporary_folder::read(path) == "old");
    CHECK(folder.count() == 1);
    auto lines = json_lines_writer::open(path, some_rules());
    REQUIRE(lines->finish() == 0u);
    CHECK(lines->put({}, {.rule = 1, .line = 1}).error().text() == path + " is finished");
    CHECK(temporary_folder::read(path).empty());
}
