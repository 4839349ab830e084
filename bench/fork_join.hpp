#pragma once

#include <cstddef>       // size_t
#include <cstdint>       // uint64_t
#include <cstdio>        // fprintf
#include <cstdlib>       // abort
#include <functional>    // function
#include <map>           // answers by size
#include <string>        // names
#include <utility>       // pair
#include <vector>        // rivals

#include <entered.hpp>    // rivals
#include <measure.hpp>    // report, in_quiet_rounds

// What the problems of fork and join share: a problem has a size and one number as its answer, a rival solves it with so many
// workers, and times are given per unit (a call, a node), because a rival that takes a hundred times as long gets a smaller size.

namespace bench::fork_join {

/// Answers the problem of that size, on threads that are already there.
using solver = std::function<std::uint64_t(std::size_t size)>;

/// One way to solve a problem.
struct rival {
    char const* problem;
    char const* name;
    std::size_t full, little;           ///< its sizes: such that a run takes some 10 ms or more, and for --short
    std::vector<std::size_t> widths;    ///< numbers of workers; 0: it takes as many threads as it likes
    solver (*start)(std::size_t workers);
};

/// What is to be solved.
struct problem {
    char const* name;
    char const* unit;
    std::size_t full, little;
    std::uint64_t (*serial)(std::size_t size);
    double (*units)(std::size_t size);
    char const* prefix = "";    ///< of its figures, where a program compares several problems
};

inline constexpr int rounds = 15;

/// Runs the serial baseline and every rival in turn, checks each answer, and writes nanoseconds a unit, and ratios to the
/// baseline, to oneTBB on as many workers, and of muster on more workers to muster on 2.
inline void compare(report const& to, problem const& what, double most_seconds) {
    std::map<std::size_t, std::uint64_t> answers;
    std::vector<contender> all;
    auto const add = [&](std::string name, std::size_t size, solver solve) {
        if (!answers.contains(size)) answers[size] = what.serial(size);
        all.push_back({std::move(name), [&, size, expected = answers[size], units = what.units(size), solve = std::move(solve), which = all.size()] {
            std::uint64_t answer = 0;
            auto const took = seconds([&] { answer = solve(size); });
            if (answer != expected) {
                std::fprintf(stderr, "%s answers %s of %zu with %llu, not %llu\n", all[which].name.c_str(), what.name, size,
                             static_cast<unsigned long long>(answer), static_cast<unsigned long long>(expected));
                std::abort();
            }
            return took * 1e9 / units;
        }});
    };
    add("serial", to.size(what.full, what.little), what.serial);
    for (auto const& one : rivals<rival>()) {
        if (std::string{one.problem} != what.name) continue;
        for (auto const width : one.widths)
            add(with_width(one.name, width), to.size(one.full, one.little), one.start(width));
    }

    auto const taken = in_quiet_rounds(all, to.size(rounds, 1), most_seconds);
    std::string const prefix = what.prefix;
    auto const against = [&](std::string const& name, std::string const& rival, std::string const& said) {
        taken.ratio(to, prefix + name + "_against_" + said, name, rival);
    };
    taken.figures(to, prefix, "_ns", std::string{"ns/"} + what.unit);
    for (auto const& name : taken.names())
        if (name != "serial") against(name, "serial", "serial");
    for (std::string const width : {"_1_wide", "_2_wide"})
        for (std::string const face : {"muster", "muster_worker"}) {
            against(face + width, "onetbb" + width, "onetbb");
            against(face + width, "serial_inlined", "serial_inlined");
        }
    against("muster_worker_2_wide", "muster_worker_1_wide", "1_wide");
    for (std::string const width : {"4_wide", "8_wide", "16_wide", "64_wide"})
        against("muster_worker_" + width, "muster_worker_2_wide", "2_wide");
}

}  // namespace bench::fork_join
