#include <muster/process/command_runner.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <algorithm>     // sort
#include <atomic>        // counts
#include <filesystem>    // what is open
#include <functional>    // ref
#include <mutex>         // a list that callers share
#include <semaphore>     // calls that wait
#include <set>           // threads
#include <sstream>       // lines
#include <thread>        // jthread
#include <vector>        // threads

#include <poll.h>        // poll
#include <sys/stat.h>    // chmod

#include <muster/exec/blocking_pool.hpp>    // where the callers of a map run
#include <muster/flow/map.hpp>              // map
#include <muster/policy/deadline.hpp>       // deadline

using namespace muster;
using namespace std::chrono_literals;

static_assert(task_for<std::reference_wrapper<command_runner>, command const&>);
static_assert(task_for<std::reference_wrapper<command_runner const>, command const&>);
static_assert(!std::copy_constructible<command_runner>);

namespace {

command shell(std::string script) { return {.program = "sh", .args = {"-c", std::move(script)}}; }
command hang() { return {.program = "sleep", .args = {"1000"}}; }

// A context's waiter that announces each wait, does something when the first begins, and waits as a thread does.
template <class Then>
struct waiter_that {
    Then then;
    std::atomic<bool> first{true};
    instant now() const { return thread_waiter{}.now(); }
    bool wait_until(wait_point& point, instant until) {
        if (first.exchange(false)) then();
        return thread_waiter{}.wait_until(point, until);
    }
};
template <class Then>
waiter_that(Then) -> waiter_that<Then>;

struct announcing_waiter {
    std::counting_semaphore<>* waiting;
    instant now() const { return thread_waiter{}.now(); }
    bool wait_until(wait_point& point, instant until) const {
        waiting->release();
        return thread_waiter{}.wait_until(point, until);
    }
};

// Whether a process that we know by number has ended, within a few seconds.
bool gone(pid_t pid) {
    auto const handle = detail::open_pidfd(pid);
    if (!handle) return true;
    pollfd on{handle.get(), POLLIN, 0};
    return ::poll(&on, 1, 10'000) == 1;
}

bool no_children() {
    siginfo_t about{};
    return ::waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

std::size_t open_descriptors() {
    auto const all = std::filesystem::directory_iterator{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::set<std::string> threads() {
    std::set<std::string> out;
    for (auto const& entry : std::filesystem::directory_iterator{"/proc/self/task"}) out.insert(entry.path().filename().string());
    return out;
}

std::string line_of(std::string const& status, std::string const& key) {
    std::istringstream lines{status};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key)) return line.substr(line.find_first_not_of(" \t", key.size()));
    return "no such line";
}

}  // namespace

// What comes back

TEST_CASE("command_runner: gives exit code, both outputs, usage and time", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs(shell("echo out; echo err >&2"));
    REQUIRE(result);
    CHECK(result->exit_code == 0);
    CHECK(result->out == "out\n");
    CHECK(result->err == "err\n");
    CHECK(result->usage.max_rss > 100'000);
    CHECK(result->usage.user + result->usage.system > 0ns);
    CHECK(result->wall > 0ns);
    CHECK(programs.stats() == command_runner_stats{1, 1, 0, 0, 1});
    CHECK(no_children());
}

TEST_CASE("command_runner: an exit code other than 0 is a failure with the end of the standard error", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs(shell("echo first line; i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done; exit 3"));
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::exited));
    CHECK(result.error().exit_code() == 3);
    CHECK(result.error().text().starts_with("sh exited with code 3: line 3"));
    CHECK(result.error().text().ends_with("line 499"));
    CHECK(result.error().text().size() < 1'100);
}

TEST_CASE("command_runner: with any_exit every exit code is a result", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("echo some; exit 3");
    what.any_exit = true;
    auto const result = programs(what);
    REQUIRE(result);
    CHECK(result->exit_code == 3);
    CHECK(result->out == "some\n");
}

TEST_CASE("command_runner: death of a signal is a crash that names it", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("echo bad >&2; kill -SEGV $$");
    what.any_exit = true;
    auto const result = programs(what);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::crashed));
    CHECK(result.error().signal() == SIGSEGV);
    CHECK(result.error().text().starts_with("sh was killed by signal 11 (SIGSEGV): bad"));
    CHECK(programs.stats().killed == 0);
}

TEST_CASE("command_runner: a SIGKILL of somebody else may be the memory killer, and says so", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs(shell("kill -KILL $$"));
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::crashed));
    CHECK(result.error().signal() == SIGKILL);
    CHECK(result.error().text().find("for memory") != std::string::npos);
}

TEST_CASE("command_runner: a SIGKILL while the control group counts a kill for memory is out of memory", "[process][command_runner]") {
    temporary_folder const root;
    root.put("proc/self/cgroup", "0::/\n");
    auto const events = root.put("sys/fs/cgroup/memory.events", "oom 1\noom_kill 1\n");
    command_runner const programs{cgroup::of_process(root.path())};
    auto const killed = programs(shell("printf 'oom 2\\noom_kill 2\\n' > " + events + "; kill -KILL $$"));
    REQUIRE_FALSE(killed);
    CHECK(killed.error().is(cause::out_of_memory));
    CHECK(killed.error().signal() == SIGKILL);
    CHECK(programs(shell("kill -KILL $$")).error().is(cause::crashed));    // that kill is accounted for
}

TEST_CASE("command_runner: output of megabytes on both streams arrives whole", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs(shell("head -c 3000000 /dev/zero | tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2"));
    REQUIRE(result);
    CHECK(result->out == std::string(3'000'000, 'o'));
    CHECK(result->err == std::string(3'000'000, 'e'));
}

// What the program sees

TEST_CASE("command_runner: every argument arrives byte for byte", "[process][command_runner]") {
    command_runner const programs;
    std::vector<std::string> const hostile{
        "; rm -rf /", "$(whoami)", "`id`", "a b", "", " ", "*", "~", "$HOME", "'", "\"", "\\", "a\nb", "\t", "|cat", "&", ">x", "<x",
        "-n", "--", "--help", "#", "!", "%s%n", "{a,b}", "\xc3\xa4\xe2\x82\xac", "\xff\xfe", "../../etc/passwd", std::string(100'000, 'x')};
    command what{.program = "printf", .args = {"%s\\0"}};
    std::string expected;
    for (auto const& one : hostile) {
        what.args.push_back(one);
        expected += one + '\0';
    }
    auto const result = programs(what);
    REQUIRE(result);
    CHECK(result->out == expected);
}

TEST_CASE("command_runner: no shell and nothing else stands between", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs({.program = "cat", .args = {"/proc/self/stat"}});
    REQUIRE(result);
    std::istringstream fields{result->out};
    int pid = 0, parent = 0, group = 0;
    std::string name, status;
    fields >> pid >> name >> status >> parent >> group;
    CHECK(name == "(cat)");
    CHECK(parent == ::getpid());
    CHECK(group == pid);
}

TEST_CASE("command_runner: the environment is what is listed", "[process][command_runner]") {
    command_runner const programs;
    ::setenv("MUSTER_TEST_SECRET", "x", 1);
    auto const listed = programs({.program = "env", .environment = {"A=1", "B=two words"}});
    auto const usual = programs({.program = "env"});
    auto const none = programs({.program = "env", .environment = {}});
    ::unsetenv("MUSTER_TEST_SECRET");
    CHECK(listed->out == "A=1\nB=two words\n");
    CHECK(usual->out == "PATH=" + std::string{std::getenv("PATH")} + "\nLANG=C\n");
    CHECK(none->out == "");
}

TEST_CASE("command_runner: without input the program reads the end at once", "[process][command_runner]") {
    command_runner const programs;
    CHECK(programs({.program = "cat"})->out == "");
    CHECK(programs({.program = "cat", .input = ""})->out == "");
}

TEST_CASE("command_runner: input arrives whole, short or long", "[process][command_runner]") {
    command_runner const programs;
    CHECK(programs({.program = "cat", .input = "hello"})->out == "hello");
    std::string longer;
    for (int i = 0; longer.size() < 5'000'000; ++i) longer += std::to_string(i) + '\n';
    auto const result = programs({.program = "cat", .input = longer});
    REQUIRE(result);
    CHECK(result->out == longer);
}

TEST_CASE("command_runner: a program that does not read its input does no harm", "[process][command_runner]") {
    auto* const before = std::signal(SIGPIPE, SIG_DFL);    // SIGPIPE would end this test
    command_runner const programs;
    std::string const much(2'000'000, 'x');
    for (int i = 0; i < 10; ++i) CHECK(programs({.program = "true", .input = much}));
    CHECK(programs(command{.program = "head", .args = {"-c", "1"}, .input = much})->out == "x");
    std::signal(SIGPIPE, before);
}

TEST_CASE("command_runner: runs in the directory that is asked for", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const result = programs({.program = "pwd", .args = {"-P"}, .directory = in.path()});
    REQUIRE(result);
    CHECK(result->out == std::filesystem::canonical(in.path()).string() + '\n');
}

TEST_CASE("command_runner: signals are as a fresh process has them", "[process][command_runner]") {
    sigset_t some, before;
    ::sigemptyset(&some);
    ::sigaddset(&some, SIGTERM);
    ::sigaddset(&some, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &some, &before);
    auto* const piped = std::signal(SIGPIPE, SIG_IGN);
    auto* const interrupted = std::signal(SIGINT, SIG_IGN);
    command_runner const programs;
    auto const result = programs({.program = "cat", .args = {"/proc/self/status"}});
    std::signal(SIGPIPE, piped);
    std::signal(SIGINT, interrupted);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    REQUIRE(result);
    CHECK(line_of(result->out, "SigBlk:") == "0000000000000000");
    auto const ignored = std::stoull(line_of(result->out, "SigIgn:"), nullptr, 16);
    CHECK((ignored & ~0x1'8000'0000ull) == 0);    // 32 and 33 belong to the C library
}

TEST_CASE("command_runner: concurrent starts leak no descriptor into a child, and none into us", "[process][command_runner]") {
    command_runner const programs;
    REQUIRE(programs({.program = "true"}));
    auto const before = open_descriptors();
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 8; ++t)
            callers.emplace_back([&] {
                for (int i = 0; i < 25; ++i) {
                    auto const seen = programs({.program = "ls", .args = {"/proc/self/fd"}, .input = "x"});
                    if (!seen || seen->out != "0\n1\n2\n3\n") ++wrong;    // 3 is the folder that ls reads
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(open_descriptors() == before);
    CHECK(programs.stats().peak <= 8);
}

TEST_CASE("command_runner: a descriptor that somebody forgot to mark is not inherited either", "[process][command_runner]") {
    fd const forgotten{::open("/dev/null", O_RDONLY)};    // no O_CLOEXEC
    command_runner const programs;
    CHECK(programs({.program = "ls", .args = {"/proc/self/fd"}})->out == "0\n1\n2\n3\n");
}

TEST_CASE("command_runner: a process without standard streams can run programs", "[process][command_runner][forks]") {
    auto const child = ::fork();
    if (child == 0) {
        ::close(0);
        ::close(1);
        ::close(2);
        command_runner const programs;
        auto const result = programs({.program = "cat", .input = "through"});
        ::_exit(result && result->out == "through" && result->err.empty() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}

// What is refused

TEST_CASE("command_runner: what no program can be given is refused before anything starts", "[process][command_runner]") {
    command_runner const programs;
    auto const refused = [&](command const& what) {
        auto const result = programs(what);
        return !result && result.error().is(cause::invalid_input);
    };
    std::string const nul{"a\0b", 3};
    CHECK(refused({.program = ""}));
    CHECK(refused({.program = nul}));
    CHECK(refused({.program = "true", .args = {"fine", nul}}));
    CHECK(refused({.program = "true", .environment = {"A=" + nul}}));
    CHECK(refused({.program = "true", .environment = {"NOVALUE"}}));
    CHECK(refused({.program = "true", .environment = {"=x"}}));
    CHECK(refused({.program = "true", .environment = {""}}));
    CHECK(refused({.program = "true", .directory = nul}));
    CHECK(programs.stats().started == 0);
    CHECK(programs({.program = "true", .args = {"fine", nul}}).error().text().find("argument 2") != std::string::npos);
}

TEST_CASE("command_runner: more arguments than the system takes are invalid input", "[process][command_runner]") {
    command_runner const programs;
    CHECK(programs({.program = "true", .args = {std::string(10'000'000, 'x')}}).error().is(cause::invalid_input));
}

TEST_CASE("command_runner: a program that is not there is unavailable, named with PATH", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs({.program = "no-such-program-at-all"});
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::unavailable));
    CHECK(result.error().text().find("no-such-program-at-all") != std::string::npos);
    CHECK(result.error().text().find(std::getenv("PATH")) != std::string::npos);
    CHECK(programs({.program = "/no/such/program"}).error().is(cause::unavailable));
    CHECK(programs({.program = std::string(5'000, 'x')}).error().is(cause::unavailable));
    CHECK(no_children());
}

TEST_CASE("command_runner: the program is looked up in our PATH, not in the one it is given", "[process][command_runner]") {
    command_runner const programs;
    CHECK(programs({.program = "true", .environment = {"PATH=/nowhere"}}));
}

TEST_CASE("command_runner: a file that may not be run, or is no program, is unavailable", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const text = in.put("text", "echo this must not run\n");
    CHECK(programs({.program = text}).error().is(cause::unavailable));
    ::chmod(text.c_str(), 0755);
    auto const script = programs({.program = text});    // no shell takes it over
    REQUIRE_FALSE(script);
    CHECK(script.error().is(cause::unavailable));
    CHECK(programs({.program = in.path()}).error().is(cause::unavailable));
}

TEST_CASE("command_runner: a directory that is not there is unavailable, and named", "[process][command_runner]") {
    command_runner const programs;
    auto const result = programs({.program = "true", .directory = "/no/such/directory"});
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::unavailable));
    CHECK(result.error().text().find("/no/such/directory") != std::string::npos);
}

TEST_CASE("command_runner: without descriptors left it fails as exhausted, and leaks none", "[process][command_runner]") {
    command_runner const programs;
    REQUIRE(programs({.program = "true"}));
    auto const open = open_descriptors();
    // UBSan looks at the type of an exception with a pipe of its own, the first time: let that be while there are some
    REQUIRE(std::system_error{std::make_error_code(std::errc::io_error)}.code());
    struct rlimit before {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    int exhausted = 0, done = 0, other = 0;
    for (rlim_t room = 0; room < 12; ++room) {    // runs out at each step of a start
        auto tight = before;
        tight.rlim_cur = open - 1 + room;
        ::setrlimit(RLIMIT_NOFILE, &tight);
        auto const result = programs({.program = "cat", .input = "x"});
        ::setrlimit(RLIMIT_NOFILE, &before);
        if (result) ++done;
        else if (result.error().is(cause::exhausted)) ++exhausted;
        else ++other;
    }
    CHECK(exhausted >= 3);
    CHECK(done >= 3);
    CHECK(other == 0);
    CHECK(open_descriptors() == open);
    CHECK(no_children());
}

TEST_CASE("command_runner: without processes left it fails as exhausted, and recovers", "[process][command_runner][forks]") {
    if (::getuid() != 0) SKIP("only root can become a user who runs nothing else");
    auto const child = ::fork();
    if (child == 0) {
        command_runner const programs;
        auto const run_with = [&](rlim_t most) {
            struct rlimit const limit {most, 3};
            return ::setrlimit(RLIMIT_NPROC, &limit) == 0 ? programs({.program = "true"}) : outcome<command_result>{};
        };
        auto const refused = [](auto const& result) { return !result && result.error().is(cause::exhausted); };
        auto const nobody = 100'000 + static_cast<uid_t>(::getpid());    // who runs nothing, also where this test runs twice
        if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(9);
        if (!refused(run_with(1))) ::_exit(1);    // this process alone: the waiting thread cannot start
        if (!refused(run_with(2))) ::_exit(2);    // it can, the program cannot
        if (!run_with(3)) ::_exit(3);
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("command_runner: a process that ignores SIGCHLD is told so", "[process][command_runner]") {
    command_runner const programs;
    auto* const before = std::signal(SIGCHLD, SIG_IGN);
    auto const result = programs({.program = "true"});
    std::signal(SIGCHLD, before);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::unavailable));
    CHECK(result.error().text().find("SIGCHLD") != std::string::npos);
    CHECK(programs.stats().started == 0);
}

// How it ends

TEST_CASE("command_runner: a hung child is killed at the deadline", "[process][command_runner]") {
    command_runner const programs;
    context cx;
    auto const limit = cx.change_deadline(cx.now() + 30ms);
    auto const result = programs(hang(), cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::timed_out));
    CHECK(result.error().signal() == SIGTERM);
    CHECK(result.error().text().starts_with("sleep was ended at the deadline, after "));
    CHECK(programs.stats() == command_runner_stats{1, 1, 1, 0, 1});
    CHECK(no_children());
}

TEST_CASE("command_runner: a deadline of another clock counts as well", "[process][command_runner]") {
    struct frozen_waiter {    // reaches every deadline at once, and waits for what has none
        instant now() const { return instant{}; }
        bool wait_until(wait_point& point, instant until) const {
            return until == never ? thread_waiter{}.wait_until(point, until) : point.woken();
        }
    };
    command_runner const programs;
    frozen_waiter frozen;
    context cx{frozen};
    auto const limit = cx.change_deadline(instant{} + 1h);
    CHECK(programs(hang(), cx).error().is(cause::timed_out));
    CHECK(no_children());
}

TEST_CASE("command_runner: a deadline that has passed starts nothing", "[process][command_runner]") {
    command_runner const programs;
    context cx;
    auto const limit = cx.change_deadline(cx.now() - 1s);
    CHECK(programs({.program = "true"}, cx).error().is(cause::timed_out));
    CHECK(programs.stats().started == 0);
}

TEST_CASE("command_runner: a stop ends the child", "[process][command_runner]") {
    command_runner const programs;
    std::stop_source stop;
    waiter_that stops{[&] { stop.request_stop(); }};
    context cx{stop.get_token(), stops};
    auto const result = programs(hang(), cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::cancelled));
    CHECK(no_children());
}

TEST_CASE("command_runner: a stop before the start starts nothing", "[process][command_runner]") {
    command_runner const programs;
    std::stop_source stop;
    stop.request_stop();
    context cx{stop.get_token()};
    CHECK(programs({.program = "true"}, cx).error().is(cause::cancelled));
    CHECK(programs.stats().started == 0);
}

TEST_CASE("command_runner: who ignores TERM is killed after the grace", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const ready = in / "ready";
    REQUIRE(::mkfifo(ready.c_str(), 0600) == 0);
    std::stop_source stop;
    waiter_that stops{[&] {
        (void)temporary_folder::read(ready);    // returns when the trap is set
        stop.request_stop();
    }};
    context cx{stop.get_token(), stops};
    auto what = shell("trap '' TERM; echo > " + ready + "; while :; do sleep 1000; done");
    what.grace = 20ms;
    auto const result = programs(what, cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::cancelled));
    CHECK(result.error().signal() == SIGKILL);
    CHECK(no_children());
}

TEST_CASE("command_runner: who heeds TERM may still say something", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const ready = in / "ready";
    REQUIRE(::mkfifo(ready.c_str(), 0600) == 0);
    std::stop_source stop;
    waiter_that stops{[&] {
        (void)temporary_folder::read(ready);
        stop.request_stop();
    }};
    context cx{stop.get_token(), stops};
    auto what = shell("trap 'echo last words >&2; exit 7' TERM; sleep 1000 & echo > " + ready + "; wait");
    what.grace = 10s;    // the group is gone long before
    auto const result = programs(what, cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::cancelled));
    CHECK(result.error().text().ends_with("last words"));
    CHECK_FALSE(result.error().signal());
}

TEST_CASE("command_runner: the whole group dies at the deadline, not the child alone", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const numbers = in / "pids";
    REQUIRE(::mkfifo(numbers.c_str(), 0600) == 0);
    pid_t first = 0, second = 0;
    std::stop_source stop;
    waiter_that stops{[&] {
        std::istringstream{temporary_folder::read(numbers)} >> first >> second;
        stop.request_stop();
    }};
    context cx{stop.get_token(), stops};
    // the first heeds TERM, the second does not and has closed its streams
    auto const result = programs(shell("sleep 1000 & a=$!; (trap '' TERM; exec sleep 1000) >/dev/null 2>&1 & echo $a $! > " + numbers +
                                       "; wait; wait; wait"),
                                 cx);
    CHECK(result.error().is(cause::cancelled));
    REQUIRE(first > 0);
    REQUIRE(second > 0);
    CHECK(gone(first));
    CHECK(gone(second));
    CHECK(no_children());
}

TEST_CASE("command_runner: the whole group is asked to end, not the child alone", "[process][command_runner]") {
    temporary_folder const in;
    command_runner const programs;
    auto const ready = in / "ready";
    REQUIRE(::mkfifo(ready.c_str(), 0600) == 0);
    std::stop_source stop;
    waiter_that stops{[&] {
        (void)temporary_folder::read(ready);
        stop.request_stop();
    }};
    context cx{stop.get_token(), stops};
    auto what = shell("trap 'wait' TERM; (trap 'echo heard >&2; exit' TERM; sleep 1000 & echo > " + ready + "; wait) & wait");
    what.grace = 10s;
    auto const result = programs(what, cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().text().ends_with("heard"));
    CHECK(no_children());
}

TEST_CASE("command_runner: a descendant that keeps the output open is killed after the grace", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("sleep 1000 & echo $!");
    what.grace = 20ms;
    auto const result = programs(what);
    REQUIRE(result);    // the program itself ended well
    CHECK(gone(std::stoi(result->out)));
    CHECK(programs.stats().killed == 0);
}

TEST_CASE("command_runner: a descendant with streams of its own is killed when the program ends", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("sleep 1000 >/dev/null 2>&1 & echo $!");
    what.grace = 1h;    // there is nothing to wait for
    auto const result = programs(what);
    REQUIRE(result);
    CHECK(gone(std::stoi(result->out)));
}

TEST_CASE("command_runner: who leaves the group and keeps the output does not hold up the run", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("setsid sleep 1000 & echo $!");
    what.grace = 20ms;
    auto const result = programs(what);
    REQUIRE(result);
    auto const runaway = std::stoi(result->out);
    CHECK(programs({.program = "true"}));    // the open pipe disturbs nobody
    ::kill(runaway, SIGKILL);
}

TEST_CASE("command_runner: a program that closes its streams and hangs is still bound by the deadline", "[process][command_runner]") {
    command_runner const programs;
    context cx;
    auto const limit = cx.change_deadline(cx.now() + 30ms);
    CHECK(programs(shell("exec >&- 2>&-; exec sleep 1000"), cx).error().is(cause::timed_out));
    CHECK(no_children());
}

TEST_CASE("command_runner: output over the cap ends the group, and the failure names the cap", "[process][command_runner]") {
    command_runner const programs;
    auto what = shell("yes & yes >&2");
    what.output_cap = 1'000'000;
    auto const result = programs(what);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::exhausted));
    CHECK(result.error().text().find("1000000") != std::string::npos);
    CHECK(programs.stats().killed == 1);
    CHECK(no_children());
}

TEST_CASE("command_runner: output of just the cap is a result, one byte more is not", "[process][command_runner]") {
    command_runner const programs;
    command what{.program = "head", .args = {"-c", "100000", "/dev/zero"}, .output_cap = 100'000};
    CHECK(programs(what)->out.size() == 100'000);
    what.output_cap = 99'999;
    CHECK(programs(what).error().is(cause::exhausted));
    what.output_cap = 0;
    CHECK(programs(what).error().is(cause::exhausted));
    CHECK(programs({.program = "true", .output_cap = 0}));
}

// Many at once

TEST_CASE("command_runner: one thread waits for all children", "[process][command_runner]") {
    constexpr int wide = 8;
    auto const before = threads();
    auto programs = std::make_unique<command_runner>();
    CHECK(threads() == before);    // none before the first command
    std::counting_semaphore<> waiting{0};
    announcing_waiter announces{&waiting};
    std::atomic<int> ended{0};
    std::vector<std::jthread> callers;
    for (int i = 0; i < wide; ++i)
        callers.emplace_back([&] {
            context cx{announces};
            auto const result = (*programs)(hang(), cx);
            if (!result && result.error().is(cause::cancelled)) ++ended;
        });
    for (int i = 0; i < wide; ++i) waiting.acquire();
    CHECK(programs->stats().running == wide);
    CHECK(programs->stats().peak == wide);
    auto const during = threads();
    CHECK(during.size() == before.size() + wide + 1);

    std::size_t blocking_all = 0;    // of the new threads one blocks every signal
    for (auto const& id : during)
        if (!before.contains(id)) {
            auto const mask = line_of(temporary_folder::read("/proc/self/task/" + id + "/status"), "SigBlk:");
            blocking_all += mask.starts_with("fffffff");
        }
    CHECK(blocking_all == 1);

    programs.reset();    // the destructor ends them
    CHECK(no_children());
    callers.clear();
    CHECK(ended == wide);
    CHECK(threads() == before);
}

TEST_CASE("command_runner: many callers, many programs, each gets its own answer", "[process][command_runner]") {
    command_runner const programs;
    std::atomic<int> right{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 6; ++t)
            callers.emplace_back([&, t] {
                for (int i = 0; i < 40; ++i) {
                    auto const text = std::to_string(t) + ' ' + std::to_string(i);
                    if (i % 4 == 0) right += programs(shell("echo " + text + " >&2; exit 5")).error().text().ends_with(text);
                    else right += programs({.program = "echo", .args = {text}})->out == text + '\n';
                }
            });
    }
    CHECK(right == 240);
    auto const stats = programs.stats();
    CHECK(stats.started == 240);
    CHECK(stats.finished == 240);
    CHECK(stats.running == 0);
    CHECK(stats.peak <= 6);
    CHECK(no_children());
}

TEST_CASE("command_runner: is a task: a map of commands, a deadline in front, one that hangs", "[process][command_runner]") {
    command_runner programs;
    blocking_pool io{8};
    std::vector<command> commands;
    for (int i = 0; i < 30; ++i) commands.push_back({.program = "echo", .args = {std::to_string(i)}});
    commands[7] = hang();
    auto const answers = map(commands, on{io, 8} | deadline{300ms} | std::ref(programs));
    REQUIRE(answers.size() == 30);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (i == 7) {
            CHECK(answers[i].error().is(cause::timed_out));
            CHECK(answers[i].error().index() == 7);
        } else if (answers[i]) {    // on a machine that is very busy a deadline may meet another
            CHECK(answers[i]->out == std::to_string(i) + '\n');
        }
    }
    CHECK(programs.stats().peak <= 8);
    CHECK(no_children());
}

TEST_CASE("command_runner: deadlines, stops, caps and ends that meet leave no child behind", "[process][command_runner][soak]") {
    command_runner const programs;
    auto const rounds = std::getenv("MUSTER_SOAK") ? 3'000 : 40;
    REQUIRE(programs({.program = "true"}));
    auto const before = open_descriptors();
    std::mutex mutex;
    std::vector<std::string> unexpected;
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 4; ++t)
            callers.emplace_back([&, t] {
                for (int i = 0; i < rounds; ++i) {
                    context cx;
                    auto const limit = cx.change_deadline(cx.now() + std::chrono::microseconds{200 + (i * 37 + t * 11) % 2'000});
                    auto what = i % 3 == 0 ? hang() : i % 3 == 1 ? shell("echo x; echo y >&2") : command{.program = "yes"};
                    what.output_cap = 200'000;
                    what.grace = std::chrono::microseconds{(i * 13) % 700};
                    auto const result = programs(what, cx);
                    if (result || result.error().is(cause::timed_out) || result.error().is(cause::exhausted)) continue;
                    std::lock_guard lock(mutex);
                    unexpected.push_back(to_string(result.error()));
                }
            });
    }
    CHECK(unexpected == std::vector<std::string>{});
    CHECK(no_children());
    CHECK(open_descriptors() == before);
    CHECK(programs.stats().running == 0);
}
