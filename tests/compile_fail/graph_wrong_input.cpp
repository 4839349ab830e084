// expect: muster: a node is called as f(inputs const&...)
#include <string>

#include <muster/flow/graph.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    muster::graph build;
    auto number = build.add("number", [] { return 1; });
    build.add("length", muster::retry{} | [](std::string const& text) { return text.size(); }, number);
}
