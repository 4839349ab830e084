#include "problem.hpp"

#include <chrono>      // literals
#include <cstdlib>     // abort
#include <cstring>     // memset
#include <optional>    // a sample that could not be taken
#include <string>      // names
#include <thread>      // jthread
#include <vector>      // blocks

#include <poll.h>            // poll
#include <sys/resource.h>    // setrlimit
#include <sys/syscall.h>     // pidfd_open
#include <unistd.h>          // syscall

#include <muster/core/stage.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/process_pool.hpp>

#include "child.hpp"

namespace bench::process {
namespace {

using namespace muster;
using namespace std::chrono_literals;

// What is measured begins in the task, with the last thing that it does before it faults, and ends where whoever cares has what he
// cares about: the caller his failure, or the next task its first instruction. Both read the same clock.

[[noreturn]] void note_and_fault() {
    int volatile* volatile nowhere = nullptr;
    common.fault = now();
    *nowhere = 1;
    std::abort();
}
/// Says that it has begun, and faults as soon as it may: by then all others sleep.
int fault_when_let(std::uint64_t number) {
    common.begun = number;
    while (common.go < number) std::this_thread::sleep_for(50us);
    note_and_fault();
}
int note_start(std::uint64_t) {
    common.start = now();
    return 0;
}
/// An odd one faults.
int fault_or_note_start(std::uint64_t number) {
    if (number % 2 != 0) note_and_fault();
    return note_start(number);
}

double since_fault(std::int64_t then) { return static_cast<double>(then - common.fault) * 1e-3; }    // us

std::uint64_t next_number() {
    static std::uint64_t number = 0;    // never the same: an item that crashes again and again is refused
    return ++number;
}

template <class Until>
bool wait_for(Until const& until) {
    for (int i = 0; i < 2'000; ++i) {
        if (until()) return true;
        std::this_thread::sleep_for(50us);
    }
    return false;
}

process_pool_options one_worker(std::size_t spares) {
    process_pool_options options;
    options.workers = 1;
    options.spares = spares;
    options.restarts.most = 1'000'000;
    return options;
}

/// One pool of one worker, whose deaths are timed; in microseconds.
class victims {
public:
    explicit victims(std::size_t spares) : spares_(spares), cells_(one_worker(spares)) {}

    /// Until the caller has its failure.
    double seen() {
        whole();
        auto const number = next_number();
        common.go = number;
        auto const answer = (isolate{cells_} | [](std::uint64_t n) { return fault_when_let(n); })(number);
        auto const then = now();
        check(answer);
        return since_fault(then);
    }

    /// Until a call of another thread, which was waiting for a worker when the fault came, has begun. None where it did not have to
    /// wait: it was given a worker beyond the first.
    std::optional<double> replaced() {
        whole();
        auto const first = next_number(), second = next_number();
        std::jthread const caller{[&] { check((isolate{cells_} | [](std::uint64_t n) { return fault_when_let(n); })(first)); }};
        if (!wait_for([&] { return common.begun == first; })) std::abort();
        std::jthread waiting{[&] {
            if (!(isolate{cells_} | [](std::uint64_t n) { return note_start(n); })(second)) std::abort();
        }};
        auto const waits = wait_for([&] { return cells_.health().waiting == 1; });
        std::this_thread::sleep_for(200us);
        common.go = first;
        waiting.join();
        if (!waits) return {};
        return since_fault(common.start);
    }

    /// Until the next item of the same run has begun.
    double went_on() {
        whole();
        auto const number = next_number();
        std::vector<std::uint64_t> const items{2 * number + 1, 2 * number};
        auto const answers = map(items, on{cells_} | [](std::uint64_t n) { return fault_or_note_start(n); });
        check(answers[0]);
        if (!answers[1]) std::abort();
        return since_fault(common.start);
    }

private:
    /// Waits until all workers are there, who stands by too, and at rest.
    void whole() {
        auto const complete = [&] {
            auto const now = cells_.health();
            return now.alive == 1 + spares_ && now.standby == 1;
        };
        if (!wait_for(complete)) std::abort();
        std::this_thread::sleep_for(500us);
    }
    template <class Answer>
    static void check(Answer const& answer) {
        if (!answer || answer.error().is(cause::crashed)) return;
        std::fprintf(stderr, "%s\n", answer.error().text().c_str());
        std::abort();
    }

    std::size_t spares_;
    process_pool cells_;
};

/// The least without a server: fork, wait for the end, fork again. Until the end is seen, or the second has begun.
double replaced_by_bare_fork(bool until_seen) {
    auto const number = next_number();
    child first{[&] {
        rlimit const none{0, 0};
        setrlimit(RLIMIT_CORE, &none);
        (void)fault_when_let(number);
    }};
    auto const handle = static_cast<int>(syscall(SYS_pidfd_open, first.pid(), 0));
    if (handle < 0 || !wait_for([&] { return common.begun == number; })) std::abort();
    common.go = number;
    pollfd end{handle, POLLIN, 0};
    poll(&end, 1, -1);
    auto const seen = now();
    first.reap();
    close(handle);
    if (until_seen) return since_fault(seen);
    child second{[&] { (void)note_start(number); }};
    second.reap();
    return since_fault(common.start);
}

}  // namespace

void compare_replacements(report const& to) {
    victims by_server{0}, by_spare{1};
    auto const spare_waits = by_spare.replaced().has_value();
    if (!spare_waits) std::fprintf(stderr, "  death: without replaced_by_spare: the call was given the spare beforehand and had not to wait for one\n");

    auto const compare = [&](std::string const& prefix, int bare) {
        auto const block = [&](int many, auto const& one) {
            return [&to, many, one] {
                std::vector<double> took;
                for (int i = 0; i < to.size(many, 2); ++i) took.push_back(one());
                return median(took);
            };
        };
        std::vector<contender> all{{"seen_by_caller", block(10, [&] { return by_server.seen(); })},
                                   {"seen_by_bare_poll", block(bare, [] { return replaced_by_bare_fork(true); })},
                                   {"replaced_by_server", block(10, [&] { return by_server.replaced().value(); })},
                                   {"replaced_by_bare_fork", block(bare, [] { return replaced_by_bare_fork(false); })},
                                   {"run_went_on_by_server", block(10, [&] { return by_server.went_on(); })},
                                   {"run_went_on_by_spare", block(10, [&] { return by_spare.went_on(); })}};
        if (spare_waits) all.push_back({"replaced_by_spare", block(10, [&] { return by_spare.replaced().value(); })});
        auto const taken = in_quiet_rounds(all, to.size(11, 1), 15);
        taken.figures(to, prefix, "_us", "us");
        taken.ratio(to, prefix + "seen_against_bare_poll", "seen_by_caller", "seen_by_bare_poll");
        taken.ratio(to, prefix + "replaced_against_bare_fork", "replaced_by_server", "replaced_by_bare_fork");
    };
    compare("death_", 10);    // "by_server": by the process that the server has made beforehand

    auto const size = to.size(std::size_t{2} << 30, std::size_t{256} << 20);
    auto* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    madvise(memory, size, MADV_NOHUGEPAGE);
    std::memset(memory, 1, size);
    compare("death_from_2_GiB_", 2);    // bare forks take 100 ms there
    munmap(memory, size);
}

}  // namespace bench::process
