// A fiber_thread against threads, and against bare Boost.Context: what it costs to change from one call to another, to begin and end a
// call that waits, to wake one from another thread, and what a call that waits takes of memory. Calls count what they do, and
// the counts have to be right.

#include <array>      // two points
#include <atomic>     // counts
#include <cstdio>     // statm
#include <cstdlib>    // exit
#include <memory>     // unique_ptr
#include <string>     // names
#include <thread>     // jthread
#include <vector>     // points

#include <unistd.h>    // sysconf

#include <boost/context/fiber.hpp>              // fiber
#include <boost/context/fixedsize_stack.hpp>    // fixedsize_stack

#include <measure.hpp>

#include <muster/adapt/fiber_thread.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/map.hpp>

namespace {

void must(bool right, char const* what) {
    if (right) return;
    std::fprintf(stderr, "fibers: %s\n", what);
    std::exit(1);
}

double resident() {
    auto* const file = std::fopen("/proc/self/statm", "r");
    double all = 0, there = 0;
    must(file && std::fscanf(file, "%lf %lf", &all, &there) == 2, "/proc/self/statm cannot be read");
    std::fclose(file);
    return there * static_cast<double>(sysconf(_SC_PAGESIZE));
}

using boost_fiber = boost::context::fiber;

// There and back are two.
double bare_switches(std::size_t pairs) {
    std::size_t count = 0;
    bool over = false;
    boost_fiber other{[&](boost_fiber&& back) {
        while (!over) {
            ++count;
            back = std::move(back).resume();
        }
        return std::move(back);
    }};
    auto const took = bench::seconds([&] {
        for (std::size_t i = 0; i < pairs; ++i) other = std::move(other).resume();
    });
    over = true;
    other = std::move(other).resume();
    must(count == pairs, "a bare switch was lost");
    return took / (2 * static_cast<double>(pairs));
}

// With what is kept of exceptions.
double kept_switches(std::size_t pairs) {
    struct side : muster::detail::switched_stack {
        std::size_t count = 0;
        muster::detail::switched_stack* back = nullptr;
        static void live(muster::detail::switched_stack& me) {
            for (auto& mine = static_cast<side&>(me);;) {
                ++mine.count;
                mine.go_on_with(*mine.back);
            }
        }
    } other;
    muster::detail::switched_stack own;
    std::vector<std::byte> memory(64 << 10);
    other.back = &own;
    other.begin(memory.data(), memory.size() / 64 * 64, &side::live);
    auto const took = bench::seconds([&] {
        for (std::size_t i = 0; i < pairs; ++i) own.go_on_with(other);
    });
    must(other.count == pairs, "a switch was lost");
    return took / (2 * static_cast<double>(pairs));
}

// Two calls that wake each other by turns: seconds a wait that another call ends.
template <class Executor>
double turns(Executor& where, std::size_t pairs) {
    std::array<muster::wait_point, 2> points;
    std::size_t count = 0;
    auto const took = bench::seconds([&] {
        (void)muster::map(muster::indices{2}, muster::on{where, 2} | [&](std::size_t me, muster::context& cx) {
            for (std::size_t i = 0; i < pairs; ++i) {
                if (me == 0) {
                    ++count;
                    points[1].wake();
                }
                (void)cx.wait(points[me]);
                points[me].reset();
                if (me == 1) {
                    ++count;
                    points[0].wake();
                }
            }
        });
    });
    must(count == 2 * pairs, "a turn was lost");
    return took / (2 * static_cast<double>(pairs));
}

// A call that waits, and a thread that wakes it and is answered: seconds there and back.
template <class Executor>
double from_outside(Executor& where, std::size_t rounds) {
    std::vector<muster::wait_point> there(rounds), back(rounds);
    auto answering = where.submit([&] {
        muster::context const cx{where.waiting()};
        for (std::size_t i = 0; i < rounds; ++i) {
            (void)cx.wait(there[i]);
            back[i].wake();
        }
    });
    auto const took = bench::seconds([&] {
        for (std::size_t i = 0; i < rounds; ++i) {
            there[i].wake();
            back[i].block_until(muster::never);
        }
    });
    (void)answering.get();
    return took / static_cast<double>(rounds);
}

// Calls that each wait once until the next one wakes them: seconds a call.
double short_waits(muster::fiber_thread& where, std::size_t calls, std::size_t width) {
    std::atomic<std::size_t> ran{0};
    auto const took = bench::seconds([&] {
        (void)muster::map(muster::indices{calls}, muster::on{where, width} | [&](std::size_t, muster::context& cx) {
            muster::wait_point mine;
            where.post([&] { mine.wake(); });
            (void)cx.wait(mine);
            ran.fetch_add(1, std::memory_order_relaxed);
        });
    });
    must(ran == calls, "a call was lost");
    return took / static_cast<double>(calls);
}

template <class Executor>
double empty_jobs(Executor& where, std::size_t jobs) {
    std::atomic<std::size_t> ran{0};
    muster::wait_point all;
    auto const took = bench::seconds([&] {
        for (std::size_t i = 0; i < jobs; ++i)
            where.post([&] {
                if (ran.fetch_add(1, std::memory_order_relaxed) + 1 == jobs) all.wake();
            });
        all.block_until(muster::never);
    });
    must(ran == jobs, "a job was lost");
    return took / static_cast<double>(jobs);
}

double bare_begins(std::size_t fibers) {
    std::size_t ran = 0;
    auto const took = bench::seconds([&] {
        for (std::size_t i = 0; i < fibers; ++i)
            boost_fiber{std::allocator_arg, boost::context::fixedsize_stack{64 << 10}, [&](boost_fiber&& back) {
                            ++ran;
                            return std::move(back);
                        }}.resume();
    });
    must(ran == fibers, "a bare fiber was lost");
    return took / static_cast<double>(fibers);
}

struct waiting_cost {
    double bytes;      // of memory that is there, a call
    double seconds;    // until all wait and have ended again, a call; the first time
};

// So many calls that wait at once for one sign.
template <class Executor>
waiting_cost wait_at_once(Executor& where, std::size_t calls) {
    std::vector<muster::wait_point> points(calls);
    std::atomic<std::size_t> there{0};
    muster::wait_point all_there;
    auto const before = resident();
    double bytes = 0;
    auto const took = bench::seconds([&] {
        std::jthread const watch([&] {
            all_there.block_until(muster::never);
            bytes = resident() - before;
            for (auto& each : points) each.wake();
        });
        (void)muster::map(muster::indices{calls}, muster::on{where, calls} | [&](std::size_t i, muster::context& cx) {
            if (there.fetch_add(1) + 1 == calls) all_there.wake();
            (void)cx.wait(points[i]);
        });
    });
    must(there == calls, "a call was lost");
    return {bytes / static_cast<double>(calls), took / static_cast<double>(calls)};
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    auto const rounds = report.size(9, 2);
    auto const pairs = report.size<std::size_t>(1'000'000, 1'000), wakes = report.size<std::size_t>(20'000, 100);
    auto const calls = report.size<std::size_t>(200'000, 1'000);

    // A try measures fewer, under the names that the targets know.
    for (std::size_t const name : {1'000U, 5'000U}) {
        auto const many = report.size<std::size_t>(name, name / 25);
        std::vector<double> fiber_bytes, fiber_us, thread_bytes, thread_us;
        for (int i = 0; i < report.size(3, 1); ++i) {
            auto const on_fibers = [&] { muster::fiber_thread fibers; return wait_at_once(fibers, many); }();
            auto const on_threads = [&] { muster::blocking_pool pool{many}; return wait_at_once(pool, many); }();
            fiber_bytes.push_back(on_fibers.bytes / 1'024);
            fiber_us.push_back(1e6 * on_fibers.seconds);
            thread_bytes.push_back(on_threads.bytes / 1'024);
            thread_us.push_back(1e6 * on_threads.seconds);
        }
        auto const named = std::to_string(name) + "_waiting_";
        report.figure(named + "fiber_kib", fiber_bytes, "KiB");
        report.figure(named + "thread_kib", thread_bytes, "KiB");
        report.figure(named + "fiber_over_thread_memory", bench::ratios(fiber_bytes, thread_bytes), "x");
        report.figure(named + "fiber_us", fiber_us, "us");
        report.figure(named + "thread_us", thread_us, "us");
        report.figure(named + "fiber_over_thread_time", bench::ratios(fiber_us, thread_us), "x");
    }

    muster::fiber_thread fibers;
    muster::blocking_pool threads{2};
    std::vector<bench::contender> const all{
        {"switch_bare_boost", [&] { return 1e9 * bare_switches(pairs); }},
        {"switch_with_exceptions", [&] { return 1e9 * kept_switches(pairs); }},
        {"turn_of_calls", [&] { return 1e9 * turns(fibers, pairs / 2); }},
        {"turn_of_threads", [&] { return 1e9 * turns(threads, pairs / 100); }},
        {"begin_bare_boost", [&] { return 1e9 * bare_begins(calls); }},
        {"empty_job", [&] { return 1e9 * empty_jobs(fibers, calls); }},
        {"empty_job_of_threads", [&] { return 1e9 * empty_jobs(threads, calls); }},
        {"call_with_one_wait", [&] { return 1e9 * short_waits(fibers, calls, 100); }},
        {"wake_from_outside_and_back", [&] { return 1e9 * from_outside(fibers, wakes); }},
        {"wake_of_thread_and_back", [&] { return 1e9 * from_outside(threads, wakes); }}};
    auto const samples = bench::interleaved(all, rounds);
    auto const of = [&](std::string const& name) -> std::vector<double> const& {
        std::size_t i = 0;
        while (all[i].name != name) ++i;
        return samples[i];
    };
    for (std::size_t i = 0; i < all.size(); ++i) report.figure(all[i].name, samples[i], "ns");
    report.figure("turn_of_calls_over_threads", bench::ratios(of("turn_of_calls"), of("turn_of_threads")), "x");
    report.figure("turn_of_calls_over_bare_switch", bench::ratios(of("turn_of_calls"), of("switch_bare_boost")), "x");
    report.figure("wake_from_outside_over_thread", bench::ratios(of("wake_from_outside_and_back"), of("wake_of_thread_and_back")), "x");
}
