#include <muster/exec/place_workers.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include <muster/exec/thread_pool.hpp>

using namespace muster;
using numbers = std::vector<std::size_t>;

namespace {

// Two nodes of two cores each.
topology two_nodes() {
    temporary_folder const folder;
    auto const put = [&](std::string const& name, std::string const& text) { folder.put("sys/devices/system/" + name, text); };
    put("cpu/online", "0-3\n");
    for (std::size_t cpu = 0; cpu < 4; ++cpu) {
        auto const files = "cpu/cpu" + std::to_string(cpu) + "/topology/";
        put(files + "physical_package_id", std::to_string(cpu / 2) + "\n");
        put(files + "core_cpus_list", std::to_string(cpu) + "\n");
    }
    put("node/node0/cpulist", "0-1\n");
    put("node/node1/cpulist", "2-3\n");
    return topology::read(folder.path(), {});
}

}  // namespace

TEST_CASE("place_workers: each worker asks those of its own node first", "[exec]") {
    auto const machine = two_nodes();
    REQUIRE(machine.nodes() == 2);
    auto const spread = spread_workers(machine, 4);
    CHECK(spread.cpus == numbers{0, 2, 1, 3});
    CHECK(spread.near == numbers{2, 1, 3, 3, 2, 0, 0, 3, 1, 1, 0, 2});    // a row a worker: who shares its node, then the others
    auto const compact = compact_workers(machine, 4);
    CHECK(compact.cpus == numbers{0, 1, 2, 3});
    CHECK(compact.near == numbers{1, 2, 3, 0, 2, 3, 3, 0, 1, 2, 0, 1});
}

TEST_CASE("place_workers: one worker has nobody to ask, and more than there are CPUs share them", "[exec]") {
    auto const machine = two_nodes();
    CHECK(compact_workers(machine, 1).near.empty());
    auto const many = compact_workers(machine, 6);
    CHECK(many.cpus == numbers{0, 1, 2, 3, 0, 1});
    CHECK(many.near.size() == 6 * 5);
    CHECK(many.near.front() == 4);    // the other one on CPU 0
}

TEST_CASE("place_workers: a pool that is placed does its work", "[exec]") {
    thread_pool pool{{.workers = 3, .placement = spread_workers(topology::of_process(), 3)}};
    std::atomic<std::size_t> done{0};
    pool.bulk(1'000, 3, [&](std::size_t first, std::size_t last) { done += last - first; });
    CHECK(done == 1'000);
    CHECK(pool.run([](worker w) { return join(w, [](worker) { return 1; }, [](worker) { return 2; }).second; }).value() == 2);
}
