#include <muster/exec/inline_executor.hpp>
#include <muster/flow/graph.hpp>

void misuse() {
    muster::inline_executor here;
    muster::graph build;
    build.add("one", [] { return 1; });
    auto result = build.run(muster::on{here});
}
