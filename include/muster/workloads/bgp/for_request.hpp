#pragma once

#include <utility>        // move

#include <muster/core/concepts.hpp>              // task_for
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task
#include <muster/core/outcome.hpp>               // outcome
#include <muster/workloads/bgp/plan.hpp>         // planned_policy
#include <muster/workloads/bgp/router_policy.hpp>  // router_policy
#include <muster/workloads/bgp/policy_text.hpp>  // policy_text

namespace muster::bgp {

/// Carries the request past a stage that answers the text alone, as one behind a cache does.
///
/// Shape      a `planned_policy` in, a `router_policy` out; `ask` takes a `planned_policy` and answers a `policy_text`.
/// Fails      with what `ask` fails with.
template <task_for<planned_policy const&> F>
class for_request {
public:
    explicit for_request(F ask) : ask_(std::move(ask)) {}

    outcome<router_policy> operator()(planned_policy const& planned, context& cx) const {
        outcome<policy_text> text = muster::invoke_task(ask_, cx, planned);
        if (!text) return std::move(text).error();
        bool const remembered = text->made_by != planned.call;
        return router_policy{planned.asked, std::move(*text), remembered};
    }

private:
    F ask_;
};

}  // namespace muster::bgp
