#pragma once

#include <algorithm>      // clamp, max, min, reverse
#include <array>          // lanes
#include <atomic>         // pumps
#include <chrono>         // how long a handful took
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <deque>          // what an operator gave
#include <exception>      // exception_ptr
#include <functional>     // invoke
#include <limits>         // items of a stream
#include <memory>         // shared_ptr, optional room
#include <mutex>          // trouble
#include <optional>       // what the consumer holds
#include <ranges>         // iterator_t
#include <stop_token>     // stop_source
#include <string>         // texts
#include <tuple>          // rings
#include <utility>        // move, index_sequence
#include <vector>         // a handful

#include <sched.h>    // sched_getcpu

#include <muster/core/concepts.hpp>                 // has_waiter, runner
#include <muster/core/context.hpp>                  // context
#include <muster/core/invoke_task.hpp>              // guarded
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/core/waiter.hpp>                   // wait_point
#include <muster/flow/detail/batch.hpp>             // most_in_batch, finish_in_batch
#include <muster/flow/detail/calls.hpp>             // finish
#include <muster/flow/detail/key_hash.hpp>          // key_hash
#include <muster/flow/detail/run.hpp>               // plan_run
#include <muster/flow/detail/stream_batches.hpp>    // segment_batch
#include <muster/flow/detail/stream_elements.hpp>   // stream_elements
#include <muster/flow/detail/stream_keys.hpp>       // key_lanes
#include <muster/flow/detail/stream_lane.hpp>       // stream_lane
#include <muster/flow/detail/stream_parts.hpp>      // segments
#include <muster/flow/detail/stream_places.hpp>     // place_before
#include <muster/flow/stream_report.hpp>            // stream_report
#include <muster/os/cpus.hpp>                       // granted_cpus
#include <muster/os/relax.hpp>                      // relax

// What runs behind `stream`. Above 400 lines: who reads, who works, who waits and who ends is one protocol.
//
// A segment is worked on by pumps: jobs that are posted to its executor when there is something to do, at most as many at a time as
// it is wide. A pump takes a handful of items, and goes on with the last segment of its executor that has something to do; it ends
// when none has: no input, or no room for answers. So no thread is held by a stage that waits for another one, a stream makes progress
// on one thread, and what is begun goes on before more is begun. A pump reserves room behind it before it takes its input.
//
// Who fills a buffer, or empties one, looks whether the pumps behind, or before, have to be woken; who ends looks once more. At most one
// pump of a segment is posted and not yet begun, and none where as many as the executor has workers are at it already: they come by.
// What nobody began for a while the consumer takes over: nothing is posted in vain where an executor is busy. But it reads no source that
// may wait for what it does itself, unless an executor had no thread for a pump.
//
// A consumer that comes often does what a pump would do, in place of sleeping until it is done, and a pump is one too many then, where
// each has a processor. The one to go is the one that shares the processor with the consumer.
//
// A pump takes as many items at once as are over in some 30 us, 32 at most, and where they are brief each goes on through the segments
// behind on the same thread. A serial segment that gives more than it takes (an operator) keeps what there is no room for, and takes
// nothing before that is gone.
//
// Where an order is kept by key, a pump takes what comes apart into lanes by the hash of the key, and works on a lane that nobody else
// has: what waits in a lane has left the buffer, counts as waiting all the same, and has no place behind the stage yet.
//
// Where a segment begins with a stage that takes batches, its pumps gather one after another in one open batch, with room behind it
// for a full one, and whoever finds it full takes it away. One that lingers stays open without a pump, and is no work until it may be
// full or is due: the consumer, who waits anyway, looks when that is.
//
// How long items wait is looked at for one of them at a time in each buffer; how long calls take for the first item of a handful, and
// where they are brief, of one handful in eight: that item does not go on at once.

namespace muster::detail {

// What a pump owes to the consumer, which sleeps: word that something is there.
struct stream_debt {
    bool there = false;
    std::chrono::steady_clock::time_point since{};
};

template <class Items, class Flow, class Sink>
class stream_engine : public std::enable_shared_from_this<stream_engine<Items, Flow, Sink>> {
    using flow = stream_elements<Items, Flow, Sink>;
    using plan = typename flow::plan;
    using source = typename flow::source;
    using range = typename flow::range;
    using source_value = typename flow::source_value;
    using first_item = typename flow::first_item;
    static constexpr std::size_t element_count = flow::element_count, segment_count = flow::segment_count;
    static constexpr bool to_sink = flow::to_sink, lends = flow::lends, gathers_at_source = flow::gathers_at_source;
    template <std::size_t I>
    using before = typename flow::template before<I>;
    template <std::size_t I>
    using element_type = std::tuple_element_t<I, typename flow::element_tuple>;
    template <class Value>
    using parcel = stream_parcel<Value>;

    // What items wait in, in front of segment S; behind the last one, for the consumer.
    template <std::size_t S>
    struct shows {
        auto const& operator()(parcel<before<plan::first[S]>> const& held) const noexcept {
            if constexpr (plan::first[S] == 0) return source::look(*held.value);
            else return *held.value;
        }
    };
    template <std::size_t S>
    static auto place_of_waiting() {
        using carried = parcel<before<plan::first[S]>>;
        if constexpr (S == segment_count) return std::type_identity<plain_place<carried>>{};
        else return std::type_identity<place_before<element_type<plan::first[S]>, carried, shows<S>, plan::first[S] == 0 && source::by_place>>{};
    }
    template <std::size_t S>
    using waits_at = typename decltype(place_of_waiting<S>())::type;
    template <std::size_t S>
    using waits_in = typename waits_at<S>::type;
    template <std::size_t S>
    using taken_from = typename waits_in<S>::item;

public:
    using value_type = before<element_count>;
    using held = outcome<std::conditional_t<std::is_same_v<value_type, nothing> && !to_sink, void, value_type>>;
    static constexpr bool threads = flow::threads;

    template <class Range>
    stream_engine(Range&& items, Flow&& stages, Sink& sink, context const& around)
        : items_(std::forward<Range>(items)), flow_(std::move(stages)), sink_(sink), outer_(around),
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
            link_.reset();    // who asks for a stop wakes the consumer, which is about to go
        }
    }

    /// Sets this once all that the stream has is destroyed, as the last thing of it.
    void tell_when_gone(std::atomic<bool>& gone) noexcept { last_word_.to = &gone; }

    [[nodiscard]] stream_report report() const {
        stream_report out{.read = read_.load(), .yielded = yielded_.load(), .failed = failed_.load(), .over = over_.load(), .stopped = stopped_.load(), .stages = {}};
        report_stages(out, std::make_index_sequence<element_count>{});
        return out;
    }

private:
    // Failures: true when the sink took it.
    template <class... Payload>
    bool sunk(failure& what, Payload const&... item) {
        flow::add(failed_);
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
        std::array<element_counts, element_count>& counts = engine.flow_.counts();
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
            return flow::add(yielded_), true;
        }
        auto& cx = *inside_;
        to_current out{*this};
        while (!over_.load(std::memory_order_relaxed)) {
            auto const now = advance_inline(cx);
            if (now == reading::item) {
                auto const index = read_.load(std::memory_order_relaxed);
                flow::add(read_);
                cx.item(index);
                with_item([&](auto&& item) { flow_.template through<0, element_count>(cx, index, static_cast<decltype(item)>(item), out); });
            } else {
                over_.store(true);
                if (now == reading::stopped) {
                    flow_.template close_batches<0, element_count>(cx, out);
                    auto what = not_read(cx);
                    out.fail(std::move(what));
                } else {
                    cx.no_item();
                    flow_.template flush_from<0, element_count>(cx, read_.load(std::memory_order_relaxed), out);
                }
            }
            if (has_trouble_.load(std::memory_order_relaxed)) throw_trouble();
            if (current_) return flow::add(yielded_), true;
        }
        if constexpr (gathers_at_source) throw_trouble();
        return false;
    }
    // What reading the source throws comes after the answers of what was read before: where batches are gathered, that takes a while.
    reading advance_inline(context& cx) {
        if constexpr (!gathers_at_source) {
            return advance(cx);
        } else {
            try {
                return advance(cx);
            } catch (...) {
                source_over_ = true;
                note_trouble(std::current_exception(), false);
                return reading::ended;
            }
        }
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
        else return has_place<is_in_order, element_type<plan::first[S]>>;
    }();
    template <std::size_t S>
    static constexpr bool takes_batches = [] {
        if constexpr (S == 0 || S >= segment_count) return false;
        else return in_batches<element_type<plan::first[S]>>;
    }();
    template <std::size_t... S>
    static constexpr bool any_batches(std::index_sequence<S...>) { return (takes_batches<S> || ...); }
    static constexpr bool has_batches = any_batches(std::make_index_sequence<segment_count>{});
    template <std::size_t S>
    static constexpr bool keeps_keys = [] {
        if constexpr (S >= segment_count || serial<S>) return false;
        else return has_place<is_in_order_by, element_type<plan::first[S]>>;
    }();
    template <std::size_t S>
    auto const* place() const noexcept { return placed<is_on>(flow_.template at<plan::place_of(S)>()); }

    template <std::size_t... S>
    void start(std::index_sequence<S...>) {
        ((lanes_[S].width = width_of<S>()), ...);
        (join_crew<S>(std::make_index_sequence<S>{}), ...);
        (start_gathering<S>(), ...);
        (make_ring<S>(), ...);
        link_.emplace(outer_.stop(), stop_now{this});
        may_stop_ = true;
    }
    template <std::size_t S>
    void start_gathering() {
        if constexpr (takes_batches<S>) {
            auto const& element = flow_.template at<plan::first[S]>();
            std::get<S>(gathered_).emplace(*placed<is_batched>(element), most_in_batch(element));
            lanes_[S].in_call = batch_of<S>().full();
        } else if constexpr (keeps_keys<S>) {
            keys_of<S>().make(8 * std::min<std::size_t>(lanes_[S].width, 1'024));
        }
    }
    template <std::size_t S>
    auto& batch_of() noexcept { return *std::get<S>(gathered_); }
    template <std::size_t S>
    auto const& batch_of() const noexcept { return *std::get<S>(gathered_); }
    template <std::size_t S>
    auto& keys_of() noexcept { return std::get<S>(gathered_); }
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
        using waiting = waits_at<S + 1>;
        std::size_t items = buffer{}.items, inside = lanes_[S].width;
        if constexpr (takes_batches<S>) inside *= batch_of<S>().most();
        if constexpr (S + 1 == segment_count) {
            std::get<S>(rings_) = waiting::make(items, items + inside, outer_.waiting());
        } else {
            auto const& element = flow_.template at<plan::first[S + 1]>();
            if constexpr (takes_batches<S + 1>) items = std::max(items, 2 * batch_of<S + 1>().most());    // one is gathered while one is in a call
            items = waiting::items(element, items);
            std::get<S>(rings_) = waiting::make(element, items, items + inside, outer_.waiting());
        }
    }

    // Posts a pump of segment S, if there is something for it to do and those who are at it are not enough. `Apart`: whoever asks, or
    // is at it, may be away for long, and does not count.
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
                refused_.store(true);
            }
            kick<segment_count>();    // the consumer takes it over, if nobody begins it
        }
    }
    // Pumps that are of use for a crew: a consumer that works is one of them where each would have a processor.
    [[nodiscard]] std::size_t crew_room(stream_lane const& crew) const noexcept {
        bool const works = crew.crew_width > 1 && crew.crew_width >= cpus_ && consumer_works_.load() && !reads(crew);
        return works ? crew.crew_width - 1 : crew.crew_width;
    }
    // One of them reads what may wait for others: it may be nowhere for long.
    [[nodiscard]] bool reads(stream_lane const& crew) const noexcept {
        if constexpr (consumer_helps<0>) return false;
        else return lanes_[0].active.load() != 0 && &lanes_[lanes_[0].crew] == &crew;
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
        else if constexpr (takes_batches<S>) return has_batch<S>(room);
        else if constexpr (keeps_keys<S>) return has_keys<S>(room);
        else if (ring<S>().over()) return lane<S>().active.load() == 0 && (room || !lane<S>().keeps.load());    // else the last of them ends it
        else return room && (ring<S>().ready() || lane<S>().keeps.load());
    }

    template <std::size_t S>
    [[nodiscard]] bool has_batch(bool room) noexcept {
        auto& my = lane<S>();
        auto& batch = batch_of<S>();
        if (my.keeps.load()) return room && my.active.load() == 0;
        if (ring<S>().over()) return batch.waiting() != 0 || my.active.load() == 0;
        return batch.asks(ring<S>(), room && ring<S + 1>().has_room(batch.most()));
    }
    template <std::size_t S>
    [[nodiscard]] bool has_keys(bool room) noexcept {
        auto& keys = keys_of<S>();
        if (room && keys.free() != 0) return true;
        auto const waiting = keys.waiting();
        if (ring<S>().over()) return waiting == 0 && lane<S>().active.load() == 0;
        return room && waiting < ring<S>().size() && ring<S>().ready();
    }

    template <std::size_t S>
    auto& kept() noexcept { return std::get<S>(kept_); }

    template <std::size_t S>
    struct to_ring;
    template <std::size_t S>
    static constexpr bool wide = !serial<S> && !keeps_order<S> && !takes_batches<S> && !keeps_keys<S>;
    template <std::size_t S, std::size_t T>
    static constexpr bool same_kind_of_place =
        std::is_same_v<decltype(std::declval<stream_engine&>().template place<S>()), decltype(std::declval<stream_engine&>().template place<T>())>;
    template <std::size_t S>
    static constexpr bool goes_on = [] {
        if constexpr (S == 0 || S + 1 >= segment_count) return false;
        else return same_kind_of_place<S, S + 1> && wide<S> && wide<S + 1> && waits_in<S + 1>::plain;
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
        std::array<typename flow::few_counts, last - first> counts{};
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
                comes(given.index);
                ring.fill(place, std::move(given));
                settled = true;
            } else {
                if constexpr (goes_on<S>) {
                    if (cx && next->room != 0) {
                        next->index = given.index;
                        return engine.template do_one<S + 1>(*cx, given, *next);
                    }
                }
                comes(given.index);
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
            if constexpr (S + 1 != segment_count) engine.template kick<S + 1, S == 0 && !consumer_helps<0>>();    // a reader may wait for the source
            else engine.tell_sleeper();    // one that came of late is told by the pump
        }
        template <class Parcel>
        void pass_by(context& with, Parcel& one) { engine.template pass_by<S>(with, one, *this); }
        void comes([[maybe_unused]] std::size_t item) noexcept {
            if constexpr (S + 1 != segment_count) engine.template lane<S + 1>().watch.comes(item, engine.outer_);
        }
        // The items of a handful go through the next segment on this thread, after those who wait there: where both are quick, and where
        // neither is narrower than its executor, so that nobody waits for a place which is held meanwhile.
        void open([[maybe_unused]] std::size_t most, [[maybe_unused]] context& with) {
            if constexpr (goes_on<S>) {
                auto& there = engine.template lane<S + 1>();
                auto const& here = engine.template lane<S>();
                if (here.crew != there.crew) return;
                auto const bound = std::min(here.width, there.width) >= engine.lanes_[here.crew].crew_width ? brief : quick;
                if (!here.below(bound) || !there.below(bound)) return;
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
                engine.template lane<S + 1>().watch.went_on();
                next->close(each);
                engine.flow_.template count<to_ring<S + 1>::first, to_ring<S + 1>::last>(next->counts);
                engine.template ring<S + 2>().free(next->room);
                if (each > brief.count()) engine.template lane<S + 1>().note(static_cast<std::uint64_t>(each), 1);
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
    static constexpr std::chrono::nanoseconds quick{1'000};            // items that go on through a narrow segment on one thread
    static constexpr std::chrono::nanoseconds light{20'000};           // work that is not worth a wake-up
    static constexpr std::chrono::nanoseconds patience{250'000}  ;     // of a consumer that waits while all are busy
    static constexpr std::chrono::nanoseconds away{1'000'000};         // a consumer that did not come by is not one of those who work
    static constexpr std::chrono::nanoseconds brief{100'000};          // items of which the consumer does some itself

    // Works on what there is for segment S, and then for others of its executor, on a thread of that.
    template <std::size_t S>
    void pump() noexcept {
        inside_pumps_.fetch_add(1);
        if (left_.load()) return pump_ends();    // the consumer has seen nobody inside, or waits for us
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
        if (waits_.load() && any_posted<S>(std::make_index_sequence<segment_count>{})) kick<segment_count>();    // it looks whether anybody begins
        pump_ends();
    }
    template <std::size_t S, std::size_t... T>
    [[nodiscard]] bool any_posted(std::index_sequence<T...>) noexcept {
        return ((lane<T>().crew == lane<S>().crew && lane<T>().posted.load()) || ...);
    }
    // A consumer that has looked and sleeps on, in vain until now: who is in a call next may not tell it for long.
    void tell_sleeper() noexcept {
        if (looked_.load() && waits_.load()) [[unlikely]] kick<segment_count>();
    }
    // Of pumps that are one too many, the one that shares the processor of the consumer: another one would leave a processor idle and
    // two that take turns, until the kernel sees it. If there is none, whoever comes.
    [[nodiscard]] bool gives_way() const noexcept {
        if (consumer_cpu_.load(std::memory_order_relaxed) == ::sched_getcpu()) return true;
        return std::chrono::steady_clock::now().time_since_epoch().count() - consumer_worked_.load(std::memory_order_relaxed) > away.count();
    }
    // Tells the consumer that there is something for it: at once where this pump may be away for long, else when it is worth it.
    void settle_with_consumer(stream_debt& owed, std::size_t next) noexcept {
        auto const& there = ring<segment_count>();
        bool const sleeps = waits_.load();
        if (consumer_works_.load() || sleeps) {
            auto const now = std::chrono::steady_clock::now();
            auto const came = consumer_came_.load(std::memory_order_relaxed);
            if (!sleeps && now.time_since_epoch().count() - came > away.count() && consumer_works_.exchange(false)) kick_all(std::make_index_sequence<segment_count>{});
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
            take_turn<S, true>(cx);
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
        retired = active > crew_room(crew) && gives_way() && crew.crew_active.compare_exchange_strong(active, active - 1);
        if (!retired) (void)(is_light<S>() || (next_at<S, segment_count - 1 - T>(lane<S>().crew, next) || ...));
        // What is there besides is for others, if there are any.
        if (next != at) (void)((at == T && (kick<T>(), true)) || ...);
        return next;
    }
    template <std::size_t S, bool Helps>
    void take_turn(context& cx) noexcept {
        if constexpr (S == 0) read_on<Helps>(cx);
        else if constexpr (takes_batches<S>) work_on_batches<S>(cx);
        else if constexpr (keeps_keys<S>) work_on_keys<S>(cx);
        else work_on<S>(cx);
    }
    template <std::size_t S, std::size_t T>
    void turn_at(context& cx) noexcept {
        if constexpr (same_kind_of_place<S, T>) {
            if (!left_.load()) take_turn<T, false>(cx);
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
        if constexpr (takes_batches<S> || keeps_keys<S>) {
            std::lock_guard lock(lane<S>().order);    // what left the buffer is told of when whoever took it unlocks
            ended = !serial<S> && ring<S>().over() && waiting_inside<S>() == 0;
        } else if constexpr (!serial<S>) {
            ended = ring<S>().over();    // first: nobody can begin with an item after it
        }
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
        std::size_t done = 0, looked = 0;
        for (; !left_.load(std::memory_order_relaxed) && !(Helps && done == handful) && put_down_kept<0>(); ++done) {
            if (flushed_[0]) {
                flow_.template count<0, plan::first[1]>(out.counts);    // first: at the end a report adds up
                end<0>();
                break;
            }
            if (done - looked == handful) {
                look<0>(since, handful);
                looked = done;
            }
            if (out.room == 0 && (out.room = ring<1>().reserve(handful)) == 0) break;
            auto now = reading::ended;
            try {
                now = advance(cx);
                if (now == reading::item) {
                    out.index = read_.load(std::memory_order_relaxed);
                    cx.item(out.index);
                    flow::add(read_);
                    if constexpr (plan::first[1] == 0) {
                        if constexpr (!std::ranges::forward_range<range>) out.put({source_value(**at_), out.index});
                        else out.put({source::hold(static_cast<first_item>(**at_)), out.index});
                    } else {
                        with_item([&](auto&& item) { flow_.template through<0, plan::first[1]>(cx, out.index, static_cast<decltype(item)>(item), out); });
                    }
                }
            } catch (...) {    // the source: the consumer is told once it has what was read before
                source_over_ = true;
                now = reading::ended;
                note_trouble(std::current_exception(), false);
            }
            if (now == reading::stopped) {
                if (!left_.load() && !has_trouble_.load()) {
                    flow_.template close_batches<0, plan::first[1]>(cx, out);
                    auto what = not_read(cx);
                    out.index = read_.load(std::memory_order_relaxed);
                    out.fail(std::move(what));
                }
                flushed_[0] = true;
            } else if (now == reading::ended) {
                cx.no_item();
                flow_.template flush_from<0, plan::first[1]>(cx, read_.load(std::memory_order_relaxed), out);
                flushed_[0] = true;
            }
        }
        if (done != looked) look<0>(since, done - looked);
        flow_.template count<0, plan::first[1]>(out.counts);
        ring<1>().free(out.room);
    }

    // Notes what each of some items took since then; gives it, in nanoseconds.
    template <std::size_t S>
    std::int64_t look(std::chrono::steady_clock::time_point& since, std::size_t items) noexcept {
        auto const now = std::chrono::steady_clock::now();
        auto const each = std::chrono::nanoseconds{now - std::exchange(since, now)}.count() / static_cast<std::int64_t>(items);
        lane<S>().note(static_cast<std::uint64_t>(each), items);
        return each;
    }

    // A serial segment first puts down what it kept, and ends when nothing comes any more; false when that was all of this turn. What it
    // flushes begins with element From.
    template <std::size_t From, std::size_t S>
    bool goes_on_from(context& cx, to_ring<S>& out, bool nothing_comes) noexcept {
        if constexpr (serial<S>) {
            if (!put_down_kept<S>()) return false;
            if (flushed_[S]) return end<S>(), false;
            if (nothing_comes) {
                cx.no_item();
                flow_.template flush_from<From, to_ring<S>::last>(cx, read_.load(std::memory_order_relaxed), out);
                flushed_[S] = true;
                flow_.template count<to_ring<S>::first, to_ring<S>::last>(out.counts);
                ring<S + 1>().free(std::exchange(out.room, 0));
                if (put_down_kept<S>()) end<S>();
                return false;
            }
        }
        return true;
    }
    // Items that may be taken at once for segment S.
    template <std::size_t S>
    std::size_t at_once() noexcept {
        // Where the buffer says who is next, it says so when somebody is free.
        constexpr auto most = waits_in<S>::in_turn ? handful : 1;
        auto const& my = lane<S>();
        return std::clamp<std::size_t>(handful_time.count() / (1 + my.item_time.load(std::memory_order_relaxed)), 1,
                                       std::min<std::size_t>(most, 1 + my.seen.load(std::memory_order_relaxed)));
    }

    // A handful of what there is for segment S.
    template <std::size_t S>
    void work_on(context& cx) noexcept {
        auto& my = lane<S>();
        auto& from = ring<S>();
        auto& to = ring<S + 1>();
        to_ring<S> out{*this};
        if (!goes_on_from<plan::first[S]>(cx, out, from.over())) return;
        auto const many = at_once<S>();
        auto const room = to.reserve(many);
        if (room == 0) return;
        std::vector<taken_from<S>> taken;
        taken.reserve(room);
        std::size_t emptied = 0;
        auto const take = [&] { return from.take(room, [&](taken_from<S>&& one) { taken.push_back(std::move(one)); }); };
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
        do_all<S>(cx, taken, out);
        out.close(look<S>(since, std::max<std::size_t>(1, taken.size())));
        if constexpr (!keeps_order<S>) to.free(std::exchange(out.room, 0));
        flow_.template count<to_ring<S>::first, to_ring<S>::last>(out.counts);
    }
    template <std::size_t S>
    void do_all(context& cx, std::vector<taken_from<S>>& taken, to_ring<S>& out) {
        auto& watch = lane<S>().watch;
        watch.go(taken, outer_);
        bool const timed = watch.looks(lane<S>().below(brief));
        if (!timed) out.open(taken.size(), cx);
        for (std::size_t i = 0; i < taken.size(); ++i) {
            auto& one = taken[i];
            out.index = one.index;
            if (timed && i == 0) [[unlikely]] {
                auto const began = outer_.now();
                do_one<S>(cx, one, out);
                watch.took(outer_.now() - began);
                if (taken.size() > 1) out.open(taken.size() - 1, cx);
            } else {
                do_one<S>(cx, one, out);
            }
            out.settle();
        }
    }

    // A handful of the items of one lane of keys, and of what has none.
    template <std::size_t S>
    void work_on_keys(context& cx) noexcept {
        auto& my = lane<S>();
        auto& from = ring<S>();
        auto& to = ring<S + 1>();
        auto& keys = keys_of<S>();
        to_ring<S> out{*this};
        auto const many = at_once<S>();
        out.room = to.reserve(many);
        if (out.room == 0) return;
        std::vector<taken_from<S>> came, taken;
        std::vector<keyless<taken_from<S>>> refused;
        std::size_t emptied = 0;
        typename key_lanes<taken_from<S>>::lane* mine = nullptr;
        {
            std::lock_guard lock(my.order);
            auto const waiting = keys.waiting();
            auto most = std::min(waiting < from.size() ? from.size() - waiting : 0, out.room);
            if (!waits_in<S>::in_turn && keys.free() != 0) most = 0;    // who is in a lane cannot be overtaken any more
            if (most != 0) emptied = from.take(most, [&](taken_from<S>&& one) { came.push_back(std::move(one)); });
            for (auto& one : came) sort_in<S>(one, refused);
            if (refused.size() < out.room) mine = keys.begin(out.room - refused.size(), taken);
        }
        if (emptied != 0) {
            from.free(emptied);
            kick<S - 1>();
        }
        if (!mine && refused.empty()) return to.free(out.room);
        if (my.width > 1) kick<S>();    // there may be enough for another one

        for (auto& one : refused) {
            out.index = one.item.index;
            if (one.why) fail_keyless<S>(cx, one, out);
            else pass_by<S>(cx, one.item, out);
        }
        auto since = std::chrono::steady_clock::now();
        do_all<S>(cx, taken, out);
        if (mine) {
            look<S>(since, taken.size());
            std::lock_guard lock(my.order);
            keys.end(*mine);
        }
        to.free(out.room);
        flow_.template count<to_ring<S>::first, to_ring<S>::last>(out.counts);
    }
    // What goes into no lane: a failure that passes by, or an item of which the key cannot be told.
    template <class Parcel>
    struct keyless {
        Parcel item;
        std::optional<failure> why{};
    };
    // Puts an item that has left the buffer into the lane of its key; under the lock.
    template <std::size_t S>
    void sort_in(taken_from<S>& one, std::vector<keyless<taken_from<S>>>& refused) noexcept {
        constexpr auto first = plan::first[S];
        if (!flow::is_there(one)) return refused.push_back({std::move(one)});
        auto hash = guarded<outcome<std::size_t>>([&]() -> outcome<std::size_t> {
            auto const& by = placed<is_in_order_by>(flow_.template at<first>())->key();
            auto const& item = flow::template look_at<first>(*one.value);
            return key_hash<std::remove_cvref_t<decltype(std::invoke(by, item))>>{}(std::invoke(by, item));
        });
        if (hash.has_value()) keys_of<S>().put(*hash, std::move(one));
        else refused.push_back({std::move(one), std::move(hash).error()});
    }
    template <std::size_t S>
    void fail_keyless(context& cx, keyless<taken_from<S>>& one, to_ring<S>& out) {
        cx.item(one.item.index);
        finish_in_batch(flow_.template at<plan::first[S]>(), *one.why, cx);
        ++out.counts[0].in;
        ++out.counts[0].failed;
        fail_item<S>(std::move(*one.why), *one.item.value, out);
    }

    // Gathers what there is into the open batch of segment S, and calls with it if it is full or is not to wait for more.
    template <std::size_t S>
    void work_on_batches(context& cx) noexcept {
        constexpr auto first = plan::first[S];
        auto& my = lane<S>();
        auto& from = ring<S>();
        auto& to = ring<S + 1>();
        auto& batch = batch_of<S>();
        to_ring<S> out{*this};
        if (!goes_on_from<first + 1>(cx, out, from.over() && batch.waiting() == 0)) return;
        std::vector<taken_from<S>> taken;
        std::size_t emptied = 0, wanted = 0;
        bool begun = false;
        {
            std::lock_guard lock(my.order);
            if (batch.room == 0) {
                batch.room = to.reserve(batch.most());
                if (batch.room < batch.most()) return to.free(std::exchange(batch.room, 0));
            }
            emptied = batch.gather(from, [](auto const& one) { return flow::is_there(one) ? bytes_of(flow::template look_at<first>(*one.value)) : 0; });
            wanted = batch.full();
            if (batch.goes(from.over() || is_to_end(), [&] { return outer_.now(); })) {
                taken = batch.take();
                out.room = std::exchange(batch.room, 0);
                if constexpr (keeps_order<S>) {
                    out.place = to.claim(taken.size());
                    to.free(std::exchange(out.room, 0) - taken.size());
                }
            } else if (batch.open().size() == 0) {
                to.free(std::exchange(batch.room, 0));
            } else {
                begun = batch.stays();
            }
        }
        if (emptied != 0) {
            from.free(emptied);
            kick<S - 1>();
        }
        if (begun) kick<segment_count>();    // the consumer is to look when this is due
        if (taken.empty()) return;
        if (my.width > 1) kick<S>();    // there may be enough for another one

        for (auto const& one : taken)
            if (flow::is_there(one)) ++out.counts[0].in;
        my.watch.go(taken, outer_);
        auto const began = outer_.now();
        auto since = std::chrono::steady_clock::now();
        auto const took = flow_.template call_with_batch<first, to_ring<S>::last>(cx, taken, out);
        my.watch.took(outer_.now() - began);
        look<S>(since, taken.size());
        if (batch.is_automatic() && took >= took.zero()) {
            std::lock_guard lock(my.order);
            batch.called(wanted, taken.size(), took);
            my.in_call.store(batch.full(), std::memory_order_relaxed);    // a hint
        }
        if constexpr (!keeps_order<S>) to.free(std::exchange(out.room, 0));
        flow_.template count<to_ring<S>::first, to_ring<S>::last>(out.counts);
    }
    // Nothing is to linger any more.
    [[nodiscard]] bool is_to_end() const { return told_to_stop_.load() || outer_.stop_requested(); }
    // A batch that lingers and is due, or is not to wait for more: whoever waits for the next item sees to it.
    template <std::size_t... S>
    void look_for_due(std::index_sequence<S...>) { (look_for_due_at<S>(), ...); }
    template <std::size_t S>
    void look_for_due_at() {
        if constexpr (takes_batches<S>)
            if (batch_of<S>().to_be_seen() && batch_of<S>().see(outer_.now(), is_to_end())) kick<S, true>();    // whoever is at it may be away for longer than this may wait
    }
    template <std::size_t... S>
    [[nodiscard]] instant first_due(std::index_sequence<S...>) const { return std::min({never, first_due_at<S>()...}); }
    template <std::size_t S>
    [[nodiscard]] instant first_due_at() const {
        if constexpr (takes_batches<S>)
            if (batch_of<S>().to_be_seen()) return is_to_end() ? instant::min() : std::min(batch_of<S>().due(), outer_.deadline());
        return never;
    }
    // What has left the buffer in front of S and was not begun with.
    template <std::size_t S>
    [[nodiscard]] std::size_t waiting_inside() const noexcept {
        if constexpr (takes_batches<S> || keeps_keys<S>) {
            auto const& of = std::get<S>(gathered_);
            if constexpr (takes_batches<S>) return of->waiting();
            else return of.waiting();
        } else {
            return 0;
        }
    }

    template <std::size_t S, class Parcel>
    void do_one(context& cx, Parcel& one, to_ring<S>& out) {
        constexpr auto first = plan::first[S];
        if (!flow::is_there(one)) [[unlikely]] return pass_by<S>(cx, one, out);
        cx.item(one.index);
        if (cx.stop_requested()) [[unlikely]] {
            ++out.counts[0].in;
            ++out.counts[0].failed;
            return fail_item<S>(not_run(one.index, cx), *one.value, out);
        }
        if constexpr (first == 0) flow_.template through<first, to_ring<S>::last>(cx, one.index, source::give(*one.value), out);
        else flow_.template through<first, to_ring<S>::last>(cx, one.index, flow::template handing<before<first>>(*one.value), out);
    }
    template <std::size_t S, class Value>
    static void fail_item(failure&& what, Value& item, to_ring<S>& out) {
        if constexpr (lends && plan::first[S] != 0) out.fail(std::move(what), item);
        else if constexpr (lends) out.fail(std::move(what), source::give(item));
        else out.fail(std::move(what));
    }
    // A failure goes on as it is.
    template <std::size_t S, class Parcel>
    void pass_by(context& cx, Parcel& one, to_ring<S>& out) {
        if constexpr (requires { one.refused; })
            if (one.refused) return refuse<S>(cx, one, out);
        out.put({std::move(one.value).error(), one.index});
    }
    // An item that could not wait, or that did not come back from where it waited, fails in the stage that it waited for.
    template <std::size_t S, class Parcel>
    void refuse(context& cx, Parcel& one, to_ring<S>& out) {
        ++out.counts[0].in;
        ++out.counts[0].failed;
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
        if constexpr (has_place<is_named, element_type<I>>) return placed<is_named>(flow_.template at<I>())->name();
        else return otherwise;
    }

    // The consumer of a stream with threads

    bool next_of_buffer() {
        auto& from = ring<segment_count>();
        [[maybe_unused]] constexpr auto all = std::make_index_sequence<segment_count>{};
        for (;;) {
            if (has_trouble_.load()) throw_trouble();
            if (!ready_.empty()) {
                current_.emplace(std::move(ready_.back()));
                ready_.pop_back();
                return flow::add(yielded_), true;
            }
            auto const emptied = from.take(handful, [&](parcel<value_type>&& one) {
                if (one.value) ready_.push_back(as_held(std::move(*one.value)));
                else ready_.push_back(as_held(std::move(one.value).error()));
            });
            if (emptied != 0) {
                looked_.store(false);
                std::reverse(ready_.begin(), ready_.end());
                from.free(emptied);
                kick<segment_count - 1>();
                if constexpr (has_batches) look_for_due(all);
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
        bool const works = came - went_ < brief && all_brief(all) && is_pressed(all);
        if (works) {
            consumer_cpu_.store(::sched_getcpu(), std::memory_order_relaxed);
            if (!consumer_works_.load()) consumer_worked_.store(came.time_since_epoch().count(), std::memory_order_relaxed);
        }
        if (consumer_works_.exchange(works) && !works) kick_all(all);
        if (works && is_crowded(all)) std::this_thread::yield();    // to whoever is to give way to us
        if (!help(all)) {
            kick<0>();    // the first time nobody else does
            for (int looked = 0; looked < 100 && !there(); ++looked) relax();
            waits_.store(true);
            if (!there() && !help(all)) {
                // A pump that owes us word may be held by its next item: we look once ourselves.
                bool const looks = nobody_began(all) || !looked_.exchange(true);
                auto until = looks ? later(outer_.now(), std::chrono::milliseconds{2}) : never;
                if constexpr (has_batches) until = std::min(until, first_due(all));
                if (waiting_.wait_until(awaited_, until)) awaited_.reset();
                else if (!there()) take_over(all);
            }
            waits_.store(false);
        }
        if constexpr (has_batches) look_for_due(all);
        went_ = std::chrono::steady_clock::now();
    }
    template <std::size_t... S>
    [[nodiscard]] bool is_crowded(std::index_sequence<S...>) const noexcept { return ((lanes_[S].crew == S && lanes_[S].crew_active.load() > crew_room(lanes_[S])) || ...); }
    // More comes than is done, as it always does from a source that does not wait.
    template <std::size_t... S>
    [[nodiscard]] bool is_pressed(std::index_sequence<S...>) noexcept { return consumer_helps<0> || (is_pressed_at<S>() || ...); }
    template <std::size_t S>
    [[nodiscard]] bool is_pressed_at() noexcept {
        if constexpr (S == 0) return false;
        else return 2 * ring<S>().waiting() >= ring<S>().size();
    }
    template <std::size_t... S>
    [[nodiscard]] bool all_brief(std::index_sequence<S...>) const noexcept { return ((!consumer_helps<S> || lanes_[S].below(brief)) && ...); }
    template <std::size_t... S>
    void kick_all(std::index_sequence<S...>) noexcept { (kick<S>(), ...); }
    // Where items are over soon the consumer does some itself, the last segment first, in place of sleeping until somebody has done it: if
    // nobody is at it, or more comes than those do. Else two of us would take turns on a processor, each with an item in hand.
    template <std::size_t... S>
    bool help(std::index_sequence<S...>) noexcept {
        return (help_at<segment_count - 1 - S>() || ...);
    }
    template <std::size_t S>
    bool help_at() noexcept {
        if constexpr (!consumer_helps<S>) return false;
        auto const& crew = lanes_[lane<S>().crew];
        auto const active = crew.crew_active.load();
        if (active >= crew.crew_width ? crew_room(crew) == crew.crew_width : active != 0 && crew.crew_width >= cpus_ && !consumer_works_.load()) return false;
        if (!lane<S>().below(brief) || !has_work<S, true>() || !step_in<S>()) return false;
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
        if (!consumer_helps<S> && !refused_.load()) return false;    // the source may wait for what the consumer does
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
        auto const& element = flow_.template at<I>();
        auto const& counts = flow_.counts()[I];
        stream_stage_report one{.name = "stage " + std::to_string(I + 1), .in = counts.in.load(), .out = counts.out.load(), .failed = counts.failed.load(), .retried = counts.retried.load()};
        if constexpr (in_batches<element_type<I>>) one.batches = counts.calls.load();
        if constexpr (has_place<is_named, element_type<I>>) one.name = placed<is_named>(element)->name();
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
                    one.waiting = std::get<At - 1>(rings_)->waiting() + waiting_inside<At>();
                    one.buffer = std::get<At - 1>(rings_)->size();
                    one.waited = lanes_[At].watch.waited();
                    one.took = lanes_[At].watch.took();
                    if (one.waiting != 0) one.lag = lanes_[At].watch.lag(outer_);
                    if constexpr (!waits_in<At>::plain) std::get<At - 1>(rings_)->report(one);
                }
            }
        };
        (of(std::integral_constant<std::size_t, S>{}), ...);
    }

    // Types of what is kept, by segment and by element.
    template <std::size_t... S>
    static auto ring_types(std::index_sequence<S...>) -> std::tuple<std::unique_ptr<waits_in<S + 1>>...>;
    template <std::size_t S>
    static auto gathered_type() {
        if constexpr (takes_batches<S>) return std::type_identity<std::optional<segment_batch<taken_from<S>>>>{};
        else if constexpr (keeps_keys<S>) return std::type_identity<key_lanes<taken_from<S>>>{};
        else return std::type_identity<nothing>{};
    }
    template <std::size_t... S>
    static auto gathered_types(std::index_sequence<S...>) -> std::tuple<typename decltype(gathered_type<S>())::type...>;
    template <std::size_t... S>
    static auto kept_types(std::index_sequence<S...>) -> std::tuple<std::deque<parcel<before<plan::first[S + 1]>>>...>;
    struct stop_now {
        stream_engine* which;
        void operator()() const noexcept {
            which->stop_.request_stop();
            if constexpr (has_batches) {
                which->told_to_stop_.store(true);    // sequential: the consumer sees it, or we see that it waits
                which->template kick<segment_count>();
            }
        }
    };

    struct last_word {
        std::atomic<bool>* to = nullptr;
        ~last_word() {
            if (to) to->store(true, std::memory_order_release);
        }
    };

    last_word last_word_;    // first, and so destroyed last
    Items items_;
    flow flow_;
    Sink& sink_;
    context const outer_;
    bool may_stop_;
    std::optional<std::ranges::iterator_t<range>> at_;
    bool source_over_ = false;

    std::optional<context> inside_;                    // without threads
    std::deque<held> ready_;                           // the same: what operators gave beyond one
    std::optional<held> current_;

    std::atomic<std::uint64_t> read_{0}, yielded_{0}, failed_{0};
    std::atomic<bool> over_{false}, stopped_{false}, left_{false}, has_trouble_{false}, told_to_stop_{false};
    std::stop_source stop_;
    std::optional<std::stop_callback<stop_now>> link_;
    std::mutex trouble_mutex_;
    std::exception_ptr trouble_;

    std::array<stream_lane, segment_count> lanes_{};
    std::array<bool, segment_count> flushed_{};        // of serial segments
    decltype(ring_types(std::make_index_sequence<segment_count>{})) rings_{};
    decltype(kept_types(std::make_index_sequence<segment_count>{})) kept_{};
    decltype(gathered_types(std::make_index_sequence<segment_count>{})) gathered_{};
    std::atomic<std::size_t> inside_pumps_{0};
    waiter_ref const waiting_ = waiting_here();
    wait_point awaited_;
    std::atomic<bool> waits_{false};
    std::atomic<bool> looked_{false};    // since something came

    // The consumer as one of those who work: it comes by often, and its help is as good as a worker's.
    std::atomic<bool> refused_{false};    // an executor did: it has no thread for a pump
    std::atomic<bool> consumer_works_{false};
    std::atomic<std::chrono::steady_clock::rep> consumer_came_{0};
    std::atomic<std::chrono::steady_clock::rep> consumer_worked_{0};    // since then
    std::atomic<int> consumer_cpu_{-1};
    std::chrono::steady_clock::time_point went_{};    // with what it was given
    std::size_t const cpus_ = cpus();
    static std::size_t cpus() {
        if constexpr (!threads) return 1;
        static auto const once = granted_cpus();
        return once;
    }
};

}  // namespace muster::detail
