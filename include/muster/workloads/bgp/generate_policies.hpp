#pragma once

#include <algorithm>      // max, min, stable_sort
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <functional>     // who is told of each row
#include <mutex>          // run_info of the first call
#include <optional>       // run_info
#include <span>           // requests
#include <string>         // log lines
#include <utility>        // move
#include <vector>         // groups, rows

#include <muster/core/concepts.hpp>                      // executor, task_for
#include <muster/core/context.hpp>                       // context
#include <muster/core/invoke_task.hpp>            // invoke_task
#include <muster/core/line_sink.hpp>                     // line_sink_ref
#include <muster/core/run_info.hpp>                      // run_info
#include <muster/core/settings.hpp>                      // settings
#include <muster/core/width.hpp>                         // width
#include <muster/os/cpus.hpp>                            // granted_cpus
#include <muster/exec/blocking_pool.hpp>                 // blocking_pool
#include <muster/policy/on.hpp>                          // on
#include <muster/observe/verdict.hpp>                    // rounded_down
#include <muster/flow/map.hpp>                           // map
#include <muster/workloads/bgp/event.hpp>                // event
#include <muster/workloads/bgp/fault.hpp>                // fault
#include <muster/workloads/bgp/policy_report.hpp>        // policy_report
#include <muster/workloads/bgp/recorded_times.hpp>       // recorded_times
#include <muster/workloads/bgp/request.hpp>              // request

namespace muster::bgp {

/// How a batch of policies is run.
struct generate_options {
    /// How many at once. Automatic: one or two one after another, else min(cores or its `io_width`, cap, requests).
    width workers{};
    /// Switches and the maximum from the environment; null: none.
    settings const* switches = nullptr;
    /// Read for the order, longest first, and told how long each one took; null: the order of the requests.
    recorded_times* times = nullptr;
    /// Gets a line for each `event`, its id in front.
    line_sink_ref log{};
    /// Told of each row when it is done, from any thread.
    std::function<void(policy_row const&)> done{};
};

/// The width that a batch of so many requests gets, and why it is sequential if it is; nothing is started.
[[nodiscard]] run_info status(std::size_t requests, generate_options const& options);

/// Runs a flow over a batch of requests, and reports.
///
/// The flow is the caller's own: any task that takes a `request` and answers a `router_policy` or a
/// `written_policy`, made of `plan`, `run_bgpq4`, `judge`, `for_request`, `write_policy` and whatever policies stand
/// between them.
///
/// Order      longest first where times are recorded, unknown ones before them; else as given. Exclusive requests
///            run one after another, on one worker from the start, beside the others.
/// Shape      a row for each request, same order.
/// Waits      until every request has a row.
/// Fails      never as a whole; a row holds its own failure, and no row's failure touches another.
/// Threads    `generate_policies(where, ...)` runs on that executor; `generate_policies(requests, ...)` on a pool of
///            its own, as wide as needed: none for a width of 1. Where no thread can be had the caller's does the
///            work, and the report says so.
/// Lifetime   the context, last argument, is inherited by all calls.
struct generate_verb {
    template <executor Where, task_for<request const&> Flow>
    policy_report operator()(Where& where, std::span<request const> requests, Flow const& flow,
                             generate_options const& options = {},
                             context const& parent = context{}) const;
    template <task_for<request const&> Flow>
    policy_report operator()(std::span<request const> requests, Flow const& flow, generate_options const& options = {},
                             context const& parent = context{}) const;
};
inline constexpr generate_verb generate_policies{};

// Implementation

inline run_info status(std::size_t requests, generate_options const& options) {
    run_info info{.items = requests, .configured = 1, .width = 1, .cores = granted_cpus(),
                  .why = sequential_reason::none};
    auto asked = options.workers;
    bool disabled = false;
    if (options.switches) {
        auto const now = options.switches->snapshot();
        disabled = now.parallel_disabled();
        if (!disabled) asked = now.width_for(asked);
    }
    info.configured = asked.fixed().value_or(asked.rule().cap);
    info.width = disabled ? 1 : asked.workers(requests, info.cores);
    if (info.width > 1) return info;
    info.width = 1;
    auto const few = asked.is_automatic() ? asked.rule().sequential_up_to : std::size_t{1};
    if (disabled) info.why = sequential_reason::disabled;
    else if (info.configured == 1) info.why = sequential_reason::asked_for;
    else if (requests <= few) info.why = sequential_reason::too_few_items;
    else info.why = sequential_reason::unavailable;
    return info;
}

namespace detail {

[[nodiscard]] inline policy_state state_of(failure const& error) {
    if (error.is(cause::cancelled)) return policy_state::cancelled;
    if (error.is(cause::timed_out)) return policy_state::timed_out;
    if (error.is(cause::invalid_input)) return policy_state::invalid;
    if (error.code() == fault::refused) return policy_state::refused;
    return policy_state::failed;
}

[[nodiscard]] inline event event_of(policy_row const& row) {
    switch (row.state) {
        case policy_state::made: return row.remembered ? event::policy_remembered : event::policy_made;
        case policy_state::no_prefixes:
            return row.file == written_policy::file::kept ? event::file_kept : event::no_prefixes;
        case policy_state::failed: return event::policy_failed;
        case policy_state::refused: return event::policy_refused;
        case policy_state::invalid: return event::policy_invalid;
        case policy_state::timed_out: return event::policy_timed_out;
        case policy_state::cancelled: return event::policy_cancelled;
    }
    return event::policy_failed;
}

inline void fill(policy_row& row, router_policy const& made) {
    row.entries = made.list.entries;
    row.remembered = made.remembered;
    row.state = made.list.empty() ? policy_state::no_prefixes : policy_state::made;
    row.ran_for = made.list.ran_for;
}
inline void fill(policy_row& row, written_policy const& written) {
    fill(row, written.made);
    row.file = written.what;
    if (written.what != written_policy::file::none) row.path = written.path;
}

inline void say(line_sink_ref log, event what, std::string const& text) {
    if (log) log.put(id_of(what) + ' ' + text);
}
inline void say(line_sink_ref log, policy_row const& row) {
    if (!log) return;
    auto line = std::string{name_of(row.state)} + ' ' + row.asked.text();
    if (row.error) line += ": " + row.error->code().message() + ": " + row.error->text();
    else line += " prefixes=" + std::to_string(row.entries) + (row.path.empty() ? "" : " file=" + row.path);
    say(log, event_of(row), line + " ms=" + milliseconds(row.took));
}

/// Positions in the order of their start; the first group is that of the exclusive ones, when there are any.
[[nodiscard]] inline std::vector<std::vector<std::size_t>> start_order(std::span<request const> requests,
                                                                       recorded_times const* times) {
    std::vector<std::size_t> positions(requests.size());
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = i;
    if (times && times->size() != 0) {
        std::vector<std::chrono::nanoseconds> took(requests.size());
        for (std::size_t i = 0; i < took.size(); ++i)
            took[i] = times->of(requests[i]).value_or(std::chrono::nanoseconds::max());
        std::stable_sort(positions.begin(), positions.end(),
                         [&took](std::size_t a, std::size_t b) { return took[a] > took[b]; });
    }
    std::vector<std::vector<std::size_t>> groups;
    std::vector<std::size_t> exclusive;
    for (auto const i : positions)
        if (requests[i].exclusive) exclusive.push_back(i);
    if (!exclusive.empty()) groups.push_back(std::move(exclusive));
    for (auto const i : positions)
        if (!requests[i].exclusive) groups.push_back({i});
    return groups;
}

}  // namespace detail

template <executor Where, task_for<request const&> Flow>
policy_report generate_verb::operator()(Where& where, std::span<request const> requests, Flow const& flow,
                                        generate_options const& options, context const& parent) const {
    policy_report report;
    report.run = status(requests.size(), options);
    report.rows.reserve(requests.size());
    for (auto const& asked : requests) report.rows.push_back({.asked = asked});
    auto const groups = detail::start_order(requests, options.times);
    detail::say(options.log, event::run_started,
                std::to_string(requests.size()) + " policies, " + to_text(report.run));

    auto const one = [&](std::size_t i, context& cx) {
        cx.item(i);                                      // failures name the request's position, whatever the order
        auto& row = report.rows[i];
        auto const start = cx.now();
        auto answer = cx.stop_requested() ? result_of<Flow, request const&>{cx.interruption()}
                                          : muster::invoke_task(flow, cx, requests[i]);
        row.took = cx.now() - start;
        if (answer) {
            detail::fill(row, *answer);
            if (row.remembered) row.ran_for = row.took;
        } else {
            cx.stamp(answer.error());
            row.error = std::move(answer).error();
            row.state = detail::state_of(*row.error);
            row.ran_for = row.took;
        }
        detail::say(options.log, row);
        if (options.done) options.done(row);
    };
    std::optional<run_info> seen;
    std::mutex seen_mutex;
    auto const each = [&](std::vector<std::size_t> const& group, context& cx) {
        if (auto const* run = cx.run()) {
            std::lock_guard lock(seen_mutex);
            if (!seen) seen = *run;
        }
        for (auto const i : group) one(i, cx);
    };

    auto const start = parent.now();
    // The width is that of the requests; left to the rule, a batch that is remembered stays on this thread.
    auto const wide = report.run.width;
    auto const how = options.workers.is_automatic() ? width{automatic{.cap = wide, .sequential_up_to = 1, .io_width = wide}} : width{wide};
    auto const ends = muster::map(groups, on{where, how} | each, parent);
    report.wall = parent.now() - start;

    for (std::size_t g = 0; g < groups.size(); ++g) {
        if (ends[g]) continue;
        for (auto const i : groups[g]) {                 // those that a stop left out
            auto& row = report.rows[i];
            if (row.error || row.state != policy_state::cancelled) continue;
            row.error = ends[g].error();
            row.state = detail::state_of(*row.error);
            detail::say(options.log, row);
            if (options.done) options.done(row);
        }
    }
    // what came of it: groups, the executor's width, threads that were had
    if (seen) {
        if (report.run.parallel() && !seen->parallel()) report.run.why = seen->why;
        report.run.width = seen->width;
    }
    for (auto const& row : report.rows) {
        report.busy += row.ran_for;
        if (options.times && !row.error && !row.remembered) options.times->learn(row.asked, row.ran_for);
        if (options.times && row.state == policy_state::timed_out) options.times->learn(row.asked, row.took);
    }
    if (!report.run.parallel()) detail::say(options.log, event::ran_sequentially, std::string{name_of(report.run.why)});
    detail::say(options.log, event::run_ended,
                std::to_string(report.count(policy_state::made)) + " made, " +
                    std::to_string(report.count(policy_state::no_prefixes)) +
                    " without prefixes, " + std::to_string(report.remembered()) + " from the cache, ms=" +
                        detail::milliseconds(report.wall) +
                    " speedup=" + rounded_down(report.summary().speedup(), 2) + " efficiency=" +
                        rounded_down(report.summary().efficiency(), 2));
    return report;
}

template <task_for<request const&> Flow>
policy_report generate_verb::operator()(std::span<request const> requests, Flow const& flow,
                                        generate_options const& options,
                                        context const& parent) const {
    blocking_pool own{std::max<std::size_t>(1, status(requests.size(), options).width)};
    return (*this)(own, requests, flow, options, parent);
}

}  // namespace muster::bgp
