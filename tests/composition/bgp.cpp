// The policies of a batch of routers as they would be made in earnest: `on{pool} | cached{shared} | deadline | isolate`, each
// program below a worker process, each answer for every process that opens the cache by its name.
#include "catch.hpp"
#include "process/program.hpp"
#include "temporary_folder.hpp"

#include <chrono>        // deadlines
#include <csignal>       // SIGKILL
#include <filesystem>    // permissions
#include <fstream>       // the program, what it wrote down
#include <map>           // starts
#include <stdexcept>     // no program
#include <string>        // objects
#include <utility>       // pair
#include <vector>        // batches

#include <fcntl.h>       // open
#include <sys/stat.h>    // mkfifo

#include <muster/cache/shm_cache.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/process/process_pool.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/fault.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/judge.hpp>
#include <muster/workloads/bgp/plan.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

static_assert(transportable<planned_policy> && transportable<policy_text> && transportable<router_policy>);

namespace {

using policies = shm_cache<std::string, policy_text>;
using answers = std::vector<outcome<router_policy>>;

// What follows `isolate` names nothing of this process: the runner is the worker's own.
outcome<policy_text> ask_there(planned_policy const& planned, context& cx) {
    static command_runner runner;
    return pipeline{run_bgpq4{runner}, judge}(planned, cx);
}

// A stand-in for bgpq4, which writes down each start. AS1 to AS99 answer; AS101 and up also, but not before the folder holds a file
// `go`: until then AS101 hangs, AS102 kills the worker that it runs below, AS103 does so once, and AS104 finds no server.
class registry {
public:
    explicit registry(std::string const& folder) : folder_(folder) {}
    void install() const {
        std::ofstream to{program()};
        to << "#!/bin/sh\n"
              "for object; do :; done\n"
              "echo $object $$ >> " << folder_ << "/starts\n"
              "if [ ! -e " << folder_ << "/go ]; then\n"
              "  if [ $object = AS101 ]; then read nothing < " << folder_ << "/hang; fi\n"
              "  if [ $object = AS102 -o $object = AS103 -a ! -e " << folder_ << "/once ]; then\n"
              "    [ $object = AS103 ] && : > " << folder_ << "/once\n"
              "    read name < /proc/$PPID/comm\n"
              "    [ $name = muster-worker ] && kill -9 $PPID\n"
              "  fi\n"
              "  if [ $object = AS104 ]; then echo ERROR:Unable to connect to nowhere >&2; exit 1; fi\n"
              "fi\n"
              "echo no ip prefix-list $object-v4\n"
              "echo ip prefix-list $object-v4 permit 192.0.2.0/24\n";
        to.close();
        std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
        if (::mkfifo(hang().c_str(), 0600) != 0) throw std::runtime_error{"mkfifo"};
    }
    void mend() const { std::ofstream{folder_ + "/go"}; }
    std::string program() const { return folder_ + "/bgpq4"; }
    std::string hang() const { return folder_ + "/hang"; }
    std::string name() const { return "muster-test-bgp-" + std::filesystem::path{folder_}.filename().string(); }

    /// How often the program was started for each object.
    std::map<std::string, int> starts() const {
        std::map<std::string, int> all;
        for (auto const& [object, pid] : lines()) ++all[object];
        return all;
    }
    std::size_t all_starts() const { return lines().size(); }
    bool is_running(std::string const& object) const {
        for (auto const& [which, pid] : lines())
            if (auto const there = process_of(pid); which == object && there.pid != 0 && there.state != 'Z') return true;
        return false;
    }

private:
    std::vector<std::pair<std::string, pid_t>> lines() const {
        std::vector<std::pair<std::string, pid_t>> all;
        std::ifstream in{folder_ + "/starts"};
        std::string object;
        for (pid_t pid = 0; in >> object >> pid;) all.emplace_back(object, pid);
        return all;
    }

    std::string folder_;
};

// Everything that one process has of it.
struct user {
    explicit user(registry const& of) : from(of) {}

    registry from;
    policies shared{from.name(), {.entries = 256, .entry_bytes = 512}};
    blocking_pool pool{4};
    process_pool cells{{.workers = 3, .poison_after = 0}};

    answers make(std::vector<request> const& routers, std::chrono::nanoseconds at_most = 60s, unsigned attempts = 1) {
        auto const ask = named{"ask"} | cached{shared, cache_key{"1.9"}} | retry{.attempts = attempts, .delay = {}} | deadline{at_most}
                       | isolate{cells} | ask_there;
        return map(routers, on{pool} | pipeline{plan{{.program = from.program()}}, for_request{ask}});
    }
};

struct fixture {
    temporary_folder folder;
    registry from{folder.path()};

    fixture() { from.install(); }
    ~fixture() { (void)policies::unlink(from.name()); }
};

std::vector<request> routers(std::vector<std::uint32_t> const& numbers) {
    std::vector<request> all;
    for (auto const each : numbers) all.push_back({.object = as_number::of(each).value()});
    return all;
}
std::string list_of(request const& asked) {
    auto const name = asked.object.text() + "-v4";
    return "no ip prefix-list " + name + "\nip prefix-list " + name + " permit 192.0.2.0/24\n";
}
/// How many have the policy of the router that asked, in its place.
std::size_t right(answers const& all, std::vector<request> const& asked) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < all.size() && i < asked.size(); ++i)
        count += all[i] && all[i]->asked == asked[i] && all[i]->list.text == list_of(asked[i]) && all[i]->list.entries == 1;
    return count;
}
std::size_t known(answers const& all) {
    std::size_t count = 0;
    for (auto const& each : all) count += each && each->remembered;
    return count;
}
std::vector<request> const batch = routers({7, 8, 7, 9, 10, 8, 7, 11, 12, 12, 7, 9, 8, 10, 11, 7});    // of 6 kinds

}  // namespace

TEST_CASE("on | cached | deadline | isolate: each router of a batch has its policy, and each query starts the program once",
          "[composition][bgp][forks]") {
    fixture at;
    user one{at.from};
    auto const cold = one.make(batch);
    CHECK(right(cold, batch) == batch.size());
    CHECK(known(cold) == batch.size() - 6);    // those that waited for another one's answer, too
    CHECK(at.from.all_starts() == 6);
    CHECK(at.from.starts().size() == 6);

    auto const warm = one.make(batch);
    CHECK(right(warm, batch) == batch.size());
    CHECK(known(warm) == batch.size());
    CHECK(at.from.all_starts() == 6);
}

namespace {

// A process of its own that makes the batch as soon as it is told; its exit code says how many it did not get, or more than it
// may have been told.
add_program const makes_a_batch{"makes_a_batch", [] {
    user one{registry{program_argument()}};
    report('r');
    { fd const gate{::open(one.from.hang().c_str(), O_RDONLY | O_CLOEXEC)}; }    // until somebody opens the other end
    auto const made = one.make(batch);
    if (right(made, batch) != batch.size()) return 99;
    return static_cast<int>(batch.size() - known(made));
}};

}  // namespace

TEST_CASE("on | cached | deadline | isolate: two processes that share the cache by its name start the program once for each query",
          "[composition][bgp][forks]") {
    fixture at;
    program first{"makes_a_batch", at.folder.path()}, second{"makes_a_batch", at.folder.path()};
    REQUIRE(first.hear() == 'r');
    REQUIRE(second.hear() == 'r');
    int made = 0;
    {
        fd const both{::open(at.from.hang().c_str(), O_RDWR | O_CLOEXEC)};    // now
        auto const one = first.end(), other = second.end();
        REQUIRE(one.signal + other.signal == 0);
        made = one.code + other.code;
    }
    CHECK(made == 6);    // of both together: each knows which ones the other has made
    CHECK(at.from.starts().size() == 6);
    CHECK(at.from.all_starts() == 6);

    user third{at.from};
    auto const warm = third.make(batch);
    CHECK(right(warm, batch) == batch.size());
    CHECK(known(warm) == batch.size());
    CHECK(at.from.all_starts() == 6);
}

TEST_CASE("on | cached | deadline | isolate: a program that hangs ends by the deadline, and is one router's failure", "[composition][bgp][forks]") {
    fixture at;
    user one{at.from};
    auto const asked = routers({7, 8, 101, 9, 10});
    auto const made = one.make(asked, 2s);
    CHECK(right(made, asked) == 4);
    REQUIRE(!made[2]);
    CHECK(made[2].error().is(cause::timed_out));
    CHECK(made[2].error().index() == 2);
    CHECK(made[2].error().stage() == "ask");
    CHECK(eventually([&] { return !at.from.is_running("AS101"); }));    // with the worker goes what it ran

    at.from.mend();
    auto const again = one.make(asked);    // the failure was not remembered, the rest was
    CHECK(right(again, asked) == 5);
    CHECK(known(again) == 4);
    CHECK(at.from.all_starts() == 6);
}

TEST_CASE("on | cached | deadline | isolate: a worker that is killed costs the one router that it worked for", "[composition][bgp][forks]") {
    fixture at;
    user one{at.from};
    auto const asked = routers({7, 8, 102, 9, 102, 10});
    auto const made = one.make(asked);
    CHECK(right(made, asked) == 4);
    for (std::size_t const i : {2u, 4u}) {    // both waited for the same program, or each had its own killed
        REQUIRE(!made[i]);
        INFO(made[i].error().text());
        CHECK(made[i].error().is(cause::crashed));
        CHECK(made[i].error().signal() == SIGKILL);
        CHECK(made[i].error().index() == i);
    }
    at.from.mend();
    auto const again = one.make(asked);
    CHECK(right(again, asked) == 6);
    CHECK(known(again) == 5);
}

TEST_CASE("on | cached | deadline | isolate: what the program says of its failure arrives here, and is not remembered", "[composition][bgp][forks]") {
    fixture at;
    user one{at.from};
    auto const asked = routers({7, 104});
    auto const made = one.make(asked);
    CHECK(right(made, asked) == 1);
    REQUIRE(!made[1]);
    CHECK(made[1].error().code() == fault::refused);
    CHECK(made[1].error().is(cause_of(fault::refused)));
    CHECK(made[1].error().exit_code() == 1);
    CHECK(made[1].error().text() == R"(bgpq4 said "ERROR:Unable to connect to nowhere")");
    at.from.mend();
    CHECK(right(one.make(asked), asked) == 2);
}

TEST_CASE("on | cached | retry | deadline | isolate: a worker that is killed costs nothing", "[composition][bgp][forks]") {
    fixture at;
    user one{at.from};
    auto const asked = routers({7, 8, 103, 9});
    auto const made = one.make(asked, 60s, 3);
    CHECK(right(made, asked) == 4);
    CHECK(at.from.starts()["AS103"] == 2);
    CHECK(known(made) == 0);
}

namespace {

// Makes what it can and hangs over the rest.
add_program const makes_and_hangs{"makes_and_hangs", [] {
    user one{registry{program_argument()}};
    auto const made = one.make(batch);
    report(right(made, batch) == batch.size() ? 'm' : 'x');
    (void)one.make(routers({101}));
    return 0;
}};

}  // namespace

TEST_CASE("on | cached | deadline | isolate: what a killed process has made is there for the next, and what it was making is not waited for",
          "[composition][bgp][forks]") {
    fixture at;
    {
        program killed{"makes_and_hangs", at.folder.path()};
        REQUIRE(killed.hear() == 'm');
        REQUIRE(eventually([&] { return at.from.is_running("AS101"); }));
        killed.signal(SIGKILL);
        CHECK(killed.end() == dies_of(SIGKILL));
    }
    CHECK(eventually([&] { return !at.from.is_running("AS101"); }));
    CHECK(at.from.all_starts() == 7);
    at.from.mend();
    user next{at.from};
    auto asked = batch;
    asked.push_back(routers({101}).front());
    auto const made = next.make(asked, 20s);    // less than the cache's patience with a process that is alive
    CHECK(right(made, asked) == asked.size());
    CHECK(known(made) == batch.size());
    CHECK(at.from.all_starts() == 8);
}
