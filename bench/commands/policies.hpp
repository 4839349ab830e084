#pragma once

#include <measure.hpp>    // report

namespace bench {

/// Router policies of 100 networks by the real bgpq4, against one embedded responder: ours, `xargs -P8`, and a bare loop of
/// posix_spawn and poll; then widths, warm caches and small batches.
void compare_policies(report const& to);

/// The same policies from a cache on disk: a warm run against a cold one, and a small batch in parallel against one after another.
void compare_warm_policies(report const& to);

/// 100 policies of which three hang: how long their children are left after the deadline, the longest of all.
void compare_hung_servers(report const& to);

/// `sleep`, some at once, against one after another: what running programs in parallel gains where they wait.
void compare_sleeps(report const& to);

}  // namespace bench
