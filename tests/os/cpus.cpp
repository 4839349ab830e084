#include <muster/os/cpus.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster;

TEST_CASE("cpus: grants the least of affinity and quota, at least one", "[os][cpus]") {
    CHECK((cpus{8, 8, {}}.granted()) == 8);
    CHECK((cpus{8, 3, {}}.granted()) == 3);
    CHECK((cpus{8, 8, 2.0}.granted()) == 2);
    CHECK((cpus{8, 8, 1.5}.granted()) == 2);
    CHECK((cpus{8, 4, 6.0}.granted()) == 4);
    CHECK((cpus{8, 8, 0.1}.granted()) == 1);
    CHECK((cpus{8, 8, 0.0}.granted()) == 1);
    CHECK((cpus{0, 0, {}}.granted()) == 1);
    CHECK((cpus{8, 8, 1e30}.granted()) == 8);
}

TEST_CASE("cpus: reads the quota of its control group", "[os][cpus]") {
    temporary_folder const root;
    root.put("proc/self/cgroup", "0::/\n");
    root.put("sys/fs/cgroup/cpu.max", "50000 100000\n");
    auto const found = cpus::of_process(root.path());
    CHECK(found.quota == 0.5);
    CHECK(found.granted() == 1);
}

TEST_CASE("cpus: respects the mask of the process", "[os][cpus]") {
    cpu_set_t before, one;
    REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
        if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    auto const found = cpus::of_process();
    ::sched_setaffinity(0, sizeof before, &before);
    CHECK(found.affinity == 1);
    CHECK(found.granted() == 1);
    CHECK(cpus::of_process().affinity == static_cast<std::size_t>(CPU_COUNT(&before)));
}
