#include <muster/workloads/formats/workbook.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "one_gmtime.hpp"
#include "read_workbook.hpp"
#include "temporary_folder.hpp"

#include <array>
#include <clocale>
#include <csignal>
#include <filesystem>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <thread>

#include <fcntl.h>           // open
#include <sys/fsuid.h>       // setfsuid
#include <sys/resource.h>    // setrlimit
#include <sys/stat.h>        // chmod

using namespace muster;
using nlohmann::json;

static_assert(std::is_nothrow_move_constructible_v<workbook> && std::is_nothrow_move_assignable_v<workbook>);
static_assert(!std::is_copy_constructible_v<workbook>);

namespace {

// One sheet with one column, a cell a row.
workbook_stats write_cells(std::string const& path, std::vector<workbook_cell> const& cells) {
    auto book = workbook::open(path);
    REQUIRE(book.has_value());
    auto const sheet = book->add_sheet("cells", {"cell"});
    REQUIRE(sheet.has_value());
    for (auto const& each : cells) REQUIRE(book->add_row(*sheet, {each}).has_value());
    auto const done = book->close();
    REQUIRE(done.has_value());
    return *done;
}

json cells_of(std::string const& path) {
    json out = json::array();
    auto const read = read_workbook(path);
    auto const& rows = read["sheets"][0]["rows"];
    for (std::size_t i = 1; i < rows.size(); ++i) out.push_back(rows[i][0]);
    return out;
}

// Rows that do not compress well, so that the file is large, too.
outcome<workbook_stats> write_much(std::string const& path, std::size_t sheets, std::size_t rows) {
    auto book = workbook::open(path, {.durable = false});
    if (!book) return std::move(book).error();
    std::vector<workbook_sheet> made;
    for (std::size_t i = 0; i < sheets; ++i) {
        auto const one = book->add_sheet("S" + std::to_string(i), {"a", "b"});
        if (!one) return one.error();
        made.push_back(*one);
    }
    std::mt19937_64 random{11};
    for (std::size_t i = 0; i < rows; ++i)
        for (auto const each : made) {
            auto const text = std::to_string(random()) + std::to_string(random());
            if (auto const added = book->add_row(each, {text, i}); !added) return added.error();
        }
    return book->close();
}

std::size_t open_files() {
    auto const all = std::filesystem::directory_iterator{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// What the library has to say of failures is of no interest.
void hush() { ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2); }

}  // namespace

TEST_CASE("workbook: another program reads the same values, with types, headers, filters and widths", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    auto book = workbook::open(folder / "book.xlsx");
    REQUIRE(book.has_value());
    auto const sheet = book->add_sheet("Hosts", {"host", "size", "a rather long header"});
    REQUIRE(sheet.has_value());
    REQUIRE(book->add_row(*sheet, {"alpha", 12, 0.25}).has_value());
    REQUIRE(book->add_row(*sheet, {std::string(35, 'b'), -3.5e300, workbook_cell{}}).has_value());
    REQUIRE(book->add_row(*sheet, {workbook_cell{}, std::uint64_t{1} << 63}).has_value());
    REQUIRE(book->add_row(*sheet, {std::string(200, 'c'), std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}).has_value());
    CHECK(book->stats(*sheet) == workbook_stats{.rows = 4, .cut = 0, .replaced = 0, .sheets = 1});
    CHECK(book->close() == workbook_stats{.rows = 4, .cut = 0, .replaced = 0, .sheets = 1});

    auto const read = read_workbook(folder / "book.xlsx");
    REQUIRE(read["sheets"].size() == 1);
    auto const& there = read["sheets"][0];
    CHECK(there["name"] == "Hosts");
    CHECK(there["rows"] == json::parse(R"([["host", "size", "a rather long header"], ["alpha", 12, 0.25], [")" + std::string(35, 'b') +
                                       R"(", -3.5e300, null], [null, "9223372036854775808", null], [")" + std::string(200, 'c') +
                                       R"(", "NaN", "-infinity"]])"));
    CHECK(there["freeze"] == "A2");
    CHECK(there["filter"] == "A1:C5");
    CHECK(there["bold"] == json{true, false});
    CHECK(there["selected"] == true);
    CHECK(there["widths"] == json{61, 21, 25});    // 60 at most; the digits; the header and its button
    CHECK(temporary_folder::read(folder / "book.xlsx").starts_with("PK"));
    CHECK(folder.count() == 1);
}

TEST_CASE("workbook: a text is a text, whatever it starts with", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    std::vector<std::string> const texts{"=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "https://example.org", "mailto:x@example.org",
                                         "internal:Sheet1!A1", "12", "1e5", "TRUE", "#N/A", "{=1}", "'x", "<b>&amp;</b>", " padded ", "a\nb",
                                         "2020-01-01", "\r\nx\r", "_x0041_", "_x005F_x0041_", "__x000D__", "_x00zz_", "_x004", "_"};
    write_cells(folder / "book.xlsx", {texts.begin(), texts.end()});
    auto const read = read_workbook(folder / "book.xlsx");
    CHECK(read["formulas"] == false);
    CHECK(read["sheets"][0]["types"] == "s");    // inline strings, read as strings
    CHECK(read["sheets"][0]["links"] == 0);
    CHECK(cells_of(folder / "book.xlsx") == json(texts));
}

TEST_CASE("workbook: an escape is doubled in the file, so that a reader that knows escapes reads the text", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    write_cells(folder / "book.xlsx", {"_x0041_"});
    CHECK(python_says("import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('xl/worksheets/sheet1.xml').decode())", folder / "book.xlsx")
              .find("<t>_x005F_x0041_</t>") != std::string::npos);
}

TEST_CASE("workbook: what XML cannot hold, and bytes that are no UTF-8, are replaced and counted", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    std::vector<std::string> const texts{std::string{"a\0b", 3}, "\x01\x1f", "\xff\xfe", "\xc3", "\xed\xa0\x80", "\xef\xbf\xbf\xef\xbf\xbe", "\xf4\x90\x80\x80", "\x7f\xc2\x85",
                                         "\xf0\x9f\x98\x80"};
    auto const done = write_cells(folder / "book.xlsx", {texts.begin(), texts.end()});
    std::string const mark = "\xef\xbf\xbd";
    CHECK(cells_of(folder / "book.xlsx") == json({"a" + mark + "b", mark + mark, mark + mark, mark, mark + mark + mark, mark + mark,
                                                  mark + mark + mark + mark, "\x7f\xc2\x85", "\xf0\x9f\x98\x80"}));
    CHECK(done.replaced == 1 + 2 + 2 + 1 + 3 + 2 + 4);
}

TEST_CASE("workbook: a cell too long is cut, says so, and is counted; characters are counted as UTF-16", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    auto const times = [](std::string_view text, std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) out += text;
        return out;
    };
    auto const fits = std::string(32'767, 'x'), wide_fits = times("\xf0\x9f\x98\x80", 16'383) + 'x';
    auto const over = fits + 'y', wide_over = times("\xf0\x9f\x98\x80", 16'384), underscores = times("_x0041_", 3'000);
    auto const done = write_cells(folder / "book.xlsx", {fits, wide_fits, over, wide_over, underscores, std::string(1'000'000, 'z')});
    CHECK(done.cut == 4);
    CHECK(done.replaced == 0);
    auto const cells = cells_of(folder / "book.xlsx");
    CHECK(cells[0] == fits);
    CHECK(cells[1] == wide_fits);
    std::string const mark = "... [cut, 32768 characters]";
    CHECK(cells[2] == std::string(32'767 - mark.size(), 'x') + mark);
    CHECK(cells[3] == times("\xf0\x9f\x98\x80", (32'767 - mark.size()) / 2) + mark);    // no half of a character
    auto const cut = cells[4].get<std::string>();
    CHECK(cut.starts_with(times("_x0041_", 2'000)));    // written, each takes 13 of the characters
    CHECK(cut.ends_with("... [cut, 21000 characters]"));
    CHECK(cells[5].get<std::string>().size() == 32'767);
    CHECK(cells[5].get<std::string>().ends_with("... [cut, 1000000 characters]"));
}

TEST_CASE("workbook: sheets stand in the order in which they were made, and take rows in any", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    auto book = workbook::open(folder / "book.xlsx");
    REQUIRE(book.has_value());
    auto const summary = book->add_sheet("Summary", {"sheet", "rows"});
    std::vector<workbook_sheet> sheets;
    for (int i = 0; i < 5; ++i) {
        sheets.push_back(*book->add_sheet("rule " + std::to_string(i), {"n"}));
        for (int row = 0; row < 1'000; ++row) REQUIRE(book->add_row(sheets[static_cast<std::size_t>(row) % sheets.size()], {row}).has_value());
    }
    for (auto const each : sheets) REQUIRE(book->add_row(*summary, {book->name(each), book->stats(each).rows}).has_value());
    REQUIRE(book->close().has_value());

    auto const read = read_workbook(folder / "book.xlsx");
    REQUIRE(read["sheets"].size() == 6);
    CHECK(read["sheets"][0]["name"] == "Summary");
    CHECK(read["sheets"][0]["selected"] == true);
    CHECK(read["sheets"][1]["selected"] == false);
    std::size_t rows = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        auto const& sheet = read["sheets"][i + 1];
        CHECK(read["sheets"][0]["rows"][i + 1] == json({"rule " + std::to_string(i), sheet["rows"].size() - 1}));
        rows += sheet["rows"].size() - 1;
        CHECK(sheet["filter"] == "A1:A" + std::to_string(sheet["rows"].size()));
    }
    CHECK(rows == 5'000);
}

TEST_CASE("workbook: rows past the last go to further sheets with the same header", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    auto book = workbook::open(folder / "book.xlsx", {.rows_a_sheet = 4});
    REQUIRE(book.has_value());
    auto const sheet = book->add_sheet("all", {"n"});
    auto const other = book->add_sheet("all (2)", {"m"});
    for (int i = 0; i < 7; ++i) REQUIRE(book->add_row(*sheet, {i}).has_value());
    REQUIRE(book->add_row(*other, {"x"}).has_value());
    CHECK(book->close() == workbook_stats{.rows = 8, .cut = 0, .replaced = 0, .sheets = 4});
    auto const read = read_workbook(folder / "book.xlsx");
    std::vector<json> names, rows;
    for (auto const& each : read["sheets"]) {
        names.push_back(each["name"]);
        rows.push_back(each["rows"]);
        CHECK(each["freeze"] == "A2");
    }
    CHECK(names == std::vector<json>{"all", "all (2)", "all (3)", "all (4)"});
    CHECK(rows == std::vector<json>{json::parse(R"([["n"],[0],[1],[2]])"), json::parse(R"([["m"],["x"]])"), json::parse(R"([["n"],[3],[4],[5]])"),
                                    json::parse(R"([["n"],[6]])")});
}

TEST_CASE("workbook: names of sheets are made legal, and differ by more than case", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    std::string const grins = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80";
    std::vector<std::pair<std::string, std::string>> const cases{
        {"plain", "plain"},
        {"PLAIN", "PLAIN (2)"},
        {"Plain", "Plain (3)"},
        {"a[b]c:d*e?f/g\\h", "a_b_c_d_e_f_g_h"},
        {"'quoted'", "_quoted_"},
        {"it's", "it's"},
        {"'", "_"},
        {"", "Sheet"},
        {"sheet", "sheet (2)"},
        {"history", "history_"},
        {std::string(40, 'n'), std::string(31, 'n')},
        {std::string(41, 'n'), std::string(27, 'n') + " (2)"},
        {std::string(30, 'q') + "'q", std::string(30, 'q') + '_'},
        {grins + grins, grins + grins.substr(0, 28)},    // 15 characters, 30 units
        {"a\nb\x01", "a_b_"},
        {"bad\xff", "bad\xef\xbf\xbd"},
        {"<&\">", "<&\">"},
        {"\xc3\x84rger", "\xc3\x84rger"},
        {"\xc3\xa4RGER", "\xc3\xa4RGER (2)"},
        {"A1", "A1"},
        {"R1C1", "R1C1"},
        {"2024", "2024"},
        {"=1", "=1"},
        {"_x0041_", "_x0041_"},
    };
    auto book = workbook::open(folder / "book.xlsx");
    REQUIRE(book.has_value());
    for (auto const& [wished, got] : cases) {
        CAPTURE(wished);
        auto const sheet = book->add_sheet(wished, {"x"});
        REQUIRE(sheet.has_value());
        CHECK(book->name(*sheet) == got);
    }
    REQUIRE(book->close().has_value());
    auto const read = read_workbook(folder / "book.xlsx");
    REQUIRE(read["sheets"].size() == cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) CHECK(read["sheets"][i]["name"] == cases[i].second);
    // In the formulas that say where the filters are each stands in quotes: A1 is else a cell, 2024 a number.
    auto const formulas = read["workbook"].get<std::string>();
    for (std::string const name : {"A1", "R1C1", "2024", "it''s", "plain"}) CHECK(formulas.find(">'" + name + "'!$A$1<") != std::string::npos);
    CHECK(read["names"] == cases.size());
}

TEST_CASE("workbook: the same content gives the same bytes, also while others are written", "[formats][workbook]") {
    temporary_folder const folder;
    REQUIRE(write_much(folder / "one.xlsx", 3, 200).has_value());
    auto const first = temporary_folder::read(folder / "one.xlsx");
    std::vector<std::thread> threads;
    std::array<bool, 4> same{};
    for (std::size_t i = 0; i < same.size(); ++i)
        threads.emplace_back([&, i] {
            auto const path = folder / ("two" + std::to_string(i));
            same[i] = true;
            for (int round = 0; round < 3; ++round) same[i] = same[i] && write_much(path, 3, 200) && temporary_folder::read(path) == first;
        });
    for (auto& each : threads) each.join();
    CHECK(same == std::array{true, true, true, true});
}

TEST_CASE("workbook: numbers are written with a point, whatever the locale", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    command_runner programs;
    if (!programs(command{.program = "localedef", .args = {"--no-archive", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"}}))
        SKIP("needs localedef and the locale de_DE (Debian: locales)");
    CHECK(in_child([&] {
              ::setenv("LOCPATH", folder.path().c_str(), 1);
              if (!std::setlocale(LC_ALL, "de_DE.UTF-8")) return 1;
              write_cells(folder / "book.xlsx", {1.5, 2});
              return std::to_string(0.5) == "0,500000" ? 0 : 2;    // and it is still that of the program
          }) == exits(0));
    CHECK(cells_of(folder / "book.xlsx") == json{1.5, 2});
    CHECK(read_workbook(folder / "book.xlsx")["sheets"][0]["widths"] == json{12});
}

TEST_CASE("workbook: one without sheets has an empty one", "[formats][workbook][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    REQUIRE(workbook::open(folder / "book.xlsx")->close().has_value());
    CHECK(read_workbook(folder / "book.xlsx")["sheets"].size() == 1);
}

TEST_CASE("workbook: of the smallest sheets, one or hundreds, all parts are there", "[formats][workbook]") {
    temporary_folder const folder;
    for (int const count : {1, 9, 300}) {
        auto book = workbook::open(folder / "book.xlsx", {.durable = false});
        REQUIRE(book.has_value());
        for (int i = 0; i < count; ++i) REQUIRE(book->add_sheet(std::to_string(i), {""}).has_value());
        auto const done = book->close();
        INFO((done ? "" : done.error().text()));
        REQUIRE(done.has_value());
        CHECK(done->sheets == static_cast<std::uint64_t>(count));
    }
}

TEST_CASE("workbook: a row with too many cells, and a sheet with none or too many columns, are refused and cost nothing", "[formats][workbook]") {
    temporary_folder const folder;
    auto const path = folder / "book.xlsx";
    auto book = workbook::open(path);
    REQUIRE(book.has_value());
    auto const sheet = book->add_sheet("two", {"a", "b"});
    auto const refused = book->add_row(*sheet, {1, 2, 3});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(cause::invalid_input));
    CHECK(refused.error().text() == "a row of 3 cells does not fit into the sheet \"two\" of " + path + ", which has 2 columns");
    auto const none = book->add_sheet("none", std::initializer_list<std::string_view>{});
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().is(cause::invalid_input));
    CHECK(none.error().text() == "a sheet of " + path + " has 1 to 16,384 columns: \"none\" has 0");
    std::vector<std::string_view> const many(16'385, "x");
    CHECK(book->add_sheet("many", many).error().is(cause::invalid_input));
    CHECK(book->add_sheet("most", std::span{many}.first(16'384)).has_value());
    CHECK(book->add_row(*sheet, {1, 2}).has_value());
    CHECK(book->close()->rows == 1);
}

TEST_CASE("workbook: options out of their range are thrown back", "[formats][workbook]") {
    temporary_folder const folder;
    CHECK_THROWS_AS(workbook::open(folder / "x", {.rows_a_sheet = 1}), std::invalid_argument);
    CHECK_THROWS_AS(workbook::open(folder / "x", {.rows_a_sheet = 1'048'577}), std::invalid_argument);
    CHECK(folder.count() == 0);
}

TEST_CASE("workbook: what is not closed leaves the old file, and nothing else", "[formats][workbook]") {
    temporary_folder const folder;
    auto const path = folder.put("book.xlsx", "old");
    auto const before = open_files();
    {
        auto book = workbook::open(path);
        REQUIRE(book.has_value());
        for (int i = 0; i < 10; ++i) REQUIRE(book->add_row(*book->add_sheet("s", {"x"}), {"row"}).has_value());
        auto moved = std::move(*book);
        REQUIRE(moved.add_row(workbook_sheet{3}, {"more"}).has_value());
    }
    CHECK(temporary_folder::read(path) == "old");
    CHECK(folder.count() == 1);
    CHECK(open_files() == before);
    auto book = workbook::open(path);
    REQUIRE(book->add_sheet("s", {"x"}).has_value());
    REQUIRE(book->close().has_value());
    CHECK(folder.count() == 1);
    CHECK(open_files() == before);
    CHECK(temporary_folder::read(path).starts_with("PK"));
    auto const again = book->close();
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().text() == path + " is closed");
    CHECK(book->add_row(workbook_sheet{0}, {"x"}).error().text() == path + " is closed");
    CHECK(book->add_sheet("t", {"x"}).error().text() == path + " is closed");
}

TEST_CASE("workbook: a folder that is missing, forbidden or no folder fails by name", "[formats][workbook]") {
    temporary_folder const folder;
    auto const missing = workbook::open(folder / "none/book.xlsx");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().is(cause::unavailable));
    CHECK(missing.error().text() == "cannot create a file beside " + (folder / "none/book.xlsx") + ": No such file or directory");
    CHECK(workbook::open(folder.put("file", "x") + "/book.xlsx").error().is(cause::unavailable));
    CHECK(workbook::open("").error().is(cause::invalid_input));
    CHECK(workbook::open(folder / "x/").error().is(cause::invalid_input));
    auto const closed = folder / "closed";
    REQUIRE(::mkdir(closed.c_str(), 0555) == 0);
    auto const before = ::setfsuid(65'534);    // root may write everywhere: this thread writes as nobody
    auto const forbidden = workbook::open(closed + "/book.xlsx");
    ::setfsuid(static_cast<uid_t>(before));
    REQUIRE_FALSE(forbidden.has_value());
    CHECK(forbidden.error().is(cause::unavailable));
    CHECK(forbidden.error().text() == "cannot create a file beside " + closed + "/book.xlsx: Permission denied");
}

TEST_CASE("workbook: a folder that takes the name, and one that goes away meanwhile, fail by name", "[formats][workbook][forks]") {
    CHECK(in_child([] {
              hush();
              temporary_folder const folder;
              auto const path = folder / "book.xlsx";
              auto book = workbook::open(path);
              auto const sheet = book->add_sheet("s", {"x"});
              std::filesystem::create_directory(path);
              if (!book->add_row(*sheet, {1})) return 1;
              auto const done = book->close();
              if (done || done.error().text().find(path) == std::string::npos) return 2;
              if (folder.count() != 0) return 3;
              auto const again = book->close();
              if (again || again.error().text() != done.error().text()) return 4;    // it goes on saying so
              std::filesystem::create_directory(folder / "gone");
              auto late = workbook::open(folder / "gone/book.xlsx");
              std::filesystem::remove_all(folder / "gone");
              (void)late->add_sheet("s", {"x"});
              auto const none = late->close();
              if (none || none.error().text().find(folder / "gone/book.xlsx") == std::string::npos) return 5;
              return 0;
          }) == exits(0));
}

// A limit on the size of files stands for a disk that is full at any moment: of a sheet's rows, of what the library puts together from
// them, of its small parts, and of the workbook itself.
TEST_CASE("workbook: whatever the size at which the disk is full, the file is whole or not there", "[formats][workbook][forks]") {
    temporary_folder const folder;
    auto const path = folder / "book.xlsx";
    struct content {
        std::size_t sheets, rows;
    };
    for (auto const& each : {content{1, 500}, content{6, 100}, content{1, 10}}) {
        auto const sheets = each.sheets, rows = each.rows;
        REQUIRE(write_much(path, sheets, rows).has_value());
        auto const good = temporary_folder::read(path);
        std::filesystem::remove(path);
        std::vector<std::size_t> limits{0, 1, 500, 1'000, 2'000, 4'095, 4'096, 6'994, 6'995, 7'000, good.size() - 1, good.size()};
        for (std::size_t limit = 0; limit < 80'000; limit += sheets == 1 && rows == 500 ? 997 : 1'499) limits.push_back(limit);
        // Around the size of a sheet, byte by byte in part: what stands behind the rows is written last.
        auto const row = std::size_t{140};
        for (std::size_t i = 0; i < 60; ++i) limits.push_back(row * rows + i * 37);
        std::size_t written = 0, refused = 0;
        for (auto const limit : limits) {
            CAPTURE(sheets, rows, limit);
            auto const end = in_child([&] {
                hush();
                std::signal(SIGXFSZ, SIG_IGN);
                rlimit const most{limit, limit};
                if (::setrlimit(RLIMIT_FSIZE, &most) != 0) return 10;
                auto const before = open_files();
                auto const done = write_much(path, sheets, rows);
                if (open_files() != before) return 11;
                if (done) return 0;
                if (!done.error().is(cause::exhausted)) return 12;
                return done.error().text().find(path) != std::string::npos ? 1 : 13;
            });
            REQUIRE((end == exits(0) || end == exits(1)));
            if (end == exits(0)) {
                REQUIRE((temporary_folder::read(path) == good));
                std::filesystem::remove(path);
                ++written;
            } else {
                ++refused;
            }
            REQUIRE(folder.count() == 0);
        }
        CHECK(refused > 10);
        CHECK(written > 1);
    }
}

TEST_CASE("workbook: without file descriptors it fails as exhausted, by name; hundreds of sheets need no more than one", "[formats][workbook][forks]") {
    for (std::size_t const spare : {0u, 1u, 2u, 3u, 4u}) {
        CAPTURE(spare);
        auto const end = in_child([&] {
            hush();
            temporary_folder const folder;
            auto const path = folder / "book.xlsx";
            std::vector<int> taken;    // the lowest numbers are all in use, but for those that are spared
            for (std::size_t i = 0; i < 64; ++i) taken.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            auto const last = taken.back();
            auto const limit = static_cast<rlim_t>(last) + 1 + spare;
            rlimit const most{limit, limit};
            if (::setrlimit(RLIMIT_NOFILE, &most) != 0) return 1;
            auto const done = write_much(path, 300, 2);
            ::close(taken.front());    // for the folder to be read
            ::close(taken[1]);
            if (done) return folder.count() == 1 ? 0 : 2;
            if (!done.error().is(cause::exhausted) || done.error().text().find(path) == std::string::npos) return 3;
            return folder.count() == 0 ? 10 : 4;
        });
        CHECK(end == exits(spare < 4 ? 10 : 0));
    }
}

TEST_CASE("workbook: rows do not stay in memory", "[formats][workbook][forks]") {
    if (sanitized) SKIP("a sanitizer keeps memory of its own");
    CHECK(in_child([] {
              temporary_folder const folder;
              auto book = workbook::open(folder / "book.xlsx", {.durable = false});
              auto const sheet = book->add_sheet("s", {"a", "b"});
              auto const add = [&](int rows) {
                  std::string const text(500, 'x');
                  for (int i = 0; i < rows; ++i)
                      if (!book->add_row(*sheet, {text, i})) std::abort();
              };
              auto const most = [] {
                  rusage used{};
                  ::getrusage(RUSAGE_SELF, &used);
                  return used.ru_maxrss;    // KiB
              };
              add(200);
              auto const before = most();
              add(30'000);    // 15 MB
              if (!book->close()) return 1;
              return most() - before < 4'096 ? 0 : 2;
          }) == exits(0));
}
