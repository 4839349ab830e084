#pragma once

#include <algorithm>      // all_of
#include <atomic>         // retries
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // outputs that may be none, a failure that stops
#include <string>         // texts
#include <string_view>    // name
#include <type_traits>    // is_void
#include <utility>        // forward, move
#include <vector>         // batches

#include <muster/core/concepts.hpp>           // result_of
#include <muster/core/context.hpp>            // context, origin
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/dead_letter.hpp>        // dead_letter
#include <muster/flow/detail/calls.hpp>       // call_item, put
#include <muster/flow/detail/durable_operators.hpp>    // durable_flow
#include <muster/flow/detail/run.hpp>         // plan_run, run_each
#include <muster/flow/journal.hpp>            // journal_entry
#include <muster/flow/record_source.hpp>      // source_batch
#include <muster/flow/run_options.hpp>        // run_options
#include <muster/flow/run_result.hpp>         // run_result

namespace muster::detail {

// How many outputs an answer is: one; none or one for an optional; as many as elements for a vector; none for nothing.
template <class T>
struct outputs_of {
    using type = T;
    template <class Take>
    static void each(T&& answer, Take const& take) { take(std::move(answer)); }
};
template <class T>
struct outputs_of<std::optional<T>> {
    using type = T;
    template <class Take>
    static void each(std::optional<T>&& answer, Take const& take) {
        if (answer) take(std::move(*answer));
    }
};
template <class T>
    requires(!std::same_as<T, bool>)
struct outputs_of<std::vector<T>> {
    using type = T;
    template <class Take>
    static void each(std::vector<T>&& answer, Take const& take) {
        for (auto& one : answer) take(std::move(one));
    }
};
template <>
struct outputs_of<void> {
    using type = no_output;
};

// What comes out of a flow for such records.
template <class Flow, class Item>
struct durable_answer {
    using type = typename result_of<Flow, Item const&>::value_type;
    using behind = nothing;
};
template <class Flow, class Item>
    requires(durable_flow<Flow, Item>::has_operators)
struct durable_answer<Flow, Item> {
    using flow = durable_flow<Flow, Item>;
    using behind = typename flow::template behind<typename flow::front>::parts::type;
    using last = typename behind::output;
    using type = std::conditional_t<std::is_same_v<last, nothing>, void, last>;
};

/// One run: reads a batch, works on it, commits it, until the source ends or somebody stops it.
template <class Source, class Flow, class Journal>
class durable_run {
    using value = typename Source::value_type;
    using parts = durable_flow<Flow, value>;
    static constexpr bool has_operators = parts::has_operators;
    using result = result_of<typename parts::front, value const&>;    // of the first stage
    using outputs = outputs_of<typename durable_answer<Flow, value>::type>;
    using output = typename outputs::type;
    using behind = typename durable_answer<Flow, value>::behind;

public:
    durable_run(Source& from, Flow const& flow, Journal& to, run_options const& options, context const& parent)
        : from_(from), task_(parts::front_of(flow)), behind_(behind_of(flow)), to_(to), options_(options), cx_(context::below(parent)),
          calm_(parent.waiting()) {
        cx_.count_retries(&retries_);
    }

    outcome<run_result> operator()() {
        auto const began = cx_.now();
        if (options_.records == 0)
            return failure{cause::invalid_input, "muster: a run commits batches of 1 record or more, and run_options::records is 0"};
        if (has_operators && options_.guarantee == delivery::at_most_once)
            return failure{cause::invalid_input, "muster: a flow with operators is run exactly or at least once: what they remember of a record that is "
                                                 "then lost would stay"};
        if (auto const ready = resume(); !ready) return ready.error();
        if (auto const done = all(); !done) return done.error();
        if (auto const done = flush(); !done) return done.error();
        done_.took = cx_.now() - began;
        done_.retried = retries_.load();
        return std::move(done_);
    }

private:
    outcome<void> resume() {
        auto start = to_.begin(cx_, name(), from_.partitions());
        if (!start) return start.error();
        done_.epoch = start->epoch;
        start->positions.resize(static_cast<std::size_t>(from_.partitions()));
        for (std::uint64_t partition = 0; auto const& each : start->positions) {
            if (auto good = from_.resume(cx_, partition++, each); !good) return good;
            done_.resumed.push_back(each.offset);
        }
        done_.reached = done_.resumed;
        read_ = done_.resumed;
        return remember(start->states);
    }
    outcome<void> remember(std::vector<journal_state> const& kept) {
        bool const fresh = std::all_of(read_.begin(), read_.end(), [](std::uint64_t offset) { return offset == 0; });
        if constexpr (has_operators) {
            if (kept.empty() && !fresh)
                return failure{cause::invalid_input, "muster: \"" + std::string{name()} + "\" was read by a flow without operators, and what these would remember of "
                                                     "it is not known: give the source another name to begin anew"};
            for (auto const& each : kept)
                if (each.place >= behind::operators) return other_flow(each.place + 1, behind::operators);
            return behind_.begin(kept);
        } else {
            return kept.empty() ? outcome<void>{} : other_flow(kept.back().place + 1, 0);
        }
    }
    [[nodiscard]] failure other_flow(std::uint64_t had, std::uint64_t has) const {
        return {cause::invalid_input, "muster: the journal has what operator " + std::to_string(had) + " of a flow remembers of \"" + std::string{name()} +
                                          "\", and this flow has " + std::to_string(has) + ": the flow was changed"};
    }

    outcome<void> all() {
        auto open = read_.size();
        std::vector<bool> ended(open);
        for (bool idle = true; open != 0;) {
            for (std::size_t partition = 0; partition < ended.size(); ++partition) {
                if (ended[partition]) continue;
                if (cx_.stop_requested()) return done_.stopped = true, outcome<void>{};
                // One of several must not hold up the others.
                read_bounds const bounds{.records = options_.records, .bytes = options_.bytes, .linger = options_.linger,
                                         .until = open == 1 ? never : instant::min()};
                batch_.begin(read_[partition]);
                if (auto got = from_.read(cx_, partition, read_[partition], bounds, batch_); !got) return got;
                if (batch_.ended) ended[partition] = true, --open;
                if (batch_.records.empty()) continue;
                idle = false;
                if (auto worked = work(partition); !worked) return worked;
                if (done_.stopped) return {};
            }
            if (idle && open > 1) (void)cx_.pause(std::chrono::milliseconds{10});    // cut short by a stop, which is looked at above
            idle = true;
        }
        return {};
    }

    outcome<void> work(std::size_t partition) {
        auto const count = batch_.records.size();
        tell(run_point::after_read);
        bool const before = options_.guarantee == delivery::at_most_once;
        if (before)
            if (auto kept = commit(partition, batch_.next, false); !kept) return kept;
        call(partition);
        tell(run_point::after_process);

        begin_outputs();
        std::optional<failure> ends;
        std::size_t finished = 0, started = 0;
        for (std::size_t i = 0; i < count; ++i) {
            auto& each = results_[i];
            bool const cut_short = !each && interrupted(each.error());
            if (!cut_short || each.error().attempts() != 0) started = i + 1;
            if (cut_short) continue;
            if (each) {
                if (finished == i || before) take(partition, i);
            } else if (options_.on_failure == failed_record::stop) {
                if (!ends) ends = each.error();
                if (!before) break;
            } else if (finished == i || before) {
                bury(partition, i);
            }
            if (finished == i) finished = i + 1;
        }
        done_.stopped = finished != count && !ends;
        if constexpr (has_operators) {
            auto const done = behind_.through(items_, *this);
            if (!done) return done.error();
            if (!*done) return done_.stopped = true, outcome<void>{};    // the batch is read again, from what was remembered before it
        }
        // What was committed before the work, and was not begun, is read again.
        auto const upto = before ? started : finished;
        auto const next = upto == count ? batch_.next : batch_.records[upto].offset;
        if (auto kept = commit_work(partition, next, upto != count); !kept) return kept;
        done_.in += upto;
        read_[partition] = next;
        if (ends) return *std::move(ends);
        return {};
    }

    // Calls the task with every record of the batch.
    void call(std::size_t partition) {
        auto const count = batch_.records.size();
        if (results_.size() < count) results_.resize(count);
        auto const place = placed<is_on>(task_);
        auto const plan = plan_run(place, count);
        run_each(place, plan, count, cx_, [&](std::size_t i, context& cx) {
            auto const& record = batch_.records[i];
            auto const from = cx.change_origin(origin_of(partition, record.offset));
            auto const index = static_cast<std::size_t>(done_.in) + i;
            detail::put(results_[i], cx, [&]() -> result {
                if (record.value) return call_item<result>(task_, index, cx, *record.value);
                cx.item(index);
                result unread{record.value.error()};
                finish(unread, cx);
                return unread;
            });
        });
    }

    // Of the run and not of the record: it is read again.
    bool interrupted(failure const& what) const {
        return (what.is(cause::cancelled) || what.is(cause::timed_out)) && cx_.stop_requested();
    }

    void take(std::size_t partition, std::size_t i) {
        [[maybe_unused]] auto const from = origin_of(partition, batch_.records[i].offset);
        if constexpr (has_operators) items_.push_back({from, static_cast<std::size_t>(done_.in) + i, *std::move(results_[i])});
        else if constexpr (!std::is_void_v<typename result::value_type>) give(from, *std::move(results_[i]));
    }
    template <class Answer>
    void give(origin from, Answer&& answer) {
        outputs::each(std::forward<Answer>(answer), [&](output&& one) {
            outputs_.push_back({from, std::move(one)});
            ++from.part;
        });
    }
    void begin_outputs() {
        outputs_.clear();
        dead_.clear();
        if constexpr (has_operators) items_.clear();
    }

    // What operators, and the stages behind them, tell

    friend behind;
    [[nodiscard]] context& cx() noexcept { return cx_; }
    template <class T>
    void put(durable_item<T>&& out) {
        if constexpr (!std::is_same_v<T, nothing>) {
            auto const& last = outputs_.empty() ? origin{} : outputs_.back().from;
            out.from.part = !outputs_.empty() && last.partition == out.from.partition && last.offset == out.from.offset ? last.part + 1 : 0;
            give(out.from, std::move(out.value));
        }
    }
    template <class... Item>
    outcome<void> fail(failure const& why, Item const&... item_and_from) {
        if (options_.on_failure == failed_record::stop) return why;
        if (options_.on_failure == failed_record::skip) ++skipped_;
        else bury(why, item_and_from...);
        return {};
    }
    template <class Item>
    void bury(failure const& why, Item const& item, origin const& from) { dead_.push_back(dead_letter::of(why, item, options_.clock(), from)); }
    void bury(failure const& why, origin const& from) { dead_.push_back(dead_letter::of(why, options_.clock(), from)); }

    // The source has ended: what operators hold is given, in a commit of its own.
    outcome<void> flush() {
        if constexpr (has_operators) {
            if (done_.stopped) return {};
            begin_outputs();
            // Of no record: a partition that is none, and the number of the run, which no other has.
            origin const from{.source = name(), .partition = from_.partitions(), .offset = done_.epoch, .part = 0, .epoch = done_.epoch};
            auto const done = behind_.flush(from, static_cast<std::size_t>(done_.in), *this);
            if (!done) return done.error();
            if (!*done) return done_.stopped = true, outcome<void>{};
            remembered();
            bool const any = !outputs_.empty() || !dead_.empty();
            if (options_.guarantee == delivery::at_least_once && any)
                if (auto kept = commit({}, {}, true, false); !kept) return kept;
            bool const both = options_.guarantee != delivery::at_least_once;
            if (!states_.empty() || (both && any))
                if (auto kept = commit({}, {}, both, true); !kept) return kept;
            done_.skipped += std::exchange(skipped_, 0);
        }
        return {};
    }
    void remembered() {
        states_.clear();
        if constexpr (has_operators) behind_.say(states_);
    }
    void bury(std::size_t partition, std::size_t i) {
        if (options_.on_failure == failed_record::skip) return void(++skipped_);
        auto const& record = batch_.records[i];
        auto const from = origin_of(partition, record.offset);
        auto const& why = results_[i].error();
        dead_.push_back(record.value ? dead_letter::of(why, *record.value, options_.clock(), from) : dead_letter::of(why, options_.clock(), from));
    }

    outcome<void> commit_work(std::size_t partition, std::uint64_t next, bool back) {
        using enum delivery;
        bool const any = !outputs_.empty() || !dead_.empty(), moved = next != read_[partition];
        states_.clear();
        if (moved) remembered();    // it goes with the offset: together they say what was worked on
        outcome<void> kept;
        if (options_.guarantee == exactly_once) {
            if (any || moved) kept = commit(partition, next, true, true);
        } else if (options_.guarantee == at_least_once) {
            if (any) kept = commit({}, {}, true);
            if (kept && moved) kept = commit(partition, next, false, true);
        } else if (back) {
            kept = commit(partition, next, true);
        } else if (any) {
            kept = commit({}, {}, true);
        }
        if (kept) done_.skipped += std::exchange(skipped_, 0);
        return kept;
    }

    // One entry: of the position, the outputs, or both.
    outcome<void> commit(std::optional<std::size_t> partition, std::optional<std::uint64_t> offset, bool with_outputs, bool with_states = false) {
        journal_entry<output> entry{.source = name(), .epoch = done_.epoch};
        source_position next;
        if (offset) {
            auto mark = from_.mark(*partition, *offset);
            if (!mark) return mark.error();
            next = {*offset, *std::move(mark)};
            entry.partition = *partition;
            entry.next = &next;
        }
        if (with_outputs) {
            entry.outputs = outputs_;
            entry.dead = dead_;
        }
        if (with_states) entry.states = states_;
        tell(run_point::before_commit);
        // A commit is not interrupted: what is finished is kept, also when somebody stops the run.
        if (auto kept = to_.commit(calm_, entry); !kept) return kept;
        ++done_.commits;
        if (offset) done_.reached[*partition] = *offset;
        if (with_outputs) {
            done_.out += outputs_.size();
            done_.dead += dead_.size();
        }
        tell(run_point::after_commit);
        return {};
    }

    [[nodiscard]] std::string_view name() const { return from_.name(); }
    [[nodiscard]] origin origin_of(std::size_t partition, std::uint64_t offset) const {
        return {.source = name(), .partition = partition, .offset = offset, .part = 0, .epoch = done_.epoch};
    }
    void tell(run_point where) {
        if (!options_.at) return;
        done_.retried = retries_.load(std::memory_order_relaxed);
        options_.at(where, done_);
    }

    static behind behind_of([[maybe_unused]] Flow const& flow) {
        if constexpr (has_operators) return behind{parts::rest_of(flow)};
        else return {};
    }

    Source& from_;
    decltype(parts::front_of(std::declval<Flow const&>())) task_;
    [[no_unique_address]] behind behind_;
    Journal& to_;
    run_options const& options_;
    context cx_;
    context calm_;    // without stop and deadline
    std::atomic<std::uint64_t> retries_{0};
    run_result done_;
    std::vector<std::uint64_t> read_;    // up to where each partition was read and worked on
    // Of one batch, and kept for their memory.
    source_batch<value> batch_;
    std::vector<result> results_;
    std::vector<durable_item<answer_of<result>>> items_;    // on their way to operators
    std::vector<journal_output<output>> outputs_;
    std::vector<journal_state> states_;
    std::vector<dead_letter> dead_;
    std::uint64_t skipped_ = 0;
};

}  // namespace muster::detail
