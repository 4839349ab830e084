#include "problem.hpp"

#include <algorithm>     // fill, min, max
#include <cstdio>        // fprintf
#include <cstdlib>       // abort
#include <map>           // busy time
#include <thread>        // hardware_concurrency

namespace bench::loops {

std::vector<std::size_t> every_width() {
    std::vector<std::size_t> widths{1, 2};
    for (std::size_t width = 4; width <= std::min(32u, std::thread::hardware_concurrency()); width *= 2) widths.push_back(width);
    return widths;
}

namespace {

struct participant {
    std::string name;    // with its width
    std::size_t width;
    workloads can;
};

void check(bool right, std::string const& prefix, std::string const& name) {
    if (right) return;
    std::fprintf(stderr, "%s gives wrong values: %s\n", name.c_str(), prefix.c_str());
    std::abort();
}

/// How many steps of `turn` take a microsecond here, when nobody disturbs.
double steps_a_microsecond() {
    constexpr std::uint32_t many = 200'000;
    double fastest = 1;
    for (int i = 0; i < 20; ++i) fastest = std::min(fastest, seconds([&] { keep(turn(many)); }));
    return many / (fastest * 1e6);
}

/// All who take part, and how they are compared.
struct comparison {
    report const& to;
    std::vector<participant> all;
    double a_microsecond = steps_a_microsecond();

    explicit comparison(report const& into) : to(into) {
        for (auto const& one : rivals<rival>())
            for (auto const width : one.widths) {
                auto const name = one.widths.size() == 1 ? std::string{one.name} : with_width(one.name, width);
                all.push_back({name, width, one.start(width)});
            }
    }
    /// As many steps of `turn` as take so long.
    [[nodiscard]] std::uint32_t steps(double microseconds) const { return static_cast<std::uint32_t>(microseconds * a_microsecond); }

    /// "tiny_muster_2_wide_against_serial", and so for all.
    void against_serial(std::string const& prefix, quiet_rounds const& taken) const {
        for (auto const& name : taken.names())
            if (name != "serial") taken.ratio(to, prefix + name + "_against_serial", name, "serial");
    }
    void against_onetbb(std::string const& prefix, quiet_rounds const& taken) const {
        for (std::string const face : {"muster", "muster_inside", "muster_map"})
            for (std::string const width : {"_1_wide", "_2_wide"})
                taken.ratio(to, prefix + face + width + "_against_onetbb", face + width, "onetbb" + width);
    }

    /// `run(participant)` answers seconds; those for whom `takes_part(participant)` is false are left out.
    template <class TakesPart, class Run>
    quiet_rounds compare(double unit, double most_seconds, TakesPart const& takes_part, Run const& run) const {
        std::vector<contender> contenders;
        for (auto const& one : all)
            if (takes_part(one)) contenders.push_back({one.name, [&, unit] { return run(one) / unit; }});
        return in_quiet_rounds(contenders, to.size(15, 1), most_seconds);
    }

    /// The loop over `in`, `times` in a row; a sample is the time of one.
    quiet_rounds tiny(std::string const& prefix, std::vector<std::uint32_t> const& in, std::size_t times, double unit, double most_seconds) const {
        std::vector<std::uint32_t> expected, out(in.size());
        for (auto const each : in) expected.push_back(mix(each));
        return compare(unit * static_cast<double>(times), most_seconds, [](auto const& one) { return one.width <= 2 && one.can.tiny; },
                       [&](auto const& one) {
                           std::fill(out.begin(), out.end(), 0);
                           auto const took = seconds([&] { one.can.tiny(in, out, times); });
                           check(out == expected, prefix, one.name);
                           return took;
                       });
    }
    quiet_rounds turns(std::string const& prefix, std::vector<std::uint32_t> const& steps, std::size_t times, double unit, double most_seconds,
                       std::size_t most_wide = 2) const {
        std::vector<std::uint64_t> expected, out(steps.size());
        for (auto const each : steps) expected.push_back(turn(each));
        return compare(unit * static_cast<double>(times), most_seconds,
                       [&](auto const& one) { return one.width <= most_wide && one.can.turns; },
                       [&](auto const& one) {
                           std::fill(out.begin(), out.end(), 0);
                           auto const took = seconds([&] { one.can.turns(steps, out, times); });
                           check(out == expected, prefix, one.name);
                           return took;
                       });
    }
};

/// What each worker was in its items for, the busiest over the mean.
double imbalance(std::vector<stint> const& stints, std::size_t workers) {
    std::map<std::uint32_t, double> busy;
    double all = 0;
    for (auto const& each : stints) {
        auto const took = static_cast<double>(each.took.count());
        busy[each.thread] += took;
        all += took;
    }
    double most = 0;
    for (auto const& [thread, time] : busy) most = std::max(most, time);
    return most * static_cast<double>(workers) / all;
}

/// Ten million items of less than a nanosecond each.
void compare_tiny(report const& to, comparison const& with) {
    std::vector<std::uint32_t> items(to.size<std::size_t>(10'000'000, 10'000));
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = static_cast<std::uint32_t>(i * 2654435761);
    auto const taken = with.tiny("tiny", items, 4, 1e-3, 12);
    taken.figures(to, "tiny_", "_ms", "ms");
    with.against_serial("tiny_", taken);
    with.against_onetbb("tiny_", taken);
    for (std::string const name : {"muster_1_wide", "muster_map_1_wide"})
        taken.ratio(to, "tiny_" + name + "_speed_of_hand_vectorised", "hand_vectorised", name);
}

/// Ten thousand items: the first is a tenth of the work, the first half nine tenths.
void compare_irregular(report const& to, comparison const& with) {
    std::vector<std::uint32_t> steps(to.size<std::size_t>(10'000, 100));
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<std::uint32_t>(20 + 400'000 / (i + 1));
    auto const taken = with.turns("irregular", steps, 2, 1e-3, 12);
    taken.figures(to, "irregular_", "_ms", "ms");
    with.against_serial("irregular_", taken);
    with.against_onetbb("irregular_", taken);
}

/// 64 items, again and again: what it costs to begin and end a loop, and what is gained where an item takes a microsecond.
void compare_small(report const& to, comparison const& with) {
    std::vector<std::uint32_t> items(64);
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = static_cast<std::uint32_t>(i);
    auto const tiny = with.tiny("small", items, to.size<std::size_t>(1'000, 10), 1e-6, 10);
    tiny.figures(to, "small_", "_us", "us");
    with.against_onetbb("small_", tiny);

    auto const longer = with.turns("small_1us", std::vector<std::uint32_t>(64, with.steps(1)), to.size<std::size_t>(200, 2), 1e-6, 10);
    longer.figures(to, "small_1us_", "_us", "us");
    for (auto const& name : longer.names())
        if (name != "serial") longer.ratio(to, "small_1us_" + name + "_speedup", "serial", name);
}

/// A hundred tasks of a millisecond, on every width that has its cores.
void compare_ms_tasks(report const& to, comparison const& with) {
    std::vector<std::uint32_t> const steps(to.size<std::size_t>(100, 2), with.steps(1'000));
    auto const taken = with.turns("ms_tasks", steps, 1, 1e-3, 12, every_width().back());
    taken.figures(to, "ms_tasks_", "_ms", "ms");
    for (auto const& one : with.all) {
        auto const took = taken.of(one.name);
        if (took.empty() || one.name == "serial") continue;
        auto speedup = ratios(taken.of("serial"), took);
        to.figure("ms_tasks_" + one.name + "_speedup", speedup, "x");
        for (auto& each : speedup) each *= 100 / static_cast<double>(one.width);
        to.figure("ms_tasks_" + one.name + "_efficiency", speedup, "%");
    }
}

/// A thousand partitions of 20 us: what the workers spend on each beside its work.
void compare_partitions(report const& to, comparison const& with) {
    std::vector<std::uint32_t> const steps(to.size<std::size_t>(1'000, 10), with.steps(20));
    auto const taken = with.turns("partitions", steps, 1, 1e-6, 10);
    taken.figures(to, "partitions_", "_us", "us");
    auto const work = taken.of("serial");
    for (auto const& one : with.all) {
        auto overhead = taken.of(one.name);
        if (overhead.empty() || one.name == "serial") continue;
        for (std::size_t i = 0; i < overhead.size(); ++i)
            overhead[i] = (overhead[i] * static_cast<double>(one.width) - work[i]) / static_cast<double>(steps.size());
        to.figure("partitions_" + one.name + "_overhead", overhead, "us");
    }
}

/// Ten thousand tasks, a few of them a hundred times as long as most, in no order: how evenly they are shared out.
void compare_skewed(report const& to, comparison const& with) {
    std::vector<std::uint32_t> steps(to.size<std::size_t>(10'000, 100));
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<std::uint32_t>(200 + 200'000 / (1 + i * 7'919 % 1'000));
    std::vector<std::uint64_t> expected;
    for (auto const each : steps) expected.push_back(turn(each));
    std::vector<stint> stints(steps.size());
    auto const same = [](stint const& a, std::uint64_t b) { return a.value == b; };
    auto const run = [&](participant const& one) {
        std::fill(stints.begin(), stints.end(), stint{});
        one.can.stints(steps, stints);
        check(std::equal(stints.begin(), stints.end(), expected.begin(), same), "skewed", one.name);
        return imbalance(stints, one.width);
    };
    with.compare(1, 8, [](auto const& one) { return one.width == 2 && one.can.stints; }, run).figures(to, "skewed_", "_busiest_over_mean", "x");
}

}  // namespace
}  // namespace bench::loops

int main(int argc, char** argv) {
    using namespace bench;
    report const to{argc, argv};
    loops::comparison const with{to};
    loops::compare_tiny(to, with);
    loops::compare_irregular(to, with);
    loops::compare_small(to, with);
    loops::compare_ms_tasks(to, with);
    loops::compare_partitions(to, with);
    loops::compare_skewed(to, with);
}
