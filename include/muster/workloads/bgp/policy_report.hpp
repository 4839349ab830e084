#pragma once

#include <algorithm>      // max
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <cstdio>         // snprintf
#include <optional>       // failure
#include <string>         // string
#include <string_view>    // name_of
#include <vector>         // rows

#include <muster/core/failure.hpp>                     // failure
#include <muster/core/json.hpp>                        // json_writer
#include <muster/core/line_sink.hpp>                   // one_line
#include <muster/core/run_info.hpp>                    // run_info
#include <muster/observe/run_report.hpp>               // run_report
#include <muster/observe/verdict.hpp>                  // rounded_down
#include <muster/workloads/bgp/request.hpp>            // request
#include <muster/workloads/bgp/write_policy.hpp>       // written_policy

namespace muster::bgp {

/// What became of one request.
enum class policy_state : std::uint8_t {
    made,
    no_prefixes,    ///< a success: the server has none
    failed,
    refused,        ///< no server took the connection
    invalid,        ///< the request itself is wrong
    timed_out,
    cancelled,      ///< the run was stopped before, or during it
};

[[nodiscard]] constexpr std::string_view name_of(policy_state which) noexcept {
    switch (which) {
        case policy_state::made: return "made";
        case policy_state::no_prefixes: return "no prefixes";
        case policy_state::failed: return "failed";
        case policy_state::refused: return "refused";
        case policy_state::invalid: return "invalid";
        case policy_state::timed_out: return "timed out";
        case policy_state::cancelled: return "cancelled";
    }
    return "unknown";
}

/// One line of a report.
struct policy_row {
    request asked;
    policy_state state = policy_state::cancelled;
    std::size_t entries = 0;
    std::chrono::nanoseconds took{};       ///< the whole call, waiting for permits included
    std::chrono::nanoseconds ran_for{};    ///< bgpq4 alone; where it failed or did not run the whole call
    bool remembered = false;
    written_policy::file file = written_policy::file::none;
    std::string path{};
    std::optional<failure> error{};
};

/// What a run came to, for people and for programs.
///
/// The speed-up is that against one policy after another: the sum of what the parts ran for, over what the run took.
struct policy_report {
    std::vector<policy_row> rows{};                ///< as many as requests, same order
    run_info run{};                                ///< widths, cores, why it ran one after another
    std::chrono::nanoseconds wall{};
    std::chrono::nanoseconds busy{};               ///< the sum of the parts

    [[nodiscard]] std::size_t count(policy_state state) const noexcept {
        std::size_t found = 0;
        for (auto const& row : rows) found += row.state == state;
        return found;
    }
    [[nodiscard]] std::size_t remembered() const noexcept {
        std::size_t found = 0;
        for (auto const& row : rows) found += row.remembered;
        return found;
    }
    [[nodiscard]] std::size_t entries() const noexcept {
        std::size_t sum = 0;
        for (auto const& row : rows) sum += row.entries;
        return sum;
    }
    /// True when every request was answered, with prefixes or without.
    [[nodiscard]] bool all_done() const noexcept {
        return count(policy_state::made) + count(policy_state::no_prefixes) == rows.size();
    }
    /// The whole in figures: widths, times, speed-up and the efficiency beside it.
    [[nodiscard]] run_report summary() const noexcept;

    void write_json(json_writer& to) const;
};

/// A table, a line for each request, and the totals below it.
[[nodiscard]] std::string to_text(policy_report const& report);

/// How a run goes, or went: parallel or not, the widths, the cores, and why one after another if so.
[[nodiscard]] std::string to_text(run_info const& run);

// Implementation

namespace detail {

[[nodiscard]] inline std::string milliseconds(std::chrono::nanoseconds time) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.1f", std::chrono::duration<double, std::milli>{time}.count());
    return buffer;
}

}  // namespace detail

inline void policy_report::write_json(json_writer& to) const {
    to.object([&] {
        to.member("policies", [&] {
            to.array([&] {
                for (auto const& row : rows) {
                    to.value([&] {
                        to.object([&] {
                            to.member("object", row.asked.object.text())
                                .member("family", name_of(row.asked.family))
                                .member("state", name_of(row.state))
                                .member("prefixes", row.entries)
                                .member("seconds", row.took)
                                .member("program_seconds", row.ran_for)
                                .member("cache_hit", row.remembered);
                            if (!row.path.empty()) to.member("file", row.path).member("file_state", name_of(row.file));
                            if (row.error) {
                                to.member("error", row.error->text());
                                to.member("error_kind", row.error->code().message());
                            }
                        });
                    });
                }
            });
        });
        to.member("totals", [&] {
            to.object([&] {
                to.member("policies", rows.size());
                for (auto const state : {policy_state::made, policy_state::no_prefixes, policy_state::failed,
                                         policy_state::refused,
                                         policy_state::invalid, policy_state::timed_out, policy_state::cancelled})
                    to.member(name_of(state), count(state));
                to.member("prefixes", entries()).member("cache_hits", remembered());
            });
        });
        to.member("run", summary());
    });
}

inline run_report policy_report::summary() const noexcept {
    run_report made{.items = rows.size()};
    made.finished = rows.size() - count(policy_state::cancelled);
    made.failed = made.finished - count(policy_state::made) - count(policy_state::no_prefixes);
    made.configured = run.configured;
    made.workers = run.width;
    made.cores = run.cores;
    made.why = run.why;
    made.wall = wall;
    made.busy = busy;
    return made;
}

inline std::string to_text(run_info const& run) {
    auto const width = std::to_string(run.width) + (run.width == 1 ? " worker" : " workers") + " of " +
        std::to_string(run.configured) +
                       " configured, " + std::to_string(run.cores) + (run.cores == 1 ? " core" : " cores");
    return run.parallel() ? "in parallel: " + width : "one after another (" + std::string{name_of(run.why)} + "): " +
        width;
}

inline std::string to_text(policy_report const& report) {
    struct line {
        std::string object, family, state, entries, time, cache, more;
    };
    std::vector<line> lines{{"object", "family", "state", "prefixes", "ms", "cache", ""}};
    for (auto const& row : report.rows) {
        std::string more;
        if (row.error) more = row.error->code().message() + ": " + one_line(row.error->text());
        else if (row.file == written_policy::file::kept) more = "the file that was there is kept: " + row.path;
        else if (row.file == written_policy::file::unchanged) more = row.path + " (unchanged)";
        else more = row.path;
        lines.push_back({row.asked.object.text(), std::string{name_of(row.asked.family)},
                         std::string{name_of(row.state)},
                         row.error ? "-" : std::to_string(row.entries), detail::milliseconds(row.took),
                             row.remembered ? "hit" : "-", more});
    }
    auto const widest = [&lines](std::string line::*column) {
        std::size_t most = 0;
        for (auto const& each : lines) most = std::max(most, (each.*column).size());
        return most;
    };
    auto const object = widest(&line::object), family = widest(&line::family), state = widest(&line::state),
               entries = widest(&line::entries), time = widest(&line::time), cache = widest(&line::cache);
    std::string out;
    auto const left = [&out](std::string const& text, std::size_t width) {
        out += text + std::string(width - text.size() + 2, ' ');
    };
    auto const right = [&out](std::string const& text, std::size_t width) {
        out += std::string(width - text.size(), ' ') + text + "  ";
    };
    for (auto const& each : lines) {
        left(each.object, object);
        left(each.family, family);
        left(each.state, state);
        right(each.entries, entries);
        right(each.time, time);
        left(each.cache, cache);
        out += each.more;
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    out += '\n' + std::to_string(report.rows.size()) + " policies:";
    for (auto const which : {policy_state::made, policy_state::no_prefixes, policy_state::failed, policy_state::refused,
                             policy_state::invalid, policy_state::timed_out, policy_state::cancelled})
        if (auto const count = report.count(which); count != 0 || which == policy_state::made)
            out += ' ' + std::to_string(count) + ' ' + std::string{name_of(which)} + ',';
    out += ' ' + std::to_string(report.entries()) + " prefixes, " + std::to_string(report.remembered()) +
        " from the cache\n";
    out += to_text(report.run) + '\n';
    out += "wall " + detail::milliseconds(report.wall) + " ms, sum of the parts " +
        detail::milliseconds(report.busy) + " ms: speed-up " +
           rounded_down(report.summary().speedup(), 2) + ", efficiency " +
           rounded_down(report.summary().efficiency(), 2) + '\n';
    return out;
}

}  // namespace muster::bgp
