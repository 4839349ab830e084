#pragma once

#include <array>          // counts
#include <atomic>         // counts
#include <chrono>         // how long a call took
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <ranges>         // range_value_t
#include <span>           // batches
#include <tuple>          // elements
#include <type_traits>    // remove_cvref
#include <utility>        // forward, index_sequence
#include <vector>         // items of a call

#include <muster/core/concepts.hpp>                 // operators
#include <muster/core/context.hpp>                  // context
#include <muster/core/invoke_task.hpp>              // invoke_task, guarded
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/flow/detail/batch.hpp>             // batches
#include <muster/flow/detail/calls.hpp>             // finish
#include <muster/flow/detail/stream_batches.hpp>    // open_batch
#include <muster/flow/detail/stream_parts.hpp>      // segments, values

// The elements of a stream and how an item is brought through them, in one go, by whoever has it: who that is, and when, the engine says.

namespace muster::detail {

/// An item in a buffer; a failure on its way to the consumer.
template <class Value>
struct stream_parcel {
    outcome<Value> value;
    std::size_t index;
};

struct element_counts {
    std::atomic<std::uint64_t> in{0}, out{0}, failed{0}, retried{0}, calls{0};
};

/// What leaves the last element of a go is given to `out`: `value(...)`, or `fail(failure, item...)`; `out.counts` begins with the element
/// `Out::first`. Where items come in batches out of a buffer, `out.index` is set, `out.settle()` told of each, and what is no item
/// of this stage handed to `out.pass_by(cx, parcel)`.
///
/// Threads    `through` of operators, and of batches where the source is read, by one at a time; all else by any number.
template <class Items, class Flow, class Sink>
class stream_elements {
public:
    using range = std::remove_reference_t<Items>;
    using element_tuple = typename elements<Flow>::type;
    static constexpr std::size_t element_count = std::tuple_size_v<element_tuple>;
    using plan = segments_of<element_tuple>;
    static constexpr std::size_t segment_count = plan::count;
    static constexpr bool to_sink = !std::is_same_v<Sink, to_consumer>;
    using source_value = std::ranges::range_value_t<range>;
    static constexpr bool lends = stream_lends<Items, Sink>;
    using first_item = stream_item<Items, Sink>;
    using source = source_item<Items, first_item>;
    using values = typename values_of<first_item, lends, element_tuple>::type;    // behind each element

    template <std::size_t I>
    static auto value_before() {
        if constexpr (I == 0) return std::type_identity<typename source::type>{};
        else return std::type_identity<std::tuple_element_t<I - 1, values>>{};
    }
    template <std::size_t I>
    using before = typename decltype(value_before<I>())::type;
    static constexpr bool threads = segment_count > 1;
    template <class Value>
    using parcel = stream_parcel<Value>;

    explicit stream_elements(Flow&& flow) : elements_(elements<Flow>::of(std::move(flow))) {}
    stream_elements(stream_elements const&) = delete;

    template <std::size_t I>
    [[nodiscard]] auto const& at() const noexcept { return std::get<I>(elements_); }
    [[nodiscard]] auto& counts() noexcept { return counts_; }
    [[nodiscard]] auto const& counts() const noexcept { return counts_; }

    // Where what leaves a segment goes: `value` and `fail`.
    template <std::size_t I, class Out>
    struct emitter {    // what an operator is handed
        stream_elements& of;
        context& cx;
        std::size_t index;
        Out& out;
        void operator()(std::tuple_element_t<I, values> given) {
            one_more(out.counts[I - Out::first].out);
            of.template through<I + 1, Out::last>(cx, index, std::move(given), out);
        }
        void operator()(failure refused) {
            finish(refused, cx);
            one_more(out.counts[I - Out::first].failed);
            out.fail(std::move(refused));
        }
    };

    // Brings an item through the elements from I up to Last.
    template <std::size_t I, std::size_t Last, class Item, class Out>
    void through(context& cx, std::size_t index, Item&& item, Out& out) {
        if constexpr (I == Last) {
            out.value(std::forward<Item>(item));
        } else {
            auto const& element = std::get<I>(elements_);
            using type = std::tuple_element_t<I, element_tuple>;
            one_more(out.counts[I - Out::first].in);
            if constexpr (is_operator<type>) {
                emitter<I, Out> emit{*this, cx, index, out};
                auto& state = std::get<I>(states_);
                auto pushed = guarded<outcome<void>>([&]() -> outcome<void> {
                    std::remove_cvref_t<Item> own(std::forward<Item>(item));
                    if constexpr (requires { element.push(state, std::move(own), emit, cx); }) element.push(state, std::move(own), emit, cx);
                    else element.push(state, std::move(own), emit);
                    return {};
                });
                if (!pushed) emit(std::move(pushed).error());
            } else if constexpr (in_batches<type>) {
                add_to_batch<I, Last>(cx, index, static_cast<Item&&>(item), out);
            } else {
                using value = std::tuple_element_t<I, values>;
                using result = result_of<type, Item&&>;
                if constexpr (!bare<type>::alone || takes_context<type, Item&&>) cx.count_retries(&counts_[I].retried);
                auto answer = invoke_task(element, cx, static_cast<Item&&>(item));
                if (!answer.has_value()) [[unlikely]] {
                    finish(answer.error(), cx);
                    one_more(out.counts[I - Out::first].failed);
                    if constexpr (lends) out.fail(std::move(answer).error(), item);
                    else out.fail(std::move(answer).error());
                    return;
                }
                one_more(out.counts[I - Out::first].out);
                if constexpr (std::is_void_v<typename result::value_type>) through<I + 1, Last>(cx, index, nothing{}, out);
                else if constexpr (I + 1 == Last) out.value(std::move(*answer));
                else through<I + 1, Last>(cx, index, handing<value>(*answer), out);
            }
        }
    }
    template <class Value>
    static handed<Value, lends> handing(Value& from) noexcept { return static_cast<handed<Value, lends>>(from); }

    template <std::size_t I, std::size_t Last, class Out>
    void flush_from(context& cx, std::size_t read, Out& out) {
        if constexpr (I != Last) {
            using type = std::tuple_element_t<I, element_tuple>;
            if constexpr (is_operator<type>) {
                emitter<I, Out> emit{*this, cx, read, out};
                auto flushed = guarded<outcome<void>>([&]() -> outcome<void> {
                    std::get<I>(elements_).flush(std::get<I>(states_), emit);
                    return {};
                });
                if (!flushed) emit(std::move(flushed).error());
            } else if constexpr (gathers_in_passing<I>) {
                close_batch<I, Last>(cx, out);
            }
            flush_from<I + 1, Last>(cx, read, out);
        }
    }

    // Batches

    template <std::size_t I>
    static constexpr bool gathers_in_passing = I < plan::first[1] && in_batches<std::tuple_element_t<I, element_tuple>>;    // where the source is read
    static constexpr bool any_batches = [] {
        return []<std::size_t... I>(std::index_sequence<I...>) { return (in_batches<std::tuple_element_t<I, element_tuple>> || ...); }(std::make_index_sequence<element_count>{});
    }();
    template <std::size_t... I>
    static constexpr bool any_in_passing(std::index_sequence<I...>) { return (gathers_in_passing<I> || ...); }
    static constexpr bool gathers_at_source = any_in_passing(std::make_index_sequence<element_count>{});

    template <std::size_t I>
    static auto value_in_batch() {
        if constexpr (I == 0) return std::type_identity<std::remove_cvref_t<first_item>>{};
        else return std::type_identity<std::tuple_element_t<I - 1, values>>{};
    }
    template <std::size_t I>
    using batch_value = typename decltype(value_in_batch<I>())::type;
    // How an item waits in an open batch that is gathered in passing.
    template <std::size_t I>
    using passing_batch = open_batch<parcel<batch_value<I>>>;
    template <std::size_t I>
    batched const& batching() const noexcept { return *placed<is_batched>(std::get<I>(elements_)); }
    template <std::size_t I, class Held>
    static decltype(auto) give_to_batch(Held& held) noexcept {
        if constexpr (I == 0 && !gathers_in_passing<I>) return source::give(held);
        else return std::move(held);
    }
    // An item of element I as it waits.
    template <std::size_t I, class Held>
    static batch_value<I> const& look_at(Held const& held) noexcept {
        if constexpr (std::is_same_v<Held, batch_value<I>>) return held;
        else return *held;    // it lies in the source
    }

    // Where the source is read, a batch is full, or waits for the next item, or for the end.
    template <std::size_t I, std::size_t Last, class Item, class Out>
    void add_to_batch(context& cx, std::size_t index, Item&& item, Out& out) {
        using value = batch_value<I>;
        static_assert(std::constructible_from<value, Item&&>,
                      "muster: a batch keeps its items until its call, and these can be neither moved nor copied into it: hand on a std::unique_ptr, from a range that gives it away");
        auto& open = std::get<I>(states_);
        auto added = guarded<outcome<void>>([&]() -> outcome<void> {
            auto const& last = open.add({value(static_cast<Item&&>(item)), index});
            if (open.counts_bytes()) open.weighs(bytes_of(*last.value));
            return {};
        });
        if (!added) {
            finish(added.error(), cx);
            one_more(out.counts[I - Out::first].failed);
            return out.fail(std::move(added).error());
        }
        bool full = open.is_full();
        if (!full && open.lingers()) {
            auto const now = cx.now();
            if (open.size() == 1) open.begins(now);
            full = now >= open.due();
        }
        if (full) close_batch<I, Last>(cx, out);
    }
    template <std::size_t I, std::size_t Last, class Out>
    void close_batch(context& cx, Out& out) {
        auto& open = std::get<I>(states_);
        if (open.size() == 0) return;
        auto const wanted = open.full();
        auto some = open.take();
        if (auto const took = call_with_batch<I, Last>(cx, some, out); took >= took.zero()) open.called(wanted, some.size(), took);
    }
    // What was gathered and is not called any more.
    template <std::size_t I, std::size_t Last, class Out>
    void close_batches([[maybe_unused]] context& cx, [[maybe_unused]] Out& out) {
        if constexpr (I != Last) {
            if constexpr (gathers_in_passing<I>) close_batch<I, Last>(cx, out);
            close_batches<I + 1, Last>(cx, out);
        }
    }

    // A failure that passes by, or what could not wait for its stage, is no item of it.
    template <class Parcel>
    static bool is_there(Parcel const& one) noexcept {
        if constexpr (requires { one.refused; })
            if (one.refused) return false;
        return one.value.has_value();
    }

    // Calls element I with some items at once, and brings what it answers through those from I + 1 up to Last; failures among the items
    // go on as they are. Says how long the call took, where that is asked for; less than nothing where it failed.
    template <std::size_t I, std::size_t Last, class Parcel, class Out>
    std::chrono::nanoseconds call_with_batch(context& cx, std::vector<Parcel>& some, Out& out) {
        using type = std::tuple_element_t<I, element_tuple>;
        using item = batch_value<I>;
        using value = std::tuple_element_t<I, values>;
        using whole = result_of<type, std::span<item const>>;
        using result = element_of<typename whole::value_type>;
        auto& counts = out.counts[I - Out::first];
        bool const runs = !cx.stop_requested();
        cx.no_item();
        if constexpr (!bare<type>::alone || takes_context<type, std::span<item const>>) cx.count_retries(&counts_[I].retried);
        gathered<item> together;
        auto const ask = [&]() -> whole {
            together.reserve(some.size());
            for (auto& one : some)
                if (is_there(one)) together.push(give_to_batch<I>(*one.value));
            if (together.size() == 0) return typename whole::value_type{};
            one_more(counts.calls);
            return in_shape(invoke_task(std::get<I>(elements_), cx, together.together()), together.size());
        };
        bool const timed = batching<I>().size == batched::automatic;
        auto const began = timed ? cx.now() : instant{};
        auto answer = runs ? guarded<whole>(ask) : whole{cx.interruption()};
        auto const took = !answer.has_value() ? std::chrono::nanoseconds{-1} : timed ? cx.now() - began : std::chrono::nanoseconds{};
        std::size_t at = 0;
        for (auto& one : some) {
            if constexpr (requires { out.index; }) out.index = one.index;
            if (!is_there(one)) [[unlikely]] {
                if constexpr (!gathers_in_passing<I>) out.pass_by(cx, one);
            } else {
                cx.item(one.index);
                auto answered = answer.has_value() ? result{std::move((*answer)[at])} : result{answer.error()};
                if (answered.has_value()) {
                    one_more(counts.out);
                    if constexpr (std::is_void_v<typename result::value_type>) through<I + 1, Last>(cx, one.index, nothing{}, out);
                    else if constexpr (I + 1 == Last) out.value(std::move(*answered));
                    else through<I + 1, Last>(cx, one.index, handing<value>(*answered), out);
                } else {
                    auto const tried = cx.change_attempt(runs ? 1 : 0);
                    if (runs) finish_in_batch(std::get<I>(elements_), answered.error(), cx);
                    else finish(answered.error(), cx);
                    one_more(counts.failed);
                    if constexpr (!lends) out.fail(std::move(answered).error());
                    else if (at < together.size()) out.fail(std::move(answered).error(), together[at]);
                    else out.fail(std::move(answered).error(), look_at<I>(*one.value));
                }
                ++at;
            }
            if constexpr (requires { out.settle(); }) out.settle();
        }
        return took;
    }

    // Counts: of one thread where the stream has no other.
    static void add(std::atomic<std::uint64_t>& to, std::uint64_t more = 1) noexcept {
        // relaxed: reports alone read it
        if constexpr (threads) to.fetch_add(more, std::memory_order_relaxed);
        else to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    static void one_more(std::atomic<std::uint64_t>& to) noexcept { add(to); }
    static void one_more(std::uint64_t& to) noexcept { ++to; }
    struct few_counts {
        std::uint64_t in = 0, out = 0, failed = 0, calls = 0;
    };
    template <std::size_t First, std::size_t Last>
    void count(std::array<few_counts, Last - First>& some) noexcept {
        for (std::size_t i = First; i != Last; ++i) {
            auto& one = some[i - First];
            if (one.in) add(counts_[i].in, std::exchange(one.in, 0));
            if (one.out) add(counts_[i].out, std::exchange(one.out, 0));
            if (one.failed) add(counts_[i].failed, std::exchange(one.failed, 0));
            if constexpr (any_batches)
                if (one.calls) add(counts_[i].calls, std::exchange(one.calls, 0));
        }
    }

private:
    template <std::size_t I>
    static auto state_type() {
        using type = std::tuple_element_t<I, element_tuple>;
        if constexpr (is_operator<type>) {
            if constexpr (I == 0) return std::type_identity<operator_state<type, source_value>>{};
            else return std::type_identity<operator_state<type, std::tuple_element_t<I - 1, values>>>{};
        } else if constexpr (gathers_in_passing<I>) {
            return std::type_identity<passing_batch<I>>{};
        } else {
            return std::type_identity<nothing>{};
        }
    }
    template <std::size_t... I>
    static auto state_types(std::index_sequence<I...>) -> std::tuple<typename decltype(state_type<I>())::type...>;
    template <std::size_t I>
    auto make_state() const {
        using type = std::tuple_element_t<I, element_tuple>;
        if constexpr (is_operator<type>) {
            if constexpr (I == 0) return std::get<I>(elements_).template make_state<source_value>();
            else return std::get<I>(elements_).template make_state<std::tuple_element_t<I - 1, values>>();
        } else if constexpr (gathers_in_passing<I>) {
            return passing_batch<I>{batching<I>(), most_in_batch(std::get<I>(elements_))};
        } else {
            return nothing{};
        }
    }
    using state_tuple = decltype(state_types(std::make_index_sequence<element_count>{}));
    template <std::size_t... I>
    state_tuple make_states(std::index_sequence<I...>) const { return state_tuple{make_state<I>()...}; }

    element_tuple const elements_;
    state_tuple states_ = make_states(std::make_index_sequence<element_count>{});
    std::array<element_counts, element_count> counts_{};
};

}  // namespace muster::detail
