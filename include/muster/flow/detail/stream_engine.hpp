#pragma once

#include <algorithm>      // reverse
#include <array>          // counts
#include <atomic>         // pumps
#include <chrono>         // how long a handful took
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <deque>          // what an operator gave
#include <exception>      // exception_ptr
#include <limits>         // items of a stream
#include <memory>         // shared_ptr, optional room
#include <mutex>          // trouble
#include <optional>       // what the consumer holds
#include <ranges>         // iterator_t
#include <stop_token>     // stop_source
#include <string>         // texts
#include <tuple>          // elements
#include <utility>        // move, index_sequence
#include <vector>         // a handful

#include <muster/core/concepts.hpp>               // operators
#include <muster/core/context.hpp>                // context
#include <muster/core/invoke_task.hpp>            // invoke_task, guarded
#include <muster/core/outcome.hpp>                // outcome
#include <muster/core/waiter.hpp>                 // wait_point
#include <muster/flow/detail/calls.hpp>           // finish
#include <muster/flow/detail/run.hpp>             // plan_run
#include <muster/flow/detail/stream_parts.hpp>    // segments
#include <muster/flow/detail/stream_ring.hpp>     // stream_ring
#include <muster/flow/detail/stream_store.hpp>    // stream_store
#include <muster/flow/stream_report.hpp>          // stream_report
#include <muster/os/cpus.hpp>                     // granted_cpus
#include <muster/os/relax.hpp>                    // relax

// What runs behind `stream`. Above 400 lines: who reads, who works, who waits and who ends is one protocol.
//
// A segment is worked on by pumps: jobs that are posted to its executor when there is something to do, at most as many at a time as
// it is wide. A pump takes a handful of items, and goes on with the last segment of its executor that has something to do; it ends
// when none has: no input, or no room for answers. So no thread is held by a stage that waits for another one, a stream makes progress
// on one thread, and what is begun goes on before more is begun. A pump reserves room behind it before it takes its input.
//
// Who fills a buffer, or empties one, looks whether the pumps behind, or before, have to be woken; who ends looks once more. At most one
// pump of a segment is posted and not yet begun, and none where as many as the executor has workers are at it already: they come by.
// What nobody began for a while the consumer takes over: nothing is posted in vain where an executor is busy, or has no thread.
//
// A pump takes as many items at once as are over in some 30 us, 32 at most. A serial segment that gives more than it takes (an
// operator) keeps what there is no room for, and takes nothing before that is gone.

namespace muster::detail {

// Pumps of a segment.
struct alignas(64) stream_lane {
    std::size_t width = 1;
    std::atomic<std::size_t> active{0};         // posted or running
    std::atomic<bool> posted{false};            // one of them has not begun
    std::size_t crew = 0;                       // the first segment of the same executor, where the pumps of all of them are counted:
    std::size_t crew_width = 0;                 // so many are of use,
    std::atomic<std::size_t> crew_active{0};    // so many are posted or running
    std::atomic<bool> over{false};
    std::atomic<bool> keeps{false};             // what it gave and there was no room for
    // What an item takes, as it was of late, in nanoseconds: rises at once, up to fourfold, and falls by a sixteenth a look. Where now
    // and then an item waits, no other is to wait for it; nor the consumer, so it is believed after some looks only. A hint: what
    // another pump noted meanwhile may be lost.
    static constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max() / 2;
    std::atomic<std::uint32_t> item_time{unknown};
    std::atomic<std::uint32_t> looks{0};
    static constexpr std::uint32_t enough_looks = 64;
    [[nodiscard]] bool below(std::chrono::nanoseconds bound) const noexcept {
        return looks.load(std::memory_order_relaxed) >= enough_looks && item_time.load(std::memory_order_relaxed) < static_cast<std::uint32_t>(bound.count());
    }
    void note(std::uint64_t each) noexcept {
        if (auto const before = looks.load(std::memory_order_relaxed); before < enough_looks) looks.store(before + 1, std::memory_order_relaxed);
        auto const last = item_time.load(std::memory_order_relaxed);
        auto const most = last >= unknown / 4 ? unknown : 4 * (last + 1);
        auto const now = static_cast<std::uint32_t>(std::min<std::uint64_t>(each, most));
        auto const next = now >= last || last == unknown ? now : last - (last - now + 15) / 16;
        if (next != last) item_time.store(next, std::memory_order_relaxed);
    }
    std::mutex order;                           // where the order is kept: input and place are taken together
};

// What a pump owes to the consumer, which sleeps: word that something is there.
struct stream_debt {
    bool there = false;
    std::chrono::steady_clock::time_point since{};
};

struct element_counts {
    std::atomic<std::uint64_t> in{0}, out{0}, failed{0}, retried{0};
};

template <class Items, class Flow, class Sink>
class stream_engine : public std::enable_shared_from_this<stream_engine<Items, Flow, Sink>> {
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

    // An item in a buffer; a failure on its way to the consumer.
    template <class Value>
    struct parcel {
        outcome<Value> value;
        std::size_t index;
    };

    // What items wait in, in front of segment S: a ring, or what the first stage of it asks for.
    template <std::size_t S>
    static constexpr bool lent_before = plan::first[S] == 0 && source::by_place;
    template <std::size_t S>
    struct seen {
        auto const& operator()(parcel<before<plan::first[S]>> const& held) const noexcept {
            if constexpr (plan::first[S] == 0) return source::look(*held.value);
            else return *held.value;
        }
    };
    template <std::size_t S>
    static auto line_before() {
        using element = std::tuple_element_t<plan::first[S], element_tuple>;
        using carried = parcel<before<plan::first[S]>>;
        using says = waiting_of<element>;
        if constexpr (says::disciplined) {
            using discipline = std::remove_cvref_t<decltype(*placed<is_discipline>(std::declval<element const&>()))>;
            constexpr bool orders = requires(discipline const& by) { by.template make_queue<carried>(std::size_t{}, seen<S>{}); };
            static_assert(orders, "muster: who is next among those that wait for a stage is said of what comes to it: fair{key_of(item)}, "
                                  "with a key that std::hash knows, or by_priority{priority_of(item)}");
            if constexpr (orders) return std::type_identity<disciplined_line<carried, decltype(std::declval<discipline const&>().template make_queue<carried>(std::size_t{}, seen<S>{}))>>{};
            else return std::type_identity<fifo_line<carried>>{};
        } else if constexpr (says::full == when_full::spill && !lent_before<S>) {
            constexpr bool travels = transportable<before<plan::first[S]>>;
            static_assert(travels, "muster: what is spilled to the disk is transportable (core/wire.hpp): numbers, the owning types of std, "
                                   "aggregates of them, and types with a wire<T>");
            if constexpr (travels) return std::type_identity<spilled_line<carried>>{};
            else return std::type_identity<fifo_line<carried>>{};
        } else {
            return std::type_identity<fifo_line<carried>>{};
        }
    }
    template <std::size_t S>
    static auto place_before() {
        using carried = parcel<before<plan::first[S]>>;
        if constexpr (S == segment_count) {
            return std::type_identity<stream_ring<carried>>{};
        } else {
            using says = waiting_of<std::tuple_element_t<plan::first[S], element_tuple>>;
            constexpr auto full = says::full == when_full::spill && lent_before<S> ? when_full::block : says::full;    // they wait in the range
            if constexpr (says::plain || (full == when_full::block && !says::throttled && !says::disciplined)) return std::type_identity<stream_ring<carried>>{};
            else return std::type_identity<stream_store<carried, typename decltype(line_before<S>())::type, full, says::throttled>>{};
        }
    }

public:
    using value_type = before<element_count>;
    using held = outcome<std::conditional_t<std::is_same_v<value_type, nothing> && !to_sink, void, value_type>>;
    static constexpr bool threads = segment_count > 1;

    template <class Range>
    stream_engine(Range&& items, Flow&& flow, Sink& sink, context const& around)
        : items_(std::forward<Range>(items)), elements_(elements<Flow>::of(std::move(flow))), sink_(sink), outer_(around),
          may_stop_(around.may_stop()) {
        if constexpr (threads) start(std::make_index_sequence<segment_count>{});
        else inside_.emplace(context::below(outer_));
    }
    stream_engine(stream_engine const&) = delete;

    /// Makes the next item of the consumer; false at the end.
    bool next() {
        current_.reset();
        if constexpr (threads) return next_of_buffer();
        else return next_inline();
    }
    [[nodiscard]] auto& current() noexcept {
        if constexpr (to_sink) return **current_;
        else return *current_;
    }

    /// The consumer leaves: nothing more is begun, and nobody is inside when this returns.
    void leave() noexcept {
        if constexpr (threads) {
            left_.store(true);
            stop_.request_stop();
            for (auto now = inside_pumps_.load(); now != 0; now = inside_pumps_.load()) inside_pumps_.wait(now);
        }
    }

    [[nodiscard]] stream_report report() const {
        stream_report out{.read = read_.load(), .yielded = yielded_.load(), .failed = failed_.load(), .over = over_.load(), .stopped = stopped_.load(), .stages = {}};
        report_stages(out, std::make_index_sequence<element_count>{});
        return out;
    }

private:
    // Elements

    // Where what leaves a segment goes: `value` and `fail`.
    template <std::size_t I, class Out>
    struct emitter {    // what an operator is handed
        stream_engine& engine;
        context& cx;
        std::size_t index;
        Out& out;
        void operator()(std::tuple_element_t<I, values> given) {
            one_more(out.counts[I - Out::first].out);
            engine.template through<I + 1, Out::last>(cx, index, std::move(given), out);
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
    void flush_from(context& cx, Out& out) {
        if constexpr (I != Last) {
            using type = std::tuple_element_t<I, element_tuple>;
            if constexpr (is_operator<type>) {
                emitter<I, Out> emit{*this, cx, read_.load(std::memory_order_relaxed), out};
                auto flushed = guarded<outcome<void>>([&]() -> outcome<void> {
                    std::get<I>(elements_).flush(std::get<I>(states_), emit);
                    return {};
                });
                if (!flushed) emit(std::move(flushed).error());
            }
            flush_from<I + 1, Last>(cx, out);
        }
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
        std::uint64_t in = 0, out = 0, failed = 0;
    };
    template <std::size_t First, std::size_t Last>
    void count(std::array<few_counts, Last - First>& some) noexcept {
        for (std::size_t i = First; i != Last; ++i) {
            auto& one = some[i - First];
            if (one.in) add(counts_[i].in, std::exchange(one.in, 0));
            if (one.out) add(counts_[i].out, std::exchange(one.out, 0));
            if (one.failed) add(counts_[i].failed, std::exchange(one.failed, 0));
        }
    }

    // Failures: true when the sink took it.
    template <class... Payload>
    bool sunk(failure& what, Payload const&... item) {
        add(failed_);
        if constexpr (!to_sink) {
            return false;
        } else {
            try {
                if constexpr (sizeof...(Payload) == 1 && (keeps_items<Sink, Payload> && ...)) sink_.put(std::move(what), item...);
                else sink_.put(std::move(what));
            } catch (...) {
                note_trouble(std::current_exception(), true);    // thrown again where the consumer asks for the next item
            }
            return true;
        }
    }
    // `now`: nothing else is worked on.
    void note_trouble(std::exception_ptr what, bool now) noexcept {
        std::lock_guard lock(trouble_mutex_);
        if (!trouble_) trouble_ = std::move(what);
        if (!now) return;
        has_trouble_.store(true);
        stop_.request_stop();
        if constexpr (threads) kick<segment_count>();
    }
    void throw_trouble() {
        std::unique_lock lock(trouble_mutex_);
        if (auto const what = std::exchange(trouble_, nullptr)) {
            lock.unlock();
            leave();
            over_.store(true);
            std::rethrow_exception(what);
        }
    }

    // Source

    enum class reading { item, ended, stopped };

    // Goes to the next item of the source, which `*at_` is then.
    reading advance(context& cx) {
        if (source_over_) return reading::ended;
        if (may_stop_ && cx.stop_requested()) return source_over_ = true, reading::stopped;
        if (!at_) at_.emplace(std::ranges::begin(items_));
        else if (read_.load(std::memory_order_relaxed) != 0) ++*at_;
        if (*at_ == std::ranges::end(items_)) return source_over_ = true, reading::ended;
        return reading::item;
    }
    template <class Use>
    auto with_item(Use const& use) {
        if constexpr (!std::ranges::forward_range<range>) {
            source_value taken = **at_;
            return use(static_cast<first_item>(taken));
        } else {
            return use(static_cast<first_item>(**at_));
        }
    }
    failure not_read(context& cx) {
        auto const index = read_.load(std::memory_order_relaxed);
        stopped_.store(true);
        cx.item(index);
        auto const never_tried = cx.change_attempt(0);
        auto what = cx.interruption();
        what.note("; the source was read up to item " + std::to_string(index));
        finish(what, cx);
        return what;
    }

    // On the consumer's thread alone

    struct to_current {
        static constexpr std::size_t first = 0, last = element_count;
        stream_engine& engine;
        std::array<element_counts, element_count>& counts = engine.counts_;
        void value(value_type&& given) { engine.give(std::move(given)); }
        template <class... Payload>
        void fail(failure&& what, Payload const&... item) {
            if (!engine.sunk(what, item...)) engine.give(std::move(what));
        }
    };
    static held as_held(failure&& what) { return held{std::move(what)}; }
    static held as_held(value_type&& given) {
        if constexpr (std::is_same_v<value_type, nothing> && !to_sink) return held{};
        else return held{std::move(given)};
    }
    template <class Given>
    void give(Given&& given) {
        if (!current_) current_.emplace(as_held(std::forward<Given>(given)));
        else ready_.push_back(as_held(std::forward<Given>(given)));
    }
    bool next_inline() {
        if (has_trouble_.load(std::memory_order_relaxed)) throw_trouble();
        if (!ready_.empty()) {
            current_.emplace(std::move(ready_.front()));
            ready_.pop_front();
            return add(yielded_), true;
        }
        auto& cx = *inside_;
        to_current out{*this};
        while (!over_.load(std::memory_order_relaxed)) {
            auto const now = advance(cx);
            if (now == reading::item) {
                auto const index = read_.load(std::memory_order_relaxed);
                add(read_);
                cx.item(index);
                with_item([&](auto&& item) { through<0, element_count>(cx, index, static_cast<decltype(item)>(item), out); });
            } else {
                over_.store(true);
                if (now == reading::stopped) {
                    auto what = not_read(cx);
                    out.fail(std::move(what));
                } else {
                    cx.no_item();
                    flush_from<0, element_count>(cx, out);
                }
            }
            if (has_trouble_.load(std::memory_order_relaxed)) throw_trouble();
            if (current_) return add(yielded_), true;
        }
        return false;
    }

    // Pumps

    template <std::size_t S>
    auto& ring() noexcept { return *std::get<S - 1>(rings_); }    // in front of segment S; behind the last one, of the consumer
    template <std::size_t S>
    auto& lane() noexcept { return lanes_[S]; }
    template <std::size_t S>
    static constexpr bool serial = S == 0 || !plan::placed_at[plan::first[S]];
    template <std::size_t S>
    static constexpr bool keeps_order = [] {
        if constexpr (serial<S>) return false;
        else return has_place<is_in_order, std::tuple_element_t<plan::first[S], element_tuple>>;
    }();
    template <std::size_t S>
    auto const* place() const noexcept { return placed<is_on>(std::get<plan::place_of(S)>(elements_)); }

    template <std::size_t S>
    std::size_t buffer_of() const {
        std::size_t wanted = buffer{}.items;
        if constexpr (S < segment_count) {
            using first = std::tuple_element_t<plan::first[S], element_tuple>;
            // Beside spill it says how many may be in memory; what is lent is there already.
            constexpr bool of_memory = waiting_of<first>::full == when_full::spill && lent_before<S>;
            if constexpr (has_place<is_buffer, first> && !of_memory) wanted = placed<is_buffer>(std::get<plan::first[S]>(elements_))->items;
        }
        return std::clamp<std::size_t>(wanted, 1, std::size_t{1} << 62);    // with the width of a stage it is a number still
    }

    template <std::size_t... S>
    void start(std::index_sequence<S...>) {
        ((lanes_[S].width = width_of<S>()), ...);
        (join_crew<S>(std::make_index_sequence<S>{}), ...);
        (make_ring<S>(), ...);
        link_.emplace(outer_.stop(), stop_now{&stop_});
        may_stop_ = true;
    }
    template <std::size_t S>
    std::size_t width_of() const {
        if constexpr (serial<S>) return 1;
        else {
            using where = std::remove_cvref_t<decltype(place<S>()->where())>;
            constexpr bool here = !runner<where>;
            static_assert(here, "muster: a stage of a stream runs in this process: write on{pool} | isolate{cells} | task, not on{cells} | task");
            return plan_run(place<S>(), std::numeric_limits<std::size_t>::max()).width;
        }
    }
    // Segments of one executor have their pumps together.
    template <std::size_t S, std::size_t... T>
    void join_crew(std::index_sequence<T...>) noexcept {
        auto const& where = place<S>()->where();
        [[maybe_unused]] auto const there = [&](std::size_t other, void const* its) { return its == static_cast<void const*>(&where) && (lanes_[S].crew = other, true); };
        lanes_[S].crew = S;
        (void)(there(T, &place<T>()->where()) || ...);
        auto& all = lanes_[lanes_[S].crew];
        all.crew_width = std::min<std::size_t>(all.crew_width + lanes_[S].width, std::max<std::size_t>(1, where.width()));
    }
    // What is inside a stage has its place behind it already.
    template <std::size_t S>
    void make_ring() {
        using value = before<plan::first[S + 1]>;
        static_assert(std::is_nothrow_move_constructible_v<value>,
                      "muster: what waits in the buffers of a stream is moved, and its move must not throw: hand on a std::unique_ptr of it");
        using type = typename decltype(place_before<S + 1>())::type;
        auto const items = buffer_of<S + 1>();
        auto const room = items + lanes_[S].width;
        if constexpr (type::plain) std::get<S>(rings_) = std::make_unique<type>(room);
        else std::get<S>(rings_) = make_store<S + 1, type>(items, room);
    }
    template <std::size_t S, class Store>
    std::unique_ptr<Store> make_store(std::size_t items, std::size_t room) const {
        auto const& element = std::get<plan::first[S]>(elements_);
        using type = std::tuple_element_t<plan::first[S], element_tuple>;
        using says = waiting_of<type>;
        throttle rate;
        std::size_t every = 1;
        if constexpr (says::throttled) rate = *placed<is_throttle>(element);
        if constexpr (says::full == when_full::sample) every = placed<is_sample>(element)->every;
        auto line = [&] {
            using line_type = typename Store::line_type;
            if constexpr (says::disciplined) {
                // Who blocks is bounded by the room: no item of the source waits for the share of its key, and holds up the others.
                auto const most = says::full == when_full::block ? std::numeric_limits<std::size_t>::max() : items;
                return line_type{placed<is_discipline>(element)->template make_queue<parcel<before<plan::first[S]>>>(most, seen<S>{})};
            } else if constexpr (says::full == when_full::spill && !lent_before<S>) {
                return line_type{*placed<is_spill>(element), has_place<is_buffer, type> ? items : std::numeric_limits<std::size_t>::max()};
            } else {
                return line_type{};
            }
        };
        return std::make_unique<Store>(items, room, line(), outer_.waiting(), rate, every);
    }

    // Posts a pump of segment S, if there is something for it to do and those who are at it are not enough. `Apart`: whoever asks may
    // be away for long, and does not count.
    template <std::size_t S, bool Apart = false>
    void kick() noexcept {
        if constexpr (S == segment_count) {
            // All sequential, as what was done before: the consumer sees what is there, or we see that it waits.
            if (waits_.load() && waits_.exchange(false)) awaited_.wake_kept();
        } else {
            auto& my = lane<S>();
            auto& crew = lanes_[my.crew];
            // All sequential, as what was done before: the pump that ends sees what is there, or we see that it has ended.
            auto const active = crew.crew_active.load();
            if (is_light<S>()) return active == 0 ? kick<segment_count>() : void();
            if (!Apart && active >= crew_room(crew)) {
                if (active < crew.crew_width && has_work<S>()) kick<segment_count>();    // the consumer is the one that is missing
                return;
            }
            for (;;) {
                if (my.active.load() >= my.width || my.posted.load() || !has_work<S>() || !step_in<S>()) return;
                if (!my.posted.exchange(true)) break;    // after it has stepped in: whoever finds it posted may begin it
                my.active.fetch_sub(1);
            }
            crew.crew_active.fetch_add(1);
            try {
                place<S>()->where().post([me = this->weak_from_this()] {
                    if (auto const self = me.lock())
                        if (self->template lane<S>().posted.exchange(false)) self->template pump<S>();
                });
                if (!Apart || active < crew.crew_width) return;
            } catch (...) {    // no thread is to be had
            }
            kick<segment_count>();    // the consumer takes it over, if nobody begins it
        }
    }
    // Pumps that are of use for a crew: a consumer that works is one of them where each would have a processor.
    [[nodiscard]] std::size_t crew_room(stream_lane const& crew) const noexcept {
        return crew.crew_width > 1 && crew.crew_width >= cpus_ && consumer_works_.load() ? crew.crew_width - 1 : crew.crew_width;
    }
    // True when a buffer full of items takes no longer than to wake somebody: the consumer does it all when it comes by.
    template <std::size_t S>
    [[nodiscard]] bool is_light() noexcept { return is_light_at<S>(std::make_index_sequence<segment_count>{}); }
    template <std::size_t S, std::size_t... T>
    [[nodiscard]] bool is_light_at(std::index_sequence<T...>) noexcept {
        auto const crew = lane<S>().crew;
        std::uint64_t each = 0;
        return ((lanes_[T].crew != crew || (consumer_helps<T> && lanes_[T].below(light) && (each += lanes_[T].item_time.load(std::memory_order_relaxed), true))) && ...) &&
               each * ring<S + 1>().size() <= static_cast<std::uint64_t>(light.count());
    }
    template <std::size_t S>
    static constexpr bool consumer_helps = S != 0 || std::ranges::forward_range<range>;    // other sources may wait for whoever writes them
    // To wake somebody for there has to be room for half a buffer; who is awake takes what there is.
    template <std::size_t S, bool Awake = false>
    [[nodiscard]] bool has_work() noexcept {
        if (left_.load(std::memory_order_relaxed) || lane<S>().over.load()) return false;
        auto& behind = ring<S + 1>();
        bool const room = Awake ? behind.has_room() : behind.asks();
        if constexpr (S == 0) return room;
        else if (ring<S>().over()) return lane<S>().active.load() == 0 && (room || !lane<S>().keeps.load());    // else the last of them ends it
        else return room && (ring<S>().ready() || lane<S>().keeps.load());
    }

    template <std::size_t S>
    auto& kept() noexcept { return std::get<S>(kept_); }

    template <std::size_t S>
    struct to_ring;
    template <std::size_t S>
    static constexpr bool wide = !serial<S> && !keeps_order<S>;
    template <std::size_t S, std::size_t T>
    static constexpr bool same_kind_of_place =
        std::is_same_v<decltype(std::declval<stream_engine&>().template place<S>()), decltype(std::declval<stream_engine&>().template place<T>())>;
    template <std::size_t S>
    static constexpr bool goes_on = [] {
        if constexpr (S == 0 || S + 1 >= segment_count) return false;
        else return same_kind_of_place<S, S + 1> && wide<S> && wide<S + 1> && decltype(place_before<S + 1>())::type::plain;
    }();
    template <std::size_t S>
    struct to_next_of { using type = std::optional<to_ring<S + 1>>; };
    template <std::size_t S>
    using to_next = typename std::conditional_t<goes_on<S>, to_next_of<S>, std::type_identity<nothing>>::type;

    // Where what leaves segment S goes.
    template <std::size_t S>
    struct to_ring {
        explicit to_ring(stream_engine& of) noexcept : engine(of) {}

        static constexpr std::size_t first = plan::first[S], last = plan::first[S + 1];
        using value_type = before<last>;
        stream_engine& engine;
        std::array<few_counts, last - first> counts{};
        std::size_t index = 0;
        std::size_t room = 0;             // reserved
        std::uint64_t place = 0;          // claimed, where the order is kept
        bool settled = false;             // the same
        context* cx = nullptr;            // of the segment behind, where the items go on with
        to_next<S> next{};

        void value(value_type&& given) { put({std::move(given), index}); }
        template <class... Payload>
        void fail(failure&& what, Payload const&... item) {
            if (!engine.sunk(what, item...)) put({std::move(what), index});
        }
        void put(parcel<value_type>&& given) {
            auto& ring = engine.template ring<S + 1>();
            if constexpr (keeps_order<S>) {
                ring.fill(place, std::move(given));
                settled = true;
            } else {
                if constexpr (goes_on<S>) {
                    if (cx && next->room != 0) {
                        next->index = given.index;
                        return engine.template do_one<S + 1>(*cx, given, *next);
                    }
                }
                if constexpr (serial<S>) {
                    auto& kept = engine.template kept<S>();
                    if (!kept.empty() || (room == 0 && (room = ring.reserve(1)) == 0)) {
                        kept.push_back(std::move(given));
                        return engine.template lane<S>().keeps.store(true);
                    }
                }
                --room;
                ring.fill(ring.claim(), std::move(given));
            }
            if constexpr (S + 1 != segment_count) engine.template kick<S + 1, S == 0 && !consumer_helps<0>>();    // the consumer is told by the pump
        }
        // The items of a handful go through the next segment on this thread, if both are quick, after those who wait there.
        void open([[maybe_unused]] std::size_t most, [[maybe_unused]] context& with) {
            if constexpr (goes_on<S>) {
                auto& there = engine.template lane<S + 1>();
                if (!there.below(quick)) return;
                if (engine.template lane<S>().crew != there.crew) return;
                if (!engine.template step_in<S + 1>()) return;
                // Who waits there comes first.
                for (int handfuls = 0; engine.template ring<S + 1>().ready(); ++handfuls) {
                    if (handfuls == 2) return engine.template step_out<S + 1>();
                    engine.template work_on<S + 1>(with);
                }
                cx = &with;
                next.emplace(engine);
                next->room = engine.template ring<S + 2>().reserve(most);
                next->open(next->room, with);
            }
        }
        void close([[maybe_unused]] std::int64_t each) noexcept {
            if constexpr (goes_on<S>) {
                if (!std::exchange(cx, nullptr)) return;
                next->close(each);
                engine.template count<to_ring<S + 1>::first, to_ring<S + 1>::last>(next->counts);
                engine.template ring<S + 2>().free(next->room);
                if (each > quick.count()) engine.template lane<S + 1>().note(static_cast<std::uint64_t>(each));
                engine.template step_out<S + 1>();
            }
        }
        // The item of the place that was claimed has been dealt with.
        void settle() noexcept {
            if constexpr (keeps_order<S>) {
                if (!std::exchange(settled, false)) {
                    engine.template ring<S + 1>().leave_out(place);
                    if constexpr (S + 1 != segment_count) engine.template kick<S + 1>();
                }
                ++place;
            }
        }
    };

    // Becomes one of those who work on S, where it is not full.
    template <std::size_t S>
    bool step_in() noexcept {
        auto& there = lane<S>();
        auto now = there.active.load();
        do {
            if (now >= there.width) return false;
        } while (!there.active.compare_exchange_weak(now, now + 1));
        return true;
    }
    // A pump of the segment before S has worked here: as that has not ended, this has not.
    template <std::size_t S>
    void step_out() noexcept {
        lane<S>().active.fetch_sub(1);
        kick<S>();
    }

    static constexpr std::size_t handful = 32;                       // items that a pump takes at once, at most,
    static constexpr std::chrono::nanoseconds handful_time{30'000};    // and about what they may take together
    static constexpr std::chrono::nanoseconds quick{1'000};            // items that go through several segments on one thread
    static constexpr std::chrono::nanoseconds light{20'000};           // work that is not worth a wake-up
    static constexpr std::chrono::nanoseconds patience{1'000'000};     // of a consumer that waits while all are busy
    static constexpr std::chrono::nanoseconds away{200'000};           // a consumer that did not come by is not one of those who work
    static constexpr std::chrono::nanoseconds brief{100'000};          // items of which the consumer does some itself

    // Works on what there is for segment S, and then for others of its executor, on a thread of that.
    template <std::size_t S>
    void pump() noexcept {
        inside_pumps_.fetch_add(1);
        auto& crew = lanes_[lane<S>().crew];
        bool retired = false;    // the consumer does what this one did
        {
            context cx = context::below(outer_);
            auto const stops = cx.change_stop(stop_.get_token());
            auto const waits = cx.change_waiter(waiting_at(place<S>()->where(), false));
            stream_debt owed;
            for (auto at = S; at != no_segment;) {
                at = turn<S>(at, cx, retired, std::make_index_sequence<segment_count>{});
                settle_with_consumer(owed, at);
            }
        }
        if (!retired) crew.crew_active.fetch_sub(1);
        kick_crew<S>(std::make_index_sequence<segment_count>{});    // whoever counted on us
        pump_ends();
    }
    // Tells the consumer that there is something for it: at once where this pump may be away for long, else when it is worth it.
    void settle_with_consumer(stream_debt& owed, std::size_t next) noexcept {
        auto const& there = ring<segment_count>();
        bool const sleeps = waits_.load();
        if (consumer_works_.load() || sleeps) {
            auto const now = std::chrono::steady_clock::now();
            if (!sleeps && now.time_since_epoch().count() - consumer_came_.load(std::memory_order_relaxed) > away.count()) consumer_works_.store(false);
            if (sleeps && there.ready()) {
                if (!std::exchange(owed.there, true)) owed.since = now;
                if (next == no_segment || (next == 0 && !consumer_helps<0>) || !lanes_[next].below(brief) || 4 * there.waiting() >= 3 * there.size() || now - owed.since >= patience)
                    kick<segment_count>();
                return;
            }
        }
        owed.there = false;
    }
    // Does a handful of what there is for segment S, on the consumer's thread.
    template <std::size_t S>
    void help_once() noexcept {
        inside_pumps_.fetch_add(1);
        {
            context cx = context::below(outer_);
            auto const stops = cx.change_stop(stop_.get_token());
            auto const waits = cx.change_waiter(waiting_at(place<S>()->where(), true));
            if constexpr (S == 0) read_on<true>(cx);
            else work_on<S>(cx);
        }
        leave_lane<S>();
        kick<S>();
        pump_ends();
    }
    // The consumer that leaves waits for this, and may be gone right after it: who posted us holds the engine.
    void pump_ends() noexcept {
        if (inside_pumps_.fetch_sub(1) == 1 && left_.load()) inside_pumps_.notify_all();
    }
    static constexpr std::size_t no_segment = segment_count;

    // A turn at a segment where this pump has stepped in; gives the one where it has stepped in for the next.
    template <std::size_t S, std::size_t... T>
    std::size_t turn(std::size_t at, context& cx, bool& retired, std::index_sequence<T...>) noexcept {
        (void)((at == T && (turn_at<S, T>(cx), true)) || ...);
        auto& crew = lanes_[lane<S>().crew];
        auto next = no_segment;
        auto active = crew.crew_active.load();
        retired = active > crew_room(crew) && crew.crew_active.compare_exchange_strong(active, active - 1);
        if (!retired) (void)(is_light<S>() || (next_at<S, segment_count - 1 - T>(lane<S>().crew, next) || ...));
        // What is there besides is for others, if there are any.
        if (next != at) (void)((at == T && (kick<T>(), true)) || ...);
        return next;
    }
    template <std::size_t S, std::size_t T>
    void turn_at(context& cx) noexcept {
        if constexpr (same_kind_of_place<S, T>) {
            if (!left_.load()) {
                if constexpr (T == 0) read_on<false>(cx);
                else work_on<T>(cx);
            }
            leave_lane<T>();
        }
    }
    template <std::size_t S, std::size_t T>
    bool next_at(std::size_t crew, std::size_t& next) noexcept {
        if constexpr (same_kind_of_place<S, T>) {
            if (lane<T>().crew != crew || !has_work<T, true>() || !step_in<T>()) return false;
            next = T;
            return true;
        } else {
            return false;
        }
    }
    template <std::size_t S, std::size_t... T>
    void kick_crew(std::index_sequence<T...>) noexcept {
        ((lane<T>().crew == lane<S>().crew ? kick<T>() : void()), ...);
    }
    template <std::size_t S>
    void leave_lane() noexcept {
        bool ended = false;
        if constexpr (!serial<S>) ended = ring<S>().over();    // first: nobody can begin with an item after it
        if (lane<S>().active.fetch_sub(1) == 1 && ended) end<S>();
    }
    template <class Where>
    waiter_ref waiting_at(Where& where, bool helps) const {
        if constexpr (has_waiter<Where>)
            if (!helps && !outer_.waiting().rules_time()) return where.waiting();
        return outer_.waiting();
    }
    template <std::size_t S>
    void end() noexcept {
        if (lane<S>().over.exchange(true)) return;
        ring<S + 1>().end();
        kick<S + 1>();
    }

    // Puts down what a serial segment kept; false while there is no room for all of it.
    template <std::size_t S>
    bool put_down_kept() noexcept {
        auto& kept = this->template kept<S>();
        auto& to = ring<S + 1>();
        while (!kept.empty()) {
            if (to.reserve(1) == 0) return false;
            to.fill(to.claim(), std::move(kept.front()));
            kept.pop_front();
            kick<S + 1>();
        }
        lane<S>().keeps.store(false);
        return true;
    }

    template <bool Helps>
    void read_on(context& cx) noexcept {
        to_ring<0> out{*this};
        auto since = std::chrono::steady_clock::now();
        for (std::size_t done = 0; !left_.load(std::memory_order_relaxed) && !(Helps && done == handful) && put_down_kept<0>(); ++done) {
            if (flushed_[0]) {
                count<0, plan::first[1]>(out.counts);    // first: at the end a report adds up
                end<0>();
                break;
            }
            if (done % handful == handful - 1) look<0>(since, handful);
            if (out.room == 0 && (out.room = ring<1>().reserve(handful)) == 0) break;
            auto now = reading::ended;
            try {
                now = advance(cx);
                if (now == reading::item) {
                    out.index = read_.load(std::memory_order_relaxed);
                    cx.item(out.index);
                    add(read_);
                    if constexpr (plan::first[1] == 0) {
                        if constexpr (!std::ranges::forward_range<range>) out.put({source_value(**at_), out.index});
                        else out.put({source::hold(static_cast<first_item>(**at_)), out.index});
                    } else {
                        with_item([&](auto&& item) { through<0, plan::first[1]>(cx, out.index, static_cast<decltype(item)>(item), out); });
                    }
                }
            } catch (...) {    // the source: the consumer is told once it has what was read before
                source_over_ = true;
                now = reading::ended;
                note_trouble(std::current_exception(), false);
            }
            if (now == reading::stopped) {
                if (!left_.load() && !has_trouble_.load()) {
                    auto what = not_read(cx);
                    out.index = read_.load(std::memory_order_relaxed);
                    out.fail(std::move(what));
                }
                flushed_[0] = true;
            } else if (now == reading::ended) {
                cx.no_item();
                flush_from<0, plan::first[1]>(cx, out);
                flushed_[0] = true;
            }
        }
        count<0, plan::first[1]>(out.counts);
        ring<1>().free(out.room);
    }

    // Notes what each of some items took since then; gives it, in nanoseconds.
    template <std::size_t S>
    std::int64_t look(std::chrono::steady_clock::time_point& since, std::size_t items) noexcept {
        auto const now = std::chrono::steady_clock::now();
        auto const each = std::chrono::nanoseconds{now - std::exchange(since, now)}.count() / static_cast<std::int64_t>(items);
        lane<S>().note(static_cast<std::uint64_t>(each));
        return each;
    }

    // A handful of what there is for segment S.
    template <std::size_t S>
    void work_on(context& cx) noexcept {
        auto& my = lane<S>();
        auto& from = ring<S>();
        auto& to = ring<S + 1>();
        to_ring<S> out{*this};
        if constexpr (serial<S>) {
            if (!put_down_kept<S>()) return;
            if (flushed_[S]) return end<S>();
            if (from.over()) {
                cx.no_item();
                flush_from<plan::first[S], to_ring<S>::last>(cx, out);
                flushed_[S] = true;
                count<to_ring<S>::first, to_ring<S>::last>(out.counts);
                to.free(out.room);
                if (put_down_kept<S>()) end<S>();
                return;
            }
        }
        // Where the buffer says who is next, it says so when somebody is free.
        constexpr auto most = decltype(place_before<S>())::type::in_turn ? handful : 1;
        auto const at_once = std::clamp<std::size_t>(handful_time.count() / (1 + my.item_time.load(std::memory_order_relaxed)), 1,
                                                     std::min<std::size_t>(most, 1 + my.looks.load(std::memory_order_relaxed)));
        auto const room = to.reserve(at_once);
        if (room == 0) return;
        using waits = typename decltype(place_before<S>())::type;
        std::vector<typename waits::item> taken;
        taken.reserve(room);
        std::size_t emptied = 0;
        auto const take = [&] { return from.take(room, [&](typename waits::item&& one) { taken.push_back(std::move(one)); }); };
        if constexpr (keeps_order<S>) {
            std::lock_guard lock(my.order);
            emptied = take();
            out.place = to.claim(taken.size());
        } else {
            emptied = take();
        }
        if constexpr (keeps_order<S>) to.free(room - taken.size());
        else out.room = room;
        if (emptied == 0) return to.free(std::exchange(out.room, 0));
        from.free(emptied);
        kick<S - 1>();
        if (my.width > 1) kick<S>();    // there may be enough for another one

        auto since = std::chrono::steady_clock::now();
        if (at_once == handful) out.open(taken.size(), cx);
        for (auto& one : taken) {
            out.index = one.index;
            do_one<S>(cx, one, out);
            out.settle();
        }
        out.close(look<S>(since, std::max<std::size_t>(1, taken.size())));
        if constexpr (!keeps_order<S>) to.free(std::exchange(out.room, 0));
        count<to_ring<S>::first, to_ring<S>::last>(out.counts);
    }
    template <std::size_t S, class Parcel>
    void do_one(context& cx, Parcel& one, to_ring<S>& out) {
        constexpr auto first = plan::first[S];
        if constexpr (requires { one.refused; })
            if (one.refused) [[unlikely]] return refuse<S>(cx, one, out);
        if (!one.value.has_value()) [[unlikely]] return out.put({std::move(one.value).error(), one.index});
        cx.item(one.index);
        if (cx.stop_requested()) [[unlikely]] {
            one_more(out.counts[0].in);
            one_more(out.counts[0].failed);
            return fail_item<S>(not_run(one.index, cx), *one.value, out);
        }
        if constexpr (first == 0) through<first, to_ring<S>::last>(cx, one.index, source::give(*one.value), out);
        else through<first, to_ring<S>::last>(cx, one.index, handing<before<first>>(*one.value), out);
    }
    template <std::size_t S, class Value>
    static void fail_item(failure&& what, Value& item, to_ring<S>& out) {
        if constexpr (lends && plan::first[S] != 0) out.fail(std::move(what), item);
        else if constexpr (lends) out.fail(std::move(what), source::give(item));
        else out.fail(std::move(what));
    }
    // An item that could not wait, or that did not come back from where it waited, fails in the stage that it waited for.
    template <std::size_t S, class Parcel>
    void refuse(context& cx, Parcel& one, to_ring<S>& out) {
        one_more(out.counts[0].in);
        one_more(out.counts[0].failed);
        if (one.index == unknown_index) cx.no_item();
        else cx.item(one.index);
        auto const never_tried = cx.change_attempt(0);
        auto const named_so = cx.change_stage(name_of<plan::first[S]>(cx.stage()));
        auto what = std::move(*one.refused);
        finish(what, cx);
        if (one.value.has_value()) fail_item<S>(std::move(what), *one.value, out);
        else out.fail(std::move(what));
    }
    template <std::size_t I>
    [[nodiscard]] std::string_view name_of([[maybe_unused]] std::string_view otherwise) const {
        if constexpr (has_place<is_named, std::tuple_element_t<I, element_tuple>>) return placed<is_named>(std::get<I>(elements_))->name();
        else return otherwise;
    }

    // The consumer of a stream with threads

    bool next_of_buffer() {
        auto& from = ring<segment_count>();
        for (;;) {
            if (has_trouble_.load()) throw_trouble();
            if (!ready_.empty()) {
                current_.emplace(std::move(ready_.back()));
                ready_.pop_back();
                return add(yielded_), true;
            }
            auto const emptied = from.take(handful, [&](parcel<value_type>&& one) {
                if (one.value) ready_.push_back(as_held(std::move(*one.value)));
                else ready_.push_back(as_held(std::move(one.value).error()));
            });
            if (emptied != 0) {
                looked_ = false;
                std::reverse(ready_.begin(), ready_.end());
                from.free(emptied);
                kick<segment_count - 1>();
                continue;
            }
            if (from.over()) {
                throw_trouble();
                over_.store(true);
                return false;
            }
            wait();
        }
    }
    void wait() {
        auto& from = ring<segment_count>();
        constexpr auto all = std::make_index_sequence<segment_count>{};
        auto const there = [&] { return from.ready() || from.over() || has_trouble_.load(); };
        auto const came = std::chrono::steady_clock::now();
        consumer_came_.store(came.time_since_epoch().count(), std::memory_order_relaxed);
        bool const works = came - went_ < brief && all_brief(all);
        if (consumer_works_.exchange(works) && !works) kick_all(all);
        if (!help(all)) {
            kick<0>();    // the first time nobody else does
            for (int looked = 0; looked < 100 && !there(); ++looked) relax();
            waits_.store(true);
            if (!there() && !help(all)) {
                // A pump that owes us word may be held by its next item: we look once ourselves.
                bool const looks = nobody_began(all) || !std::exchange(looked_, true);
                if (waiting_.wait_until(awaited_, looks ? later(outer_.now(), std::chrono::milliseconds{2}) : never)) awaited_.reset();
                else if (!there()) take_over(all);
            }
            waits_.store(false);
        }
        went_ = std::chrono::steady_clock::now();
    }
    template <std::size_t... S>
    [[nodiscard]] bool all_brief(std::index_sequence<S...>) const noexcept { return ((!consumer_helps<S> || lanes_[S].below(brief)) && ...); }
    template <std::size_t... S>
    void kick_all(std::index_sequence<S...>) noexcept { (kick<S>(), ...); }
    // Where items are over soon the consumer does some itself, the last segment first, in place of sleeping until somebody has done it.
    template <std::size_t... S>
    bool help(std::index_sequence<S...>) noexcept {
        return (help_at<segment_count - 1 - S>() || ...);
    }
    template <std::size_t S>
    bool help_at() noexcept {
        if constexpr (!consumer_helps<S>) return false;
        auto const& crew = lanes_[lane<S>().crew];
        if ((crew.crew_active.load() >= crew.crew_width && crew_room(crew) == crew.crew_width) || !lane<S>().below(brief) || !has_work<S, true>() || !step_in<S>()) return false;
        help_once<S>();
        return true;
    }

    // In a task of the same executor it waits as that executor's tasks do.
    waiter_ref waiting_here() {
        if constexpr (threads)
            if (outer_.waiting() == waiter_ref{})
                if constexpr (has_waiter<std::remove_cvref_t<decltype(place<segment_count - 1>()->where())>>) return place<segment_count - 1>()->where().waiting();
        return outer_.waiting();
    }
    // True where something is to be done, and no worker is at it: whoever is goes on with the rest.
    template <std::size_t S>
    [[nodiscard]] bool nobody_began_at() noexcept {
        auto const& crew = lanes_[lane<S>().crew];
        std::size_t absent = 0;    // those who were posted, and one who may wait for the source
        for (auto const& one : lanes_) absent += one.crew == lane<S>().crew && one.posted.load();
        if constexpr (!consumer_helps<0>) absent += lanes_[0].crew == lane<S>().crew && lanes_[0].active.load() != 0 && !lanes_[0].posted.load();
        return crew.crew_active.load() <= absent && (lane<S>().posted.load() || (lane<S>().active.load() < lane<S>().width && has_work<S>()));
    }
    template <std::size_t... S>
    [[nodiscard]] bool nobody_began(std::index_sequence<S...>) noexcept { return (nobody_began_at<S>() || ...); }
    // One segment, the last one first: what comes out is what we wait for.
    template <std::size_t... S>
    void take_over(std::index_sequence<S...>) noexcept { (void)(take_over_at<segment_count - 1 - S>() || ...); }
    template <std::size_t S>
    bool take_over_at() noexcept {
        if (!nobody_began_at<S>()) return false;
        auto& my = lane<S>();
        if (my.posted.exchange(false)) lanes_[my.crew].crew_active.fetch_sub(1);    // it has stepped in already
        else if (!has_work<S>() || !step_in<S>()) return false;
        help_once<S>();
        return true;
    }

    // Reports

    template <std::size_t... I>
    void report_stages(stream_report& to, std::index_sequence<I...>) const {
        (report_stage<I>(to), ...);
    }
    template <std::size_t I>
    void report_stage(stream_report& to) const {
        auto const& element = std::get<I>(elements_);
        stream_stage_report one{.name = "stage " + std::to_string(I + 1), .in = counts_[I].in.load(), .out = counts_[I].out.load(), .failed = counts_[I].failed.load(), .retried = counts_[I].retried.load()};
        if constexpr (has_place<is_named, std::tuple_element_t<I, element_tuple>>) one.name = placed<is_named>(element)->name();
        if constexpr (threads) report_place<I>(one, std::make_index_sequence<segment_count>{});
        one.in += one.dropped.all();
        to.dropped += one.dropped.all();
        to.stages.push_back(std::move(one));
    }
    template <std::size_t I, std::size_t... S>
    void report_place(stream_stage_report& one, std::index_sequence<S...>) const {
        auto const of = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
            if constexpr (plan::first[At] <= I && I < plan::first[At + 1]) {
                one.width = lanes_[At].width;
                if constexpr (At != 0 && plan::first[At] == I) {
                    one.waiting = std::get<At - 1>(rings_)->waiting();
                    one.buffer = std::get<At - 1>(rings_)->size();
                    if constexpr (!decltype(place_before<At>())::type::plain) std::get<At - 1>(rings_)->report(one);
                }
            }
        };
        (of(std::integral_constant<std::size_t, S>{}), ...);
    }

    // Types of what is kept, by segment and by element.
    template <std::size_t... S>
    static auto ring_types(std::index_sequence<S...>) -> std::tuple<std::unique_ptr<typename decltype(place_before<S + 1>())::type>...>;
    template <std::size_t... S>
    static auto kept_types(std::index_sequence<S...>) -> std::tuple<std::deque<parcel<before<plan::first[S + 1]>>>...>;
    template <std::size_t I>
    static auto state_type() {
        using type = std::tuple_element_t<I, element_tuple>;
        if constexpr (is_operator<type>) {
            if constexpr (I == 0) return std::type_identity<operator_state<type, source_value>>{};
            else return std::type_identity<operator_state<type, std::tuple_element_t<I - 1, values>>>{};
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
        } else {
            return nothing{};
        }
    }
    using state_tuple = decltype(state_types(std::make_index_sequence<element_count>{}));
    template <std::size_t... I>
    state_tuple make_states(std::index_sequence<I...>) const { return state_tuple{make_state<I>()...}; }

    struct stop_now {
        std::stop_source* which;
        void operator()() const noexcept { which->request_stop(); }
    };

    Items items_;
    element_tuple const elements_;
    state_tuple states_ = make_states(std::make_index_sequence<element_count>{});
    Sink& sink_;
    context const outer_;
    bool may_stop_;
    std::optional<std::ranges::iterator_t<range>> at_;
    bool source_over_ = false;

    std::optional<context> inside_;                    // without threads
    std::deque<held> ready_;                           // the same: what operators gave beyond one
    std::optional<held> current_;

    std::array<element_counts, element_count> counts_{};
    std::atomic<std::uint64_t> read_{0}, yielded_{0}, failed_{0};
    std::atomic<bool> over_{false}, stopped_{false}, left_{false}, has_trouble_{false};
    std::stop_source stop_;
    std::optional<std::stop_callback<stop_now>> link_;
    std::mutex trouble_mutex_;
    std::exception_ptr trouble_;

    std::array<stream_lane, segment_count> lanes_{};
    std::array<bool, segment_count> flushed_{};        // of serial segments
    decltype(ring_types(std::make_index_sequence<segment_count>{})) rings_{};
    decltype(kept_types(std::make_index_sequence<segment_count>{})) kept_{};
    std::atomic<std::size_t> inside_pumps_{0};
    waiter_ref const waiting_ = waiting_here();
    wait_point awaited_;
    std::atomic<bool> waits_{false};
    bool looked_ = false;

    // The consumer as one of those who work: it comes by often, and its help is as good as a worker's.
    std::atomic<bool> consumer_works_{false};
    std::atomic<std::chrono::steady_clock::rep> consumer_came_{0};
    std::chrono::steady_clock::time_point went_{};    // with what it was given
    std::size_t const cpus_ = cpus();
    static std::size_t cpus() {
        if constexpr (!threads) return 1;
        static auto const once = granted_cpus();
        return once;
    }
};

}  // namespace muster::detail
