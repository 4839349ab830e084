#pragma once

#include <algorithm>      // stable_sort, nth_element
#include <atomic>         // flag
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <functional>     // whoever answers
#include <mutex>          // mutex
#include <optional>       // what ended the run
#include <string>         // texts
#include <unordered_map>  // nodes with facts
#include <utility>        // move
#include <vector>         // nodes

#include <sys/resource.h>    // getrusage

#include <muster/adapt/json_schema.hpp>               // json_schema
#include <muster/core/bytes.hpp>                      // KiB
#include <muster/core/concepts.hpp>                   // around_tag, outcome_of
#include <muster/core/context.hpp>                    // context
#include <muster/core/line_sink.hpp>                  // line_sink_ref
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/core/run_info.hpp>                   // run_info
#include <muster/core/stage.hpp>                      // operator|
#include <muster/flow/map.hpp>                        // map
#include <muster/observe/tally.hpp>                   // tally
#include <muster/policy/observe.hpp>                  // observe
#include <muster/workloads/llm/asked_node.hpp>        // asked_node
#include <muster/workloads/llm/chat_reply.hpp>        // json_of
#include <muster/workloads/llm/chat_request.hpp>      // chat_request
#include <muster/workloads/llm/client.hpp>            // client
#include <muster/workloads/llm/discovery_report.hpp>  // discovery_report
#include <muster/workloads/llm/event.hpp>             // event
#include <muster/workloads/llm/event_line.hpp>        // event_line
#include <muster/workloads/llm/fact_run.hpp>          // fact_run
#include <muster/workloads/llm/fault.hpp>             // ends_the_run

// Above 400 lines: one node's way, from the question to the record, is told in one place.

namespace muster::llm {

/// What every node is asked, but for its text.
struct discovery_question {
    std::string instructions{};                     ///< said before the node's text, as the system
    std::string schema{};                           ///< JSON schema of the answer: an object, whose members are the facts
    std::optional<std::uint64_t> max_tokens{};
    std::optional<double> temperature{};
    friend bool operator==(discovery_question const&, discovery_question const&) = default;
};

/// Asks a model about each node of a document, once, and keeps what it says: whatever fails, hangs, is refused or killed on the way.
///
///     discovery facts{model, run, question, schema};
///     auto report = facts.over(nodes, on{fibers, 10}, retry{.attempts = 4} | limit{quota, count_tokens} | deadline{2min}, cx);
///
/// Shape      nodes that an earlier process has settled are not sent. Each attempt is in the store before it is sent, and its end when it is
///            known; an answer that came is stored also where the run has been stopped meanwhile, for it was paid for. Each member of an
///            answer is a fact. The longest nodes go first, so that no long one is left for the end.
/// Order      the place first, then the policies around an attempt; in front of them the node's end is written.
/// Waits      for the answers, as the policies say. A stop or the deadline of the context ends the run: what is done is kept, what was
///            under way is let go.
/// Fails      with what the store fails with. Nodes that fail are in the report, and touch no other; a fault that ends_the_run lets
///            nothing more be sent: what is under way still comes, the rest is reported as stopped.
/// Log        a line for each `event`, its id in front; from the thread that it happens on. Putting one does not throw.
/// Threads    one `over` at a time; `so_far` from any.
/// Lifetime   refers to the client, the run and the log.
/// Cost       beside the calls two records in the store for each node.
class discovery {
public:
    /// Whoever answers a chat: a client, or a stage in front of one, as `fallback{another} | ask`.
    using asked = std::function<outcome<chat_reply>(chat_request const&, context&)>;

    discovery(asked by, fact_run& into, discovery_question question, json_schema schema, line_sink_ref log = {})
        : by_(std::move(by)), into_(into), question_(std::move(question)), schema_(std::move(schema)), log_(log) {}
    discovery(client const& by, fact_run& into, discovery_question question, json_schema schema, line_sink_ref log = {})
        : discovery([&by](chat_request const& what, context& cx) { return by.ask(what, cx); }, into, std::move(question), std::move(schema), log) {}
    discovery(discovery const&) = delete;
    discovery& operator=(discovery const&) = delete;

    /// `place` is where the calls run, as for any verb: `on{fibers, 10}`, also with `observe` behind it; `named{"ask"}` alone asks one node
    /// after another. `policies` are around each attempt, or all: `retry{} | limit{quota, count_tokens} | deadline{2min}`.
    template <class Place, class Policies>
    outcome<discovery_report> over(std::vector<asked_node> nodes, Place const& place, Policies const& policies, context& cx);

    /// What the counts are now, for a display: from any thread, while `over` runs too. Times and the sums of the run come at its end.
    [[nodiscard]] discovery_report so_far() const {
        std::lock_guard lock(mutex_);
        return report_;
    }

private:
    struct settle;     // a policy: writes how a node ended
    struct one_attempt;    // the task: one request

    struct kept_node {
        std::uint64_t attempt = 0, facts = 0, tokens = 0;
    };

    void begin(context const& cx);
    void say_start(run_info const* how);
    void heard(outcome<void> const& result, bool has_reply, instant sent, instant now);
    outcome<void> ask(asked_node const& node, context& cx);
    outcome<discovery_report> sum_up(tally const& sums, context& cx);
    void say_end(outcome<discovery_report> const& of, std::chrono::nanoseconds took);
    void ended(asked_node const& node, outcome<void> const& how, context& cx, std::chrono::nanoseconds took);
    [[nodiscard]] std::optional<failure> end_of_run() const {
        if (!over_.load(std::memory_order_acquire)) return std::nullopt;    // pairs with the release in end_run
        std::lock_guard lock(mutex_);
        return why_;
    }
    void end_run(failure why) {
        {
            std::lock_guard lock(mutex_);
            if (why_) return;
            why_ = why;
            over_.store(true, std::memory_order_release);
        }
        if (log_) log_.put(event_line{event::run_stopped}.add("kind", kind_of(why)).add("reason", why.text()).text());
    }
    // What the store fails with ends the run: to send what cannot be kept is waste.
    void store_failed(failure why) {
        {
            std::lock_guard lock(mutex_);
            if (!store_failed_) store_failed_ = why;
        }
        end_run(std::move(why));
    }
    [[nodiscard]] static std::string kind_of(failure const& why) { return why.code().message(); }

    asked by_;
    fact_run& into_;
    discovery_question question_;
    json_schema schema_;
    line_sink_ref log_;

    std::atomic<bool> over_{false};
    mutable std::mutex mutex_;             // of what follows
    std::optional<failure> why_;           // what ended the run
    std::optional<failure> store_failed_;
    discovery_report report_;
    std::vector<std::chrono::nanoseconds> latencies_;
    std::chrono::nanoseconds busy_{};      // of nodes that ended
    std::uint64_t asked_ = 0;              // nodes that this run is about
    std::uint64_t inside_ = 0;             // nodes that have begun and not ended ...
    std::uint64_t most_inside_ = 0;        // ... and how many they were at once
    std::unordered_map<std::uint64_t, kept_node> kept_;    // nodes whose facts are in the store, and whose calls have not ended
    std::optional<instant> paused_;        // since when
    std::uint64_t refused_ = 0;            // in this pause
    std::mutex start_mutex_;               // of what follows: whoever comes first says it before anything else is said
    bool start_said_ = false;
};

// Implementation

struct discovery::settle {
    using policy_concept = around_tag;
    discovery* of;

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, asked_node const&> {
        asked_node const& node = item;
        of->begin(cx);
        auto const start = cx.now();
        auto result = next(cx, node);
        of->ended(node, result, cx, cx.now() - start);
        return result;
    }
};

struct discovery::one_attempt {
    discovery* of;
    outcome<void> operator()(asked_node const& node, context& cx) const { return of->ask(node, cx); }
};

inline void discovery::begin(context const& cx) {
    if (log_) {
        std::lock_guard lock(start_mutex_);
        say_start(cx.run());
    }
    std::lock_guard lock(mutex_);
    most_inside_ = std::max(most_inside_, ++inside_);
}

// Under its mutex. How a run is run its first call knows.
inline void discovery::say_start(run_info const* how) {
    if (std::exchange(start_said_, true)) return;
    auto const known = so_far();
    log_.put(event_line{event::run_started}
                 .add("run", static_cast<std::uint64_t>(into_.id()))
                 .add("nodes", known.nodes)
                 .add("to_ask", asked_)
                 .add("in_flight", how ? how->width : std::size_t{0})
                 .text());
    if (known.done_before + known.failed_before + known.sent_again != 0)
        log_.put(event_line{event::run_resumed}.add("done", known.done_before).add("failed", known.failed_before)
                     .add("sent_again", known.sent_again).text());
    if (how && !how->parallel()) log_.put(event_line{event::ran_sequentially}.add("reason", name_of(how->why)).text());
}

// Of pauses the first refusal is told, and the first answer to what was sent after it.
inline void discovery::heard(outcome<void> const& result, bool has_reply, instant sent, instant now) {
    if (!log_) return;
    bool const asks = !result && (result.error().code() == fault::rate_limited || result.error().retry_after());
    if (asks == has_reply) return;    // neither
    event_line line{asks ? event::paused : event::pause_over};
    {
        std::lock_guard lock(mutex_);
        if (asks) {
            ++refused_;
            if (paused_) return;
            paused_ = now;
            line.add("kind", kind_of(result.error())).add("seconds", result.error().retry_after().value_or(std::chrono::nanoseconds{0}));
        } else {
            if (!paused_ || sent <= *paused_) return;
            line.add("seconds", now - *paused_).add("refused", refused_);
            paused_.reset();
            refused_ = 0;
        }
    }
    log_.put(line.text());
}

inline outcome<void> discovery::ask(asked_node const& node, context& cx) {
    if (auto const end = end_of_run()) return failure{cause::cancelled, "not sent, since the run has ended: " + end->text()};
    auto const attempt = into_.begin_attempt(cx, node.number);
    if (!attempt) {
        if (!cx.stop_requested()) store_failed(attempt.error());
        return attempt.error();
    }
    {
        std::lock_guard lock(mutex_);
        ++report_.attempts;
    }
    chat_request what{.messages = {{chat_message::speaker::system, question_.instructions}, {chat_message::speaker::user, node.text}},
                      .max_tokens = question_.max_tokens,
                      .temperature = question_.temperature,
                      .schema = question_.schema};
    // The same for each attempt that had no answer, so that an endpoint that knows of such keys answers and charges once.
    what.idempotency_key = "muster-" + into_.digest().substr(0, 32) + "-" + std::to_string(node.number);
    auto const start = cx.now();
    auto reply = by_(what, cx);
    auto const took = cx.now() - start;

    node_result kept{.node = node.number, .attempt = *attempt, .state = node_state::pending};    // another attempt may follow
    outcome<void> result;
    if (reply) {
        kept.usage = reply->usage;
        kept.answer = reply->content;
        kept.finish_reason = name_of(reply->end);
        auto const value = json_of(*reply, schema_);
        if (value) {
            kept.state = node_state::done;
            for (auto const& [name, fact_value] : value->items()) kept.facts.push_back({name, fact_value.dump()});
        } else {
            result = value.error();
            kept.partial = reply->end == finish::length && reply->has_content;
        }
    } else {
        result = reply.error();
    }
    heard(result, reply.has_value(), start, start + took);
    if (!result) {
        kept.kind = kind_of(result.error());
        kept.text = result.error().text();
        if (ends_the_run(result.error())) end_run(result.error());
    }
    {
        std::lock_guard lock(mutex_);
        if (!result && result.error().code() == fault::rate_limited) ++report_.rate_limited;
        report_.usage += kept.usage;
        if (reply) latencies_.push_back(took);
        if (kept.state == node_state::done) report_.facts += kept.facts.size();
        if (kept.partial) ++report_.partial;
    }
    // Whatever the context says by now: what was paid for is kept.
    context keeping{cx.waiting()};
    kept_node const in_store{.attempt = *attempt, .facts = kept.facts.size(), .tokens = kept.usage.total};
    if (auto recorded = into_.record(keeping, std::move(kept)); !recorded) {
        store_failed(recorded.error());
        return recorded;
    }
    if (result) {
        std::lock_guard lock(mutex_);
        kept_[node.number] = in_store;
    }
    return result;
}

inline void discovery::ended(asked_node const& node, outcome<void> const& how, context& cx, std::chrono::nanoseconds took) {
    // A deadline refuses what is late; but it is there, and paid for.
    auto const in_store = [&]() -> std::optional<kept_node> {
        std::lock_guard lock(mutex_);
        auto const found = kept_.find(node.number);
        return found == kept_.end() ? std::nullopt : std::optional{found->second};
    }();
    bool const done = how || in_store;
    // What ends the run is no fault of the node: it is asked the next time.
    bool const stopped = !done && (how.error().is(cause::cancelled) || (how.error().is(cause::timed_out) && cx.expired()) || ends_the_run(how.error()));
    if (!done && !stopped) {
        context keeping{cx.waiting()};
        auto const recorded = into_.record(keeping, {.node = node.number, .attempt = 0, .state = node_state::failed, .kind = kind_of(how.error()),
                                                     .text = how.error().text()});
        if (!recorded) store_failed(recorded.error());
    }
    if (log_ && done) {
        auto const what = in_store.value_or(kept_node{});
        log_.put(event_line{event::node_done}.add("node", node.number).add("name", node.name).add("attempt", what.attempt).add("facts", what.facts)
                     .add("tokens", what.tokens).add("seconds", took).text());
    } else if (log_ && !stopped) {
        log_.put(event_line{event::node_failed}.add("node", node.number).add("name", node.name).add("kind", kind_of(how.error()))
                     .add("reason", how.error().text()).add("partial", how.error().code() == fault::cut_short).add("seconds", took).text());
    }
    std::lock_guard lock(mutex_);
    --inside_;
    kept_.erase(node.number);
    if (done) ++report_.done;
    else if (stopped) ++report_.stopped;
    else ++report_.failed;
    if (!done) ++report_.kinds[kind_of(how.error())];
    busy_ += took;
    // As soon as it can be told: what one takes, all of them, so many at once.
    auto const over = report_.done + report_.failed + report_.stopped;
    if (over == std::max<std::uint64_t>(10, asked_ / 10)) report_.predicted = busy_ / over * asked_ / most_inside_;
}

template <class Place, class Policies>
outcome<discovery_report> discovery::over(std::vector<asked_node> nodes, Place const& place, Policies const& policies, context& cx) {
    std::vector<named_node> names;
    names.reserve(nodes.size());
    for (auto const& each : nodes) names.push_back({each.number, each.name});
    {
        std::lock_guard lock(mutex_);
        report_ = {};
        report_.nodes = nodes.size();
        latencies_.clear();
        kept_.clear();
        busy_ = {};
        why_.reset();
        store_failed_.reset();
        inside_ = most_inside_ = 0;
        paused_.reset();
        refused_ = 0;
        over_ = false;
        start_said_ = false;
    }
    auto const begun = cx.now();
    if (!into_.is_finished())
        if (auto const added = into_.add_nodes(cx, names); !added) return added.error();
    std::erase_if(nodes, [&](asked_node const& each) {
        auto const has = [&](auto const& in) { return std::binary_search(in.begin(), in.end(), each.number); };
        report_.sent_again += has(into_.interrupted()) ? 1u : 0u;
        report_.done_before += has(into_.done()) ? 1u : 0u;
        report_.failed_before += has(into_.failed()) ? 1u : 0u;
        return into_.is_settled(each.number);
    });
    std::stable_sort(nodes.begin(), nodes.end(), [](auto const& a, auto const& b) { return a.text.size() > b.text.size(); });
    asked_ = nodes.size();

    tally sums;
    if (!nodes.empty()) (void)map(nodes, place | observe{sums} | settle{this} | policies | one_attempt{this}, cx);
    if (log_) say_start(nullptr);    // where no call has begun

    auto report = sum_up(sums, cx);
    if (log_) say_end(report, cx.now() - begun);
    return report;
}

inline outcome<discovery_report> discovery::sum_up(tally const& sums, context& cx) {
    std::lock_guard lock(mutex_);
    report_.run = sums.report();
    report_.run.items = asked_;
    auto const unseen = asked_ - (report_.done + report_.failed + report_.stopped);    // the verb did not begin with them
    report_.stopped += unseen;
    if (unseen != 0) report_.kinds[std::string{name_of(cause::cancelled)}] += unseen;
    if (why_) report_.stopped_because = why_->code().message() + ": " + why_->text();
    else if (cx.stop_requested()) report_.stopped_because = cx.interruption().text();
    if (store_failed_) return *store_failed_;

    context keeping{cx.waiting()};
    if (!into_.is_finished()) {
        if (report_.stopped != 0) {
            auto const rest = into_.stop_rest(keeping, "stopped", report_.stopped_because);
            if (!rest) return rest.error();
        } else if (auto const finished = into_.finish(keeping); !finished) {
            return finished.error();
        }
    }
    if (!latencies_.empty()) {
        std::chrono::nanoseconds sum{};
        for (auto const each : latencies_) sum += each;
        report_.latency_mean = sum / latencies_.size();
        auto const at = [&](double share) {
            auto const place_of = latencies_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
            std::nth_element(latencies_.begin(), place_of, latencies_.end());
            return *place_of;
        };
        report_.latency_p50 = at(0.5);
        report_.latency_p95 = at(0.95);
    }
    struct rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) report_.peak_memory = static_cast<std::uint64_t>(used.ru_maxrss) * KiB;
    return report_;
}

inline void discovery::say_end(outcome<discovery_report> const& of, std::chrono::nanoseconds took) {
    auto const what = of ? *of : so_far();
    // What ended it by a fault has been told at once.
    if (!end_of_run() && !what.stopped_because.empty())
        log_.put(event_line{event::run_stopped}.add("kind", name_of(cause::cancelled)).add("reason", what.stopped_because).text());
    if (what.failed != 0) {
        std::string kinds;
        for (auto const& [kind, count] : what.kinds) kinds += (kinds.empty() ? "" : ", ") + kind + ": " + std::to_string(count);
        log_.put(event_line{event::had_errors}.add("failed", what.failed).add("kinds", kinds)
                     .add("hint", "a run that is opened with retry_failed asks about them again").text());
    }
    log_.put(event_line{event::run_ended}.add("complete", of && what.is_complete()).add("done", what.done).add("failed", what.failed)
                 .add("stopped", what.stopped).add("facts", what.facts).add("requests", what.attempts).add("rate_limited", what.rate_limited)
                 .add("tokens", what.usage.total).add("seconds", took).text());
}

}  // namespace muster::llm
