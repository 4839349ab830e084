// expect: muster: a graph is told where it runs as a whole
#include <muster/exec/inline_executor.hpp>
#include <muster/flow/graph.hpp>

void misuse() {
    muster::inline_executor here;
    muster::graph build;
    build.add("one", muster::on{here} | [] { return 1; });
    auto result = build.run();
}
