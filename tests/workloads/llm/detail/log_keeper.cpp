#include <muster/workloads/llm/detail/log_keeper.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"
#include "faulty_files.hpp"

#include <algorithm>     // max
#include <filesystem>    // the log
#include <optional>      // a reader that ends

using namespace muster;
using muster::llm::detail::log_keeper;

namespace {

/// A table, the one who writes it, and who keeps its log.
struct kept_log {
    context cx;
    std::string path;
    sqlite_database db;
    log_keeper log;

    kept_log(std::string at, llm::detail::log_limits limits) : path(std::move(at)), db(opened()), log(opened(), limits) {
        db.execute(cx, "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT").value();
    }
    sqlite_database opened() {
        auto out = sqlite_database::open(cx, path, {.checkpoint_pages = 0}).value();
        out.execute(cx, "PRAGMA synchronous = OFF").value();    // a disk that others keep busy for a second is not what is tested
        return out;
    }
    void commit() { db.execute(cx, "INSERT INTO t(text) VALUES ('what is written')").value(); }
};

std::int64_t rows_in(std::string const& path) {
    context cx;
    auto db = sqlite_database::open(cx, path, {.create = false}).value();
    db.integrity_check(cx).value();
    return db.integer(cx, "SELECT count(*) FROM t").value();
}

}  // namespace

TEST_CASE("log_keeper: over many commits the log stays as short as is said", "[llm]") {
    temporary_folder const folder;
    kept_log to{folder / "a.db", {.a_pass = 20, .most = 200}};
    std::size_t longest = 0;
    for (int i = 0; i < 3'000; ++i) {
        to.commit();
        longest = std::max(longest, to.db.log_pages());
        to.log.committed(to.db.log_pages());
    }
    CHECK(longest >= 20);
    CHECK(longest < 220);
    CHECK(to.log.passes() > 5);
    CHECK(to.log.close());
    CHECK(!to.log.trouble());
}

TEST_CASE("log_keeper: below a reader who does not end the log grows, and nobody is refused", "[llm]") {
    temporary_folder const folder;
    kept_log to{folder / "a.db", {.a_pass = 5, .most = 50}};
    to.commit();
    auto other = to.opened();
    auto reading = std::optional{other.prepare(to.cx, "SELECT n FROM t").value()};
    REQUIRE(reading->step(to.cx));
    for (int i = 0; i < 300; ++i) {
        to.commit();
        to.log.committed(to.db.log_pages());
    }
    CHECK(to.db.log_pages() > 300);
    CHECK(!to.log.trouble());
    reading.reset();
    for (int i = 0; i < 60; ++i) {    // it waits once at most, and that is enough
        to.commit();
        to.log.committed(to.db.log_pages());
    }
    CHECK(to.db.log_pages() < 100);
}

TEST_CASE("log_keeper: a pass that fails is told, loses nothing, and is made up for", "[llm]") {
    auto const how = GENERATE(faulty_files::fault::full, faulty_files::fault::broken);
    faulty_files const files;
    temporary_folder const folder;
    auto const path = folder / "a.db";
    {
        kept_log to{path, {.a_pass = 1, .most = 1}};    // each commit waits for its pass
        to.commit();
        faulty_files::set(how, 0);
        to.log.committed(to.db.log_pages());
        auto const trouble = to.log.trouble();
        REQUIRE(trouble);
        CHECK(trouble->is(how == faulty_files::fault::full ? cause::exhausted : cause::unavailable));
        CHECK(trouble->text().find(path) != std::string::npos);
        CHECK(trouble->text().find("what was committed stays in the log") != std::string::npos);
        faulty_files::set(faulty_files::fault::none, -1);
        to.commit();
        to.log.committed(to.db.log_pages());
        CHECK(!to.log.trouble());
        to.commit();
        faulty_files::set(how, 0);
        CHECK(!to.log.close());
    }
    faulty_files::set(faulty_files::fault::none, -1);
    CHECK(std::filesystem::exists(path + "-wal"));    // not even the last connection could move it
    CHECK(rows_in(path) == 3);
}

TEST_CASE("log_keeper: closed amid a pass, it ends with all of the log moved", "[llm]") {
    temporary_folder const folder;
    auto const path = folder / "a.db";
    for (int i = 0; i < 30; ++i) {
        {
            kept_log to{path, {.a_pass = 1, .most = 1'000}};
            for (int k = 0; k < 10; ++k) to.commit();
            to.log.committed(to.db.log_pages());    // begins one, and does not wait
            REQUIRE(to.log.close());
            auto const left = to.db.checkpoint();
            REQUIRE(left);
            CHECK(left->moved == left->pages);
        }
        CHECK(!std::filesystem::exists(path + "-wal"));
    }
    CHECK(rows_in(path) == 300);
}

TEST_CASE("log_keeper: a process that dies at any write of a pass loses nothing", "[llm][forks]") {
    faulty_files const files;
    long deaths = 0;
    for (long k = 0;; ++k) {
        temporary_folder const folder;
        auto const path = folder / "a.db";
        auto const end = in_child([&] {
            kept_log to{path, {.a_pass = 1, .most = 1}};
            for (int i = 0; i < 300; ++i) to.commit();    // some pages of rows
            faulty_files::set(faulty_files::fault::kill, k);
            to.log.committed(to.db.log_pages());
            faulty_files::set(faulty_files::fault::none, -1);
            return 0;
        });
        CHECK(rows_in(path) == 300);
        if (end == exits(0)) break;
        ++deaths;
        REQUIRE(end == exits(42));
    }
    CHECK(deaths >= 3);
}
