#include <muster/workloads/llm/fact_store.hpp>

#include "catch.hpp"
#include "faulty_files.hpp"
#include "forked.hpp"
#include "statement_fault.hpp"
#include "stored.hpp"

#include <functional>     // steps
#include <optional>       // a lock that is let go
#include <string>         // dumps
#include <thread>         // callers
#include <vector>         // steps

#include <muster/testing/manual_time.hpp>    // manual_time

// Faults at every statement and at every write of the life of a node: what one call writes is there as a whole, or not at all.

using namespace muster;
using namespace muster::llm;

namespace {

/// What is done to a run, step by step.
using step = std::function<outcome<void>(context&, fact_run&)>;
std::vector<step> life() {
    return {
        [](context& cx, fact_run& run) { return run.add_nodes(cx, numbered(3)); },
        [](context& cx, fact_run& run) { return run.begin_attempt(cx, 0).transform([](std::uint64_t) {}); },
        [](context& cx, fact_run& run) { return run.record(cx, {.node = 0, .attempt = 1, .state = node_state::pending, .kind = "x", .usage = {1, 1, 2, 0, 0}}); },
        [](context& cx, fact_run& run) { return run.begin_attempt(cx, 0).transform([](std::uint64_t) {}); },
        [](context& cx, fact_run& run) { return run.record(cx, answered(0, 2)); },
        [](context& cx, fact_run& run) { return run.record(cx, {.node = 1, .state = node_state::failed, .kind = "refusal"}); },
        [](context& cx, fact_run& run) { return run.begin_attempt(cx, 2).transform([](std::uint64_t) {}); },
        [](context& cx, fact_run& run) { return run.record(cx, answered(2)); },
        [](context& cx, fact_run& run) { return run.finish(cx); },
    };
}

}  // namespace

TEST_CASE("fact_store: a fault at any statement leaves nothing of its call, and the call can be made again", "[llm]") {
    statement_fault const faults;
    opened in{0};
    long tried = 0;
    for (auto const& each : life()) {
        auto before = dump_of(in.path);
        for (long k = 1;; ++k) {
            statement_fault::set(k);
            auto const done = each(in.cx, in.run);
            bool const reached = statement_fault::seen >= k;
            statement_fault::set(-1);
            if (!reached) {    // it has no more statements
                REQUIRE(done);
                CHECK(k > 2);
                break;
            }
            ++tried;
            REQUIRE(!done);
            CHECK(done.error().is(cause::cancelled));    // as SQLite says of what was interrupted
            CHECK(dump_of(in.path) == before);
        }
        CHECK(dump_of(in.path) != before);
        CHECK(contradictions(in.path) == 0);
    }
    CHECK(tried > 30);
    CHECK(in.run.is_finished());
}

// SQLite rolls a transaction back by itself when a statement is interrupted or the disk fails. Behind a broken rule it does not.
TEST_CASE("fact_store: a rule that any statement of an answer breaks leaves nothing of it", "[llm]") {
    opened in{1};
    auto other = sqlite_database::open(in.cx, in.path).value();
    auto const fails = [&](sqlite_sql trigger, auto const& call) {
        auto const before = dump_of(in.path);
        other.execute(in.cx, trigger).value();
        auto const done = call();
        REQUIRE(!done);
        CHECK(done.error().is(cause::invalid_input));
        CHECK(done.error().text().find("injected") != std::string::npos);
        CHECK(dump_of(in.path) == before);
        other.execute(in.cx, "DROP TRIGGER fails").value();
    };
    auto const begin = [&] { return in.run.begin_attempt(in.cx, 0); };
    auto const record = [&] { return in.run.record(in.cx, answered(0)); };
    fails("CREATE TRIGGER fails AFTER UPDATE ON node BEGIN SELECT RAISE(ABORT, 'injected'); END", begin);
    fails("CREATE TRIGGER fails AFTER INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'injected'); END", begin);
    CHECK(begin() == 1u);
    fails("CREATE TRIGGER fails AFTER UPDATE ON attempt BEGIN SELECT RAISE(ABORT, 'injected'); END", record);
    fails("CREATE TRIGGER fails AFTER UPDATE ON node BEGIN SELECT RAISE(ABORT, 'injected'); END", record);
    fails("CREATE TRIGGER fails AFTER INSERT ON usage BEGIN SELECT RAISE(ABORT, 'injected'); END", record);
    fails("CREATE TRIGGER fails AFTER INSERT ON fact WHEN NEW.place = 1 BEGIN SELECT RAISE(ABORT, 'injected'); END", record);
    fails("CREATE TRIGGER fails AFTER INSERT ON fact WHEN NEW.place = 2 BEGIN SELECT RAISE(ABORT, 'injected'); END", record);
    CHECK(record());
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_store: one that fails half written takes no other of its batch with it", "[llm]") {
    opened in{3};
    for (std::uint64_t node = 0; node < 3; ++node) in.run.begin_attempt(in.cx, node).value();
    auto other = sqlite_database::open(in.cx, in.path).value();
    other.execute(in.cx, "CREATE TRIGGER fails AFTER INSERT ON fact WHEN NEW.node = 1 AND NEW.place = 2 BEGIN SELECT RAISE(ABORT, 'injected'); END").value();
    auto held = std::optional{other.begin(in.cx).value()};
    std::vector<outcome<void>> ends(3);
    testing::manual_time time;
    {
        std::vector<std::jthread> callers;
        for (std::uint64_t node = 0; node < 3; ++node) {
            callers.emplace_back([&, node] {
                context own{time};
                ends[node] = in.run.record(own, answered(node));
            });
            time.until_waiting(node + 1);
        }
        held.reset();    // all three are written at once
    }
    CHECK(ends[0]);
    CHECK(!ends[1]);
    CHECK(ends[2]);
    CHECK(summary_of(in.path).count(node_state::done) == 2);
    CHECK(nodes_of(in.path)[1].facts.empty());
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_store: a disk that fails at any write leaves each call whole or undone", "[llm]") {
    auto const how = GENERATE(faulty_files::fault::full, faulty_files::fault::broken);
    faulty_files const files;
    context cx;
    long told = 0;
    for (long k = 0;; ++k) {
        temporary_folder const folder;
        auto const path = folder / "a.db";
        std::string before, after;
        bool reached = false;
        {
            auto store = store_in(path);
            auto run = store.open_run(cx, identity).value();
            auto const steps = life();
            std::size_t well = 0;
            before = dump_of(path);
            faulty_files::set(how, k);
            for (auto const& each : steps) {
                auto const done = each(cx, run);
                reached = faulty_files::writes > k;
                if (!done) {
                    ++told;
                    CHECK(done.error().is(how == faulty_files::fault::full ? cause::exhausted : cause::unavailable));
                    break;
                }
                ++well;
                before = dump_of(path);
            }
            faulty_files::set(faulty_files::fault::none, -1);
            CHECK(reached == (well < steps.size()));
            if (reached) {    // the disk is well again: the same call goes through
                CHECK(dump_of(path) == before);
                CHECK(steps[well](cx, run));
            }
            after = dump_of(path);
        }
        CHECK(dump_of(path) == after);
        CHECK(contradictions(path) == 0);
        if (!reached) break;
    }
    CHECK(told > 20);
}

TEST_CASE("fact_store: a log that cannot be moved into the file is told at the end, and loses nothing", "[llm]") {
    faulty_files const files;
    temporary_folder const folder;
    auto const path = folder / "a.db";
    context cx;
    {
        auto store = store_in(path);
        store.open_run(cx, identity).value().add_nodes(cx, numbered(3)).value();
        CHECK(!store.checkpoint_failure());
        faulty_files::set(faulty_files::fault::full, 0);
        auto const ended = store.close();
        REQUIRE(!ended);
        CHECK(ended.error().is(cause::exhausted));
        CHECK(store.checkpoint_failure()->text() == ended.error().text());
    }
    faulty_files::set(faulty_files::fault::none, -1);
    CHECK(nodes_of(path).size() == 3);
    CHECK(contradictions(path) == 0);
}

TEST_CASE("fact_store: the disk is waited for when the log is moved, and with power_safe from the first moment on", "[llm]") {
    faulty_files const files;
    temporary_folder const folder;
    context cx;
    faulty_files::syncs = 0;
    {
        auto store = store_in(folder / "a.db");
        auto const run = store.open_run(cx, identity).value();
        run.add_nodes(cx, numbered(3)).value();
        run.begin_attempt(cx, 0).value();
        run.record(cx, answered(0)).value();
        CHECK(faulty_files::syncs == 0);
        CHECK(store.close());
        CHECK(faulty_files::syncs == 2);    // of the log, and of the file
    }
    faulty_files::syncs = 0;
    auto safe = store_in(folder / "b.db", {.power_safe = true});
    CHECK(faulty_files::syncs > 0);
    long const before = faulty_files::syncs;
    safe.open_run(cx, identity).value().add_nodes(cx, numbered(3)).value();
    CHECK(faulty_files::syncs > before);
}

TEST_CASE("fact_store: a process that dies at any write leaves whole calls, and its run goes on", "[llm][forks]") {
    faulty_files const files;
    long deaths = 0;
    for (long k = 0;; ++k) {
        temporary_folder const folder;
        auto const path = folder / "a.db";
        auto const lives = [&](bool dies) {
            context cx;
            if (dies) faulty_files::set(faulty_files::fault::kill, k);
            auto store = store_in(path);
            auto run = store.open_run(cx, identity).value();
            for (auto const& each : life())
                if (!each(cx, run)) return 1;
            return 0;
        };
        auto const end = in_child([&] { return lives(true); });
        if (end == exits(0)) break;
        ++deaths;
        REQUIRE(end == exits(42));
        context cx;
        auto store = store_in(path);
        auto run = store.open_run(cx, identity).value();
        CHECK(contradictions(path) == 0);
        CHECK(run.interrupted().size() <= 1);
        if (!run.is_finished()) CHECK(run.add_nodes(cx, numbered(3)));
        for (std::uint64_t node = 0; node < 3 && !run.is_finished(); ++node) {
            if (run.is_settled(node)) continue;
            auto const attempt = run.begin_attempt(cx, node);
            REQUIRE(attempt);
            CHECK(run.record(cx, answered(node, *attempt)));
        }
        if (!run.is_finished()) CHECK(run.finish(cx));
        CHECK(contradictions(path) == 0);
        CHECK(nodes_of(path).size() == 3);
        CHECK(summary_of(path).attempts <= 5);    // node 0 fails once; one of the three was in flight
    }
    CHECK(deaths > 40);
}
