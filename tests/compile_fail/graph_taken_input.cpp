// expect: muster: a node is called as f(inputs const&...)
#include <memory>

#include <muster/flow/graph.hpp>

void misuse() {
    muster::graph build;
    auto made = build.add("made", [] { return std::make_unique<int>(1); });
    build.add("taken", [](std::unique_ptr<int> from) { return *from; }, made);
}
