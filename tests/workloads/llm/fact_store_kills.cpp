#include <muster/workloads/llm/fact_store.hpp>

#include "catch.hpp"
#include "killed_child.hpp"
#include "stored.hpp"

#include <algorithm>     // binary_search
#include <atomic>        // what the children tell
#include <random>        // when
#include <thread>        // workers
#include <vector>        // workers

#include <sys/mman.h>    // mmap

// A run that is killed again and again, at any instruction: no answer that was acknowledged is lost, and nothing is sent again but what was in
// flight at a kill.

using namespace muster;
using namespace muster::llm;

namespace {

constexpr std::uint64_t nodes = 6'000, of_one_life = 300;    // so that every kill finds work left
constexpr unsigned workers = 8;

struct told {
    std::atomic<unsigned> sent[nodes];    // requests, as the endpoint would count them
    std::atomic<bool> kept[nodes];        // `record` has said that it is stored
};

// What is left of the run, up to so many nodes, with a task that takes no time. Past them it waits to be killed.
bool work(std::string const& path, told& to, std::uint64_t most) {
    context cx;
    auto opened = fact_store::open(cx, path);
    if (!opened) return false;
    auto held = opened->open_run(cx, identity);
    if (!held) return false;
    auto& run = *held;
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::int64_t> left{static_cast<std::int64_t>(most)};
    std::atomic<bool> well{true};
    {
        std::vector<std::jthread> threads;
        for (unsigned w = 0; w < workers; ++w)
            threads.emplace_back([&] {
                context own;
                for (std::uint64_t node = 0; (node = next++) < nodes;) {
                    if (run.is_settled(node)) continue;
                    if (left-- <= 0)
                        for (;;) ::pause();
                    auto const attempt = run.begin_attempt(own, node);
                    if (!attempt) {
                        well = false;
                        return;
                    }
                    ++to.sent[node];
                    if (!run.record(own, answered(node, *attempt))) well = false;
                    else to.kept[node] = true;
                }
            });
    }
    return well && run.finish(cx).has_value();
}

}  // namespace

TEST_CASE("fact_store: a run that is killed at 20 random moments loses nothing, and re-sends at most what was in flight", "[llm][forks]") {
    temporary_folder const folder;
    auto const path = folder / "a.db";
    auto* const memory = ::mmap(nullptr, sizeof(told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto& to = *new (memory) told{};
    {
        context cx;
        auto store = fact_store::open(cx, path).value();
        store.open_run(cx, identity).value().add_nodes(cx, numbered(nodes)).value();
    }
    std::mt19937 random{20'240'607};
    unsigned const kills = 20;
    std::uint64_t interrupted = 0, most_before = 0;
    for (unsigned i = 0; i < kills; ++i) {
        auto const moment = std::uniform_int_distribution<long>{1'000'000, 80'000'000}(random);
        REQUIRE(run_until_killed(moment, [&] { return work(path, to, of_one_life); }));
        context cx;
        auto store = fact_store::open(cx, path).value();    // as the next one finds it
        auto const run = store.open_run(cx, identity).value();
        REQUIRE(contradictions(path) == 0);
        CHECK(run.interrupted().size() <= workers * (i + 1));
        std::uint64_t resent = 0, lost = 0;
        for (std::uint64_t node = 0; node < nodes; ++node) {
            resent += to.sent[node] > 1 ? to.sent[node] - 1 : 0;
            lost += to.kept[node] && !std::binary_search(run.done().begin(), run.done().end(), node);
        }
        CHECK(lost == 0);
        CHECK(resent <= most_before);    // sent again is what earlier kills interrupted
        most_before += workers;
        CHECK(!run.is_finished());
        interrupted += run.interrupted().size();
    }
    REQUIRE(work(path, to, nodes + 1));    // what is left
    {
        context cx;
        auto store = fact_store::open(cx, path).value();
        CHECK(store.open_run(cx, identity).value().is_finished());
    }
    std::uint64_t resent = 0, unsent = 0;
    for (std::uint64_t node = 0; node < nodes; ++node) {
        unsent += to.sent[node] == 0;
        resent += to.sent[node] > 1 ? to.sent[node] - 1 : 0;
    }
    CHECK(unsent == 0);
    CHECK(resent <= kills * workers);
    auto const all = nodes_of(path);
    INFO(interrupted << " were found in flight, " << resent << " of " << nodes << " were sent again");
    CHECK(all.size() == nodes);    // one row each
    for (auto const& each : all)
        if (each.state != node_state::done || each.answer != answered(each.node).answer || each.facts != answered(each.node).facts) FAIL_CHECK(each.node);
    CHECK(contradictions(path) == 0);
    CHECK(interrupted >= 1);    // some came while a request was under way
    ::munmap(memory, sizeof(told));
}
