#pragma once

#include <array>         // closures
#include <atomic>        // counts
#include <chrono>        // steady_clock
#include <cstddef>       // size_t
#include <cstdint>       // uint64_t
#include <functional>    // function
#include <memory>        // make_shared
#include <thread>        // sleep_for
#include <vector>        // latencies

#include <entered.hpp>    // entered
#include <measure.hpp>    // keep

// Work from outside: one thread, which is none of the runtime's, hands over tasks. What a task costs until it has run, how soon one
// starts where all workers sleep, what one takes of memory while it waits, and how long tasks of 100 us wait where they come at
// random and keep the workers busy for four fifths of the time.

namespace bench::submit {

using clock = std::chrono::steady_clock;

/// Counts tasks that have run, on any thread. Each thread has a line of memory of its own, so that counting costs all runtimes
/// the same little.
class finished {
public:
    void one() noexcept { mine().fetch_add(1, std::memory_order_release); }    // pairs with the acquire in `sum`: their work is seen
    /// Sleeps until there are so many.
    void wait_for(std::size_t many) const {
        while (sum() < many) std::this_thread::sleep_for(std::chrono::microseconds{20});
    }

private:
    static constexpr std::size_t lines = 256;
    struct alignas(64) line {
        std::atomic<std::size_t> count{0};
    };
    [[nodiscard]] std::atomic<std::size_t>& mine() noexcept {
        static std::atomic<std::size_t> threads{0};
        thread_local std::size_t const me = threads++ % lines;
        return lines_[me].count;
    }
    [[nodiscard]] std::size_t sum() const noexcept {
        std::size_t all = 0;
        for (auto const& each : lines_) all += each.count.load(std::memory_order_acquire);
        return all;
    }
    std::array<line, lines> lines_;
};

/// Tasks of about 100 us that come one by one: when each is due, and after how many seconds it had ended.
struct arrivals {
    std::vector<double> due;    // seconds from the start
    std::uint32_t steps;        // of each
};

/// What a runtime offers; empty where it does not take part.
struct queues {
    std::function<void(std::size_t many)> flood;                                ///< hands over empty tasks; returns when all have run
    std::function<double()> wake;                                               ///< hands over one task: the seconds until it starts
    std::function<double()> whole;                                              ///< the same, until it has ended and used some stack
    std::function<double(std::size_t many)> memory;                             ///< bytes a task that waits, with 64 bytes of its own
    std::function<std::vector<double>(arrivals const&)> latencies;
    std::function<void()> warm_up;                                              ///< makes all ready for the first task
    std::function<double(double seconds)> three_quarters;                       ///< told to use no more of two cores: what it uses
};

struct rival {
    char const* name;
    std::size_t full, little;           ///< how many tasks a flood has, and for --short
    std::vector<std::size_t> widths;    ///< numbers of workers; 0: as many threads as it likes
    queues (*start)(std::size_t workers);
};

/// Memory of this program that is there, in bytes.
double resident();
/// Some work: so many steps.
std::uint64_t work(std::uint32_t steps) noexcept;

/// How soon one task comes to its end, in seconds, which first calls `does()`.
template <class Post, class Does>
double time_to_end(Post const& post, Does const& does) {
    std::atomic<clock::rep> ended{0};
    auto const handed_over = clock::now();
    post([&ended, &does] {
        does();
        ended.store(clock::now().time_since_epoch().count(), std::memory_order_release);    // pairs with the wait
        ended.notify_one();
    });
    ended.wait(0, std::memory_order_acquire);    // asleep, as whoever needs the answer would be
    return std::chrono::duration<double>(clock::duration{ended.load()} - handed_over.time_since_epoch()).count();
}
/// How soon one task starts: it does nothing.
template <class Post>
double time_to_start(Post const& post) {
    return time_to_end(post, [] {});
}
/// Writes to some memory of the stack.
inline void use_stack() {
    std::array<char, 65'536> some;
    some.fill(1);
    keep(some);
}

/// Keeps all workers busy, hands over tasks with a closure of 64 bytes and asks what that took of memory.
template <class Post>
double bytes_a_task(std::size_t workers, std::size_t many, Post const& post) {
    finished done;
    std::atomic<std::size_t> held{0};
    std::atomic<bool> open{false};
    for (std::size_t i = 0; i < workers; ++i)
        post([&] {
            ++held;
            open.wait(false);
            done.one();
        });
    while (held < workers) std::this_thread::sleep_for(std::chrono::microseconds{100});

    auto const before = resident();
    for (std::size_t i = 0; i < many; ++i) {
        std::array<std::uint64_t, 7> const own{i};
        post([own, to = &done] {    // 56 bytes and a pointer
            keep(own);
            to->one();
        });
    }
    auto const taken = resident() - before;
    open = true;
    open.notify_all();
    done.wait_for(many + workers);
    return taken / static_cast<double>(many);
}

/// Hands over each task when it is due: how many seconds after that it had ended.
template <class Post>
std::vector<double> all_latencies(arrivals const& coming, Post const& post) {
    std::vector<double> took(coming.due.size());
    finished done;
    auto const start = clock::now();
    for (std::size_t i = 0; i < coming.due.size(); ++i) {
        auto const due = start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(coming.due[i]));
        std::this_thread::sleep_until(due);
        post([due, steps = coming.steps, to = &took[i], count = &done] {
            keep(work(steps));
            *to = std::chrono::duration<double>(clock::now() - due).count();
            count->one();
        });
    }
    done.wait_for(took.size());
    return took;
}

/// What a runtime offers that is made with a number of workers and has
///     post(job)    runs job() on a worker, later
/// and perhaps warm_up(); or flood(many, task), which calls the task so many times and returns when all have returned.
template <class Runtime>
queues on(std::size_t workers) {
    auto const with = std::make_shared<Runtime>(workers);
    if constexpr (requires { with->flood(std::size_t{}, [] {}); }) {
        return {.flood = [with](std::size_t many) {
                    finished done;
                    with->flood(many, [&done] { done.one(); });
                    done.wait_for(many);
                },
                .wake = {}, .whole = {}, .memory = {}, .latencies = {}, .warm_up = {}, .three_quarters = {}};
    } else {
        auto const post = [with](auto&& job) { with->post(std::move(job)); };
        queues can{.flood = [post](std::size_t many) {
                       finished done;
                       for (std::size_t i = 0; i < many; ++i) post([&done] { done.one(); });
                       done.wait_for(many);
                   },
                   .wake = [post] { return time_to_start(post); },
                   .whole = [post] { return time_to_end(post, use_stack); },
                   .memory = [post, workers](std::size_t many) { return bytes_a_task(workers, many, post); },
                   .latencies = [post](arrivals const& coming) { return all_latencies(coming, post); },
                   .warm_up = {},
                   .three_quarters = {}};
        if constexpr (requires { with->warm_up(); }) can.warm_up = [with] { with->warm_up(); };
        if constexpr (requires { Runtime::three_quarters(1.0); }) can.three_quarters = Runtime::three_quarters;
        return can;
    }
}

}  // namespace bench::submit
