#pragma once

#include <algorithm>      // min
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/context.hpp>                         // context
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/process/command.hpp>                      // command
#include <muster/workloads/bgp/detail/ascii.hpp>           // is_digit
#include <muster/workloads/bgp/detail/printable.hpp>       // printable
#include <muster/workloads/bgp/run_bgpq4.hpp>              // runs_commands

namespace muster::bgp {

/// The version of the installed bgpq4: "1.9".
///
/// Fails      cause::unavailable where there is no such program, cause::exited where it is none that we know.
/// Cost       one process; ask once a run.
template <runs_commands Runner>
[[nodiscard]] outcome<std::string> bgpq4_version(Runner& by, context& cx, std::string program = "bgpq4") {
    command ask;
    ask.program = std::move(program);
    ask.args = {"-v"};
    ask.environment.clear();
    ask.any_exit = true;
    auto const answer = by.run(ask, cx);
    if (!answer) return answer.error();
    // "bgpq4 - a versatile utility to generate BGP filters\nversion: 1.9 (...)"
    auto const said = answer->out + answer->err;
    for (auto const mark : {std::string_view{"version: "}, std::string_view{"bgpq4 "}}) {
        auto const at = said.find(mark);
        if (at == said.npos) continue;
        auto version = said.substr(at + mark.size());
        version.resize(std::min(version.find_first_not_of("0123456789."), version.size()));
        if (!version.empty() && detail::is_digit(version.front())) return version;
    }
    return failure{cause::exited, "the program is no bgpq4 that we know: it said " + detail::printable(said, 120)};
}

}  // namespace muster::bgp
