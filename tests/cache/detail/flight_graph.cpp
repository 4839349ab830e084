#include <muster/cache/detail/flight_graph.hpp>

#include "catch.hpp"
#include "forked.hpp"

#include <array>       // pipes
#include <chrono>      // 1s
#include <csignal>     // sigaction
#include <memory>      // construct_at
#include <optional>    // waits that end early
#include <thread>      // jthread

#include <sys/mman.h>    // mprotect

#include <muster/cache/memory_cache.hpp>    // memory_cache

using namespace muster;
using namespace std::chrono_literals;
using detail::flight_graph;

namespace {

// A flight that nobody can read as long as it is closed: the thread that tries stands still there, with every lock that it holds.
class closed_flight {
public:
    explicit closed_flight(void const* key) {
        at_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE((at_ != MAP_FAILED && ::pipe(came_.data()) == 0 && ::pipe(opened_.data()) == 0));
        std::construct_at(get(), context::flight{nullptr, key, nullptr});
        struct sigaction stand_still {};
        stand_still.sa_sigaction = [](int, siginfo_t* what, void*) {
            char one = 0;
            if (what->si_addr < at_ || what->si_addr >= static_cast<char*>(at_) + size) ::_exit(97);    // another fault
            if (::write(came_[1], &one, 1) != 1 || ::read(opened_[0], &one, 1) != 1) ::_exit(98);
        };
        stand_still.sa_flags = SA_SIGINFO;
        ::sigaction(SIGSEGV, &stand_still, &before_);
        ::mprotect(at_, size, PROT_NONE);
    }
    closed_flight(closed_flight const&) = delete;
    ~closed_flight() {
        ::sigaction(SIGSEGV, &before_, nullptr);
        ::munmap(at_, size);
        for (auto const& each : {came_, opened_})
            for (int const end : each) ::close(end);
    }
    [[nodiscard]] context::flight* get() const noexcept { return static_cast<context::flight*>(at_); }
    static void await_reader() {
        char one = 0;
        REQUIRE(::read(came_[0], &one, 1) == 1);
    }
    static void open() {
        ::mprotect(at_, size, PROT_READ | PROT_WRITE);
        (void)!::write(opened_[1], "", 1);
    }

private:
    static constexpr std::size_t size = 4'096;
    static inline void* at_ = nullptr;
    static inline std::array<int, 2> came_{}, opened_{};
    struct sigaction before_ {};
};

// A clock that stands still, but reaches every deadline that somebody waits for at once.
struct impatient_waiter {
    instant now() const { return instant{}; }
    bool wait_until(wait_point& point, instant) const { return point.woken(); }
};

// Waits below one flight for another one, on one thread: the call in the middle does not say on whose behalf it is.
outcome<int> wait_below_a_flight() {
    memory_cache<int, int> all;
    context cx;
    return all.get_or_compute(1, cx, [&](context&) {
        impatient_waiter impatient;
        context stranger{impatient};
        auto const limited = stranger.change_deadline(instant{} + 1s);
        return all.get_or_compute(2, stranger, [&](context& inner) {
            return all.get_or_compute(1, inner, [](context&) -> outcome<int> { return 1; });
        });
    });
}

}  // namespace

TEST_CASE("flight_graph: a child that is forked while another thread has the lock waits below a flight, and comes to an end",
          "[cache][flight_graph][forks]") {
    int key = 0;
    closed_flight const led{&key};
    std::jthread holder{[&] { flight_graph::wait const one{led.get(), &led}; }};
    closed_flight::await_reader();    // it is in the graph
    auto const end = in_child([] {
        ::alarm(20);    // what hangs is killed
        auto const answer = wait_below_a_flight();
        return !answer && answer.error().is(cause::timed_out) ? 0 : 1;
    });
    closed_flight::open();
    holder.join();
    CHECK(end == exits(0));
    CHECK(wait_below_a_flight().error().is(cause::timed_out));    // and here nothing is amiss
}

TEST_CASE("flight_graph: a wait from before the fork closes no circle in the child, and may end there", "[cache][flight_graph][forks]") {
    int a = 0, b = 0;
    context::flight const of_a{nullptr, &a, nullptr}, of_b{nullptr, &b, nullptr};
    auto const allowed = [](context::flight const& led, int const& target) { return bool{flight_graph::wait{&led, &target}}; };
    std::optional<flight_graph::wait> inherited;
    inherited.emplace(&of_a, &b);
    REQUIRE(*inherited);
    REQUIRE(!allowed(of_b, a));

    CHECK(in_child([&] {
              ::alarm(20);
              std::optional<flight_graph::wait> own;
              own.emplace(&of_b, &a);
              if (!*own) return 1;
              inherited.reset();
              if (allowed(of_a, b)) return 2;    // the child's own wait is still known
              own.reset();
              return allowed(of_a, b) ? 0 : 3;
          }) == exits(0));
    CHECK(!allowed(of_b, a));
    inherited.reset();
    CHECK(allowed(of_b, a));
}
