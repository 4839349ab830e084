#pragma once

#include <array>          // table
#include <cstdint>        // uint64_t
#include <optional>       // signal
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/process/command_result.hpp>               // command_result
#include <muster/workloads/bgp/detail/printable.hpp>       // printable
#include <muster/workloads/bgp/fault.hpp>                  // fault
#include <muster/workloads/bgp/policy_layout.hpp>          // count_entries
#include <muster/workloads/bgp/policy_text.hpp>            // policy_text

namespace muster::bgp {

/// How a process of bgpq4 ended, whoever ran it.
struct bgpq4_ending {
    int exit_code = 0;
    std::optional<int> signal{};    ///< set: it died of this
    bool timed_out = false;         ///< set: it was killed at the deadline
    std::string_view out{};
    std::string_view err{};
};

/// What bgpq4 left for a plan, not yet judged.
struct answered_policy {
    policy_layout layout;
    command_result result;
    std::uint64_t call = 0;    ///< which plan it answers
};

/// Tells apart what bgpq4 itself tells apart by a line on stderr at most: it ends with 0 and a valid, empty list
/// also when the server failed, a prefix was left out or an AS number was refused.
///
/// Shape      a task over `answered_policy`, also callable as `judge(ending, layout)`; answers the text as it came,
///            and how many entries are in it; none is a value, not a failure.
/// Fails      with a `fault`, its exit code or signal set, stderr's first line in the text.
struct judge_task {
    outcome<policy_text> operator()(bgpq4_ending ending, policy_layout const& layout) const;
    outcome<policy_text> operator()(answered_policy answered) const;
};
inline constexpr judge_task judge{};

// Implementation

namespace detail {

struct stderr_line {
    std::string_view begins;
    fault means;
};
// Of bgpq4 1.9 to 1.16, after "ERROR:" or "FATAL ERROR:"; the first that fits counts.
inline constexpr std::array stderr_lines{
    stderr_line{"Error expanding", fault::server_error},
    stderr_line{"Multiple keys", fault::several_keys},
    stderr_line{"Unable to parse prefix", fault::bad_prefix},
    stderr_line{"All attempts to connect", fault::refused},
    stderr_line{"Unable to connect", fault::refused},
    stderr_line{"Unable to resolve", fault::unresolved_host},
    stderr_line{"Invalid source", fault::invalid_source},
    stderr_line{"Wrong reply", fault::wrong_reply},
    stderr_line{"Invalid response", fault::wrong_reply},
    stderr_line{"Invalid AS number", fault::invalid_number},
    stderr_line{"Invalid symbol in AS number", fault::invalid_number},
    stderr_line{"Unable to add prefix", fault::invalid_object},
    stderr_line{"Unable to add", fault::invalid_object},
    stderr_line{"Unable to parse", fault::invalid_object},
    stderr_line{"EOF ", fault::closed_early},
    stderr_line{"Error reading data from IRRd", fault::closed_early},
    stderr_line{"Sorry", fault::invalid_options},
    stderr_line{"As-Sets (-t)", fault::invalid_options},
    stderr_line{"Unknown vendor", fault::invalid_options},
};

struct stderr_verdict {
    fault means;
    std::string_view line;
};

/// The first line of stderr that begins with ERROR: or FATAL ERROR:, or nothing. A line that cannot be parsed counts
/// as the server's, unless a later one says that it was the object asked for.
[[nodiscard]] inline std::optional<stderr_verdict> verdict_of(std::string_view err) {
    std::optional<stderr_verdict> prefix;
    for (auto left = err; !left.empty();) {
        auto const end = left.find('\n');
        auto const line = left.substr(0, end);
        left.remove_prefix(end == left.npos ? left.size() : end + 1);
        auto said = line;
        if (said.starts_with("FATAL ")) said.remove_prefix(6);
        if (!said.starts_with("ERROR:")) continue;
        said.remove_prefix(6);
        stderr_verdict found{fault::reported, line};
        for (auto const& known : stderr_lines) {
            if (!said.starts_with(known.begins)) continue;
            found.means = known.means;
            break;
        }
        if (found.means == fault::invalid_object || (found.means != fault::bad_prefix && !prefix)) return found;
        if (!prefix) prefix = found;
    }
    return prefix;
}

}  // namespace detail

inline outcome<policy_text> judge_task::operator()(bgpq4_ending ending, policy_layout const& layout) const {
    auto const first_line = ending.err.substr(0, ending.err.find('\n'));
    auto const fail = [&ending](fault which, std::string text) {
        failure made{make_error_code(which), std::move(text)};
        if (ending.signal) made.signal(*ending.signal);
        else made.exit_code(ending.exit_code);
        return made;
    };
    if (ending.timed_out)
        return fail(fault::timed_out, "bgpq4 was killed at the deadline: the server did not answer in time");
    if (ending.signal) {
        return fail(fault::aborted, "bgpq4 died of signal " + std::to_string(*ending.signal) +
                                        (first_line.empty() ? "" : ": " + detail::printable(first_line, 160)));
    }
    if (auto const verdict = detail::verdict_of(ending.err))
        return fail(verdict->means, "bgpq4 said " + detail::printable(verdict->line, 160));
    if (ending.exit_code == 134)    // a shell in between made a code of SIGABRT
        return fail(fault::aborted, "bgpq4 aborted: " + detail::printable(first_line, 160));
    if (ending.exit_code != 0) {
        return fail(fault::failed, "bgpq4 ended with " + std::to_string(ending.exit_code) +
                                       (first_line.empty() ? ", and said nothing" : ": " +
                                        detail::printable(first_line, 160)));
    }
    auto const entries = count_entries(ending.out, layout);
    if (!entries) return entries.error();
    return policy_text{.text = std::string{ending.out}, .entries = *entries};
}

inline outcome<policy_text> judge_task::operator()(answered_policy answered) const {
    auto& result = answered.result;
    auto judged = (*this)({.exit_code = result.exit_code, .out = result.out, .err = result.err}, answered.layout);
    if (judged) {
        judged->made_by = answered.call;
        judged->ran_for = result.wall;
    }
    return judged;
}

}  // namespace muster::bgp
