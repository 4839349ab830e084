#include <muster/workloads/bgp/policy_cache.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <muster/cache/file_cache.hpp>
#include <muster/cache/memory_cache.hpp>
#include <muster/core/concepts.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "folder.hpp"
#include "program.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

static_assert(cache<policy_cache<file_cache>>);
static_assert(cache<policy_cache<memory_cache<std::string, std::string>>>);

namespace {
policy_text list(std::string text, std::size_t entries) {
    return {.text = std::move(text), .entries = entries, .made_by = 7, .ran_for = 5ms};
}
}  // namespace

TEST_CASE("policy_cache: what one run made another one reads, and neither takes the other's for its own",
          "[bgp][policy_cache]") {
    test::folder folder;
    context cx;
    for (auto const& made : {list("a\nb\n", 2), list("", 0), list(std::string("x\0y\n", 4), 1)}) {
        auto const key = "key " + made.text;
        {
            file_cache files{folder.path()};
            policy_cache cache{files};
            CHECK(!cache.get(key));
            auto const first = cache.get_or_compute(key, cx, [&](context&) -> outcome<policy_text> { return made; });
            CHECK(*first == made);
            CHECK(first->made_by == 7);            // made for this call
        }
        file_cache files{folder.path()};
        policy_cache cache{files};
        auto const again = cache.get_or_compute(key, cx, [](context&) -> outcome<policy_text> {
            return failure{cause::threw, "not called"}; });
        REQUIRE(again);
        CHECK(*again == made);
        CHECK(again->made_by == 0);                // remembered
        CHECK(again->ran_for == 5ms);
        CHECK(cache.get(key)->entries == made.entries);
    }
}

TEST_CASE("policy_cache: failures are not remembered, bytes that are no policy are replaced", "[bgp][policy_cache]") {
    memory_cache<std::string, std::string> bytes;
    policy_cache cache{bytes};
    context cx;
    CHECK(!cache.get_or_compute("k", cx, [](context&) -> outcome<policy_text> { return failure{cause::unavailable,
            "down"}; }));
    CHECK(cache.get_or_compute("k", cx, [](context&) -> outcome<policy_text> { return list("x\n", 1); })->entries == 1);
    for (auto const* const damaged : {"", "nonsense", "muster policy 1 ", "muster policy 1 x 5\n",
                                      "muster policy 1 3 5", "muster policy 2 3 5\nx\n"}) {
        CAPTURE(damaged);
        bytes.put("d", damaged);
        CHECK(!cache.get("d"));
        CHECK(cache.get_or_compute("d", cx, [](context&) -> outcome<policy_text> { return list("y\n", 1);
                })->text == "y\n");
    }
}

TEST_CASE("policy_cache: of many calls that miss one key at once a single one runs", "[bgp][policy_cache]") {
    test::folder folder;
    file_cache files{folder.path()};
    policy_cache cache{files};
    std::atomic<int> runs{0}, own{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 1; i <= 8; ++i)
        threads.emplace_back([&, i] {
            context cx;
            auto const got = cache.get_or_compute("k", cx, [&](context&) -> outcome<policy_text> {
                ++runs;
                return policy_text{.text = "x\n", .entries = 1, .made_by = i};
            });
            own += got->made_by == i;
        });
    threads.clear();
    CHECK(runs == 1);
    CHECK(own == 1);
}

namespace {

bool have_bgpq4() {
    static bool const have = test::run({"bgpq4", "-v"}).exit_code != 127;
    return have;
}

// How many of sixteen processes, each with a runner and a cache of its own, ran the program for the same request, and
// how many were told what another one had made. `all_ask` is called when every one of them is about to ask.
struct told {
    int ran = 0, remembered = 0, wrong = 0;
};
template <class AllAsk>
told ask_at_once(std::string const& cache_folder, policy_options const& options, std::string const& expected,
                    AllAsk all_ask) {
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 16; ++i) {
        auto const child = ::fork();
        if (child != 0) {
            children.push_back(child);
            continue;
        }
        file_cache files{cache_folder};
        policy_cache cache{files};
        command_runner runner;
        auto const flow = pipeline{plan{options}, for_request{cached{cache, cache_key{"1.9"}} | deadline{60s} |
                                                              pipeline{run_bgpq4{runner}, judge}}};
        context cx;
        (void)!::write(ready[1], "x", 1);
        auto const got = flow(request{.object = as_number::of(13335).value()}, cx);
        ::_exit(!got || got->list.text != expected ? 2 : got->remembered ? 1 : 0);
    }
    ::close(ready[1]);
    char byte;
    for (int i = 0; i < 16 && ::read(ready[0], &byte, 1) == 1;) ++i;
    ::close(ready[0]);
    all_ask();
    told counted;
    for (auto const child : children) {
        int status = 0;
        while (::waitpid(child, &status, 0) < 0) {}
        int const said = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
        ++(said == 0 ? counted.ran : said == 1 ? counted.remembered : counted.wrong);
    }
    return counted;
}

}  // namespace

TEST_CASE("policy_cache: sixteen processes that ask for one missing key start the program once",
          "[bgp][policy_cache][forks]") {
    test::folder folder;
    auto const program = folder / "bgpq4", starts = folder / "starts", gate = folder / "gate";
    std::string const text = "no ip prefix-list AS13335-v4\nip prefix-list AS13335-v4 permit 192.0.2.0/24\n";
    // Says that it runs, and answers when it is let: until then the others can but wait for it.
    std::ofstream{program} << "#!/bin/sh\necho \"$@\" >> " << starts << "\nread go < " << gate << "\nprintf '" << text << "'\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    int const open_gate = ::open(gate.c_str(), O_RDWR | O_CLOEXEC);    // both ends: blocks nobody
    REQUIRE(open_gate >= 0);
    auto const counted = ask_at_once(folder / "cache", {.program = program}, text, [&] {
        std::string const go(16, '\n');                                // as many as there could be, were it wrong
        CHECK(::write(open_gate, go.data(), go.size()) == 16);
    });
    ::close(open_gate);
    CHECK(counted.wrong == 0);
    CHECK(counted.ran == 1);
    CHECK(counted.remembered == 15);
    std::ifstream in{starts};
    std::string line;
    REQUIRE(std::getline(in, line));
    CHECK(line.ends_with("-- AS13335"));
    CHECK(!std::getline(in, line));
}

TEST_CASE("policy_cache: sixteen processes that ask for one missing key cost the registry one connection and one query",
          "[bgp][policy_cache][forks][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    test::folder folder;
    irr_responder server{irr_data::bundled(), {.latency = 20ms}};
    policy_options const options{.server = server.address(), .format = output_format::junos};
    auto const text = test::run({"bgpq4", "-h", server.address().text(), "-J", "-l", "AS13335-v4", "AS13335"}).out;
    auto const before = server.stats();
    auto const counted = ask_at_once(folder / "cache", options, text, [] {});
    CHECK(counted.wrong == 0);
    CHECK(counted.ran == 1);
    CHECK(counted.remembered == 15);
    CHECK(server.stats().all_connections - before.all_connections == 1);
    CHECK(server.stats().data_queries - before.data_queries == 1);
}
