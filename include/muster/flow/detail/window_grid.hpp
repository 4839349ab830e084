#pragma once

// Windows that begin at whole multiples of a step: what tumbling and sliding ones share. A window is known by its number, which
// begins at number * step: so nothing overflows, and which windows are over is one division.

#include <algorithm>        // max
#include <chrono>           // nanoseconds
#include <cstddef>          // size_t
#include <cstdint>          // int64_t
#include <functional>       // invoke
#include <map>              // windows, by number
#include <optional>         // the latest time
#include <stdexcept>        // invalid_argument
#include <string>           // texts
#include <type_traits>      // remove_cvref
#include <unordered_map>    // keys
#include <utility>          // move
#include <vector>           // keys in their order

#include <muster/core/concepts.hpp>             // operator_tag
#include <muster/core/duration_text.hpp>        // duration_text
#include <muster/core/failure.hpp>              // failure
#include <muster/core/wire.hpp>                 // a state that travels
#include <muster/flow/detail/event_time.hpp>    // event_time, ticks_in
#include <muster/flow/detail/fold_item.hpp>     // fold_item
#include <muster/flow/detail/give.hpp>          // give
#include <muster/flow/detail/key_hash.hpp>      // key_hash
#include <muster/flow/windowed.hpp>             // windowed

namespace muster::detail {

struct window_options {
    std::chrono::nanoseconds size, step, out_of_order, lateness;
    std::size_t most;
};

struct window_grid {
    std::int64_t size = 0, step = 0;    // in ticks; 0: not known yet

    /// The last window that begins at a time or before it.
    [[nodiscard]] constexpr std::int64_t last_at(std::int64_t when) const { return when / step - (when % step < 0); }
    /// The first window that ends after a time.
    [[nodiscard]] constexpr std::int64_t first_open(std::int64_t when) const {
        auto const last = last_at(when);
        auto const into = when % step + (when % step < 0 ? step : 0);    // 0 to step
        auto const left = static_cast<wide_ticks>(size) - into;
        auto const open = left > 0 ? (left - 1) / step + 1 : 0;
        return static_cast<std::int64_t>(std::max<wide_ticks>(last - open + 1, INT64_MIN));
    }
    [[nodiscard]] constexpr wide_ticks from(std::int64_t number) const { return static_cast<wide_ticks>(number) * step; }
    [[nodiscard]] constexpr wide_ticks to(std::int64_t number) const { return from(number) + size; }

    friend constexpr bool operator==(window_grid, window_grid) noexcept = default;
};

template <event_time Time, class Key, class Acc>
struct grid_state {
    using time = Time;
    using key = Key;
    struct held {
        Acc value;
        std::uint32_t given = 0;    // how often
    };
    using entry = std::pair<Key const, held>;
    struct window {
        std::unordered_map<Key, held, key_hash<Key>> by_key;
        std::vector<entry*> order;    // of first appearance; null where a key could not be kept
        std::size_t next = 0;         // to be given

        entry& add(Key const& which, Acc&& value) {
            order.push_back(nullptr);
            return *(order.back() = &*by_key.try_emplace(which, held{std::move(value)}).first);
        }
    };

    grid_state() = default;
    explicit grid_state(window_grid of) : grid(of) {}
    grid_state(grid_state&&) noexcept = default;    // what `order` points at stays where it is
    grid_state& operator=(grid_state&&) noexcept = default;
    ~grid_state() = default;

    window_grid grid;
    std::optional<std::int64_t> latest;     // of all items
    std::int64_t given_to = INT64_MIN;      // windows before this one have been given
    std::map<std::int64_t, window> windows;
    std::size_t entries = 0;                // keys in all of them
};

template <class TimeOf, class KeyOf, class Acc, class Fold>
class grid_windows {
    template <class Item>
    using key_type = key_of_item<KeyOf, Item>;
    template <class Item>
    using time_type = std::remove_cvref_t<std::invoke_result_t<TimeOf const&, Item const&>>;

public:
    using operator_concept = operator_tag;
    template <class Item>
        requires event_time<time_type<Item>> && hashable_key<key_type<Item>>
    using output = windowed<key_type<Item>, Acc, time_type<Item>>;

    template <class Item>
    [[nodiscard]] auto make_state() const {
        static_assert(event_time<time_type<Item>>,
                      "muster: the time of an item is a std::chrono time_point or duration of whole numbers");
        static_assert(hashable_key<key_type<Item>>,
                      "muster: the key of a window is copyable, comparable, owns what it refers to, and has a std::hash");
        static_assert(std::is_copy_constructible_v<Acc>, "muster: what a window begins with is copied for each window and key");
        return grid_state<time_type<Item>, key_type<Item>, Acc>{grid_of<time_type<Item>>()};
    }

    template <class Item, class State>
    void push(State& state, Item&& item, auto&& emit_to) const {
        using time = typename State::time;
        auto const when = ticks_of(static_cast<time>(std::invoke(time_of_, std::as_const(item))));
        auto const& key = std::invoke(key_of_, std::as_const(item));
        if (state.grid == window_grid{}) state.grid = grid_of<time>();
        else if (state.grid != grid_of<time>()) refuse_grid(state);

        // First on with the time: what that closes makes room.
        if (!state.latest || when > *state.latest) state.latest = when;
        auto const watermark = earlier_by(*state.latest, ticks_in<time>(options_.out_of_order));
        auto const gone_to = state.grid.first_open(earlier_by(watermark, ticks_in<time>(options_.lateness)));
        if (auto const given_to = state.grid.first_open(watermark); given_to > state.given_to) {
            if (!give_windows(state, given_to, emit_to)) return;
            state.given_to = given_to;
        }
        while (!state.windows.empty() && state.windows.begin()->first < gone_to) drop_first(state);

        auto const last = state.grid.last_at(when);
        auto first = state.grid.first_open(when);
        if (first > last) return;    // between windows, where they are shorter than the step
        if (last < gone_to) return static_cast<void>(give(emit_to, late<time>(state.grid.to(last), when, watermark)));
        first = std::max(first, gone_to);
        if (!has_room(state, first, last, key)) return static_cast<void>(give(emit_to, no_room<time>(when)));
        for (auto number = first;; ++number) {
            auto& entry = folded(state, number, key, item);
            if (number < state.given_to && !give_one(state, number, entry, true, emit_to)) return;
            if (number == last) return;
        }
    }

    template <class State>
    void flush(State& state, auto&& emit_to) const {
        while (!state.windows.empty()) {
            auto& [number, first] = *state.windows.begin();
            if (number >= state.given_to && !give_window(state, number, first, false, emit_to)) return;
            drop_first(state);
        }
    }

protected:
    grid_windows(char const* name, window_options options, TimeOf time_of, KeyOf key_of, Acc initial, Fold f)
        : name_(name), options_(options), time_of_(std::move(time_of)), key_of_(std::move(key_of)), initial_(std::move(initial)),
          f_(std::move(f)) {
        using std::chrono::nanoseconds;
        auto const check = [&](bool fine, std::string const& rule) {
            if (!fine) throw std::invalid_argument{std::string{"muster: "} + name_ + ": " + rule};
        };
        check(options.size > nanoseconds{0}, "a window is longer than 0s, not " + duration_text(options.size));
        check(options.step > nanoseconds{0}, "windows begin further apart than 0s, not " + duration_text(options.step));
        check((options.size - nanoseconds{1}) / options.step < most_at_once,
              "an item is in at most 1,000 windows: of " + duration_text(options.size) + ", they cannot begin every " +
                  duration_text(options.step));
        check(options.out_of_order >= nanoseconds{0} && options.lateness >= nanoseconds{0}, "out_of_order and lateness are 0s or more");
        check(options.most > 0, "there is room for 1 key or more");
    }

private:
    static constexpr std::int64_t most_at_once = 1'000;

    template <class Time>
    [[nodiscard]] window_grid grid_of() const {
        if (!is_whole<Time>(options_.size) || !is_whole<Time>(options_.step))
            throw std::invalid_argument{std::string{"muster: "} + name_ + ": windows of " + duration_text(options_.size) + " every " +
                                        duration_text(options_.step) + " are no whole numbers of the times that items have, of " +
                                        time_text(time_at<Time>(1)) + " each"};
        return {ticks_in<Time>(options_.size), ticks_in<Time>(options_.step)};
    }
    template <class State>
    [[noreturn]] void refuse_grid(State const& state) const {
        using time = typename State::time;
        throw std::invalid_argument{std::string{"muster: "} + name_ + ": this state is of windows of " +
                                    time_text(time_at<time>(state.grid.size)) + " every " + time_text(time_at<time>(state.grid.step)) +
                                    ", not of " + duration_text(options_.size) + " every " + duration_text(options_.step)};
    }

    // False when nobody takes more. A value that goes on being changed is copied.
    template <class State>
    static bool give_one(State const& state, std::int64_t number, typename State::entry& entry, bool keep, auto& emit_to) {
        using time = typename State::time;
        auto& [key, held] = entry;
        auto const revision = held.given++;
        auto const from = time_at<time>(state.grid.from(number)), to = time_at<time>(state.grid.to(number));
        using given = windowed<typename State::key, Acc, time>;
        if (keep) return give(emit_to, given{key, from, to, held.value, revision});
        return give(emit_to, given{key, from, to, std::move(held.value), revision});
    }
    template <class State>
    static bool give_window(State& state, std::int64_t number, typename State::window& which, bool keep, auto& emit_to) {
        while (which.next != which.order.size()) {
            auto* entry = which.order[which.next++];
            if (entry && !give_one(state, number, *entry, keep, emit_to)) return false;
        }
        return true;
    }
    template <class State>
    bool give_windows(State& state, std::int64_t given_to, auto& emit_to) const {
        for (auto at = state.windows.lower_bound(state.given_to); at != state.windows.end() && at->first < given_to; ++at)
            if (!give_window(state, at->first, at->second, options_.lateness.count() != 0, emit_to)) return false;
        return true;
    }
    template <class State>
    static void drop_first(State& state) {
        state.entries -= state.windows.begin()->second.by_key.size();
        state.windows.erase(state.windows.begin());
    }

    template <class State>
    [[nodiscard]] bool has_room(State const& state, std::int64_t first, std::int64_t last, auto const& key) const {
        auto const at_once = static_cast<std::size_t>(last - first) + 1;
        if (state.entries + at_once <= options_.most) return true;
        auto fresh = at_once;
        for (auto at = state.windows.lower_bound(first); at != state.windows.end() && at->first <= last; ++at)
            fresh -= at->second.by_key.contains(key);
        return state.entries + fresh <= options_.most;
    }

    // A key is there with its value, or not at all.
    template <class State>
    typename State::entry& folded(State& state, std::int64_t number, auto const& key, auto const& item) const {
        if (auto const there = state.windows.find(number); there != state.windows.end()) {
            auto& keys = there->second.by_key;
            if (auto const at = keys.find(key); at != keys.end()) {
                fold_item(f_, at->second.value, item);
                return *at;
            }
        }
        Acc value = initial_;
        fold_item(f_, value, item);
        auto& in = state.windows[number];
        auto& made = in.add(key, std::move(value));
        ++state.entries;
        if (number < state.given_to) in.next = in.order.size();    // it is given at once
        return made;
    }

    template <class Time>
    [[nodiscard]] failure late(wide_ticks to, std::int64_t when, std::int64_t watermark) const {
        auto text = "an item of " + time_text(time_at<Time>(when)) + " came too late: its last window ended at " +
                    time_text(time_at<Time>(to)) + ", and all before " + time_text(time_at<Time>(watermark)) + " was thought to be there";
        if (options_.lateness.count() != 0) text += ", more than the lateness of " + duration_text(options_.lateness) + " ago";
        return {cause::invalid_input, std::move(text)};
    }
    template <class Time>
    [[nodiscard]] failure no_room(std::int64_t when) const {
        return {cause::exhausted, "an item of " + time_text(time_at<Time>(when)) +
                                      " begins a window for its key, and all windows together hold " + std::to_string(options_.most) +
                                      " already, the most there may be"};
    }

    char const* name_;
    window_options options_;
    [[no_unique_address]] TimeOf time_of_;
    [[no_unique_address]] KeyOf key_of_;
    Acc initial_;
    [[no_unique_address]] Fold f_;
};

}  // namespace muster::detail

/// For a journal: what all open windows hold. Reading refuses windows out of their order, and a key that is twice in one.
template <class Time, muster::transportable Key, muster::transportable Acc>
struct muster::wire<muster::detail::grid_state<Time, Key, Acc>> {
    using state = detail::grid_state<Time, Key, Acc>;
    static constexpr std::uint64_t fingerprint =
        detail::mix_hash(detail::mix_hash(wire_fingerprint<Key>, wire_fingerprint<Acc>), wire_fingerprint<Time> ^ 1);

    static void write(wire_writer& to, state const& from) {
        to.put(from.grid.size);
        to.put(from.grid.step);
        to.put(from.latest);
        to.put(from.given_to);
        to.put(static_cast<std::uint64_t>(from.windows.size()));
        for (auto const& [number, window] : from.windows) {
            to.put(number);
            to.put(static_cast<std::uint64_t>(window.by_key.size()));
            for (auto const* entry : window.order) {
                if (!entry) continue;
                to.put(entry->first);
                to.put(entry->second.value);
                to.put(entry->second.given);
            }
        }
    }
    static state read(wire_reader& from) {
        state made;
        made.grid.size = from.get<std::int64_t>();
        made.grid.step = from.get<std::int64_t>();
        if (made.grid.size < 0 || made.grid.step < 0 || (made.grid.size == 0) != (made.grid.step == 0))
            from.refuse("windows have no such size");
        made.latest = from.get<std::optional<std::int64_t>>();
        made.given_to = from.get<std::int64_t>();
        std::optional<std::int64_t> before;
        for (auto windows = from.get<std::uint64_t>(); windows != 0; --windows) {
            auto const number = from.get<std::int64_t>();
            if (before && *before >= number) from.refuse("a window is there twice, or not in its order");
            before = number;
            auto& window = made.windows[number];
            for (auto keys = from.get<std::uint64_t>(); keys != 0; --keys) {
                auto const key = from.get<Key>();
                if (window.by_key.contains(key)) from.refuse("a key is there twice");
                auto& entry = window.add(key, from.get<Acc>());
                entry.second.given = from.get<std::uint32_t>();
                if (entry.second.given != 0) window.next = window.order.size();
            }
            made.entries += window.by_key.size();
        }
        return made;
    }
};
