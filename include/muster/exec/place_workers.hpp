#pragma once

#include <algorithm>    // stable_sort
#include <cstddef>      // size_t
#include <numeric>      // iota
#include <utility>      // move
#include <vector>       // CPUs

#include <muster/exec/worker_placement.hpp>    // worker_placement
#include <muster/os/topology.hpp>              // topology

namespace muster {

namespace detail {
inline worker_placement placed_on(topology const& machine, std::vector<std::size_t> cpus) {
    worker_placement out{std::move(cpus), {}};
    for (std::size_t me = 0; me < out.cpus.size(); ++me) {
        std::vector<std::size_t> others(out.cpus.size());
        std::iota(others.begin(), others.end(), std::size_t{0});
        std::rotate(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(me), others.end());    // among equals not all ask the same one first
        others.erase(others.begin());
        auto const mine = machine.place_of(out.cpus[me]);
        auto const far = [&](std::size_t other) { return topology::distance(*mine, *machine.place_of(out.cpus[other])); };
        std::stable_sort(others.begin(), others.end(), [&](std::size_t a, std::size_t b) { return far(a) < far(b); });
        out.near.push_back(std::move(others));
    }
    return out;
}
}  // namespace detail

/// Workers over the whole machine, one a core first: the most memory bandwidth and cache for each.
///
/// Example    `thread_pool pool{{.workers = 8, .placement = spread_workers(topology::of_process(), 8)}};`
inline worker_placement spread_workers(topology const& machine, std::size_t workers) {
    return detail::placed_on(machine, machine.spread(workers));
}

/// Workers close together, a node filled before the next begins: for work that shares much.
inline worker_placement compact_workers(topology const& machine, std::size_t workers) {
    return detail::placed_on(machine, machine.compact(workers));
}

}  // namespace muster
