#pragma once

/// The part of muster that is about calls: the words, the executors, the policies, the gates, the verbs.
/// What reaches out is included by name: programs (muster/process/), what remembers (muster/cache/), what is seen of a run (muster/observe/),
/// other libraries (muster/adapt/), whole problems (muster/workloads/). So are tasks that depend on each other (muster/flow/graph.hpp): a
/// compiler pays for them like for a tenth of all the rest, and few programs have them; and gates that learn (muster/gate/adaptive_*.hpp).

#include <muster/core/any_stage.hpp>         // any_stage
#include <muster/core/bytes.hpp>             // KiB, MiB, GiB
#include <muster/core/chain.hpp>             // chain
#include <muster/core/concepts.hpp>          // every concept where floors meet
#include <muster/core/context.hpp>           // context
#include <muster/core/describe.hpp>          // describe
#include <muster/core/duration_text.hpp>     // duration_text
#include <muster/core/failure.hpp>           // failure, cause
#include <muster/core/invoke_task.hpp>       // invoke_task
#include <muster/core/json.hpp>              // json_writer
#include <muster/core/line_sink.hpp>         // line_sink
#include <muster/core/outcome.hpp>           // outcome
#include <muster/core/pipeline.hpp>          // pipeline
#include <muster/core/run_info.hpp>          // run_info
#include <muster/core/settings.hpp>          // settings
#include <muster/core/stage.hpp>             // stage
#include <muster/core/waiter.hpp>            // waiter
#include <muster/core/width.hpp>             // width, automatic

#include <muster/exec/blocking_pool.hpp>      // blocking_pool
#include <muster/exec/inline_executor.hpp>    // inline_executor
#include <muster/exec/pending.hpp>            // pending
#include <muster/exec/thread_pool.hpp>        // thread_pool

#include <muster/gate/bulkhead.hpp>           // bulkhead
#include <muster/gate/circuit_breaker.hpp>    // circuit_breaker
#include <muster/gate/rate_limiter.hpp>       // rate_limiter
#include <muster/gate/retry_budget.hpp>       // retry_budget

#include <muster/policy/batched.hpp>     // batched
#include <muster/policy/buffer.hpp>      // buffer
#include <muster/policy/cached.hpp>      // cached
#include <muster/policy/deadline.hpp>    // deadline
#include <muster/policy/fallback.hpp>    // fallback
#include <muster/policy/hedge.hpp>       // hedge
#include <muster/policy/limit.hpp>       // limit
#include <muster/policy/named.hpp>       // named
#include <muster/policy/observe.hpp>     // observe
#include <muster/policy/on.hpp>          // on
#include <muster/policy/retry.hpp>       // retry
#include <muster/policy/scratch.hpp>     // scratch
#include <muster/policy/trip.hpp>        // trip

#include <muster/flow/fan_out.hpp>     // fan_out, all, first, quorum
#include <muster/flow/for_each.hpp>    // for_each
#include <muster/flow/indices.hpp>     // indices
#include <muster/flow/into.hpp>        // into
#include <muster/flow/map.hpp>         // map
#include <muster/flow/reduce.hpp>      // reduce
#include <muster/flow/scan.hpp>        // scan
