#pragma once

#include <algorithm>      // reverse
#include <atomic>         // numbers of graphs
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <memory>         // shared_ptr, unique_ptr
#include <span>           // linked nodes
#include <string>         // names
#include <string_view>    // what is wrong with a graph
#include <utility>        // move
#include <vector>         // nodes, edges

#include <muster/core/context.hpp>    // context
#include <muster/core/failure.hpp>    // failure
#include <muster/core/outcome.hpp>    // outcome

namespace muster::detail {

/// What one node answered in one run; it begins as "did not run".
class graph_value {
public:
    virtual ~graph_value() = default;
    /// Null where there is a value.
    [[nodiscard]] virtual failure const* error() const noexcept = 0;
    virtual void fail(failure what) noexcept = 0;
};

template <class T>
class graph_value_of final : public graph_value {
public:
    [[nodiscard]] failure const* error() const noexcept override { return result.has_value() ? nullptr : &result.error(); }
    void fail(failure what) noexcept override { result = outcome<T>{std::move(what)}; }

    outcome<T> result{failure{}};
};

using graph_values = std::vector<std::unique_ptr<graph_value>>;

/// The outcome of a node that is known to answer T.
template <class T>
[[nodiscard]] outcome<T>& outcome_at(graph_values const& in, std::size_t node) noexcept {
    return static_cast<graph_value_of<T>&>(*in[node]).result;
}

/// `to` starts when `from` is done; `data` where it is also handed what `from` answered.
struct graph_edge {
    std::size_t from = 0;
    std::size_t to = 0;
    bool data = false;
};

/// One node with its types forgotten: the same for all runs, called through const.
class graph_task {
public:
    explicit graph_task(std::string called) : name(std::move(called)) {}
    graph_task(graph_task const&) = delete;
    virtual ~graph_task() = default;

    [[nodiscard]] virtual std::unique_ptr<graph_value> place() const = 0;
    /// Runs node `me` with what the nodes before it answered, all of it values.
    virtual void call(graph_values& values, std::size_t me, context& cx) const noexcept = 0;

    std::string const name;
    std::vector<graph_edge> inputs;    // in the order of the arguments; complete before the task is shared
};
using graph_tasks = std::vector<std::shared_ptr<graph_task const>>;

/// Which nodes are linked to a node, in the order in which the edges were said.
class graph_links {
public:
    graph_links() = default;
    graph_links(std::size_t nodes, std::span<graph_edge const> edges, std::size_t graph_edge::*node, std::size_t graph_edge::*other)
        : first_(nodes + 1), linked_(edges.size()) {
        for (auto const& each : edges) ++first_[each.*node + 1];
        for (std::size_t i = 0; i < nodes; ++i) first_[i + 1] += first_[i];
        auto next = first_;
        for (auto const& each : edges) linked_[next[each.*node]++] = each.*other;
    }
    [[nodiscard]] std::span<std::size_t const> of(std::size_t node) const noexcept {
        return std::span{linked_}.subspan(first_[node], first_[node + 1] - first_[node]);
    }

private:
    std::vector<std::size_t> first_;     // where the links of a node begin
    std::vector<std::size_t> linked_;
};

/// A graph as it is run: it does not change any more, and is shared by its runs and their results.
struct graph_shape {
    graph_shape(std::uint64_t number, graph_tasks nodes, std::vector<graph_edge> all)
        : graph(number), tasks(std::move(nodes)), edges(std::move(all)), before(tasks.size(), edges, &graph_edge::to, &graph_edge::from),
          after(tasks.size(), edges, &graph_edge::from, &graph_edge::to) {}

    std::uint64_t graph;
    graph_tasks tasks;
    std::vector<graph_edge> edges;    // what the nodes are handed in the order of their arguments, then the order alone
    graph_links before;
    graph_links after;
};

/// Tells graphs apart, also when one is made where another was.
inline std::uint64_t next_graph_number() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;    // relaxed: a number alone
}

/// A cycle, each node before the one that waits for it, the first one again at the end; empty where there is none.
[[nodiscard]] inline std::vector<std::size_t> cycle_of(graph_shape const& shape) {
    auto const nodes = shape.tasks.size();
    std::vector<std::size_t> waiting(nodes), free;
    free.reserve(nodes);
    for (std::size_t i = 0; i < nodes; ++i)
        if (waiting[i] = shape.before.of(i).size(); waiting[i] == 0) free.push_back(i);
    for (std::size_t done = 0; done < free.size(); ++done)
        for (auto const next : shape.after.of(free[done]))
            if (--waiting[next] == 0) free.push_back(next);
    if (free.size() == nodes) return {};

    // Each node that is left waits for another that is left: going back from any of them comes round.
    std::size_t at = 0;
    while (waiting[at] == 0) ++at;
    std::vector<std::size_t> way, seen(nodes, nodes);
    while (seen[at] == nodes) {
        seen[at] = way.size();
        way.push_back(at);
        for (auto const before : shape.before.of(at)) {
            if (waiting[before] == 0) continue;
            at = before;
            break;
        }
    }
    way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(seen[at]));
    way.push_back(at);
    std::reverse(way.begin(), way.end());
    return way;
}

}  // namespace muster::detail
