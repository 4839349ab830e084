#pragma once

#include <utility>    // move

#include <muster/core/concepts.hpp>               // task_for
#include <muster/core/context.hpp>                // context
#include <muster/core/invoke_task.hpp>            // guarded
#include <muster/core/outcome.hpp>                // outcome
#include <muster/flow/detail/durable_run.hpp>     // durable_run
#include <muster/flow/journal.hpp>                // journal_for
#include <muster/flow/record_source.hpp>          // record_source
#include <muster/flow/run_options.hpp>            // run_options
#include <muster/flow/run_result.hpp>             // run_result

namespace muster {

/// Takes the records of a source through a flow into a journal, so that a kill at any moment costs no more than `delivery` says: start it
/// again, and it goes on where it was committed.
///
///     file_lines lines{"orders.jsonl"};
///     auto journal = sqlite_journal<>::open(cx, "orders.db").value();
///     auto const done = run(lines, named{"price"} | on{pool} | retry{.attempts = 3} | price, journal);
///
/// A pipeline with operators in it goes on with what they remember, which is committed with the offset:
///
///     run(lines, pipeline{on{pool} | parse, tumbling{{.size = 1min}, &order::at, &order::shop, 0, sum}, on{pool} | score}, journal);
///
/// Order      records are called and committed in the order of their partition; with `on`, those of one batch run at once. The partitions take
///            turns. Operators are given the items of a batch in the order of their records, on the thread of the run.
/// Shape      the task is called as by `map`, with the `origin` of its record in the context: source, partition, offset and epoch. What it
///            answers is one output; an optional is one or none, a vector as many as it has elements, numbered by `origin::part`, and void none.
///            A record whose task fails, after its own retries, becomes a dead letter in the same commit: see failed_record. What an operator
///            gives has the origin of the record that made it do so. What it holds to the end is given when the source ends, in a
///            commit of its own: the partition of that origin is the number of partitions, its offset the epoch. A stop leaves it in the journal.
/// Default    exactly once, in batches of 1,000 records or 100 ms: see run_options and delivery.
/// Waits      until the source ends, or a stop or the deadline of the context: then what is finished of the open batch is committed, and the
///            result says `stopped`. A batch is committed whether or not somebody stops the run. One that is interrupted behind an operator is
///            not, and is read again.
/// Fails      as source and journal do: with cause::rejected where a later run has taken the source over, and invalid_input where the source
///            is no longer what was read, or the flow has other operators than the journal remembers, and for one with operators under
///            delivery::at_most_once. With the failure of a record under failed_record::stop; behind an operator its batch is not
///            committed. What was committed stays, and the next run begins behind it.
/// Threads    one run a source and journal; a second one takes over, and the first one's next commit fails.
/// Lifetime   refers to source and journal until it returns; an output may refer to its record.
/// Cost       a commit a batch, an origin an item, and no memory for an item but what the flow itself takes. With operators a copy of what each
///            is given; of with_state the keys that were touched are written, of others the state as a whole, where it has changed.
struct run_verb {
    template <class Source, class Task, class Journal>
    outcome<run_result> operator()(Source&& from, Task const& task, Journal&& to, run_options const& options = {},
                                   context const& parent = context{}) const {
        using source = std::remove_reference_t<Source>;
        constexpr bool reads = detail::is_record_source<source>;
        static_assert(reads, "muster: run reads from a record_source, as file_lines is one");
        if constexpr (reads) {
            using flow = detail::durable_flow<Task, typename source::value_type>;
            constexpr bool callable = flow::fits;
            static_assert(callable || flow::has_operators, "muster: run calls f(record) or f(record, context&) through const&");
            static_assert(callable || !flow::has_operators, "muster: an element of this flow cannot be called with a const& of what the one before it gives");
            static_assert(!callable || flow::ends_well, "muster: only the last stage of a flow may answer nothing");
            if constexpr (callable && flow::ends_well) {
                using journal = std::remove_reference_t<Journal>;
                using output = typename detail::outputs_of<typename detail::durable_answer<Task, typename source::value_type>::type>::type;
                constexpr bool keeps = detail::is_journal_for<journal, output>, remembers = !flow::has_operators || detail::is_state_journal<journal>;
                static_assert(keeps, "muster: run writes to a journal for what the task answers, as sqlite_journal is one");
                static_assert(remembers, "muster: this flow has operators, and the journal does not keep what they remember: see state_journal");
                if constexpr (keeps && remembers)
                    return guarded<outcome<run_result>>([&] {
                        return detail::durable_run<source, Task, std::remove_reference_t<Journal>>{from, task, to, options, parent}();
                    });
            }
        }
        return {};
    }
};
inline constexpr run_verb run{};

}  // namespace muster
