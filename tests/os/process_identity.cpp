#include <muster/os/process_identity.hpp>

#include <csignal>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "catch.hpp"

using namespace muster;

namespace {

// A child that blocks until it is killed.
pid_t blocked_child() {
    auto const child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    return child;
}

}  // namespace

TEST_CASE("process_identity: this process is alive, and is itself", "[os][process_identity]") {
    auto const self = process_identity::of_this();
    CHECK(self.pid == ::getpid());
    CHECK(self.start_time > 0);
    CHECK(self.alive());
    CHECK(process_identity::of(self.pid) == self);
}

TEST_CASE("process_identity: a process of the same number that started at another time is another", "[os][process_identity]") {
    auto self = process_identity::of_this();
    ++self.start_time;
    CHECK_FALSE(self.alive());
}

TEST_CASE("process_identity: where the start is not known, the number decides", "[os][process_identity]") {
    CHECK(process_identity{.pid = ::getpid()}.alive());
}

TEST_CASE("process_identity: no process has the numbers that are none", "[os][process_identity]") {
    for (pid_t const none : {0, -1, 1 << 30}) {
        CHECK_FALSE(process_identity::of(none));
        CHECK_FALSE(process_identity{.pid = none}.alive());
    }
}

TEST_CASE("process_identity: a killed child is gone before anybody waits for it", "[os][process_identity][forks]") {
    auto const child = blocked_child();
    auto const who = process_identity::of(child);
    REQUIRE(who);
    CHECK(who->alive());
    ::kill(child, SIGKILL);
    siginfo_t about{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT) == 0);
    CHECK_FALSE(who->alive());
    CHECK_FALSE(process_identity::of(child));
    ::waitpid(child, nullptr, 0);
    CHECK_FALSE(who->alive());
}

TEST_CASE("process_identity: reads past a name with blanks and brackets", "[os][process_identity]") {
    auto const line = [](std::string const& name, char state, int threads) {
        return "42 (" + name + ") " + state + " 1 42 42 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 " + std::to_string(threads) +
               " 0 987654 2740224 200 18446744073709551615";
    };
    for (auto const* name : {"sleep", "a b", ") Z 1 (", "(((", ""})
        CHECK(process_identity::parse(line(name, 'S', 1)) == process_identity{.pid = 42, .start_time = 987'654});
    CHECK_FALSE(process_identity::parse(line("gone", 'Z', 1)));
    CHECK_FALSE(process_identity::parse(line("gone", 'X', 0)));
    CHECK(process_identity::parse(line("its first thread has left", 'Z', 3)));
    for (auto const* garbage : {"", "42", "42 (x)", "42 (x) S 1 2 3", "x (x) S 1"}) CHECK_FALSE(process_identity::parse(garbage));
}

TEST_CASE("process_identity: reads a process that renames itself", "[os][process_identity][forks]") {
    auto const before = process_identity::of_this();
    char name[16] = {};
    ::prctl(PR_GET_NAME, name);
    ::prctl(PR_SET_NAME, ") Z 1 1 (");
    CHECK(process_identity::of_this() == before);
    ::prctl(PR_SET_NAME, name);
}
