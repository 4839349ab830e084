#pragma once

#include <cstddef>     // size_t
#include <memory>      // unique_ptr, shared_ptr
#include <mutex>       // mutex
#include <string>      // describe
#include <tuple>       // parts
#include <utility>     // move
#include <vector>      // free states

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Gives the task state of its own to work in: `scratch{make} | [](item const&, state&) {...}`, or after the context.
///
/// Order      a place: first in the chain.
/// Shape      `make()` gives a state. A call leases one, and hands it back as it left it; no two calls hold one at a time.
/// Threads    never tied to a thread: as many states are made as calls run at once.
/// Lifetime   the states live until the last copy of the policy and its stages is gone.
/// Cost       one lock and no allocation a call, once the states are there.
template <class Make>
class scratch {
    using state = std::remove_cvref_t<std::invoke_result_t<Make const&>>;

    struct store {
        explicit store(Make how) : make(std::move(how)) {}
        Make make;
        std::mutex mutex;
        std::vector<std::unique_ptr<state>> free;
        std::size_t made = 0;
    };

public:
    using policy_concept = place_tag;

    explicit scratch(Make make) : store_(std::make_shared<store>(std::move(make))) {}

    /// A state, until the lease goes out of scope.
    class lease_type {
    public:
        lease_type(lease_type&&) = delete;
        ~lease_type() {
            std::lock_guard lock(from_->mutex);
            from_->free.push_back(std::move(mine_));    // capacity is reserved when the state is made
        }
        [[nodiscard]] state& get() noexcept { return *mine_; }

    private:
        friend scratch;
        explicit lease_type(std::shared_ptr<store> from) : from_(std::move(from)) {
            std::unique_lock lock(from_->mutex);
            if (!from_->free.empty()) {
                mine_ = std::move(from_->free.back());
                from_->free.pop_back();
                return;
            }
            ++from_->made;
            from_->free.reserve(from_->made);
            lock.unlock();
            mine_.reset(new state(from_->make()));    // in place: it need not move
        }
        std::shared_ptr<store> from_;
        std::unique_ptr<state> mine_;
    };

    [[nodiscard]] lease_type lease() const { return lease_type{store_}; }

    [[nodiscard]] std::tuple<Make> parts() const { return {store_->make}; }    // it travels: each process has states of its own
    [[nodiscard]] std::string describe() const { return "scratch"; }
    friend bool operator==(scratch const&, scratch const&) noexcept = default;

private:
    std::shared_ptr<store> store_;
};

}  // namespace muster
