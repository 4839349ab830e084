#pragma once

#include <condition_variable>    // waits
#include <cstddef>               // size_t
#include <mutex>                 // the queue
#include <string>                // fields
#include <utility>               // move, swap
#include <vector>                // rows

#include <muster/workloads/search/finding.hpp>    // finding

namespace muster::searching::detail {

// Findings on their way to the thread that writes them: bounded by bytes, for one line may have a MiB.
class finding_queue {
public:
    using row = kept_findings::row;

    explicit finding_queue(std::size_t most_bytes) : most_(most_bytes) {}

    // Waits while it is full; false once nobody takes any more.
    bool push(row what) {
        auto const bytes = size_of(what);
        std::unique_lock lock{guard_};
        has_room_.wait(lock, [&] { return bytes_ < most_ || over_; });
        if (over_) return false;
        rows_.push_back(std::move(what));
        bytes_ += bytes;
        if (rows_.size() == 1) has_rows_.notify_one();
        return true;
    }

    // Swaps in all that is there, and waits where there is nothing; false at the end.
    bool take(std::vector<row>& into) {
        into.clear();
        std::unique_lock lock{guard_};
        has_rows_.wait(lock, [&] { return !rows_.empty() || ended_ || over_; });
        if (over_) return false;
        std::swap(into, rows_);
        bytes_ = 0;
        has_room_.notify_one();
        return !into.empty();
    }

    // No row comes any more: those that are there are still taken.
    void end() {
        std::scoped_lock const lock{guard_};
        ended_ = true;
        has_rows_.notify_one();
    }
    // All rows that came have been taken.
    [[nodiscard]] bool ended() {
        std::scoped_lock const lock{guard_};
        return ended_ && rows_.empty() && !over_;
    }
    // Nobody is to wait any more, for rows or for room; what is there is dropped.
    void give_up() {
        std::scoped_lock const lock{guard_};
        over_ = true;
        has_rows_.notify_one();
        has_room_.notify_one();
    }

private:
    static std::size_t size_of(row const& what) {
        auto bytes = sizeof(row) + what.where.path.size() + what.where.system.name.size() + what.what.text.size();
        for (auto const& each : what.what.fields) bytes += sizeof(std::string) + each.size();
        return bytes;
    }

    std::size_t most_;
    std::mutex guard_;
    std::condition_variable has_rows_, has_room_;
    std::vector<row> rows_;
    std::size_t bytes_ = 0;
    bool ended_ = false, over_ = false;
};

}  // namespace muster::searching::detail
