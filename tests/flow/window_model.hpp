// What windows that begin at multiples of a step must give, worked out the long way: every item is kept, in numbers that do not overflow.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <muster/flow/windowed.hpp>

namespace muster::testing {

using ticks = std::chrono::sys_time<std::chrono::nanoseconds>;

struct reading {
    std::int64_t at;
    std::string sensor;
    int value;
    [[nodiscard]] ticks when() const { return ticks{std::chrono::nanoseconds{at}}; }
};
using readings = windowed<std::string, std::vector<int>, ticks>;
using global = windowed<std::monostate, int, ticks>;

inline ticks at(std::int64_t ns) { return ticks{std::chrono::nanoseconds{ns}}; }
/// Items of one sensor, with their place as their value.
inline std::vector<reading> plain(std::vector<std::int64_t> const& times) {
    std::vector<reading> items;
    for (auto const when : times) items.push_back({when, "a", static_cast<int>(items.size())});
    return items;
}
inline auto const count = [](int n, auto const&) { return n + 1; };

struct window_model {
    __extension__ using wide = __int128;
    struct options {
        std::int64_t size, step, out_of_order, lateness;
        std::size_t most;
    };
    struct window {
        std::vector<std::pair<std::string, std::vector<int>>> keys;
        std::vector<std::uint32_t> given;
    };

    options with;
    std::map<wide, window> open;    // by number; also those that were given and may be corrected
    std::optional<std::int64_t> latest;
    std::vector<readings> given;
    std::size_t late = 0, full = 0;

    static wide floored(wide a, wide b) { return a / b - (a % b < 0); }
    [[nodiscard]] static ticks shown(wide when) {
        return ticks{std::chrono::nanoseconds{static_cast<std::int64_t>(std::clamp<wide>(when, INT64_MIN, INT64_MAX))}};
    }
    [[nodiscard]] wide end_of(wide number) const { return number * with.step + with.size; }
    void give(wide number, std::size_t key) {
        auto& in = open[number];
        given.push_back({in.keys[key].first, shown(number * with.step), shown(end_of(number)), in.keys[key].second, in.given[key]++});
    }

    void push(reading const& item) {
        if (!latest || item.at > *latest) latest = item.at;
        auto const watermark = static_cast<wide>(*latest) - with.out_of_order;
        for (auto& [number, in] : open)
            for (std::size_t i = 0; i < in.keys.size(); ++i)
                if (end_of(number) <= watermark && in.given[i] == 0) give(number, i);
        std::erase_if(open, [&](auto const& each) { return end_of(each.first) <= watermark - with.lateness; });

        std::vector<wide> into;
        bool any = false;
        for (auto number = floored(item.at, with.step); end_of(number) > item.at && number >= INT64_MIN; --number) {
            any = true;
            if (end_of(number) > watermark - with.lateness) into.insert(into.begin(), number);
        }
        if (any && into.empty()) return static_cast<void>(++late);
        auto const place = [&](wide number) {
            auto const& keys = open[number].keys;
            return static_cast<std::size_t>(
                std::find_if(keys.begin(), keys.end(), [&](auto const& each) { return each.first == item.sensor; }) - keys.begin());
        };
        std::size_t held = 0;
        for (auto const number : into) held += place(number) == open[number].keys.size();
        for (auto const& [number, in] : open) held += in.keys.size();
        if (held > with.most && std::any_of(into.begin(), into.end(), [&](wide n) { return place(n) == open[n].keys.size(); }))
            return static_cast<void>(++full);
        for (auto const number : into) {
            auto const at = place(number);
            auto& in = open[number];
            if (at == in.keys.size()) {
                in.keys.emplace_back(item.sensor, std::vector<int>{});
                in.given.push_back(0);
            }
            in.keys[at].second.push_back(item.value);
            if (end_of(number) <= watermark) give(number, at);
        }
    }
    void flush() {
        for (auto& [number, in] : open)
            for (std::size_t i = 0; i < in.keys.size(); ++i)
                if (in.given[i] == 0) give(number, i);
    }
};

inline auto const gather = [](std::vector<int>& all, reading const& item) { all.push_back(item.value); };

/// Items about some middle, mostly on the way up, out of order, twice, in leaps, and now and then at the ends of time.
inline std::vector<reading> random_readings(std::mt19937_64& dice, std::size_t n) {
    auto const up_to = [&](std::uint64_t most) { return static_cast<std::int64_t>(dice() % (most + 1)); };
    std::int64_t const middles[]{0, -50, 1'000'000, INT64_MIN, INT64_MIN + 40, INT64_MAX - 200, INT64_MAX - 40};
    __extension__ __int128 at = middles[dice() % std::size(middles)];
    std::vector<reading> items;
    for (std::size_t i = 0; i < n; ++i) {
        if (!items.empty() && up_to(9) == 0) {
            items.push_back(items[dice() % items.size()]);
            continue;
        }
        at += up_to(6);
        if (up_to(30) == 0) at += up_to(300);
        auto when = at - up_to(12);
        if (up_to(200) == 0) when = up_to(1) == 0 ? INT64_MIN : INT64_MAX;
        items.push_back({static_cast<std::int64_t>(std::clamp<decltype(at)>(when, INT64_MIN, INT64_MAX)),
                         std::string(1, static_cast<char>('a' + up_to(3))), static_cast<int>(i)});
    }
    return items;
}

}  // namespace muster::testing
