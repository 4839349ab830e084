#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"
#include "temporary_folder.hpp"

#include <atomic>     // calls
#include <cstdint>    // numbers
#include <mutex>      // letters of several threads
#include <set>        // which came out
#include <string>     // records
#include <vector>     // letters

#include <muster/exec/thread_pool.hpp>    // thread_pool
#include <muster/flow/file_lines.hpp>     // file_lines
#include <muster/flow/run.hpp>            // run
#include <muster/policy/in_order.hpp>     // in_order
#include <muster/policy/named.hpp>        // named
#include <muster/policy/on.hpp>           // on
#include <muster/policy/retry.hpp>        // retry

// One call in twenty fails for now, by a number that is mixed from item and attempt: what is retried, lost and handed on is known beforehand,
// whatever runs at once.

using namespace muster;
using namespace std::chrono_literals;

namespace {

bool fails(std::uint64_t item, unsigned attempt) {
    auto mixed = (item * 8 + attempt) * 0x9e37'79b9'7f4a'7c15u;
    mixed ^= mixed >> 29;
    return (mixed * 0xbf58'476d'1ce4'e5b9u >> 40) % 20 == 0;
}

struct told {
    std::uint64_t out = 0, dead = 0, retried = 0;
    friend bool operator==(told const&, told const&) = default;
};
/// What four attempts make of so many items.
told model(std::uint64_t items) {
    told all;
    for (std::uint64_t i = 0; i < items; ++i) {
        unsigned attempt = 1;
        while (attempt < 4 && fails(i, attempt)) ++attempt;
        all.retried += attempt - 1;
        ++(fails(i, attempt) ? all.dead : all.out);
    }
    return all;
}

struct letters {
    std::vector<std::uint64_t> items;
    std::mutex mutex;
    void put(failure const& what) { FAIL(what.text()); }    // none comes without its item
    void put(failure const& what, std::uint64_t const& item) {
        std::lock_guard lock(mutex);
        CHECK(what.attempts() == 4);
        items.push_back(item);
    }
};

constexpr std::uint64_t count = 50'000;
std::vector<std::uint64_t> up_to(std::uint64_t end) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 0; i < end; ++i) all.push_back(i);
    return all;
}

}  // namespace

TEST_CASE("stream: 5 % transient faults and 3 retries leave at most 0.1 %, and each stage tells its retries", "[flow][stream][retry]") {
    auto const wanted = model(count);
    CHECK(wanted.dead * 1'000 <= count);
    CHECK(wanted.retried > count / 25);
    thread_pool pool{{.workers = 3}};
    std::atomic<std::uint64_t> calls{0};
    auto const flaky = retry{.attempts = 4, .delay = 0s} | [&](std::uint64_t const& item, context& cx) -> outcome<std::uint64_t> {
        ++calls;
        if (fails(item, cx.attempt())) return failure{cause::unavailable, "for now"};
        return item;
    };
    auto const check = [&](auto const& flow) {
        calls = 0;
        letters dead;
        auto all = stream(up_to(count), flow, dead);
        std::set<std::uint64_t> out;
        for (auto const item : all) out.insert(item);
        auto const now = all.report();
        CHECK(now.read == count);
        CHECK(now.yielded == out.size());
        CHECK(now.failed == dead.items.size());
        CHECK(out.size() + dead.items.size() == count);
        for (auto const item : dead.items) CHECK(out.count(item) == 0);
        std::uint64_t retried = 0;
        for (auto const& stage : now.stages) {
            CHECK(stage.in == stage.out + stage.failed);
            retried += stage.retried;
            if (stage.name == "plain") CHECK(stage.retried == 0);
        }
        CHECK(now.stages[1].in == now.stages[0].out);
        CHECK(told{out.size(), dead.items.size(), retried} == wanted);
        CHECK(calls == count + retried);
    };
    auto const plain = named{"plain"} | [](std::uint64_t item) { return item; };
    check(pipeline{plain, flaky});
    check(pipeline{flaky, plain});
    for (std::size_t const width : {1u, 2u, 3u}) {
        check(pipeline{plain, on{pool, width} | flaky});
        check(pipeline{on{pool, width} | plain, on{pool, width} | in_order{} | flaky, plain});
        check(pipeline{on{pool, width} | flaky, on{pool, width} | plain});
    }
}

TEST_CASE("stream: retries are told of the stage that made them", "[flow][stream][retry]") {
    thread_pool pool{{.workers = 2}};
    auto const third = [](std::uint64_t of) {
        return retry{.attempts = 3, .delay = 0s} | [of](std::uint64_t item, context& cx) -> outcome<std::uint64_t> {
            if (item % of == 0 && cx.attempt() < 3) return failure{cause::unavailable, "for now"};
            return item;
        };
    };
    auto const check = [](auto const& flow) {
        auto all = stream(up_to(100), flow);
        for (auto const& each : all) CHECK(each.has_value());
        CHECK(all.report().stages[0].retried == 100);
        CHECK(all.report().stages[1].retried == 20);
    };
    check(pipeline{third(2), third(10)});
    check(pipeline{on{pool} | third(2), on{pool} | third(10)});
}

TEST_CASE("run: 5 % transient faults and 3 retries leave at most 0.1 %, and every record and retry is told", "[flow][run][retry]") {
    auto const wanted = model(count);
    temporary_folder const folder;
    std::string text;
    for (std::uint64_t i = 0; i < count; ++i) text += std::to_string(i) + '\n';
    auto const path = folder.put("in", text);
    thread_pool pool{{.workers = 3}};
    std::atomic<std::uint64_t> calls{0};
    auto const flaky = retry{.attempts = 4, .delay = 0s} | [&](std::string_view line, context& cx) -> outcome<std::uint64_t> {
        ++calls;
        auto const item = std::stoull(std::string{line});
        if (fails(item, cx.attempt())) return failure{cause::unavailable, "for now"};
        return item;
    };
    auto const check = [&](auto const& flow, failed_record on_failure) {
        calls = 0;
        memory_journal<std::uint64_t> to;
        std::uint64_t seen = 0;
        run_options options{.records = 700, .on_failure = on_failure};
        options.at = [&](run_point, run_result const& so_far) {
            CHECK(so_far.retried >= seen);
            seen = so_far.retried;
        };
        auto const done = run(file_lines{path}, flow, to, options).value();
        CHECK(done.in == count);
        CHECK(done.in == done.out + done.failed());
        CHECK(done.dead == to.dead.size());
        CHECK(told{done.out, done.failed(), done.retried} == wanted);
        CHECK(done.retried == seen);
        CHECK(calls == done.in + done.retried);
        std::set<std::uint64_t> out;
        for (auto const value : to.values()) out.insert(value);
        CHECK(out.size() == wanted.out);
        for (auto const& each : to.dead) CHECK(out.count(std::stoull(each.payload)) == 0);
    };
    check(flaky, failed_record::bury);
    check(flaky, failed_record::skip);
    for (std::size_t const width : {1u, 2u, 3u}) check(on{pool, width} | flaky, failed_record::bury);
}
