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
/// Order      records are called and committed in the order of their partition; with `on`, those of one batch run at once. The partitions take
///            turns.
/// Shape      the task is called as by `map`, with the `origin` of its record in the context: source, partition, offset and epoch. What it
///            answers is one output; an optional is one or none, a vector as many as it has elements, numbered by `origin::part`, and void none.
///            A record whose task fails, after its own retries, becomes a dead letter in the same commit: see failed_record.
/// Default    exactly once, in batches of 1,000 records or 100 ms: see run_options and delivery.
/// Waits      until the source ends, or a stop or the deadline of the context: then what is finished of the open batch is committed, and the
///            result says `stopped`. A batch is committed whether or not somebody stops the run.
/// Fails      as source and journal do: with cause::rejected where a later run has taken the source over, and invalid_input where the source
///            is no longer what was read. With the failure of a record under failed_record::stop. What was committed stays, and the
///            next run begins behind it.
/// Threads    one run a source and journal; a second one takes over, and the first one's next commit fails.
/// Lifetime   refers to source and journal until it returns; an output may refer to its record.
/// Cost       a commit a batch, an origin an item, and no memory for an item but what the flow itself takes.
struct run_verb {
    template <class Source, class Task, class Journal>
    outcome<run_result> operator()(Source&& from, Task const& task, Journal&& to, run_options const& options = {},
                                   context const& parent = context{}) const {
        using source = std::remove_reference_t<Source>;
        constexpr bool reads = detail::is_record_source<source>;
        static_assert(reads, "muster: run reads from a record_source, as file_lines is one");
        if constexpr (reads) {
            using item = typename source::value_type const&;
            constexpr bool callable = detail::is_task_for<Task, item>;
            static_assert(callable, "muster: run calls f(record) or f(record, context&) through const&");
            if constexpr (callable) {
                using output = typename detail::outputs_of<typename result_of<Task, item>::value_type>::type;
                constexpr bool keeps = detail::is_journal_for<std::remove_reference_t<Journal>, output>;
                static_assert(keeps, "muster: run writes to a journal for what the task answers, as sqlite_journal is one");
                if constexpr (keeps)
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
