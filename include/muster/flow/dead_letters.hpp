#pragma once

#include <cerrno>         // errno
#include <chrono>         // system_clock
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <mutex>          // mutex
#include <string>         // path
#include <string_view>    // lines
#include <utility>        // move

#include <fcntl.h>       // O_APPEND
#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread, write

#include <muster/core/bytes.hpp>                      // MiB
#include <muster/core/concepts.hpp>                   // sink
#include <muster/core/failure.hpp>                    // failure
#include <muster/core/invoke_task.hpp>                // guarded
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/flow/dead_letter.hpp>                // dead_letter
#include <muster/flow/detail/dead_letter_line.hpp>    // dead_letter_line
#include <muster/os/fd.hpp>                           // fd
#include <muster/os/system_failure.hpp>               // system_failure

namespace muster {

/// How dead letters are written to a file.
struct dead_letters_options {
    std::size_t largest_payload = 1 * MiB;    ///< 1 MiB: a longer text is cut, of a longer value nothing is kept, and the record says so
    bool durable = false;                     ///< true: each is on the disk before `put` returns, for an fsync each
    unsigned mode = 0644;                     ///< of a file that is created, less the process's umask
    std::chrono::system_clock::time_point (*clock)() = &std::chrono::system_clock::now;    ///< what time it is; tests give one that stands still
    friend bool operator==(dead_letters_options const&, dead_letters_options const&) = default;
};

/// What became of them.
struct dead_letters_stats {
    std::uint64_t written = 0;
    std::uint64_t cut = 0;     ///< of the written: without the whole of their payload
    std::uint64_t lost = 0;    ///< not written: the disk is full, and the like
    friend bool operator==(dead_letters_stats const&, dead_letters_stats const&) = default;
};

/// A file for what a flow could not do: one line of JSON a record, appended. `replay` reads them again.
///
///     dead_letters dead{"failed.jsonl"};
///     for (auto& list : stream(requests, flow, dead)) ...
///     if (auto const kept = dead.state(); !kept) fmt::print(stderr, "{}\n", kept.error().text());
///
/// Shape      a record is one `write` of a whole line: those of several threads and processes never mix. What a process that was killed left of a
///            line is ended by the next record, so that it costs no other one.
/// Fails      `put` answers nothing, for a flow that has lost an item has nobody to tell: `state` and `stats().lost` say what was not written.
///            `write` answers: as system_failure, exhausted for a full disk; out_of_memory.
/// Throws     the constructor: std::system_error where the file cannot be opened.
/// Threads    any number at once.
/// Cost       three system calls a record.
class dead_letters {
public:
    explicit dead_letters(std::string path, dead_letters_options const& options = {});

    /// A failure and its item: a string, or any other value that is transportable.
    template <class Item>
    void put(failure what, Item const& item);
    /// A failure whose item nobody has any more.
    void put(failure what);
    void put(dead_letter const& what) { (void)write(what); }
    outcome<void> write(dead_letter const& what);

    /// The failure of the last record that was not written; done while there is none.
    [[nodiscard]] outcome<void> state() const;
    [[nodiscard]] dead_letters_stats stats() const;
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

private:
    template <class Make>
    void keep(Make const& make);
    outcome<void> append(std::string line);
    bool in_a_line() const;

    std::string path_;
    dead_letters_options options_;
    fd file_;
    mutable std::mutex mutex_;    // of what follows
    dead_letters_stats stats_;
    outcome<void> state_;
};

// Implementation

inline dead_letters::dead_letters(std::string path, dead_letters_options const& options)
    : path_(std::move(path)), options_(options), file_(fd::open(path_, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY, options.mode)) {}

template <class Make>
void dead_letters::keep(Make const& make) {
    // A record that there is no memory for is lost like one that there is no disk for.
    auto const kept = guarded<outcome<void>>([&]() -> outcome<void> {
        (void)write(make());
        return {};
    });
    if (kept) return;
    std::lock_guard lock(mutex_);
    ++stats_.lost;
    state_ = kept;
}

template <class Item>
void dead_letters::put(failure what, Item const& item) {
    keep([&] { return dead_letter::of(what, item, options_.clock()); });
}

inline void dead_letters::put(failure what) {
    keep([&] { return dead_letter::of(what, options_.clock()); });
}

inline outcome<void> dead_letters::write(dead_letter const& what) {
    auto line = detail::dead_letter_line(what, options_.largest_payload);
    std::lock_guard lock(mutex_);
    auto done = append(std::move(line));
    if (done) {
        ++stats_.written;
        stats_.cut += what.cut() || what.payload.size() > options_.largest_payload;
    } else {
        ++stats_.lost;
        state_ = done;
    }
    return done;
}

// True where the file ends within a line: a process died as it wrote, or the disk was full.
inline bool dead_letters::in_a_line() const {
    struct stat about {};
    if (::fstat(file_.get(), &about) != 0 || about.st_size == 0) return false;
    char last = '\n';
    return ::pread(file_.get(), &last, 1, about.st_size - 1) == 1 && last != '\n';
}

inline outcome<void> dead_letters::append(std::string line) {
    if (in_a_line()) line.insert(line.begin(), '\n');
    ssize_t written = -1;
    do written = ::write(file_.get(), line.data(), line.size());
    while (written < 0 && errno == EINTR);
    auto const tried = "cannot append a dead letter to " + path_;
    if (written < 0) return system_failure(errno, tried);
    // The rest is not written after it: another process may have begun a line of its own there.
    if (static_cast<std::size_t>(written) != line.size()) return system_failure(ENOSPC, tried);
    if (options_.durable && ::fdatasync(file_.get()) != 0) return system_failure(errno, "cannot synchronise " + path_);
    return {};
}

inline outcome<void> dead_letters::state() const {
    std::lock_guard lock(mutex_);
    return state_;
}

inline dead_letters_stats dead_letters::stats() const {
    std::lock_guard lock(mutex_);
    return stats_;
}

static_assert(sink<dead_letters, failure>);
static_assert(sink<dead_letters, dead_letter>);

}  // namespace muster
