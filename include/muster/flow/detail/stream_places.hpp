#pragma once

#include <algorithm>      // clamp
#include <cstddef>        // size_t
#include <limits>         // no bound
#include <memory>         // unique_ptr
#include <type_traits>    // type_identity
#include <utility>        // declval

#include <muster/core/waiter.hpp>                   // waiter_ref
#include <muster/core/wire.hpp>                     // transportable
#include <muster/flow/detail/run.hpp>               // placed
#include <muster/flow/detail/stream_parts.hpp>      // waiting_of
#include <muster/flow/detail/stream_ring.hpp>       // stream_ring
#include <muster/flow/detail/stream_store.hpp>      // stream_store

// What items wait in, in front of a segment of a stream: a ring, or what its first element asks for.

namespace muster::detail {

/// Behind the last segment, for the consumer.
template <class Parcel>
struct plain_place {
    using type = stream_ring<Parcel>;
    static std::unique_ptr<type> make(std::size_t, std::size_t room, waiter_ref) { return std::make_unique<type>(room); }
};

/// In front of an `Element`; `Look` shows the item of a parcel. `Lent`: what waits lies in the range of the source, so nothing is gained by
/// writing it to the disk.
template <class Element, class Parcel, class Look, bool Lent>
class place_before {
    using says = waiting_of<Element>;
    static constexpr bool spills = says::full == when_full::spill;
    static constexpr when_full full = spills && Lent ? when_full::block : says::full;

    template <class Line>
    using stored_in = std::type_identity<stream_store<Parcel, Line, full, says::throttled>>;

    static auto chosen() {
        if constexpr (says::disciplined) {
            using discipline = std::remove_cvref_t<decltype(*placed<is_discipline>(std::declval<Element const&>()))>;
            constexpr bool orders = requires(discipline const& by) { by.template make_queue<Parcel>(std::size_t{}, Look{}); };
            static_assert(orders, "muster: who is next among those that wait for a stage is said of what comes to it: fair{key_of(item)}, "
                                  "with a key that std::hash knows, or by_priority{priority_of(item)}");
            if constexpr (orders) return stored_in<disciplined_line<Parcel, decltype(std::declval<discipline const&>().template make_queue<Parcel>(std::size_t{}, Look{}))>>{};
            else return stored_in<fifo_line<Parcel>>{};
        } else if constexpr (spills && !Lent) {
            constexpr bool travels = transportable<std::remove_cvref_t<decltype(*std::declval<Parcel&>().value)>>;
            static_assert(travels, "muster: what is spilled to the disk is transportable (core/wire.hpp): numbers, the owning types of std, "
                                   "aggregates of them, and types with a wire<T>");
            if constexpr (travels) return stored_in<spilled_line<Parcel>>{};
            else return stored_in<fifo_line<Parcel>>{};
        } else if constexpr (full == when_full::block && !says::throttled) {
            return std::type_identity<stream_ring<Parcel>>{};
        } else {
            return stored_in<fifo_line<Parcel>>{};
        }
    }

public:
    using type = typename decltype(chosen())::type;

    /// So many as `buffer` says, else `otherwise`.
    static std::size_t items(Element const& element, std::size_t otherwise) {
        // Beside spill it says how many may be in memory; what is lent is there already.
        if constexpr (has_place<is_buffer, Element> && !(spills && Lent)) otherwise = placed<is_buffer>(element)->items;
        return std::clamp<std::size_t>(otherwise, 1, std::size_t{1} << 62);    // with the width of a stage it is a number still
    }
    /// For so many items, where `room` says how many are waiting or on their way at most.
    static std::unique_ptr<type> make(Element const& element, std::size_t items, std::size_t room, waiter_ref clock) {
        if constexpr (type::plain) {
            return std::make_unique<type>(room);
        } else {
            throttle rate;
            std::size_t every = 1;
            if constexpr (says::throttled) rate = *placed<is_throttle>(element);
            if constexpr (says::full == when_full::sample) every = placed<is_sample>(element)->every;
            auto line = [&] {
                using line_type = typename type::line_type;
                constexpr auto any = std::numeric_limits<std::size_t>::max();
                // Who blocks is bounded by the room: no item of the source waits for the share of its key, and holds up the others.
                if constexpr (says::disciplined) return line_type{placed<is_discipline>(element)->template make_queue<Parcel>(says::full == when_full::block ? any : items, Look{})};
                else if constexpr (spills && !Lent) return line_type{*placed<is_spill>(element), has_place<is_buffer, Element> ? items : any};
                else return line_type{};
            };
            return std::make_unique<type>(items, room, line(), clock, rate, every);
        }
    }
};

}  // namespace muster::detail
