#pragma once

#include <optional>    // the time, once it is known

#include <muster/core/context.hpp>    // context
#include <muster/core/waiter.hpp>     // instant, thread_waiter

namespace muster::detail {

/// The time of one call: given by who calls, or read when it is first asked for, which for an entry that never ages it is not.
class call_time {
public:
    explicit call_time(std::optional<instant> given) noexcept : at_(given) {}
    explicit call_time(context const& by) noexcept : by_(&by) {}

    instant now() {
        if (!at_) at_ = by_ ? by_->now() : thread_waiter{}.now();
        return *at_;
    }

private:
    std::optional<instant> at_;
    context const* by_ = nullptr;
};

}  // namespace muster::detail
