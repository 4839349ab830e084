#pragma once

#include <measure.hpp>    // report

namespace bench {

/// What keeping a program's output costs, of one that says nothing and of one that writes 16 MiB: ours, a bare loop of posix_spawn
/// and poll, and Python's subprocess, which is running already.
void compare_capture(report const& to);

/// What starting a program costs, one at a time and eight at once: ours, a bare loop of posix_spawn and poll, raw vfork with
/// pidfd, xargs, and Python's subprocess; from a small process and from one that holds 2 GiB.
void compare_programs(report const& to);

}  // namespace bench
