#include <muster/os/file_lock.hpp>

#include "catch.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <muster/os/pipe_ends.hpp>    // a child that says when it holds the lock

using namespace muster;
using namespace std::chrono_literals;

namespace {
fd open_lock(std::string const& path) { return fd::open(path, O_RDWR | O_CREAT, 0600); }
}  // namespace

TEST_CASE("file_lock: excludes another opening of the file until it is released", "[os][file_lock]") {
    temporary_folder const in;
    auto const a = open_lock(in / "lock"), b = open_lock(in / "lock");
    {
        auto const held = file_lock::attempt(a);
        REQUIRE(held);
        CHECK(file_lock::attempt(b).error().is(cause::rejected));
    }
    CHECK(file_lock::attempt(b));
}

TEST_CASE("file_lock: ranges that do not touch do not exclude each other", "[os][file_lock]") {
    temporary_folder const in;
    auto const a = open_lock(in / "lock"), b = open_lock(in / "lock");
    auto const held = file_lock::attempt(a, {.at = 1ull << 61, .size = 1});
    REQUIRE(held);
    CHECK(file_lock::attempt(b, {.at = (1ull << 61) + 1, .size = 1}));
    CHECK(file_lock::attempt(b, {.at = 1ull << 61, .size = 1}).error().is(cause::rejected));
    CHECK(file_lock::attempt(b).error().is(cause::rejected));
}

TEST_CASE("file_lock: waits until its deadline, and until a stop", "[os][file_lock]") {
    struct clock_that_runs {    // every wait takes as long as it may, at once
        instant time{};
        instant now() const { return time; }
        bool wait_until(wait_point& point, instant until) {
            time = until;
            return point.woken();
        }
    };
    temporary_folder const in;
    auto const a = open_lock(in / "lock"), b = open_lock(in / "lock");
    auto const held = file_lock::attempt(a);
    REQUIRE(held);

    clock_that_runs clock;
    context late{clock};
    auto const limit = late.change_deadline(clock.now() + 2s);
    CHECK(file_lock::acquire(b, late).error().is(cause::timed_out));
    CHECK(clock.now() == instant{} + 2s);

    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token()};
    CHECK(file_lock::acquire(b, stopped).error().is(cause::cancelled));
}

TEST_CASE("file_lock: is released when its holder is killed", "[os][file_lock][forks]") {
    temporary_folder const in;
    auto const path = in / "lock";
    auto ends = pipe_ends::open();
    auto const child = ::fork();
    if (child == 0) {
        auto const mine = open_lock(path);
        auto const held = file_lock::attempt(mine);
        if (!held || ::write(ends.write.get(), "x", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char said = 0;
    REQUIRE(::read(ends.read.get(), &said, 1) == 1);
    auto const mine = open_lock(path);
    CHECK(file_lock::attempt(mine).error().is(cause::rejected));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    context cx;
    CHECK(file_lock::acquire(mine, cx));
}

TEST_CASE("file_lock: a file that cannot be locked is a failure, not a wait", "[os][file_lock]") {
    context cx;
    auto const file = fd::open("/dev/null", O_RDONLY);    // not open for writing
    CHECK(file_lock::acquire(file, cx).error().code() == std::errc::bad_file_descriptor);
}
