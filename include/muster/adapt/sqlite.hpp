#pragma once

// Over 400 lines, for a connection, its statements and its transactions cannot be said apart: each fails in the words of the others.

#include <algorithm>      // min
#include <cassert>        // columns that are not there
#include <cerrno>         // EEXIST
#include <chrono>         // nanoseconds
#include <concepts>       // integral
#include <cstddef>        // byte
#include <cstdint>        // int64_t, uint64_t
#include <cstring>        // memcpy
#include <limits>         // what fits a column
#include <memory>         // unique_ptr
#include <optional>       // values that may be null
#include <span>           // blobs
#include <string>         // paths
#include <string_view>    // texts
#include <utility>        // exchange, move

#include <fcntl.h>    // open

#include <sqlite3.h>    // sqlite3_open_v2, sqlite3_step

#include <muster/adapt/sqlite_error.hpp>    // sqlite_category
#include <muster/core/bytes.hpp>            // MiB
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/failure.hpp>          // cause, failure
#include <muster/core/json.hpp>             // utf8_length
#include <muster/core/outcome.hpp>          // outcome
#include <muster/os/fd.hpp>                 // fd
#include <muster/os/system_failure.hpp>     // system_failure

namespace muster {

/// How a database is opened.
struct sqlite_options {
    bool create = true;       ///< false: a file that is not there is a failure
    bool read_only = false;   ///< true: nothing is written, and nothing created
    /// true: a write-ahead log. Readers and the one writer do not wait for each other, and a commit is one write. Beside the file there are then
    /// FILE-wal and FILE-shm, which belong to it: copy all three, or none while it is open. Not for network file systems: the
    /// processes share memory.
    bool write_ahead = true;
    /// false: what is committed survives a kill of the process, and the file any crash; a power cut may take the last commits. true: it
    /// takes none, for one fsync a commit.
    bool power_safe = false;
    bool foreign_keys = true;    ///< true: REFERENCES holds
    /// 5 s: how long one statement waits for the locks of others, also where the context has no deadline.
    std::chrono::nanoseconds busy_timeout = std::chrono::seconds{5};
    std::size_t largest_value = 64 * MiB;    ///< 64 MiB: of one text or blob, and of a row; 1 KiB to 1 GiB, less one byte
    std::uint64_t largest_file = 0;          ///< 0: no bound but SQLite's 4 TiB; else bytes at which the file is full
    unsigned mode = 0644;                    ///< of a file that is created, less the process's umask
    friend bool operator==(sqlite_options const&, sqlite_options const&) = default;
};

/// The text of a statement: a literal of the program, and nothing else. What comes from outside is bound to its parameters.
class sqlite_sql {
public:
    template <std::size_t Size>
    consteval sqlite_sql(char const (&literal)[Size]) : text_(literal, Size - 1) {}
    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

namespace detail {

struct sqlite_connection {
    sqlite_connection() = default;
    sqlite_connection(sqlite_connection const&) = delete;
    ~sqlite_connection() { sqlite3_close_v2(handle); }    // with statements left it closes behind the last of them

    failure refused(int code, std::string_view sql) const;
    template <class Try>
    outcome<int> patiently(context& cx, std::string_view sql, Try const& attempt) const;

    sqlite3* handle = nullptr;
    std::string path;
    std::chrono::nanoseconds busy_timeout{};
};

}  // namespace detail

/// A statement that was prepared once and runs any number of times.
///
///     auto insert = db.prepare(cx, "INSERT INTO fact(name, value) VALUES (?, ?)").value();
///     auto const done = insert.run(cx, name, value);
///
/// Shape      parameters are bound all at once, in order: integers, bool, double, text, `std::span<std::byte const>` (a blob), optional
///            ones of these, nullptr. A text is stored as TEXT where it is UTF-8 without zero bytes, else as the same bytes in a
///            BLOB: SQLite's own functions stop at a zero byte, and its readers refuse what is no UTF-8. Give such a
///            column the type ANY (of a STRICT table) or none. `text` gives back the same bytes from both.
/// Waits      while another connection holds the lock that it needs: until the deadline, a stop, or sqlite_options::busy_timeout.
///            A statement that runs is not interrupted.
/// Fails      with a code of sqlite_category, and a text that names file and statement; timed_out or cancelled for a wait that ended;
///            invalid_input for a wrong number of parameters, and an integer that 63 bits do not hold.
/// Threads    one at a time, over the whole connection.
/// Lifetime   of the database, which may move. A text that `text` gave is good until the next `step`, `bind`, `run` or `reset`.
class sqlite_statement {
public:
    sqlite_statement(sqlite_statement&&) noexcept = default;
    sqlite_statement& operator=(sqlite_statement&&) noexcept = default;

    /// Binds, runs to the end, and is ready to run again. Rows are passed over.
    template <class... Values>
    outcome<void> run(context& cx, Values const&... values);
    /// Binds, runs to the end, and calls `f(*this)` at each row; `f` answers void, or false to leave.
    template <class F, class... Values>
    outcome<void> each(context& cx, F const& f, Values const&... values);

    /// Binds copies; rows then come by `step`.
    template <class... Values>
    outcome<void> bind(Values const&... values);
    /// True at a row, false past the last.
    outcome<bool> step(context& cx);
    /// Ready to run again; what was bound stays.
    void reset() noexcept;

    [[nodiscard]] int columns() const noexcept { return sqlite3_column_count(raw()); }
    [[nodiscard]] bool is_null(int column) const noexcept { return sqlite3_column_type(raw(), known(column)) == SQLITE_NULL; }
    [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(raw(), known(column)); }
    [[nodiscard]] double real(int column) const noexcept { return sqlite3_column_double(raw(), known(column)); }
    /// The bytes of a text or a blob; empty for null.
    [[nodiscard]] std::string_view text(int column) const noexcept;

private:
    friend class sqlite_database;
    struct release {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    using owned = std::unique_ptr<sqlite3_stmt, release>;

    sqlite_statement(detail::sqlite_connection const* in, owned statement) noexcept : in_(in), statement_(std::move(statement)) {}
    [[nodiscard]] sqlite3_stmt* raw() const noexcept { return statement_.get(); }
    [[nodiscard]] int known(int column) const noexcept { return assert(column >= 0 && column < columns()), column; }
    [[nodiscard]] std::string_view sql() const noexcept { return sqlite3_sql(raw()); }

    template <class... Values>
    outcome<void> bind_all(sqlite3_destructor_type keeping, Values const&... values);
    outcome<void> bind_text(int at, std::string_view value, sqlite3_destructor_type keeping);
    template <class Value>
    outcome<void> bind_one(int at, Value const& value, sqlite3_destructor_type keeping);

    detail::sqlite_connection const* in_;
    owned statement_;
    bool at_row_ = false;
    bool begun_ = false;    // it was stepped since the last reset
};

/// A transaction that can write, from when it is made: committed, or as if it had never been.
///
/// Lifetime   of the database. Dropped without `commit`, or with one that failed, it is rolled back.
class sqlite_transaction {
public:
    sqlite_transaction(sqlite_transaction&& other) noexcept : in_(std::exchange(other.in_, nullptr)) {}
    sqlite_transaction& operator=(sqlite_transaction other) noexcept {
        std::swap(in_, other.in_);
        return *this;
    }
    ~sqlite_transaction() { roll_back(); }

    outcome<void> commit(context& cx);
    void roll_back() noexcept;

private:
    friend class sqlite_database;
    explicit sqlite_transaction(detail::sqlite_connection const* in) noexcept : in_(in) {}
    detail::sqlite_connection const* in_;
};

/// One connection to a SQLite database in a file: a resource.
///
///     auto db = sqlite_database::open(cx, "orders.db").value();
///     auto change = db.begin(cx).value();
///     ...
///     auto const kept = change.commit(cx);
///
/// A connection for each worker is `scratch`: `scratch{[] { context cx; return sqlite_database::open(cx, "orders.db").value(); }}`. They are closed
/// with the last copy of the stage.
///
/// Default    the schema is not trusted, no extension is loaded, and no statement can damage the file or name a second one by a URI.
/// Waits      as sqlite_statement.
/// Fails      as sqlite_statement; `open` also with cause::invalid_input for options out of range and a path that is empty or has a zero
///            byte, and a file that is no database.
/// Threads    one at a time: with its statements and transactions it belongs to one call. It may go from thread to thread.
/// Lifetime   outlives its statements and transactions. It is not carried over a fork: the child opens its own. A process never opens the
///            file by other means while it is open here: closing that would drop SQLite's locks.
/// Cost       0.2 ms and 100 KB to open; a statement of one row 2 us, a commit with a write-ahead log 10 us, or an fsync.
/// Source     SQLite 3.37 or later.
class sqlite_database {
public:
    [[nodiscard]] static outcome<sqlite_database> open(context& cx, std::string path, sqlite_options const& options = {});

    /// Runs statements, one or several, that take no parameters; rows are passed over.
    outcome<void> execute(context& cx, sqlite_sql sql);
    /// Prepares one statement.
    [[nodiscard]] outcome<sqlite_statement> prepare(context& cx, sqlite_sql sql);
    /// The first column of the only row of a query.
    [[nodiscard]] outcome<std::int64_t> integer(context& cx, sqlite_sql sql);

    /// Begins a transaction that holds the write lock; fails with would_deadlock inside another one.
    [[nodiscard]] outcome<sqlite_transaction> begin(context& cx);
    [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(in_->handle) == 0; }

    /// Reads the whole file; fails with SQLITE_CORRUPT and the first faults, or SQLITE_CONSTRAINT_FOREIGNKEY for a reference to nothing.
    outcome<void> integrity_check(context& cx);

    /// How many rows the last statement that wrote has written.
    [[nodiscard]] std::int64_t changes() const noexcept { return sqlite3_changes64(in_->handle); }
    [[nodiscard]] std::int64_t last_row() const noexcept { return sqlite3_last_insert_rowid(in_->handle); }
    [[nodiscard]] std::string const& path() const noexcept { return in_->path; }

private:
    explicit sqlite_database(std::unique_ptr<detail::sqlite_connection> in) noexcept : in_(std::move(in)) {}
    static outcome<void> fit(std::string const& path, sqlite_options const& options);
    outcome<void> harden(sqlite_options const& options);
    outcome<void> settle(context& cx, sqlite_options const& options);
    outcome<void> run_all(context& cx, std::string_view sql);
    outcome<sqlite_statement> prepare_one(context& cx, std::string_view sql, std::string_view* rest = nullptr);

    std::unique_ptr<detail::sqlite_connection> in_;    // stays in place when this moves: statements point there
};

// Implementation

namespace detail {

// The begin of a statement, in one line.
inline std::string first_words(std::string_view sql) {
    constexpr std::size_t enough = 60;
    std::string out;
    for (char const each : sql) {
        bool const blank = each == ' ' || each == '\n' || each == '\t' || each == '\r';
        if (blank && (out.empty() || out.back() == ' ')) continue;
        if (out.size() >= enough && blank) return out + " ...";
        out += blank ? ' ' : each;
    }
    return out;
}

// Whether SQLite can hold it as TEXT, and give it to every reader.
inline bool is_sqlite_text(std::string_view bytes) {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101, tops = 0x8080'8080'8080'8080;
    std::size_t at = 0;
    for (std::uint64_t word = 0; at + sizeof word <= bytes.size(); at += sizeof word) {    // plain ASCII, eight at a time
        std::memcpy(&word, bytes.data() + at, sizeof word);
        if ((((word - ones) | word) & tops) != 0) break;    // a zero byte borrows from its top bit, and the others have theirs set
    }
    for (std::size_t bad = 0; at < bytes.size();) {
        auto const byte = static_cast<unsigned char>(bytes[at]);
        if (byte == 0) return false;
        auto const length = byte < 0x80 ? 1 : utf8_length(bytes, at, bad);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

inline failure sqlite_connection::refused(int code, std::string_view sql) const {
    auto text = "cannot run \"" + first_words(sql) + "\" on " + path + ": ";
    // What the connection says is of its last error; some codes are given without one.
    bool const said = handle && sqlite3_extended_errcode(handle) == code;
    return {std::error_code{code, sqlite_category()}, text + (said ? sqlite3_errmsg(handle) : sqlite3_errstr(code))};
}

// The waiting is done here and not in a handler of SQLite: that is called below its locks, where a call that moves to another thread as it
// waits would unlock what it never locked.
template <class Try>
outcome<int> sqlite_connection::patiently(context& cx, std::string_view sql, Try const& attempt) const {
    using namespace std::chrono_literals;
    instant give_up = never;
    for (std::chrono::nanoseconds wait = 100us;; wait = std::min<std::chrono::nanoseconds>(2 * wait, 10ms)) {
        int const code = attempt();
        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return code;
        // SQLITE_LOCKED is a lock of this very connection, for no cache is shared: nobody ends it while this waits. And what was read
        // in a transaction before another one wrote stays old however long it waits.
        if ((code & 0xff) != SQLITE_BUSY || code == SQLITE_BUSY_SNAPSHOT) return refused(code, sql);
        auto const tried = "cannot run \"" + first_words(sql) + "\" on " + path;
        auto const now = cx.now();
        if (give_up == never) give_up = later(now, busy_timeout);
        if (now >= give_up)
            return failure{cause::timed_out, tried + ": another connection held the lock for " + duration_text(busy_timeout)};
        if (auto const paused = cx.pause(std::min<std::chrono::nanoseconds>(wait, give_up - now)); !paused)
            return failure{paused.error().code(), tried + " while another connection holds the lock: " + paused.error().text()};
    }
}

}  // namespace detail

// Statements

inline void sqlite_statement::reset() noexcept {
    if (std::exchange(begun_, false)) sqlite3_reset(raw());    // repeats the code of the last step, which was told
    at_row_ = false;
}

inline std::string_view sqlite_statement::text(int column) const noexcept {
    auto* const row = raw();
    auto const* const bytes = sqlite3_column_type(row, known(column)) == SQLITE_BLOB
                                  ? static_cast<char const*>(sqlite3_column_blob(row, column))
                                  : reinterpret_cast<char const*>(sqlite3_column_text(row, column));
    return bytes ? std::string_view{bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column))} : std::string_view{};
}

inline outcome<void> sqlite_statement::bind_text(int at, std::string_view value, sqlite3_destructor_type keeping) {
    auto const* const bytes = value.data() ? value.data() : "";    // a null pointer would bind null
    int const code = detail::is_sqlite_text(value) ? sqlite3_bind_text64(raw(), at, bytes, value.size(), keeping, SQLITE_UTF8)
                                                   : sqlite3_bind_blob64(raw(), at, bytes, value.size(), keeping);
    if (code == SQLITE_TOOBIG)
        return failure{std::error_code{code, sqlite_category()},
                       "parameter " + std::to_string(at) + " of \"" + detail::first_words(sql()) + "\" on " + in_->path + " has " +
                           std::to_string(value.size()) + " bytes, more than sqlite_options::largest_value"};
    return code == SQLITE_OK ? outcome<void>{} : in_->refused(code, sql());
}

template <class Value>
outcome<void> sqlite_statement::bind_one(int at, Value const& value, sqlite3_destructor_type keeping) {
    int code = SQLITE_OK;
    if constexpr (std::same_as<Value, std::nullptr_t>) {
        code = sqlite3_bind_null(raw(), at);
    } else if constexpr (std::integral<Value>) {
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (value > 0 && static_cast<std::uint64_t>(value) > most)
            return failure{cause::invalid_input, "parameter " + std::to_string(at) + " of \"" + detail::first_words(sql()) + "\" on " +
                                                     in_->path + " is " + std::to_string(value) + ": integers end at 9223372036854775807"};
        code = sqlite3_bind_int64(raw(), at, static_cast<std::int64_t>(value));
    } else if constexpr (std::floating_point<Value>) {
        code = sqlite3_bind_double(raw(), at, static_cast<double>(value));
    } else if constexpr (std::convertible_to<Value const&, std::string_view>) {
        return bind_text(at, value, keeping);
    } else if constexpr (requires { value.has_value(); *value; }) {
        return value ? bind_one(at, *value, keeping) : bind_one(at, nullptr, keeping);
    } else {
        std::span<std::byte const> const blob = value;
        static std::byte const nothing{};
        code = sqlite3_bind_blob64(raw(), at, blob.data() ? blob.data() : &nothing, blob.size(), keeping);
    }
    return code == SQLITE_OK ? outcome<void>{} : in_->refused(code, sql());
}

template <class... Values>
outcome<void> sqlite_statement::bind_all([[maybe_unused]] sqlite3_destructor_type keeping, Values const&... values) {
    reset();
    if (sqlite3_bind_parameter_count(raw()) != static_cast<int>(sizeof...(Values)))
        return failure{cause::invalid_input, "\"" + detail::first_words(sql()) + "\" takes " +
                                                 std::to_string(sqlite3_bind_parameter_count(raw())) + " parameters and was given " +
                                                 std::to_string(sizeof...(Values))};
    outcome<void> done;
    [[maybe_unused]] int at = 0;
    (void)((done = bind_one(++at, values, keeping), done.has_value()) && ...);
    return done;
}

template <class... Values>
outcome<void> sqlite_statement::bind(Values const&... values) {
    return bind_all(SQLITE_TRANSIENT, values...);
}

template <class... Values>
outcome<void> sqlite_statement::run(context& cx, Values const&... values) {
    return each(cx, [](sqlite_statement const&) {}, values...);
}

template <class F, class... Values>
outcome<void> sqlite_statement::each(context& cx, F const& f, Values const&... values) {
    struct leaving {    // a statement that is not at its end keeps what it has read from being written over, a throw or not
        sqlite_statement& which;
        ~leaving() {
            which.reset();
            sqlite3_clear_bindings(which.raw());    // what was bound may be gone
        }
    } const guard{*this};
    if (auto bound = bind_all(SQLITE_STATIC, values...); !bound) return bound;
    for (;;) {
        auto const row = step(cx);
        if (!row) return row.error();
        if (!*row) return {};
        if constexpr (std::same_as<decltype(f(*this)), void>) f(*this);
        else if (!f(*this)) return {};
    }
}

inline outcome<bool> sqlite_statement::step(context& cx) {
    begun_ = true;
    int first = sqlite3_step(raw());
    if (first == SQLITE_ROW || first == SQLITE_DONE) return at_row_ = first == SQLITE_ROW;
    auto const code = in_->patiently(cx, sql(), [&] {
        int const now = first != SQLITE_OK ? std::exchange(first, SQLITE_OK) : sqlite3_step(raw());    // no step answers SQLITE_OK
        if (now != SQLITE_BUSY && (now & 0xff) != SQLITE_BUSY) return now;
        if (at_row_) return SQLITE_BUSY_SNAPSHOT;    // rows were given: it cannot begin again
        sqlite3_reset(raw());
        return now;
    });
    at_row_ = code && *code == SQLITE_ROW;
    if (code) return at_row_;
    reset();
    return code.error();
}

// Transactions

inline outcome<void> sqlite_transaction::commit(context& cx) {
    assert(in_);
    auto const code = in_->patiently(cx, "COMMIT", [this] { return sqlite3_exec(in_->handle, "COMMIT", nullptr, nullptr, nullptr); });
    if (!code) {
        auto why = code.error();
        roll_back();
        return why;
    }
    in_ = nullptr;
    return {};
}

inline void sqlite_transaction::roll_back() noexcept {
    auto const* const in = std::exchange(in_, nullptr);
    // A full disk and the like have rolled it back already.
    if (in && sqlite3_get_autocommit(in->handle) == 0) sqlite3_exec(in->handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

// The connection

inline outcome<void> sqlite_database::fit(std::string const& path, sqlite_options const& options) {
    if (path.empty() || path.find('\0') != std::string::npos) return failure{cause::invalid_input, "a database needs the path of a file"};
    if (options.busy_timeout.count() < 0 || options.largest_value < 1'024 || options.largest_value >= 1'024 * MiB)
        return failure{cause::invalid_input, "muster: a database needs a busy_timeout of 0 or more, and a largest_value of 1 KiB to less than 1 GiB"};
    if (sqlite3_threadsafe() == 0) return failure{cause::unavailable, "this SQLite was built for programs of one thread"};
    if (sqlite3_libversion_number() < 3'037'000)
        return failure{cause::unavailable, std::string{"SQLite 3.37 or later is needed, and this is "} + sqlite3_libversion()};
    return {};
}

inline outcome<sqlite_database> sqlite_database::open(context& cx, std::string path, sqlite_options const& options) {
    if (auto const taken = fit(path, options); !taken) return taken.error();
    if (options.create && !options.read_only) {
        // Only where there is none: closing a file that SQLite has open in this process drops its locks.
        fd const made{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, options.mode)};
        if (!made && errno != EEXIST) return system_failure(errno, "cannot create " + path);
    }
    auto in = std::make_unique<detail::sqlite_connection>();
    in->path = std::move(path);
    in->busy_timeout = options.busy_timeout;
    // Behind a slash no name is a URI or a database in memory.
    auto const name = in->path.front() == '/' ? in->path : "./" + in->path;
    int const flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                      (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    if (int const code = sqlite3_open_v2(name.c_str(), &in->handle, flags, nullptr); code != SQLITE_OK) {
        auto const* const why = in->handle ? sqlite3_errmsg(in->handle) : sqlite3_errstr(code);
        return failure{std::error_code{code, sqlite_category()}, "cannot open " + in->path + ": " + why};
    }
    sqlite_database made{std::move(in)};
    if (auto const hard = made.harden(options); !hard) return hard.error();
    if (auto const settled = made.settle(cx, options); !settled) return settled.error();
    return made;
}

inline outcome<void> sqlite_database::harden(sqlite_options const& options) {
    struct {
        int which, value;
    } const settings[]{{SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                           {SQLITE_DBCONFIG_DQS_DML, 0},     {SQLITE_DBCONFIG_DQS_DDL, 0},
                           {SQLITE_DBCONFIG_ENABLE_FKEY, options.foreign_keys ? 1 : 0}};
    for (auto const& each : settings)
        if (int const code = sqlite3_db_config(in_->handle, each.which, each.value, nullptr); code != SQLITE_OK)
            return failure{std::error_code{code, sqlite_category()}, "cannot make " + in_->path + " safe: " + sqlite3_errstr(code)};
    sqlite3_limit(in_->handle, SQLITE_LIMIT_LENGTH, static_cast<int>(options.largest_value));
    return {};
}

inline outcome<void> sqlite_database::settle(context& cx, sqlite_options const& options) {
    if (auto done = run_all(cx, "PRAGMA cell_size_check = ON"); !done) return done;
    if (options.read_only) return run_all(cx, "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_schema");    // read: is it a database?
    if (options.write_ahead) {
        auto asked = prepare(cx, "PRAGMA journal_mode = WAL");
        if (!asked) return asked.error();
        std::string mode;
        if (auto done = asked->each(cx, [&](sqlite_statement const& row) { mode = row.text(0); }); !done) return done;
        if (mode != "wal")
            return failure{cause::unavailable, "no write-ahead log can be kept beside " + in_->path + ": its journal is \"" + mode + '"'};
    } else if (auto done = run_all(cx, "SELECT count(*) FROM sqlite_schema"); !done) {
        return done;
    }
    if (auto done = run_all(cx, options.power_safe ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"); !done) return done;
    if (options.largest_file == 0) return {};
    auto const page = integer(cx, "PRAGMA page_size");
    if (!page) return page.error();
    auto const pages = std::max<std::uint64_t>(options.largest_file / static_cast<std::uint64_t>(*page), 1);
    return run_all(cx, "PRAGMA max_page_count = " + std::to_string(std::min<std::uint64_t>(pages, 0xffff'fffe)));
}

inline outcome<sqlite_statement> sqlite_database::prepare_one(context& cx, std::string_view sql, std::string_view* rest) {
    sqlite3_stmt* made = nullptr;
    char const* tail = nullptr;
    auto const code = in_->patiently(cx, sql, [&] {    // the schema may have to be read, and be locked
        return sqlite3_prepare_v3(in_->handle, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made, &tail);
    });
    if (!code) return code.error();
    if (rest) *rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
    return sqlite_statement{in_.get(), sqlite_statement::owned{made}};
}

inline outcome<sqlite_statement> sqlite_database::prepare(context& cx, sqlite_sql sql) {
    std::string_view rest;
    auto made = prepare_one(cx, sql.text(), &rest);
    if (made && (!made->raw() || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos))
        return failure{cause::invalid_input, "\"" + detail::first_words(sql.text()) + "\" is not one statement"};
    return made;
}

inline outcome<void> sqlite_database::run_all(context& cx, std::string_view sql) {
    while (sql.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
        auto each = prepare_one(cx, sql, &sql);
        if (!each) return each.error();
        if (!each->raw()) continue;    // a comment
        if (auto done = each->run(cx); !done) return done;
    }
    return {};
}

inline outcome<void> sqlite_database::execute(context& cx, sqlite_sql sql) { return run_all(cx, sql.text()); }

inline outcome<std::int64_t> sqlite_database::integer(context& cx, sqlite_sql sql) {
    auto asked = prepare(cx, sql);
    if (!asked) return asked.error();
    std::optional<std::int64_t> found;
    auto const done = asked->each(cx, [&](sqlite_statement const& row) {
        found = row.integer(0);
        return false;
    });
    if (!done) return done.error();
    if (!found) return failure{cause::invalid_input, "\"" + detail::first_words(sql.text()) + "\" on " + in_->path + " gives no row"};
    return *found;
}

inline outcome<sqlite_transaction> sqlite_database::begin(context& cx) {
    if (in_transaction()) return failure{cause::would_deadlock, "a transaction on " + in_->path + " is begun inside another one"};
    if (auto const done = run_all(cx, "BEGIN IMMEDIATE"); !done) return done.error();
    return sqlite_transaction{in_.get()};
}

inline outcome<void> sqlite_database::integrity_check(context& cx) {
    auto check = prepare(cx, "PRAGMA integrity_check(10)");
    if (!check) return check.error();
    std::string faults;
    auto done = check->each(cx, [&](sqlite_statement const& row) {
        if (row.text(0) != "ok") (faults += faults.empty() ? "" : "; ") += row.text(0);
    });
    if (!done) return done;
    if (!faults.empty()) return failure{std::error_code{SQLITE_CORRUPT, sqlite_category()}, in_->path + ": " + faults};
    auto references = prepare(cx, "PRAGMA foreign_key_check");
    if (!references) return references.error();
    done = references->each(cx, [&](sqlite_statement const& row) {
        faults = "a row of " + std::string{row.text(0)} + " refers to none of " + std::string{row.text(2)};
        return false;
    });
    if (!done) return done;
    if (!faults.empty()) return failure{std::error_code{SQLITE_CONSTRAINT_FOREIGNKEY, sqlite_category()}, in_->path + ": " + faults};
    return {};
}

}  // namespace muster
