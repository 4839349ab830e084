#include <muster/os/futex.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>

#include <muster/os/shared_memory.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

using namespace muster;

namespace {

// A minute from now: what a test waits for at the longest, so that a lost wake-up is a failed check and not a hang.
instant patience() { return std::chrono::steady_clock::now() + muster::testing::longest_wait; }

// Wakes until so many were woken in all, for a thread may not have gone to sleep yet; answers the most that one call woke.
std::size_t wake_in_all(std::atomic<std::uint32_t> const& word, std::size_t total, std::size_t at_once) {
    std::size_t most = 0;
    for (auto const end = patience(); total > 0 && std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
        auto const woken = futex_wake(word, std::min(at_once, total));
        most = std::max(most, woken);
        total -= woken;
    }
    CHECK(total == 0);
    return most;
}

std::atomic<int> signals{0};

}  // namespace

TEST_CASE("futex: a word that has changed already is not waited for", "[os][futex]") {
    std::atomic<std::uint32_t> const word{7};
    CHECK(futex_wait(word, 6) == futex_end::changed);
    CHECK(futex_wait(word, 6, instant{}) == futex_end::changed);
    CHECK(futex_wait(word, 0xffff'fff9u) == futex_end::changed);
}

TEST_CASE("futex: a deadline that has passed does not wait", "[os][futex]") {
    std::atomic<std::uint32_t> const word{7};
    using namespace std::chrono_literals;
    for (auto const passed : {instant{}, instant{} - 1ns, instant::min(), std::chrono::steady_clock::now()})
        CHECK(futex_wait(word, 7, passed) == futex_end::timed_out);
}

TEST_CASE("futex: a deadline is a point of the steady clock", "[os][futex]") {
    std::atomic<std::uint32_t> const word{7};
    auto const until = std::chrono::steady_clock::now() + std::chrono::microseconds{1'500};
    CHECK(futex_wait(word, 7, until) == futex_end::timed_out);
    CHECK(std::chrono::steady_clock::now() >= until);
}

TEST_CASE("futex: the last deadline before never is taken by the kernel", "[os][futex]") {
    std::atomic<std::uint32_t> const word{7};
    CHECK(futex_wait(word, 6, never - std::chrono::nanoseconds{1}) == futex_end::changed);
}

TEST_CASE("futex: wakes one that sleeps without a deadline", "[os][futex]") {
    std::atomic<std::uint32_t> word{0};
    auto end = futex_end::timed_out;
    std::jthread sleeper{[&] { end = futex_wait(word, 0); }};
    wake_in_all(word, 1, 1);
    sleeper.join();
    CHECK(end == futex_end::woken);
}

TEST_CASE("futex: wakes at most as many as asked, and says how many", "[os][futex]") {
    std::atomic<std::uint32_t> word{0};
    std::vector<futex_end> ends(5, futex_end::changed);
    {
        std::vector<std::jthread> sleepers;
        for (auto& end : ends) sleepers.emplace_back([&] { end = futex_wait(word, 0, patience()); });
        CHECK(wake_in_all(word, 3, 2) <= 2);
        CHECK(wake_in_all(word, 1, SIZE_MAX) == 1);
        CHECK(wake_in_all(word, 1, 1) == 1);
    }
    for (auto const end : ends) CHECK(end == futex_end::woken);
}

TEST_CASE("futex: to wake nobody wakes nobody", "[os][futex]") {
    std::atomic<std::uint32_t> word{0};
    CHECK(futex_wake(word, 1) == 0);

    auto end = futex_end::changed;
    std::jthread sleeper{[&] { end = futex_wait(word, 0, patience()); }};
    for (int i = 0; i < 1'000; ++i, std::this_thread::yield()) REQUIRE(futex_wake(word, 0) == 0);
    wake_in_all(word, 1, 1);
    sleeper.join();
    CHECK(end == futex_end::woken);
}

TEST_CASE("futex: whoever changes the word and then wakes is never missed", "[os][futex]") {
    std::atomic<std::uint32_t> word{0};
    auto const end = patience();
    std::uint32_t const turns = 20'000;
    std::atomic<bool> lost{false};
    int plain = 0;    // guarded by whose turn it is: a race that a sanitizer would see
    auto const play = [&](std::uint32_t mine) {
        for (auto turn = mine; turn < turns; turn += 2) {
            for (auto now = word.load(); now != turn; now = word.load())
                if (futex_wait(word, now, end) == futex_end::timed_out) {
                    lost.store(true);
                    return;
                }
            ++plain;
            word.store(turn + 1);
            futex_wake(word, 1);
        }
    };
    {
        std::jthread const other{play, 1u};
        play(0);
    }
    CHECK_FALSE(lost.load());
    CHECK(plain == static_cast<int>(turns));
}

TEST_CASE("futex: a signal does not end a wait", "[os][futex]") {
    struct sigaction counts {}, before {};
    counts.sa_handler = [](int) { signals.fetch_add(1); };    // no SA_RESTART: the system call is interrupted
    REQUIRE(::sigaction(SIGUSR1, &counts, &before) == 0);

    std::atomic<std::uint32_t> word{0};
    for (auto const until : {patience(), never}) {
        std::atomic<bool> over{false};
        auto end = futex_end::changed;
        std::jthread sleeper{[&] {
            end = futex_wait(word, 0, until);
            over.store(true);
            while (word.load() == 0) std::this_thread::yield();    // stays, to be sent signals
        }};
        for (int i = 0; i < 2'000; ++i, std::this_thread::yield()) ::pthread_kill(sleeper.native_handle(), SIGUSR1);
        CHECK_FALSE(over.load());
        word.store(1);
        futex_wake(word, 1);
        sleeper.join();
        CHECK(end != futex_end::timed_out);
        word.store(0);
    }
    REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
}

TEST_CASE("futex: a word in shared memory wakes another process", "[os][futex][forks]") {
    shared_memory const memory{sizeof(std::atomic<std::uint32_t>)};
    auto& word = *::new (memory.data()) std::atomic<std::uint32_t>{0};
    auto const child = ::fork();
    if (child == 0) {
        while (word == 0) (void)futex_wait(word, 0, patience(), futex_reach::shared);
        ::_exit(word == 1 ? 0 : 1);
    }
    while (futex_wake(word, 1, futex_reach::shared) == 0) std::this_thread::yield();    // it sleeps: woken for nothing, it sleeps again
    word = 1;
    futex_wake(word, 1, futex_reach::shared);
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}
