#pragma once

#include <utility>    // exchange

#include <muster/exec/detail/crew.hpp>          // crew
#include <muster/exec/detail/fork_stack.hpp>    // fork_stack

namespace muster {

/// Where the call on this thread is among the pools: in which loop, and on which stack of forks.
///
/// A thread has one. An executor that carries several calls on one thread puts it away while the call gives the thread to another, and
/// back when it goes on.
///
/// Threads    of the thread that it was put away on.
/// Cost       two loads where the call is in no pool.
class call_place {
public:
    /// From now on this thread is in no pool.
    void put_away() noexcept {
        if (detail::crew::here().of) at_ = std::exchange(detail::crew::here(), {});
        if (detail::fork_stack::here()) forks_ = std::exchange(detail::fork_stack::here(), nullptr);
    }
    /// As it was.
    void put_back() noexcept {
        if (at_.of) detail::crew::here() = std::exchange(at_, {});
        if (forks_) detail::fork_stack::here() = std::exchange(forks_, nullptr);
    }

private:
    detail::crew::position at_;
    detail::fork_stack* forks_ = nullptr;
};

}  // namespace muster
