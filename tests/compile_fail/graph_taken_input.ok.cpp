#include <memory>

#include <muster/flow/graph.hpp>

void misuse() {
    muster::graph build;
    auto made = build.add("made", [] { return std::make_unique<int>(1); });
    build.add("lent", [](std::unique_ptr<int> const& from) { return *from; }, made);
}
