// Corners of a pool that a fault at the right moment finds: what chance needs long for (kills.cpp) is made certain here. What may hang
// runs as a program of its own, so that a hang is a failure of its test.
#include <muster/process/process_pool.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stop_token>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/core/wire.hpp>
#include <muster/flow/map.hpp>
#include <muster/os/shared_memory.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>

#include "catch.hpp"
#include "kin.hpp"
#include "program.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

process_pool_options plain(std::size_t workers = 1) {
    process_pool_options options;
    options.workers = workers;
    options.restarts = {100'000, 1s};
    options.poison_after = 0;
    options.grace = 10ms;
    return options;
}

int same(int i) { return i; }
int pid_here(int) { return ::getpid(); }
int hangs(int) {
    for (;;) ::pause();
}

// How many items were begun, in memory of program and workers: a descriptor that tasks open by its number.
struct counter {
    shared_memory memory{sizeof(std::atomic<int>), "muster-test-count"};
    std::atomic<int>& value() { return *reinterpret_cast<std::atomic<int>*>(memory.data()); }
};
struct long_item {
    int file = -1;
    std::string text;    // longer than the ring
};
void count(long_item const& item) {
    shared_memory const memory{fd::open("/proc/" + std::to_string(::getppid()) + "/fd/" + std::to_string(item.file), O_RDWR)};
    ++*reinterpret_cast<std::atomic<int>*>(memory.data());
}
int counts_and_hangs(long_item const& item) {
    count(item);
    return hangs(0);
}
int counts_until_stopped(long_item const& item, context& cx) {
    count(item);
    (void)cx.pause(10s);
    return 1;
}
// The first one, and three pieces of the second, fill the ring to its last byte.
std::vector<long_item> long_items(counter& begun, std::size_t n) {
    std::vector<long_item> all(n, {begun.memory.file().get(), std::string(2 << 20, 'x')});
    auto& first = all[0];
    first.text.clear();
    constexpr auto wanted = detail::ring_room - 3 * (detail::most_at_once + sizeof(record)) - sizeof(record);
    first.text.assign(wanted - encoded(first).size(), 'x');
    while (encoded(first).size() > wanted) first.text.pop_back();
    return all;
}

// Programs: 0 is good

int check(bool good, int code) { return good ? 0 : code; }

// A worker that is stopped before the call comes never begins it: nobody's fault, and nobody's loss.
int stopped_while_idle() {
    ::alarm(60);
    process_pool cells{plain(2)};
    if (!eventually([&] { return cells.health().alive == 2; })) return 2;
    auto const worker = *(isolate{cells} | &pid_here)(0);    // the next one is lent this one again
    ::kill(worker, SIGSTOP);
    if (!eventually([&] { return process_of(worker).state == 'T'; })) return 2;
    for (int i = 0; i < 4; ++i) {
        auto const out = (isolate{cells} | deadline{200ms} | &same)(i);
        if (!out && !out.error().is(cause::timed_out)) return 3;
    }
    return 0;
}
add_program const stopped_while_idle_here{"stopped while idle", &stopped_while_idle};

int stopped_under_timeout() {
    ::alarm(60);
    auto options = plain(1);
    options.timeout = 200ms;
    process_pool cells{options};
    auto const worker = *(isolate{cells} | &pid_here)(0);
    ::kill(worker, SIGSTOP);
    if (!eventually([&] { return process_of(worker).state == 'T'; })) return 2;
    (void)(isolate{cells} | &same)(1);    // the only worker: an answer or a failure, but an end
    return check((isolate{cells} | &same)(2) == 2, 3);
}
add_program const stopped_under_timeout_here{"stopped under a timeout of the pool", &stopped_under_timeout};

int stop_and_death() {
    ::alarm(60);
    auto options = plain(1);
    options.drain = 50s;
    process_pool cells{options};
    counter begun;
    std::stop_source stop;
    std::jthread const asks{[&] {
        (void)eventually([&] { return begun.value() == 1; });
        std::this_thread::sleep_for(100ms);    // until no more of the second fits
        stop.request_stop();
        std::this_thread::sleep_for(100ms);
        for (auto const& each : children("muster-worker")) (void)signal_child(each, SIGKILL);
    }};
    auto const out = map(long_items(begun, 3), on{cells} | &counts_and_hangs, context{stop.get_token()});
    if (begun.value() != 1 || !out[0].error().is(cause::crashed)) return 2;
    return check(out[1].error().is(cause::cancelled) && out[2].error().is(cause::cancelled), 3);
}
add_program const stop_and_death_here{"a stop and then a death", &stop_and_death};

// A task that leaves its group is not ended by a signal to the group.
int leaves_its_group() {
    ::alarm(60);
    {
        process_pool cells{plain(1)};
        auto const out = (deadline{100ms} | isolate{cells} | [](int) {
            ::setpgid(0, ::getpgid(::getppid()));
            return hangs(0);
        })(0);
        if (!out.error().is(cause::timed_out)) return 2;
        if ((isolate{cells} | &same)(1) != 1) return 3;
    }
    return check(children("muster-worker").empty(), 4);
}
add_program const leaves_its_group_here{"a task that leaves its group", &leaves_its_group};

int server_stopped() {
    ::alarm(60);
    auto options = plain(1);
    options.start = start_method::anew;
    process_pool cells{options};
    if ((isolate{cells} | &same)(1) != 1) return 2;
    for (auto const& each : children("muster-server")) (void)signal_child(each, SIGSTOP);
    for (int i = 0; i < 2; ++i) (void)(deadline{200ms} | isolate{cells} | [](int) -> int { std::abort(); })(i);    // the worker, and who stands by
    // Nobody makes another one: the caller's deadline holds, and so does the end of the pool.
    return check((deadline{200ms} | isolate{cells} | &same)(1).error().is(cause::timed_out), 3);
}
add_program const server_stopped_here{"a fork server that is stopped", &server_stopped};

int ignores_children() {
    ::alarm(60);
    ::signal(SIGCHLD, SIG_IGN);
    auto options = plain(1);
    if (program_argument() == "anew") options.start = start_method::anew;
    process_pool cells{options};
    auto const out = (isolate{cells} | [](int) -> int { std::abort(); })(0);
    if (!out.error().is(cause::crashed) || out.error().signal() != SIGABRT) {
        std::fprintf(stderr, "%s\n", to_string(out.error()).c_str());
        return 2;
    }
    return check((isolate{cells} | &same)(1) == 1, 3);
}
add_program const ignores_children_here{"a program that ignores SIGCHLD", &ignores_children};

int waits_for_any_child() {
    ::alarm(60);
    auto options = plain(1);
    if (program_argument() == "anew") options.start = start_method::anew;
    process_pool cells{options};
    std::jthread const waits{[](std::stop_token stop) {
        while (!stop.stop_requested())
            if (::waitpid(-1, nullptr, WNOHANG) <= 0) std::this_thread::yield();
    }};
    for (int i = 0; i < 20; ++i) {
        auto const out = (isolate{cells} | [](int) -> int { std::abort(); })(0);
        if (!out.error().is(cause::crashed) || out.error().signal() != SIGABRT) {
            std::fprintf(stderr, "%s\n", to_string(out.error()).c_str());
            return 2;
        }
    }
    return check((isolate{cells} | &same)(1) == 1, 3);
}
add_program const waits_for_any_child_here{"a program that waits for any child", &waits_for_any_child};

bool is_good(char const* name, char const* argument = "") {
    program one{name, argument};
    auto const end = one.end(15s);
    if (end == exits(0)) return true;
    UNSCOPED_INFO(name << ' ' << argument << ": " << (end == child_end{} ? "hangs" : "") << " code " << end.code << ", signal " << end.signal);
    return false;
}

}  // namespace

TEST_CASE("process_pool: a call that its stopped worker never begins ends in its time", "[process][process_pool][forks]") {
    CHECK(is_good("stopped while idle"));
    CHECK(is_good("stopped under a timeout of the pool"));
}

TEST_CASE("process_pool: a run ends whose worker dies after a stop, while an item is half sent", "[process][process_pool][forks]") {
    CHECK(is_good("a stop and then a death"));
}

TEST_CASE("process_pool: a task that leaves its process group is ended as well", "[process][process_pool][forks]") {
    CHECK(is_good("a task that leaves its group"));
}

TEST_CASE("process_pool: a fork server that is stopped holds up neither a call with a deadline nor the end of the pool", "[process][process_pool][forks]") {
    CHECK(is_good("a fork server that is stopped"));
}

TEST_CASE("process_pool: a program that ignores SIGCHLD, or waits for any child, takes no worker away", "[process][process_pool][forks]") {
    CHECK(is_good("a program that ignores SIGCHLD"));
    CHECK(is_good("a program that waits for any child"));
    CHECK(is_good("a program that ignores SIGCHLD", "anew"));
    CHECK(is_good("a program that waits for any child", "anew"));
}

TEST_CASE("process_pool: a stop starts nothing more, also not an item that is half sent", "[process][process_pool][forks]") {
    process_pool cells{plain(1)};
    counter begun;
    std::stop_source stop;
    std::jthread const asks{[&] {
        (void)eventually([&] { return begun.value() == 1; });
        std::this_thread::sleep_for(100ms);    // until no more of the second fits
        stop.request_stop();
    }};
    auto const out = map(long_items(begun, 3), on{cells} | &counts_until_stopped, context{stop.get_token()});
    CHECK(begun.value() == 1);
    CHECK(out[0] == 1);
    CHECK_FALSE(out[1]);
    CHECK_FALSE(out[2]);
}

TEST_CASE("process_pool: the stop of one run is not the next one's", "[process][process_pool][forks]") {
    process_pool cells{plain(1)};
    auto const worker = *(isolate{cells} | &pid_here)(0);
    counter begun;
    std::stop_source stop;
    std::jthread const asks{[&] {
        (void)eventually([&] { return begun.value() == 1; });
        stop.request_stop();
    }};
    (void)map(std::vector<long_item>(2, {begun.memory.file().get(), ""}), on{cells} | &counts_until_stopped, context{stop.get_token()});
    // A task that waits, and one that is tried again after a pause
    auto const waited = (isolate{cells} | [](int, context& cx) { return !cx.stop_requested() && cx.pause(20ms).has_value(); })(0);
    CHECK(waited == true);
    auto const again = (isolate{cells} | retry{.attempts = 3, .delay = 1ms} | [](int, context& cx) {
        return cx.attempt() < 3 ? throw std::runtime_error{"again"} : static_cast<int>(cx.attempt());
    })(0);
    if (!again) UNSCOPED_INFO(to_string(again.error()));
    CHECK(again == 3);
    CHECK((isolate{cells} | &pid_here)(0) == worker);    // else it would have proved nothing
}

TEST_CASE("process_pool: it may be made on a thread that ends", "[process][process_pool][forks]") {
    // What the kernel calls the parent of a process is a thread.
    for (auto const how : {start_method::automatic, start_method::anew, start_method::copy_anyway}) {
        INFO("start_method " << static_cast<int>(how));
        std::unique_ptr<process_pool> cells;
        int worker = 0;
        std::thread{[&] {
            auto options = plain(1);
            options.start = how;
            cells = std::make_unique<process_pool>(options);
            worker = *(isolate{*cells} | &pid_here)(0);
        }}.join();
        auto const after = (isolate{*cells} | [](int) { return ::usleep(20'000), ::getpid(); })(0);
        if (!after) UNSCOPED_INFO(to_string(after.error()));
        CHECK(after == worker);
        CHECK(cells->health().crashed == 0);
    }
}

TEST_CASE("process_pool: a worker whose fork server died before it could say its number is not left", "[process][process_pool][forks]") {
    auto const known = children();
    bool certain = false;
    {
        auto options = plain(1);
        options.start = start_method::anew;
        process_pool cells{options};
        auto const worker = *(isolate{cells} | &pid_here)(0);
        // Who stands by is there, and no clone has the server's name any more.
        REQUIRE(eventually([&] { return cells.health().standby == 1 && children_but(known, "muster-server").size() == 1; }));
        auto const server = children_but(known, "muster-server").at(0).pid;
        // Held at its next fork, as a debugger does, and killed there.
        if (::ptrace(PTRACE_SEIZE, server, nullptr, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE) != 0) SKIP("may not trace");
        REQUIRE(::kill(worker, SIGKILL) == 0);
        int status = 0;
        REQUIRE(eventually([&] { return ::waitpid(server, &status, WNOHANG | __WALL) == server; }));
        auto const event = status >> 16;
        REQUIRE((event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE));
        unsigned long born = 0;
        REQUIRE(::ptrace(PTRACE_GETEVENTMSG, server, nullptr, &born) == 0);
        auto const orphan = static_cast<pid_t>(born);
        REQUIRE(::kill(server, SIGKILL) == 0);
        REQUIRE(eventually([&] { return ::waitpid(orphan, &status, WNOHANG | __WALL) == orphan; }));
        REQUIRE(::ptrace(PTRACE_DETACH, orphan, nullptr, nullptr) == 0);
        certain = true;
        CHECK((isolate{cells} | &same)(7) == 7);
    }
    CHECK(certain);
    auto const left = children_but(known);
    for (auto const& each : left) {
        UNSCOPED_INFO("left: " << each.name << ' ' << each.pid << ' ' << each.state);
        ::kill(each.pid, SIGKILL);
    }
    CHECK(left.empty());
    for (auto const& each : left) (void)::waitpid(each.pid, nullptr, __WALL);
}

TEST_CASE("process_pool: a fork server that dies as soon as it is there costs no call", "[process][process_pool][forks]") {
    auto const known = children();
    auto options = plain(1);
    options.start = start_method::anew;
    process_pool cells{options};
    for (int round = 0; round < 10; ++round) {
        auto const worker = (isolate{cells} | &pid_here)(0);
        REQUIRE(worker);
        auto const seen = children();
        for (auto const& each : children_but(known)) (void)signal_child(each, SIGKILL);    // one may just have ended
        std::jthread const again{[&] {    // the next one, before it can have made a worker
            (void)eventually([&] {
                for (auto const& each : children_but(seen))
                    if (each.state != 'Z') return ::kill(each.pid, SIGKILL) == 0;
                return false;
            });
        }};
        auto const out = (deadline{20s} | isolate{cells} | &same)(round);
        if (!out) UNSCOPED_INFO("round " << round << ": " << to_string(out.error()));
        CHECK(out == round);
        if (!out) break;
    }
}

namespace {
// Whether the worker could be caught there; its caller has its answer in any case, and in time.
std::optional<bool> dies_before_it_wakes() {
    process_pool cells{plain(1)};
    auto const worker = *(isolate{cells} | &pid_here)(0);
    std::atomic<bool> traced{false}, killed{false}, may_not{false};
    std::jthread const tracer{[&](std::stop_token stop) {
        if (::ptrace(PTRACE_SEIZE, worker, nullptr, PTRACE_O_TRACESYSGOOD) != 0 || ::ptrace(PTRACE_INTERRUPT, worker, nullptr, nullptr) != 0) {
            may_not = true;
            return;
        }
        for (int status = 0; !stop.stop_requested();) {
            auto const heard = ::waitpid(worker, &status, WNOHANG | __WALL);
            if (heard == 0) continue;
            if (heard < 0 || !WIFSTOPPED(status)) return;
            __ptrace_syscall_info what{};
            if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ::ptrace(PTRACE_GET_SYSCALL_INFO, worker, sizeof what, &what) > 0 &&
                what.op == PTRACE_SYSCALL_INFO_ENTRY && what.entry.nr == SYS_futex && (what.entry.args[1] & 127) == 1) {    // FUTEX_WAKE
                ::kill(worker, SIGKILL);
                killed = true;
                return;
            }
            ::ptrace(PTRACE_SYSCALL, worker, nullptr, nullptr);
            traced = true;
        }
    }};
    REQUIRE(eventually([&] { return traced || may_not; }));
    if (may_not) return std::nullopt;
    context cx;
    auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 10s);    // instead of hanging
    auto const begin = std::chrono::steady_clock::now();
    auto const out = (isolate{cells} | [](int i) { return ::usleep(50'000), i + 1; })(4, cx);    // its caller sleeps by then
    CHECK(out == 5);
    CHECK(std::chrono::steady_clock::now() - begin < 8s);
    return killed.load();
}
}  // namespace

TEST_CASE("process_pool: a worker that dies between its answer and the call that wakes for it leaves nobody asleep", "[process][process_pool][forks]") {
    std::optional<bool> caught = false;
    for (int round = 0; round < 10 && caught == false; ++round) caught = dies_before_it_wakes();    // on a busy machine its caller may not sleep yet
    if (!caught) SKIP("may not trace");
    CHECK(*caught);
}
