#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <memory>         // shared_ptr
#include <span>           // reports
#include <stdexcept>      // invalid_argument
#include <string>         // Graphviz
#include <string_view>    // names
#include <utility>        // move
#include <vector>         // reports, failures

#include <muster/core/duration_text.hpp>         // duration_text
#include <muster/core/failure.hpp>               // failure
#include <muster/core/outcome.hpp>               // outcome
#include <muster/flow/detail/graph_shape.hpp>    // graph_shape, graph_values
#include <muster/flow/detail/graphviz.hpp>       // graphviz_writer

namespace muster {

class graph;

/// Which node of which graph: what `graph::after` orders, and `graph_result::report` is asked for.
///
/// Default    of no graph: refused wherever a node is asked for.
class graph_node {
public:
    graph_node() noexcept = default;
    /// Its position in the order of adding; `failure::index()` says it, too.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    friend bool operator==(graph_node, graph_node) noexcept = default;

private:
    friend class graph;
    friend class graph_result;
    graph_node(std::uint64_t graph, std::size_t index) noexcept : graph_(graph), index_(index) {}

    std::uint64_t graph_ = 0;
    std::size_t index_ = 0;
};

/// A node that answers T: what `graph::add` gives, and takes as an input of later nodes.
template <class T>
class node_of : public graph_node {
public:
    node_of() noexcept = default;

private:
    friend class graph;
    explicit node_of(graph_node at) noexcept : graph_node(at) {}
};

/// How a node ended.
enum class node_state : std::uint8_t {
    done,               ///< it ran, and succeeded
    failed,             ///< it ran, and failed
    upstream_failed,    ///< it did not run: a node that it depends on failed
    stopped,            ///< it did not run: a stop or the deadline came first
};

/// "upstream failed": the state as people read it.
[[nodiscard]] constexpr std::string_view name_of(node_state state) noexcept {
    switch (state) {
        case node_state::done: return "done";
        case node_state::failed: return "failed";
        case node_state::upstream_failed: return "upstream failed";
        case node_state::stopped: return "stopped";
    }
    return "unknown";
}

/// What a run tells about one node besides its outcome.
struct node_report {
    std::string_view name{};                           ///< valid as long as the result
    node_state state = node_state::stopped;
    std::size_t because = 0;                           ///< position of the node whose end decided this one's: most often itself
    std::chrono::nanoseconds began{};                  ///< after the start of the run, on the context's time source; 0 where it did not run
    std::chrono::nanoseconds took{};                   ///< 0 where it did not run
};

/// What one run of a graph gave: an outcome and a report for each node.
///
/// Shape      `result[node]` is that node's outcome, of the node's own type. A result that is not used any further gives it
///            away: `build.run()[link]`, `std::move(result)[link]`.
/// Throws     std::invalid_argument for a node of another graph, or one that was added after the run.
/// Threads    read by any number, changed by one.
/// Lifetime   of its own: it may outlive the graph, whose tasks it shares.
class graph_result {
public:
    graph_result(graph_result&&) noexcept = default;    // moved, not copied: as the answers may be
    graph_result& operator=(graph_result&&) noexcept = default;

    template <class T>
    [[nodiscard]] outcome<T> const& operator[](node_of<T> node) const& { return detail::outcome_at<T>(values_, index_of(node)); }
    template <class T>
    [[nodiscard]] outcome<T>& operator[](node_of<T> node) & { return detail::outcome_at<T>(values_, index_of(node)); }
    template <class T>
    [[nodiscard]] outcome<T> operator[](node_of<T> node) && { return std::move(detail::outcome_at<T>(values_, index_of(node))); }

    /// True when every node is done.
    [[nodiscard]] bool ok() const noexcept;
    /// The failures of all nodes that are not done, in the order of adding; `index()` is the position of the node.
    [[nodiscard]] std::vector<failure> failures() const;

    [[nodiscard]] node_report const& report(graph_node node) const { return reports_[index_of(node)]; }
    /// One for each node, in the order of adding.
    [[nodiscard]] std::span<node_report const> reports() const noexcept { return reports_; }
    /// How long the whole run took.
    [[nodiscard]] std::chrono::nanoseconds took() const noexcept { return took_; }

    /// The graph in the DOT language of Graphviz, with how each node ended, how long it took, and why it failed as its tooltip.
    /// Dashed edges say the order alone. No name or text can be taken for anything else.
    [[nodiscard]] std::string graphviz() const;

private:
    friend class graph;
    explicit graph_result(std::shared_ptr<detail::graph_shape const> shape);
    [[nodiscard]] std::size_t index_of(graph_node node) const;

    std::shared_ptr<detail::graph_shape const> shape_;
    detail::graph_values values_;
    std::vector<node_report> reports_;
    std::chrono::nanoseconds took_{};
};

// Implementation

inline graph_result::graph_result(std::shared_ptr<detail::graph_shape const> shape) : shape_(std::move(shape)) {
    values_.reserve(shape_->tasks.size());
    reports_.reserve(shape_->tasks.size());
    for (auto const& task : shape_->tasks) {
        reports_.push_back({.name = task->name, .because = values_.size()});
        values_.push_back(task->place());
    }
}

inline std::size_t graph_result::index_of(graph_node node) const {
    if (node.graph_ != shape_->graph) throw std::invalid_argument("muster: this result is of another graph than the node");
    if (node.index_ >= values_.size()) throw std::invalid_argument("muster: this node was added after the run");
    return node.index_;
}

inline bool graph_result::ok() const noexcept {
    for (auto const& each : reports_)
        if (each.state != node_state::done) return false;
    return true;
}

inline std::vector<failure> graph_result::failures() const {
    std::vector<failure> out;
    for (auto const& each : values_)
        if (auto const* why = each->error()) out.push_back(*why);
    return out;
}

inline std::string graph_result::graphviz() const {
    detail::graphviz_writer out;
    for (std::size_t i = 0; i < reports_.size(); ++i) {
        auto const& [name, state, because, began, took] = reports_[i];
        auto label = std::string{name} + '\n' + std::string{name_of(state)};
        if (state == node_state::done || state == node_state::failed) label += ", " + duration_text(took);
        auto const colour = state == node_state::done     ? "palegreen"
                            : state == node_state::failed ? "lightcoral"
                            : state == node_state::stopped ? "khaki"
                                                           : "lightgrey";
        auto const* why = values_[i]->error();
        out.node(i, label, colour, why ? to_string(*why) : std::string{});
    }
    for (auto const& [from, to, data] : shape_->edges) out.edge(from, to, data);
    return out.text();
}

}  // namespace muster
