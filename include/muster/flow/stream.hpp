#pragma once

#include <atomic>         // gone
#include <iterator>       // input_iterator_tag
#include <memory>         // shared_ptr
#include <ranges>         // input_range
#include <thread>         // yield
#include <type_traits>    // remove_cvref
#include <utility>        // forward, move

#include <muster/core/context.hpp>                 // context
#include <muster/flow/detail/stream_engine.hpp>    // stream_engine
#include <muster/flow/stream_report.hpp>           // stream_report

namespace muster {

/// What `stream` gives: an input range that brings its items through the stages when it is asked for the next one.
///
/// Shape      outcomes in the order in which they end, or, with a sink for failures, values. `begin` once.
/// Threads    one consumer; `report` from any thread.
/// Lifetime   going out of scope stops every stage and waits for the calls that are on: they see `stop_requested()`.
template <class Engine>
class [[nodiscard]] streaming {
public:
    using value_type = std::remove_cvref_t<decltype(std::declval<Engine&>().current())>;

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = streaming::value_type;

        iterator() = default;
        explicit iterator(Engine* of) : of_(of) { ++*this; }
        value_type& operator*() const noexcept { return of_->current(); }
        value_type* operator->() const noexcept { return &of_->current(); }
        iterator& operator++() {
            if (!of_->next()) of_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(iterator const& at, std::default_sentinel_t) noexcept { return at.of_ == nullptr; }

    private:
        Engine* of_ = nullptr;
    };

    explicit streaming(std::shared_ptr<Engine> engine) noexcept : engine_(std::move(engine)) {}
    streaming(streaming&&) noexcept = default;
    streaming& operator=(streaming&&) = delete;
    ~streaming() {
        if (!engine_) return;
        engine_->leave();
        std::atomic<bool> gone{false};
        engine_->tell_when_gone(gone);
        engine_.reset();
        while (!gone.load(std::memory_order_acquire)) std::this_thread::yield();    // a worker has come too late, and lets go of it
    }

    /// Reads on: the first item, or the one after those that were read.
    [[nodiscard]] iterator begin() { return iterator{engine_.get()}; }
    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

    /// Runs to the end, and gives what came of it; for flows whose last stage keeps what it makes.
    stream_report drain() {
        while (engine_->next()) {}
        return report();
    }
    [[nodiscard]] stream_report report() const { return engine_->report(); }

private:
    std::shared_ptr<Engine> engine_;
};

/// Brings the items of a range through stages that each have workers of their own, with bounded buffers between them:
/// `for (auto& answer : stream(items, pipeline{on{pool} | parse, on{io, 32} | buffer{256} | fetch}))`.
///
/// Order      as the items end, where a stage runs several at once; `in_order` keeps that of its input, `in_order_by{key}` that
///            of the items of each key; what runs one at a time keeps it anyway.
/// Shape      an input range in, which may have no end; `outcome<R>` out, one per item. With a sink, `stream(items, flow, sink)`, `R`
///            out, and failures go to `sink.put(failure)`, or, where the sink has it, to `sink.put(failure, item)` with what the stage
///            was given; stages then take `item const&`. What reads a range is as for `map`; one that lends its elements is not copied.
///            Operators between the stages (`operator_for`) turn m items into n.
///            `on{io, 2} | batched{100} | insert` calls with what waits, up to so many at once, and answers for each; without workers
///            before it a batch is full first, or the source over.
/// Default    `on` gives a stage workers, and a buffer in front of it, of `buffer{64}`; a stage without it runs where the one before it
///            does, and a stream without any is a plain loop on the consumer's thread. The source is read one at a time: by the
///            workers of the first stage that has any, together with what stands before that stage. One that waits for its next item
///            holds a worker meanwhile: `on{io, 1} | parse` gives it one of its own.
/// Waits      pulling drives it: nothing is read before the first item is asked for, and what is full stops what feeds it, or drops, or
///            goes to the disk, as the stage behind it says (`buffer`). Items that are inside a stage have their place behind it already. A
///            stage that waits for another holds no thread.
///            No more does a batch that lingers: the consumer looks when it is due, each time that it asks and while it waits. Where
///            there are no workers, an item that comes later than that is the last of its batch.
/// Fails      never as a whole. A stop or a passed deadline ends it: what was read and not run has cause::cancelled or timed_out and
///            0 attempts, and a last failure says which item of the source was not read.
/// Throws     where the consumer asks for the next item: what reading the range throws, after what was read before, and what the sink
///            throws, at once.
/// Threads    the range is read by one thread at a time, not always the same; tasks are called through `const&` from many, at times from
///            the consumer's, so that none may wait for what the consumer does; operators by one at a time; the sink from many.
/// Lifetime   lvalue ranges, the sink and the executors must outlive the stream; the flow is copied. Leaving the loop stops every stage
///            and waits for the calls that are on; a range that waits for its next item must see to it itself that it ends.
/// Cost       without `on` about 2 ns an item and those of the calls; a buffer about 0.1 us. A worker takes as many items at once as are over
///            in some 30 us, 32 at most. Where they are over in 100 us a consumer that comes often works with them, and one of
///            them rests without a processor, until another is through an item when the consumer has stayed away for 1 ms; what
///            takes less than a wake-up the consumer does alone.
struct stream_verb {
    template <std::ranges::input_range Items, class Flow>
    auto operator()(Items&& items, Flow flow, context const& parent = context{}) const {
        return made(std::forward<Items>(items), std::move(flow), nobody, parent);
    }
    template <std::ranges::input_range Items, class Flow, class Sink>
        requires(!std::is_same_v<std::remove_cv_t<Sink>, context>)
    auto operator()(Items&& items, Flow flow, Sink& failures, context const& parent = context{}) const {
        constexpr bool is_sink = detail::takes_failures<Sink>;
        static_assert(is_sink, "muster: the sink of a stream takes its failures from many threads: sink.put(failure); and sink.put(failure, item) where it keeps items");
        if constexpr (is_sink) return made(std::forward<Items>(items), std::move(flow), failures, parent);
        else return detail::refused{};
    }

private:
    template <class Items, class Flow, class Sink>
    static auto made(Items&& items, Flow&& flow, Sink& failures, context const& parent) {
        using values = detail::values_of<detail::stream_item<Items, Sink>, detail::stream_lends<Items, Sink>, typename detail::elements<Flow>::type>;
        static_assert(values::operators_alone,
                      "muster: an operator of a stream stands by itself, without policies: pipeline{parse, flatten{}, on{pool} | store}");
        static_assert(values::one_order, "muster: a stage of a stream has one order, in_order{} or in_order_by{key}; by key it takes no batches");
        static_assert(values::waits_well,
                      "muster: in front of a stage stand one of drop_oldest, drop_newest, sample and spill, one throttle, and one of fair and "
                      "by_priority, which block, or go with drop_newest or sample");
        static_assert(values::waits_somewhere,
                      "muster: what happens in a buffer is said of a stage with workers, which has one: on{pool} | buffer{64} | drop_oldest{} | task");
        constexpr bool fits = values::fits || !values::operators_alone;
        static_assert(fits, "muster: a stage of this stream cannot be called with what comes to it: f(item) or f(item, context&), through const&, "
                            "and with item const& where the sink keeps what failed; right of batched{n} with std::span<T const>, to answer "
                            "std::vector<outcome<R>>");
        static_assert(values::ends_well, "muster: only the last stage of a stream may answer nothing");
        if constexpr (values::one_order && values::operators_alone && values::fits && values::ends_well && values::waits_well && values::waits_somewhere) {
            using engine = detail::stream_engine<Items, Flow, Sink>;
            return streaming<engine>{std::make_shared<engine>(std::forward<Items>(items), std::forward<Flow>(flow), failures, parent)};
        } else {
            return detail::refused{};
        }
    }
    static inline detail::to_consumer nobody{};
};
inline constexpr stream_verb stream{};

}  // namespace muster
