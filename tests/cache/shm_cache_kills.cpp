#include <muster/cache/shm_cache.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "told.hpp"

#include <array>       // children
#include <atomic>      // what they tell
#include <charconv>    // from_chars
#include <csignal>     // kill
#include <cstdlib>     // getenv
#include <iostream>    // a last word
#include <random>      // whom, and when
#include <string>      // values
#include <thread>      // jthread

#include <sys/prctl.h>    // PR_SET_PDEATHSIG
#include <sys/wait.h>     // waitpid

#include <muster/os/shared_memory.hpp>    // shared_memory

// Readers, writers, sweepers and those who make caches, in processes that are killed at any instruction, over one small cache: who
// looks finds nothing that was not stored as a whole under that key, nothing older than what was stored before he looked, and always
// an end.

using namespace muster;
using namespace std::chrono_literals;

namespace {

using entries = shm_cache<std::uint32_t, std::string>;

constexpr std::uint32_t keys = 400, writers = 3, children = 8;
constexpr std::size_t most_text = 1'500;

struct notes : complaints {
    struct of_key {
        std::atomic<std::uint64_t> begun{0}, done{0};    // versions, of the one process that writes this key
    };
    std::array<of_key, keys> of;
    std::array<std::atomic<std::uint64_t>, children> turns;
    std::atomic<std::uint64_t> hits{0}, refused{0};
};

std::string text_of(std::uint32_t key, std::uint64_t version) {
    auto text = std::to_string(key) + ' ' + std::to_string(version) + ' ';
    text += std::string((key * 37 + version * 101) % most_text % (version % 16 == 0 ? most_text : 120), static_cast<char>('a' + version % 26));
    return text + ' ' + std::to_string(sum_of(text));
}
/// The version; nothing for a text that nobody has written.
std::optional<std::uint64_t> version_of(std::uint32_t key, std::string const& text) {
    auto const begin = std::to_string(key) + ' ';
    if (!text.starts_with(begin)) return std::nullopt;
    std::uint64_t version = 0;
    (void)std::from_chars(text.data() + begin.size(), text.data() + text.size(), version);
    return text == text_of(key, version) ? std::optional{version} : std::nullopt;
}

shm_cache_options small() { return {.entries = 200, .entry_bytes = 160, .largest = 4'000}; }

void write_some(entries& all, notes& told, std::uint32_t who, std::mt19937& chance) {
    auto const key = static_cast<std::uint32_t>(chance() % keys) / writers * writers + who;
    if (key >= keys) return;
    auto& of = told.of[key];
    auto const version = of.begun + 1;
    of.begun = version;
    if (auto const out = all.put(key, text_of(key, version)); !out) ++told.refused;    // then it is forgotten
    of.done = version;
}
void read_some(entries& all, notes& told, std::mt19937& chance) {
    auto const key = static_cast<std::uint32_t>(chance() % keys);
    auto const before = told.of[key].done.load();
    auto const found = all.get(key);
    auto const after = told.of[key].begun.load();
    if (!found) return;
    ++told.hits;
    auto const version = version_of(key, *found);
    if (!version) told.complain("key " + std::to_string(key) + ": torn or wrong: " + found->substr(0, 100));
    else if (*version < before) told.complain("key " + std::to_string(key) + ": version " + std::to_string(*version) + " after " + std::to_string(before) + " was stored");
    else if (*version > after) told.complain("key " + std::to_string(key) + ": version " + std::to_string(*version) + " before it was stored");
}
void make_some(std::string const& name, std::mt19937& chance) {
    shm_cache<int, int> made{name, {.entries = 64}};
    if (!made.put(1, 1)) throw std::runtime_error{"cannot store in a new one"};
    if (auto const found = made.get(1); found && *found != 1) throw std::runtime_error{"another value"};
    if (chance() % 4 == 0) (void)made.unlink(name);
}

[[noreturn]] void live(std::string const& name, notes& told, std::uint32_t who, unsigned seed) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);    // with the test, however that ends
    std::mt19937 chance{seed};
    try {
        entries all{name, small()};
        for (;; ++told.turns[who]) {
            if (who < writers) write_some(all, told, who, chance);
            else if (who < 6) read_some(all, told, chance);
            else if (who == 6) make_some(name + "-made", chance);
            else if (chance() % 4 == 0) (void)all.sweep();
            else all.erase(static_cast<std::uint32_t>(chance() % keys));
        }
    } catch (std::exception const& thrown) {
        told.complain(std::string{"thrown: "} + thrown.what());
    }
    ::_exit(1);
}

}  // namespace

TEST_CASE("shm_cache: whoever is killed at any moment, it never lies, and nobody waits", "[cache][shm_cache][forks][kills]") {
    auto const kills = soak() ? 10'000 : 400;
    auto const* const said = std::getenv("MUSTER_TEST_SEED");
    auto const seed = said ? static_cast<unsigned>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
    INFO("MUSTER_TEST_SEED=" << seed);
    std::mt19937 chance{seed};
    auto const name = "muster-test-kills-" + std::to_string(::getpid());
    shared_memory const memory{sizeof(notes)};
    auto& told = *reinterpret_cast<notes*>(memory.data());
    entries all{name, small()};
    std::array<pid_t, children> living{};
    auto const start = [&](std::uint32_t who) {
        auto const number = chance();
        living[who] = ::fork();
        if (living[who] == 0) live(name, told, who, static_cast<unsigned>(number));
    };
    for (std::uint32_t who = 0; who < children; ++who) start(who);
    std::uint64_t own = 0;
    int killed = 0, hung = 0;
    while (killed < kills && told.wrong == 0 && hung == 0) {
        auto const part = static_cast<double>(chance() % 1'000) / 1'000;
        ::usleep(static_cast<useconds_t>(part * part * 3'000));
        auto const who = static_cast<std::uint32_t>(chance() % children);
        ::kill(living[who], SIGKILL);
        ::waitpid(living[who], nullptr, 0);
        ++killed;
        start(who);
        for (int i = 0; i < 20; ++i, ++own) read_some(all, told, chance);
        if (killed % 100 != 0) continue;
        // Everybody goes on: a new turn from each, some of whom are dead by now and have a successor.
        std::array<std::uint64_t, children> before;
        for (std::size_t i = 0; i < children; ++i) before[i] = told.turns[i];
        auto const since = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < children; ++i)
            while (told.turns[i] == before[i] && told.wrong == 0 && hung == 0) {
                ::usleep(100);
                if (std::chrono::steady_clock::now() - since > 60s) hung = static_cast<int>(i) + 1;
            }
    }
    for (auto const each : living) {
        ::kill(each, SIGKILL);
        ::waitpid(each, nullptr, 0);
    }
    CHECK(hung == 0);
    CHECK(told.wrong == 0);
    CHECK(std::string{told.what.data()} == "");
    auto const counts = all.stats();
    if (soak()) WARN(killed << " kills, " << counts.stored << " puts, " << told.hits << " hits, " << counts.stolen << " sets taken over, " << told.refused << " puts refused");
    CHECK(counts.damaged == 0);
    CHECK(told.hits > 1'000);

    // Nothing is lost of its memory: each set still takes an entry that needs all of it.
    for (std::uint32_t key = 0; key < 1'000; ++key) {
        std::string const whole(all.largest() - 20, static_cast<char>('A' + key % 26));
        REQUIRE(all.put(key, whole));
        REQUIRE(all.get(key) == whole);
    }
    (void)entries::unlink(name);
    (void)entries::unlink(name + "-made");
}
