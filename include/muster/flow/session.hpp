#pragma once

#include <algorithm>        // min, max
#include <chrono>           // nanoseconds
#include <concepts>         // same_as
#include <cstddef>          // size_t
#include <cstdint>          // int64_t
#include <functional>       // invoke
#include <iterator>         // next, prev
#include <map>              // sessions of a key
#include <optional>         // the latest time
#include <set>              // sessions by their end
#include <stdexcept>        // invalid_argument
#include <string>           // texts
#include <type_traits>      // remove_cvref
#include <unordered_map>    // keys
#include <utility>          // move

#include <muster/core/concepts.hpp>             // operator_tag
#include <muster/core/duration_text.hpp>        // duration_text
#include <muster/core/failure.hpp>              // failure
#include <muster/core/wire.hpp>                 // a state that travels
#include <muster/flow/detail/event_time.hpp>    // event_time, ticks_in
#include <muster/flow/detail/fold_item.hpp>     // fold_item
#include <muster/flow/detail/give.hpp>          // give
#include <muster/flow/detail/key_hash.hpp>      // key_hash
#include <muster/flow/windowed.hpp>             // windowed

namespace muster {

/// Which pause ends a session, and how long one waits for items that come late.
///
/// Units      `gap` is rounded up to a tick of the items' time, `out_of_order`, too.
struct session_options {
    std::chrono::nanoseconds gap{std::chrono::minutes{30}};    ///< 30min: what web statistics mean by a visit
    std::chrono::nanoseconds out_of_order{0};                  ///< how much earlier than the latest item one may still come
    std::size_t most = 1'000'000;                              ///< sessions that are open at once, of all keys
};

namespace detail {

template <event_time Time, class Key, class Acc>
struct session_state {
    using time = Time;
    struct open {
        std::int64_t from;
        std::uint64_t number;    // in the order in which sessions began to be known
        Acc value;
    };
    using of_key = std::map<std::int64_t, open>;    // by its last item; they are disjoint
    using keys = std::unordered_map<Key, of_key, key_hash<Key>>;
    struct end {
        std::int64_t last;
        std::uint64_t number;
        typename keys::value_type* of;
        friend bool operator<(end const& a, end const& b) noexcept { return a.last != b.last ? a.last < b.last : a.number < b.number; }
    };

    session_state() = default;
    session_state(session_state&&) noexcept = default;    // what `ends` points at stays where it is
    session_state& operator=(session_state&&) noexcept = default;
    ~session_state() = default;

    std::optional<std::int64_t> latest;    // of all items
    std::uint64_t next = 0;
    keys by_key;
    std::set<end> ends;

    void drop(typename keys::value_type& of, std::int64_t last) {
        auto const at = of.second.find(last);
        ends.erase(end{last, at->second.number, &of});
        of.second.erase(at);
        if (of.second.empty()) by_key.erase(by_key.find(of.first));
    }
    // All or nothing: what is added last cannot fail.
    void add(Key const& key, std::int64_t last, open&& made) {
        auto const [of, fresh] = by_key.try_emplace(key);
        struct undo {
            keys* from;
            typename keys::iterator at;
            ~undo() {
                if (from && at->second.empty()) from->erase(at);
            }
        } back{fresh ? &by_key : nullptr, of};
        auto const placed = ends.insert(end{last, made.number, &*of}).first;
        struct taken {
            std::set<end>* from;
            typename std::set<end>::iterator at;
            ~taken() {
                if (from) from->erase(at);
            }
        } back_there{&ends, placed};
        of->second.emplace(last, std::move(made));
        back_there.from = nullptr;
    }
};

}  // namespace detail

/// An operator: the items of a key that follow one another within a gap, folded: a visit, a trip, a burst of errors.
///
///     session{{.gap = 30min}, &request::at, &request::user, 0, [](int n, request const&) { return n + 1; }, std::plus<>{}}
///
/// Order      results by the end of their session, then in the order in which sessions were first seen. One is given when the
///            watermark, the latest time of any item less `out_of_order`, reaches its end; the rest at the end of the stream.
/// Shape      `windowed<Key, Acc, Time>`, revision 0: from the first item to a gap behind the last one. Items a whole gap apart are in
///            two sessions. `time_of`, `key_of` (which may be left out), `initial` and `f` as `tumbling`; `combine(a, b)`, of two
///            Acc const&, answers what two sessions are together when an item comes between them.
/// Fails      cause::invalid_input for an item that came too late for a session of its own and belongs to no open one, with its times;
///            exhausted for one that would begin a session beyond `most`.
/// Throws     std::invalid_argument for options out of range. What the functions throw; the item then is not counted, unless it was f
///            that changed a value.
/// Cost       a look-up for each item, and two in trees of the open sessions where it is the last one of its session.
/// Source     Akidau et al., The Dataflow Model (VLDB 2015).
template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
class session {
    template <class Item>
    using key_type = detail::key_of_item<KeyOf, Item>;
    template <class Item>
    using time_type = std::remove_cvref_t<std::invoke_result_t<TimeOf const&, Item const&>>;

public:
    using operator_concept = operator_tag;
    template <class Item>
        requires detail::event_time<time_type<Item>> && detail::hashable_key<key_type<Item>>
    using output = windowed<key_type<Item>, Acc, time_type<Item>>;

    session(session_options options, TimeOf time_of, KeyOf key_of, Acc initial, Fold f, Combine combine);
    session(session_options options, TimeOf time_of, Acc initial, Fold f, Combine combine)
        requires std::same_as<KeyOf, detail::no_key>
        : session(options, std::move(time_of), detail::no_key{}, std::move(initial), std::move(f), std::move(combine)) {}

    template <class Item>
    [[nodiscard]] auto make_state() const {
        static_assert(detail::event_time<time_type<Item>>,
                      "muster: the time of an item is a std::chrono time_point or duration of whole numbers");
        static_assert(detail::hashable_key<key_type<Item>>,
                      "muster: the key of a session is copyable, comparable, owns what it refers to, and has a std::hash");
        static_assert(std::is_invocable_r_v<Acc, Combine const&, Acc const&, Acc const&>,
                      "muster: an item may join two sessions: combine(a, b) answers what they are together");
        return detail::session_state<time_type<Item>, key_type<Item>, Acc>{};
    }
    template <class Item, class State>
    void push(State& state, Item&& item, auto&& emit_to) const;
    template <class State>
    void flush(State& state, auto&& emit_to) const {
        give_until(state, gap<State>(), std::nullopt, emit_to);
    }

private:
    template <class State>
    [[nodiscard]] std::int64_t gap() const { return detail::ticks_in<typename State::time>(options_.gap); }
    // Gives the sessions that end at the watermark or before it, all without one; false when nobody takes more.
    template <class State>
    static bool give_until(State& state, std::int64_t gap, std::optional<std::int64_t> watermark, auto& emit_to);
    template <class Time>
    [[nodiscard]] failure late(std::int64_t when, std::int64_t watermark) const;

    session_options options_;
    [[no_unique_address]] TimeOf time_of_;
    [[no_unique_address]] KeyOf key_of_;
    Acc initial_;
    [[no_unique_address]] Fold f_;
    [[no_unique_address]] Combine combine_;
};

template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
session(session_options, TimeOf, KeyOf, Acc, Fold, Combine) -> session<TimeOf, KeyOf, Acc, Fold, Combine>;
template <class TimeOf, class Acc, class Fold, class Combine>
session(session_options, TimeOf, Acc, Fold, Combine) -> session<TimeOf, detail::no_key, Acc, Fold, Combine>;

// Implementation

template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
session<TimeOf, KeyOf, Acc, Fold, Combine>::session(session_options options, TimeOf time_of, KeyOf key_of, Acc initial, Fold f,
                                                    Combine combine)
    : options_(options), time_of_(std::move(time_of)), key_of_(std::move(key_of)), initial_(std::move(initial)), f_(std::move(f)),
      combine_(std::move(combine)) {
    using std::chrono::nanoseconds;
    if (options_.gap <= nanoseconds{0})
        throw std::invalid_argument{"muster: session: the gap is longer than 0s, not " + duration_text(options_.gap)};
    if (options_.out_of_order < nanoseconds{0}) throw std::invalid_argument{"muster: session: out_of_order is 0s or more"};
    if (options_.most == 0) throw std::invalid_argument{"muster: session: there is room for 1 session or more"};
}

template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
template <class State>
bool session<TimeOf, KeyOf, Acc, Fold, Combine>::give_until(State& state, std::int64_t gap, std::optional<std::int64_t> watermark,
                                                            auto& emit_to) {
    using time = typename State::time;
    while (!state.ends.empty()) {
        auto const first = *state.ends.begin();
        auto const to = static_cast<detail::wide_ticks>(first.last) + gap;
        if (watermark && to > *watermark) return true;
        auto& ended = first.of->second.find(first.last)->second;
        windowed<std::remove_const_t<decltype(first.of->first)>, Acc, time> given{
            first.of->first, detail::time_at<time>(ended.from), detail::time_at<time>(to), std::move(ended.value)};
        state.drop(*first.of, first.last);
        if (!detail::give(emit_to, std::move(given))) return false;
    }
    return true;
}

template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
template <class Time>
failure session<TimeOf, KeyOf, Acc, Fold, Combine>::late(std::int64_t when, std::int64_t watermark) const {
    return {cause::invalid_input, "an item of " + detail::time_text(detail::time_at<Time>(when)) +
                                      " came too late: no session of its key is open there, and one with a gap of " +
                                      duration_text(options_.gap) + " would have ended before " +
                                      detail::time_text(detail::time_at<Time>(watermark)) + ", when all was thought to be there"};
}

template <class TimeOf, class KeyOf, class Acc, class Fold, class Combine>
template <class Item, class State>
void session<TimeOf, KeyOf, Acc, Fold, Combine>::push(State& state, Item&& item, auto&& emit_to) const {
    using time = typename State::time;
    using detail::wide_ticks;
    auto const when = detail::ticks_of(static_cast<time>(std::invoke(time_of_, std::as_const(item))));
    auto const& key = std::invoke(key_of_, std::as_const(item));
    wide_ticks const reach = gap<State>();

    if (!state.latest || when > *state.latest) state.latest = when;
    auto const watermark = detail::earlier_by(*state.latest, detail::ticks_in<time>(options_.out_of_order));
    if (!give_until(state, gap<State>(), watermark, emit_to)) return;

    auto const of = state.by_key.find(key);
    auto const within = [&](auto at) {    // less than a gap from the item
        return at != of->second.end() && when < at->first + reach && at->second.from < when + reach;
    };
    if (of != state.by_key.end()) {
        auto& sessions = of->second;
        auto left = sessions.upper_bound(detail::earlier_by(when, gap<State>()));
        // At the first time there is, the bound is that time itself, which may be nearer than a gap.
        if (when - reach < INT64_MIN) left = sessions.begin();
        if (within(left)) {
            auto const right = std::next(left);
            auto change = [&](std::int64_t last) {    // the session at `left` ends elsewhere: no allocation, so no failure
                if (last == left->first) return;
                auto in_order = state.ends.extract({left->first, left->second.number, &*of});
                auto in_key = sessions.extract(left);
                in_order.value().last = in_key.key() = last;
                state.ends.insert(std::move(in_order));
                left = sessions.insert(std::move(in_key)).position;
            };
            if (within(right)) {
                Acc both = std::invoke(combine_, std::as_const(left->second.value), std::as_const(right->second.value));
                detail::fold_item(f_, both, item);
                auto const last = right->first;
                auto const number = std::min(left->second.number, right->second.number);
                state.drop(*of, last);
                auto in_order = state.ends.extract({left->first, left->second.number, &*of});
                in_order.value().number = left->second.number = number;
                state.ends.insert(std::move(in_order));
                left->second.value = std::move(both);
                change(last);
            } else {
                detail::fold_item(f_, left->second.value, item);
                left->second.from = std::min(left->second.from, when);
                change(std::max(left->first, when));
            }
            return;
        }
    }
    if (when + reach <= watermark) return static_cast<void>(detail::give(emit_to, late<time>(when, watermark)));
    if (state.ends.size() >= options_.most)
        return static_cast<void>(detail::give(
            emit_to, failure{cause::exhausted, "an item of " + detail::time_text(detail::time_at<time>(when)) + " begins a session, and " +
                                                   std::to_string(options_.most) + " are open already, the most there may be"}));
    Acc value = initial_;
    detail::fold_item(f_, value, item);
    state.add(key, when, {when, state.next, std::move(value)});
    ++state.next;
}

/// For a journal: the open sessions. Reading refuses two of one key that overlap.
template <class Time, transportable Key, transportable Acc>
struct wire<detail::session_state<Time, Key, Acc>> {
    using state = detail::session_state<Time, Key, Acc>;
    static constexpr std::uint64_t fingerprint =
        detail::mix_hash(detail::mix_hash(wire_fingerprint<Key>, wire_fingerprint<Acc>), wire_fingerprint<Time> ^ 2);

    static void write(wire_writer& to, state const& from) {
        to.put(from.latest);
        to.put(from.next);
        to.put(static_cast<std::uint64_t>(from.ends.size()));
        for (auto const& end : from.ends) {
            auto const& open = end.of->second.find(end.last)->second;
            to.put(end.last);
            to.put(end.number);
            to.put(end.of->first);
            to.put(open.from);
            to.put(open.value);
        }
    }
    static state read(wire_reader& from) {
        state made;
        made.latest = from.get<std::optional<std::int64_t>>();
        made.next = from.get<std::uint64_t>();
        std::optional<std::pair<std::int64_t, std::uint64_t>> before;
        for (auto n = from.get<std::uint64_t>(); n != 0; --n) {
            auto const last = from.get<std::int64_t>();
            auto const number = from.get<std::uint64_t>();
            if ((before && *before >= std::pair{last, number}) || number >= made.next)
                from.refuse("a session is there twice, or not in its order");
            before = {last, number};
            auto const key = from.get<Key>();
            auto const at = made.by_key.find(key);
            auto const begin = from.get<std::int64_t>();
            if (begin > last) from.refuse("a session ends before it begins");
            if (at != made.by_key.end() && std::prev(at->second.end())->first >= begin) from.refuse("two sessions of a key overlap");
            made.add(key, last, {begin, number, from.get<Acc>()});
        }
        return made;
    }
};

}  // namespace muster
