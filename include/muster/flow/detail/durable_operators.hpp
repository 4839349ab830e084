#pragma once

// The part of a durable run's flow that stands behind its first stage, where there are operators in it. A batch goes through element by element:
// each stage works on all that there is of the batch, at once where it has a place; each operator is given it in the order of its
// records, on the thread of the run, so that what it remembers is the same whenever the batch is done again.

#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <optional>         // a failure that ends the run
#include <string>           // texts
#include <tuple>            // elements, states
#include <type_traits>      // conditional
#include <unordered_set>    // keys that changed
#include <utility>          // move
#include <vector>           // items

#include <muster/core/concepts.hpp>              // operator_state, result_of
#include <muster/core/context.hpp>               // context, origin
#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/invoke_task.hpp>           // guarded
#include <muster/core/outcome.hpp>               // outcome
#include <muster/core/wire.hpp>                  // encoded, decoded
#include <muster/flow/detail/calls.hpp>          // call_item, put
#include <muster/flow/detail/key_hash.hpp>       // key_hash
#include <muster/flow/detail/run.hpp>            // plan_run, run_each
#include <muster/flow/detail/stream_parts.hpp>   // elements, values_of, in_batches
#include <muster/flow/journal.hpp>               // journal_state

namespace muster::detail {

/// An item inside a flow, and what it was made of.
template <class T>
struct durable_item {
    origin from;
    std::size_t index;    // of the record
    T value;
};

/// Whether the items are told apart by what an operator remembers of each key alone: then the keys that changed are kept, not all of them.
template <class Operator, class Item, class State>
concept remembers_by_key = requires(Operator const& with, Item const& item, State& state) {
    { *state.by_key.find(with.key_of(item)) };
    typename State::key;
    typename State::value;
};

/// What one operator remembers, and what of it the journal does not have yet.
template <class Operator, class Item>
class durable_state {
    using state = operator_state<Operator, Item>;
    static constexpr bool travels = transportable<state>;
    static_assert(travels, "muster: a durable run keeps what its operators remember in the journal, and this one's state does not travel: its keys and "
                           "values own their data (std::string for string_view), are aggregates of such, or have a wire<T>");
    static constexpr bool by_key = remembers_by_key<Operator, Item, state>;
    template <class S>
    struct key_of_state {
        using type = nothing;
        using hash = std::hash<int>;
    };
    template <class S>
        requires by_key
    struct key_of_state<S> {
        using type = typename S::key;
        using hash = key_hash<typename S::key>;
    };
    using key = typename key_of_state<state>::type;

public:
    durable_state(Operator const& with, std::uint64_t place) : with_(with), place_(place), now_(with.template make_state<Item>()) {}

    /// Takes over what the journal has.
    outcome<void> begin(std::vector<journal_state> const& kept) {
        if constexpr (travels) {
            std::optional<std::uint64_t> keys;
            bool found = false;
            for (auto const& each : kept) {
                if (each.place != place_) continue;
                if (each.shape != wire_fingerprint<state>) return refused("is of another type: the flow was changed, or its types were");
                found = true;
                if constexpr (by_key) {
                    if (each.key.empty()) {
                        auto number = decoded<std::uint64_t>(*each.bytes);
                        if (!number) return refused("cannot be read: " + number.error().text());
                        keys = *number;
                    } else {
                        auto one = decoded<typename state::key>(each.key);
                        auto value = decoded<typename state::value>(*each.bytes);
                        if (!one || !value) return refused("cannot be read: " + (one ? value.error().text() : one.error().text()));
                        now_.by_key.emplace(*std::move(one), *std::move(value));
                    }
                } else {
                    auto fetched = decoded<state>(*each.bytes);
                    if (!fetched) return refused("cannot be read: " + fetched.error().text());
                    if constexpr (requires { fetched->grid == now_.grid; })
                        if (fetched->grid != now_.grid && fetched->grid != decltype(now_.grid){}) return refused("is of other windows: the flow was changed");
                    now_ = *std::move(fetched);
                    bytes_ = *each.bytes;
                }
            }
            if constexpr (by_key) {
                if (found && (!keys || *keys != now_.by_key.size()))
                    return refused("is of " + std::to_string(now_.by_key.size()) + " keys, and should be of " + std::to_string(keys.value_or(0)));
                keys_ = keys;
            }
            if (!found && !kept.empty()) return refused("is not there: the flow was changed");
        }
        return {};
    }

    template <class Emit>
    void push(Item const& item, Emit& emit_to, context& cx) {
        touched_ = true;
        if constexpr (by_key) changed_.insert(with_.key_of(item));
        Item own(item);    // the item itself is kept for its dead letter
        if constexpr (requires { with_.push(now_, std::move(own), emit_to, cx); }) with_.push(now_, std::move(own), emit_to, cx);
        else with_.push(now_, std::move(own), emit_to);
    }
    template <class Emit>
    void flush(Emit& emit_to) {
        touched_ = true;
        with_.flush(now_, emit_to);
    }

    /// What has changed since it was last said; all of it the first time.
    void say(std::vector<journal_state>& to) {
        if constexpr (!travels) return;
        else if constexpr (by_key) {
            for (auto const& each : changed_) {
                auto const at = now_.by_key.find(each);
                std::optional<std::vector<std::byte>> bytes;
                if (at != now_.by_key.end()) bytes = encoded(at->second);
                to.push_back({place_, wire_fingerprint<state>, encoded(each), std::move(bytes)});
            }
            changed_.clear();
            auto const keys = static_cast<std::uint64_t>(now_.by_key.size());
            if (keys_ != keys) to.push_back({place_, wire_fingerprint<state>, {}, encoded(keys)});
            keys_ = keys;
        } else if (std::exchange(touched_, false) || !bytes_) {
            auto bytes = encoded(now_);
            if (bytes == bytes_) return;
            to.push_back({place_, wire_fingerprint<state>, {}, bytes});
            bytes_ = std::move(bytes);
        }
    }

private:
    [[nodiscard]] failure refused(std::string const& why) const {
        return {cause::invalid_input, "muster: what the journal has of operator " + std::to_string(place_ + 1) + " " + why};
    }

    Operator const& with_;
    std::uint64_t place_;
    state now_;
    bool touched_ = false;
    std::unordered_set<key, typename key_of_state<state>::hash> changed_;
    std::optional<std::uint64_t> keys_;                  // as the journal has it
    std::optional<std::vector<std::byte>> bytes_;        // the same, of one that is kept whole
};

/// The elements of a flow behind its first stage. `Sink` is told what came out, by `put(item)`, and what failed: `fail(failure, value, item)`
/// says whether that ends the run; `interrupted(failure)`, whether it is of the run; `cx()` is the context of the run.
template <class Value, class... Elements>
class durable_operators {
    static constexpr std::size_t count = sizeof...(Elements);
    using chain = values_of<Value const&, true, std::tuple<Elements...>>;
    using values = typename chain::type;
    template <std::size_t I>
    using element = std::tuple_element_t<I, std::tuple<Elements...>>;
    template <std::size_t I, class V>
    struct state_type {
        using type = nothing;
    };
    template <std::size_t I, class V>
        requires is_operator<element<I>>
    struct state_type<I, V> {
        using type = durable_state<element<I>, V>;
    };
    template <std::size_t I>
    static auto before() {
        if constexpr (I == 0) return std::type_identity<Value>{};
        else return std::type_identity<std::tuple_element_t<I - 1, values>>{};
    }
    template <std::size_t... I>
    static auto states_type(std::index_sequence<I...>) -> std::tuple<typename state_type<I, typename decltype(before<I>())::type>::type...>;
    using states = decltype(states_type(std::make_index_sequence<count>{}));

public:
    using output = std::tuple_element_t<count - 1, values>;
    static constexpr std::uint64_t operators = (std::uint64_t{is_operator<Elements>} + ...);

    explicit durable_operators(std::tuple<Elements const&...> elements) : durable_operators(elements, std::make_index_sequence<count>{}) {}

    outcome<void> begin(std::vector<journal_state> const& kept) {
        return each_state([&](auto& one) { return one.begin(kept); });
    }
    void say(std::vector<journal_state>& to) {
        (void)each_state([&](auto& one) -> outcome<void> { return one.say(to), outcome<void>{}; });
    }

    /// True when the batch is through, false when a stop interrupted it; a failure that ends the run.
    template <class Sink>
    outcome<bool> through(std::vector<durable_item<Value>>& items, Sink& to) { return from<0>(items, to); }
    /// What operators hold back to the end of the source.
    template <class Sink>
    outcome<bool> flush(origin const& from, std::size_t index, Sink& to) { return flush_from<0>(from, index, to); }

private:
    template <std::size_t... I>
    durable_operators(std::tuple<Elements const&...> elements, std::index_sequence<I...>)
        : elements_(elements), states_(make_state<I>(std::get<I>(elements))...) {}
    template <std::size_t I, class Element>
    static auto make_state(Element const& with) {
        if constexpr (is_operator<Element>) return std::tuple_element_t<I, states>{with, place_of<I>()};
        else return nothing{};
    }
    template <std::size_t I>
    static constexpr std::uint64_t place_of() {
        constexpr bool all[]{is_operator<Elements>...};
        std::uint64_t out = 0;
        for (std::size_t i = 0; i < I; ++i) out += all[i];
        return out;
    }

    template <class Use>
    outcome<void> each_state(Use const& use) {
        outcome<void> done;
        auto const one = [&](auto& state) {
            if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(state)>, nothing>)
                if (done) done = use(state);
        };
        std::apply([&](auto&... all) { (one(all), ...); }, states_);
        return done;
    }

    // What operators are handed to emit to.
    template <class Out, class Sink, class Item>
    struct emitter {
        std::vector<durable_item<Out>>& to;
        Sink& sink;
        Item const* of;    // null: of none, at the end
        origin from;
        std::size_t index;
        outcome<void> ends{};

        void operator()(Out given) {
            auto where = from;
            bool const again = !to.empty() && to.back().from.partition == from.partition && to.back().from.offset == from.offset;
            where.part = again ? to.back().from.part + 1 : 0;
            to.push_back({where, index, std::move(given)});
        }
        void operator()(failure refused) {
            auto cx = context::below(sink.cx());
            cx.item(index);
            finish(refused, cx);
            if (!ends) return;
            if (of) ends = sink.fail(refused, *of, from);
            else ends = sink.fail(refused, from);
        }
    };

    template <std::size_t I, class V, class Sink>
    outcome<bool> from(std::vector<durable_item<V>>& items, Sink& to) {
        if constexpr (I == count) {
            for (auto& each : items) to.put(std::move(each));
            return true;
        } else if constexpr (is_operator<element<I>>) {
            using out = std::tuple_element_t<I, values>;
            std::vector<durable_item<out>> next;
            auto& state = std::get<I>(states_);
            for (auto const& each : items) {
                emitter<out, Sink, V> emit{next, to, &each.value, each.from, each.index};
                auto pushed = guarded<outcome<void>>([&]() -> outcome<void> { return state.push(each.value, emit, to.cx()), outcome<void>{}; });
                if (!pushed) emit(std::move(pushed).error());
                if (!emit.ends) return emit.ends.error();
            }
            return from<I + 1>(next, to);
        } else {
            return worked<I>(items, to);
        }
    }

    template <std::size_t I, class V, class Sink>
    outcome<bool> worked(std::vector<durable_item<V>>& items, Sink& to) {
        using result = result_of<element<I>, V const&>;
        using out = std::tuple_element_t<I, values>;
        auto const& task = std::get<I>(elements_);
        std::vector<result> results(items.size());
        auto const place = placed<is_on>(task);
        run_each(place, plan_run(place, items.size()), items.size(), to.cx(), [&](std::size_t i, context& cx) {
            auto const origin = cx.change_origin(items[i].from);
            detail::put(results[i], cx, [&]() -> result { return call_item<result>(task, items[i].index, cx, items[i].value); });
        });
        for (auto const& each : results)
            if (!each && to.interrupted(each.error())) return false;
        std::vector<durable_item<out>> next;
        next.reserve(items.size());
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (!results[i]) {
                if (auto goes_on = to.fail(results[i].error(), items[i].value, items[i].from); !goes_on) return goes_on.error();
            } else if constexpr (std::is_same_v<out, nothing>) {
                next.push_back({items[i].from, items[i].index, nothing{}});
            } else {
                next.push_back({items[i].from, items[i].index, *std::move(results[i])});
            }
        }
        return from<I + 1>(next, to);
    }

    template <std::size_t I, class Sink>
    outcome<bool> flush_from(origin const& from, std::size_t index, Sink& to) {
        if constexpr (I == count) {
            return true;
        } else if constexpr (is_operator<element<I>>) {
            using out = std::tuple_element_t<I, values>;
            using item = typename decltype(before<I>())::type;
            std::vector<durable_item<out>> next;
            emitter<out, Sink, item> emit{next, to, nullptr, from, index};
            auto flushed = guarded<outcome<void>>([&]() -> outcome<void> { return std::get<I>(states_).flush(emit), outcome<void>{}; });
            if (!flushed) emit(std::move(flushed).error());
            if (!emit.ends) return emit.ends.error();
            if (auto through = this->template from<I + 1>(next, to); !through || !*through) return through;
            return flush_from<I + 1>(from, index, to);
        } else {
            return flush_from<I + 1>(from, index, to);
        }
    }

    std::tuple<Elements const&...> elements_;
    states states_;
};

/// A flow as a durable run sees it: the stage that records are called with, and what is behind it.
template <class Flow, class Item>
struct durable_flow {
    static constexpr bool has_operators = false, fits = is_task_for<Flow, Item const&>, ends_well = true;
    using front = Flow;
    static Flow const& front_of(Flow const& flow) noexcept { return flow; }
};

/// In front of an operator that is the first: hands the record on.
struct as_it_is {
    template <class T>
    T operator()(T const& record) const { return record; }
};

template <class Item, class First, class... Rest>
struct flow_with_operators {
    static constexpr bool has_operators = true, starts_with_operator = is_operator<First>;
    using front = std::conditional_t<starts_with_operator, as_it_is, First>;
    template <class F>
    struct behind {
        static constexpr bool fits = false, ends_well = true;
    };
    template <class F>
        requires is_task_for<F, Item const&>
    struct behind<F> {
        using value = answer_of<result_of<F, Item const&>>;
        template <class... Es>
        struct of {
            using chain = values_of<value const&, true, std::tuple<Es...>>;
            static constexpr bool fits = chain::fits && !(in_batches<Es> || ...), ends_well = chain::ends_well && !std::is_same_v<value, nothing>;
            using type = durable_operators<value, Es...>;
        };
        using parts = std::conditional_t<starts_with_operator, of<First, Rest...>, of<Rest...>>;
        static constexpr bool fits = parts::fits, ends_well = parts::ends_well;
    };
    static constexpr bool fits = behind<front>::fits, ends_well = behind<front>::ends_well;
};

template <class... Stages, class Item>
    requires(is_operator<Stages> || ...)
struct durable_flow<pipeline<Stages...>, Item> : flow_with_operators<Item, Stages...> {
    using base = flow_with_operators<Item, Stages...>;
    static decltype(auto) front_of(pipeline<Stages...> const& flow) noexcept {
        if constexpr (base::starts_with_operator) return as_it_is{};
        else return (std::get<0>(flow.stages()));
    }
    static auto rest_of(pipeline<Stages...> const& flow) noexcept {
        return std::apply(
            [](auto const& first, auto const&... rest) {
                if constexpr (base::starts_with_operator) return std::tie(first, rest...);
                else return std::tie(rest...);
            },
            flow.stages());
    }
};
template <class Operator, class Item>
    requires is_operator<Operator>
struct durable_flow<Operator, Item> : flow_with_operators<Item, Operator> {
    static as_it_is front_of(Operator const&) noexcept { return {}; }
    static auto rest_of(Operator const& flow) noexcept { return std::tie(flow); }
};

}  // namespace muster::detail
