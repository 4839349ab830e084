// Cookbook: another way to the answer when the first one fails (fallback), or is slow (hedge), or ask several at once (fan_out).
// ctest:

#include <atomic>     // which attempt
#include <chrono>     // literals
#include <cstdio>     // printf
#include <string>     // answers

#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

int main() {
    blocking_pool io{8};

    auto const primary = [](int query, context& cx) -> outcome<std::string> {
        if (query == 13) return failure{cause::unavailable, "the primary does not serve 13"};
        if (query == 7)    // slow today: it waits through the context, so a stop ends it
            if (auto waited = cx.pause(10s); !waited) return std::move(waited).error();
        return "primary " + std::to_string(query);
    };
    auto const replica = [](int query) { return "replica " + std::to_string(query); };

    // [fallback]
    auto with_fallback = fallback{replica} | retry{.attempts = 2, .delay = 1ms} | primary;
    // [end]
    std::printf("%s\n", with_fallback(13).value().c_str());

    // [fan_out]
    auto fastest = fan_out(7, on{io} | first{primary, replica});    // the loser is asked to stop, and joined
    // [end]
    std::printf("%s\n", fastest.value().c_str());

    auto const slow_once = [](int query, context& cx) -> outcome<std::string> {
        static std::atomic<int> started{0};
        if (started++ == 0)
            if (auto waited = cx.pause(10s); !waited) return std::move(waited).error();
        return "hedged " + std::to_string(query);
    };
    // [hedge]
    auto hedged = hedge{io, 20ms} | slow_once;    // a second attempt after 20 ms; the first success wins
    // [end]
    std::printf("%s\n", hedged(7).value().c_str());
}
