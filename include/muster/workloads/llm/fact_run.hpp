#pragma once

#include <algorithm>      // binary_search, min
#include <cstddef>        // size_t
#include <cstdint>        // int64_t, uint64_t
#include <memory>         // make_shared
#include <optional>       // lock
#include <span>           // nodes
#include <string>         // texts
#include <string_view>    // names
#include <utility>        // move
#include <vector>         // nodes

#include <muster/core/context.hpp>                       // context
#include <muster/core/failure.hpp>                       // cause, failure
#include <muster/core/outcome.hpp>                       // outcome
#include <muster/os/fd.hpp>                              // fd
#include <muster/os/file_lock.hpp>                       // file_lock
#include <muster/workloads/llm/detail/cut_result.hpp>    // cut_result, text_limits
#include <muster/workloads/llm/detail/fact_tables.hpp>    // fact_tables
#include <muster/workloads/llm/detail/group_writer.hpp>    // group_writer
#include <muster/workloads/llm/node_result.hpp>           // node_result

namespace muster::llm {

/// A node as a run learns of it.
struct named_node {
    std::uint64_t number = 0;    ///< its place in the document: the same each time the document is split; below 2^63
    std::string_view name{};     ///< what a reader calls it: a path, an ID
    friend bool operator==(named_node const&, named_node const&) = default;
};

/// One run of a fact_store, held by this process: what is done, what is under way, what is left.
///
///     if (!run.is_settled(node)) {
///         auto const attempt = run.begin_attempt(cx, node);           // committed before the request is sent
///         ... send ...
///         auto const kept = run.record(cx, {.node = node, .attempt = *attempt, .answer = answer, .usage = used});
///     }
///
/// Shape      one row per node, whatever happens. A node that ended is not sent again.
/// Waits      until what was handed over is committed, and for room in the store's queue: through the context.
/// Fails      timed_out or cancelled for a wait that ended; invalid_input for what the life of a node does not allow, before anything is
///            written; exhausted for a full disk, and what else SQLite says; unavailable after the store is closed.
/// Threads    any number.
/// Lifetime   refers to the store, which must outlive it. Lets go of the run in its destructor; the kernel does at the death of the process.
class fact_run {
public:
    fact_run(fact_run&&) noexcept = default;
    fact_run& operator=(fact_run&&) = delete;    // the run that it holds would have to be let go of first

    [[nodiscard]] std::int64_t id() const noexcept { return id_; }
    /// That of its identity: the same in every process that opens it.
    [[nodiscard]] std::string const& digest() const noexcept { return digest_; }
    /// True for a run that had ended well before: nothing is to be sent, and nothing can be recorded.
    [[nodiscard]] bool is_finished() const noexcept { return finished_; }

    // As it was found, each in ascending order
    [[nodiscard]] std::vector<std::uint64_t> const& done() const noexcept { return found_.done; }
    [[nodiscard]] std::vector<std::uint64_t> const& failed() const noexcept { return found_.failed; }
    /// In flight when an earlier process died: perhaps paid for, and to be sent again.
    [[nodiscard]] std::vector<std::uint64_t> const& interrupted() const noexcept { return found_.interrupted; }
    /// Whether a node was done or failed when the run was opened: it is not sent.
    [[nodiscard]] bool is_settled(std::uint64_t node) const noexcept {
        return std::binary_search(found_.done.begin(), found_.done.end(), node) ||
               std::binary_search(found_.failed.begin(), found_.failed.end(), node);
    }

    /// Adds nodes, pending; those that are there stay as they are. Fails with invalid_input where one is there by another name.
    outcome<void> add_nodes(context& cx, std::span<named_node const> nodes) const;

    /// Says that a request is about to be sent, and answers which attempt at the node it is, from 1.
    ///
    /// Interrupted before it was written, it is as if it had not been called.
    outcome<std::uint64_t> begin_attempt(context& cx, std::uint64_t node) const;

    /// Says how an attempt ended.
    ///
    /// Interrupted while it waits to be written, it fails, and what was handed over is written all the same: an answer that was paid for is not
    /// dropped at a stop. `fact_store::flush` tells. Texts that are too long are cut, and marked partial.
    outcome<void> record(context& cx, node_result what) const;

    /// Marks as stopped what is pending, with the reason; answers how many. They are pending again when the run is opened anew.
    outcome<std::uint64_t> stop_rest(context& cx, std::string_view kind, std::string_view text) const;

    /// Ends the run for good; fails with invalid_input where a node is neither done nor failed.
    ///
    /// Threads    alone, after the calls of all others.
    outcome<void> finish(context& cx);

private:
    friend class fact_store;
    using writer = detail::group_writer<detail::fact_tables>;

    fact_run(writer& by, detail::text_limits limits, detail::fact_tables::found_run what, std::string digest)
        : by_(&by), limits_(limits), id_(what.id), digest_(std::move(digest)), finished_(what.finished) {}
    [[nodiscard]] outcome<void> open() const {
        if (finished_) return failure{cause::invalid_input, "run " + std::to_string(id_) + " is finished: its answers are there to be read"};
        return {};
    }

    writer* by_;
    detail::text_limits limits_;
    std::int64_t id_;
    std::string digest_;
    bool finished_;
    detail::fact_tables::loaded_run found_;
    fd lock_file_;                      // of this run alone: two in one process exclude each other, too
    std::optional<file_lock> lock_;     // after the file that it refers to
};

// Implementation

inline outcome<void> fact_run::add_nodes(context& cx, std::span<named_node const> nodes) const {
    if (auto can = open(); !can) return can;
    constexpr std::size_t at_once = 1'000;    // of one transaction: others wait meanwhile
    while (!nodes.empty()) {
        auto const part = nodes.first(std::min(nodes.size(), at_once));
        nodes = nodes.subspan(part.size());
        std::size_t bytes = 0;
        for (auto const& each : part) bytes += each.name.size();
        auto const done = by_->submit(cx, [&](detail::fact_tables& in, context& inner) -> outcome<std::int64_t> {
            for (auto const& each : part)
                if (auto const added = in.add_node(inner, id_, each.number, detail::cut(each.name, limits_.text)); !added) return added.error();
            return 0;
        }, bytes);
        if (!done) return done.error();
    }
    return {};
}

inline outcome<std::uint64_t> fact_run::begin_attempt(context& cx, std::uint64_t node) const {
    if (auto const can = open(); !can) return can.error();
    auto const attempt = by_->submit(cx, [&](detail::fact_tables& in, context& inner) { return in.begin_attempt(inner, id_, node); }, 0);
    return attempt ? outcome<std::uint64_t>{static_cast<std::uint64_t>(*attempt)} : attempt.error();
}

inline outcome<void> fact_run::record(context& cx, node_result what) const {
    if (auto can = open(); !can) return can;
    if (what.state == node_state::in_flight || what.state == node_state::interrupted || (what.state == node_state::pending && what.attempt == 0))
        return failure{cause::invalid_input, "node " + std::to_string(what.node) + " cannot be recorded as " + std::string{name_of(what.state)} +
                                                 ": an attempt ends done, failed or stopped, or pending where another follows"};
    auto const whole = what.answer.size();
    detail::cut_result(what, limits_);
    auto const bytes = detail::bytes_of(what);
    // It owns what it writes, for its caller may have left by then.
    auto const done = by_->submit(cx, [id = id_, whole, kept = std::make_shared<node_result const>(std::move(what))](
                                          detail::fact_tables& in, context& inner) -> outcome<std::int64_t> {
        if (auto const recorded = in.record(inner, id, *kept, whole); !recorded) return recorded.error();
        return 0;
    }, bytes, writer::left::written);
    return done ? outcome<void>{} : done.error();
}

inline outcome<std::uint64_t> fact_run::stop_rest(context& cx, std::string_view kind, std::string_view text) const {
    if (auto const can = open(); !can) return can.error();
    auto const stopped = by_->submit(cx, [&](detail::fact_tables& in, context& inner) {
        return in.stop_rest(inner, id_, detail::cut(kind, limits_.text), detail::cut(text, limits_.text));
    }, 0);
    return stopped ? outcome<std::uint64_t>{static_cast<std::uint64_t>(*stopped)} : stopped.error();
}

inline outcome<void> fact_run::finish(context& cx) {
    if (auto can = open(); !can) return can;
    auto const done = by_->submit(cx, [&](detail::fact_tables& in, context& inner) -> outcome<std::int64_t> {
        if (auto const finished = in.finish(inner, id_); !finished) return finished.error();
        return 0;
    }, 0);
    if (!done) return done.error();
    finished_ = true;
    return {};
}

}  // namespace muster::llm
