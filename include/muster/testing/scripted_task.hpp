#pragma once

#include <cstddef>        // size_t
#include <memory>         // shared script
#include <mutex>          // mutex
#include <optional>       // step
#include <utility>        // move
#include <vector>         // steps

#include <muster/core/context.hpp>    // context
#include <muster/core/outcome.hpp>    // outcome

namespace muster::testing {

/// A task that answers as a test wrote it down: `scripted_task<int, int> task{failure{...}, 42}` fails once, then answers 42.
///
/// Shape      called with any `In`; the last step is repeated. Copies share the script and the record of calls.
/// Threads    any number; steps are taken in the order of the calls.
template <class In, class Out>
class scripted_task {
public:
    struct call {
        In item;
        unsigned attempt;
        instant deadline;
    };

    template <class... Steps>
    explicit scripted_task(Steps... steps) : script_(std::make_shared<script>()) {
        static_assert(sizeof...(Steps) > 0, "muster: a scripted_task has at least one step");
        (script_->steps.push_back(outcome<Out>(std::move(steps))), ...);
    }

    outcome<Out> operator()(In const& item, context& cx) const {
        std::lock_guard lock(script_->mutex);
        auto const step = std::min(script_->calls.size(), script_->steps.size() - 1);
        script_->calls.push_back({item, cx.attempt(), cx.deadline()});
        return script_->steps[step];
    }

    [[nodiscard]] std::size_t called() const {
        std::lock_guard lock(script_->mutex);
        return script_->calls.size();
    }
    [[nodiscard]] std::vector<call> calls() const {
        std::lock_guard lock(script_->mutex);
        return script_->calls;
    }

private:
    struct script {
        std::mutex mutex;
        std::vector<outcome<Out>> steps;
        std::vector<call> calls;
    };
    std::shared_ptr<script> script_;
};

}  // namespace muster::testing
