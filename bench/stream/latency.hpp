#pragma once

#include <cstddef>    // size_t
#include <vector>     // latencies

#include "problem.hpp"    // work

namespace bench::stream {

/// Milliseconds from when an item was due until its consumer had it, for items that come at random and go one by one.
std::vector<double> latencies(std::size_t items, double items_a_second, work each);
/// The same for threads with a queue under a mutex between them: what the machine allows at that load.
std::vector<double> latencies_of_mutex_queues(std::size_t items, double items_a_second, work each);

}  // namespace bench::stream
