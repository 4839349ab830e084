#include <muster/process/limits.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <csignal>    // SIGXCPU
#include <cstdlib>    // malloc
#include <cstring>    // memset
#include <ctime>      // clock
#include <new>        // bad_alloc

#include <fcntl.h>       // open
#include <sys/mman.h>    // mmap
#include <unistd.h>      // dup

#include <muster/process/sandbox.hpp>    // who may not change limits

using namespace muster;
using namespace std::chrono_literals;

static_assert(std::is_aggregate_v<limits> && std::is_copy_assignable_v<limits>);

namespace {

// In a child: what `apply` said, as a number that a child can exit with.
int code_of(outcome<void> const& done) {
    if (done) return 0;
    return done.error().code().category() == cause_category() ? done.error().code().value() : 90;
}

struct rlimit limit_of(decltype(RLIMIT_DATA) which) {
    struct rlimit now {};
    ::getrlimit(which, &now);
    return now;
}

// 64 MiB more than there is.
std::uint64_t some_memory() { return detail::private_memory() + 64 * MiB; }

}  // namespace

TEST_CASE("limits: is a value that limits nothing but core files", "[process][limits]") {
    limits const a;
    CHECK(a == limits{});
    CHECK_FALSE(a == limits{.memory = 512 * MiB});
    CHECK(a.output == 64 * MiB);
    CHECK_FALSE(a.core_dump);
}

TEST_CASE("limits: apply leaves alone what is not limited", "[process][limits][forks]") {
    CHECK(in_child([] {
        auto const before = limit_of(RLIMIT_NOFILE);
        auto const stack = limit_of(RLIMIT_STACK);
        if (!apply(limits{.core_dump = true})) return 1;
        auto const after = limit_of(RLIMIT_NOFILE);
        if (before.rlim_cur != after.rlim_cur || before.rlim_max != after.rlim_max) return 2;
        return limit_of(RLIMIT_STACK).rlim_cur == stack.rlim_cur ? 0 : 3;
    }) == exits(0));
}

TEST_CASE("limits: new throws bad_alloc beyond the memory, malloc gives nothing, and what is below is there",
          "[process][limits][forks]") {
    if (sanitized) SKIP("a sanitizer's shadow is more private memory than any limit");
    CHECK(in_child([] {
        if (auto const done = apply(limits{.memory = some_memory()}); !done) return 1;
        void* const some = std::malloc(32 * MiB);
        if (!some) return 2;
        std::memset(some, 1, 32 * MiB);
        if (std::malloc(GiB) != nullptr) return 3;
        try {
            auto* const more = ::operator new(GiB);
            ::operator delete(more);
            return 4;
        } catch (std::bad_alloc const&) {
        }
        std::free(some);
        void* const again = std::malloc(32 * MiB);
        return again ? 0 : 5;
    }) == exits(0));
}

TEST_CASE("limits: many small pieces end at the same memory as a large one", "[process][limits][forks]") {
    if (sanitized) SKIP("a sanitizer's shadow is more private memory than any limit");
    CHECK(in_child([] {
        auto const most = some_memory();    // of which some may be free: what was there before is not all in use
        if (auto const done = apply(limits{.memory = most}); !done) return 1;
        std::uint64_t taken = 0;
        while (taken < 2 * most) {
            if (!std::malloc(1'000)) return taken > 48 * MiB && taken <= most ? 0 : 2;
            taken += 1'000;
        }
        return 3;
    }) == exits(0));
}

TEST_CASE("limits: memory counts neither what is shared nor what is only reserved", "[process][limits][forks]") {
    if (sanitized) SKIP("a sanitizer's shadow is more private memory than any limit");
    CHECK(in_child([] {
        if (auto const done = apply(limits{.memory = some_memory()}); !done) return 1;
        auto const map = [](int protection, int flags) {
            return ::mmap(nullptr, 256 * MiB, protection, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        };
        if (map(PROT_READ | PROT_WRITE, MAP_PRIVATE) != MAP_FAILED) return 2;
        if (map(PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED) return 3;
        void* const reserved = map(PROT_NONE, MAP_PRIVATE);
        if (reserved == MAP_FAILED) return 4;
        if (::mprotect(reserved, 256 * MiB, PROT_READ | PROT_WRITE) == 0) return 5;    // from here on it counts
        return ::mprotect(reserved, MiB, PROT_READ | PROT_WRITE) == 0 ? 0 : 6;
    }) == exits(0));
}

TEST_CASE("limits: less memory than is in use is exhausted, and nothing is limited", "[process][limits][forks]") {
    CHECK(in_child([] {
        auto const done = apply(limits{.memory = 64 * KiB, .open_files = 20});
        if (done) return 1;
        if (done.error().text().find("limits.memory: 65536 bytes, and the process has ") != 0) return 2;
        if (limit_of(RLIMIT_NOFILE).rlim_cur == 20 || limit_of(RLIMIT_DATA).rlim_cur == 64 * KiB) return 3;
        return code_of(done);
    }) == exits(static_cast<int>(cause::exhausted)));
}

TEST_CASE("limits: a negative duration is invalid_input, by its name, and nothing is limited", "[process][limits][forks]") {
    CHECK(in_child([] {
        auto const done = apply(limits{.cpu_life = -1s, .open_files = 20});
        if (done || done.error().text() != "limits.cpu_life: -1s") return 1;
        if (limit_of(RLIMIT_NOFILE).rlim_cur == 20) return 2;
        auto const other = apply(limits{.cpu_time = -1ms});
        if (other || other.error().text() != "limits.cpu_time: -1ms") return 3;
        return code_of(done);
    }) == exits(static_cast<int>(cause::invalid_input)));
}

TEST_CASE("limits: one that the system refuses is unavailable, by its name", "[process][limits][forks]") {
    if (!sandbox_abilities::of_kernel().seccomp) SKIP("no seccomp to refuse it with");
    CHECK(in_child([] {
        struct rlimit const some {40, 90};
        if (::setrlimit(RLIMIT_NOFILE, &some) != 0 || !enter({.only_computing = true, .refused = refusal::error})) return 1;
        auto const done = apply(limits{.open_files = 20});
        if (done || done.error().text() != "limits.open_files: cannot set it to 20: Operation not permitted") return 2;
        if (raise_open_files(60)) return 3;
        return code_of(done);
    }) == exits(static_cast<int>(cause::unavailable)));
}

TEST_CASE("limits: no descriptor is handed out past open_files, and what is open stays", "[process][limits][forks]") {
    CHECK(in_child([] {
        int const high = ::fcntl(1, F_DUPFD, 100);
        if (!apply(limits{.open_files = 40})) return 1;
        int last = 0;
        for (int i = 0; i < 60; ++i) {
            int const next = ::dup(1);
            if (next < 0) break;
            last = next;
        }
        if (last != 39 || errno != EMFILE) return 2;
        return ::fcntl(high, F_GETFD) >= 0 ? 0 : 3;
    }) == exits(0));
}

TEST_CASE("limits: a file that becomes longer than file_size ends in SIGXFSZ, or EFBIG", "[process][limits][forks]") {
    temporary_folder const at;
    auto const file = at / "long";
    auto const write_long = [&file] {
        if (!apply(limits{.file_size = 10'000})) return 1;
        int const number = ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
        std::string const bytes(6'000, 'x');
        if (::write(number, bytes.data(), bytes.size()) != 6'000) return 2;
        if (::write(number, bytes.data(), bytes.size()) != 4'000) return 3;    // as far as it goes
        return ::write(number, bytes.data(), bytes.size()) < 0 && errno == EFBIG ? 0 : 4;
    };
    CHECK(in_child(write_long) == dies_of(SIGXFSZ));
    CHECK(in_child([&] { return std::signal(SIGXFSZ, SIG_IGN), write_long(); }) == exits(0));
    CHECK(temporary_folder::read(file).size() == 10'000);
}

TEST_CASE("limits: a life on the processor is rounded up to seconds, and ends in SIGXCPU", "[process][limits][forks]") {
    CHECK(in_child([] {
        if (!apply(limits{.cpu_life = 1'001ms})) return 1;
        return limit_of(RLIMIT_CPU).rlim_cur == 2 && limit_of(RLIMIT_CPU).rlim_max == 3 ? 0 : 2;
    }) == exits(0));
    CHECK(in_child([] {
        if (!apply(limits{.cpu_life = 1ms})) return 1;
        while (std::clock() < 10 * CLOCKS_PER_SEC) {}    // of the processor
        return 2;
    }) == dies_of(SIGXCPU));
}

TEST_CASE("limits: what crashes leaves no core file, unless that is asked for", "[process][limits][forks]") {
    CHECK(in_child([] {
        auto const before = limit_of(RLIMIT_CORE);
        if (!apply(limits{.core_dump = true}) || limit_of(RLIMIT_CORE).rlim_max != before.rlim_max) return 1;
        if (!apply(limits{})) return 2;
        auto const after = limit_of(RLIMIT_CORE);
        return after.rlim_cur == 0 && after.rlim_max == 0 ? 0 : 3;
    }) == exits(0));
}

TEST_CASE("limits: the number of processes is limited for whoever is not root", "[process][limits][forks]") {
    CHECK(in_child([] {
        if (!apply(limits{.processes = 1})) return 1;
        if (limit_of(RLIMIT_NPROC).rlim_max != 1) return 2;
        if (::setuid(65'534) != 0 && ::getuid() == 0) return 0;    // a root that may not become anybody
        auto const child = ::fork();
        if (child == 0) {
            auto const second = ::fork();    // the first may still have been allowed
            ::_exit(second < 0 && errno == EAGAIN ? 0 : 3);
        }
        if (child < 0) return errno == EAGAIN ? 0 : 4;
        int status = 0;
        ::waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    }) == exits(0));
}

TEST_CASE("limits: a lower limit that is there already stays, and applying twice keeps the lower", "[process][limits][forks]") {
    CHECK(in_child([] {
        if (!apply(limits{.cpu_life = 100s, .open_files = 40, .file_size = 1'000})) return 1;
        if (!apply(limits{.cpu_life = 200s, .open_files = 80, .file_size = ~std::uint64_t{0}})) return 2;
        if (limit_of(RLIMIT_NOFILE).rlim_cur != 40 || limit_of(RLIMIT_FSIZE).rlim_cur != 1'000) return 3;
        if (limit_of(RLIMIT_CPU).rlim_cur != 101 || limit_of(RLIMIT_CPU).rlim_max != 101) return 4;
        if (!apply(limits{.cpu_life = 50s, .open_files = 30})) return 5;
        if (limit_of(RLIMIT_CPU).rlim_cur != 50 || limit_of(RLIMIT_CPU).rlim_max != 51) return 6;
        return limit_of(RLIMIT_NOFILE).rlim_cur == 30 && limit_of(RLIMIT_NOFILE).rlim_max == 30 ? 0 : 7;
    }) == exits(0));
}

TEST_CASE("limits: raise_open_files raises as far as the hard limit, never lowers, and says what is allowed",
          "[process][limits][forks]") {
    CHECK(in_child([] {
        struct rlimit const some {40, 90};
        if (::setrlimit(RLIMIT_NOFILE, &some) != 0) return 1;
        if (raise_open_files(20) != 40u || limit_of(RLIMIT_NOFILE).rlim_cur != 40) return 2;
        if (raise_open_files(60) != 60u || limit_of(RLIMIT_NOFILE).rlim_cur != 60) return 3;
        if (raise_open_files(1'000) != 90u || limit_of(RLIMIT_NOFILE).rlim_cur != 90) return 4;
        return limit_of(RLIMIT_NOFILE).rlim_max == 90 ? 0 : 5;
    }) == exits(0));
}
