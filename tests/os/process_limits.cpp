#include <muster/os/process_limits.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster;

namespace {
void put_process(temporary_folder const& root, std::string const& pid, int user, int threads, std::string const& rights = "0") {
    root.put("proc/" + pid + "/status", "Name:\tx\nUid:\t" + std::to_string(user) + "\t0\t0\t0\nThreads:\t" +
                                            std::to_string(threads) + "\nCapEff:\t" + rights + "\n");
}
}  // namespace

TEST_CASE("process_limits: headroom is the limit less the user's threads", "[os][process_limits]") {
    temporary_folder const root;
    put_process(root, "self", 1000, 3);
    put_process(root, "10", 1000, 3);
    put_process(root, "11", 1000, 4);
    put_process(root, "12", 33, 50);
    auto const found = process_limits::read(root.path(), 20, 1000);
    CHECK(found.user_tasks == 7);
    CHECK(found.headroom() == 13u);
    CHECK(process_limits::read(root.path(), 5, 1000).headroom() == 0u);
    CHECK_FALSE(process_limits::read(root.path(), {}, 1000).headroom());
}

TEST_CASE("process_limits: root and whoever has the right are not bound by the user's limit", "[os][process_limits]") {
    temporary_folder const root;
    put_process(root, "10", 1000, 3);
    CHECK_FALSE(process_limits::read(root.path(), 20, 0).headroom());
    put_process(root, "self", 1000, 3, "0000000001000000");    // CAP_SYS_RESOURCE
    CHECK_FALSE(process_limits::read(root.path(), 20, 1000).headroom());
    put_process(root, "self", 1000, 3, "0000000000200000");    // CAP_SYS_ADMIN
    CHECK_FALSE(process_limits::read(root.path(), 20, 1000).headroom());
    put_process(root, "self", 1000, 3, "0000000000000400");
    CHECK(process_limits::read(root.path(), 20, 1000).headroom() == 17u);
}

TEST_CASE("process_limits: a control group's room counts as well", "[os][process_limits]") {
    temporary_folder const root;
    put_process(root, "self", 1000, 1);
    root.put("proc/self/cgroup", "0::/\n");
    root.put("sys/fs/cgroup/pids.max", "9\n");
    root.put("sys/fs/cgroup/pids.current", "5\n");
    CHECK(process_limits::read(root.path(), 20, 1000).headroom() == 4u);
    CHECK(process_limits::read(root.path(), 20, 0).headroom() == 4u);
}

TEST_CASE("process_limits: of this process are read without a throw", "[os][process_limits]") {
    auto const found = process_limits::of_process();
    CHECK((!found.headroom() || *found.headroom() < 1ull << 62));
}
