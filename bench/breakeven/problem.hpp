#pragma once

#include <cstdint>    // uint64_t

#include <measure.hpp>    // report

// From which length of a task on it pays to hand it to a thread, to a worker process, to a program of its own.

namespace bench::breakeven {

/// Some work: so many steps, each of which needs the one before. Steps and no time: where two share a processor each takes longer.
std::uint64_t work(std::uint32_t steps) noexcept;

/// What this program does when it is started with `--work STEPS`: as little as a program can besides its work. -1 where it is not.
int work_if_asked(int argc, char** argv);

/// Tasks of 100 ns to 10 ms, one after another in a loop, and on as many workers as there are cores of each kind.
void compare(report const& to);

}  // namespace bench::breakeven
