#include <muster/os/topology.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster;
using std::size_t;
using numbers = std::vector<size_t>;

static_assert(std::regular<topology>);

namespace {

// The files that a kernel shows of a machine.
class fake_machine {
public:
    std::string const& root() const { return folder_.path(); }
    void put(std::string const& name, std::string_view bytes) const { folder_.put("sys/devices/system/" + name, bytes); }
    void online(std::string_view list) const { put("cpu/online", list); }
    void node(size_t number, std::string_view list) const { put("node/node" + std::to_string(number) + "/cpulist", list); }
    void cpu(size_t number, std::string_view package, std::string_view core) const {
        put(of(number) + "topology/physical_package_id", package);
        put(of(number) + "topology/core_cpus_list", core);
    }
    void cache(size_t cpu, size_t index, std::string_view level, std::string_view shared) const {
        auto const name = of(cpu) + "cache/index" + std::to_string(index);
        put(name + "/level", level);
        put(name + "/shared_cpu_list", shared);
    }
    void remove(std::string const& name) const { std::filesystem::remove_all(folder_ / ("sys/devices/system/" + name)); }

    topology read(numbers const& allowed = {}) const { return topology::read(root(), allowed); }

    static std::string of(size_t number) { return "cpu/cpu" + std::to_string(number) + "/"; }

private:
    temporary_folder folder_;
};

// Two sockets of four cores of two threads, a node and a last-level cache each, numbered as most servers are.
class two_sockets : public fake_machine {
public:
    two_sockets() {
        online("0-15\n");
        node(0, "0-3,8-11\n");
        node(1, "4-7,12-15\n");
        put("node/online", "0-1\n");    // beside what is looked for
        put("node/power/control", "auto\n");
        for (size_t number = 0; number < 16; ++number) {
            auto const core = std::to_string(number % 8) + ',' + std::to_string(number % 8 + 8) + '\n';
            bool const second = number % 8 >= 4;
            cpu(number, second ? "1\n" : "0\n", core);
            cache(number, 0, "1\n", core);
            cache(number, 1, "1\n", core);
            cache(number, 2, "2\n", core);
            cache(number, 3, "3\n", second ? "4-7,12-15\n" : "0-3,8-11\n");
        }
    }
};

topology const& server() {
    static auto const found = two_sockets{}.read();
    return found;
}

// What holds of every answer, whatever the files say.
void check_sound(topology const& found, numbers const& cpus) {
    numbers seen;
    for (auto const& place : found.places()) {
        seen.push_back(place.cpu);
        CHECK(place.core < found.cores());
        CHECK(place.cache < found.caches());
        CHECK(place.node < found.nodes());
        CHECK(place.package < found.packages());
        CHECK(found.place_of(place.cpu) == place);
    }
    CHECK(seen == cpus);

    auto const sorted = [](numbers some) {
        std::sort(some.begin(), some.end());
        return some;
    };
    CHECK(sorted(found.spread(cpus.size())) == cpus);
    CHECK(sorted(found.compact(cpus.size())) == cpus);
    for (auto const cpu : cpus) {
        auto near = found.near_first(cpu);
        near.push_back(cpu);
        CHECK(sorted(near) == cpus);
    }
    numbers by_node;
    for (size_t node = 0; node < found.nodes(); ++node)
        for (auto const cpu : found.of_node(node)) by_node.push_back(cpu);
    CHECK(sorted(by_node) == cpus);
}

// One node, one package, one cache, every CPU a core.
void check_plain(topology const& found, numbers const& cpus) {
    check_sound(found, cpus);
    CHECK(found.cores() == cpus.size());
    CHECK(found.caches() == 1);
    CHECK(found.nodes() == 1);
    CHECK(found.packages() == 1);
}

}  // namespace

TEST_CASE("topology: reads lists of CPUs as the kernel writes them", "[os][topology]") {
    CHECK(topology::parse_cpu_list("0\n") == numbers{0});
    CHECK(topology::parse_cpu_list("0-3,8,10-11\n") == numbers{0, 1, 2, 3, 8, 10, 11});
    CHECK(topology::parse_cpu_list("7-7") == numbers{7});
    CHECK(topology::parse_cpu_list("\n") == numbers{});
    CHECK(topology::parse_cpu_list("") == numbers{});
    CHECK(topology::parse_cpu_list("65535\n") == numbers{65'535});
    CHECK(topology::parse_cpu_list("0-65535\n")->size() == 65'536);
}

TEST_CASE("topology: takes no list that a kernel does not write", "[os][topology]") {
    using namespace std::string_view_literals;
    for (auto const text :
         {"a"sv, "-1"sv, "1-"sv, "3-1"sv, "1,"sv, ",1"sv, "1,,2"sv, " 1"sv, "1 "sv, "1-2-3"sv, "0x1"sv, "1,1"sv, "2,1"sv, "0-3,3"sv, "-"sv,
          ","sv, "65536"sv, "0-65536"sv, "0-4294967295"sv, "0-18446744073709551615"sv, "99999999999999999999999"sv, "1\0002"sv})
        CHECK_FALSE(topology::parse_cpu_list(text));
}

TEST_CASE("topology: reads numbers, of which a negative one is unknown", "[os][topology]") {
    CHECK(topology::parse_number("12\n") == 12u);
    CHECK(topology::parse_number("0") == 0u);
    for (auto const text : {"", "\n", "-1\n", "x", "1x", "99999999999999999999999\n"}) CHECK_FALSE(topology::parse_number(text));
}

TEST_CASE("topology: two sockets: knows cores, caches, nodes and packages", "[os][topology]") {
    two_sockets const machine;
    auto const found = machine.read();
    check_sound(found, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
    CHECK(found.cores() == 8);
    CHECK(found.caches() == 2);
    CHECK(found.nodes() == 2);
    CHECK(found.packages() == 2);
    CHECK(found.place_of(13) == cpu_place{.cpu = 13, .core = 5, .cache = 1, .node = 1, .package = 1});
    CHECK(found.of_node(1) == numbers{4, 5, 6, 7, 12, 13, 14, 15});
    CHECK(found.of_node(2).empty());
    CHECK_FALSE(found.place_of(16));
    CHECK(found == machine.read());
}

TEST_CASE("topology: two sockets: steals from the core, then the node, then afar, each beginning elsewhere", "[os][topology]") {
    auto const& found = server();
    CHECK(found.near_first(0) == numbers{8, 1, 2, 3, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15});
    CHECK(found.near_first(2) == numbers{10, 3, 8, 9, 11, 0, 1, 4, 5, 6, 7, 12, 13, 14, 15});
    CHECK(found.near_first(13) == numbers{5, 14, 15, 4, 6, 7, 12, 0, 1, 2, 3, 8, 9, 10, 11});
    CHECK(found.near_first(99) == numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
}

TEST_CASE("topology: two sockets: spread takes nodes in turn, and second threads last", "[os][topology]") {
    auto const& found = server();
    CHECK(found.spread(0).empty());
    CHECK(found.spread(3) == numbers{0, 4, 1});
    CHECK(found.spread(8) == numbers{0, 4, 1, 5, 2, 6, 3, 7});
    CHECK(found.spread(18) == numbers{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15, 0, 4});
}

TEST_CASE("topology: two sockets: compact fills a node before the next, its second threads last", "[os][topology]") {
    auto const& found = server();
    CHECK(found.compact(0).empty());
    CHECK(found.compact(3) == numbers{0, 1, 2});
    CHECK(found.compact(6) == numbers{0, 1, 2, 3, 8, 9});
    CHECK(found.compact(17) == numbers{0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15, 0});
}

TEST_CASE("topology: a pool that grows moves no worker", "[os][topology]") {
    auto const& found = server();
    for (size_t workers = 0; workers < 40; ++workers) {
        auto const spread = found.spread(workers + 1), compact = found.compact(workers + 1);
        CHECK(found.spread(workers) == numbers(spread.begin(), spread.end() - 1));
        CHECK(found.compact(workers) == numbers(compact.begin(), compact.end() - 1));
    }
}

TEST_CASE("topology: counts only what this process may use, from 0", "[os][topology]") {
    two_sockets const machine;
    auto const found = machine.read({14, 5, 6, 5, 13});    // in any order, twice
    check_sound(found, {5, 6, 13, 14});
    CHECK(found.cores() == 2);
    CHECK(found.caches() == 1);
    CHECK(found.nodes() == 1);
    CHECK(found.packages() == 1);
    CHECK(found.place_of(14) == cpu_place{.cpu = 14, .core = 1, .cache = 0, .node = 0, .package = 0});
    CHECK(found.spread(4) == numbers{5, 6, 13, 14});
    CHECK(found.near_first(14) == numbers{6, 5, 13});
}

TEST_CASE("topology: leaves out CPUs that are offline, and their threads stay known by the core", "[os][topology]") {
    two_sockets const machine;
    machine.online("1-9,11-15\n");
    machine.remove("cpu/cpu0");    // the lowest of a core; the kernel drops it from the lists of others
    machine.remove("cpu/cpu10/topology");
    machine.put("cpu/cpu8/topology/core_cpus_list", "8\n");
    machine.node(0, "1-3,8-9,11\n");
    auto const found = machine.read({0, 1, 2, 3, 4, 8, 9, 10, 12});
    check_sound(found, {1, 2, 3, 4, 8, 9, 12});
    CHECK(found.cores() == 5);
    CHECK(found.place_of(1)->core == found.place_of(9)->core);
    CHECK(found.place_of(4)->core == found.place_of(12)->core);
}

TEST_CASE("topology: believes the mask where no CPU of it is online, for then the files are of another machine", "[os][topology]") {
    two_sockets const machine;
    check_plain(machine.read({20, 21}), {20, 21});
    machine.online("garbage\n");
    check_sound(machine.read({3, 40}), {3, 40});
}

TEST_CASE("topology: numbers of CPUs, nodes and packages may have holes", "[os][topology]") {
    fake_machine const machine;
    machine.online("0,2,64,4095\n");
    machine.node(0, "0,2\n");
    machine.node(8, "64,4095\n");
    machine.node(252, "\n");    // memory alone
    for (size_t const number : {0u, 2u}) machine.cpu(number, "0\n", "0,2\n");
    for (size_t const number : {64u, 4095u}) machine.cpu(number, "3221226496\n", std::to_string(number) + '\n');
    auto const found = machine.read();
    check_sound(found, {0, 2, 64, 4'095});
    CHECK(found.cores() == 3);
    CHECK(found.nodes() == 2);
    CHECK(found.packages() == 2);
    CHECK(found.place_of(4'095) == cpu_place{.cpu = 4'095, .core = 2, .cache = 1, .node = 1, .package = 1});
    CHECK(found.spread(4) == numbers{0, 64, 4'095, 2});
}

TEST_CASE("topology: several caches in a node: the nearer is stolen from first, and spread uses all", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-5\n");
    machine.node(0, "0-5\n");
    for (size_t number = 0; number < 6; ++number) {
        auto const alone = std::to_string(number) + '\n';
        machine.cpu(number, "0\n", alone);
        machine.cache(number, 0, "1\n", alone);
        machine.cache(number, 1, "3\n", number % 2 ? "1,3,5\n" : "0,2,4\n");
        machine.cache(number, 2, "1\n", alone);    // the last of the list is not the last on the way to memory
    }
    auto const found = machine.read();
    CHECK(found.caches() == 2);
    CHECK(found.near_first(2) == numbers{4, 0, 3, 5, 1});
    CHECK(found.spread(6) == numbers{0, 1, 2, 3, 4, 5});
    CHECK(found.compact(6) == numbers{0, 2, 4, 1, 3, 5});
}

TEST_CASE("topology: several caches in a node, two threads a core: second threads follow all cores of the node", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-7\n");
    machine.node(0, "0-7\n");
    for (size_t number = 0; number < 8; ++number) {
        machine.cpu(number, "0\n", std::to_string(number % 4) + ',' + std::to_string(number % 4 + 4) + '\n');
        machine.cache(number, 0, "3\n", number % 2 ? "1,3,5,7\n" : "0,2,4,6\n");
    }
    auto const found = machine.read();
    CHECK(found.near_first(0) == numbers{4, 2, 6, 1, 3, 5, 7});
    CHECK(found.spread(8) == numbers{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(found.compact(8) == numbers{0, 2, 1, 3, 4, 6, 5, 7});
}

TEST_CASE("topology: several nodes in a cache: a group of a cache keeps to its node", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-3\n");
    machine.node(0, "0-1\n");
    machine.node(1, "2-3\n");
    for (size_t number = 0; number < 4; ++number) {
        machine.cpu(number, "0\n", std::to_string(number) + '\n');
        machine.cache(number, 0, "3\n", "0-3\n");
    }
    auto const found = machine.read();
    CHECK(found.caches() == 2);
    CHECK(found.near_first(1) == numbers{0, 2, 3});
    CHECK(found.spread(4) == numbers{0, 2, 1, 3});
}

TEST_CASE("topology: several packages in a node: the package decides among equals", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-3\n");
    for (size_t number = 0; number < 4; ++number) {
        auto const alone = std::to_string(number) + '\n';
        machine.cpu(number, number % 2 ? "1\n" : "0\n", alone);
        machine.cache(number, 0, "2\n", alone);
    }
    auto const found = machine.read();
    CHECK(found.nodes() == 1);
    CHECK(found.caches() == 4);
    CHECK(found.near_first(0) == numbers{2, 1, 3});
}

TEST_CASE("topology: what is shared nearer the core weighs more than all that is shared farther out", "[os][topology]") {
    cpu_place const here{};
    auto const at = [&](size_t cpu, size_t core, size_t cache, size_t node, size_t package) {
        return topology::distance(here, {cpu, core, cache, node, package});
    };
    static_assert(topology::distance({}, {}) == 0);
    CHECK(at(1, 0, 0, 0, 0) > 0);
    CHECK(at(1, 0, 1, 1, 1) < at(1, 1, 0, 0, 0));
    CHECK(at(1, 1, 0, 1, 1) < at(1, 1, 1, 0, 0));
    CHECK(at(1, 1, 1, 0, 1) < at(1, 1, 1, 1, 0));
    CHECK(at(1, 1, 1, 1, 0) < at(1, 1, 1, 1, 1));
}

TEST_CASE("topology: knows cores by the name that old kernels give their list", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-3\n");
    for (size_t number = 0; number < 4; ++number)
        machine.put(fake_machine::of(number) + "topology/thread_siblings_list", number < 2 ? "0-1\n" : "2-3\n");
    CHECK(machine.read().cores() == 2);
}

TEST_CASE("topology: one that was never read is one CPU", "[os][topology]") {
    check_plain(topology{}, {0});
    CHECK(topology{}.spread(2) == numbers{0, 0});
}

TEST_CASE("topology: without any file all that is allowed is one node of single cores", "[os][topology]") {
    fake_machine const machine;
    check_plain(machine.read({7, 0, 1, 7}), {0, 1, 7});
    check_plain(machine.read(), {0});
    check_plain(topology::read("/nowhere/at/all", numbers{4, 5}), {4, 5});
    machine.online("2-3\n");
    check_plain(machine.read(), {2, 3});
}

TEST_CASE("topology: each missing file costs only what it would have said", "[os][topology]") {
    numbers const all{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    SECTION("nodes") {
        two_sockets const machine;
        machine.remove("node");
        auto const found = machine.read();
        check_sound(found, all);
        CHECK(found.nodes() == 1);
        CHECK(found.cores() == 8);
        CHECK(found.caches() == 2);
        CHECK(found.near_first(0) == numbers{8, 1, 2, 3, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15});
    }
    SECTION("one node: its CPUs share one that is unknown") {
        two_sockets const machine;
        machine.remove("node/node0");
        auto const found = machine.read();
        check_sound(found, all);
        CHECK(found.of_node(0) == numbers{0, 1, 2, 3, 8, 9, 10, 11});
    }
    SECTION("caches: those of a package share one") {
        two_sockets const machine;
        for (size_t number = 0; number < 16; ++number) machine.remove(fake_machine::of(number) + "cache");
        auto const found = machine.read();
        check_sound(found, all);
        CHECK(found.caches() == 2);
    }
    SECTION("the list of the last cache: those of a package share it") {
        two_sockets const machine;
        for (size_t number = 0; number < 16; ++number) machine.remove(fake_machine::of(number) + "cache/index3/shared_cpu_list");
        CHECK(machine.read().caches() == 2);
    }
    SECTION("packages") {
        two_sockets const machine;
        for (size_t number = 0; number < 16; ++number) machine.put(fake_machine::of(number) + "topology/physical_package_id", "-1\n");
        auto const found = machine.read();
        check_sound(found, all);
        CHECK(found.packages() == 1);
        CHECK(found.nodes() == 2);
    }
    SECTION("the core of one thread: it is its own") {
        two_sockets const machine;
        machine.remove("cpu/cpu9/topology/core_cpus_list");
        auto const found = machine.read();
        check_sound(found, all);
        CHECK(found.cores() == 9);
    }
}

TEST_CASE("topology: a list that does not name the CPU it is of is not believed", "[os][topology]") {
    two_sockets const machine;
    machine.put("cpu/cpu1/topology/core_cpus_list", "0,8\n");
    auto const found = machine.read();
    CHECK(found.place_of(1)->core != found.place_of(0)->core);
    CHECK(found.cores() == 9);
}

TEST_CASE("topology: of two nodes that claim a CPU the lower has it", "[os][topology]") {
    for (size_t const other : {1u, 2u, 10u}) {
        fake_machine const machine;
        machine.online("0-2\n");
        machine.node(3, "0-1\n");
        machine.node(other, "1-2\n");
        auto const found = machine.read();
        CHECK((found.place_of(1)->node == found.place_of(2)->node) == (other < 3));
        CHECK((found.place_of(1)->node == found.place_of(0)->node) == (other > 3));
    }
}

TEST_CASE("topology: absurdly large files and folders in the place of files are as missing", "[os][topology]") {
    two_sockets const machine;
    std::string repeated = "0-65535";
    while (repeated.size() < 600'000) repeated += ",0-65535";
    std::string alternate = "1";
    for (size_t number = 3; number < 300'000; number += 2) alternate += ',' + std::to_string(number);
    for (auto const& text : {std::string{"0-18446744073709551615\n"}, repeated, alternate, std::string(600'000, '1'),
                             std::string(600'000, '\n'), "3-4\n" + std::string(600'000, '\n')}) {
        machine.online(text);
        machine.node(0, text);
        machine.node(1, text);
        machine.cpu(3, text, text);
        machine.cache(3, 3, text, text);
        auto const found = machine.read({3, 4, 5});
        check_sound(found, {3, 4, 5});
        CHECK(found.nodes() == 1);
        CHECK(found.cores() == 3);
    }
    machine.remove("cpu/online");
    machine.put("cpu/online/is/a", "folder");
    machine.remove("cpu/cpu3/topology/core_cpus_list");
    machine.put("cpu/cpu3/topology/core_cpus_list/is/a", "folder");
    check_sound(machine.read({3, 4}), {3, 4});
    check_plain(machine.read(), {0});
}

TEST_CASE("topology: a file without an end is as missing", "[os][topology]") {
    fake_machine const machine;
    machine.node(0, "0-1\n");
    std::filesystem::create_symlink("/dev/zero", machine.root() + "/sys/devices/system/cpu");
    check_plain(machine.read({0, 1}), {0, 1});
    machine.remove("cpu");
    machine.put("cpu/possible", "0-1\n");
    std::filesystem::create_symlink("/dev/zero", machine.root() + "/sys/devices/system/cpu/online");
    check_plain(machine.read({0, 1}), {0, 1});
}

TEST_CASE("topology: takes as many CPUs as a mask can name", "[os][topology]") {
    fake_machine const machine;
    machine.online("0-65535\n");
    for (size_t number = 0; number < 300; ++number) machine.node(number, "0-65535\n");
    numbers every_hundredth;
    for (size_t number = 0; number < affinity::limit; number += 100) every_hundredth.push_back(number);
    auto const found = machine.read(every_hundredth);
    CHECK(found.places().size() == every_hundredth.size());
    CHECK(found.nodes() == 1);
    CHECK(found.spread(every_hundredth.size()) == every_hundredth);
}

TEST_CASE("topology: whatever the files say, every CPU has one place and every order has every CPU", "[os][topology]") {
    std::mt19937 random{20'260'301};
    auto const below = [&](size_t most) { return std::uniform_int_distribution<size_t>{0, most - 1}(random); };
    auto const some_text = [&]() -> std::string {
        switch (below(6)) {
            case 0: return "";
            case 1: return std::to_string(below(4)) + '\n';
            case 2: return std::to_string(below(8)) + '-' + std::to_string(below(16)) + '\n';
            case 3: return std::to_string(below(8)) + ',' + std::to_string(below(16)) + '\n';
            case 4: return "0-15\n";
            default: {
                std::string bytes(below(20), ' ');
                for (auto& byte : bytes) byte = "0123456789,-\n x\xff\0"[below(17)];
                return bytes;
            }
        }
    };
    two_sockets const machine;
    numbers const allowed{1, 2, 5, 9, 10, 13};
    for (int round = 0; round < 300; ++round) {
        for (int change = 0; change < 6; ++change) {
            auto const cpu = allowed[below(allowed.size())];
            switch (below(5)) {
                case 0: machine.node(below(3), some_text()); break;
                case 1: machine.put(fake_machine::of(cpu) + "topology/physical_package_id", some_text()); break;
                case 2: machine.put(fake_machine::of(cpu) + "topology/core_cpus_list", some_text()); break;
                case 3: machine.cache(cpu, below(4), some_text(), some_text()); break;
                default: machine.remove(fake_machine::of(cpu) + (below(2) ? "cache" : "topology"));
            }
        }
        check_sound(machine.read(allowed), allowed);
    }
}

TEST_CASE("topology: this machine: the CPUs of the mask, each in its place", "[os][topology]") {
    auto const found = topology::of_process();
    check_sound(found, affinity::of_thread().cpus());
    CHECK(found.cores() <= found.places().size());
    CHECK(found.nodes() <= found.cores());
    CHECK(found.packages() <= found.cores());
    for (auto const cpu : found.compact(found.places().size())) {
        auto const there = pinned::to({cpu});
        REQUIRE(there);
        CHECK(::sched_getcpu() == static_cast<int>(cpu));
    }
}

TEST_CASE("topology: this machine: of a pinned thread only its CPU", "[os][topology]") {
    auto const last = affinity::of_thread().cpus().back();
    auto const there = pinned::to({last});
    REQUIRE(there);
    check_sound(topology::of_process(), {last});
}
