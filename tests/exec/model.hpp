// A checker of protocols. A protocol is a state of a few bytes and the steps that its threads can take next, each of them one
// atomic access or one critical section; `explore` takes them in every order there is. What it says of a protocol it says of the
// model: that the code does what the model does is for a reader to see, so the models use the words of the code.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace muster::testing {

template <class Number>
constexpr std::uint8_t as_byte(Number n) { return static_cast<std::uint8_t>(n); }

/// What `explore` found.
struct findings {
    std::string wrong;                 // nothing, where it is empty
    std::vector<std::string> trace;    // the shortest way there, a step a line
    std::size_t states = 0;

    [[nodiscard]] std::string text() const {
        auto all = wrong + " (" + std::to_string(states) + " states)";
        for (auto const& step : trace) all += "\n  " + step;
        return all;
    }
};

/// Takes the steps of `of` in every order, breadth first, so that what goes wrong is shown by the fewest steps.
///
/// Shape      `of.start()` is a state: bytes without gaps. `of.steps(state, go)` calls `go(next, who, what)` for each step that can
///            be taken. `of.wrong(state)` says what must not be, or null. `of.is_over(state)`: everybody is where he should end.
/// Fails      where something is wrong, and where a state is reached from which the end is not: whatever the threads do then,
///            somebody waits for ever.
template <class Protocol>
findings explore(Protocol const& of) {
    using state = std::decay_t<decltype(of.start())>;
    static_assert(std::has_unique_object_representations_v<state>, "muster: states are told apart by their bytes");
    struct arrival {    // how a state was first reached
        std::uint32_t from;
        std::uint32_t who;
        char const* what;
    };
    constexpr auto none = ~std::uint32_t{0};
    std::vector<state> states;
    std::vector<arrival> arrivals;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    std::vector<std::uint32_t> table(1u << 12, none);    // open addressing, at most half full

    auto const place_of = [&](state const& one) -> std::uint32_t& {
        auto const hash = std::hash<std::string_view>{}({reinterpret_cast<char const*>(&one), sizeof one});
        for (auto at = hash;; ++at) {
            auto& place = table[at & (table.size() - 1)];
            if (place == none || std::memcmp(&states[place], &one, sizeof one) == 0) return place;
        }
    };
    auto const number_of = [&](state const& one, arrival how) {
        auto& known = place_of(one);
        if (known != none) return known;
        auto const number = known = static_cast<std::uint32_t>(states.size());
        states.push_back(one);
        arrivals.push_back(how);
        if (2 * states.size() > table.size()) {
            table.assign(2 * table.size(), none);
            for (std::uint32_t i = 0; i < states.size(); ++i) place_of(states[i]) = i;
        }
        return number;
    };
    auto const found = [&](std::string wrong, std::uint32_t at) {
        findings all{std::move(wrong), {}, states.size()};
        for (; arrivals[at].from != none; at = arrivals[at].from) all.trace.push_back(of.name(arrivals[at].who) + ": " + arrivals[at].what);
        std::reverse(all.trace.begin(), all.trace.end());
        return all;
    };

    number_of(of.start(), {none, 0, ""});
    for (std::uint32_t at = 0; at < states.size(); ++at) {
        if (auto const* const wrong = of.wrong(states[at])) return found(wrong, at);
        auto const now = states[at];    // a copy: the vector grows
        of.steps(now, [&](state const& next, std::size_t who, char const* what) {
            edges.emplace_back(at, number_of(next, {at, static_cast<std::uint32_t>(who), what}));
        });
    }

    std::vector<char> ends(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) ends[i] = of.is_over(states[i]);
    for (bool more = true; more;) {    // most edges lead to later states: from behind this takes few rounds
        more = false;
        for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge)
            if (ends[edge->second] && !ends[edge->first]) ends[edge->first] = more = true;
    }
    if (auto const stuck = std::find(ends.begin(), ends.end(), 0); stuck != ends.end())
        return found("somebody waits for ever", static_cast<std::uint32_t>(stuck - ends.begin()));
    return {{}, {}, states.size()};
}

/// A protocol with something done otherwise.
template <class Protocol>
Protocol with(Protocol one, auto const& change) {
    change(one);
    return one;
}

/// When others see a store: a seq_cst one before any later load of its thread, a weaker one perhaps after some.
enum class seen : std::uint8_t { at_once, later };

/// What threads share, and what each has stored but nobody else sees yet: in the order of the stores, as on x86 (TSO). An
/// addition whose old value nobody uses may be late like a store, as it may on Arm where it is weaker than seq_cst.
template <std::size_t Places, std::size_t Threads>
class memory {
public:
    [[nodiscard]] std::uint8_t load(std::size_t who, std::size_t place) const {
        auto value = shown_[place];
        for (std::size_t i = 0; i < many_[who]; ++i)    // its own stores it sees
            if (late_[who][i].place == place) value = late_[who][i].applied_to(value);
        return value;
    }
    void store(std::size_t who, std::size_t place, std::uint8_t value, seen when = seen::at_once) { put(who, {as_byte(place), value, 0}, when); }
    void add(std::size_t who, std::size_t place, std::uint8_t more, seen when = seen::at_once) { put(who, {as_byte(place), more, 1}, when); }
    /// A read-modify-write whose old value counts, a lock, an unlock, a system call: everything before it is seen.
    void show_all(std::size_t who) {
        while (many_[who] != 0) show_one(who);
    }
    [[nodiscard]] bool hides(std::size_t who) const { return many_[who] != 0; }
    void show_one(std::size_t who) {
        auto& mine = late_[who];
        shown_[mine[0].place] = mine[0].applied_to(shown_[mine[0].place]);
        std::rotate(mine.begin(), mine.begin() + 1, mine.end());
        mine[--many_[who]] = {};
    }

private:
    struct write {
        std::uint8_t place = 0;
        std::uint8_t value = 0;
        std::uint8_t adds = 0;
        [[nodiscard]] std::uint8_t applied_to(std::uint8_t old) const { return adds ? as_byte(old + value) : value; }
    };
    void put(std::size_t who, write one, seen when) {
        if (many_[who] == late_[who].size()) show_one(who);
        late_[who][many_[who]++] = one;
        if (when == seen::at_once) show_all(who);
    }

    std::array<std::uint8_t, Places> shown_{};
    std::array<std::array<write, 3>, Threads> late_{};
    std::array<std::uint8_t, Threads> many_{};
};

}  // namespace muster::testing
