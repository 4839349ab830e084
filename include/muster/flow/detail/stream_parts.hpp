#pragma once

#include <array>          // where segments begin
#include <cstddef>        // size_t
#include <ranges>         // forward_range
#include <tuple>          // elements
#include <type_traits>    // conditional
#include <utility>        // move

#include <muster/core/chain.hpp>           // chain
#include <muster/core/concepts.hpp>        // result_of, operators, disciplines
#include <muster/core/failure.hpp>         // failure
#include <muster/core/pipeline.hpp>        // pipeline
#include <muster/core/stage.hpp>           // stage
#include <muster/policy/buffer.hpp>        // buffer
#include <muster/policy/drop_newest.hpp>   // drop_newest
#include <muster/policy/drop_oldest.hpp>   // drop_oldest
#include <muster/policy/in_order.hpp>      // in_order
#include <muster/policy/in_order_by.hpp>   // in_order_by
#include <muster/policy/sample.hpp>        // sample
#include <muster/policy/spill.hpp>         // spill
#include <muster/policy/throttle.hpp>      // throttle
#include <muster/flow/detail/batch.hpp>    // batch_task_for
#include <muster/flow/detail/calls.hpp>    // answer_of, is_named
#include <muster/flow/detail/items.hpp>    // item_of
#include <muster/flow/detail/run.hpp>      // placed, is_on, is_batched
#include <muster/flow/detail/stream_store.hpp>    // when_full

// What a stream is made of, worked out when it is compiled: elements (stages and operators), the values between them, and segments:
// runs of elements that one worker does in one go. A buffer stands in front of each segment but the first, which reads the source.

namespace muster::detail {

template <class P>
struct is_buffer : std::is_same<P, buffer> {};
template <class P>
struct is_in_order : std::is_same<P, in_order> {};
template <class P>
struct is_in_order_by : std::false_type {};
template <class Key>
struct is_in_order_by<in_order_by<Key>> : std::true_type {};

template <class P>
struct is_drop_oldest : std::is_same<P, drop_oldest> {};
template <class P>
struct is_drop_newest : std::is_same<P, drop_newest> {};
template <class P>
struct is_sample : std::is_same<P, sample> {};
template <class P>
struct is_spill : std::is_same<P, spill> {};
template <class P>
struct is_throttle : std::is_same<P, throttle> {};
template <class P>
struct is_discipline : std::bool_constant<requires { requires std::derived_from<typename P::discipline_concept, discipline_tag>; }> {};

template <template <class> class Asks, class Element>
inline constexpr bool has_place = !std::is_null_pointer_v<decltype(placed<Asks>(std::declval<Element const&>()))>;

template <class Element>
inline constexpr bool in_batches = has_place<is_batched, Element>;

template <template <class> class Asks, class Element>
inline constexpr std::size_t times_said = 0;
template <template <class> class Asks, class... Ps, class F>
inline constexpr std::size_t times_said<Asks, stage<chain<Ps...>, F>> = (std::size_t{0} + ... + std::size_t{Asks<Ps>::value});

/// What an element says about those that wait in front of it.
template <class Element>
struct waiting_of {
    static constexpr bool throttled = has_place<is_throttle, Element>, disciplined = has_place<is_discipline, Element>;
    static constexpr when_full full = has_place<is_drop_oldest, Element>   ? when_full::drop_oldest
                                      : has_place<is_drop_newest, Element> ? when_full::drop_newest
                                      : has_place<is_sample, Element>      ? when_full::sample
                                      : has_place<is_spill, Element>       ? when_full::spill
                                                                           : when_full::block;
    static constexpr bool plain = !throttled && !disciplined && full == when_full::block;
    static constexpr std::size_t strategies = times_said<is_drop_oldest, Element> + times_said<is_drop_newest, Element> +
                                              times_said<is_sample, Element> + times_said<is_spill, Element>;
    static constexpr bool fits = strategies <= 1 && times_said<is_discipline, Element> <= 1 && times_said<is_throttle, Element> <= 1 &&
                                 !(disciplined && (full == when_full::drop_oldest || full == when_full::spill));
    static constexpr bool in_front_of_workers = plain || has_place<is_on, Element>;
};

// The elements of a flow, as they were written.
template <class Flow>
struct elements {
    using type = std::tuple<Flow>;
    static type of(Flow&& flow) { return type{std::move(flow)}; }
};
template <class... Stages>
struct elements<pipeline<Stages...>> {
    using type = std::tuple<Stages...>;
    static type of(pipeline<Stages...>&& flow) { return flow.stages(); }
};

/// What an element hands on for such an item.
template <class Element, class Item>
struct handed_on {};
template <class Element, class Item>
    requires is_operator_for<Element, std::remove_cvref_t<Item>>
struct handed_on<Element, Item> { using type = operator_output<Element, std::remove_cvref_t<Item>>; };
template <class Element, class Item>
    requires(!is_operator<Element> && !in_batches<Element> && task_for<Element, Item>)
struct handed_on<Element, Item> { using type = answer_of<result_of<Element, Item>>; };
template <class Element, class Item>
    requires(in_batches<Element> && batch_task_for<Element, std::remove_cvref_t<Item>>)
struct handed_on<Element, Item> { using type = answer_of<result_in_batch<Element, std::remove_cvref_t<Item>>>; };

/// How an item goes from hand to hand: moved, or lent, where a sink wants to see what could not be worked on.
template <class Value, bool Lent>
using handed = std::conditional_t<Lent, Value const&, Value&&>;

/// The values behind each element, where the first is given an `Item`; whether each can be called with what comes to it.
template <class Item, bool Lent, class Before, class... Elements>
struct value_chain {
    using type = Before;
    static constexpr bool fits = true, ends_well = true;
};
template <class Item, bool Lent, class... Before, class First, class... Rest>
struct value_chain<Item, Lent, std::tuple<Before...>, First, Rest...> {
    using type = std::tuple<Before...>;
    static constexpr bool fits = false, ends_well = true;
};
template <class Item, bool Lent, class... Before, class First, class... Rest>
    requires requires { typename handed_on<First, Item>::type; }
struct value_chain<Item, Lent, std::tuple<Before...>, First, Rest...> {
    using value = typename handed_on<First, Item>::type;
    using next = value_chain<handed<value, Lent>, Lent, std::tuple<Before..., value>, Rest...>;
    using type = typename next::type;
    static constexpr bool fits = next::fits;
    static constexpr bool ends_well = (sizeof...(Rest) == 0 || !std::is_same_v<value, nothing>) && next::ends_well;    // only the last may answer nothing
};
template <class Item, bool Lent, class Elements>
struct values_of;
template <class Item, bool Lent, class... Es>
struct values_of<Item, Lent, std::tuple<Es...>> : value_chain<Item, Lent, std::tuple<>, Es...> {
    static constexpr bool waits_well = (waiting_of<Es>::fits && ...), waits_somewhere = (waiting_of<Es>::in_front_of_workers && ...);
    static constexpr bool one_order = (((has_place<is_in_order, Es> + has_place<is_in_order_by, Es> < 2) && !(has_place<is_in_order_by, Es> && has_place<is_batched, Es>)) && ...);
    static constexpr bool operators_alone = ((is_operator<Es> || !is_operator<typename bare<Es>::function>) && ...);
};

/// A sink that takes no failures: the consumer is given them.
struct to_consumer {};

/// How a sink wants a failure: with the item that failed, or alone.
template <class Sink, class Value>
inline constexpr bool keeps_items = requires(Sink& to, failure what, Value const& item) { to.put(std::move(what), item); };
template <class Sink>
inline constexpr bool takes_failures = requires(Sink& to, failure what) { to.put(std::move(what)); };

template <class Items, class Sink>
inline constexpr bool stream_lends = !std::is_same_v<Sink, to_consumer> && keeps_items<Sink, std::ranges::range_value_t<Items>>;
/// What the first element is called with.
template <class Items, class Sink>
using stream_item = std::conditional_t<stream_lends<Items, Sink>, std::remove_cvref_t<item_of<Items>> const&, item_of<Items>>;

/// Where segments begin: at each stage with a place, at an operator that would else stand among several workers, and at a stage that
/// takes batches, but where the source is read.
template <class... Elements>
struct segments {
    static constexpr std::size_t elements = sizeof...(Elements);
    static constexpr std::array<bool, elements> placed_at{has_place<is_on, Elements>...}, operator_at{is_operator<Elements>...}, batch_at{in_batches<Elements>...};
    static constexpr std::array<bool, elements> begins = [] {
        std::array<bool, elements> out{};
        bool wide = false, any = false;
        for (std::size_t i = 0; i < elements; ++i) {
            out[i] = placed_at[i] || (operator_at[i] && wide) || (batch_at[i] && any);
            any = any || out[i];
            if (out[i]) wide = placed_at[i];
        }
        return out;
    }();
    static constexpr std::size_t count = [] {
        std::size_t out = 1;
        for (bool const one : begins) out += one;
        return out;
    }();
    /// The first element of segment `s`; of the one behind the last, the number of elements.
    static constexpr std::array<std::size_t, count + 1> first = [] {
        std::array<std::size_t, count + 1> out{};
        std::size_t s = 0;
        for (std::size_t i = 0; i < elements; ++i)
            if (begins[i]) out[++s] = i;
        out[count] = elements;
        return out;
    }();
    /// The stage whose executor runs segment `s`: its own, or that of the nearest before it; of the source the next behind it.
    static constexpr std::size_t place_of(std::size_t s) {
        auto at = first[s == 0 && count > 1 ? 1 : s];
        while (!placed_at[at]) --at;
        return at;
    }
};
template <class Elements>
struct segments_of;
template <class... Es>
struct segments_of<std::tuple<Es...>> : segments<Es...> {};

/// How an item of the source waits in a buffer: by its place, where the range keeps it, else by value.
template <class Items, class Item>
struct source_item {
    static constexpr bool by_place = false;
    using type = std::remove_cvref_t<Item>;
    static type const& look(type const& held) noexcept { return held; }
    static type hold(Item item) { return type(static_cast<Item>(item)); }
    static Item give(type& held) { return static_cast<Item>(held); }
};
template <class Items, class Item>
    requires(std::ranges::forward_range<Items> && std::is_lvalue_reference_v<std::ranges::range_reference_t<Items>>)
struct source_item<Items, Item> {
    static constexpr bool by_place = true;
    using type = std::remove_reference_t<Item>*;
    static auto const& look(type const& held) noexcept { return *held; }
    static type hold(Item&& item) { return &item; }
    static Item give(type& held) { return static_cast<Item>(*held); }
};

}  // namespace muster::detail
