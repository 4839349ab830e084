#pragma once

#include <cstddef>    // size_t
#include <vector>     // CPUs

namespace muster {

/// Which CPU each worker of a pool is bound to, and whom it asks for work first.
///
/// Shape      worker i is bound to `cpus[i]`, past the end from the front again; empty binds nobody. `near[i]` are the numbers of the
///            other workers, the nearest first; empty is one after the other. exec/place_workers.hpp makes both from a topology.
/// Fails      where the machine refuses, a worker stays where the system puts it.
struct worker_placement {
    std::vector<std::size_t> cpus{};
    std::vector<std::vector<std::size_t>> near{};
};

}  // namespace muster
