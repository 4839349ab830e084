#pragma once

#include <mutex>      // mutex
#include <string>     // names
#include <vector>     // records

#include <muster/core/concepts.hpp>    // observer, call_event

namespace muster::testing {

/// An observer that writes down what it is told.
///
/// Threads    any number.
class recorder {
public:
    struct record {
        call_event::kind what;
        std::string stage;
        std::vector<std::size_t> path;
        unsigned attempt;
        std::chrono::nanoseconds took;
        bool failed;
        friend bool operator==(record const&, record const&) = default;
    };

    void on_call(call_event const& event) noexcept {
        std::lock_guard lock(mutex_);
        records_.push_back({event.what, std::string{event.call->stage()}, event.call->path(), event.call->attempt(), event.took,
                            event.error != nullptr});
    }
    [[nodiscard]] std::vector<record> records() const {
        std::lock_guard lock(mutex_);
        return records_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<record> records_;
};

static_assert(observer<recorder>);

}  // namespace muster::testing
