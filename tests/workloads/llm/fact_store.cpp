#include <muster/workloads/llm/fact_store.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "stored.hpp"

#include <atomic>        // what callers tell
#include <filesystem>    // permissions
#include <optional>      // runs that are let go
#include <string>        // texts
#include <thread>        // callers
#include <vector>        // callers

#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {

/// Another connection that holds the write lock of the store's file.
struct other_writer {
    context cx;
    sqlite_database db;
    std::optional<sqlite_transaction> held;

    explicit other_writer(std::string const& path) : db(sqlite_database::open(cx, path).value()) { held.emplace(db.begin(cx).value()); }
    void let_go() { held.reset(); }
};

/// Callers that wait, each in a thread and a context of its own, all on one clock. Each answers whether all was as it should be.
struct callers {
    manual_time time;
    std::stop_source stop;
    std::atomic<int> wrong{0};
    std::vector<std::jthread> threads;

    template <class F>
    void call(F f) {
        auto const before = time.waiting();
        threads.emplace_back([this, f] {
            context cx{stop.get_token(), time};
            if (!f(cx)) ++wrong;
        });
        time.until_waiting(before + 1);
    }
    void join() {
        threads.clear();
        CHECK(wrong == 0);
    }
};

}  // namespace

TEST_CASE("fact_store: a run is found again by what it asks, and what is done stays done", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    {
        auto store = store_in(path);
        auto run = store.open_run(cx, identity).value();
        CHECK(run.done().empty());
        run.add_nodes(cx, numbered(6)).value();
        for (std::uint64_t const node : {0u, 1u, 2u, 3u}) run.begin_attempt(cx, node).value();
        run.record(cx, answered(0)).value();
        run.record(cx, {.node = 1, .attempt = 1, .state = node_state::failed, .kind = "refusal"}).value();
        run.record(cx, {.node = 4, .state = node_state::stopped}).value();
    }    // 2 and 3 are in flight, as in a process that died
    auto store = store_in(path);
    {
        auto run = store.open_run(cx, identity).value();
        CHECK(run.id() == 1);
        CHECK(run.done() == std::vector<std::uint64_t>{0});
        CHECK(run.failed() == std::vector<std::uint64_t>{1});
        CHECK(run.interrupted() == std::vector<std::uint64_t>{2, 3});
        CHECK(run.is_settled(0));
        CHECK(run.is_settled(1));
        CHECK(!run.is_settled(2));
        CHECK(!run.is_settled(4));
        CHECK(nodes_of(path)[4].state == node_state::pending);
        CHECK(contradictions(path) == 0);
        CHECK(run.begin_attempt(cx, 2) == 2u);
        CHECK(run.record(cx, answered(2, 2)));
    }
    {
        auto const run = store.open_run(cx, identity, {.retry_failed = true}).value();
        CHECK(run.failed().empty());
        CHECK(run.interrupted() == std::vector<std::uint64_t>{3});
        CHECK(run.begin_attempt(cx, 1) == 2u);
    }
    CHECK(store.open_run(cx, {"<doc/>", "Another question", "model-1", "{}"}).value().id() == 2);
    CHECK(contradictions(path) == 0);
}

TEST_CASE("fact_store: a finished run is not sent again", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    auto store = store_in(path);
    {
        auto run = store.open_run(cx, identity).value();
        run.add_nodes(cx, numbered(2)).value();
        run.begin_attempt(cx, 0).value();
        run.record(cx, answered(0)).value();
        run.record(cx, {.node = 1, .state = node_state::failed}).value();
        CHECK(run.finish(cx));
        CHECK(run.is_finished());
    }
    auto const before = dump_of(path);
    auto run = store.open_run(cx, identity).value();
    auto const twice = store.open_run(cx, identity).value();    // nobody holds it: it is only read
    CHECK(run.id() == 1);
    CHECK(run.is_finished());
    CHECK(run.done() == std::vector<std::uint64_t>{0});
    CHECK(run.failed() == std::vector<std::uint64_t>{1});
    CHECK(run.begin_attempt(cx, 1).error().text() == "run 1 is finished: its answers are there to be read");
    CHECK(run.add_nodes(cx, numbered(3)).error().is(cause::invalid_input));
    CHECK(run.record(cx, answered(1)).error().is(cause::invalid_input));
    CHECK(run.stop_rest(cx, "", "").error().is(cause::invalid_input));
    CHECK(run.finish(cx).error().is(cause::invalid_input));
    CHECK(dump_of(path) == before);
    auto const fresh = store.open_run(cx, identity, {.again = true}).value();
    CHECK(fresh.id() == 2);
    CHECK(!fresh.is_finished());
    CHECK(nodes_of(path, 1).size() == 2);
}

TEST_CASE("fact_store: a finished run is taken up again for the nodes that failed, where that is asked for", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    auto store = store_in(path);
    {
        auto run = store.open_run(cx, identity).value();
        run.add_nodes(cx, numbered(2)).value();
        run.begin_attempt(cx, 0).value();
        run.record(cx, answered(0)).value();
        run.record(cx, {.node = 1, .state = node_state::failed}).value();
        run.finish(cx).value();
    }
    CHECK(store.open_run(cx, identity).value().is_finished());
    {
        auto run = store.open_run(cx, identity, {.retry_failed = true}).value();
        CHECK(run.id() == 1);
        CHECK_FALSE(run.is_finished());
        CHECK(run.done() == std::vector<std::uint64_t>{0});
        CHECK(run.failed().empty());
        CHECK(store.open_run(cx, identity, {.retry_failed = true}).error().is(cause::rejected));    // it is held
        CHECK(run.begin_attempt(cx, 1) == 1u);
        CHECK(run.record(cx, answered(1)));
        CHECK(run.finish(cx));
    }
    auto const before = dump_of(path);
    CHECK(store.open_run(cx, identity, {.retry_failed = true}).value().is_finished());    // none has failed
    CHECK(dump_of(path) == before);
    CHECK(store.open_run(cx, identity, {.retry_failed = true, .again = true}).value().id() == 2);
    CHECK(contradictions(path) == 0);
}

TEST_CASE("fact_store: one run is held once, and let go of at the end", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    auto store = store_in(path), other = store_in(path);
    {
        auto const run = store.open_run(cx, identity).value();
        for (auto* each : {&store, &other}) {
            auto const refused = each->open_run(cx, identity);
            REQUIRE(!refused);
            CHECK(refused.error().is(cause::rejected));
            CHECK(refused.error().text().find("run 1 of " + path + " is under way elsewhere") == 0);
        }
        CHECK(other.open_run(cx, {.model = "another"}));    // two runs of one store, one each
    }
    CHECK(other.open_run(cx, identity));
}

TEST_CASE("fact_store: a second process is refused a run, and has it when the first was killed", "[llm][forks]") {
    temporary_folder const folder;
    auto const path = folder / "a.db";
    auto const opens = [&] {
        context cx;
        auto store = store_in(path);
        auto const run = store.open_run(cx, identity);
        return run ? 0 : run.error().is(cause::rejected) ? 7 : 8;
    };
    {
        auto store = store_in(path);
        context cx;
        auto run = std::optional{store.open_run(cx, identity).value()};
        run->add_nodes(cx, numbered(1)).value();
        run->begin_attempt(cx, 0).value();
        // Not by fork alone, which would carry the connection over: the child opens its own.
        CHECK(in_child(opens) == exits(7));
        run.reset();
        CHECK(in_child(opens) == exits(0));
    }
    CHECK(in_child([&] {
              context cx;
              auto store = store_in(path);
              auto const run = store.open_run(cx, identity).value();
              return ::kill(::getpid(), SIGKILL);
          }) == dies_of(SIGKILL));
    CHECK(in_child(opens) == exits(0));
}

TEST_CASE("fact_store: what came while the file was locked is one commit", "[llm]") {
    opened in{10};
    auto const before = in.store.commits();
    callers all;
    other_writer busy{in.path};
    for (std::uint64_t i = 0; i < 10; ++i) all.call([&in, i](context& own) { return in.run.begin_attempt(own, i) == 1u; });
    CHECK(in.store.commits() == before);
    busy.let_go();    // SQLITE_BUSY was waited out, and no caller heard of it
    all.join();
    CHECK(in.store.commits() == before + 1);
    CHECK(summary_of(in.path).count(node_state::in_flight) == 10);
}

TEST_CASE("fact_store: one that is refused takes no other of its batch with it", "[llm]") {
    opened in{3};
    callers all;
    other_writer busy{in.path};
    all.call([&](context& own) { return in.run.begin_attempt(own, 0) == 1u; });
    all.call([&](context& own) { return in.run.begin_attempt(own, 99).error().is(cause::invalid_input); });
    all.call([&](context& own) { return in.run.begin_attempt(own, 1) == 1u; });
    busy.let_go();
    all.join();
    CHECK(summary_of(in.path).count(node_state::in_flight) == 2);
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_store: a stop takes an attempt back that is not written, and no answer", "[llm]") {
    opened in{2};
    in.run.begin_attempt(in.cx, 0).value();
    callers all;
    other_writer busy{in.path};
    all.call([&](context& own) { return in.run.record(own, answered(0)).error().is(cause::cancelled); });
    all.call([&](context& own) { return in.run.begin_attempt(own, 1).error().is(cause::cancelled); });
    all.stop.request_stop();
    all.join();
    busy.let_go();
    CHECK(in.store.flush(in.cx));
    auto const nodes = nodes_of(in.path);
    CHECK(nodes[0].state == node_state::done);
    CHECK(nodes[1].state == node_state::pending);
    CHECK(nodes[1].attempts == 0);
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_store: a caller waits as long as its own deadline says", "[llm]") {
    opened in{1};
    other_writer busy{in.path};
    manual_time time{manual_time::jumping};
    context own{time};
    auto const until = own.change_deadline(time.now() + 2s);
    auto const late = in.run.begin_attempt(own, 0);
    CHECK(late.error().is(cause::timed_out));
    CHECK(own.expired());
    busy.let_go();
    CHECK(in.run.begin_attempt(in.cx, 0) == 1u);
}

TEST_CASE("fact_store: the queue is bounded, in records and in bytes", "[llm]") {
    bool const by_bytes = GENERATE(false, true);
    opened in{4, by_bytes ? fact_store_options{.queued_bytes = 25'000} : fact_store_options{.queued = 2, .batch = 2}};
    callers all;
    other_writer busy{in.path};
    std::atomic<int> stored{0}, refused{0};
    for (std::uint64_t i = 0; i < 4; ++i)
        all.call([&, i](context& own) {
            ++(in.run.record(own, {.node = i, .answer = std::string(10'000, 'x')}) ? stored : refused);
            return true;
        });
    all.stop.request_stop();    // two wait to be written, and two for room: those are told, and nothing of them is kept
    all.join();
    CHECK(refused == 4);
    busy.let_go();
    CHECK(in.store.flush(in.cx));
    CHECK(summary_of(in.path).count(node_state::done) == 2);

    callers more;
    other_writer again{in.path};
    for (std::uint64_t i = 0; i < 4; ++i)
        more.call([&, i](context& own) {
            if (in.run.record(own, {.node = i, .answer = std::string(10'000, 'x')})) ++stored;
            return true;
        });
    again.let_go();    // room comes as they are written
    more.join();
    CHECK(stored == 4);
    CHECK(summary_of(in.path).count(node_state::done) == 4);
}

TEST_CASE("fact_store: a record larger than the queue comes alone", "[llm]") {
    opened in{1, {.queued_bytes = 10}};
    CHECK(in.run.record(in.cx, {.node = 0, .answer = std::string(10'000, 'x')}));
}

TEST_CASE("fact_store: closed while callers wait, it writes what they handed over", "[llm]") {
    opened in{4, {.queued = 2, .batch = 2}};
    callers all;
    other_writer busy{in.path};
    std::atomic<int> kept{0}, closed{0};
    for (std::uint64_t i = 0; i < 4; ++i)
        all.call([&, i](context& own) {
            auto const done = in.run.record(own, {.node = i});
            kept += done.has_value();
            closed += !done && done.error().is(cause::unavailable);
            return true;
        });
    outcome<void> ended = failure{};
    std::jthread closing{[&] { ended = in.store.close(); }};
    while (closed < 2) std::this_thread::yield();    // those that waited for room are told at once
    busy.let_go();
    closing.join();
    CHECK(ended);
    all.join();
    CHECK(kept == 2);
    CHECK(summary_of(in.path).count(node_state::done) == 2);
    CHECK(in.run.begin_attempt(in.cx, 3).error().is(cause::unavailable));
    CHECK(in.store.flush(in.cx).error().is(cause::unavailable));
    CHECK(in.store.close());
}

TEST_CASE("fact_store: a file that stays locked ends every wait, also that for its end", "[llm]") {
    opened in{1, {.busy_timeout = 20ms}};
    other_writer busy{in.path};
    auto const refused = in.run.record(in.cx, {.node = 0});
    CHECK(refused.error().is(cause::timed_out));
    CHECK(refused.error().text().find(in.path) != std::string::npos);

    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token()};
    CHECK(in.run.record(stopped, {.node = 0}).error().is(cause::cancelled));
    auto const ended = in.store.close();
    REQUIRE(!ended);    // it was handed over, and could not be written: that is told
    CHECK(ended.error().is(cause::timed_out));
    busy.let_go();
    CHECK(nodes_of(in.path)[0].state == node_state::pending);
}

TEST_CASE("fact_store: a full disk tells, and keeps what was committed", "[llm]") {
    opened in{200, {.largest_file = 400'000}};
    std::uint64_t kept = 0;
    outcome<void> done;
    while (kept < 200) {
        if (auto const begun = in.run.begin_attempt(in.cx, kept); !begun) done = begun.error();
        else {
            auto result = answered(kept);
            result.answer = std::string(10'000, 'x');
            done = in.run.record(in.cx, result);
        }
        if (!done) break;
        ++kept;
    }
    REQUIRE(!done);
    CHECK(done.error().is(cause::exhausted));
    CHECK(done.error().text().find(in.path) != std::string::npos);
    CHECK(kept > 10);
    CHECK(summary_of(in.path).count(node_state::done) == kept);
    CHECK(contradictions(in.path) == 0);
    CHECK(in.run.record(in.cx, {.node = kept, .attempt = 1, .state = node_state::failed, .kind = "exhausted"}));    // a small one still fits
}

TEST_CASE("fact_store: ten callers write at once, and each hears of its own", "[llm]") {
    constexpr std::uint64_t each = 100;
    opened in{10 * each};
    std::atomic<std::uint64_t> well{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t w = 0; w < 10; ++w)
        threads.emplace_back([&, w] {
            context own;
            for (auto i = w * each; i < (w + 1) * each; ++i)
                if (in.run.begin_attempt(own, i) == 1u && in.run.record(own, answered(i))) ++well;
        });
    threads.clear();
    CHECK(well == 10 * each);
    CHECK(summary_of(in.path).count(node_state::done) == 10 * each);
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_store: its file is the owner's alone, and holds no column for a key", "[llm]") {
    opened in{0};
    for (auto const* each : {"", "-wal", "-shm", "-lock"})
        CHECK((std::filesystem::status(in.path + each).permissions() & std::filesystem::perms::mask) == std::filesystem::perms{0600});
    auto db = sqlite_database::open(in.cx, in.path).value();
    auto columns = db.prepare(in.cx, "SELECT group_concat(t.name || '.' || c.name, ' ') FROM sqlite_schema t, pragma_table_info(t.name) c "
                                  "WHERE t.type = 'table'").value();
    std::string all;
    columns.each(in.cx, [&](sqlite_statement const& row) { all = row.text(0); }).value();
    CHECK(all == "run.id run.digest run.model run.started run.finished "
                 "node.run node.node node.name node.state node.attempts node.kind node.text node.finish_reason node.partial node.answer "
                 "node.answer_bytes node.changed "
                 "attempt.run attempt.node attempt.attempt attempt.state attempt.kind attempt.text attempt.started attempt.ended "
                 "usage.run usage.node usage.attempt usage.prompt usage.completion usage.total usage.cached usage.reasoning "
                 "fact.run fact.node fact.place fact.name fact.value");
}

TEST_CASE("fact_store: refuses what is no store of this version, and options out of range", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const refused = [&](std::string const& name, std::string_view words, fact_store_options const& options = {}) {
        auto const opened = fact_store::open(cx, folder / name, options);
        REQUIRE(!opened);
        CHECK(opened.error().is(cause::invalid_input));
        INFO(opened.error().text());
        CHECK(opened.error().text().find(words) != std::string::npos);
    };
    for (auto const& [name, words] : no_stores_in(folder)) refused(name, words);
    for (auto const& wrong : {fact_store_options{.queued = 0}, fact_store_options{.queued = 1'000'001}, fact_store_options{.queued_bytes = 0},
                              fact_store_options{.batch = 0}, fact_store_options{.queued = 10, .batch = 11}, fact_store_options{.largest_answer = 0},
                              fact_store_options{.largest_answer = 61 * MiB}, fact_store_options{.largest_text = 0},
                              fact_store_options{.largest_text = 2 * MiB}, fact_store_options{.now = nullptr}})
        refused("new.db", "muster: a fact_store needs", wrong);
    CHECK(!std::filesystem::exists(folder / "new.db"));
}
