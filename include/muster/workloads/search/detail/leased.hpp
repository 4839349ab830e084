#pragma once

#include <cstddef>    // size_t
#include <mutex>      // mutex
#include <utility>    // exchange, move
#include <vector>     // what lies idle

#include <muster/core/outcome.hpp>    // outcome

namespace muster::searching::detail {

/// Objects that one call at a time may use, made when there are too few.
///
/// Fails      `lease` with what `make()` fails with, an outcome<T>.
/// Threads    any number.
/// Lifetime   a lease ends before its pool.
/// Cost       a lock to take one, a lock to bring it back; as many objects as calls were ever at work at once.
template <class T, class Make>
class leased {
public:
    explicit leased(Make make) : make_(std::move(make)) {}

    class held {
    public:
        held(leased& of, T what) : of_(&of), what_(std::move(what)) {}
        held(held&& other) noexcept : of_(std::exchange(other.of_, nullptr)), what_(std::move(other.what_)) {}
        held& operator=(held&&) = delete;
        ~held() {
            if (of_) of_->bring_back(std::move(what_));
        }
        T& operator*() noexcept { return what_; }

    private:
        leased* of_;
        T what_;
    };

    outcome<held> lease() {
        {
            std::lock_guard const lock(mutex_);
            if (!idle_.empty()) {
                held out{*this, std::move(idle_.back())};
                idle_.pop_back();
                return out;
            }
            idle_.reserve(++made_);    // so that to bring it back allocates nothing
        }
        auto made = make_();
        if (!made) return std::move(made).error();
        return held{*this, std::move(*made)};
    }

private:
    void bring_back(T what) noexcept {
        std::lock_guard const lock(mutex_);
        idle_.push_back(std::move(what));
    }

    Make make_;
    std::mutex mutex_;
    std::vector<T> idle_;
    std::size_t made_ = 0;
};

}  // namespace muster::searching::detail
