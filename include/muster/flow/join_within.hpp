#pragma once

#include <chrono>           // nanoseconds
#include <cstddef>          // size_t
#include <cstdint>          // int64_t
#include <functional>       // invoke
#include <map>              // those that wait, by time
#include <optional>         // a partner, or none
#include <stdexcept>        // invalid_argument
#include <string>           // texts
#include <type_traits>      // remove_cvref
#include <unordered_map>    // keys
#include <utility>          // move, pair
#include <variant>          // either side

#include <muster/core/concepts.hpp>             // operator_tag
#include <muster/core/duration_text.hpp>        // duration_text
#include <muster/core/failure.hpp>              // failure
#include <muster/core/wire.hpp>                 // a state that travels
#include <muster/flow/detail/event_time.hpp>    // event_time, ticks_in
#include <muster/flow/detail/give.hpp>          // give
#include <muster/flow/detail/key_hash.hpp>      // key_hash

namespace muster {

/// An item of the left side, and its partner of the right; none only where it was asked for.
template <class Left, class Right>
struct joined {
    Left left;
    std::optional<Right> right;

    friend bool operator==(joined const&, joined const&) = default;
};

/// What becomes of an item whose time for a partner is over.
enum class unmatched : unsigned char {
    dropped,    ///< it is gone, and counted in the state: an inner join
    given,      ///< one of the left side is given without a partner: a left join; one of the right is dropped
    refused,    ///< it goes where failures go, as cause::unavailable
};

/// How far apart partners may be, and what waits for them.
///
/// Units      all times are rounded up to ticks of the items' time.
struct join_within_options {
    std::chrono::nanoseconds before{0};                         ///< how much earlier than the left item its partner may be
    std::chrono::nanoseconds after{std::chrono::minutes{1}};    ///< how much later: 1min
    std::chrono::nanoseconds out_of_order{0};    ///< how much earlier than the latest item of either side one may still come
    unmatched alone = unmatched::dropped;        ///< dropped: an inner join
    std::size_t most = 1'000'000;                ///< items of both sides that wait for partners
};

namespace detail {

template <class T>
inline constexpr bool is_either = false;
template <class Left, class Right>
inline constexpr bool is_either<std::variant<Left, Right>> = true;

template <event_time Time, class Key, class Left, class Right>
struct join_state {
    using time = Time;
    using key = Key;
    using right_item = Right;
    using id = std::pair<std::int64_t, std::uint64_t>;    // time, and in the order in which they came
    template <class Item>
    struct held {
        Item item;
        bool matched = false;
    };
    struct of_key {
        std::map<id, held<Left>> left;
        std::map<id, held<Right>> right;
    };
    using keys = std::unordered_map<Key, of_key, key_hash<Key>>;
    using entry = typename keys::value_type;

    join_state() = default;
    join_state(join_state&&) noexcept = default;    // what the two maps point at stays where it is
    join_state& operator=(join_state&&) noexcept = default;
    ~join_state() = default;

    std::optional<std::int64_t> latest;
    std::uint64_t next = 0;
    std::uint64_t dropped = 0;
    keys by_key;
    std::map<id, entry*> left, right;    // by time: who is over first

    // All or nothing. False when there is one with this time and number.
    template <class Item>
    bool add(std::map<id, entry*>& side, std::map<id, held<Item>> of_key::* of_side, Key const& whose, id which, held<Item>&& what) {
        auto const place = side.try_emplace(which, nullptr);
        if (!place.second) return false;
        struct undo {
            std::map<id, entry*>& side;
            typename std::map<id, entry*>::iterator at;
            ~undo() {
                if (!at->second) side.erase(at);
            }
        } const back{side, place.first};
        auto* const of = &*by_key.try_emplace(whose).first;
        (of->second.*of_side).emplace(which, std::move(what));
        place.first->second = of;
        return true;
    }
};

}  // namespace detail

/// An operator: pairs items of two streams that have the same key and times near each other: an order and its payment. It takes a
/// `std::variant` of both, as `merge_by_time` gives it.
///
///     auto const when = [](auto const& item) { return item.at; };
///     stream(merge_by_time(when, orders, payments),
///            pipeline{join_within{{.after = 10min}, when, [](auto const& item) { return item.order; }}, settle})
///
/// Order      a pair comes when the later of the two comes, to an item the earliest partner first; what is alone when its time is over:
///            when the watermark, the latest time of either side less `out_of_order`, has passed all times of a partner.
/// Shape      `joined<Left, Right>` for each pair with left - before <= right <= left + after: all pairs, whatever the order in which
///            they come. `time_of` and `key_of` take the items of both sides, and answer the same type for both.
/// Fails      cause::invalid_input for an item that is earlier than the watermark, with both times; exhausted for one beyond `most`,
///            which is then not matched at all; unavailable for one without a partner, where that is asked for.
/// Throws     std::invalid_argument for options below 0s or no room. What the functions and copying items throw.
/// Cost       trees of those that wait: logarithmic in their number. A copy of both items for each pair.
/// Source     the interval join of Apache Flink.
template <class TimeOf, class KeyOf>
class join_within {
    template <class Either>
    using left_of = std::variant_alternative_t<0, Either>;
    template <class Either>
    using right_of = std::variant_alternative_t<1, Either>;
    template <class Either>
    using key_type = detail::key_of_item<KeyOf, left_of<Either>>;
    template <class Either>
    using time_type = std::remove_cvref_t<std::invoke_result_t<TimeOf const&, left_of<Either> const&>>;

public:
    using operator_concept = operator_tag;
    template <class Either>
        requires detail::is_either<Either> && detail::event_time<time_type<Either>> && detail::hashable_key<key_type<Either>> &&
                std::same_as<key_type<Either>, detail::key_of_item<KeyOf, right_of<Either>>>
    using output = joined<left_of<Either>, right_of<Either>>;

    join_within(join_within_options options, TimeOf time_of, KeyOf key_of);

    template <class Either>
    [[nodiscard]] detail::join_state<time_type<Either>, key_type<Either>, left_of<Either>, right_of<Either>> make_state() const {
        return {};
    }

    template <class State, class Either>
    void push(State& state, Either&& item, auto&& emit_to) const;
    template <class State>
    void flush(State& state, auto&& emit_to) const {
        expire<left_side>(state, std::nullopt, emit_to) && expire<right_side>(state, std::nullopt, emit_to);
    }

private:
    // What is the same on both sides, and what is not.
    struct left_side {
        static auto& of(auto& sides) { return sides.left; }
        static auto& other(auto& sides) { return sides.right; }
        template <class OfKey>
        static constexpr auto member = &OfKey::left;
        static constexpr auto name = "left";
    };
    struct right_side {
        static auto& of(auto& sides) { return sides.right; }
        static auto& other(auto& sides) { return sides.left; }
        template <class OfKey>
        static constexpr auto member = &OfKey::right;
        static constexpr auto name = "right";
    };
    template <class Time, class Side>
    [[nodiscard]] detail::wide_ticks earlier() const {    // how much earlier the partner of such an item may be
        return detail::ticks_in<Time>(std::same_as<Side, left_side> ? options_.before : options_.after);
    }
    template <class Time, class Side>
    [[nodiscard]] detail::wide_ticks later() const {
        return detail::ticks_in<Time>(std::same_as<Side, left_side> ? options_.after : options_.before);
    }

    template <class Side, class State>
    bool expire(State& state, std::optional<std::int64_t> watermark, auto& emit_to) const;
    template <class Side, class State, class Item>
    void take(State& state, Item&& item, auto& emit_to) const;

    join_within_options options_;
    [[no_unique_address]] TimeOf time_of_;
    [[no_unique_address]] KeyOf key_of_;
};

// Implementation

template <class TimeOf, class KeyOf>
join_within<TimeOf, KeyOf>::join_within(join_within_options options, TimeOf time_of, KeyOf key_of)
    : options_(options), time_of_(std::move(time_of)), key_of_(std::move(key_of)) {
    constexpr std::chrono::nanoseconds none{0};
    if (options_.before < none || options_.after < none || options_.out_of_order < none)
        throw std::invalid_argument{"muster: join_within: before, after and out_of_order are 0s or more"};
    if (options_.most == 0) throw std::invalid_argument{"muster: join_within: there is room for 1 item or more"};
}

// False when nobody takes more.
template <class TimeOf, class KeyOf>
template <class Side, class State>
bool join_within<TimeOf, KeyOf>::expire(State& state, std::optional<std::int64_t> watermark, auto& emit_to) const {
    using time = typename State::time;
    auto& waiting = Side::of(state);
    while (!waiting.empty()) {
        auto const [id, entry] = *waiting.begin();
        if (watermark && id.first + later<time, Side>() >= *watermark) return true;
        auto& of_key = Side::of(entry->second);
        auto over = std::move(of_key.extract(id).mapped());
        waiting.erase(waiting.begin());
        if (entry->second.left.empty() && entry->second.right.empty()) state.by_key.erase(state.by_key.find(entry->first));
        if (over.matched) continue;
        if constexpr (std::same_as<Side, left_side>) {
            if (options_.alone == unmatched::given) {
                using alone = joined<decltype(over.item), typename State::right_item>;
                if (!detail::give(emit_to, alone{std::move(over.item), std::nullopt})) return false;
                continue;
            }
        }
        if (options_.alone != unmatched::refused) {
            ++state.dropped;
            continue;
        }
        if (!detail::give(emit_to, failure{cause::unavailable,
                                           "an item of the " + std::string{Side::name} + " side, of " +
                                               detail::time_text(detail::time_at<time>(id.first)) + ", had no partner of its key between " +
                                               detail::time_text(detail::time_at<time>(id.first - earlier<time, Side>())) + " and " +
                                               detail::time_text(detail::time_at<time>(id.first + later<time, Side>()))}))
            return false;
    }
    return true;
}

template <class TimeOf, class KeyOf>
template <class Side, class State, class Item>
void join_within<TimeOf, KeyOf>::take(State& state, Item&& item, auto& emit_to) const {
    using time = typename State::time;
    auto const when = detail::ticks_of(static_cast<time>(std::invoke(time_of_, std::as_const(item))));
    typename State::key const key = std::invoke(key_of_, std::as_const(item));    // the item moves

    if (!state.latest || when > *state.latest) state.latest = when;
    auto const watermark = detail::earlier_by(*state.latest, detail::ticks_in<time>(options_.out_of_order));
    if (!expire<left_side>(state, watermark, emit_to) || !expire<right_side>(state, watermark, emit_to)) return;
    auto const refuse = [&](cause why, std::string const& text) {
        detail::give(emit_to, failure{why, "an item of the " + std::string{Side::name} + " side, of " +
                                               detail::time_text(detail::time_at<time>(when)) + ", came " + text});
    };
    if (when < watermark)
        return refuse(cause::invalid_input, "too late: all before " + detail::time_text(detail::time_at<time>(watermark)) +
                                                " was thought to be there");
    if (state.left.size() + state.right.size() >= options_.most)
        return refuse(cause::exhausted, "when " + std::to_string(options_.most) + " wait for partners already, the most there may be");

    typename State::id const id{when, state.next};
    using held = typename State::template held<std::remove_cvref_t<Item>>;
    state.add(Side::of(state), Side::template member<typename State::of_key>, key, id, held{std::forward<Item>(item)});
    ++state.next;
    auto& of_key = Side::of(state).find(id)->second->second;
    auto& mine = Side::of(of_key).find(id)->second;
    auto& others = Side::other(of_key);
    auto const first = detail::earlier_by(when, static_cast<std::int64_t>(earlier<time, Side>()));
    for (auto at = others.lower_bound({first, 0}); at != others.end() && at->first.first <= when + later<time, Side>(); ++at) {
        mine.matched = at->second.matched = true;
        auto& theirs = at->second;
        bool more = true;
        if constexpr (std::same_as<Side, left_side>)
            more = detail::give(emit_to, joined<decltype(mine.item), decltype(theirs.item)>{mine.item, theirs.item});
        else
            more = detail::give(emit_to, joined<decltype(theirs.item), decltype(mine.item)>{theirs.item, mine.item});
        if (!more) return;
    }
}

template <class TimeOf, class KeyOf>
template <class State, class Either>
void join_within<TimeOf, KeyOf>::push(State& state, Either&& item, auto&& emit_to) const {
    if (item.index() == 0) take<left_side>(state, std::get<0>(std::forward<Either>(item)), emit_to);
    else take<right_side>(state, std::get<1>(std::forward<Either>(item)), emit_to);
}

/// For a journal: what waits on both sides. Reading refuses an item that is there twice.
template <class Time, transportable Key, transportable Left, transportable Right>
struct wire<detail::join_state<Time, Key, Left, Right>> {
    using state = detail::join_state<Time, Key, Left, Right>;
    static constexpr std::uint64_t fingerprint =
        detail::mix_hash(detail::mix_hash(detail::mix_hash(wire_fingerprint<Key>, wire_fingerprint<Left>), wire_fingerprint<Right>),
                         wire_fingerprint<Time> ^ 3);

    static void write(wire_writer& to, state const& from) {
        to.put(from.latest);
        to.put(from.next);
        to.put(from.dropped);
        write_side(to, from.left, &state::of_key::left);
        write_side(to, from.right, &state::of_key::right);
    }
    static state read(wire_reader& from) {
        state made;
        made.latest = from.get<std::optional<std::int64_t>>();
        made.next = from.get<std::uint64_t>();
        made.dropped = from.get<std::uint64_t>();
        read_side(from, made, made.left, &state::of_key::left);
        read_side(from, made, made.right, &state::of_key::right);
        return made;
    }

private:
    static void write_side(wire_writer& to, auto const& side, auto of_side) {
        to.put(static_cast<std::uint64_t>(side.size()));
        for (auto const& [id, entry] : side) {
            auto const& held = (entry->second.*of_side).find(id)->second;
            to.put(id);
            to.put(entry->first);
            to.put(held.item);
            to.put(held.matched);
        }
    }
    template <class Item>
    static void read_side(wire_reader& from, state& made, auto& side,
                          std::map<typename state::id, typename state::template held<Item>> state::of_key::* of_side) {
        for (auto n = from.get<std::uint64_t>(); n != 0; --n) {
            auto const id = from.get<typename state::id>();
            if (id.second >= made.next) from.refuse("an item has a number that none had yet");
            auto const key = from.get<Key>();
            auto item = from.get<Item>();
            if (!made.add(side, of_side, key, id, {std::move(item), from.get<bool>()})) from.refuse("an item is there twice");
        }
    }
};

}  // namespace muster
