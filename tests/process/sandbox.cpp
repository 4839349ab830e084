#include <muster/process/sandbox.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <csignal>      // SIGSYS
#include <cstdlib>      // malloc
#include <cstring>      // memset
#include <ctime>        // clock_gettime
#include <numeric>      // accumulate
#include <stdexcept>    // an exception that passes
#include <thread>       // one more
#include <vector>       // memory

#include <fcntl.h>           // open
#include <netinet/in.h>      // sockaddr_in
#include <sys/mman.h>        // mmap
#include <sys/socket.h>      // socket
#include <sys/stat.h>        // chmod
#include <sys/syscall.h>     // the calls themselves

#include <muster/exec/thread_pool.hpp>        // what a task may use
#include <muster/flow/map.hpp>                // map
#include <muster/os/name_of_syscall.hpp>      // name_of_syscall

using namespace muster;

static_assert(std::is_aggregate_v<sandbox> && std::is_copy_assignable_v<sandbox>);

namespace {

// What a handler of SIGSYS saw in a child, and how that child ended.
struct refused_end {
    child_end end;
    std::string call;    // the name of what was refused; "" when no handler was called
    friend bool operator==(refused_end const&, refused_end const&) = default;
};
std::ostream& operator<<(std::ostream& to, refused_end const& what) {
    return to << what.end << " trying " << what.call;
}

int seen_to = -1;
void on_refused(int, siginfo_t* what, void*) {
    int const number = what->si_syscall;
    if (::write(seen_to, &number, sizeof number) < 0) {}
    std::signal(SIGSYS, SIG_DFL);
    std::raise(SIGSYS);    // when the handler returns
}

// In a child with such a handler: enters and does `work`. Exits with 90 when it was not let in.
refused_end in_sandbox(sandbox const& wanted, std::function<int()> const& work) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    auto const end = in_child([&] {
        seen_to = ends[1];
        struct sigaction action {};
        action.sa_sigaction = on_refused;
        action.sa_flags = SA_SIGINFO;
        ::sigaction(SIGSYS, &action, nullptr);
        auto const in = enter(wanted);
        return in ? work() : 90;
    });
    ::close(ends[1]);
    int number = -1;
    bool const seen = ::read(ends[0], &number, sizeof number) == sizeof number;
    ::close(ends[0]);
    return {end, seen ? std::string{name_of_syscall(number)} : std::string{}};
}

refused_end lives() { return {exits(0), ""}; }
refused_end dies_trying(std::string const& call) { return {dies_of(SIGSYS), call}; }

int errno_of(long result) { return result < 0 ? errno : 0; }

bool has_seccomp() { return sandbox_abilities::of_kernel().seccomp; }
int landlock() { return sandbox_abilities::of_kernel().landlock; }

sandbox const computing{.only_computing = true};

}  // namespace

TEST_CASE("sandbox: is a value that refuses nothing", "[process][sandbox][forks]") {
    sandbox const a;
    CHECK(a == sandbox{});
    CHECK_FALSE(a == sandbox{.read_paths = {"/usr"}});
    CHECK(in_child([] {
        auto const in = enter({});
        if (!in || !in->missing.empty()) return 1;
        return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    }) == exits(0));
}

TEST_CASE("sandbox: no new privileges, by itself and with everything else", "[process][sandbox][forks]") {
    for (auto const& wanted : {sandbox{.no_new_privileges = true}, sandbox{.no_network = true}, sandbox{.confine_files = true}})
        CHECK(in_child([&] {
            auto const in = enter(wanted);
            if (!in) return 2;
            return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
        }) == exits(1));
}

TEST_CASE("sandbox: who only computes has memory, clocks, what is open, exceptions, threads, and an end", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    int const shared = static_cast<int>(::syscall(SYS_memfd_create, "chunk", 0));
    CHECK(in_sandbox(computing, [&] {
        std::vector<double> numbers(3'000'000, 0.5);    // by mmap
        std::vector<std::vector<int>> small(1'000, std::vector<int>(100, 1));
        if (std::accumulate(numbers.begin(), numbers.end(), 0.0) != 1'500'000) return 1;
        timespec now{};
        if (::clock_gettime(CLOCK_MONOTONIC, &now) != 0 || ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) != 0) return 2;
        timespec const little{0, 1'000};
        if (::nanosleep(&little, nullptr) != 0) return 3;
        if (::write(ends[1], "answer", 6) != 6) return 4;
        char answer[6];
        if (::read(ends[0], answer, 6) != 6) return 5;
        if (::fallocate(shared, 0, 0, 1 << 16) != 0) return 6;
        void* const chunk = ::mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
        if (chunk == MAP_FAILED) return 7;
        std::memset(chunk, 1, 1 << 16);
        struct stat status {};
        if (::fstat(shared, &status) != 0 || status.st_size != 1 << 16) return 8;
        try {
            throw std::runtime_error{"as usual"};
        } catch (std::exception const&) {
        }
        char chance[8];
        if (::syscall(SYS_getrandom, chance, 8, 0) != 8) return 9;
        if (::isatty(1) < 0 || ::fcntl(shared, F_GETFD) < 0) return 10;
        struct rlimit limit {};
        if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 11;
        if (::prctl(PR_SET_NAME, "computing") != 0) return 12;
        if (::prctl(PR_SET_DUMPABLE, 0) == 0 || errno != EPERM) return 13;    // a library's attempt, not an attack
        return 0;
    }) == lives());
    for (int const end : {ends[0], ends[1], shared}) ::close(end);
}

TEST_CASE("sandbox: who only computes may start threads, unless that is refused", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    auto const start = [] {
        int answer = 1;
        std::thread{[&] { answer = std::malloc(1'000) ? 0 : 2; }}.join();
        return answer;
    };
    CHECK(in_sandbox(computing, start) == lives());
    // The C library blocks all signals around it: no handler is called.
    CHECK(in_sandbox({.only_computing = true, .threads = false}, start).end == dies_of(SIGSYS));
    CHECK(in_sandbox({.only_computing = true, .threads = false, .refused = refusal::error}, [&] {
        try {
            return start();
        } catch (std::system_error const& why) {
            return why.code().value();
        }
    }) == refused_end{exits(EPERM), ""});
}

TEST_CASE("sandbox: local time and a thread_pool go on where the warm-up had them once", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    CHECK(in_child([] {
        std::time_t const now = 1'700'000'000;
        thread_pool{};
        if (!std::localtime(&now) || !enter(computing)) return 1;
        if (!std::localtime(&now)) return 2;
        thread_pool pool;
        std::vector<int> const numbers(100, 1);
        for (auto const& sum : map(numbers, on{pool} | [](int number) { return number + 1; }))
            if (sum != 2) return 3;
        return 0;
    }) == exits(0));
}

TEST_CASE("sandbox: who only computes may end by abort, and signal itself and nobody else", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    CHECK(in_sandbox(computing, []() -> int { std::signal(SIGABRT, SIG_DFL), std::abort(); }).end == dies_of(SIGABRT));
    CHECK(in_sandbox(computing, [] { return ::kill(::getpid(), SIGKILL); }).end == dies_of(SIGKILL));
    CHECK(in_sandbox(computing, [] { return ::kill(::getppid(), 0); }) == dies_trying("kill"));
    CHECK(in_sandbox(computing, [] { return static_cast<int>(::syscall(SYS_tgkill, 1, 1, 0)); }) == dies_trying("tgkill"));
}

TEST_CASE("sandbox: who only computes opens, runs, forks and connects nothing: SIGSYS says which call it was",
          "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    struct attempt {
        char const* call;
        std::function<long()> what;
    };
    char* const none[] = {nullptr};
    attempt const attempts[] = {
        {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }},
        {"socket", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
        {"execve", [&] { return ::execve("/bin/true", none, none); }},
        {"openat", [] { return ::open("/dev/null", O_RDONLY); }},
        {"unlinkat", [] { return ::unlinkat(AT_FDCWD, "/no-such-file", 0); }},
        {"clone", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
        {"ptrace", [] { return ::syscall(SYS_ptrace, 0, 0, 0, 0); }},
        {"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 0, nullptr); }},
        {"memfd_create", [] { return ::syscall(SYS_memfd_create, "x", 0); }},
        {"statx", [] { return ::syscall(SYS_statx, AT_FDCWD, "/", 0, 0, nullptr); }},
        {"sendto", [] { sockaddr_in to{}; return ::sendto(1, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to); }},
        {"prlimit64", [] { rlimit const limit{}; return ::setrlimit(RLIMIT_CORE, &limit); }},
        {"prlimit64", [] { return ::syscall(SYS_prlimit64, ::getppid(), RLIMIT_CORE, nullptr, nullptr); }},
        {"fcntl", [] { return ::fcntl(1, F_SETOWN, 1); }},
        {"ioctl", [] { return ::ioctl(0, TIOCSTI, "x"); }},
#ifdef SYS_fork
        {"open", [] { return ::syscall(SYS_open, "/dev/null", O_RDONLY); }},
        {"fork", [] { return ::syscall(SYS_fork); }},
        {"vfork", [] { return ::vfork(); }},    // NOLINT: refused
#endif
    };
    for (auto const& each : attempts) {
        INFO(each.call);
        auto const tried = [&] { return each.what() < 0 ? 1 : 2; };
        CHECK(in_sandbox(computing, tried) == dies_trying(each.call));
        CHECK(in_sandbox({.only_computing = true, .refused = refusal::error}, [&] {
            return errno_of(each.what());
        }) == refused_end{exits(EPERM), ""});
    }
}

TEST_CASE("sandbox: what is refused kills whoever has no handler for it, or ignores it", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    for (auto const& handler : {SIG_DFL, SIG_IGN})
        CHECK(in_child([&] {
            std::signal(SIGSYS, handler);
            if (!enter(computing)) return 90;
            return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? 1 : 2;
        }) == dies_of(SIGSYS));
}

TEST_CASE("sandbox: clone3 is not there, so that the C library asks clone", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    CHECK(in_sandbox(computing, [] { return errno_of(::syscall(SYS_clone3, nullptr, 0)); }) == refused_end{exits(ENOSYS), ""});
}

#ifdef __x86_64__
TEST_CASE("sandbox: the numbers of other ABIs are no way around", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    for (auto const& wanted : {computing, sandbox{.no_network = true}}) {
        // x32's getpid; -1 is what a debugger leaves
        CHECK(in_sandbox(wanted, [] { return ::syscall(0x4000'0000 + SYS_getpid) < 0 ? 1 : 2; }) == dies_trying(""));
        // i386's getpid, by the interrupt that 32-bit programs use: 20, which is writev of this architecture
        CHECK(in_sandbox(wanted, [] {
            long number = 20;
            asm volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
            return number < 0 ? 1 : 2;
        }).end == dies_of(SIGSYS));
    }
}
#endif

TEST_CASE("sandbox: without network there is no new socket, and files, programs and open sockets work", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    sandbox const wanted{.no_network = true};
    CHECK(in_sandbox(wanted, [&] {
        int const file = ::open("/dev/null", O_RDONLY);
        if (file < 0) return 1;
        if (::send(pair[0], "x", 1, 0) != 1) return 2;
        return in_child([]() -> int { ::execl("/bin/true", "true", nullptr); return 1; }) == exits(0) ? 0 : 3;
    }) == lives());
    CHECK(in_sandbox(wanted, [] { return ::socket(AF_INET, SOCK_DGRAM, 0); }) == dies_trying("socket"));
    CHECK(in_sandbox(wanted, [&] { return ::connect(pair[0], nullptr, 0); }) == dies_trying("connect"));
    CHECK(in_sandbox(wanted, [] { return ::syscall(SYS_pidfd_getfd, 1, 1, 0) < 0 ? 1 : 2; }) == dies_trying("pidfd_getfd"));
    // What it starts is in the sandbox too.
    CHECK(in_sandbox(wanted, [] { return in_child([] { return ::socket(AF_INET, SOCK_STREAM, 0); }).signal; }).end == exits(SIGSYS));
    for (int const end : pair) ::close(end);
}

TEST_CASE("sandbox: without programs there is a fork and no exec", "[process][sandbox][forks]") {
    if (!has_seccomp()) SKIP("no seccomp");
    char* const none[] = {nullptr};
    sandbox const wanted{.no_programs = true};
    CHECK(in_sandbox(wanted, [] { return in_child([] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 1; }).code; }) == lives());
    CHECK(in_sandbox(wanted, [&] { return ::execve("/bin/true", none, none); }) == dies_trying("execve"));
    CHECK(in_sandbox(wanted, [&] { return ::execveat(1, "", none, none, AT_EMPTY_PATH); }) == dies_trying("execveat"));
    CHECK(in_sandbox({.no_programs = true, .refused = refusal::error}, [&] { return errno_of(::execve("/bin/true", none, none)); }) ==
          refused_end{exits(EPERM), ""});
}

TEST_CASE("sandbox: confined to folders, what is below is read and written as they say, and the rest is EACCES",
          "[process][sandbox][forks]") {
    if (landlock() < 1) SKIP("no Landlock");
    temporary_folder const at;
    auto const readable = at.put("in/deep/readable", "text");
    auto const outside = at.put("outside", "text");
    auto const writable = at.put("out/old", "text");
    auto const one = at.put("one", "text");
    sandbox const wanted{.read_paths = {at / "in", one}, .write_paths = {at / "out"}};
    auto const open = [](std::string const& path, int flags) { return errno_of(::open(path.c_str(), flags, 0600)); };
    int const before = ::open(outside.c_str(), O_RDONLY);
    CHECK(in_sandbox(wanted, [&] {
        if (open(readable, O_RDONLY) != 0 || open(at / "in", O_RDONLY | O_DIRECTORY) != 0 || open(one, O_RDONLY) != 0) return 1;
        if (open(readable, O_WRONLY) != EACCES || open(at / "in/new", O_WRONLY | O_CREAT) != EACCES) return 2;
        if (open(outside, O_RDONLY) != EACCES || open(outside, O_WRONLY) != EACCES) return 3;
        if (open("/etc/passwd", O_RDONLY) != EACCES || open("/", O_RDONLY | O_DIRECTORY) != EACCES) return 4;
        if (open(writable, O_RDWR | O_TRUNC) != 0 || open(at / "out/new", O_WRONLY | O_CREAT) != 0) return 5;
        if (::mkdir((at / "out/folder").c_str(), 0700) != 0) return 6;
        if (::rename((at / "out/new").c_str(), (at / "out/renamed").c_str()) != 0) return 7;
        if (landlock() >= 2 && ::rename((at / "out/renamed").c_str(), (at / "out/folder/moved").c_str()) != 0) return 8;
        if (::unlink(writable.c_str()) != 0) return 9;
        if (::unlink(readable.c_str()) == 0 || errno != EACCES) return 10;
        if (landlock() >= 3 && (::truncate(outside.c_str(), 0) == 0 || errno != EACCES)) return 11;
        char text[4];
        return ::read(before, text, 4) == 4 ? 0 : 12;    // open already
    }) == lives());
    ::close(before);
}

TEST_CASE("sandbox: confined files without any path: none is opened", "[process][sandbox][forks]") {
    if (landlock() < 1) SKIP("no Landlock");
    CHECK(in_sandbox({.confine_files = true}, [] { return errno_of(::open("/etc/passwd", O_RDONLY)); }) == refused_end{exits(EACCES), ""});
}

TEST_CASE("sandbox: where files are confined a program runs from run_paths alone", "[process][sandbox][forks]") {
    if (landlock() < 1) SKIP("no Landlock");
    auto const run = [] {
        return in_child([]() -> int { ::execl("/bin/true", "true", nullptr); return errno; }).code;
    };
    CHECK(in_sandbox({.read_paths = {"/"}}, run).end == exits(EACCES));
    CHECK(in_sandbox({.run_paths = {"/"}}, run).end == exits(0));
}

TEST_CASE("sandbox: entering another allows still less", "[process][sandbox][forks]") {
    if (!has_seccomp() || landlock() < 1) SKIP("no seccomp or no Landlock");
    temporary_folder const at;
    auto const a = at.put("a/file", "text");
    auto const b = at.put("b/file", "text");
    auto const reads = [](std::string const& path) { return errno_of(::open(path.c_str(), O_RDONLY)); };
    CHECK(in_sandbox({.read_paths = {at / "a", at / "b"}}, [&] {
        if (reads(a) != 0 || reads(b) != 0) return 1;
        if (!enter({.read_paths = {at / "a", "/dev"}})) return 2;
        if (reads(a) != 0 || reads(b) != EACCES || reads("/dev/null") != EACCES) return 3;
        if (!enter({.no_network = true, .refused = refusal::error})) return 4;
        if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM || reads(a) != 0) return 5;
        auto const last = enter({.only_computing = true, .refused = refusal::error});
        if (!last || reads(a) != EPERM) return 6;
        if (!enter({.only_computing = true, .threads = false, .refused = refusal::error})) return 7;
        if (!enter({.no_network = true})) return 8;    // where one kills and one refuses, it kills
        return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? 9 : 10;
    }) == dies_trying("socket"));
}

TEST_CASE("sandbox: other threads bear what is refused, and that files are not confined for them is said", "[process][sandbox][forks]") {
    if (!has_seccomp() || landlock() < 1) SKIP("no seccomp or no Landlock");
    CHECK(in_child([] {
        std::atomic<int> step{0};
        int seen = 0;
        std::thread other{[&] {
            step.wait(0);
            seen = errno_of(::socket(AF_INET, SOCK_STREAM, 0));
        }};
        auto const in = enter({.no_network = true, .confine_files = true, .refused = refusal::error});
        step = 1;
        step.notify_all();
        other.join();
        if (!in || in->missing.empty()) return 1;
        if (in->missing.back() != "landlock: files are confined for one of 2 threads") return 2;
        return seen == EPERM ? 0 : 3;
    }) == exits(0));
}

TEST_CASE("sandbox: what the kernel lacks is reported, and the rest is applied", "[process][sandbox][forks]") {
    CHECK(in_child([] {
        auto const in = enter({.only_computing = true, .confine_files = true}, {.seccomp = false, .landlock = 0});
        if (!in || in->missing.size() != 2) return 1;
        if (in->missing[0] != "seccomp: the kernel has none for this machine: no system call is refused") return 2;
        if (in->missing[1] != "landlock: the kernel has none: files are not confined") return 3;
        if (::open("/dev/null", O_RDONLY) < 0) return 4;
        return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 5;
    }) == exits(0));
    if (landlock() < 1) SKIP("no Landlock");
    temporary_folder const at;
    auto const file = at.put("file", "text");
    CHECK(in_child([&] {
        auto const in = enter({.confine_files = true}, {.seccomp = true, .landlock = 2});
        if (!in || in->missing.size() != 2) return 1;
        if (in->missing[0] != "landlock: version 2 does not guard truncation, 3 does") return 2;
        if (in->missing[1] != "landlock: version 2 does not guard ioctl on devices, 5 does") return 3;
        if (::open(file.c_str(), O_RDONLY) >= 0 || errno != EACCES) return 4;
        return errno_of(::truncate(file.c_str(), 1));    // as was said
    }) == exits(0));
    CHECK(temporary_folder::read(file) == "t");
}

TEST_CASE("sandbox: one that is required and not to be had is unavailable, and nothing is applied", "[process][sandbox][forks]") {
    CHECK(in_child([] {
        auto const in = enter({.no_programs = true, .confine_files = true, .required = true}, {.seccomp = true, .landlock = 0});
        if (in || !in.error().is(cause::unavailable)) return 1;
        if (in.error().text() != "the sandbox is required, and not entered; landlock: the kernel has none: files are not confined") return 2;
        if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) return 3;
        auto const other = enter({.no_network = true, .required = true}, {.seccomp = false, .landlock = 7});
        if (other || !other.error().is(cause::unavailable)) return 4;
        // What is not asked for may be missing.
        return enter({.no_new_privileges = true, .required = true}, {}) ? 0 : 5;
    }) == exits(0));
}

TEST_CASE("sandbox: a path that is empty, has a NUL, or is not there fails by its name, and nothing is applied",
          "[process][sandbox][forks]") {
    CHECK(in_child([] {
        auto const empty = enter({.read_paths = {"/usr", ""}});
        if (empty || !empty.error().is(cause::invalid_input) || empty.error().text() != "sandbox.read_paths: a path is empty") return 1;
        auto const nul = enter({.write_paths = {std::string{"/tmp\0/x", 7}}});
        if (nul || !nul.error().is(cause::invalid_input) || nul.error().text() != "sandbox.write_paths: a NUL behind /tmp") return 2;
        return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    }) == exits(0));
    if (landlock() < 1) SKIP("no Landlock");
    CHECK(in_child([] {
        auto const absent = enter({.no_network = true, .run_paths = {"/no-such-folder"}});
        if (absent || !absent.error().is(cause::unavailable)) return 1;
        if (absent.error().text() != "sandbox.run_paths: cannot open /no-such-folder: No such file or directory") return 2;
        return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    }) == exits(0));
}

TEST_CASE("sandbox: the seventeenth with files is exhausted", "[process][sandbox][forks]") {
    if (landlock() < 1) SKIP("no Landlock");
    CHECK(in_child([] {
        for (int i = 0; i < 16; ++i)
            if (!enter({.confine_files = true})) return 1;
        auto const last = enter({.confine_files = true});
        return !last && last.error().is(cause::exhausted) ? 0 : 2;
    }) == exits(0));
}
