#include <muster/observe/interrupts.hpp>
#include <muster/core/context.hpp>     // context
#include <muster/core/settings.hpp>    // settings, reloaded

#include "catch.hpp"

#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include <poll.h>        // with a deadline
#include <sys/wait.h>    // waitpid

using namespace muster;
using namespace std::chrono_literals;

namespace {

// Handlers as a program in the foreground has them, whatever the test was started under.
struct foreground {
    struct sigaction int_ {}, term_ {}, hup_ {};
    foreground() {
        struct sigaction plain {};
        plain.sa_handler = SIG_DFL;
        ::sigaction(SIGINT, &plain, &int_);
        ::sigaction(SIGTERM, &plain, &term_);
        ::sigaction(SIGHUP, &plain, &hup_);
    }
    ~foreground() {
        ::sigaction(SIGINT, &int_, nullptr);
        ::sigaction(SIGTERM, &term_, nullptr);
        ::sigaction(SIGHUP, &hup_, nullptr);
    }
};

void (*handler_of(int number))(int) {
    struct sigaction now {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler;
}

void blocks_until(std::stop_token const& token) {
    wait_point point;
    CHECK(context{token}.wait(point) == context::wait_end::stopped);
}

// A process of its own: `program(ready)` runs in the child and calls ready() when it may be signalled.
class child {
public:
    template <class Program>
    explicit child(Program program) {
        std::array<int, 2> said{};
        REQUIRE(::pipe2(said.data(), O_CLOEXEC) == 0);
        id_ = ::fork();
        REQUIRE(id_ >= 0);
        if (id_ == 0) {
            foreground const handlers;
            ::alarm(60);    // never outlives the test by much
            auto const ready = [&] { [[maybe_unused]] auto const n = ::write(said[1], "r", 1); };
            ::_exit(program(ready));
        }
        ::close(said[1]);
        from_ = said[0];
    }
    ~child() {
        if (id_ > 0) ::kill(id_, SIGKILL), ::waitpid(id_, nullptr, 0);
        ::close(from_);
    }
    void until_ready() const {
        pollfd waits{from_, POLLIN, 0};
        REQUIRE(::poll(&waits, 1, 60'000) == 1);
        char byte = 0;
        REQUIRE(::read(from_, &byte, 1) == 1);
    }
    void signal(int number) const { REQUIRE(::kill(id_, number) == 0); }
    int status() {    // as a shell says it: the code, or 128 and the signal
        int status = 0;
        REQUIRE(::waitpid(id_, &status, 0) == id_);
        id_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);    // killed is told apart from exited
    }

private:
    pid_t id_ = -1;
    int from_ = -1;
};

[[noreturn]] void hang() {
    for (;;) ::pause();
}

// A service that takes its interrupts as a template argument, and the fake that a test gives it.
template <interrupt_source Source>
int serve(Source const& from, int items) {
    int done = 0;
    for (; done < items && !from.token().stop_requested(); ++done) {}
    return from.interrupted() ? from.exit_code() : done;
}
struct fake_interrupts {
    std::stop_source stop;
    int number = 0;
    void raise(int which) { number = which, stop.request_stop(); }
    std::stop_token token() const { return stop.get_token(); }
    bool interrupted() const { return number != 0; }
    int exit_code() const { return interrupted() ? 128 + number : 0; }
};
struct no_token { bool interrupted() const; int exit_code() const; };

}  // namespace

static_assert(interrupt_source<interrupts> && interrupt_source<fake_interrupts> && !interrupt_source<no_token>);

TEST_CASE("interrupts: the first one asks what runs to stop, and says so", "[observe][interrupts]") {
    for (int const number : {SIGINT, SIGTERM}) {
        foreground const handlers;
        kept_lines said;
        {
            interrupts const signals{{.say = said}};
            CHECK_FALSE(signals.interrupted());
            CHECK(signals.exit_code() == 0);
            REQUIRE(::raise(number) == 0);
            blocks_until(signals.token());
            CHECK(signals.interrupted());
            CHECK(signals.signal() == number);
            CHECK(signals.exit_code() == 128 + number);
        }
        REQUIRE(said.lines().size() == 1);
        CHECK(said.contains("stopping"));
        CHECK(said.contains("once more"));
    }
}

TEST_CASE("interrupts: the handlers of before are back afterwards", "[observe][interrupts]") {
    foreground const handlers;
    struct sigaction own {};
    own.sa_handler = +[](int) {};
    ::sigaction(SIGTERM, &own, nullptr);
    {
        interrupts const signals{{.on_hangup = [] {}}};
        CHECK(handler_of(SIGINT) != SIG_DFL);
        CHECK(handler_of(SIGTERM) != own.sa_handler);
        CHECK(handler_of(SIGHUP) != SIG_DFL);
    }
    CHECK(handler_of(SIGINT) == SIG_DFL);
    CHECK(handler_of(SIGTERM) == own.sa_handler);
    CHECK(handler_of(SIGHUP) == SIG_DFL);
}

TEST_CASE("interrupts: what a background job ignores stays ignored, a hang-up with a callback does not",
    "[observe][interrupts]") {
    foreground const handlers;
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    {
        interrupts const signals{{.on_hangup = [] {}}};
        CHECK(handler_of(SIGINT) == SIG_IGN);
        CHECK(handler_of(SIGTERM) != SIG_DFL);
        CHECK(handler_of(SIGHUP) != SIG_IGN);
    }
    CHECK(handler_of(SIGINT) == SIG_IGN);
    CHECK(handler_of(SIGHUP) == SIG_IGN);
    {
        interrupts const without_callback;
        CHECK(handler_of(SIGHUP) == SIG_IGN);
    }
}

TEST_CASE("interrupts: they can be set up again and again, each time unasked", "[observe][interrupts]") {
    foreground const handlers;
    for (int round = 0; round < 50; ++round) {
        interrupts const signals;
        CHECK_FALSE(signals.interrupted());
        CHECK_FALSE(signals.token().stop_requested());
        ::raise(SIGINT);
        blocks_until(signals.token());
    }
}

TEST_CASE("interrupts: one at a time, and the refused one disturbs nothing", "[observe][interrupts]") {
    foreground const handlers;
    {
        interrupts const signals;
        CHECK_THROWS_AS(interrupts{}, std::logic_error);
        ::raise(SIGTERM);
        blocks_until(signals.token());
        CHECK(signals.exit_code() == 143);
    }
    CHECK_NOTHROW(interrupts{});
}

TEST_CASE("interrupts: a hang-up reloads settings, and stops nothing", "[observe][interrupts]") {
    foreground const handlers;
    std::map<std::string, std::string> variables{{"MUSTER_DISABLE_PARALLEL", "no"}};
    std::mutex mutex;
    settings switches{{.environment = [&](std::string const& name) -> std::optional<std::string> {
        std::lock_guard lock(mutex);
        auto const found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional{found->second};
    }}};
    wait_point reloaded;
    interrupts const signals{{.on_hangup = [&] { switches.reload(), reloaded.wake(); }}};
    CHECK_FALSE(switches.snapshot().disable_parallel);
    {
        std::lock_guard lock(mutex);
        variables["MUSTER_DISABLE_PARALLEL"] = "yes";
    }
    for (int i = 0; i < 3; ++i) {    // a second one does not end the process
        reloaded.reset();
        ::raise(SIGHUP);
        REQUIRE(thread_waiter{}.wait_until(reloaded, never));
    }
    CHECK(switches.snapshot().disable_parallel);
    CHECK_FALSE(signals.interrupted());
    CHECK_FALSE(signals.token().stop_requested());
}

TEST_CASE("interrupts: a hang-up callback that throws is said, and the next one is served", "[observe][interrupts]") {
    foreground const handlers;
    kept_lines said;
    int calls = 0;
    wait_point served;
    {
        interrupts const signals{{.say = said, .on_hangup = [&] {
                                      if (++calls == 1) throw std::runtime_error{"no file"};
                                      served.wake();
                                  }}};
        ::raise(SIGHUP);
        ::raise(SIGHUP);
        REQUIRE(thread_waiter{}.wait_until(served, never));
    }
    CHECK(said.contains("no file"));
    CHECK(calls == 2);
}

TEST_CASE("interrupts: one that finds no room behind a flood of hang-ups is served all the same, and errno is kept",
    "[observe][interrupts]") {
    foreground const handlers;
    wait_point release;
    interrupts const signals{{.on_hangup = [&] { thread_waiter{}.wait_until(release, never); }}};
    errno = E2BIG;
    for (int i = 0; i < 70'000; ++i) ::raise(SIGHUP);    // more than a pipe holds
    ::raise(SIGINT);
    CHECK(errno == E2BIG);
    CHECK(signals.interrupted());
    release.wake();
    blocks_until(signals.token());
}

TEST_CASE("interrupts: a second one ends the process at once, with 130 or 143", "[observe][interrupts][forks]") {
    for (int const number : {SIGINT, SIGTERM}) {
        child stuck{[](auto const& ready) -> int {
            interrupts const signals;
            ready();
            blocks_until(signals.token());
            ready();
            hang();    // work that does not stop
        }};
        stuck.until_ready();
        stuck.signal(number);
        stuck.until_ready();
        stuck.signal(number);
        CHECK(stuck.status() == 128 + number);
    }
}

TEST_CASE(
    "interrupts: a second one ends the process also while a stop callback hangs", "[observe][interrupts][forks]") {
    child stuck{[](auto const& ready) -> int {
        interrupts const signals;
        std::stop_callback const hangs{signals.token(), [&] { ready(), hang(); }};
        ready();
        hang();
    }};
    stuck.until_ready();
    stuck.signal(SIGTERM);
    stuck.until_ready();
    stuck.signal(SIGINT);
    CHECK(stuck.status() == 130);    // the code of the one that ended it
}

TEST_CASE("interrupts: what must be done before the sudden end is done", "[observe][interrupts][forks]") {
    child stuck{[](auto const& ready) -> int {
        static void (*say)() = nullptr;
        static auto const* said = &ready;
        say = [] { (*said)(); };
        interrupts const signals{{.at_once = []() noexcept { say(); }}};
        ready();
        hang();
    }};
    stuck.until_ready();
    stuck.signal(SIGINT);
    stuck.signal(SIGINT);
    // Two that arrive before the first is handled are one to the kernel.
    stuck.signal(SIGTERM);
    stuck.until_ready();
    auto const code = stuck.status();
    CHECK((code == 130 || code == 143));
}

TEST_CASE("interrupts: work that stops ends its program with 130", "[observe][interrupts][forks]") {
    child polite{[](auto const& ready) -> int {
        interrupts const signals;
        ready();
        blocks_until(signals.token());
        return signals.exit_code();
    }};
    polite.until_ready();
    polite.signal(SIGINT);
    CHECK(polite.status() == 130);
}

TEST_CASE("interrupts: a forked child dies of its signal, and its parent is not interrupted",
    "[observe][interrupts][forks]") {
    foreground const handlers;
    interrupts const signals;
    auto const id = ::fork();
    REQUIRE(id >= 0);
    if (id == 0) {
        ::alarm(60);
        hang();
    }
    // The handler is inherited from the first instruction on.
    REQUIRE(::kill(id, SIGTERM) == 0);
    int status = 0;
    REQUIRE(::waitpid(id, &status, 0) == id);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    CHECK_FALSE(signals.interrupted());
}

TEST_CASE("interrupts: at any moment, an interrupt ends a program with 130 or 143 and leaves nobody behind",
    "[observe][interrupts][forks]") {
    // The whole group is signalled, as a terminal does; the child's own children write into a pipe that ends when all
    // are gone.
    for (int round = 0; round < 40; ++round) {
        std::array<int, 2> alive{};
        REQUIRE(::pipe2(alive.data(), O_CLOEXEC) == 0);
        {
            child program{[round](auto const& ready) -> int {
                interrupts const signals;
                context const cx{signals.token()};
                ready();
                for (int i = 0; !cx.stop_requested(); ++i) {
                    if (i % 7 == round % 7) {
                        auto const id = ::fork();    // its own child, which hangs
                        if (id == 0) hang();
                        ::kill(id, SIGKILL);
                        ::waitpid(id, nullptr, 0);
                    }
                }
                return signals.exit_code();
            }};
            ::close(alive[1]);
            program.until_ready();
            for (int spin = 0; spin < round * 50; ++spin) std::this_thread::yield();    // another moment each time
            program.signal(round % 2 ? SIGINT : SIGTERM);
            CHECK(program.status() == (round % 2 ? 130 : 143));
        }
        pollfd waits{alive[0], POLLIN, 0};
        REQUIRE(::poll(&waits, 1, 60'000) == 1);
        char byte = 0;
        CHECK(::read(alive[0], &byte, 1) == 0);    // the end: no process holds the other end any more
        ::close(alive[0]);
    }
}

TEST_CASE("interrupts: no descriptor and no thread is left behind", "[observe][interrupts]") {
    foreground const handlers;
    auto const lowest = [] {
        auto const fd = ::dup(0);
        ::close(fd);
        return fd;
    };
    auto const before = lowest();
    for (int i = 0; i < 20; ++i) interrupts const signals;
    CHECK(lowest() == before);
}

TEST_CASE("interrupts: a service takes any source, so that its test gives it a fake", "[observe][interrupts]") {
    fake_interrupts fake;
    CHECK(serve(fake, 5) == 5);
    fake.raise(SIGINT);
    CHECK(serve(fake, 5) == 130);
}
