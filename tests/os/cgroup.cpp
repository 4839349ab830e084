#include <muster/os/cgroup.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster;

TEST_CASE("cgroup: reads cpu.max", "[os][cgroup]") {
    CHECK(cgroup::parse_cpu_max("200000 100000\n") == 2.0);
    CHECK(cgroup::parse_cpu_max("150000 100000") == 1.5);
    CHECK(cgroup::parse_cpu_max("50000") == 0.5);
    CHECK_FALSE(cgroup::parse_cpu_max("max 100000\n"));
    CHECK_FALSE(cgroup::parse_cpu_max("-1 100000\n"));
    CHECK_FALSE(cgroup::parse_cpu_max("200000 0\n"));
    CHECK_FALSE(cgroup::parse_cpu_max(""));
    CHECK_FALSE(cgroup::parse_cpu_max("12x 100000"));
    CHECK_FALSE(cgroup::parse_cpu_max("99999999999999999999999 100000"));
}

TEST_CASE("cgroup: reads numbers and keyed lines", "[os][cgroup]") {
    CHECK(cgroup::parse_number("12\n") == 12u);
    CHECK_FALSE(cgroup::parse_number("max\n"));
    CHECK_FALSE(cgroup::parse_number(""));
    auto const events = "low 0\nhigh 0\noom 3\noom_kill 2\noom_group_kill 1\n";
    CHECK(cgroup::parse_keyed(events, "oom_kill") == 2u);
    CHECK(cgroup::parse_keyed(events, "oom") == 3u);
    CHECK_FALSE(cgroup::parse_keyed(events, "oom_k"));
    CHECK_FALSE(cgroup::parse_keyed("", "oom_kill"));
}

TEST_CASE("cgroup: finds its path of either version", "[os][cgroup]") {
    auto const text = "12:cpu,cpuacct:/docker/abc\n5:pids:/user\n1:name=systemd:/x\n0::/system.slice/a:b.service\nbroken\n";
    CHECK(cgroup::parse_path(text, "") == "/system.slice/a:b.service");
    CHECK(cgroup::parse_path(text, "cpu") == "/docker/abc");
    CHECK(cgroup::parse_path(text, "cpuacct") == "/docker/abc");
    CHECK(cgroup::parse_path(text, "pids") == "/user");
    CHECK_FALSE(cgroup::parse_path(text, "memory"));
}

TEST_CASE("cgroup: version 2: the tightest group above counts", "[os][cgroup]") {
    temporary_folder const root;
    root.put("proc/self/cgroup", "0::/a/b\n");
    root.put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    root.put("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
    root.put("sys/fs/cgroup/cpu.max", "800000 100000\n");
    root.put("sys/fs/cgroup/a/b/pids.max", "100\n");
    root.put("sys/fs/cgroup/a/b/pids.current", "40\n");
    root.put("sys/fs/cgroup/a/pids.max", "50\n");
    root.put("sys/fs/cgroup/a/pids.current", "48\n");
    root.put("sys/fs/cgroup/a/b/memory.events", "oom 1\noom_kill 4\n");
    auto const group = cgroup::of_process(root.path());
    CHECK(group.cpu_quota() == 3.0);
    CHECK(group.free_tasks() == 2u);
    CHECK(group.memory_kills() == 4u);
}

TEST_CASE("cgroup: version 2: in a container the mount is the group", "[os][cgroup]") {
    temporary_folder const root;
    root.put("proc/self/cgroup", "0::/kubepods/pod1/abc\n");    // a path of the host, not below this mount
    root.put("sys/fs/cgroup/cpu.max", "250000 100000\n");
    CHECK(cgroup::of_process(root.path()).cpu_quota() == 2.5);
}

TEST_CASE("cgroup: version 1: quota, tasks, memory kills", "[os][cgroup]") {
    temporary_folder const root;
    root.put("proc/self/cgroup", "4:cpu,cpuacct:/jobs/x\n3:pids:/p\n2:memory:/m\n");
    root.put("sys/fs/cgroup/cpu/jobs/x/cpu.cfs_quota_us", "-1\n");
    root.put("sys/fs/cgroup/cpu/jobs/x/cpu.cfs_period_us", "100000\n");
    root.put("sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "400000\n");
    root.put("sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "200000\n");
    root.put("sys/fs/cgroup/pids/p/pids.max", "10\n");
    root.put("sys/fs/cgroup/pids/p/pids.current", "12\n");    // a limit may be lowered below what runs
    root.put("sys/fs/cgroup/memory/m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    auto const group = cgroup::of_process(root.path());
    CHECK(group.cpu_quota() == 2.0);
    CHECK(group.free_tasks() == 0u);
    CHECK(group.memory_kills() == 7u);
}

TEST_CASE("cgroup: where nothing is mounted there is no limit", "[os][cgroup]") {
    temporary_folder const root;
    auto const group = cgroup::of_process(root.path());
    CHECK_FALSE(group.cpu_quota());
    CHECK_FALSE(group.free_tasks());
    CHECK_FALSE(group.memory_kills());
}
