#include <muster/workloads/search/workbook_writer.hpp>

#include "catch.hpp"
#include "some_rules.hpp"
#include "temporary_folder.hpp"
#include "workloads/formats/one_gmtime.hpp"
#include "workloads/formats/read_workbook.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>

#include <muster/workloads/formats/workbook.hpp>

using namespace muster;
using namespace muster::searching;
using nlohmann::json;
using test::on_linux;
using test::some_rules;

static_assert(finding_sink<workbook_writer<workbook>>);
static_assert(std::is_nothrow_move_constructible_v<workbook_writer<workbook>>);

namespace {

// What a test wants of books: where they fail, and where they wait.
struct script {
    std::mutex guard;
    std::condition_variable changed;
    std::optional<failure> at_open, at_row, at_close;
    bool throws = false;
    bool held = false;              // rows wait while it is so
    std::size_t rows = 0, closed = 0, dropped = 0;
};
script* now = nullptr;

// A book that writes nothing.
struct scripted_book {
    struct sheet_type {};
    using cell_type = workbook_cell;
    explicit scripted_book() = default;
    scripted_book(scripted_book&& other) noexcept : mine(std::exchange(other.mine, false)) {}
    ~scripted_book() {
        if (mine) ++now->dropped;
    }
    static outcome<scripted_book> open(std::string const&) {
        if (now->at_open) return *now->at_open;
        return scripted_book{};
    }
    outcome<sheet_type> add_sheet(std::string_view, std::span<std::string_view const>) { return sheet_type{}; }
    outcome<sheet_type> add_sheet(std::string_view, std::initializer_list<std::string_view>) { return sheet_type{}; }
    outcome<void> add_row(sheet_type, std::span<workbook_cell const>) {
        std::unique_lock lock{now->guard};
        now->changed.wait(lock, [] { return !now->held; });
        if (now->throws) throw std::runtime_error{"it threw"};
        if (now->at_row) return *now->at_row;
        ++now->rows;
        return {};
    }
    workbook_stats stats(sheet_type) const { return {}; }
    std::string const& name(sheet_type) const {
        static std::string const one = "one";
        return one;
    }
    outcome<workbook_stats> close() {
        if (now->at_close) return *now->at_close;
        ++now->closed;
        mine = false;
        return workbook_stats{};
    }
    bool mine = true;
};

using scripted_writer = workbook_writer<scripted_book>;

// Puts until it is refused; a bound, so that a test ends.
std::optional<failure> put_until_refused(scripted_writer& to) {
    for (int i = 0; i < 1'000'000; ++i)
        if (auto const done = to.put(on_linux("f", "a"), {.rule = 1, .line = 1, .text = std::string(100, 'x')}); !done) return done.error();
    return std::nullopt;
}

}  // namespace

TEST_CASE("workbook_writer: a workbook for each operating system, a summary, and a sheet for each rule that found something", "[search][workbook_writer][forks]") {
    if (!has_openpyxl()) SKIP("needs openpyxl (Debian: python3-openpyxl)");
    temporary_folder const folder;
    auto const reports = folder / "reports";
    auto to = workbook_writer<workbook>::open(reports, some_rules());
    REQUIRE(to.has_value());
    finding_place const windows{.path = "w.txt", .system = {.family = system_family::windows, .name = "gamma", .version = "10.0"}};
    REQUIRE(to->put(on_linux("a.txt", "alpha"), {.rule = 2, .line = 3, .text = "root", .fields = {"root"}}).has_value());
    REQUIRE(to->put(on_linux("a.txt", "alpha"), {.rule = 0, .line = 4, .text = "=yes1", .fields = {"yes", "1"}}).has_value());
    REQUIRE(to->put(on_linux("a2.txt", "alpha"), {.rule = 0, .line = 1, .text = std::string(40'000, 'x'), .fields = {"no", ""}}).has_value());
    REQUIRE(to->put(windows, {.rule = 1, .line = 9, .text = "banner"}).has_value());
    REQUIRE(to->put(on_linux("caf\xe9.txt", "beta"), {.rule = 0, .line = 5, .text = "no", .fields = {"no", ""}}).has_value());
    REQUIRE(to->put(on_linux("b.txt", "beta"), {.rule = 2, .fields = {""}}).has_value());
    auto const done = to->finish();
    REQUIRE(done.has_value());
    CHECK(*done == std::vector<written_workbook>{{reports + "/Windows.xlsx", 1, 0}, {reports + "/Linux.xlsx", 5, 1}});
    CHECK(folder.count() == 2);

    auto const linux_book = read_workbook(reports + "/Linux.xlsx");
    CHECK(linux_book["formulas"] == false);
    auto const& sheets = linux_book["sheets"];
    REQUIRE(sheets.size() == 3);
    CHECK(sheets[0]["name"] == "Summary");
    CHECK(sheets[0]["selected"] == true);
    CHECK(sheets[0]["rows"] == json::parse(R"([["rule", "comment", "systems", "findings", "cut", "missing", "sheet"],
        ["login", "who may log in", 2, 3, 1, 0, "login"], ["banner", null, 0, 0, 0, 0, null], ["users", null, 1, 1, 0, 1, "users"]])"));
    CHECK(sheets[1]["name"] == "users");
    CHECK(sheets[1]["rows"] == json::parse(R"([["system", "os_version", "file", "line", "match", "name"],
        ["alpha", "12", "a.txt", 3, "root", "root"], ["beta", "12", "b.txt", 0, null, null]])"));
    CHECK(sheets[2]["name"] == "login");
    CHECK(sheets[2]["rows"][0] == json({"system", "os_version", "file", "line", "match", "value", "n"}));
    CHECK(sheets[2]["rows"][1] == json({"alpha", "12", "a.txt", 4, "=yes1", "yes", "1"}));
    CHECK(sheets[2]["rows"][3] == json({"beta", "12", "caf\xc3\xa9.txt", 5, "no", "no", nullptr}));
    auto const windows_book = read_workbook(reports + "/Windows.xlsx");
    REQUIRE(windows_book["sheets"][0]["rows"].size() == 5);    // one rule is for Windows alone
    CHECK(windows_book["sheets"][0]["rows"][4] == json({"registry", nullptr, 0, 0, 0, 0, nullptr}));
    CHECK(windows_book["sheets"][1]["rows"][1] == json({"gamma", "10.0", "w.txt", 9, "banner"}));
}

TEST_CASE("workbook_writer: without findings there are no workbooks", "[search][workbook_writer]") {
    temporary_folder const folder;
    auto to = workbook_writer<workbook>::open(folder.path(), some_rules());
    REQUIRE(to.has_value());
    CHECK(to->finish() == std::vector<written_workbook>{});
    CHECK(folder.count() == 0);
    CHECK(to->finish().error().text() == "the workbooks in " + folder.path() + " are finished");
    CHECK(to->put(on_linux("a", "b"), {.rule = 1, .line = 1}).error().is(cause::unavailable));
}

TEST_CASE("workbook_writer: dropped without finish, it leaves the old files", "[search][workbook_writer]") {
    temporary_folder const folder;
    auto const path = folder.put("Linux.xlsx", "old");
    {
        auto to = workbook_writer<workbook>::open(folder.path(), some_rules());
        for (int i = 0; i < 100; ++i) REQUIRE(to->put(on_linux("f", "a"), {.rule = 1, .line = 1, .text = "x"}).has_value());
        auto moved = std::move(*to);
        REQUIRE(moved.put(on_linux("f", "a"), {.rule = 1, .line = 2, .text = "x"}).has_value());
    }
    CHECK(temporary_folder::read(path) == "old");
    CHECK(folder.count() == 1);
}

TEST_CASE("workbook_writer: a folder that cannot be made, or is none, is refused by name", "[search][workbook_writer]") {
    temporary_folder const folder;
    auto const deep = workbook_writer<workbook>::open(folder / "a/b", some_rules());
    REQUIRE_FALSE(deep.has_value());
    CHECK(deep.error().is(cause::unavailable));
    CHECK(deep.error().text() == "cannot make the folder " + (folder / "a/b") + ": No such file or directory");
    CHECK(workbook_writer<workbook>::open(folder.put("file", ""), some_rules()).error().is(cause::unavailable));
    CHECK(workbook_writer<workbook>::open("", some_rules()).error().is(cause::invalid_input));
}

TEST_CASE("workbook_writer: a book that fails ends put and finish with its failure, and nobody waits", "[search][workbook_writer]") {
    temporary_folder const folder;
    failure const full{cause::exhausted, "the disk is full"};
    for (int const where : {0, 1, 2, 3}) {
        CAPTURE(where);
        script what;
        now = &what;
        if (where == 0) what.at_open = full;
        if (where == 1) what.at_row = full;
        if (where == 2) what.at_close = full;
        if (where == 3) what.throws = true;
        auto to = scripted_writer::open(folder.path(), some_rules(), {.waiting_bytes = 10'000});
        if (where == 2) {
            REQUIRE(to->put(on_linux("f", "a"), {.rule = 1, .line = 1}).has_value());
        } else {
            auto const refused = put_until_refused(*to);
            REQUIRE(refused.has_value());
            CHECK(refused->is(where == 3 ? cause::threw : cause::exhausted));
        }
        auto const done = to->finish();
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().text() == (where == 3 ? "it threw" : "the disk is full"));
        CHECK(what.closed == 0);
        CHECK(what.dropped == (where == 0 ? 0 : 1));
    }
}

TEST_CASE("workbook_writer: one that fails does not keep the others from being written", "[search][workbook_writer]") {
    temporary_folder const folder;
    std::filesystem::create_directory(folder / "Linux.xlsx");
    auto to = workbook_writer<workbook>::open(folder.path(), some_rules());
    finding_place const darwin{.path = "d", .system = {.family = system_family::darwin}};
    REQUIRE(to->put(darwin, {.rule = 1, .line = 1}).has_value());
    REQUIRE(to->put(on_linux("f", "a"), {.rule = 1, .line = 1}).has_value());
    auto const done = to->finish();
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().text().find(folder / "Linux.xlsx") != std::string::npos);
    CHECK(temporary_folder::read(folder / "Darwin.xlsx").starts_with("PK"));
}

TEST_CASE("workbook_writer: no more than a bound waits to be written", "[search][workbook_writer]") {
    temporary_folder const folder;
    script what;
    what.held = true;
    now = &what;
    auto to = scripted_writer::open(folder.path(), some_rules(), {.waiting_bytes = 10'000});
    std::atomic<int> put{0};
    std::jthread const producer{[&] {
        for (int i = 0; i < 200; ++i) {
            if (!to->put(on_linux("f", "a"), {.rule = 1, .line = 1, .text = std::string(1'000, 'x')})) return;
            ++put;
        }
    }};
    // It is full after some ten rows; what the writer had taken out before comes on top.
    while (put < 8) std::this_thread::yield();
    for (int i = 0; i < 10'000; ++i) std::this_thread::yield();    // so that the rest would be there, if it did not wait
    CHECK(put <= 40);
    {
        std::scoped_lock const lock{what.guard};
        what.held = false;
        what.changed.notify_all();
    }
    while (put < 200) std::this_thread::yield();
    auto const done = to->finish();
    REQUIRE(done.has_value());
    REQUIRE(done->size() == 1);
    CHECK((*done)[0].rows == 200);
    CHECK(what.rows == 200 + some_rules().size() - 1);    // and the summary, where one rule is for others
    CHECK(what.closed == 1);
}
