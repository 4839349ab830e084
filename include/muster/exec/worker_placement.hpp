#pragma once

#include <cstddef>    // size_t
#include <vector>     // CPUs

namespace muster {

/// Which CPU each worker of a pool is bound to, and whom it asks for work first.
///
/// Shape      worker i calls `bind(cpus[i])` when it starts, past the end from the front again; empty binds nobody. `near` holds for
///            each of them in turn the numbers of all the others, the nearest first; empty is one after the other.
///            exec/place_workers.hpp makes all three from a topology.
/// Fails      where the machine refuses, a worker stays where the system puts it.
struct worker_placement {
    std::vector<std::size_t> cpus{};
    std::vector<std::size_t> near{};
    void (*bind)(std::size_t cpu) = nullptr;
};

}  // namespace muster
