#include <muster/workloads/search/csv_writer.hpp>

#include "catch.hpp"
#include "some_rules.hpp"
#include "temporary_folder.hpp"

#include <fcntl.h>    // open

using namespace muster;
using namespace muster::searching;
using test::on_linux;
using test::some_rules;

namespace {
constexpr std::string_view header = "rule,system,os,os_version,file,line,match,fields\r\n";

std::string written(std::vector<std::pair<finding_place, finding>> const& rows, csv_writer_options options = {}) {
    temporary_folder const folder;
    auto csv = csv_writer::open(folder / "all.csv", some_rules(), options);
    REQUIRE(csv.has_value());
    for (auto const& [where, what] : rows) REQUIRE(csv->put(where, what).has_value());
    CHECK(csv->finish() == rows.size());
    CHECK(folder.count() == 1);
    return temporary_folder::read(folder / "all.csv");
}
}  // namespace

TEST_CASE("csv_writer: a header, and a row a finding with its fields as JSON", "[search][csv_writer]") {
    CHECK(written({}) == header);
    CHECK(written({{on_linux("a/b.txt", "alpha"), {.rule = 0, .line = 7, .text = "PermitRootLogin yes1", .fields = {"yes", "1"}}},
                   {on_linux("a/c.txt", "beta"), {.rule = 1, .line = 8, .text = "banner none"}}}) ==
          std::string{header} + "login,alpha,Linux,12,a/b.txt,7,PermitRootLogin yes1,\"{\"\"value\"\":\"\"yes\"\",\"\"n\"\":\"\"1\"\"}\"\r\n"
                                "banner,beta,Linux,12,a/c.txt,8,banner none,{}\r\n");
}

TEST_CASE("csv_writer: line 0 says that nothing was found", "[search][csv_writer]") {
    CHECK(written({{on_linux("a", "alpha"), {.rule = 2, .fields = {""}}}}) ==
          std::string{header} + "users,alpha,Linux,12,a,0,,\"{\"\"name\"\":\"\"\"\"}\"\r\n");
}

TEST_CASE("csv_writer: commas, quotes and line ends stand in quotes", "[search][csv_writer]") {
    CHECK(written({{{.path = "a,b"}, {.rule = 1, .line = 1, .text = "say \"x\", twice\nor thrice"}}}) ==
          std::string{header} + "banner,,unknown,,\"a,b\",1,\"say \"\"x\"\", twice\nor thrice\",{}\r\n");
}

TEST_CASE("csv_writer: what a spreadsheet would run gets a quote in front", "[search][csv_writer]") {
    for (std::string const text : {"=cmd|' /C calc'!A0", "+1", "-2", "@SUM(1)", "\tx"}) {
        CAPTURE(text);
        CHECK(written({{{.path = text}, {.rule = 1, .line = 1, .text = text}}}) ==
              std::string{header} + "banner,,unknown,,'" + text + ",1,'" + text + ",{}\r\n");
    }
    CHECK(written({{{.path = "p"}, {.rule = 1, .line = 1, .text = "\r=1"}}}) == std::string{header} + "banner,,unknown,,p,1,\"'\r=1\",{}\r\n");
    CHECK(written({{{.path = "p"}, {.rule = 1, .line = 1, .text = "\n=1"}}}) == std::string{header} + "banner,,unknown,,p,1,\"'\n=1\",{}\r\n");
    CHECK(written({{{.path = "p"}, {.rule = 1, .line = 1, .text = "=\"x\""}}}) == std::string{header} + "banner,,unknown,,p,1,\"'=\"\"x\"\"\",{}\r\n");
}

TEST_CASE("csv_writer: is UTF-8, whatever a path holds, and has a mark where one is asked for", "[search][csv_writer]") {
    CHECK(written({{{.path = "caf\xe9", .system = {.name = "\xc3\xa9"}}, {.rule = 1, .line = 1, .text = std::string{"a\0b", 3}}}}) ==
          std::string{header} + "banner,\xc3\xa9,unknown,,caf\xc3\xa9,1,a\xef\xbf\xbd" "b,{}\r\n");
    CHECK(written({}, {.byte_order_mark = true}) == "\xef\xbb\xbf" + std::string{header});
}

TEST_CASE("csv_writer: large files go out piece by piece, whole", "[search][csv_writer]") {
    std::vector<std::pair<finding_place, finding>> rows;
    std::string expected{header};
    for (std::uint64_t i = 1; i <= 5'000; ++i) {
        rows.push_back({on_linux("file", "alpha"), {.rule = 1, .line = i, .text = std::string(50, 'x')}});
        expected += "banner,alpha,Linux,12,file," + std::to_string(i) + ',' + std::string(50, 'x') + ",{}\r\n";
    }
    CHECK(written(rows) == expected);
}

TEST_CASE("csv_writer: without finish the old file stands, and after it nothing more is taken", "[search][csv_writer]") {
    temporary_folder const folder;
    auto const path = folder.put("all.csv", "old");
    {
        auto csv = csv_writer::open(path, some_rules());
        REQUIRE(csv->put({}, {.rule = 1, .line = 1}).has_value());
    }
    CHECK(temporary_folder::read(path) == "old");
    CHECK(folder.count() == 1);
    auto csv = csv_writer::open(path, some_rules());
    REQUIRE(csv->finish() == 0u);
    CHECK(csv->put({}, {.rule = 1, .line = 1}).error().text() == path + " is finished");
    CHECK(csv->finish().error().text() == path + " is finished");
    CHECK(temporary_folder::read(path) == header);
    auto const none = csv_writer::open(folder / "none/all.csv", some_rules());
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().is(cause::unavailable));
}
