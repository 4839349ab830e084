// expect: muster: the inputs of a node are nodes
#include <muster/flow/graph.hpp>

void misuse() {
    muster::graph build;
    build.add("next", [](int number) { return number + 1; }, 41);
}
