#pragma once

#include <atomic>    // atomic

namespace muster::detail {

/// True in a worker: pools that are made or used there run their tasks inline, and programs that it runs end with it.
inline std::atomic<bool>& in_worker() noexcept {
    static constinit std::atomic<bool> it{false};
    return it;
}

}  // namespace muster::detail
