// How a program with a pool ends: killed, interrupted, by itself. Seen from outside: what is left of it, and with which code it went.
// Moments are chance; that what is to be gone is gone is looked at again and again, for a while.
#include <muster/process/process_pool.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <muster/flow/map.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/shm/shared_span.hpp>

#include "catch.hpp"
#include "killed_child.hpp"    // soak
#include "kin.hpp"
#include "program.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

process_pool_options plain(std::size_t workers) {
    process_pool_options options;
    options.workers = workers;
    options.restarts = {1'000'000, 1s};
    options.poison_after = 0;
    return options;
}

// What keeps a worker busy, by the number of the item.
int busy_with(int i) {
    switch (i % 4) {
        case 0:
            for (std::atomic<int> turns{0};; ++turns) {}
        case 1:
            for (;;) ::pause();
        case 2:
            if (auto const grandchild = ::fork(); grandchild == 0)
                for (;;) ::pause();
            for (;;) ::pause();
        default: return i;
    }
}

// A pool whose workers are all busy, for good.
int never_ends() {
    ::alarm(120);
    auto options = plain(3);
    if (program_argument() == "anew") options.start = start_method::anew;
    process_pool cells{options};
    report('r');
    std::vector<int> items(100);
    for (int i = 0; i < 100; ++i) items[static_cast<std::size_t>(i)] = i;
    auto const out = map(items, on{cells} | &busy_with);
    return static_cast<int>(out.size());
}
add_program const never_ends_here{"never ends", &never_ends};

int short_work(int i, context& cx) {
    if (i % 64 == 0) (void)cx.pause(2ms);
    return i;
}

// What a service does: work until it is interrupted, then put everything back.
int interrupted() {
    ::alarm(120);
    struct sigaction before {}, after {};
    ::sigaction(SIGINT, nullptr, &before);
    int code = 0;
    {
        interrupts const signals;
        auto options = plain(2);
        if (program_argument() == "anew") options.start = start_method::anew;
        process_pool cells{options};
        context cx{signals.token()};
        report('r');
        std::vector<int> items(1'000);
        while (!signals.interrupted()) {
            auto const out = map(items, on{cells} | &short_work, cx);
            for (auto const& each : out)
                if (!each && !each.error().is(cause::cancelled)) return 3;
        }
        code = signals.exit_code();
    }
    ::sigaction(SIGINT, nullptr, &after);
    if (after.sa_handler != before.sa_handler || (after.sa_flags & SA_RESTART) != (before.sa_flags & SA_RESTART)) return 4;
    return code;
}
add_program const interrupted_here{"interrupted", &interrupted};

int hangs(int) {
    for (;;) ::pause();
}

// One that would take a minute to stop.
int stubborn() {
    ::alarm(120);
    interrupts const signals;
    auto options = plain(2);
    options.drain = 100s;
    process_pool cells{options};
    context cx{signals.token()};
    std::stop_callback const told{signals.token(), [] { report('s'); }};
    report('r');
    (void)map(std::vector<int>(10), on{cells} | &hangs, cx);
    return hangs(0);    // also where the first came before anything was begun
}
add_program const stubborn_here{"stubborn", &stubborn};

std::set<std::string> shared_files() {
    std::set<std::string> names;
    if (auto* const folder = ::opendir("/dev/shm")) {
        while (auto const* each = ::readdir(folder))
            if (std::strstr(each->d_name, "muster")) names.insert(each->d_name);
        ::closedir(folder);
    }
    return names;
}

bool nothing_left(program const& of) {
    if (eventually([&] { return of.left().empty(); }, 20s)) return true;
    for (auto const& each : of.left()) UNSCOPED_INFO("left: " << each.name << ' ' << each.pid << ' ' << each.state);
    return false;
}

struct moments {
    unsigned seed = [] {
        auto const* const said = std::getenv("MUSTER_TEST_SEED");
        return said ? static_cast<unsigned>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
    }();
    std::mt19937 chance{seed};
    void pass(unsigned most_microseconds) { std::this_thread::sleep_for(std::chrono::microseconds{chance() % most_microseconds}); }
};

}  // namespace

TEST_CASE("process_pool: nothing is left of a program that is killed, nor of what its tasks have started", "[process][process_pool][forks][soak]") {
    moments some;
    INFO("MUSTER_TEST_SEED=" << some.seed);
    auto const shared = shared_files();
    for (int round = 0; round < (soak() ? 300 : 16); ++round) {
        INFO("round " << round);
        program killed{"never ends", round % 2 == 0 ? "" : "anew"};
        if (round % 4 >= 2) REQUIRE(killed.hear() == 'r');    // else also while it starts
        some.pass(60'000);
        killed.signal(SIGKILL);
        CHECK(killed.end() == dies_of(SIGKILL));
        REQUIRE(nothing_left(killed));
    }
    CHECK(shared_files() == shared);
}

TEST_CASE("process_pool: a killed program leaves nothing, also after its fork server was killed", "[process][process_pool][forks]") {
    // The new server has not made the workers that are there.
    program killed{"never ends", "anew"};
    REQUIRE(killed.hear() == 'r');
    auto const named = [&](char const* name) {
        auto all = killed.left();
        std::erase_if(all, [&](kin const& each) { return each.name != name || each.parent != killed.pid(); });
        return all;
    };
    auto const grandchildren = [&] {
        auto all = killed.left();
        std::erase_if(all, [&](kin const& each) { return each.name != "muster-worker" || each.parent == killed.pid(); });
        return all;
    };
    // Three workers, and who stands by.
    REQUIRE(eventually([&] { return named("muster-worker").size() == 4 && grandchildren().size() == 1; }));
    for (auto const& each : named("muster-server")) REQUIRE(::kill(each.pid, SIGKILL) == 0);
    // One worker, so that another server is needed: not the one that has started something.
    for (auto const& each : named("muster-worker"))
        if (each.pid != grandchildren()[0].parent) {
            REQUIRE(::kill(each.pid, SIGKILL) == 0);
            break;
        }
    REQUIRE(eventually([&] { return !named("muster-server").empty() && named("muster-worker").size() == 4; }));
    killed.signal(SIGKILL);
    CHECK(killed.end() == dies_of(SIGKILL));
    CHECK(nothing_left(killed));
}

TEST_CASE("process_pool: an interrupt at any moment ends a run, and puts everything back", "[process][process_pool][forks][soak]") {
    moments some;
    INFO("MUSTER_TEST_SEED=" << some.seed);
    for (int round = 0; round < (soak() ? 100 : 10); ++round) {
        INFO("round " << round);
        program asked{"interrupted", round % 2 == 0 ? "" : "anew"};
        REQUIRE(asked.hear() == 'r');
        some.pass(60'000);
        asked.signal(SIGINT);
        CHECK(asked.end() == exits(130));
        REQUIRE(nothing_left(asked));
    }
}

TEST_CASE("process_pool: an interrupt at the terminal is the program's alone, and the terminal stays as it was", "[process][process_pool][forks][soak]") {
    moments some;
    INFO("MUSTER_TEST_SEED=" << some.seed);
    for (int round = 0; round < (soak() ? 100 : 5); ++round) {
        INFO("round " << round);
        fd const master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
        REQUIRE(master);
        REQUIRE(::grantpt(master.get()) == 0);
        REQUIRE(::unlockpt(master.get()) == 0);
        char name[64]{};
        REQUIRE(::ptsname_r(master.get(), name, sizeof name) == 0);
        auto const slave = fd::open(name, O_RDWR | O_NOCTTY);
        termios before{}, after{};
        REQUIRE(::tcgetattr(slave.get(), &before) == 0);
        program asked{"interrupted", "", name};
        REQUIRE(asked.hear() == 'r');
        some.pass(40'000);
        REQUIRE(::write(master.get(), "\x03", 1) == 1);    // as the keyboard: to the group in the foreground
        CHECK(asked.end() == exits(130));
        CHECK(nothing_left(asked));
        REQUIRE(::tcgetattr(slave.get(), &after) == 0);
        CHECK(before.c_iflag == after.c_iflag);
        CHECK(before.c_oflag == after.c_oflag);
        CHECK(before.c_cflag == after.c_cflag);
        CHECK(before.c_lflag == after.c_lflag);
        CHECK(std::memcmp(before.c_cc, after.c_cc, sizeof before.c_cc) == 0);
    }
}

TEST_CASE("process_pool: a second interrupt ends at once, and leaves nothing", "[process][process_pool][forks][soak]") {
    moments some;
    INFO("MUSTER_TEST_SEED=" << some.seed);
    for (int round = 0; round < (soak() ? 100 : 8); ++round) {
        INFO("round " << round);
        program asked{"stubborn"};
        REQUIRE(asked.hear() == 'r');
        some.pass(30'000);
        asked.signal(SIGINT);
        REQUIRE(asked.hear() == 's');    // two of one signal may become one
        some.pass(30'000);
        asked.signal(SIGINT);
        CHECK(asked.end(20s) == exits(130));
        REQUIRE(nothing_left(asked));
    }
}
