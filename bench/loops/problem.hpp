#pragma once

#include <atomic>         // numbers of threads
#include <chrono>         // steady_clock
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t, uint64_t
#include <functional>     // function
#include <memory>         // make_shared
#include <string>         // names
#include <vector>         // items

#include <entered.hpp>    // entered
#include <measure.hpp>    // keep

// Loops over an array, one value for each item, that differ in what an item costs: less than a nanosecond ("tiny"), a known number
// of dependent steps ("turns"), or such steps with a note of who took them ("stints"). Each runtime gives a loop over positions; the
// bodies are here, the same for all, and known to the compiler where the loop is.

namespace bench::loops {

/// Less than a nanosecond: as fast as memory is.
inline std::uint32_t mix(std::uint32_t x) noexcept {
    x ^= x >> 16;
    x *= 0x45d9f3b;
    return x ^ x >> 16;
}

/// So many steps, each of which needs the one before: about 1.6 ns each.
inline std::uint64_t turn(std::uint32_t steps) noexcept {
    std::uint64_t x = steps + 1;
    for (; steps > 0; --steps) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

/// What one thread did with one item.
struct stint {
    std::uint64_t value = 0;
    std::uint32_t thread = 0;    // counted from the first that ever asked
    std::chrono::nanoseconds took{};
};

inline stint timed_turn(std::uint32_t steps) noexcept {
    static std::atomic<std::uint32_t> threads{0};
    thread_local std::uint32_t const me = threads++;
    auto const start = std::chrono::steady_clock::now();
    auto const value = turn(steps);
    return {value, me, std::chrono::steady_clock::now() - start};
}

/// What a runtime offers: fills `out` with the value of each item of `in`, so many times over. Empty where it does not take part.
struct workloads {
    std::function<void(std::vector<std::uint32_t> const& in, std::vector<std::uint32_t>& out, std::size_t times)> tiny;
    std::function<void(std::vector<std::uint32_t> const& steps, std::vector<std::uint64_t>& out, std::size_t times)> turns;
    std::function<void(std::vector<std::uint32_t> const& steps, std::vector<stint>& out)> stints;
};

struct rival {
    char const* name;
    std::vector<std::size_t> widths;    ///< 1, or every width that is compared: 1, 2, 4, ... as far as there are cores
    workloads (*start)(std::size_t workers);
};

/// 1, 2, 4, ... to 32, as far as there are cores, but at least 1 and 2.
std::vector<std::size_t> every_width();

/// The workloads on a runtime, which is made with a number of workers and has
///     loop(n, body)    calls body(i) for all i below n, and returns when all have returned
///     enter(call)      calls it where the runtime likes its loops to start; they are repeated there
/// and perhaps fill(in, out, value), which it then uses in place of `loop`.
template <class Runtime>
workloads on(std::size_t workers) {
    auto const with = std::make_shared<Runtime>(workers);
    auto const fill = [with](auto const& in, auto& out, std::size_t times, auto const& value) {
        with->enter([&] {
            for (; times > 0; --times) {
                if constexpr (requires { with->fill(in, out, value); }) {
                    with->fill(in, out, value);
                } else {
                    with->loop(in.size(), [from = in.data(), to = out.data(), &value](std::size_t i) noexcept { to[i] = value(from[i]); });
                }
                keep(out.data());    // or the compiler does it once
            }
        });
    };
    auto const mix_one = [](std::uint32_t x) noexcept { return mix(x); };
    auto const turn_one = [](std::uint32_t steps) noexcept { return turn(steps); };
    auto const turn_timed = [](std::uint32_t steps) noexcept { return timed_turn(steps); };
    return {.tiny = [=](auto const& in, auto& out, std::size_t times) { fill(in, out, times, mix_one); },
            .turns = [=](auto const& steps, auto& out, std::size_t times) { fill(steps, out, times, turn_one); },
            .stints = [=](auto const& steps, auto& out) { fill(steps, out, 1, turn_timed); }};
}

/// Calls `each(first, last)` for about so many ranges of about the same size, which cover what is below `n`.
template <class Each>
void cut(std::size_t n, std::size_t ranges, Each const& each) {
    auto const size = n / ranges + 1;
    for (std::size_t first = 0; first < n; first += size) each(first, std::min(n, first + size));
}

/// How many ranges a queue gets for each worker: some more than one, so that a slow one does not keep the others waiting.
inline constexpr std::size_t ranges_a_worker = 8;

}  // namespace bench::loops
