#pragma once

#include <concepts>       // same_as
#include <string>         // to_string
#include <utility>        // move

#include <muster/core/context.hpp>               // context
#include <muster/core/outcome.hpp>               // outcome
#include <muster/process/command.hpp>            // command
#include <muster/process/command_result.hpp>     // command_result
#include <muster/workloads/bgp/fault.hpp>        // fault
#include <muster/workloads/bgp/judge.hpp>        // answered_policy
#include <muster/workloads/bgp/plan.hpp>         // planned_policy

namespace muster::bgp {

/// Runs a command to its end: `command_runner`, or a stand-in of a test.
template <class R>
concept runs_commands = requires(R& by, command const& what, context& cx) {
    { by.run(what, cx) } -> std::same_as<outcome<command_result>>;
};

/// The stage that runs a plan.
///
/// Shape      a `planned_policy` in, an `answered_policy` out, for `judge`; a task.
/// Waits      for bgpq4, which is killed with all that it started at the deadline and at a stop.
/// Fails      fault::timed_out, which bgpq4 never does by itself; fault::aborted with the signal; what else the
///            runner fails with: no such program, cancelled, no memory.
/// Lifetime   refers to the runner, which must outlive every stage made from this.
template <runs_commands Runner>
class run_bgpq4 {
public:
    explicit run_bgpq4(Runner& by) noexcept : by_(&by) {}
    explicit run_bgpq4(Runner&&) = delete;

    outcome<answered_policy> operator()(planned_policy const& planned, context& cx) const;

private:
    Runner* by_;
};

// Implementation

template <runs_commands Runner>
outcome<answered_policy> run_bgpq4<Runner>::operator()(planned_policy const& planned, context& cx) const {
    auto result = by_->run(planned.run, cx);
    if (result) return answered_policy{planned.layout, std::move(*result), planned.call};
    auto& error = result.error();
    if (auto const number = error.signal(); number && !error.is(cause::timed_out) && !error.is(cause::cancelled)
        && !error.is(cause::out_of_memory))
        return failure{make_error_code(fault::aborted), "bgpq4 died of signal " + std::to_string(*number) + ": " +
                       error.text()}.signal(*number);
    if (error.is(cause::timed_out))
        return failure{make_error_code(fault::timed_out),
                       "bgpq4 was killed at the deadline: the server did not answer in time"};
    return std::move(error);
}

}  // namespace muster::bgp
