#pragma once

#include <atomic>         // retries
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // outputs that may be none, a failure that stops
#include <string_view>    // name
#include <type_traits>    // is_void
#include <utility>        // move
#include <vector>         // batches

#include <muster/core/concepts.hpp>           // result_of
#include <muster/core/context.hpp>            // context, origin
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/dead_letter.hpp>        // dead_letter
#include <muster/flow/detail/calls.hpp>       // call_item, put
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

/// One run: reads a batch, works on it, commits it, until the source ends or somebody stops it.
template <class Source, class Task, class Journal>
class durable_run {
    using value = typename Source::value_type;
    using result = result_of<Task, value const&>;
    using answer = typename result::value_type;
    using outputs = outputs_of<answer>;
    using output = typename outputs::type;

public:
    durable_run(Source& from, Task const& task, Journal& to, run_options const& options, context const& parent)
        : from_(from), task_(task), to_(to), options_(options), cx_(context::below(parent)), calm_(parent.waiting()) {
        cx_.count_retries(&retries_);
    }

    outcome<run_result> operator()() {
        auto const began = cx_.now();
        if (options_.records == 0)
            return failure{cause::invalid_input, "muster: a run commits batches of 1 record or more, and run_options::records is 0"};
        if (auto const ready = resume(); !ready) return ready.error();
        if (auto const done = all(); !done) return done.error();
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
        return {};
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

        outputs_.clear();
        dead_.clear();
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
            put(results_[i], cx, [&]() -> result {
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
        if constexpr (!std::is_void_v<answer>) {
            auto from = origin_of(partition, batch_.records[i].offset);
            outputs::each(std::move(*results_[i]), [&](output&& one) {
                outputs_.push_back({from, std::move(one)});
                ++from.part;
            });
        }
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
        outcome<void> kept;
        if (options_.guarantee == exactly_once) {
            if (any || moved) kept = commit(partition, next, true);
        } else if (options_.guarantee == at_least_once) {
            if (any) kept = commit({}, {}, true);
            if (kept && moved) kept = commit(partition, next, false);
        } else if (back) {
            kept = commit(partition, next, true);
        } else if (any) {
            kept = commit({}, {}, true);
        }
        if (kept) done_.skipped += std::exchange(skipped_, 0);
        return kept;
    }

    // One entry: of the position, the outputs, or both.
    outcome<void> commit(std::optional<std::size_t> partition, std::optional<std::uint64_t> offset, bool with_outputs) {
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

    Source& from_;
    Task const& task_;
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
    std::vector<journal_output<output>> outputs_;
    std::vector<dead_letter> dead_;
    std::uint64_t skipped_ = 0;
};

}  // namespace muster::detail
