#include <muster/adapt/sqlite.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <array>         // bytes
#include <atomic>        // writers
#include <concepts>      // constructible_from
#include <filesystem>    // files beside the file
#include <optional>      // null
#include <string>        // texts
#include <thread>        // writers
#include <vector>        // rows

#include <muster/exec/thread_pool.hpp>       // thread_pool
#include <muster/flow/map.hpp>               // map
#include <muster/policy/on.hpp>              // on
#include <muster/policy/scratch.hpp>         // scratch
#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

static_assert(std::is_nothrow_move_constructible_v<sqlite_database> && !std::is_copy_constructible_v<sqlite_database>);
static_assert(std::is_nothrow_move_constructible_v<sqlite_statement> && !std::is_copy_constructible_v<sqlite_statement>);
static_assert(!std::is_copy_constructible_v<sqlite_transaction>);
static_assert(!std::constructible_from<sqlite_sql, std::string>);         // no text from outside becomes a statement
static_assert(!std::constructible_from<sqlite_sql, std::string_view>);
static_assert(!std::constructible_from<sqlite_sql, char const*>);

namespace {

sqlite_database opened(std::string const& path, sqlite_options const& options = {}) {
    context cx;
    return sqlite_database::open(cx, path, options).value();
}

sqlite_database with_table(std::string const& path, sqlite_options const& options = {}) {
    context cx;
    auto db = opened(path, options);
    db.execute(cx, "CREATE TABLE row(id INTEGER PRIMARY KEY, name ANY UNIQUE) STRICT").value();
    return db;
}

std::int64_t rows(sqlite_database& db) {
    context cx;
    return db.integer(cx, "SELECT count(*) FROM row").value();
}

bool open_descriptors(std::string const& path) {
    for (auto const& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        if (std::filesystem::read_symlink(each.path(), gone).string().starts_with(path)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("sqlite: a statement is prepared once, bound by type and read by column", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = opened(folder / "a.db");
    db.execute(cx, "CREATE TABLE t(i INTEGER, r REAL, s ANY, b ANY, n ANY) STRICT; -- with a comment\n").value();
    auto put = db.prepare(cx, "INSERT INTO t VALUES (?, ?, ?, ?, ?)").value();
    std::array const bytes{std::byte{0}, std::byte{0xff}};
    for (int i = 0; i < 3; ++i) put.run(cx, i, 0.5, "text", std::span<std::byte const>{bytes}, nullptr).value();
    CHECK(db.changes() == 1);
    CHECK(db.last_row() == 3);
    put.run(cx, true, 2.0f, std::string{}, std::vector<std::byte>{}, std::optional<std::string>{}).value();
    put.run(cx, -7, 1, std::string_view{}, std::span<std::byte const>{}, std::optional<int>{4}).value();

    auto all = db.prepare(cx, "SELECT i, r, s, b, n, typeof(s), typeof(b) FROM t ORDER BY rowid").value();
    REQUIRE(all.bind());
    REQUIRE(all.step(cx) == true);
    CHECK(all.columns() == 7);
    CHECK(all.integer(0) == 0);
    CHECK(all.real(1) == 0.5);
    CHECK(all.text(2) == "text");
    CHECK(all.text(3) == "\0\xff"s);
    CHECK(all.is_null(4));
    CHECK(all.text(4).empty());
    CHECK(all.text(5) == "text");
    CHECK(all.text(6) == "blob");
    for (int i = 0; i < 2; ++i) REQUIRE(all.step(cx) == true);
    REQUIRE(all.step(cx) == true);
    CHECK(all.integer(0) == 1);
    CHECK(all.text(5) == "text");    // empty is not null
    CHECK(all.text(6) == "blob");
    REQUIRE(all.step(cx) == true);
    CHECK(all.integer(0) == -7);
    CHECK(all.text(5) == "text");
    CHECK(all.text(6) == "blob");
    CHECK(all.integer(4) == 4);
    CHECK(all.step(cx) == false);
}

TEST_CASE("sqlite: any bytes come back as they were, as text where SQLite can hold them as that", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = opened(folder / "a.db");
    db.execute(cx, "CREATE TABLE t(s ANY) STRICT").value();
    auto put = db.prepare(cx, "INSERT INTO t VALUES (?) RETURNING s, typeof(s)").value();
    auto const kept = [&](std::string const& bytes) {
        std::string type;
        put.each(cx, [&](sqlite_statement const& row) {
               CHECK(row.text(0) == bytes);
               type = row.text(1);
           }, bytes).value();
        return type;
    };
    CHECK(kept("plain") == "text");
    CHECK(kept("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b") == "text");
    CHECK(kept("'); DROP TABLE t; --") == "text");
    CHECK(kept("a\0b"s) == "blob");
    CHECK(kept("\0"s) == "blob");
    CHECK(kept("\xff\xfe") == "blob");
    CHECK(kept("cut \xc3") == "blob");
    CHECK(kept("\xed\xa0\x80") == "blob");    // half a surrogate pair
    CHECK(kept(std::string(5'000'000, 'x')) == "text");
    CHECK(db.integer(cx, "SELECT count(*) FROM t") == 9);
}

TEST_CASE("sqlite: a text beyond largest_value is refused by its size, and nothing is written", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db", {.largest_value = 2'000});
    auto put = db.prepare(cx, "INSERT INTO row(name) VALUES (?)").value();
    auto const refused = put.run(cx, std::string(2'001, 'x'));
    REQUIRE(!refused);
    CHECK(refused.error().is(cause::invalid_input));
    CHECK(refused.error().text().find("has 2001 bytes, more than sqlite_options::largest_value") != std::string::npos);
    CHECK(rows(db) == 0);
    CHECK(put.run(cx, std::string(1'000, 'x')));
}

TEST_CASE("sqlite: a wrong number of parameters and an integer that does not fit are refused", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db");
    auto put = db.prepare(cx, "INSERT INTO row VALUES (?, ?)").value();
    auto const few = put.run(cx, 1);
    REQUIRE(!few);
    CHECK(few.error().is(cause::invalid_input));
    CHECK(few.error().text() == "\"INSERT INTO row VALUES (?, ?)\" takes 2 parameters and was given 1");
    auto const large = put.run(cx, std::uint64_t{1} << 63, "x");
    REQUIRE(!large);
    CHECK(large.error().is(cause::invalid_input));
    CHECK(large.error().text().find("9223372036854775808") != std::string::npos);
    CHECK(rows(db) == 0);
}

TEST_CASE("sqlite: a failure names the file and the statement, and carries SQLite's own code", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db");
    auto put = db.prepare(cx, "INSERT  INTO row(name)\n  VALUES (?)").value();
    put.run(cx, "one").value();
    auto const twice = put.run(cx, "one");
    REQUIRE(!twice);
    CHECK(twice.error().is(cause::invalid_input));
    CHECK(twice.error().code() == std::error_code{SQLITE_CONSTRAINT_UNIQUE, sqlite_category()});
    CHECK(twice.error().text() == "cannot run \"INSERT INTO row(name) VALUES (?)\" on " + folder / "a.db" +
                                      ": UNIQUE constraint failed: row.name");
    CHECK(put.run(cx, "two"));    // the statement runs on
    auto const wrong = db.prepare(cx, "SELECT missing FROM row");
    REQUIRE(!wrong);
    CHECK(wrong.error().is(cause::invalid_input));
    CHECK(wrong.error().text().find("no such column: missing") != std::string::npos);
    CHECK(!db.prepare(cx, "SELECT 1; SELECT 2"));
    CHECK(!db.prepare(cx, " -- nothing"));
    CHECK(!db.integer(cx, "SELECT 1 WHERE 0"));
}

TEST_CASE("sqlite: a database is opened with what keeps it safe", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = opened(folder / "a.db", {.mode = 0600});
    CHECK(db.integer(cx, "PRAGMA trusted_schema") == 0);
    CHECK(db.integer(cx, "PRAGMA foreign_keys") == 1);
    CHECK(db.integer(cx, "PRAGMA synchronous") == 1);
    CHECK(db.integer(cx, "PRAGMA cell_size_check") == 1);
    CHECK(opened(folder / "a.db", {.power_safe = true}).integer(cx, "PRAGMA synchronous") == 2);
    CHECK(!db.execute(cx, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, '')"));    // defensive
    CHECK(!db.execute(cx, "SELECT load_extension('x')"));
    CHECK(!db.execute(cx, "SELECT \"text\""));    // a name that is none does not become a text
    CHECK(std::filesystem::exists(folder / "a.db-wal"));
    CHECK((std::filesystem::status(folder / "a.db").permissions() & std::filesystem::perms::mask) == std::filesystem::perms{0600});
}

TEST_CASE("sqlite: any path is the name of a file", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto const before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    for (std::string const name : {"file:x?mode=memory", ":memory:", "-a b'\"%20"}) {
        (void)with_table(name);
        CHECK(std::filesystem::exists(folder / name));
    }
    std::filesystem::current_path(before);
    for (auto const& wrong : {""s, "a\0b"s}) {
        auto const refused = sqlite_database::open(cx, wrong);
        REQUIRE(!refused);
        CHECK(refused.error().is(cause::invalid_input));
    }
    auto const nowhere = sqlite_database::open(cx, folder / "no/such.db");
    REQUIRE(!nowhere);
    CHECK(nowhere.error().is(cause::unavailable));
    auto const missing = sqlite_database::open(cx, folder / "none.db", {.create = false});
    REQUIRE(!missing);
    CHECK(missing.error().is(cause::unavailable));
    CHECK(missing.error().text().find("cannot open " + folder / "none.db") == 0);
    CHECK(!std::filesystem::exists(folder / "none.db"));
    for (auto const& wrong : {sqlite_options{.busy_timeout = -1ns}, sqlite_options{.largest_value = 1'023}, sqlite_options{.largest_value = 1'024 * MiB}}) {
        auto const refused = sqlite_database::open(cx, folder / "b.db", wrong);
        REQUIRE(!refused);
        CHECK(refused.error().is(cause::invalid_input));
    }
    CHECK(!std::filesystem::exists(folder / "b.db"));
}

TEST_CASE("sqlite: what is opened to read cannot be written", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto writer = with_table(folder / "a.db");
    auto reader = opened(folder / "a.db", {.read_only = true});
    auto const refused = reader.execute(cx, "INSERT INTO row(name) VALUES (1)");
    REQUIRE(!refused);
    CHECK(refused.error().is(cause::invalid_input));
    writer.execute(cx, "INSERT INTO row(name) VALUES (1)").value();
    CHECK(rows(reader) == 1);
}

TEST_CASE("sqlite: a file that is no database, or a corrupt one, is a failure", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto const text = folder.put("text.db", std::string(5'000, 'x'));
    for (bool const read_only : {false, true}) {
        auto const refused = sqlite_database::open(cx, text, {.read_only = read_only, .write_ahead = false});
        REQUIRE(!refused);
        CHECK(refused.error().is(cause::invalid_input));
        CHECK(refused.error().code() == std::error_code{SQLITE_NOTADB, sqlite_category()});
    }
    CHECK(folder.read(text) == std::string(5'000, 'x'));
    {
        auto db = with_table(folder / "a.db");
        db.execute(cx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) INSERT INTO row SELECT i, 'name ' || i FROM n").value();
        CHECK(db.integrity_check(cx));
    }
    auto bytes = folder.read(folder / "a.db");
    for (std::size_t i = 3 * 4096; i + 100 < bytes.size(); i += 4096) bytes.replace(i, 100, std::string(100, '\x5a'));
    folder.put("a.db", bytes);
    auto db = opened(folder / "a.db");
    auto const corrupt = db.integrity_check(cx);
    REQUIRE(!corrupt);
    CHECK(corrupt.error().is(cause::invalid_input));
    CHECK((corrupt.error().code().value() & 0xff) == SQLITE_CORRUPT);
    CHECK(corrupt.error().text().find(folder / "a.db") != std::string::npos);
}

TEST_CASE("sqlite: a reference to nothing fails the check of the whole", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db", {.foreign_keys = false});
    db.execute(cx, "CREATE TABLE part(row INTEGER REFERENCES row) STRICT; INSERT INTO part VALUES (7)").value();
    auto const broken = db.integrity_check(cx);
    REQUIRE(!broken);
    CHECK(broken.error().code() == std::error_code{SQLITE_CONSTRAINT_FOREIGNKEY, sqlite_category()});
}

TEST_CASE("sqlite: a transaction that is not committed has never been", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db");
    {
        auto change = db.begin(cx).value();
        CHECK(db.in_transaction());
        db.execute(cx, "INSERT INTO row(name) VALUES (1)").value();
        auto const inner = db.begin(cx);
        REQUIRE(!inner);
        CHECK(inner.error().is(cause::would_deadlock));
        CHECK(rows(db) == 1);
    }
    CHECK(!db.in_transaction());
    CHECK(rows(db) == 0);
    auto change = db.begin(cx).value();
    auto const moved = std::move(change);
    db.execute(cx, "INSERT INTO row(name) VALUES (1)").value();
    auto last = db.begin(cx);
    CHECK(!last);
    CHECK(const_cast<sqlite_transaction&>(moved).commit(cx));
    CHECK(rows(db) == 1);
    CHECK(!db.in_transaction());
}

TEST_CASE("sqlite: a commit that fails rolls back", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db");
    db.execute(cx, "CREATE TABLE part(row INTEGER REFERENCES row DEFERRABLE INITIALLY DEFERRED) STRICT").value();
    auto change = db.begin(cx).value();
    db.execute(cx, "INSERT INTO row(name) VALUES (1); INSERT INTO part VALUES (99)").value();
    auto const refused = change.commit(cx);
    REQUIRE(!refused);
    CHECK(refused.error().is(cause::invalid_input));
    CHECK(!db.in_transaction());
    CHECK(rows(db) == 0);
}

TEST_CASE("sqlite: a failure after any statement of a transaction leaves nothing of it", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db");
    db.execute(cx, "CREATE TABLE at(k INTEGER) STRICT; INSERT INTO at VALUES (0); CREATE TRIGGER fails BEFORE INSERT ON row "
                   "WHEN NEW.id = (SELECT k FROM at) BEGIN SELECT RAISE(ABORT, 'injected'); END").value();
    auto fault = db.prepare(cx, "UPDATE at SET k = ?").value();
    auto put = db.prepare(cx, "INSERT INTO row VALUES (?, ?)").value();
    for (int k = 1; k <= 5; ++k) {
        fault.run(cx, k).value();
        auto const done = [&]() -> outcome<void> {
            auto change = db.begin(cx);
            if (!change) return change.error();
            for (int i = 1; i <= 5; ++i)
                if (auto put_one = put.run(cx, i, i); !put_one) return put_one;
            return change->commit(cx);
        }();
        REQUIRE(!done);
        CHECK(done.error().text().find("injected") != std::string::npos);
        CHECK(rows(db) == 0);
    }
}

TEST_CASE("sqlite: a full file tells, and keeps what was committed", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db", {.largest_file = 64 * 1024});
    auto put = db.prepare(cx, "INSERT INTO row VALUES (?, ?)").value();
    std::int64_t kept = 0;
    outcome<void> done;
    while (kept < 1'000 && (done = put.run(cx, kept, std::to_string(kept) + std::string(1'000, 'x')))) ++kept;
    REQUIRE(!done);
    CHECK(done.error().is(cause::exhausted));
    CHECK(done.error().code() == std::error_code{SQLITE_FULL, sqlite_category()});
    CHECK(kept > 5);
    CHECK(rows(db) == kept);
    CHECK(db.integrity_check(cx));
    auto change = db.begin(cx).value();
    db.execute(cx, "DELETE FROM row WHERE id < 2").value();
    CHECK(change.commit(cx));
    CHECK(put.run(cx, 0, "small"));
}

TEST_CASE("sqlite: the lock of another is waited for, until the deadline, a stop or busy_timeout", "[adapt][sqlite]") {
    temporary_folder const folder;
    context outside;
    auto other = with_table(folder / "a.db");
    auto held = other.begin(outside).value();
    testing::manual_time time{testing::manual_time::jumping};

    SECTION("busy_timeout") {
        context cx{time};
        auto db = opened(folder / "a.db", {.busy_timeout = 2s});
        auto const begun = time.now();
        auto const refused = db.begin(cx);
        REQUIRE(!refused);
        CHECK(refused.error().code() == cause::timed_out);
        CHECK(refused.error().text() == "cannot run \"BEGIN IMMEDIATE\" on " + folder / "a.db" + ": another connection held the lock for 2s");
        CHECK(time.now() - begun == 2s);
    }
    SECTION("deadline") {
        context cx{time};
        auto db = opened(folder / "a.db", {.busy_timeout = 2s});
        auto const begun = time.now();
        auto const limited = cx.change_deadline(begun + 500ms);
        auto const refused = db.execute(cx, "INSERT INTO row(name) VALUES (1)");
        REQUIRE(!refused);
        CHECK(refused.error().code() == cause::timed_out);
        CHECK(time.now() - begun == 500ms);
    }
    SECTION("stop") {
        std::stop_source stop;
        context cx{stop.get_token(), time};
        auto db = opened(folder / "a.db");
        stop.request_stop();
        auto const refused = db.begin(cx);
        REQUIRE(!refused);
        CHECK(refused.error().code() == cause::cancelled);
    }
    SECTION("until it is free") {
        testing::manual_time still;
        context cx{still};
        auto db = opened(folder / "a.db");
        outcome<void> done;
        std::thread waits{[&] { done = db.execute(cx, "INSERT INTO row(name) VALUES (1)"); }};
        still.until_waiting(1);
        CHECK(held.commit(outside));
        still.advance(1s);
        waits.join();
        CHECK(done);
        CHECK(rows(db) == 1);
    }
    SECTION("what was read before another wrote is not waited for") {
        CHECK(held.commit(outside));
        context cx{time};
        auto db = opened(folder / "a.db");
        db.execute(cx, "BEGIN; SELECT count(*) FROM row").value();
        other.execute(outside, "INSERT INTO row(name) VALUES (1)").value();
        auto const begun = time.now();
        auto const old = db.execute(cx, "INSERT INTO row(name) VALUES (2)");
        REQUIRE(!old);
        CHECK(old.error().is(cause::unavailable));
        CHECK(time.now() == begun);
    }
}

TEST_CASE("sqlite: a lock of this very connection is not waited for", "[adapt][sqlite]") {
    temporary_folder const folder;
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    auto db = with_table(folder / "a.db");
    db.execute(cx, "INSERT INTO row VALUES (1, 1), (2, 2)").value();
    auto reading = db.prepare(cx, "SELECT id FROM row").value();
    REQUIRE(reading.step(cx) == true);
    auto const begun = time.now();
    auto const refused = db.execute(cx, "DROP TABLE row");
    REQUIRE(!refused);
    CHECK(refused.error().is(cause::unavailable));
    CHECK((refused.error().code().value() & 0xff) == SQLITE_LOCKED);
    CHECK(time.now() == begun);
}

TEST_CASE("sqlite: ten connections write at once, and none is told that the file is busy", "[adapt][sqlite]") {
    temporary_folder const folder;
    auto db = with_table(folder / "a.db");
    std::atomic<int> failed{0};
    std::vector<std::jthread> writers;
    for (int w = 0; w < 10; ++w)
        writers.emplace_back([&, w] {
            context cx;
            auto mine = opened(folder / "a.db", {.busy_timeout = 60s});
            auto put = mine.prepare(cx, "INSERT INTO row VALUES (?, ?)").value();
            for (int i = 0; i < 50; ++i)
                if (!put.run(cx, w * 50 + i, w * 50 + i)) ++failed;
        });
    writers.clear();
    CHECK(failed == 0);
    CHECK(rows(db) == 500);
}

TEST_CASE("sqlite: a connection for each worker, opened when it is needed and closed at the end", "[adapt][sqlite]") {
    temporary_folder const folder;
    (void)with_table(folder / "a.db");
    std::atomic<int> opens{0};
    {
        thread_pool pool{4};
        std::vector<int> items(1'000);
        for (int i = 0; i < 1'000; ++i) items[static_cast<std::size_t>(i)] = i;
        auto const session = [&] {
            ++opens;
            return opened(folder / "a.db", {.busy_timeout = 60s});
        };
        auto const store = scratch{session} | on{pool} | [](int item, context& cx, sqlite_database& db) -> outcome<std::int64_t> {
            auto put = db.prepare(cx, "INSERT INTO row VALUES (?, ?)");
            if (!put) return put.error();
            if (auto const done = put->run(cx, item, item); !done) return done.error();
            return db.last_row();
        };
        auto const results = map(items, store);
        for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i] == static_cast<std::int64_t>(i));
        CHECK(opens <= 4);
        CHECK(opens >= 1);
        CHECK(open_descriptors(folder / "a.db"));
    }
    CHECK(!open_descriptors(folder / "a.db"));
    CHECK(!std::filesystem::exists(folder / "a.db-wal"));    // the last one to close wrote it back
    auto db = opened(folder / "a.db");
    CHECK(rows(db) == 1'000);
}

TEST_CASE("sqlite: the log is moved into the file when somebody asks, and not when it grows, where that is said", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    auto db = sqlite_database::open(cx, path, {.checkpoint_pages = 0}).value();
    CHECK(db.execute(cx, "CREATE TABLE t(a)"));
    auto const before = std::filesystem::file_size(path);
    for (int i = 0; i < 2'000; ++i) CHECK(db.execute(cx, "INSERT INTO t VALUES (1)"));
    CHECK(db.log_pages() >= 2'000);
    CHECK(std::filesystem::file_size(path) == before);
    auto other = sqlite_database::open(cx, path, {.checkpoint_pages = 0}).value();
    auto const moved = other.checkpoint();
    REQUIRE(moved);
    CHECK(*moved == sqlite_log{db.log_pages(), db.log_pages()});
    CHECK(std::filesystem::file_size(path) > before);
    CHECK(db.execute(cx, "INSERT INTO t VALUES (1)"));
    CHECK(db.log_pages() == 1);    // anew
    // While it is read, what is newer stays.
    auto reading = other.prepare(cx, "SELECT a FROM t").value();
    REQUIRE(reading.step(cx));
    CHECK(db.execute(cx, "INSERT INTO t VALUES (1)"));
    CHECK(db.checkpoint() == sqlite_log{2, 1});
    reading.reset();
    CHECK(db.checkpoint() == sqlite_log{2, 2});

    auto usual = sqlite_database::open(cx, folder / "b.db", {.checkpoint_pages = 10}).value();
    CHECK(usual.execute(cx, "CREATE TABLE t(a)"));
    for (int i = 0; i < 200; ++i) CHECK(usual.execute(cx, "INSERT INTO t VALUES (1)"));
    CHECK(std::filesystem::file_size(folder / "b.db-wal") < 20 * 4'200);
    CHECK(sqlite_database::open(cx, folder / "c.db", {.checkpoint_pages = 1'000'001}).error().is(cause::invalid_input));
    auto none = sqlite_database::open(cx, folder / "d.db", {.write_ahead = false}).value();
    CHECK(none.checkpoint() == sqlite_log{});
}

TEST_CASE("sqlite: statements outlive a move of their database, and leaving rows early leaves no lock", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto first = with_table(folder / "a.db");
    auto put = first.prepare(cx, "INSERT INTO row(name) VALUES (?)").value();
    auto db = std::move(first);
    for (int i = 0; i < 3; ++i) put.run(cx, i).value();
    auto all = db.prepare(cx, "SELECT id FROM row WHERE id >= ?").value();
    int seen = 0;
    CHECK(all.each(cx, [&](sqlite_statement const&) { return ++seen < 2; }, 1));
    CHECK(seen == 2);
    CHECK_THROWS_AS(all.each(cx, [](sqlite_statement const&) { throw 1; }, 1), int);
    CHECK(db.execute(cx, "DROP TABLE row"));
}

TEST_CASE("sqlite: without a write-ahead log there is no file beside the file", "[adapt][sqlite]") {
    temporary_folder const folder;
    context cx;
    auto db = with_table(folder / "a.db", {.write_ahead = false});
    db.execute(cx, "INSERT INTO row(name) VALUES (1)").value();
    CHECK(folder.count() == 1);
}

TEST_CASE("sqlite: what was committed survives a kill", "[adapt][sqlite][forks]") {
    temporary_folder const folder;
    auto const end = in_child([&] {
        context cx;
        auto db = with_table(folder / "a.db");
        db.execute(cx, "INSERT INTO row(name) VALUES (1)").value();
        auto change = db.begin(cx).value();
        db.execute(cx, "INSERT INTO row(name) VALUES (2)").value();
        return ::kill(::getpid(), SIGKILL);
    });
    CHECK(end == dies_of(SIGKILL));
    context cx;
    auto db = opened(folder / "a.db");
    CHECK(rows(db) == 1);
    CHECK(db.integrity_check(cx));
}
