#pragma once

#include <array>      // what a thread keeps
#include <atomic>     // version
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <memory>     // shared_ptr
#include <mutex>      // who replaces
#include <utility>    // exchange, move

namespace muster::jwt::detail {

// A value that is replaced now and then and read all the time. Each thread keeps the one that it read last, and compares a number
// that nobody writes between two replacements: readers share no cache line that changes, and count no references. The price: a
// thread that reads no more keeps the last one until it ends.
//
// Threads     any number. A child of fork may read, as long as nobody was replacing when it was made.
template <class T>
class replaced {
    struct kept {
        std::uint64_t owner = 0, version = 0;
        std::shared_ptr<void const> value{};
        unsigned readers = 0;    // of this thread, one within the other
    };

public:
    // Holds what was there when it was made; stays on its thread, and on its stack.
    class held {
    public:
        held() noexcept = default;
        held(held&& other) noexcept
            : in_(std::exchange(other.in_, nullptr)), own_(std::move(other.own_)), value_(std::exchange(other.value_, nullptr)) {}
        held& operator=(held&& other) noexcept {
            held was{std::move(*this)};
            in_ = std::exchange(other.in_, nullptr);
            own_ = std::move(other.own_);
            value_ = std::exchange(other.value_, nullptr);
            return *this;
        }
        ~held() {
            if (in_) --in_->readers;
        }
        // Null where nothing was there yet.
        [[nodiscard]] T const* get() const noexcept { return value_; }

    private:
        friend class replaced;
        explicit held(kept& in) noexcept : in_(&in), value_(static_cast<T const*>(in.value.get())) { ++in.readers; }
        explicit held(std::shared_ptr<T const> own) noexcept : own_(std::move(own)), value_(own_.get()) {}

        kept* in_ = nullptr;
        std::shared_ptr<T const> own_{};
        T const* value_ = nullptr;
    };

    replaced() noexcept : id_(next_id()) {}
    replaced(replaced const&) = delete;
    replaced& operator=(replaced const&) = delete;

    void replace(std::shared_ptr<T const> by) {
        std::lock_guard lock(mutex_);
        value_ = std::move(by);
        version_.fetch_add(1, std::memory_order_release);    // pairs with the load in read
    }

    [[nodiscard]] held read() const {
        auto& mine = of_this_thread()[id_ % places];
        // acquire: pairs with the addition in replace, so that who sees the number finds the value behind it
        if (mine.owner == id_ && mine.version == version_.load(std::memory_order_acquire)) return held{mine};
        std::shared_ptr<void const> before;    // destroyed without the lock
        std::lock_guard lock(mutex_);
        if (mine.readers != 0) return held{value_};    // what it keeps is in use further up
        before = std::exchange(mine.value, value_);
        mine.owner = id_;
        mine.version = version_.load(std::memory_order_relaxed);    // under the lock: no partner
        return held{mine};
    }

private:
    static constexpr std::size_t places = 4;

    static std::array<kept, places>& of_this_thread() noexcept {
        thread_local std::array<kept, places> all;
        return all;
    }
    static std::uint64_t next_id() noexcept {
        static std::atomic<std::uint64_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;    // no partner: only distinct
    }

    std::uint64_t const id_;
    std::atomic<std::uint64_t> version_{0};
    mutable std::mutex mutex_;    // of value_: for who replaces, and each thread's first look after that
    std::shared_ptr<T const> value_{};
};

}  // namespace muster::jwt::detail
