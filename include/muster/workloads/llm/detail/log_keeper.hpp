#pragma once

// SQLite moves its log into the file where a commit finds it long enough, and that commit waits for the disk: 5 to 50 ms in which every caller
// of the one writer waits, too. Here another thread does it, over a connection of its own, while the writer goes on.
//
// What is written meanwhile is left for the next pass, so a writer that never rests would never find the log moved as a whole, and only then
// does it begin anew. So a writer whose log is long waits, before its next transaction, until one pass has caught up with it.

#include <chrono>                // seconds
#include <condition_variable>    // both threads' sleep
#include <cstddef>               // size_t
#include <mutex>                 // mutex
#include <optional>              // no trouble
#include <string>                // texts
#include <thread>                // jthread
#include <utility>               // move

#include <muster/adapt/sqlite.hpp>        // sqlite_database
#include <muster/core/failure.hpp>        // failure
#include <muster/core/outcome.hpp>        // outcome
#include <muster/os/quiet_thread.hpp>     // quiet_thread

namespace muster::llm::detail {

/// Of the log, in pages of 4 KiB.
struct log_limits {
    std::size_t a_pass = 1'000;    // 1,000: new ones that are worth a pass, which waits for the disk twice; 1 or more
    std::size_t most = 16'000;     // 16,000: the writer waits from here on
};

/// Moves a write-ahead log into its file, behind the back of the one who writes it.
///
/// Waits      `committed` once for each time that the log has grown by `most`: for one pass or two over what came in the last, and at most a second.
/// Fails      `close` as the last pass; one that fails while the store is written is tried again after `a_pass` more pages. Nothing is lost with
///            it: what was committed stays in the log, which grows until the disk takes it, and so it does below a reader who never ends.
/// Threads    `committed` of one, all else of any number.
class log_keeper {
public:
    /// `by` is a connection that nobody else uses.
    explicit log_keeper(sqlite_database by, log_limits limits = {}) : db_(std::move(by)), limits_(limits), wait_at_(limits.most) {
        thread_ = quiet_thread([this] { run(); });
    }
    log_keeper(log_keeper const&) = delete;
    log_keeper& operator=(log_keeper const&) = delete;
    ~log_keeper() { (void)close(); }

    /// Says how long the log was after the last commit.
    void committed(std::size_t pages);
    /// Moves what is left, and ends.
    outcome<void> close();

    /// What the last pass failed of; none where it went well.
    [[nodiscard]] std::optional<failure> trouble() const {
        std::lock_guard lock(mutex_);
        return trouble_;
    }
    /// How many passes there were.
    [[nodiscard]] std::size_t passes() const {
        std::lock_guard lock(mutex_);
        return passes_;
    }

private:
    static constexpr std::chrono::seconds longest_wait{1};

    void run();
    void pass(std::unique_lock<std::mutex>& lock);

    sqlite_database db_;    // the thread's alone
    log_limits const limits_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t pages_ = 0;     // in the log
    std::size_t seen_ = 0;      // of these, when the last pass began
    std::size_t wait_at_;
    std::size_t passes_ = 0;
    bool asked_ = false;
    bool passing_ = false;
    bool closing_ = false;
    std::optional<failure> trouble_;

    std::mutex closing_mutex_;    // one joins
    std::jthread thread_;         // last: it sees all the rest
};

// Implementation

inline void log_keeper::committed(std::size_t pages) {
    std::unique_lock lock(mutex_);
    if (pages < pages_) {    // it began anew
        seen_ = 0;
        wait_at_ = limits_.most;
    }
    pages_ = pages;
    if (pages_ < seen_ + limits_.a_pass && pages_ < wait_at_) return;
    asked_ = true;
    changed_.notify_all();
    if (pages_ < wait_at_) return;
    changed_.wait_for(lock, longest_wait, [this] { return closing_ || (!asked_ && !passing_); });
    wait_at_ = pages_ + limits_.most;    // where that was in vain, for a reader or the disk: not at each commit
}

inline void log_keeper::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return asked_ || closing_; });
        bool const last = closing_;
        pass(lock);
        if (last) return;
    }
}

inline void log_keeper::pass(std::unique_lock<std::mutex>& lock) {
    asked_ = false;
    passing_ = true;
    seen_ = pages_;
    lock.unlock();
    auto const done = db_.checkpoint();
    lock.lock();
    passing_ = false;
    ++passes_;
    trouble_.reset();
    if (!done)
        trouble_ = failure{done.error().code(), done.error().text() + "; what was committed stays in the log beside it, which grows until the disk takes it"};
    changed_.notify_all();
}

inline outcome<void> log_keeper::close() {
    std::lock_guard one(closing_mutex_);
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    std::lock_guard lock(mutex_);
    return trouble_ ? outcome<void>{*trouble_} : outcome<void>{};
}

}  // namespace muster::llm::detail
