#include <muster/flow/sorted_items.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;

namespace {
struct line {
    std::string host;
    std::uint64_t number;
    std::string text;
    friend bool operator==(line const&, line const&) = default;
};
using by_host = sorted_items<line, std::string line::*>;
auto const by = &line::host;

line any_line(std::mt19937_64& dice, std::uint64_t number, std::size_t longest = 300) {
    auto const host = dice() % 50, letters = dice() % longest;    // one draw after the other, or each compiler has lines of its own
    return {"host " + std::to_string(host), number, std::string(letters, static_cast<char>('a' + dice() % 26))};
}
std::size_t peak_memory() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (word == "VmHWM:") return status >> word, std::stoul(word) * KiB;
    return 0;
}
}  // namespace

TEST_CASE("sorted_items: by key, and as they came within one", "[flow][sorted_items]") {
    by_host sorted{by};
    for (auto const* host : {"b", "a", "c", "a", "b"}) REQUIRE(sorted.add({host, 0, {}}).has_value());
    std::string hosts;
    for (;;) {
        auto const item = sorted.next();
        REQUIRE(item.has_value());
        if (!item->has_value()) break;
        hosts += (*item)->host;
    }
    CHECK(hosts == "aabbc");
    CHECK(sorted.next()->has_value() == false);
    CHECK(sorted.add({}).error().is(cause::invalid_input));    // too late
    CHECK(by_host{by}.next()->has_value() == false);
}

TEST_CASE("sorted_items: as a stable sort, whether in memory, in runs, or in runs of runs", "[flow][sorted_items]") {
    temporary_folder const folder;
    for (std::size_t const n : {1u, 300u, 10'000u, 60'000u}) {
        std::mt19937_64 dice{n};
        by_host sorted{by, {.memory = 256 * KiB, .folder = folder.path()}};
        std::vector<line> model;
        for (std::size_t i = 0; i < n; ++i) {
            model.push_back(any_line(dice, i));
            REQUIRE(sorted.add(model.back()).has_value());
        }
        std::stable_sort(model.begin(), model.end(), [](line const& a, line const& b) { return a.host < b.host; });
        CHECK((sorted.spilled() > 0) == (n >= 10'000));
        for (auto const& each : model) {
            auto const item = sorted.next();
            REQUIRE(item.has_value());
            REQUIRE(*item == each);
        }
        CHECK(sorted.next()->has_value() == false);
        CHECK(sorted.spilled() == 0);
    }
    CHECK(folder.count() == 0);
}

TEST_CASE("sorted_items: group by group, read or passed over", "[flow][sorted_items]") {
    std::mt19937_64 dice{3};
    by_host sorted{by, {.memory = 256 * KiB}};
    std::vector<line> model;
    for (std::size_t i = 0; i < 5'000; ++i) {
        model.push_back(any_line(dice, i));
        REQUIRE(sorted.add(model.back()).has_value());
    }
    std::stable_sort(model.begin(), model.end(), [](line const& a, line const& b) { return a.host < b.host; });
    CHECK(sorted.next_in_group()->has_value() == false);    // no group was begun
    std::size_t groups = 0;
    for (std::size_t at = 0; at < model.size(); ++groups) {
        auto const key = sorted.next_group();
        REQUIRE(key.has_value());
        REQUIRE(*key == model[at].host);
        auto const wanted = groups % 3 == 0 ? 0 : groups % 3 == 1 ? 7 : SIZE_MAX;
        std::size_t read = 0;
        for (; at < model.size() && model[at].host == **key; ++at) {
            if (read == wanted) continue;
            auto const item = sorted.next_in_group();
            REQUIRE(item.has_value());
            REQUIRE(*item == model[at]);
            ++read;
        }
        if (wanted == SIZE_MAX) CHECK(sorted.next_in_group()->has_value() == false);
    }
    CHECK(groups == 50);
    CHECK(sorted.next_group()->has_value() == false);
}

TEST_CASE("sorted_items: an item that is larger than the memory is held all the same", "[flow][sorted_items]") {
    by_host sorted{by, {.memory = 256 * KiB}};
    for (auto const* host : {"c", "b", "a"}) REQUIRE(sorted.add({host, 0, std::string(MiB, host[0])}).has_value());
    for (auto const* host : {"a", "b", "c"}) CHECK((*sorted.next())->text == std::string(MiB, host[0]));
}

TEST_CASE("sorted_items: ten times the memory goes through within it", "[flow][sorted_items][forks]") {
    if (sanitized) SKIP("sanitizers count memory of their own");
    CHECK(in_child([] {
        constexpr auto memory = 8 * MiB;
        std::ofstream{"/proc/self/clear_refs"} << 5;    // the peak begins here
        auto const before = peak_memory();
        std::mt19937_64 dice{1};
        by_host sorted{by, {.memory = memory}};
        std::uint64_t n = 0;
        for (std::uint64_t bytes = 0; bytes < 10 * memory; ++n) {
            auto const item = any_line(dice, n);
            bytes += item.text.size() + 20;
            if (!sorted.add(item)) return 1;
        }
        if (sorted.spilled() < 8 * memory) return 2;
        std::uint64_t read = 0;
        for (std::string last;; ++read) {
            auto const item = sorted.next();
            if (!item) return 3;
            if (!item->has_value()) break;
            if ((*item)->host < last) return 4;
            last = (*item)->host;
        }
        if (read != n) return 5;
        return peak_memory() - before <= memory + MiB ? 0 : 6;    // a MiB for what malloc keeps
    }) == exits(0));
}

TEST_CASE("sorted_items: a full disk refuses an item, and gives back those that were taken", "[flow][sorted_items]") {
    std::mt19937_64 dice{1};
    by_host sorted{by, {.memory = 256 * KiB, .disk = 500'000}};
    std::uint64_t taken = 0;
    for (;; ++taken) {
        auto const added = sorted.add(any_line(dice, taken));
        if (added) continue;
        CHECK(added.error().is(cause::exhausted));
        CHECK_THAT(added.error().text(), Catch::Contains("has no room in the spill file"));
        break;
    }
    CHECK(taken > 2'500);
    CHECK_FALSE(sorted.add(any_line(dice, taken)).has_value());
    std::uint64_t read = 0;
    std::string last;
    for (;; ++read) {
        auto const item = sorted.next();
        REQUIRE(item.has_value());
        if (!item->has_value()) break;
        REQUIRE(last <= (*item)->host);
        last = (*item)->host;
    }
    CHECK(read == taken);
}

TEST_CASE("sorted_items: a folder that was full is tried again now and then", "[flow][sorted_items]") {
    temporary_folder const folder;
    auto const there = folder / "there";
    std::mt19937_64 dice{1};
    by_host sorted{by, {.memory = 256 * KiB, .folder = there}};
    std::uint64_t taken = 0;
    while (sorted.add(any_line(dice, taken))) ++taken;
    for (int i = 0; i < 100; ++i) REQUIRE_FALSE(sorted.add(any_line(dice, taken)).has_value());
    std::filesystem::create_directory(there);
    int refused = 0;
    while (!sorted.add(any_line(dice, taken))) ++refused;
    CHECK(refused < 1'024);
    CHECK(sorted.add(any_line(dice, taken)).has_value());
    CHECK(sorted.spilled() > 0);
}

TEST_CASE("sorted_items: a folder that is not there fails when the disk is first needed", "[flow][sorted_items]") {
    std::mt19937_64 dice{1};
    by_host sorted{by, {.memory = 256 * KiB, .folder = "/nonexistent"}};
    outcome<void> added;
    for (std::uint64_t i = 0; i < 10'000 && added; ++i) added = sorted.add(any_line(dice, i));
    REQUIRE_FALSE(added.has_value());
    CHECK(added.error().is(cause::unavailable));
}

TEST_CASE("sorted_items: what the key function throws when items come back is a failure", "[flow][sorted_items]") {
    bool torn = false;
    auto const key = [&torn](line const& item) { return torn ? throw std::runtime_error{"torn"} : item.host; };
    sorted_items<line, decltype(key)> sorted{key};
    REQUIRE(sorted.add({"a", 1, {}}).has_value());
    torn = true;
    CHECK_THROWS_AS(sorted.add({"b", 1, {}}), std::runtime_error);
    auto const item = sorted.next();
    REQUIRE_FALSE(item.has_value());
    CHECK(item.error().text() == "torn");
    CHECK_FALSE(sorted.next().has_value());
}

TEST_CASE("sorted_items: less memory than merging needs is refused", "[flow][sorted_items]") {
    CHECK_THROWS_AS((by_host{by, {.memory = 1'000}}), std::invalid_argument);
}

TEST_CASE("sorted_items: a process that is killed leaves nothing on the disk", "[flow][sorted_items][forks]") {
    temporary_folder const folder;
    if (!detail::unnamed_file(folder.path())) SKIP("no unnamed files in " + folder.path());
    for (int i = 0; i < 5; ++i) {
        REQUIRE(run_until_killed(5'000'000 + i * 10'000'000, [&] {
            std::mt19937_64 dice{1};
            by_host sorted{by, {.memory = 256 * KiB, .folder = folder.path()}};
            for (std::uint64_t n = 0; n < 100'000; ++n)
                if (!sorted.add(any_line(dice, n))) return false;
            return true;
        }));
        REQUIRE(folder.count() == 0);
    }
}
