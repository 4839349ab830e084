#include <muster/exec/detail/doorbell.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "testing/event.hpp"

using namespace muster;
using detail::doorbell;

// What must not happen in any order of steps is in exec/doorbell_model.cpp; here is the class itself, with threads.

namespace {

// A minute from now: a ring that is lost is a failed check and not a hang.
instant patience() { return std::chrono::steady_clock::now() + muster::testing::longest_wait; }

// Until so many sleep; false after a minute. Who counts himself asleep may still find a ring, but only before he lets go of the
// lock: a sleep for no time takes it after him.
bool wait_for_sleepers(doorbell& bell, std::size_t how_many) {
    for (auto const end = patience(); bell.sleepers() != how_many; std::this_thread::yield())
        if (std::chrono::steady_clock::now() >= end) return false;
    bell.sleep_unless_rung(bell.look(), instant{});
    return true;
}

}  // namespace

TEST_CASE("doorbell: who was rung since it looked does not sleep", "[exec][doorbell]") {
    doorbell bell;
    auto const before = bell.look();
    bell.ring(1);
    auto const late = patience();
    bell.sleep_unless_rung(before, late);
    bell.sleep_unless_rung(before, late);    // and not the second time either
    CHECK(std::chrono::steady_clock::now() < late);
    CHECK(bell.sleepers() == 0);
}

TEST_CASE("doorbell: a ring that wakes nobody counts as a ring", "[exec][doorbell]") {
    doorbell bell;
    auto const before = bell.look();
    bell.ring(0);
    CHECK(bell.look() != before);
    auto const late = patience();
    bell.sleep_unless_rung(before, late);
    CHECK(std::chrono::steady_clock::now() < late);
}

TEST_CASE("doorbell: sleeps until its time where nobody rings, and no longer", "[exec][doorbell]") {
    doorbell bell;
    auto const until = std::chrono::steady_clock::now() + std::chrono::microseconds{1'500};
    bell.sleep_unless_rung(bell.look(), until);
    CHECK(std::chrono::steady_clock::now() >= until);
    CHECK(bell.sleepers() == 0);
    bell.sleep_unless_rung(bell.look(), instant{});    // a time that has passed
    CHECK(bell.sleepers() == 0);
    bell.ring(1);    // finds nobody: who gave up is off the list
}

TEST_CASE("doorbell: one ring wakes one thread, the last to fall asleep", "[exec][doorbell]") {
    doorbell bell;
    std::atomic<std::size_t> woken{0};
    std::array<std::size_t, 3> place{};
    {
        std::vector<std::jthread> sleepers;
        for (std::size_t i = 0; i < place.size(); ++i) {
            sleepers.emplace_back([&, i, before = bell.look()] {
                bell.sleep_unless_rung(before, patience());
                place[i] = ++woken;
            });
            CHECK(wait_for_sleepers(bell, i + 1));
        }
        for (std::size_t rung = 1; rung <= place.size(); ++rung) {
            bell.ring(1);
            CHECK(bell.sleepers() == place.size() - rung);
            for (auto const end = patience(); woken != rung && std::chrono::steady_clock::now() < end;) std::this_thread::yield();
            CHECK(woken == rung);
        }
    }
    CHECK(place == std::array<std::size_t, 3>{3, 2, 1});
}

TEST_CASE("doorbell: a ring for more than sleep wakes all, and leaves nothing for later sleepers", "[exec][doorbell]") {
    doorbell bell;
    {
        std::vector<std::jthread> sleepers;
        for (int i = 0; i < 4; ++i) sleepers.emplace_back([&, before = bell.look()] { bell.sleep_unless_rung(before, patience()); });
        CHECK(wait_for_sleepers(bell, 4));
        bell.ring(64);
        CHECK(bell.sleepers() == 0);
    }
    auto const until = std::chrono::steady_clock::now() + std::chrono::microseconds{500};
    bell.sleep_unless_rung(bell.look(), until);
    CHECK(std::chrono::steady_clock::now() >= until);
}

// Was broken once: the ring took its sleepers one by one, and one that woke and slept again was taken for another.
TEST_CASE("doorbell: a ring wakes all that sleep, also when some sleep again meanwhile", "[exec][doorbell]") {
    constexpr std::size_t threads = 4;
    doorbell bell;
    std::array<std::atomic<std::uint32_t>, threads> seen{};
    std::atomic<bool> over{false}, lost{false};
    auto const all_saw = [&](std::uint32_t round) {
        for (auto& each : seen)
            if (each != round) return false;
        return true;
    };
    std::atomic<std::uint32_t> round{0};
    auto const end = patience();
    std::vector<std::jthread> sleepers;
    for (std::size_t i = 0; i < threads; ++i)
        sleepers.emplace_back([&, i] {
            while (!over) {
                auto const before = bell.look();
                seen[i] = round.load();
                bell.sleep_unless_rung(before, end);    // at once again, whatever woke it
            }
        });
    for (std::uint32_t turn = 1; turn <= 2'000 && !lost; ++turn) {
        if (!wait_for_sleepers(bell, threads)) lost = true;
        round = turn;
        bell.ring(threads);    // the only one of this turn
        while (!all_saw(turn) && !lost) {
            std::this_thread::yield();
            lost = std::chrono::steady_clock::now() > end;
        }
    }
    CHECK_FALSE(lost);
    over = true;
    bell.ring(threads);
}

TEST_CASE("doorbell: no ring is lost between two that ring each other", "[exec][doorbell]") {
    constexpr std::uint32_t turns = 100'000;
    doorbell bell;
    std::atomic<std::uint32_t> turn{0};
    std::atomic<bool> lost{false};
    int plain = 0;    // guarded by whose turn it is: a race that a sanitizer would see
    auto const end = patience();
    auto const play = [&](std::uint32_t mine) {
        for (auto next = mine; next < turns; next += 2) {
            for (;;) {
                auto const before = bell.look();
                if (turn.load() == next) break;
                bell.sleep_unless_rung(before, end);
                if (turn.load() == next) break;
                if (lost || std::chrono::steady_clock::now() >= end) {
                    lost = true;
                    return;
                }
            }
            ++plain;
            turn.store(next + 1);
            bell.ring(1);
        }
    };
    {
        std::jthread const other{play, 1u};
        play(0);
    }
    CHECK_FALSE(lost);
    CHECK(plain == static_cast<int>(turns));
}

TEST_CASE("doorbell: rings come while sleepers give up, and nobody is left behind", "[exec][doorbell]") {
    doorbell bell;
    std::atomic<int> tokens{0};
    std::atomic<bool> over{false};
    int taken = 0;
    constexpr int total = 20'000;
    {
        std::jthread const hasty{[&] {    // sleeps for no time worth the name, at the same bell
            while (!over) bell.sleep_unless_rung(bell.look(), std::chrono::steady_clock::now() + std::chrono::microseconds{1});
        }};
        std::jthread const ringer{[&] {
            for (int i = 0; i < total; ++i) {
                ++tokens;
                bell.ring(2);
            }
        }};
        for (auto const end = patience(); taken < total && std::chrono::steady_clock::now() < end;) {
            auto const before = bell.look();
            auto const found = tokens.exchange(0);
            taken += found;
            if (found == 0) bell.sleep_unless_rung(before, end);
        }
        over = true;
    }
    CHECK(taken == total);
}
