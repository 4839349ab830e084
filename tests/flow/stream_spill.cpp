#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"
#include "flow/kept_failures.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <muster/core/bytes.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/in_order_by.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/spill.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::some;
using testing::numbers;
using testing::same;
using testing::answers_of;
using testing::check_sums;
using testing::through_a_jam;

namespace {

std::size_t peak_memory() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (word == "VmHWM:") return status >> word, std::stoul(word) * KiB;
    return 0;
}
std::string text_of(std::size_t n) { return std::to_string(n) + std::string(n % 500, static_cast<char>('a' + n % 26)); }

}  // namespace

TEST_CASE("stream: what does not fit into memory comes from the disk, in order, and none is lost", "[flow][stream]") {
    temporary_folder const folder;
    std::vector<std::string> texts;
    for (int i = 0; i < 5'000; ++i) texts.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x'));
    stream_report report;
    CHECK(through_a_jam(texts, spill{.memory = 50'000, .folder = folder.path()}, report) == texts);
    CHECK(report.stages[0].spilled > 4'000);
    CHECK(report.stages[0].spilled_bytes > 500'000);
    CHECK_THAT(to_string(report), Catch::Contains(", spilled " + std::to_string(report.stages[0].spilled) + " of "));
    CHECK(folder.count() == 0);
    CHECK(through_a_jam(texts, buffer{16} | spill{.memory = GiB, .folder = folder.path()}, report) == texts);
    CHECK(report.stages[0].spilled == 5'000 - 17);
    CHECK(folder.count() == 0);
}

TEST_CASE("stream: an item for which the disk has no room fails alone, and the sink has it", "[flow][stream]") {
    thread_pool pool{2};
    blocking_pool waits{2};
    auto const check = [&](bool full, auto const& keep) {
        std::vector<std::string> texts;
        for (int i = 0; i < 300; ++i) texts.push_back(std::to_string(i) + std::string(100, 'x'));
        testing::kept_failures<std::string> dead;
        auto const how = full ? spill{.memory = 0, .disk = 2'000} : spill{.memory = 0, .folder = "/nonexistent"};
        std::vector<std::string> seen;
        auto answers = stream(indices{300}, pipeline{[&](std::size_t n) { return texts[n]; }, named{"keep"} | on{waits, 1} | how | keep, on{pool, 1} | [](std::string one) { return one; }}, dead);
        for (auto& one : answers) seen.push_back(one);
        check_sums(answers.report());
        CHECK(seen.size() + dead.all.size() == 300);
        if (!full) CHECK(seen.empty());
        for (auto const& [what, item] : dead.all) {
            CHECK(what.is(full ? cause::exhausted : cause::unavailable));
            CHECK(what.stage() == "keep");
            CHECK(what.attempts() == 0);
            CHECK(item == texts[what.index()]);
            CHECK(std::find(seen.begin(), seen.end(), item) == seen.end());
        }
    };
    auto const itself = [](std::string const& one) { return one; };
    auto const length = [](std::string const& one) { return one.size(); };
    auto const at_once = [](std::span<std::string const> texts) { return std::vector<outcome<std::string>>(texts.begin(), texts.end()); };
    for (bool const full : {true, false}) {
        check(full, itself);
        check(full, batched{5} | at_once);
        check(full, batched{.size = 5, .bytes = 250, .linger = std::chrono::milliseconds{1}} | at_once);
        check(full, in_order_by{length} | itself);
    }
    auto answers = stream(numbers(50), pipeline{[](int n) { return n; }, on{pool} | spill{.memory = 0, .folder = "/nonexistent"} | same});
    CHECK(answers_of(answers) == some(50, -1));
    CHECK(answers.report().failed == 50);
    CHECK(answers.report().stages[1].failed == 50);
}

TEST_CASE("stream: ten times the memory waits within it, and comes through", "[flow][stream][forks]") {
    if (sanitized) SKIP("sanitizers count memory of their own");
    temporary_folder const folder;
    CHECK(in_child([&] {
        constexpr std::size_t memory = 8 * MiB, items = 10 * memory / 250;    // 250 bytes each, without what it takes to hold them
        blocking_pool pool{2};
        std::atomic<std::size_t> made{0};
        testing::event all_made;
        auto const make = [&](std::size_t n) {
            if (++made == items) all_made.set();
            return text_of(n);
        };
        (void)stream(indices{100}, pipeline{make, on{pool, 1} | [](std::string const& one) { return one.size(); }}).drain();    // threads are there
        made = 0;
        std::ofstream{"/proc/self/clear_refs"} << 5;    // the peak begins here
        auto const before = peak_memory();
        std::size_t next = 0;
        auto answers = stream(indices{items}, pipeline{make, on{pool, 1} | spill{.memory = memory, .folder = folder.path()} | [&](std::string one) {
                                                           return all_made.wait() && one == text_of(next++) ? one.size() : 0;
                                                       }});
        std::size_t bytes = 0, zeros = 0;
        for (auto& one : answers) {
            bytes += *one;
            zeros += *one == 0;
        }
        if (zeros != 0) return 1;
        if (bytes < 10 * memory) return 2;
        if (next != items) return 3;
        if (answers.report().stages[1].spilled_bytes < 9 * memory) return 4;
        return peak_memory() - before <= memory + 2 * MiB ? 0 : 5;    // for what malloc keeps, and what is in hands
    }) == exits(0));
    CHECK(folder.count() == 0);
}

TEST_CASE("stream: one that is killed leaves nothing on the disk, and the next one runs", "[flow][stream][forks]") {
    temporary_folder const folder;
    if (!detail::unnamed_file(folder.path())) SKIP("no unnamed files in " + folder.path());
    auto const run = [&](std::size_t items) {
        blocking_pool pool{2};
        auto answers = stream(indices{items}, pipeline{text_of, on{pool, 1} | spill{.memory = 9'000, .folder = folder.path()} | [](std::string const& one) { return one.size(); }});
        std::size_t seen = 0;
        for (auto& one : answers) seen += one.has_value();
        return seen == items;
    };
    for (int i = 0; i < 5; ++i) {
        REQUIRE(run_until_killed(5'000'000 + i * 10'000'000, [&] { return run(20'000); }));
        REQUIRE(folder.count() == 0);
    }
    CHECK(run(2'000));
    CHECK(folder.count() == 0);
}
