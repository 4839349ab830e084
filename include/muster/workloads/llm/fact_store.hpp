#pragma once

#include <cerrno>         // errno
#include <chrono>         // system_clock
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <memory>         // unique_ptr
#include <optional>       // no failure
#include <string>         // paths
#include <utility>        // move

#include <fcntl.h>    // open

#include <muster/adapt/sqlite.hpp>                          // sqlite_database
#include <muster/core/bytes.hpp>                            // KiB, MiB
#include <muster/core/context.hpp>                          // context
#include <muster/core/failure.hpp>                          // cause, failure
#include <muster/core/outcome.hpp>                          // outcome
#include <muster/os/fd.hpp>                                 // fd
#include <muster/os/file_lock.hpp>                          // file_lock
#include <muster/os/system_failure.hpp>                     // system_failure
#include <muster/workloads/llm/detail/fact_tables.hpp>      // fact_tables
#include <muster/workloads/llm/detail/group_writer.hpp>     // group_writer
#include <muster/workloads/llm/detail/log_keeper.hpp>       // log_keeper
#include <muster/workloads/llm/fact_run.hpp>                // fact_run
#include <muster/workloads/llm/run_identity.hpp>            // run_identity

namespace muster::llm {

/// How a fact_store keeps what it is given.
struct fact_store_options {
    /// false: what is committed survives a kill -9 of the process; a power cut may take the last moments, and those answers are paid for again.
    /// true: it takes nothing, for one fsync a batch.
    bool power_safe = false;
    std::size_t queued = 1'024;               ///< 1,024: records that wait to be written; more wait outside. 1 to 1,000,000
    std::size_t queued_bytes = 64 * MiB;      ///< 64 MiB: of their texts; one that is larger comes alone. 1 byte or more
    std::size_t batch = 256;                  ///< 256: records of one transaction, 5 ms of writing; 1 to `queued`
    std::size_t largest_answer = 4 * MiB;     ///< 4 MiB: a longer one is cut; also of all facts of a node together. 1 byte to 60 MiB
    std::size_t largest_text = 64 * KiB;      ///< 64 KiB: of any other text: a longer one is cut. 1 byte to 1 MiB
    std::uint64_t largest_file = 0;           ///< 0: no bound; else bytes at which the store is full
    /// 30 s: how long a batch waits for another process that writes; callers wait as long as their own contexts say.
    std::chrono::nanoseconds busy_timeout = std::chrono::seconds{30};
    std::chrono::system_clock::time_point (*now)() = std::chrono::system_clock::now;    ///< when things happened
};

/// How a run is opened.
struct fact_run_options {
    bool retry_failed = false;    ///< true: nodes that failed are pending again, also those of a run that is finished
    bool again = false;           ///< true: a run of this identity that is finished is left alone, and a new one begins
    friend bool operator==(fact_run_options const&, fact_run_options const&) = default;
};

/// Keeps what runs over many nodes have asked, paid and learned, in a SQLite file that survives kill -9.
///
///     auto store = fact_store::open(cx, "facts.db").value();
///     auto run = store.open_run(cx, {.document = xml, .prompt = prompt, .model = model, .schema = schema}).value();
///     (void)run.add_nodes(cx, nodes);
///     map(nodes, on{calls} | ...);         // each: run.is_settled, begin_attempt, send, record
///     (void)run.finish(cx);
///
/// A run that died is opened again by the same identity: what is done stays done, and what was in flight is sent once more, for nobody
/// can know whether it was paid for. One that is finished sends nothing.
///
/// Shape      tables run, node, attempt, usage and fact; fact_reader reads them. No column takes a key or a header of a request. A text is
///            stored as TEXT where it is UTF-8 without zero bytes, and else as a BLOB of the same bytes.
/// Waits      as fact_run.
/// Fails      `open` as sqlite_database, and with invalid_input for options out of range, another program's database and tables of a later
///            version. `open_run` with rejected for a run that another process, or another fact_run of this one, holds.
/// Threads    any number, of any number of processes on one machine: each run is one process's.
/// Lifetime   outlives its runs. The destructor writes out what was handed over. Not carried over a fork.
///            FILE-wal and FILE-shm belong to FILE while it is open and after a kill: copy all three. FILE-lock holds nothing but the locks of
///            runs. Not for network file systems. Created for the owner alone: answers say what documents say.
/// Cost       80 to 130 us of a core for a node: an attempt and its answer of 800 bytes, two waits for a commit of 1 to 2 ms each. A thread of
///            its own moves each 4 MB of FILE-wal into FILE, and callers do not wait for that, but where 64 MB were written without a rest:
///            then once, for what the disk needs for the last of it, and a second at most. FILE-wal is that long at most, where no reader
///            holds it and the disk takes it. The end waits for the disk twice: 5 to 30 ms. The file has 0.4 KB a node beside its texts.
class fact_store {
public:
    [[nodiscard]] static outcome<fact_store> open(context& cx, std::string path, fact_store_options const& options = {});

    /// Finds the last run of this identity, or begins one.
    [[nodiscard]] outcome<fact_run> open_run(context& cx, run_identity const& of, fact_run_options const& options = {});

    /// Waits until all that was handed over before is written; fails as the first record that could not be, after its caller had left.
    outcome<void> flush(context& cx) { return writer_->flush(cx); }
    /// Takes nothing more, and writes what was handed over; fails as `flush`, or else as `checkpoint_failure`.
    outcome<void> close() {
        if (auto written = writer_->close(); !written) return written;
        return log_->close();
    }
    /// Why FILE-wal could not be moved into FILE the last time; none where it could. Nothing is lost with it: FILE-wal stays, and grows.
    [[nodiscard]] std::optional<failure> checkpoint_failure() const { return log_->trouble(); }

    /// How many transactions were committed.
    [[nodiscard]] std::uint64_t commits() const { return writer_->commits(); }
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

private:
    using writer = detail::group_writer<detail::fact_tables>;

    fact_store(std::string path, detail::text_limits limits, detail::log_keeper& log, std::unique_ptr<writer> by)
        : path_(std::move(path)), limits_(limits), log_(&log), writer_(std::move(by)) {}
    outcome<void> hold(fact_run& run) const;

    std::string path_;
    detail::text_limits limits_;
    detail::log_keeper* log_;           // the writer's
    std::unique_ptr<writer> writer_;    // stays in place when this moves: runs point there
};

// Implementation

inline outcome<fact_store> fact_store::open(context& cx, std::string path, fact_store_options const& options) {
    if (options.queued < 1 || options.queued > 1'000'000 || options.queued_bytes < 1 || options.batch < 1 || options.batch > options.queued ||
        options.largest_answer < 1 || options.largest_answer > 60 * MiB || options.largest_text < 1 || options.largest_text > 1 * MiB ||
        !options.now)
        return failure{cause::invalid_input, "muster: a fact_store needs a queue of 1 to 1,000,000 records and 1 byte or more, a batch of 1 to "
                                             "that many, a largest_answer of 1 byte to 60 MiB, a largest_text of 1 byte to 1 MiB, and a clock"};
    sqlite_options const how{.power_safe = options.power_safe, .checkpoint_pages = 0, .busy_timeout = options.busy_timeout,
                             .largest_file = options.largest_file, .mode = 0600};
    auto db = sqlite_database::open(cx, path, how);
    if (!db) return std::move(db).error();
    auto other = sqlite_database::open(cx, path, how);
    if (!other) return std::move(other).error();
    auto tables = detail::fact_tables::make(cx, *std::move(db), std::make_unique<detail::log_keeper>(*std::move(other)), options.now);
    if (!tables) return std::move(tables).error();
    auto& log = tables->log();
    auto by = std::make_unique<writer>(*std::move(tables), detail::group_limits{options.queued, options.queued_bytes, options.batch});
    return fact_store{std::move(path), {options.largest_answer, options.largest_text}, log, std::move(by)};
}

inline outcome<fact_run> fact_store::open_run(context& cx, run_identity const& of, fact_run_options const& options) {
    auto const digest = of.digest();
    auto const model = detail::cut(of.model, limits_.text);
    detail::fact_tables::found_run found;
    auto const looked = writer_->submit(cx, [&](detail::fact_tables& in, context& inner) -> outcome<std::int64_t> {
        auto const run = in.find_run(inner, digest, model, options.again, options.retry_failed);
        if (!run) return run.error();
        found = *run;
        return found.id;
    }, digest.size() + model.size());
    if (!looked) return looked.error();
    fact_run run{*writer_, limits_, found, digest};
    if (!run.is_finished())
        if (auto const held = hold(run); !held) return held.error();
    auto const loaded = writer_->submit(cx, [&](detail::fact_tables& in, context& inner) -> outcome<std::int64_t> {
        auto const still = in.find_run(inner, digest, model, false, false);    // another may have finished it before this held it
        if (!still) return still.error();
        run.finished_ = still->finished;
        auto nodes = in.load_run(inner, run.id_, run.finished_, options.retry_failed);
        if (!nodes) return nodes.error();
        run.found_ = *std::move(nodes);
        return run.id_;
    }, 0);
    if (!loaded) return loaded.error();
    if (run.finished_ && options.again) return open_run(cx, of, options);
    return run;
}

// One byte of the lock file for each run; the kernel lets go when the process dies.
inline outcome<void> fact_store::hold(fact_run& run) const {
    auto const name = path_ + "-lock";
    run.lock_file_ = fd{::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!run.lock_file_) return system_failure(errno, "cannot open " + name);
    auto held = file_lock::attempt(run.lock_file_, {.at = static_cast<std::uint64_t>(run.id_), .size = 1});
    if (!held && held.error().is(cause::rejected))
        return failure{cause::rejected, "run " + std::to_string(run.id_) + " of " + path_ + " is under way elsewhere: held by another process, or by another "
                                        "fact_run of this one"};
    if (!held) return std::move(held).error();
    run.lock_.emplace(*std::move(held));
    return {};
}

}  // namespace muster::llm
