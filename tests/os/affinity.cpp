#include <muster/os/affinity.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <muster/os/cpus.hpp>
#include <muster/os/topology.hpp>

#include "catch.hpp"

using namespace muster;
using std::size_t;
using numbers = std::vector<size_t>;

static_assert(std::copyable<affinity>);
static_assert(std::movable<pinned> && !std::copyable<pinned>);
static_assert(std::is_nothrow_destructible_v<pinned>);

namespace {

// On a thread of its own, so that what a test does to its mask stays there; checks are made where it was called.
void on_a_thread(std::function<void()> const& work) { std::jthread const runs{work}; }

// Lets the kernel refuse a system call to the calling thread, as a sandbox would; false where it takes no filter.
bool refuse(std::uint32_t call, std::uint32_t error) {
    std::array<sock_filter, 4> program{{
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    }};
    sock_fprog const filter{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

TEST_CASE("affinity: holds the numbers it was given, ascending", "[os][affinity]") {
    CHECK(affinity{}.count() == 0);
    CHECK(affinity{}.cpus().empty());
    CHECK_FALSE(affinity{}.allows(0));

    affinity const some{5'000, 3, 0, 1'024, 3, 1'023};
    CHECK(some.count() == 5);
    CHECK(some.cpus() == numbers{0, 3, 1'023, 1'024, 5'000});
    CHECK(some.allows(1'024));
    CHECK_FALSE(some.allows(1));
    CHECK_FALSE(some.allows(5'001));
    CHECK_FALSE(some.allows(SIZE_MAX));
}

TEST_CASE("affinity: leaves out numbers that no machine has", "[os][affinity]") {
    affinity const some{affinity::limit, affinity::limit - 1, SIZE_MAX};
    CHECK(some.cpus() == numbers{affinity::limit - 1});
}

TEST_CASE("affinity: a thread is bound to the CPUs it names, and runs there", "[os][affinity]") {
    for (auto const cpu : affinity::of_thread().cpus()) {
        std::optional<failure> refused;
        numbers then;
        int runs_on = -1;
        on_a_thread([&] {
            if (auto bound = pin_to(cpu); !bound) refused = bound.error();
            then = affinity::of_thread().cpus();
            runs_on = ::sched_getcpu();
        });
        CHECK_FALSE(refused);
        CHECK(then == numbers{cpu});
        CHECK(runs_on == static_cast<int>(cpu));
    }
}

TEST_CASE("affinity: CPUs that may not be used are left out while one remains", "[os][affinity]") {
    auto const first = affinity::of_thread().cpus().at(0);
    bool bound = false;
    numbers then;
    on_a_thread([&] {
        bound = affinity{first, affinity::limit - 1}.bind().has_value();
        then = affinity::of_thread().cpus();
    });
    CHECK(bound);
    CHECK(then == numbers{first});
}

TEST_CASE("affinity: an absent CPU fails as unavailable, and the thread runs as before", "[os][affinity]") {
    auto const before = affinity::of_thread().cpus();
    for (auto const absent : {affinity::limit - 1, affinity::limit, SIZE_MAX}) {
        auto const bound = pin_to(absent);
        REQUIRE_FALSE(bound);
        CHECK(bound.error().is(cause::unavailable));
        CHECK(bound.error().text().find("CPU " + std::to_string(absent)) != std::string::npos);
        CHECK_FALSE(pinned::to({absent}));
    }
    auto const several = affinity{affinity::limit - 1, affinity::limit - 2}.bind();
    REQUIRE_FALSE(several);
    CHECK(several.error().is(cause::unavailable));
    CHECK(several.error().text() == "none of 2 CPUs to bind a thread to is online and granted to this process");
    auto const none = affinity{}.bind();
    REQUIRE_FALSE(none);
    CHECK(none.error().is(cause::unavailable));
    CHECK(affinity::of_thread().cpus() == before);
}

TEST_CASE("affinity: pinned restores what was, in reverse order, also after a move", "[os][affinity]") {
    auto const before = affinity::of_thread().cpus();
    {
        auto outer = pinned::to({before.front()});
        REQUIRE(outer);
        CHECK(affinity::of_thread().cpus() == numbers{before.front()});
        {
            auto const inner = pinned::to({before.back()});
            REQUIRE(inner);
            CHECK(affinity::of_thread().cpus() == numbers{before.back()});
        }
        CHECK(affinity::of_thread().cpus() == numbers{before.front()});

        { auto const moved = std::move(*outer); }
        CHECK(affinity::of_thread().cpus() == before);
        REQUIRE(pin_to(before.front()));
    }
    CHECK(affinity::of_thread().cpus() == numbers{before.front()});    // the one moved from restores nothing
    REQUIRE(affinity{before}.bind());
}

TEST_CASE("affinity: a thread that is started while pinned is born in that place", "[os][affinity]") {
    auto const before = affinity::of_thread().cpus();
    numbers born;
    {
        auto const here = pinned::to({before.back()});
        REQUIRE(here);
        on_a_thread([&] { born = affinity::of_thread().cpus(); });
    }
    CHECK(born == numbers{before.back()});
    CHECK(affinity::of_thread().cpus() == before);
}

TEST_CASE("affinity: a machine that lets nobody bind is a failure, not an end", "[os][affinity]") {
    auto const before = affinity::of_thread().cpus();
    for (auto const error : {EPERM, ENOSYS, EACCES}) {
        bool filtered = false;
        std::optional<failure> pin_refused, guard_refused;
        numbers then;
        on_a_thread([&] {
            filtered = refuse(SYS_sched_setaffinity, static_cast<std::uint32_t>(error));
            if (!filtered) return;
            if (auto const bound = pin_to(before.front()); !bound) pin_refused = bound.error();
            if (auto const bound = pinned::to({before.front()}); !bound) guard_refused = bound.error();
            then = affinity::of_thread().cpus();
        });
        if (!filtered) {
            WARN("no filter for system calls can be set here");
            return;
        }
        REQUIRE(pin_refused);
        CHECK(pin_refused->is(cause::unavailable));
        CHECK(pin_refused->text().starts_with("cannot bind a thread to CPUs: "));
        REQUIRE(guard_refused);
        CHECK(guard_refused->is(cause::unavailable));
        CHECK(then == before);
    }
}

TEST_CASE("affinity: a mask that cannot be asked is none, counts as the whole machine, and is not left", "[os][affinity]") {
    bool filtered = false;
    affinity mask{0};
    cpus counted;
    size_t places = 0;
    std::optional<failure> guard_refused;
    auto const online = cpus::of_process().online;
    auto const before = affinity::of_thread().cpus().front();
    on_a_thread([&] {
        filtered = refuse(SYS_sched_getaffinity, EPERM);
        if (!filtered) return;
        mask = affinity::of_thread();
        counted = cpus::of_process();
        places = topology::of_process().places().size();
        if (auto const bound = pinned::to({before}); !bound) guard_refused = bound.error();
    });
    if (!filtered) {
        WARN("no filter for system calls can be set here");
        return;
    }
    CHECK(mask.count() == 0);
    CHECK(counted.affinity == counted.online);
    CHECK(places >= 1);
    CHECK(places >= online);
    REQUIRE(guard_refused);
    CHECK(guard_refused->is(cause::unavailable));
}
