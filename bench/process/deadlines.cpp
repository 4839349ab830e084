#include "problem.hpp"

#include <chrono>    // literals
#include <string>    // names
#include <thread>    // sleep_for
#include <vector>    // blocks

#include <unistd.h>    // pause

#include <muster/core/stage.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

namespace bench::process {

using namespace muster;
using namespace std::chrono_literals;

void compare_deadlines(report const& to) {
    constexpr auto after = 5ms;
    process_pool cells{{.workers = 1}};
    std::uint64_t number = common.begun.load();
    auto const stage = deadline{after} | isolate{cells} | [](std::uint64_t mine) {
        common.begun = mine;
        for (;;) pause();
        return 0;    // for its type
    };
    auto const overshoot = [&] {
        while (cells.health().alive == 0) std::this_thread::sleep_for(100us);    // the one in its place is no part of this
        std::this_thread::sleep_for(1ms);
        ++number;
        auto const start = std::chrono::steady_clock::now();
        auto const answer = stage(number);
        auto const took = std::chrono::steady_clock::now() - start;
        if (answer || !answer.error().is(cause::timed_out) || common.begun != number) std::abort();
        return std::chrono::duration<double, std::milli>(took - after).count();
    };
    auto const sleep = [&] {
        auto const start = std::chrono::steady_clock::now();
        std::this_thread::sleep_for(after);
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start - after).count();
    };
    auto const block = [&](auto const& one) {
        return [&] {
            std::vector<double> took;
            for (int i = 0; i < to.size(20, 3); ++i) took.push_back(one());
            return median(took);
        };
    };
    in_quiet_rounds({{"muster", block(overshoot)}, {"sleep", block(sleep)}}, to.size(11, 1), 10).figures(to, "deadline_overshoot_", "_ms", "ms");
}

}  // namespace bench::process
