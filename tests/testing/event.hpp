// What tests of threads wait for instead of sleeping. Every wait ends after a minute at the latest, with false, so that a
// broken promise is a failed check and not a hang.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <mutex>

namespace muster::testing {

inline constexpr std::chrono::seconds longest_wait{60};

/// Set once, waited for by any number.
class event {
public:
    void set() {
        std::lock_guard lock(mutex_);
        set_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, longest_wait, [this] { return set_; });
    }
    [[nodiscard]] bool is_set() {
        std::lock_guard lock(mutex_);
        return set_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool set_ = false;
};

/// So many calls must be there at once before any of them goes on.
class meeting {
public:
    explicit meeting(std::size_t of) : of_(of) {}
    [[nodiscard]] bool arrive() {
        std::unique_lock lock(mutex_);
        if (++here_ >= of_) changed_.notify_all();
        return changed_.wait_for(lock, longest_wait, [this] { return here_ >= of_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t const of_;
    std::size_t here_ = 0;
};

/// Counts what is inside at once, and the most that ever was.
class crowd {
public:
    class visit {
    public:
        explicit visit(crowd& in) : of_(in) {
            std::lock_guard lock(of_.mutex_);
            if (++of_.now_ > of_.most_) of_.most_ = of_.now_;
        }
        visit(visit const&) = delete;
        visit& operator=(visit const&) = delete;
        ~visit() {
            std::lock_guard lock(of_.mutex_);
            --of_.now_;
        }

    private:
        crowd& of_;
    };
    [[nodiscard]] std::size_t most() {
        std::lock_guard lock(mutex_);
        return most_;
    }

private:
    std::mutex mutex_;
    std::size_t now_ = 0;
    std::size_t most_ = 0;
};

/// The threads that this process has now.
inline std::size_t threads_of_process() {
    auto const tasks = std::filesystem::directory_iterator{"/proc/self/task"};
    return static_cast<std::size_t>(std::distance(std::filesystem::begin(tasks), std::filesystem::end(tasks)));
}

}  // namespace muster::testing
