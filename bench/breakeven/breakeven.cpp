#include "problem.hpp"

#include <algorithm>     // clamp
#include <cstdio>        // the table
#include <cstdlib>       // abort
#include <cstring>       // strcmp
#include <functional>    // ref
#include <iterator>      // size
#include <string>        // names
#include <vector>        // items

#include <muster/core/stage.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/os/cpus.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/process/process_pool.hpp>

namespace bench::breakeven {

std::uint64_t work(std::uint32_t steps) noexcept {
    std::uint64_t x = steps + 1;
    for (; steps > 0; --steps) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

int work_if_asked(int argc, char** argv) {
    if (argc != 3 || std::strcmp(argv[1], "--work") != 0) return -1;
    keep(work(static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))));
    return 0;
}

namespace {

using namespace muster;

struct length {
    char const* name;
    double ns;
};
constexpr length lengths[] = {{"100ns", 1e2}, {"1us", 1e3}, {"10us", 1e4}, {"100us", 1e5}, {"1ms", 1e6}, {"10ms", 1e7}};

/// What one kind of worker made of one length.
struct cell {
    double speedup;        // over the loop
    double overhead_ns;    // of all cores' time that a task takes, what is not its work
};

}  // namespace

void compare(report const& to) {
    constexpr std::uint32_t many = 1'000'000;
    double ns_a_step = 1e9;
    for (int i = 0; i < 20; ++i) ns_a_step = std::min(ns_a_step, seconds([&] { keep(work(many)); }) * 1e9 / many);

    auto const cores = granted_cpus();
    thread_pool threads;
    process_pool cells;
    command_runner programs;
    blocking_pool io{cores};
    constexpr auto task = [](std::uint32_t steps) { return work(steps); };

    std::vector<std::string> const names{"thread_pool", "process_pool", "command_runner"};
    std::vector<std::vector<cell>> table(names.size());
    for (auto const& each : lengths) {
        auto const steps = static_cast<std::uint32_t>(each.ns / ns_a_step);
        auto const expected = work(steps);
        auto const all = to.size(5e7, 2e6);    // ns of work in a run
        std::vector<std::uint32_t> const items(std::clamp<std::size_t>(static_cast<std::size_t>(all / each.ns), 2 * cores, 100'000), steps);
        // Of programs no more than this: each takes a millisecond, whatever it does.
        std::vector<command> const commands(std::min<std::size_t>(items.size(), to.size<std::size_t>(64, 8)),
                                            command{.program = "/proc/self/exe", .args = {"--work", std::to_string(steps)}, .environment = {}});

        auto const ns_a_task = [](std::size_t n, auto const& run) { return seconds(run) * 1e9 / static_cast<double>(n); };
        auto const mapped = [&](auto const& stage) {
            decltype(map(items, stage)) made;
            auto const took = ns_a_task(items.size(), [&] { made = map(items, stage); });
            for (auto const& one : made)
                if (one.value() != expected) std::abort();
            return took;
        };
        std::vector<contender> const contenders{
            {"loop", [&] {
                 return ns_a_task(items.size(), [&] {
                     for (auto const item : items) keep(task(item));
                 });
             }},
            {names[0], [&] { return mapped(on{threads} | task); }},
            {names[1], [&] { return mapped(on{cells} | task); }},
            {names[2], [&] {
                 return ns_a_task(commands.size(), [&] {
                     for (auto const& done : map(commands, on{io, cores} | std::ref(programs)))
                         if (!done) std::abort();
                 });
             }}};
        auto const taken = in_quiet_rounds(contenders, to.size(9, 1), 8);
        auto const tag = std::string{each.name} + '_';
        taken.figures(to, tag, "_ns", "ns/task");
        auto const loop = taken.of("loop");
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto const took = taken.of(names[i]);
            std::vector<double> overhead;
            for (std::size_t round = 0; round < took.size(); ++round) overhead.push_back(static_cast<double>(cores) * took[round] - loop[round]);
            auto const speedup = ratios(loop, took);
            to.figure(tag + names[i] + "_speedup", speedup, "x");
            to.figure(tag + names[i] + "_overhead_ns", overhead, "ns/task");
            table[i].push_back({median(speedup), median(overhead)});
        }
    }

    std::printf("\nTasks on %zu cores: how much quicker than a loop, and what a task takes of the cores' time besides its work\n%10s", cores, "");
    for (auto const& name : names) std::printf("%26s", name.c_str());
    for (std::size_t l = 0; l < std::size(lengths); ++l) {
        std::printf("\n%10s", lengths[l].name);
        for (auto const& column : table) std::printf("%12.3g x %9.3g us", column[l].speedup, column[l].overhead_ns / 1e3);
    }
    std::printf("\n%10s", "pays from");
    for (auto const& column : table) {
        auto from = column.size();
        while (from > 0 && column[from - 1].speedup > 1) --from;
        std::printf("%26s", from == column.size() ? "nowhere" : lengths[from].name);
    }
    std::printf("\n\n");
}

}  // namespace bench::breakeven
