#pragma once

#include <measure.hpp>    // report

namespace bench {

/// What starting a program costs, one at a time and eight at once: ours, a bare loop of posix_spawn and poll, raw vfork with
/// pidfd, xargs, and Python's subprocess; from a small process and from one that holds 2 GiB.
void compare_programs(report const& to);

}  // namespace bench
