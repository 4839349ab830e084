#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // string
#include <string_view>    // name_of

#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/json.hpp>             // json_writer
#include <muster/core/run_info.hpp>         // run_info, sequential_reason
#include <muster/observe/verdict.hpp>       // rounded_down

namespace muster {

/// How a run went: what was done, how wide, how long, and what that gained.
///
/// Units      `wall` from the start of the first call to the end of the last; `busy` the sum of all calls. Where
///            calls wait for a gate or a core inside their time, `busy` contains the waiting, and the speed-up with
///            it.
struct run_report {
    std::uint64_t items = 0;                     ///< that the run was given; those that were finished where nobody said
    std::uint64_t finished = 0;                  ///< well or not
    std::uint64_t failed = 0;                    ///< of the finished
    std::size_t configured = 1;                  ///< the width that was asked for
    std::size_t workers = 1;                     ///< the width that was used
    std::size_t cores = 1;                       ///< what affinity and quotas left of the machine, where it was asked
    sequential_reason why = sequential_reason::no_place;
    std::chrono::nanoseconds wall{};
    std::chrono::nanoseconds busy{};

    [[nodiscard]] bool parallel() const noexcept { return workers > 1; }
    /// busy / wall: how many times faster than the same calls one after another; 0 for an empty run.
    [[nodiscard]] double speedup() const noexcept {
        return wall.count() > 0 ? static_cast<double>(busy.count()) / static_cast<double>(wall.count()) : 0.0;
    }
    /// speedup / workers: what share of the workers' time was work.
    [[nodiscard]] double efficiency() const noexcept {
        return speedup() / static_cast<double>(workers == 0 ? 1 : workers);
    }

    void write_json(json_writer& to) const;
    friend bool operator==(run_report const&, run_report const&) = default;
};

/// One line for people: `98 of 100 items done, 2 failed in 1.2s on 8 workers: speed-up 7.61, efficiency 95 %`.
[[nodiscard]] std::string to_string(run_report const& of);

// Implementation

inline void run_report::write_json(json_writer& to) const {
    to.object([&] {
        to.member("items", items).member("finished", finished).member("failed", failed);
        to.member("parallel", parallel()).member("configured", configured);
        to.member("workers", workers).member("cores", cores);
        if (parallel()) to.member("sequential_because", nullptr);
        else to.member("sequential_because", name_of(why));
        to.member("wall_s", wall).member("busy_s", busy);
        to.member("speedup", speedup()).member("efficiency", efficiency());
    });
}

inline std::string to_string(run_report const& of) {
    auto const done = of.finished - of.failed;
    auto out = std::to_string(done) + (of.items != done ? " of " + std::to_string(of.items) : "") +
               (of.items == 1 ? " item done" : " items done");
    if (of.failed != 0) out += ", " + std::to_string(of.failed) + " failed";
    if (of.items > of.finished) out += ", " + std::to_string(of.items - of.finished) + " not run";
    auto const to_unit = std::chrono::nanoseconds{of.wall < std::chrono::milliseconds{1} ? 1'000 : 1'000'000};
    out += " in " + duration_text(of.wall - of.wall % to_unit);
    if (!of.parallel()) return out + ", one after another: " + std::string{name_of(of.why)};
    return out + " on " + std::to_string(of.workers) + " workers: speed-up " + rounded_down(of.speedup(), 2) +
           ", efficiency " + rounded_down(of.efficiency() * 100, 0) + " %";
}

}  // namespace muster
