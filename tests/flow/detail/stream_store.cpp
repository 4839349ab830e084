#include <muster/flow/detail/stream_store.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <muster/flow/by_priority.hpp>
#include <muster/flow/fair.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using detail::when_full;

namespace {

template <class Value>
struct parcel {
    outcome<Value> value;
    std::size_t index;
};
template <when_full Full, bool Throttled = false, class Value = int>
using fifo_store = detail::stream_store<parcel<Value>, detail::fifo_line<parcel<Value>>, Full, Throttled>;
template <class Value>
using spill_store = detail::stream_store<parcel<Value>, detail::spilled_line<parcel<Value>>, when_full::spill, false>;

failure broken() { return {cause::invalid_input, "broken"}; }

// As a pump does: reserve, claim, fill. False without room.
template <class Store>
bool put(Store& to, int number) {
    if (to.reserve(1) == 0) return false;
    to.fill(to.claim(), {number, static_cast<std::size_t>(number)});
    return true;
}
template <class Store>
bool put_failure(Store& to, int number) {
    if (to.reserve(1) == 0) return false;
    to.fill(to.claim(), {broken(), static_cast<std::size_t>(number)});
    return true;
}
// As a pump does: take, and free. Numbers; failures are one less than minus their number.
template <class Store>
std::vector<int> taken(Store& from, std::size_t most = 1'000'000) {
    std::vector<int> out;
    from.free(from.take(most, [&](typename Store::item&& one) {
        auto const number = static_cast<int>(one.index);
        out.push_back(one.value.has_value() && !one.refused ? number : -1 - number);
    }));
    return out;
}
template <class Store>
stream_stage_report report_of(Store const& store) {
    stream_stage_report out;
    store.report(out);
    return out;
}
using some = std::vector<int>;

}  // namespace

TEST_CASE("stream_store: drop_oldest keeps the newest, and has room for whoever comes", "[flow][stream]") {
    fifo_store<when_full::drop_oldest> store{3, 4, {}, {}};
    for (int i = 0; i < 10; ++i) {
        REQUIRE(store.asks());
        REQUIRE(put(store, i));
    }
    CHECK(store.waiting() == 3);
    CHECK(taken(store) == some{7, 8, 9});
    CHECK(report_of(store).dropped == stream_drops{.oldest = 7});
    CHECK_FALSE(store.over());
    store.end();
    CHECK(store.over());
    CHECK(store.reserve(100) == 4);
}

TEST_CASE("stream_store: drop_newest keeps what waits", "[flow][stream]") {
    fifo_store<when_full::drop_newest> store{3, 4, {}, {}};
    for (int i = 0; i < 10; ++i) REQUIRE(put(store, i));
    CHECK(taken(store, 2) == some{0, 1});
    CHECK(put(store, 10));
    CHECK(taken(store) == some{2, 10});
    CHECK(report_of(store).dropped == stream_drops{.newest = 7});
    CHECK(store.waiting() == 0);
}

TEST_CASE("stream_store: sample lets one in so many in, from full to half empty, at even steps", "[flow][stream]") {
    fifo_store<when_full::sample> store{4, 5, {}, {}, {}, 3};
    for (int i = 0; i < 10; ++i) REQUIRE(put(store, i));    // 4, 5 and 7, 8 are passed by; 6 and 9 find no room
    CHECK(report_of(store).dropped == stream_drops{.newest = 2, .sampled = 4});
    CHECK(taken(store, 1) == some{0});
    for (int i = 10; i < 16; ++i) REQUIRE(put(store, i));    // 12 comes in; 15 does not
    CHECK(taken(store) == some{1, 2, 3, 12});
    CHECK(put(store, 16));    // half empty: all come in
    CHECK(put(store, 17));
    CHECK(taken(store) == some{16, 17});
    auto const dropped = report_of(store).dropped;
    CHECK(dropped.newest == 3);
    CHECK(dropped.all() == 18 - 7);
}

TEST_CASE("stream_store: throttle lets so many through at once, and then one for each step of time", "[flow][stream]") {
    testing::manual_time time;
    fifo_store<when_full::drop_newest, true> store{100, 101, {}, time, throttle{.items = 4, .per = 1s}};
    for (int i = 0; i < 10; ++i) REQUIRE(put(store, i));
    CHECK(taken(store) == some{0, 1, 2, 3});
    time.advance(249ms);
    CHECK(put(store, 10));
    CHECK(taken(store).empty());
    time.advance(1ms);
    for (int i = 11; i < 13; ++i) REQUIRE(put(store, i));
    CHECK(taken(store) == some{11});
    time.advance(1h);
    for (int i = 13; i < 23; ++i) REQUIRE(put(store, i));
    CHECK(taken(store) == some{13, 14, 15, 16});
    CHECK(report_of(store).dropped == stream_drops{.throttled = 6 + 1 + 1 + 6});
}

TEST_CASE("stream_store: throttle at its ends", "[flow][stream]") {
    testing::manual_time time;
    auto const through = [&](throttle how) {
        fifo_store<when_full::drop_newest, true> store{100, 101, {}, time, how};
        for (int i = 0; i < 20; ++i) REQUIRE(put(store, i));
        return taken(store).size();
    };
    CHECK(through({.items = 0, .per = 1s}) == 0);
    CHECK(through({.items = 0, .per = 0s}) == 20);
    CHECK(through({.items = 1, .per = -1s}) == 20);
    CHECK(through({.items = SIZE_MAX, .per = 1s}) == 20);
    CHECK(through({.items = 1, .per = std::chrono::nanoseconds::max()}) == 1);
    CHECK(through({.items = 7, .per = std::chrono::nanoseconds::max()}) == 7);
    CHECK(through({.items = 3, .per = 10ns}) == 3);
}

TEST_CASE("stream_store: failures are never dropped, stay in their turn, and fill it", "[flow][stream]") {
    fifo_store<when_full::drop_oldest> store{2, 3, {}, {}};
    REQUIRE(put(store, 0));
    REQUIRE(put_failure(store, 1));
    for (int i = 2; i < 5; ++i) REQUIRE(put(store, i));
    REQUIRE(put_failure(store, 5));
    CHECK(taken(store) == some{-2, 3, 4, -6});
    for (int i = 6; i < 9; ++i) REQUIRE(put_failure(store, i));
    CHECK_FALSE(put(store, 9));    // whoever feeds it waits
    CHECK_FALSE(store.asks());
    CHECK(taken(store, 1) == some{-7});
    CHECK(put(store, 10));
    CHECK(taken(store) == some{-8, -9, 10});
    CHECK(store.reserve(100) == 3);
}

TEST_CASE("stream_store: places come in by their order, whoever fills them first, and are left out", "[flow][stream]") {
    fifo_store<when_full::drop_oldest> store{2, 8, {}, {}};
    REQUIRE(store.reserve(5) == 5);
    auto const at = store.claim(5);
    store.fill(at + 3, {3, 3});
    store.fill(at + 1, {1, 1});
    CHECK_FALSE(store.ready());
    CHECK(taken(store).empty());
    CHECK(store.waiting() == 5);
    store.leave_out(at);
    CHECK(taken(store) == some{1});
    store.leave_out(at + 2);
    store.end();
    CHECK_FALSE(store.over());
    store.fill(at + 4, {4, 4});
    CHECK(taken(store) == some{3, 4});
    CHECK(store.over());
    CHECK(store.reserve(100) == 8);
    CHECK(report_of(store).dropped.all() == 0);
}

TEST_CASE("stream_store: what is dropped is destroyed, also where it can only be moved", "[flow][stream]") {
    auto const alive = std::make_shared<int>(0);
    struct counted {
        std::shared_ptr<int> one;
        explicit counted(std::shared_ptr<int> of) : one(std::move(of)) {}
        counted(counted&&) = default;
        counted& operator=(counted&&) = default;
    };
    {
        fifo_store<when_full::drop_oldest, false, counted> store{4, 5, {}, {}};
        for (std::size_t i = 0; i < 100; ++i) {
            REQUIRE(store.reserve(1) == 1);
            store.fill(store.claim(), {counted{alive}, i});
        }
        CHECK(alive.use_count() == 5);
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("stream_store: any order of coming and going is as a plain program has it", "[flow][stream]") {
    std::mt19937 dice{9};
    auto const roll = [&](int from, int to) { return std::uniform_int_distribution<int>{from, to}(dice); };
    auto const play = [&](auto full) {
        constexpr when_full how = decltype(full)::value;
        auto const items = static_cast<std::size_t>(roll(1, 6));
        fifo_store<how> store{items, items + 3, {}, {}, {}, 1};
        std::deque<int> model;
        std::size_t failures = 0;
        std::uint64_t oldest = 0, newest = 0;
        for (int step = 0; step < 300; ++step) {
            auto const what = roll(0, 9);
            if (what < 5) {
                bool const room = failures < items + 3;
                REQUIRE(store.has_room() == room);
                REQUIRE(put(store, step) == room);
                if (!room) continue;
                if (model.size() - failures >= items && how == when_full::drop_newest) {
                    ++newest;
                    continue;
                }
                model.push_back(step);
                if (model.size() - failures > items) {
                    ++oldest;
                    auto first = model.begin();
                    while (*first < 0) ++first;
                    model.erase(first);
                }
            } else if (what < 6) {
                if (!put_failure(store, step)) continue;
                ++failures;
                model.push_back(-1 - step);
            } else {
                auto const most = static_cast<std::size_t>(roll(0, 4));
                some expected;
                while (expected.size() != most && !model.empty()) {
                    expected.push_back(model.front());
                    failures -= model.front() < 0;
                    model.pop_front();
                }
                REQUIRE(taken(store, most) == expected);
            }
            REQUIRE(store.waiting() == model.size());
            REQUIRE(store.ready() == !model.empty());
        }
        CHECK(report_of(store).dropped == stream_drops{.oldest = oldest, .newest = newest});
    };
    for (int round = 0; round < 50; ++round) {
        play(std::integral_constant<when_full, when_full::drop_oldest>{});
        play(std::integral_constant<when_full, when_full::drop_newest>{});
    }
}

TEST_CASE("stream_store: threads that come and go lose nothing that is not counted", "[flow][stream]") {
    auto const play = [](auto full) {
        constexpr when_full how = decltype(full)::value;
        fifo_store<how> store{16, 19, {}, {}, {}, 4};
        constexpr int each = 20'000;
        std::atomic<int> at_work{3};
        std::vector<std::thread> all;
        for (int t = 0; t < 3; ++t)
            all.emplace_back([&] {
                for (int i = 0; i < each;) {
                    auto const room = store.reserve(4);
                    if (room == 0) {
                        std::this_thread::yield();
                        continue;
                    }
                    auto const at = store.claim(room);
                    for (std::size_t k = 0; k < room; ++k) {
                        if (i < each && i % 100 == 7) store.fill(at + k, {broken(), static_cast<std::size_t>(i)});
                        else if (i < each) store.fill(at + k, {i, static_cast<std::size_t>(i)});
                        else store.leave_out(at + k);
                        ++i;
                    }
                }
                if (--at_work == 0) store.end();
            });
        std::atomic<std::uint64_t> numbers{0}, failures{0};
        for (int t = 0; t < 2; ++t)
            all.emplace_back([&] {
                while (!store.over()) {
                    for (int const one : taken(store, 8)) ++(one < 0 ? failures : numbers);
                }
            });
        for (auto& one : all) one.join();
        CHECK(failures == 3 * each / 100);
        CHECK(numbers + failures + report_of(store).dropped.all() == 3 * each);
        CHECK(store.reserve(100) == 19);
        CHECK(store.waiting() == 0);
    };
    play(std::integral_constant<when_full, when_full::drop_oldest>{});
    play(std::integral_constant<when_full, when_full::drop_newest>{});
    play(std::integral_constant<when_full, when_full::sample>{});
}

// Orders of waiting

namespace {
auto const number_of = [](parcel<int> const& one) -> int const& { return *one.value; };
template <when_full Full, class Discipline>
auto store_by(Discipline const& by, std::size_t items) {
    using queue = decltype(by.template make_queue<parcel<int>>(items, number_of));
    using line = detail::disciplined_line<parcel<int>, queue>;
    auto const most = Full == when_full::block ? SIZE_MAX : items;
    return std::make_unique<detail::stream_store<parcel<int>, line, Full, false>>(items, items + 1, line{by.template make_queue<parcel<int>>(most, number_of)}, waiter_ref{});
}
auto const tens = [](int n) { return n / 10; };
}  // namespace

TEST_CASE("stream_store: a discipline says who is next, failures go first, and what is full blocks", "[flow][stream]") {
    auto const store = store_by<when_full::block>(by_priority{tens, {.age = 0}}, 5);
    for (int const n : {1, 25, 12}) REQUIRE(put(*store, n));
    REQUIRE(put_failure(*store, 3));
    REQUIRE(put(*store, 26));
    REQUIRE(put(*store, 2));
    CHECK_FALSE(put(*store, 99));
    CHECK(taken(*store, 3) == some{-4, 25, 26});
    CHECK(put(*store, 30));
    CHECK(taken(*store) == some{30, 12, 1, 2});
    CHECK(store->reserve(100) == 6);
}

TEST_CASE("stream_store: beside fair, drop_newest drops what is beyond the share of its key", "[flow][stream]") {
    auto const store = store_by<when_full::drop_newest>(fair{tens}, 8);
    for (int i = 0; i < 9; ++i) REQUIRE(put(*store, i));
    for (int const n : {10, 20}) REQUIRE(put(*store, n));
    CHECK(taken(*store) == some{0, 10, 20, 1, 2, 3});
    CHECK(report_of(*store).dropped == stream_drops{.over_share = 5});
}

TEST_CASE("stream_store: what a discipline throws, and what it has no room for, are refusals that keep the item", "[flow][stream]") {
    auto const weigh = [](int key) { return key == 1 ? throw std::runtime_error{"no such tenant"} : 1; };
    auto const store = store_by<when_full::block>(fair{tens, weigh}, 8);
    for (int const n : {5, 15, 6}) REQUIRE(put(*store, n));
    some seen;
    CHECK(store->take(10, [&](auto&& one) {
        seen.push_back(*one.value);
        if (one.refused) CHECK(one.refused->text() == "no such tenant");
        CHECK(one.refused.has_value() == (*one.value == 15));
    }) == 3);
    CHECK(seen == some{15, 5, 6});

    struct no_room {
        static bool push(parcel<int>&&, instant) { return false; }
        static std::optional<parcel<int>> pop() { return {}; }
        static std::size_t size() { return 0; }
    };
    using line = detail::disciplined_line<parcel<int>, no_room>;
    detail::stream_store<parcel<int>, line, when_full::block, false> refuses{8, 9, line{no_room{}}, {}};
    REQUIRE(put(refuses, 1));
    CHECK(refuses.take(1, [](auto&& one) {
        REQUIRE(one.refused);
        CHECK(one.refused->is(cause::exhausted));
        CHECK(one.value == 1);
    }) == 1);
}

// The disk

namespace {
spill_store<std::string> spilling(spill how, std::size_t items = SIZE_MAX) {
    return {64, 65, detail::spilled_line<parcel<std::string>>{std::move(how), items}, {}};
}
bool put_text(spill_store<std::string>& to, std::size_t index, std::string text) {
    if (to.reserve(1) == 0) return false;
    to.fill(to.claim(), {std::move(text), index});
    return true;
}
}  // namespace

TEST_CASE("stream_store: what does not fit into memory comes back from the disk, in its turn, whatever comes and goes", "[flow][stream]") {
    temporary_folder const folder;
    std::mt19937 dice{5};
    for (std::uint64_t const memory : {0u, 20'000u, 60'000u}) {
        auto store = spilling({.memory = memory, .folder = folder.path()});
        std::size_t in = 0, out = 0;
        for (int step = 0; step < 3'000; ++step) {
            if (dice() % 3 != 0) {
                for (auto n = dice() % 20; n != 0; --n, ++in) {
                    REQUIRE(store.reserve(1) == 1);
                    if (in % 50 == 9) store.fill(store.claim(), {broken(), in});
                    else store.fill(store.claim(), {std::string(in % 700, 'x'), in});
                }
            }
            auto const most = step % 100 < 50 ? dice() % 5 : dice() % 40;
            store.free(store.take(most, [&](auto&& one) {
                REQUIRE(one.index == out);
                REQUIRE_FALSE(one.refused);
                if (out % 50 == 9) REQUIRE_FALSE(one.value.has_value());
                else REQUIRE(*one.value == std::string(out % 700, 'x'));
                ++out;
            }));
            CHECK(store.waiting() == in - out);
        }
        CHECK(in > 10'000);
        auto const report = report_of(store);
        CHECK(report.spilled > 1'000);
        CHECK(report.spilled_bytes > 100 * report.spilled);
        CHECK(report.dropped.all() == 0);
    }
    CHECK(folder.count() == 0);
}

TEST_CASE("stream_store: within its memory nothing is written, and no file is made", "[flow][stream]") {
    auto store = spilling({.memory = 1'000'000, .folder = "/nonexistent"});
    for (std::size_t i = 0; i < 1'000; ++i) REQUIRE(put_text(store, i, "a text"));
    CHECK(report_of(store).spilled == 0);
    auto few = spilling({.memory = 1'000'000}, 10);
    for (std::size_t i = 0; i < 15; ++i) REQUIRE(put_text(few, i, "a text"));
    CHECK(report_of(few).spilled == 5);
}

TEST_CASE("stream_store: a disk that takes nothing refuses the item, keeps the others, and blocks when refusals fill it", "[flow][stream]") {
    for (bool const full : {true, false}) {
        auto store = full ? spilling({.memory = 8'192 + 600, .disk = 3'000}) : spilling({.memory = 8'192 + 600, .folder = "/nonexistent"});
        std::size_t in = 0;
        while (put_text(store, in, std::string(200, 'x'))) REQUIRE(++in < 1'000);
        std::size_t out = 0, refused = 0;
        CHECK(store.take(SIZE_MAX, [&](auto&& one) {
            REQUIRE(one.value == std::string(200, 'x'));
            CHECK(one.index == out++);
            if (!one.refused) return;
            ++refused;
            CHECK(one.refused->is(full ? cause::exhausted : cause::unavailable));
        }) == in);
        CHECK(refused == 65);
        CHECK(out - refused == (full ? 2 + 3'000 / (200 + 1 + 8 + 8) : 2));
    }
}

namespace {
// The file of a folder that has no name: it is this process that has it open.
int open_file_of(std::string const& folder) {
    for (auto const& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        auto const to = std::filesystem::read_symlink(each.path(), gone);
        if (!gone && to.string().rfind(folder + '/', 0) == 0) return std::stoi(each.path().filename().string());
    }
    return -1;
}
}  // namespace

TEST_CASE("stream_store: what the disk does not give back is said to be lost, one for each, and what comes later waits as before", "[flow][stream]") {
    temporary_folder const folder;
    for (bool const cut : {true, false}) {
        auto store = spilling({.memory = 0, .folder = folder.path()});
        for (std::size_t i = 0; i < 1'000; ++i) REQUIRE(put_text(store, i, std::string(100, 'x')));
        auto const file = open_file_of(folder.path());
        REQUIRE(file >= 0);
        if (cut) REQUIRE(::ftruncate(file, 50'000) == 0);
        else REQUIRE(::pwrite(file, std::string(200, '\xff').data(), 200, 50'000) == 200);
        std::size_t good = 0, torn = 0, lost = 0;
        CHECK(store.take(SIZE_MAX, [&](auto&& one) {
            if (!one.refused) {
                CHECK(one.index == good + torn);
                if (cut) CHECK(*one.value == std::string(100, 'x'));    // letters that became others are letters
                ++good;
                return;
            }
            CHECK_FALSE(one.value.has_value());
            if (one.index != detail::unknown_index) {
                ++torn;
            } else {
                ++lost;
                CHECK_THAT(one.refused->text(), Catch::Contains("a spill file in " + folder.path()));
            }
        }) == 1'000);
        store.free(1'000);
        CHECK(good > 100);
        CHECK(lost > 100);
        CHECK(good + torn + lost == 1'000);
        CHECK_FALSE(store.ready());
        CHECK(store.waiting() == 0);
        CHECK(open_file_of(folder.path()) == -1);
        REQUIRE(put_text(store, 7, "later"));
        CHECK(store.take(2, [](auto&& one) { CHECK(one.value == std::string{"later"}); }) == 1);
    }
}
