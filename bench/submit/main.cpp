#include "problem.hpp"

#include <cmath>      // log
#include <cstdlib>    // abort
#include <map>        // samples by name
#include <string>     // names

#include <sys/prctl.h>    // PR_SET_TIMERSLACK
#include <sys/wait.h>     // waitpid
#include <unistd.h>       // fork, pipe

namespace bench::submit {

double resident() {
    auto* const file = std::fopen("/proc/self/statm", "r");
    if (!file) return 0;
    double all = 0, there = 0;
    auto const read = std::fscanf(file, "%lf %lf", &all, &there);
    std::fclose(file);
    return read == 2 ? there * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t work(std::uint32_t steps) noexcept {
    std::uint64_t x = steps + 1;
    for (; steps > 0; --steps) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

namespace {

/// What `measure` answers in a process of its own. Before this one has a thread: a child has only the one that made it.
///
/// A million tasks that were made here and freed elsewhere leave an allocator in disorder: oneTBB's task_group takes eight times as
/// long after a flood of its arena. Whoever comes next should not pay for that.
template <class Measure>
auto in_child(Measure const& measure) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    auto const child = fork();
    if (child < 0) std::abort();
    if (child == 0) {
        auto const answer = measure();
        _exit(write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    close(ends[1]);
    decltype(measure()) answer{};
    auto const got = read(ends[0], &answer, sizeof answer);
    close(ends[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0 || got != sizeof answer) std::abort();
    return answer;
}

/// What a task that waits takes of memory, and what workers without work take of the processor.
void compare_at_rest(report const& to) {
    auto const memory = [&](rival const& one, std::size_t width) {
        return in_child([&] {
            auto const can = one.start(width);
            return can.memory ? can.memory(to.size<std::size_t>(1'000'000, 10'000)) : 0.0;
        });
    };
    auto const idle = [&](rival const& one, std::size_t width) {
        return in_child([&] {
            auto const can = one.start(width);
            can.flood(1'000);
            std::this_thread::sleep_for(std::chrono::milliseconds{to.size(200, 20)});
            auto const before = processor_seconds();
            auto const wall = seconds([&] { std::this_thread::sleep_for(std::chrono::milliseconds{to.size(1'000, 50)}); });
            return 100 * (processor_seconds() - before) / wall;
        });
    };
    for (auto const& one : rivals<rival>()) {
        auto const width = one.widths.back();
        auto const bytes = memory(one, width);
        if (bytes == 0) continue;
        to.figure("memory_" + with_width(one.name, width) + "_bytes", {bytes}, "B/task");
        to.figure("idle_" + with_width(one.name, width) + "_cpu", {idle(one, width)}, "%");
    }
}

/// How far what they use is from the ceiling that they were given.
void compare_ceilings(report const& to) {
    for (auto const& one : rivals<rival>()) {
        auto const can = one.start(one.widths.back());
        if (!can.three_quarters) continue;
        std::vector<double> used, off;
        for (int i = 0; i < to.size(5, 1); ++i) {
            used.push_back(can.three_quarters(to.size(0.4, 0.05)));
            off.push_back(std::abs(used.back() - 0.75));
        }
        to.figure("ceiling_75_" + with_width(one.name, one.widths.back()) + "_used", used, "of both");
        to.figure("ceiling_75_" + with_width(one.name, one.widths.back()) + "_off", off, "of both");
    }
}

/// A sample is the second flood of a process: the first one gets the memory from the system.
void compare_floods(report const& to) {
    std::vector<contender> contenders;
    for (auto const& one : rivals<rival>()) {
        if (one.full == 0) continue;
        for (auto const width : one.widths)
            contenders.push_back({with_width(one.name, width), [one, width, many = to.size(one.full, one.little)] {
                return in_child([&] {
                    auto const can = one.start(width);
                    can.flood(many);
                    settle();
                    return seconds([&] { can.flood(many); }) * 1e9 / static_cast<double>(many);
                });
            }});
    }
    auto const taken = in_quiet_rounds(contenders, to.size(7, 1), 25);
    taken.figures(to, "flood_", "_ns", "ns/task");
    for (std::string const width : {"_1_wide", "_2_wide"})
        for (std::string const rival : {"onetbb", "onetbb_task_group", "openmp", "mutex_queue", "boost_asio"})
            taken.ratio(to, "flood_muster" + width + "_against_" + rival, "muster" + width, rival + width);
}

/// The first task of a pool against those that come later, 1 ms after one another: after warm_up(), and as the pool is made.
void compare_first_tasks(report const& to) {
    struct times {
        double first, steady;    // us
    };
    std::map<std::string, std::vector<double>> first, steady;
    std::vector<contender> contenders;
    for (auto const& one : rivals<rival>()) {
        for (bool const warm : {true, false}) {
            auto const name = with_width(one.name, one.widths.back()) + (warm ? "_warmed_up" : "_cold");
            auto const takes_part = in_child([&] {
                auto const can = one.start(one.widths.back());
                return can.whole && (!warm || can.warm_up);
            });
            if (!takes_part) continue;
            contenders.push_back({name, [&, one, warm, name] {
                auto const took = in_child([&] {
                    // What the measuring itself does for the first time in this process is nobody's cost.
                    time_to_end([](auto const& task) { std::thread{task}.join(); }, use_stack);
                    auto const can = one.start(one.widths.back());
                    if (warm) can.warm_up();
                    std::vector<double> all;
                    for (int i = 0; i < 30; ++i) {
                        std::this_thread::sleep_for(std::chrono::milliseconds{1});
                        all.push_back(can.whole() * 1e6);
                    }
                    auto const begin = all.front();
                    all.erase(all.begin());
                    return times{begin, median(all)};
                });
                first[name].push_back(took.first);
                steady[name].push_back(took.steady);
                return took.first / took.steady;
            }});
        }
    }
    auto const taken = in_quiet_rounds(contenders, to.size(21, 1), 8);
    taken.figures(to, "first_task_", "_over_steady", "x");
    for (auto const& name : taken.names()) {
        to.figure("first_task_" + name + "_us", taken.pick(first[name]), "us");
        to.figure("first_task_" + name + "_steady_us", taken.pick(steady[name]), "us");
    }
}

struct participant {
    std::string name;    // with its width
    queues can;
};

/// Wakes everybody in blocks: each runtime is left alone for so long before each task.
void compare_wakes(report const& to, std::vector<participant> const& all, std::string const& prefix, std::chrono::microseconds idle,
                   int block, int rounds) {
    std::map<std::string, std::vector<double>> late;
    std::vector<contender> contenders;
    for (auto const& one : all) {
        if (!one.can.wake) continue;
        contenders.push_back({one.name, [&, block] {
            std::vector<double> starts;
            for (int i = 0; i < block; ++i) {
                std::this_thread::sleep_for(idle);
                starts.push_back(one.can.wake() * 1e6);
            }
            late[one.name].push_back(quantile(starts, 0.99));
            return median(starts);
        }});
    }
    auto const taken = in_quiet_rounds(contenders, rounds, 12);
    taken.figures(to, prefix, "_p50", "us");
    for (auto const& name : taken.names()) to.figure(prefix + name + "_p99", taken.pick(late[name]), "us");
    for (auto const& name : taken.names())
        if (name != "bare_futex") taken.ratio(to, prefix + name + "_against_bare_futex", name, "bare_futex");
    taken.ratio(to, prefix + "muster_2_wide_against_onetbb", "muster_2_wide", "onetbb_2_wide");
}

/// Tasks of 100 us at random moments, two every 125 us on average, for two workers.
void compare_latencies(report const& to, std::vector<participant> const& all) {
    constexpr std::uint32_t many = 200'000;
    double a_step = 1;
    for (int i = 0; i < 20; ++i) a_step = std::min(a_step, seconds([&] { keep(work(many)); }) / many);
    arrivals coming{{}, static_cast<std::uint32_t>(100e-6 / a_step)};
    std::uint64_t random = 88'172'645'463'325'252;
    double at = 0;
    for (auto const end = to.size(0.4, 0.02); at < end; coming.due.push_back(at)) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        at -= 62.5e-6 * std::log((static_cast<double>(random >> 11) + 1) * 0x1p-53);    // exponential, mean 62.5 us
    }

    std::vector<contender> contenders;
    for (auto const& one : all)
        if (one.can.latencies)
            contenders.push_back({one.name, [&one, &coming] { return quantile(one.can.latencies(coming), 0.99) * 1e3; }});
    prctl(PR_SET_TIMERSLACK, 1'000);    // ns; sleeps end when they should, not up to 50 us later
    in_quiet_rounds(contenders, to.size(5, 1), 15).figures(to, "latency_", "_p99_ms", "ms");
    prctl(PR_SET_TIMERSLACK, 0);        // as before
}

}  // namespace
}  // namespace bench::submit

int main(int argc, char** argv) {
    using namespace bench;
    using namespace std::chrono_literals;
    report const to{argc, argv};
    submit::compare_at_rest(to);
    submit::compare_floods(to);
    submit::compare_first_tasks(to);
    submit::compare_ceilings(to);

    std::vector<submit::participant> all;    // on two workers
    for (auto const& one : rivals<submit::rival>()) all.push_back({with_width(one.name, one.widths.back()), one.start(one.widths.back())});
    submit::compare_wakes(to, all, "wake_500us_", 500us, to.size(50, 5), to.size(20, 1));
    submit::compare_wakes(to, all, "wake_5ms_", 5ms, to.size(20, 2), to.size(10, 1));
    submit::compare_latencies(to, all);
}
