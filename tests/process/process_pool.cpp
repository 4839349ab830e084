#include <muster/process/process_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <dirent.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <muster/core/bytes.hpp>
#include <muster/core/with.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/for_each.hpp>
#include <muster/flow/into.hpp>
#include <muster/flow/map.hpp>
#include <muster/os/affinity.hpp>
#include <muster/os/topology.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/observe.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/shm/shared_span.hpp>
#include <muster/testing/recorder.hpp>

#include "catch.hpp"
#include "kin.hpp"
#include "memory_groups.hpp"
#include "temporary_folder.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool under_asan = true;
#elif defined(__has_feature)
constexpr bool under_asan = __has_feature(address_sanitizer);
#else
constexpr bool under_asan = false;
#endif

std::vector<int> numbers(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

[[gnu::noinline]] int deeper(int volatile* from, int n) {
    int volatile here[1'024];
    here[0] = from[0] + n;
    return n == 0 ? here[0] : deeper(here, n + 1) + here[0];
}

struct page {
    std::string name;
    std::vector<double> values;
    std::map<std::string, std::optional<int>> notes;
    friend bool operator==(page const&, page const&) = default;
};

struct node {
    std::vector<node> children;
};
node deep(int levels) {
    node top;
    for (int i = 0; i < levels; ++i) {
        node outer;
        outer.children.push_back(std::move(top));
        top = std::move(outer);
    }
    return top;
}

// What each kind of item does to its worker.
enum class deed : int { nothing, segv, abort, divide, overflow, exits, hangs, stops, throws, eats, burns, kills, bus };

int run_deed(deed what) {
    switch (what) {
        case deed::nothing: return 1;
        case deed::segv: ::raise(SIGSEGV); return 0;
        case deed::abort: std::abort();
        case deed::divide: ::raise(SIGFPE); return 0;
        case deed::overflow: {
            int volatile start = 1;
            return deeper(&start, 1);
        }
        case deed::exits: ::_exit(3);
        case deed::hangs:
            for (;;) ::pause();
        case deed::stops: ::raise(SIGSTOP); return 0;
        case deed::throws: throw std::runtime_error{"no such page"};
        case deed::eats: {
            std::vector<std::vector<char>> all;
            for (;;) all.emplace_back(16u << 20, 'x');
        }
        case deed::burns:
            for (std::atomic<int> i{0};; ++i) {}
        case deed::kills: ::raise(SIGKILL); return 0;
        case deed::bus: ::raise(SIGBUS); return 0;
    }
    return 0;
}

process_pool_options quiet(std::size_t workers = 2) {
    process_pool_options options;
    options.workers = workers;
    options.restarts = {100'000, 1s};
    return options;
}

std::size_t open_files() {
    std::size_t count = 0;
    auto* const folder = ::opendir("/proc/self/fd");
    while (::readdir(folder)) ++count;
    ::closedir(folder);
    return count;
}

// A worker's own: it counts how often it was asked.
int calls_here = 0;
int count_calls(int) { return ++calls_here; }
int pid_here(int) { return ::getpid(); }

int warmed = 0;
void warm_up() { warmed = 41; }

}  // namespace

static_assert(runner<process_pool>);
static_assert(!executor<process_pool>);
static_assert(!std::is_copy_constructible_v<process_pool>);

TEST_CASE("process_pool: a call runs in another process", "[process][process_pool][forks]") {
    process_pool cells{quiet()};
    auto const pid = (isolate{cells} | &pid_here)(0);
    REQUIRE(pid);
    CHECK(*pid != ::getpid());
    CHECK(calls_here == 0);
    CHECK((isolate{cells} | &count_calls)(0));
    CHECK(calls_here == 0);
}

TEST_CASE("process_pool: map gives one outcome for each item, in order", "[process][process_pool][forks]") {
    process_pool cells{quiet()};
    auto const items = numbers(10'000);
    auto const squares = map(items, on{cells} | [](int i) { return i * i; });
    REQUIRE(squares.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        REQUIRE(squares[i]);
        REQUIRE(*squares[i] == items[i] * items[i]);
    }
    CHECK(map(std::vector<int>{}, on{cells} | [](int i) { return i; }).empty());
}

TEST_CASE("process_pool: for_each and into work over it", "[process][process_pool][forks]") {
    process_pool cells{quiet()};
    auto const items = numbers(100);
    std::vector<int> out(100);
    auto failures = map(items, on{cells} | [](int i) { return i == 7 ? throw std::runtime_error{"seven"} : 2 * i; }, into{out});
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].index() == 7);
    CHECK(failures[0].is(cause::threw));
    CHECK(failures[0].text() == "seven");
    CHECK(out[99] == 198);
    failures = for_each(items, on{cells} | [](int i) { if (i % 50 == 1) throw std::runtime_error{"odd"}; });
    REQUIRE(failures.size() == 2);
    CHECK(failures[1].index() == 51);
}

TEST_CASE("process_pool: what travels comes back as it was", "[process][process_pool][forks]") {
    process_pool cells{quiet()};
    page const one{"first", {1, 2.5, -3}, {{"a", 1}, {"b", std::nullopt}}};
    auto const back = (isolate{cells} | [](page const& p) { return p; })(one);
    REQUIRE(back);
    CHECK(*back == one);
    auto const long_one = std::string(3 << 20, 'x');    // longer than the ring
    auto const echo = map(std::vector<std::string>(5, long_one), on{cells} | [](std::string const& s) { return s + "y"; });
    for (auto const& each : echo) {
        REQUIRE(each);
        CHECK(*each == long_one + "y");
    }
    auto const scaled = map(numbers(3), on{cells} | with{std::string{"n"}, 10, [](int i, std::string const& s, int by) { return s + std::to_string(i * by); }});
    REQUIRE(scaled[2]);
    CHECK(*scaled[2] == "n20");
}

TEST_CASE("process_pool: each fault is the failure of its task alone, and says what it was", "[process][process_pool][forks]") {
    auto options = quiet();
    options.bounds.cpu_time = 100ms;    // far less than the deadline: other programs may have the processors
    if (!under_asan) options.memory = 64 * MiB;
    process_pool cells{options};
    struct expected {
        deed what;
        cause kind;
        int signal;
        char const* says;
    };
    std::vector<expected> all{
        {deed::segv, cause::crashed, SIGSEGV, "SIGSEGV"},       {deed::abort, cause::crashed, SIGABRT, "SIGABRT"},
        {deed::divide, cause::crashed, SIGFPE, "SIGFPE"},       {deed::overflow, cause::crashed, SIGSEGV, "stack overflowed"},
        {deed::exits, cause::exited, 0, "exited with code 3"},  {deed::hangs, cause::timed_out, 0, "no answer within 2s"},
        {deed::throws, cause::threw, 0, "no such page"},        {deed::burns, cause::exhausted, SIGXCPU, "processor time"},
        {deed::kills, cause::crashed, SIGKILL, "not by muster"},
        {deed::bus, cause::crashed, SIGBUS, "SIGBUS"},
    };
    if (!under_asan) all.push_back({deed::eats, cause::out_of_memory, 0, ""});
    std::vector<deed> items;
    for (auto const& each : all) items.insert(items.end(), {deed::nothing, each.what, deed::nothing, deed::nothing});
    auto const out = map(items, on{cells} | deadline{2s} | &run_deed);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i] == deed::nothing) {
            INFO("innocent " << i << ": " << (out[i] ? "" : to_string(out[i].error())));
            CHECK(out[i] == 1);
            continue;
        }
        auto const& want = all[i / 4];
        REQUIRE_FALSE(out[i]);
        auto const& why = out[i].error();
        INFO(to_string(why));
        CHECK(why.is(want.kind));
        CHECK(why.index() == i);
        CHECK(why.text().find(want.says) != std::string::npos);
        if (want.signal != 0) CHECK(why.signal() == want.signal);
        if (want.what == deed::exits) CHECK(why.exit_code() == 3);
    }
    auto const stopped = (deadline{30s} | isolate{cells} | &run_deed)(deed::stops);    // by its caller, or by the keeper, who looks for such
    REQUIRE_FALSE(stopped);
    INFO(to_string(stopped.error()));
    CHECK(stopped.error().signal() == SIGSTOP);
    CHECK(stopped.error().text().find("stopped") != std::string::npos);
    auto const after = map(numbers(100), on{cells} | [](int i) { return i; });
    CHECK(std::all_of(after.begin(), after.end(), [](auto const& each) { return each.has_value(); }));
}

TEST_CASE("process_pool: a group bounds what a worker shares and what it starts, and is told from its own limit", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.groups = folder_for_memory_groups();
    if (options.groups.empty()) SKIP("no folder of control groups that bound memory may be written");
    if (under_asan) SKIP("no limit of private memory works with AddressSanitizer");
    options.memory = 32 * MiB;
    {
        process_pool cells{options};
        auto const shares = [](std::uint64_t size) {    // no limit of private memory counts it
            auto* const all = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
            for (std::uint64_t i = 0; i < size; i += 4'096) all[i] = 1;
            ::munmap(all, size);
            return size;
        };
        CHECK((isolate{cells} | shares)(options.memory / 4));
        auto const out = (isolate{cells} | shares)(4 * options.memory);
        REQUIRE_FALSE(out);
        CHECK(out.error().is(cause::out_of_memory));
        CHECK(out.error().text().find("shared memory among them") != std::string::npos);
        CHECK(cells.health().out_of_memory == 1);
        // Who has left the worker's process group and session ends with it all the same.
        auto const left = (isolate{cells} | [](int) -> int {
            auto const child = ::fork();
            if (child == 0) {
                ::setsid();
                for (;;) ::pause();
            }
            return child;
        })(0);
        REQUIRE(left);
        CHECK_FALSE((isolate{cells} | [](int) -> int { std::abort(); })(0));
        REQUIRE(eventually([&] { return ::kill(*left, 0) != 0 || process_of(*left).state == 'Z'; }));
    }
    CHECK(our_memory_groups(options.groups) <= 1);    // one may have a dead in it that nobody has reaped
}

TEST_CASE("process_pool: a folder that is none for groups is said when a worker is wanted", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.groups = "/proc";
    options.memory = 64 * MiB;
    process_pool cells{options};
    auto const out = (isolate{cells} | &run_deed)(deed::nothing);
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::unavailable));
    CHECK(out.error().text().find("/proc/muster-") != std::string::npos);
}

TEST_CASE("process_pool: a worker that leaves by a pointer says the address", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    auto const out = (isolate{cells} | [](int) -> int { return *reinterpret_cast<int volatile*>(0x1234560); })(0);
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::crashed));
    CHECK(out.error().text().find("0x1234560") != std::string::npos);
}

TEST_CASE("process_pool: a deadline left of isolate kills, and the caller is answered at once", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.grace = 20s;    // the caller does not wait for the end
    process_pool cells{options};
    auto const begin = std::chrono::steady_clock::now();
    auto const out = (deadline{30ms} | isolate{cells} | &run_deed)(deed::hangs);
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::timed_out));
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    CHECK((isolate{cells} | &run_deed)(deed::nothing) == 1);
}

TEST_CASE("process_pool: a task that ignores TERM is killed after the grace", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.grace = 10ms;
    {
        process_pool cells{options};
        auto const out = (deadline{30ms} | isolate{cells} | [](int) -> int {
            ::signal(SIGTERM, SIG_IGN);
            for (;;) ::pause();
        })(0);
        CHECK(out.error().is(cause::timed_out));
    }    // returns: nobody is left
    CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) <= 0);
}

TEST_CASE("process_pool: retry left of isolate tries a crash again in a fresh process", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.poison_after = 0;
    process_pool cells{options};
    auto const careful = retry{.attempts = 3, .delay = 0ns} | isolate{cells} | [](int, context& cx) -> int {
        if (cx.attempt() < 3) std::abort();
        return static_cast<int>(cx.attempt());
    };
    CHECK(careful(0) == 3);
    auto const inside = (isolate{cells} | retry{.attempts = 3, .delay = 0ns} | [](int, context& cx) -> int {
        if (cx.attempt() < 3) std::abort();
        return 3;
    })(0);
    REQUIRE_FALSE(inside);
    CHECK(inside.error().is(cause::crashed));
    CHECK((isolate{cells} | retry{.attempts = 3, .delay = 0ns} | [](int, context& cx) -> int {
        if (cx.attempt() < 3) throw std::runtime_error{"again"};
        return 3;
    })(0) == 3);
}

TEST_CASE("process_pool: an item that has crashed often enough is refused", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.poison_after = 2;
    process_pool cells{options};
    auto const stage = isolate{cells} | &run_deed;
    CHECK(stage(deed::abort).error().is(cause::crashed));
    CHECK(stage(deed::abort).error().is(cause::crashed));
    auto const third = stage(deed::abort);
    CHECK(third.error().is(cause::rejected));
    CHECK(third.error().text().find("crashed 2 workers") != std::string::npos);
    CHECK(stage(deed::nothing) == 1);
    CHECK(cells.health().poisoned == 1);
}

TEST_CASE("process_pool: a crash loop ends in a clear failure", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.restarts = {3, 1h};    // whatever else the machine does
    options.poison_after = 0;
    process_pool cells{options};
    auto const out = map(std::vector<deed>(10, deed::abort), on{cells} | &run_deed);
    std::size_t crashed = 0, refused = 0;
    for (auto const& each : out) {
        crashed += each.error().is(cause::crashed);
        refused += each.error().is(cause::exhausted);
    }
    CHECK(crashed == 3);
    CHECK(refused == 7);
    CHECK(out.back().error().text().find("has lost 3 workers within 3600000 ms") != std::string::npos);
    CHECK(out.back().error().attempts() == 0);
}

TEST_CASE("process_pool: a warm-up is called once in each worker, and one that fails says so", "[process][process_pool][forks]") {
    auto options = quiet(2);
    options.warm_up = &warm_up;
    process_pool cells{options};
    auto const all = map(numbers(100), on{cells} | [](int) { return ++warmed; });
    std::set<int> seen;
    for (auto const& each : all) seen.insert(*each);
    CHECK(*seen.begin() == 42);
    CHECK(warmed == 0);

    options.warm_up = [] { throw std::runtime_error{"no tables here"}; };
    options.restarts = {2, 60s};
    process_pool broken{options};
    auto const out = (isolate{broken} | &run_deed)(deed::nothing);
    REQUIRE_FALSE(out);
    INFO(to_string(out.error()));
    CHECK(out.error().text().find("no tables here") != std::string::npos);
}

TEST_CASE("process_pool: workers are recycled after so many calls", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.recycle_after = 10;
    process_pool cells{options};
    std::set<int> pids;
    for (int i = 0; i < 35; ++i) pids.insert(*(isolate{cells} | &pid_here)(0));
    CHECK(pids.size() == 4);
    CHECK(cells.health().recycled == 3);
    CHECK(cells.health().crashed == 0);
}

TEST_CASE("process_pool: scratch state is made once in each worker", "[process][process_pool][forks]") {
    process_pool cells{quiet(2)};
    auto const made = map(numbers(200), on{cells} | scratch{[] { return 0; }} | [](int, int& mine) { return ++mine; });
    int first = 0;
    for (auto const& each : made) first += *each == 1;
    CHECK(first <= 2);
    CHECK(first >= 1);
}

TEST_CASE("process_pool: a sandbox that only computes refuses sockets and programs, each with a failure of its own", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.walls.only_computing = true;
    options.poison_after = 0;
    process_pool cells{options};
    CHECK((isolate{cells} | [](int i) { return std::vector<int>(1'000, i).size(); })(3) == 1'000u);
    auto const socket = (isolate{cells} | [](int) { return ::socket(AF_INET, SOCK_STREAM, 0); })(0);
    REQUIRE_FALSE(socket);
    INFO(to_string(socket.error()));
    CHECK(socket.error().is(cause::forbidden));
    CHECK(socket.error().signal() == SIGSYS);
    CHECK(socket.error().text().find("socket") != std::string::npos);
    auto const program = (isolate{cells} | [](int) {
        char name[] = "true";
        char* arguments[]{name, nullptr};
        return ::execve("/bin/true", arguments, nullptr);
    })(0);
    REQUIRE_FALSE(program);
    CHECK(program.error().is(cause::forbidden));
    CHECK(program.error().text().find("execve") != std::string::npos);
    CHECK(cells.health().forbidden == 2);
}

TEST_CASE("process_pool: an answer longer than its limit is a failure, and the worker lives", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.bounds.output = 1'000;
    process_pool cells{options};
    auto const pid = *(isolate{cells} | &pid_here)(0);
    auto const out = (isolate{cells} | [](int n) { return std::string(static_cast<std::size_t>(n), 'x'); });
    CHECK(out(900));
    auto const refused = out(1 << 20);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(cause::exhausted));
    CHECK(*(isolate{cells} | &pid_here)(0) == pid);
}

TEST_CASE("process_pool: lines of workers reach one sink, whole, with their worker", "[process][process_pool][forks]") {
    kept_lines lines;
    {
        auto options = quiet(2);
        options.name = "prints";
        options.lines = lines;
        process_pool cells{options};
        auto const out = map(numbers(8), on{cells} | [](int i) {
            for (int n = 0; n < 100; ++n) std::printf("item %d line %d of many\n", i, n);
        });
        for (auto const& each : out) CHECK(each);
        CHECK((isolate{cells} | [](int) { std::printf("last words"), std::fflush(stdout), std::abort(); })(0).error().is(cause::crashed));
    }
    std::map<int, int> next;
    std::size_t words = 0;
    for (auto const& line : lines.lines()) {
        int worker = 0, item = 0, number = 0, end = 0;
        if (std::sscanf(line.c_str(), "[prints %d] item %d line %d of many%n", &worker, &item, &number, &end) == 3) {
            CHECK(static_cast<std::size_t>(end) == line.size());
            CHECK(number == next[item]++);
        } else {
            words += line.find("] last words") != line.npos;
        }
    }
    for (int i = 0; i < 8; ++i) CHECK(next[i] == 100);
    CHECK(words == 1);
}

TEST_CASE("process_pool: a stop lets what runs end, and starts nothing more", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    std::stop_source stop;
    std::jthread const asks{[&] {
        while (cells.health().busy == 0) std::this_thread::yield();
        stop.request_stop();
    }};
    auto const out = map(numbers(1'000), on{cells} | [](int, context& cx) {
        (void)cx.pause(10s);    // the stop wakes it
        return 1;
    }, context{stop.get_token()});
    std::size_t cancelled = 0;
    for (auto const& each : out) cancelled += !each && each.error().is(cause::cancelled);
    CHECK(cancelled >= 990);
    CHECK(cells.health().ended == 0);
}

TEST_CASE("process_pool: who does not end after a stop is ended after the drain", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.drain = 20ms;
    process_pool cells{options};
    std::stop_source stop;
    std::jthread const asks{[&] {
        while (cells.health().busy == 0) std::this_thread::yield();
        stop.request_stop();
    }};
    auto const out = map(std::vector<deed>(3, deed::hangs), on{cells} | &run_deed, context{stop.get_token()});
    for (auto const& each : out) CHECK(each.error().is(cause::cancelled));
}

TEST_CASE("process_pool: a pool inside a worker runs inline", "[process][process_pool][forks]") {
    static process_pool* shared = nullptr;
    auto options = quiet(1);
    options.start = start_method::copy_anyway;
    process_pool cells{options};
    shared = &cells;
    auto const out = (isolate{cells} | [](int i) {
        process_pool own{process_pool_options{}};
        auto const pid = *(isolate{own} | &pid_here)(0);
        auto const all = map(std::vector<int>{1, 2, 3}, on{own} | [](int n) { return n + 1; });
        return pid == ::getpid() && all.size() == 3 && *all[2] == 4 ? i : -1;
    })(5);
    CHECK(out == 5);
    CHECK(shared != nullptr);
}

TEST_CASE("process_pool: every way to start works, and says what to do where it does not", "[process][process_pool][forks]") {
    for (auto const how : {start_method::automatic, start_method::anew, start_method::copy_anyway}) {
        auto options = quiet(1);
        options.start = how;
        process_pool cells{options};
        CHECK((isolate{cells} | [](int i) { return i + 1; })(1) == 2);
        auto const crash = (isolate{cells} | &run_deed)(deed::abort);
        CHECK(crash.error().is(cause::crashed));
        CHECK((isolate{cells} | [](int i) { return i + 1; })(2) == 3);
    }
    std::jthread const other{[](std::stop_token stop) {
        while (!stop.stop_requested()) std::this_thread::yield();
    }};
    auto options = quiet(1);
    options.start = start_method::copy;
    CHECK_THROWS_WITH(process_pool{options}, Catch::Contains("needs a process with one thread"));
}

TEST_CASE("process_pool: a dead fork server is replaced, and its workers are not lost", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.start = start_method::anew;
    process_pool cells{options};
    auto const pid = *(isolate{cells} | &pid_here)(0);
    // the server is the worker's sister
    auto const server = (isolate{cells} | [](int worker) {
        auto* const all = ::opendir("/proc");
        int found = 0;
        while (auto const* each = ::readdir(all)) {
            std::string const name = each->d_name;
            char text[256]{};
            if (auto* const file = std::fopen(("/proc/" + name + "/stat").c_str(), "r")) {
                (void)!std::fread(text, 1, sizeof text - 1, file);
                std::fclose(file);
            }
            int number = 0, parent = 0;
            char what[64]{};
            if (std::sscanf(text, "%d (%63[^)]) %*c %d", &number, what, &parent) == 3 && parent == ::getppid() && std::string_view{what} == "muster-server" &&
                number > found && number < worker)
                found = number;
        }
        ::closedir(all);
        return found;
    })(pid);
    REQUIRE(server);
    REQUIRE(*server > 0);
    REQUIRE(::kill(*server, SIGKILL) == 0);
    CHECK(*(isolate{cells} | &pid_here)(0) == pid);
    CHECK((isolate{cells} | &run_deed)(deed::abort).error().is(cause::crashed));
    auto const after = (isolate{cells} | &pid_here)(0);
    REQUIRE(after);
    CHECK(*after != pid);
}

TEST_CASE("process_pool: nothing is left of a pool", "[process][process_pool][forks]") {
    { process_pool const first{quiet()}; }
    auto const before = open_files();
    for (int i = 0; i < 20; ++i) {
        process_pool cells{quiet()};
        (void)map(std::vector<deed>{deed::nothing, deed::abort, deed::nothing}, on{cells} | &run_deed);
    }
    CHECK(open_files() == before);
    CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) <= 0);
}

TEST_CASE("process_pool: many threads share it, also those of a thread_pool", "[process][process_pool][forks]") {
    process_pool cells{quiet(2)};
    thread_pool threads{4};
    auto const out = map(numbers(400), on{threads} | isolate{cells} | [](int i) {
        if (i % 100 == 50) std::abort();
        return i;
    });
    for (std::size_t i = 0; i < 400; ++i) {
        if (i % 100 == 50) CHECK(out[i].error().is(cause::crashed));
        else CHECK(out[i] == static_cast<int>(i));
    }
    std::vector<std::jthread> callers;
    std::atomic<int> good{0};
    for (int t = 0; t < 4; ++t)
        callers.emplace_back([&] {
            auto const all = map(numbers(2'000), on{cells} | [](int i) { return i; });
            good += std::all_of(all.begin(), all.end(), [](auto const& each) { return each.has_value(); });
        });
    callers.clear();
    CHECK(good == 4);
}

TEST_CASE("process_pool: takes its options from the environment, and says what it does not understand", "[process][process_pool][forks]") {
    ::setenv("MUSTER_RENDER_2_WORKERS", "3", 1);
    ::setenv("MUSTER_RENDER_2_MEMORY", "1.5G", 1);
    ::setenv("MUSTER_RENDER_2_TIMEOUT", "0.25", 1);
    ::setenv("MUSTER_RENDER_2_THRESHOLD", "many", 1);
    process_pool cells{{.name = "render-2", .workers = 1}};
    CHECK(cells.width() == 3);
    CHECK(cells.options().memory == 1'610'612'736u);
    CHECK(cells.options().timeout == 250ms);
    REQUIRE(cells.complaints().size() == 1);
    CHECK(cells.complaints()[0] == "muster: MUSTER_RENDER_2_THRESHOLD=\"many\" is not used; it takes a whole number of items");
    for (auto const* name : {"WORKERS", "MEMORY", "TIMEOUT", "THRESHOLD"}) ::unsetenv((std::string{"MUSTER_RENDER_2_"} + name).c_str());
}

TEST_CASE("process_pool: a timeout of the pool ends calls without a deadline of their own", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.timeout = 30ms;
    process_pool cells{options};
    CHECK((isolate{cells} | &run_deed)(deed::hangs).error().is(cause::timed_out));
}

TEST_CASE("process_pool: a name and the index reach the task", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    auto const out = map(numbers(3), named{"render"} | on{cells} | [](int, context& cx) { return std::string{cx.stage()} + std::to_string(cx.index()); });
    CHECK(out[2] == std::string{"render2"});
    auto const bad = map(numbers(3), named{"render"} | on{cells} | [](int) -> int { throw std::runtime_error{"no"}; });
    CHECK(bad[2].error().stage() == "render");
    CHECK(bad[2].error().index() == 2);
}

TEST_CASE("process_pool: what lies in its arena goes to a worker and comes back without a copy", "[process][process_pool][forks]") {
    process_pool cells{quiet(2)};
    std::vector<shared_span<int>> items;
    for (int i = 0; i < 4; ++i) {
        items.push_back(shared_span<int>::make(cells.arena(), 1 << 20).value());
        for (auto& each : items.back()) each = i;
    }
    auto const in_use = cells.arena().stats().in_use;
    auto sums = map(items, on{cells} | [](shared_span<int> const& numbers) {
        auto answer = shared_span<int>::make(*arena::find(numbers.handle().arena), 4).value();
        answer[0] = std::accumulate(numbers.begin(), numbers.end(), 0);
        return answer;
    });
    for (int i = 0; i < 4; ++i) {
        auto& sum = sums[static_cast<std::size_t>(i)];
        REQUIRE(sum);
        CHECK((*sum)[0] == i << 20);
        CHECK(sum->owns());
        CHECK(items[static_cast<std::size_t>(i)].owns());
    }
    CHECK(cells.arena().stats().in_use > in_use);
    sums.clear();
    CHECK(cells.arena().stats().in_use == in_use);
    // changed in place
    CHECK((isolate{cells} | [](shared_span<int>& numbers) { numbers[7] = 77; })(items[0]));
    CHECK(items[0][7] == 77);
}

TEST_CASE("process_pool: what a dead worker had of the arena is free again", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    auto const one = shared_span<int>::make(cells.arena(), 1'000).value();
    auto const in_use = cells.arena().stats().in_use;
    auto const out = (isolate{cells} | [](shared_span<int> const& numbers) {
        auto const mine = shared_span<int>::make(*arena::find(numbers.handle().arena), 1 << 20).value();
        ::raise(SIGKILL);
        return mine.size();
    })(one);
    CHECK(out.error().is(cause::crashed));
    CHECK((isolate{cells} | &run_deed)(deed::nothing) == 1);
    CHECK(cells.arena().stats().in_use == in_use);
    CHECK(one.owns());
}

TEST_CASE("process_pool: a worker that is stopped by a signal, without a deadline, does not stop the run", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    auto const out = map(std::vector<deed>{deed::nothing, deed::stops, deed::nothing}, on{cells} | &run_deed);
    CHECK(out[0] == 1);
    REQUIRE_FALSE(out[1]);
    CHECK(out[1].error().is(cause::crashed));
    CHECK(out[1].error().signal() == SIGSTOP);
    CHECK(out[2] == 1);
}

TEST_CASE("process_pool: an observer is told here of what is done there", "[process][process_pool][forks]") {
    process_pool cells{quiet(2)};
    muster::testing::recorder seen;
    auto const out = map(std::vector<deed>{deed::nothing, deed::abort, deed::nothing}, on{cells} | observe{seen} | &run_deed);
    CHECK(out[2] == 1);
    std::size_t finished = 0, failed = 0;
    for (auto const& each : seen.records())
        if (each.what == call_event::kind::finished) ++finished, failed += each.failed;
    CHECK(finished == 3);
    CHECK(failed == 1);
}

TEST_CASE("process_pool: spares stand in, and are no workers more", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.spares = 2;
    process_pool cells{options};
    std::atomic<int> most{0};
    std::vector<std::jthread> callers;
    for (int t = 0; t < 3; ++t)
        callers.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                (void)(isolate{cells} | &run_deed)(i % 10 == 0 ? deed::kills : deed::nothing);
                most = std::max<int>(most, static_cast<int>(cells.health().busy));
            }
        });
    callers.clear();
    CHECK(most <= 1);
    CHECK(cells.health().started > 3);
}

namespace {
outcome<command_result> run_there(command const& what, context& cx) {
    static command_runner runner;
    return runner.run(what, cx);
}
}  // namespace

TEST_CASE("process_pool: a program that a worker runs ends with the worker", "[process][process_pool][forks]") {
    temporary_folder folder;
    auto const hang = folder / "hang";
    REQUIRE(::mkfifo(hang.c_str(), 0600) == 0);
    command const hangs{.program = "sh", .args = {"-c", "echo $$ $PPID > \"$1.new\"; mv \"$1.new\" \"$1\"; read nothing < \"$2\"", "sh", folder / "pid", hang}};
    process_pool cells{{.workers = 1}};
    for (int const by : {SIGKILL, SIGTERM}) {
        outcome<command_result> answer;
        std::jthread caller([&] { answer = (isolate{cells} | run_there)(hangs); });
        pid_t pid = 0, worker = 0;
        CHECK(eventually([&] { return std::ifstream{folder / "pid"} >> pid >> worker && pid > 0 && worker > 0; }));
        auto const its = process_of(worker);
        REQUIRE(its.name == "muster-worker");
        CHECK(signal_child(its, by));
        caller.join();
        CHECK(answer.error().is(cause::crashed));
        CHECK(answer.error().signal() == by);
        CHECK(eventually([&] { auto const now = process_of(pid); return now.pid == 0 || now.state == 'Z'; }));
        std::filesystem::remove(folder / "pid");
    }
}

TEST_CASE("process_pool: a program that a worker runs starts as any other, and says why where it does not", "[process][process_pool][forks]") {
    temporary_folder folder;
    auto const no_program = folder.put("data", "no program");
    process_pool cells{{.workers = 1}};
    command_runner runner;
    auto const says = [](outcome<command_result> const& all) {
        return all ? std::to_string(all->exit_code) + '[' + all->out + "][" + all->err + ']'
                   : std::string{all.error().code().message()} + ": " + all.error().text();
    };
    command const talks{.program = "sh", .args = {"-c", "pwd; cat; env; ls /proc/self/fd; trap; grep -E \"SigBlk|SigCgt\" /proc/self/status >&2; exit 3"},
                        .environment = {"PATH=/usr/bin:/bin", "A=b c"}, .input = "in\n", .directory = folder.path(), .any_exit = true};
    for (auto const& each : {talks, command{.program = "no-such-program"}, command{.program = "/no/such/program"}, command{.program = no_program},
                             command{.program = folder.path()}, command{.program = "true", .directory = folder / "nowhere"},
                             command{.program = "pwd", .directory = folder.path()}}) {
        INFO(each.program);
        context cx;
        CHECK(says((isolate{cells} | run_there)(each)) == says(runner.run(each, cx)));
    }
}

TEST_CASE("process_pool: few long items are spread, and one that waits behind another goes to whoever is free", "[process][process_pool][forks]") {
    process_pool cells{quiet(4)};
    // each waits until all four have begun: one behind the other they never would
    auto begun = shared_span<int>::make(cells.arena(), 1).value();
    begun[0] = 0;
    std::vector<shared_handle> const four(4, begun.handle());
    auto const out = map(four, on{cells} | deadline{20s} | [](shared_handle const& which) {
        auto count = shared_span<int>::from_wire(which);
        std::atomic_ref<int> const here{count[0]};
        ++here;
        while (here < 4) std::this_thread::yield();
        return 1;
    });
    for (auto const& each : out) CHECK(each == 1);
}

TEST_CASE("process_pool: workers are recycled within a run, after exactly so many calls", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.recycle_after = 10;
    process_pool cells{options};
    std::map<int, int> calls;
    for (auto const& pid : map(numbers(100), on{cells} | &pid_here)) ++calls[*pid];
    CHECK(calls.size() == 10);
    for (auto const& [pid, count] : calls) CHECK(count == 10);
}

TEST_CASE("process_pool: a warm-up that crashes slowly ends in a clear failure, too", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.warm_up = [] {
        ::usleep(20'000);
        std::abort();
    };
    process_pool cells{options};
    auto const out = (isolate{cells} | &run_deed)(deed::nothing);
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::unavailable));
    CHECK(out.error().text().find("before they are ready") != std::string::npos);
    CHECK(out.error().text().find("SIGABRT") != std::string::npos);
}

TEST_CASE("process_pool: a warm-up that hangs has its time", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.warm_up = [] {
        for (;;) ::pause();
    };
    options.start_timeout = 50ms;
    process_pool cells{options};
    auto const out = (isolate{cells} | &run_deed)(deed::nothing);
    REQUIRE_FALSE(out);
    CHECK(out.error().text().find("not ready within 50ms") != std::string::npos);
}

TEST_CASE("process_pool: an item too long for its worker's memory is a failure of its own", "[process][process_pool][forks]") {
    if (under_asan) SKIP("AddressSanitizer takes more memory than any limit");
    auto options = quiet(1);
    options.memory = 64 * MiB;
    process_pool cells{options};
    auto const out = map(std::vector<std::string>{"short", std::string(150 << 20, 'x'), "short"}, on{cells} | [](std::string const& s) { return s.size(); });
    CHECK(out[0] == 5u);
    REQUIRE_FALSE(out[1]);
    INFO(to_string(out[1].error()));
    CHECK(out[1].error().is(cause::out_of_memory));
    CHECK(out[2] == 5u);
    CHECK(cells.health().crashed == 0);
}

TEST_CASE("process_pool: an item that cannot be written is told once, also after crashes", "[process][process_pool][forks]") {
    auto options = quiet(1);
    options.poison_after = 1;
    process_pool cells{options};
    CHECK_FALSE((isolate{cells} | &run_deed)(deed::abort));
    std::vector<node> items(3);
    items[1] = deep(1'000);    // deeper than what travels
    auto const failures = for_each(items, on{cells} | [](node const&) {});
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].index() == 1);
    CHECK(failures[0].is(cause::invalid_input));
}

TEST_CASE("process_pool: a child of fork leaves the pool to its program", "[process][process_pool][forks]") {
    auto cells = std::make_unique<process_pool>(quiet(1));
    CHECK((isolate{*cells} | &run_deed)(deed::nothing) == 1);
    auto const child = ::fork();
    if (child == 0) {
        auto const out = (isolate{*cells} | &pid_here)(0);    // runs here
        auto const mine = out == ::getpid();
        cells.reset();
        ::_exit(mine ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK((isolate{*cells} | &run_deed)(deed::nothing) == 1);
}

TEST_CASE("process_pool: says how long callers waited and had its workers", "[process][process_pool][forks]") {
    process_pool cells{quiet(1)};
    CHECK((isolate{cells} | [](int) { return ::usleep(2'000); })(0) == 0);
    auto const health = cells.health();
    CHECK(health.busy == 0);
    CHECK(health.calls == 1);
    CHECK(health.lent >= 2ms);
}

TEST_CASE("process_pool: each worker has a CPU of the list, also those that step in", "[process][process_pool][forks]") {
    auto const mine = topology::of_process().spread(2);
    if (mine[0] == mine[1]) SKIP("one CPU");
    auto options = quiet(2);
    options.poison_after = 0;
    options.cpus = mine;
    process_pool cells{options};
    for (int round = 0; round < 3; ++round) {
        CHECK_FALSE((isolate{cells} | &run_deed)(deed::abort));
        std::set<std::size_t> seen;
        for (int i = 0; i < 1'000 && seen.size() < 2; ++i)
            for (auto const& cpu : map(numbers(2), on{cells} | [](int) { return ::usleep(1'000), affinity::of_thread().cpus().at(0); })) seen.insert(cpu.value());
        CHECK(seen == std::set<std::size_t>{mine[0], mine[1]});
    }
}
