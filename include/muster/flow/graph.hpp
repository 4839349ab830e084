#pragma once

#include <concepts>         // convertible_to
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <memory>           // shared_ptr
#include <mutex>            // what the runs share
#include <optional>         // find
#include <stdexcept>        // invalid_argument
#include <string>           // names
#include <string_view>      // names
#include <type_traits>      // is_null_pointer
#include <unordered_map>    // names
#include <utility>          // move
#include <vector>           // nodes

#include <muster/core/concepts.hpp>              // task_for
#include <muster/core/context.hpp>               // context
#include <muster/flow/detail/graph_call.hpp>     // graph_call
#include <muster/flow/detail/graph_run.hpp>      // graph_run
#include <muster/flow/detail/graph_shape.hpp>    // graph_shape
#include <muster/flow/detail/run.hpp>            // plan_run
#include <muster/flow/graph_result.hpp>          // graph_result, node_of
#include <muster/policy/on.hpp>                  // on

namespace muster {

/// Tasks that depend on each other, each run when what it depends on is done.
///
///     graph build;
///     auto const parse = build.add("parse", parse_file);                                  // answers a tree
///     auto const check = build.add("check", retry{} | [](tree const& t) {...}, parse);    // takes what parse answered
///     auto const clean = build.add("clean", remove_old_files);
///     build.after(check, clean);                                                          // takes nothing, comes later
///     auto const result = build.run(on{pool});
///     if (!result[check]) complain(result[check].error());
///
/// Order      a node starts when all nodes before it are done, and not before; `on` says how many run at once. Without it, or
///            one wide, the order is the same in each run.
/// Shape      a node is a task of its inputs: `f(inputs const&...)` or `f(inputs const&..., context&)`, behind policies or not.
///            An input is a node, and hands on what that answered; or a `std::vector<node_of<T>>`, and hands on a
///            `std::vector<std::reference_wrapper<T const>>`. What answers nothing hands nothing on: it only comes first.
///            Answers need not be copyable, for they are lent. What policies call the item is the one input, or the
///            `std::tuple` of them.
/// Waits      until every node has ended. Nested in a task on the same pool it never deadlocks: the caller runs what nobody
///            else takes, helpers never wait, and no thread is kept while nothing is ready. Nodes must not wait for each
///            other but through edges: they may run one after another.
/// Fails      never as a whole. A node that fails is named by `stage()`; those behind it fail with its code, 0 attempts, and
///            `not run: "parse" failed: ...`; all others go on. A node that was not started because of a stop or a passed
///            deadline has cause::cancelled or timed_out and 0 attempts.
/// Throws     std::invalid_argument: `add` for a name that is empty or taken, `add` and `after` for a node of another graph,
///            `run` for a cycle, before anything runs, with its path: `a -> b -> a`.
/// Threads    any number of runs at once, each with a state of its own; the tasks are called through `const&`. A graph is
///            changed by one thread, while no other uses it.
/// Lifetime   results share the tasks: they may outlive the graph, and do not see what is added later. The context, last
///            argument, is inherited by all nodes: stop, deadline, waiter, path.
/// Cost       about 0.1 us a node, two readings of the clock among it, and one `post` where more nodes are ready than threads
///            are in the run. Time and memory grow with nodes and edges, however wide or deep; nothing recurses.
class graph {
public:
    graph() = default;
    graph(graph&& other) noexcept : graph() { std::swap(parts_, other.parts_); }
    graph& operator=(graph other) noexcept { return std::swap(parts_, other.parts_), *this; }

    /// A node that runs `task` with what `inputs` answered, when they are done; gives the handle for later inputs, as
    /// `node_of<T>` for a task that answers T, `void` or `outcome<T>`.
    template <class F, class... Inputs>
    auto add(std::string name, F task, Inputs const&... inputs);

    /// Makes a node wait for others from which it takes nothing. They may have been added after it.
    template <std::convertible_to<graph_node>... Earlier>
    void after(graph_node later, Earlier const&... earlier);

    /// The node of that name, if there is one.
    [[nodiscard]] std::optional<graph_node> find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return parts_.tasks.size(); }

    /// Runs all nodes on the caller's thread.
    [[nodiscard]] graph_result run(context const& parent = context{}) const { return run_at(nullptr, parent); }
    /// Runs all nodes where `on` says; the caller's thread takes part.
    template <class E>
    [[nodiscard]] graph_result run(on<E> const& where, context const& parent = context{}) const { return run_at(&where, parent); }

    /// The graph in the DOT language of Graphviz; dashed edges say the order alone. `graph_result` has it with states and times.
    [[nodiscard]] std::string graphviz() const;

private:
    using shared_shape = std::shared_ptr<detail::graph_shape const>;
    struct parts {
        std::uint64_t number = detail::next_graph_number();
        detail::graph_tasks tasks;
        std::vector<detail::graph_edge> orders;
        std::unordered_map<std::string_view, std::size_t> names;    // the tasks own the characters
        mutable shared_shape shape;                                 // made by the first run after a change
    };

    template <class Place>
    graph_result run_at(Place place, context const& parent) const;
    [[nodiscard]] shared_shape shape() const;
    [[nodiscard]] std::vector<detail::graph_edge> edges() const;
    graph_node keep(std::shared_ptr<detail::graph_task const> task);
    void expect_ours(graph_node node) const;
    void expect_new(std::string_view name) const;

    parts parts_;
    mutable std::mutex mutex_;    // of parts_.shape: two runs at once may both find it missing
};

// Implementation

template <class F, class... Inputs>
auto graph::add(std::string name, F task, Inputs const&... inputs) {
    constexpr bool takes_nodes = (detail::is_graph_input<Inputs> && ...);
    static_assert(takes_nodes, "muster: the inputs of a node are nodes, as graph::add gives them, or a std::vector<node_of<T>>");
    constexpr bool placed = !std::is_null_pointer_v<decltype(detail::placed<detail::is_on>(task))>;
    static_assert(!placed, "muster: a graph is told where it runs as a whole: build.run(on{pool}), not on{pool} | task in a node");
    if constexpr (!takes_nodes || placed) {
        return detail::refused{};
    } else {
        using form = detail::graph_form<F, detail::graph_arguments<Inputs...>>;
        constexpr bool callable = task_for<typename form::task, typename form::item>;
        static_assert(callable, "muster: a node is called as f(inputs const&...) or f(inputs const&..., context&), through const&, with "
                                "what its inputs answered; nodes that answer nothing are left out");
        if constexpr (!callable) {
            return detail::refused{};
        } else {
            using call = detail::graph_call<F, Inputs...>;
            expect_new(name);
            auto const made = std::make_shared<call>(std::move(name), std::move(task), inputs...);
            auto const depend = [&](graph_node on, bool data) {
                expect_ours(on);
                made->inputs.push_back({on.index(), size(), data});
            };
            (detail::graph_input<Inputs>::visit(inputs, depend), ...);
            return node_of<typename call::value_type>{keep(made)};
        }
    }
}

template <std::convertible_to<graph_node>... Earlier>
void graph::after(graph_node later, Earlier const&... earlier) {
    expect_ours(later);
    (expect_ours(earlier), ...);
    parts_.shape.reset();
    (parts_.orders.push_back({graph_node{earlier}.index(), later.index(), false}), ...);
}

inline std::optional<graph_node> graph::find(std::string_view name) const {
    auto const found = parts_.names.find(name);
    if (found == parts_.names.end()) return std::nullopt;
    return graph_node{parts_.number, found->second};
}

template <class Place>
graph_result graph::run_at(Place place, context const& parent) const {
    graph_result result{shape()};
    auto const info = detail::plan_run(place, result.values_.size());
    detail::graph_run<Place> run{place, *result.shape_, result.values_, result.reports_, parent, info};
    result.took_ = run.run();
    return result;
}

inline graph::shared_shape graph::shape() const {
    std::lock_guard lock(mutex_);
    if (parts_.shape) return parts_.shape;
    auto made = std::make_shared<detail::graph_shape const>(parts_.number, parts_.tasks, edges());
    if (auto const cycle = detail::cycle_of(*made); !cycle.empty()) {
        std::string path;
        for (auto const node : cycle) path += (path.empty() ? "" : " -> ") + made->tasks[node]->name;
        throw std::invalid_argument("muster: the nodes of this graph wait for each other: " + path);
    }
    return parts_.shape = std::move(made);
}

inline std::vector<detail::graph_edge> graph::edges() const {
    std::vector<detail::graph_edge> all;
    for (auto const& task : parts_.tasks) all.insert(all.end(), task->inputs.begin(), task->inputs.end());
    all.insert(all.end(), parts_.orders.begin(), parts_.orders.end());
    return all;
}

inline std::string graph::graphviz() const {
    detail::graphviz_writer out;
    for (std::size_t i = 0; i < size(); ++i) out.node(i, parts_.tasks[i]->name, "white", {});
    for (auto const& [from, to, data] : edges()) out.edge(from, to, data);
    return out.text();
}

inline graph_node graph::keep(std::shared_ptr<detail::graph_task const> task) {
    auto const me = size();
    parts_.shape.reset();
    parts_.tasks.push_back(std::move(task));
    struct on_throw {    // a node without its name must not stay
        detail::graph_tasks* tasks;
        ~on_throw() {
            if (tasks) tasks->pop_back();
        }
    } guard{&parts_.tasks};
    parts_.names.emplace(parts_.tasks.back()->name, me);
    guard.tasks = nullptr;
    return {parts_.number, me};
}

inline void graph::expect_ours(graph_node node) const {
    if (node.graph_ != parts_.number) throw std::invalid_argument("muster: this node belongs to another graph, or to none");
}

inline void graph::expect_new(std::string_view name) const {
    if (name.empty()) throw std::invalid_argument("muster: a node of a graph needs a name");
    if (find(name)) throw std::invalid_argument("muster: the graph has a node \"" + std::string{name} + "\" already");
}

}  // namespace muster
