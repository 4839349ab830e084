#include <muster/flow/graph.hpp>

void misuse() {
    muster::graph build;
    build.add("next", [](int number) { return number + 1; }, build.add("number", [] { return 41; }));
}
