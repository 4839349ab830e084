#include <string>

#include <muster/flow/graph.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    muster::graph build;
    auto text = build.add("text", [] { return std::string{"1"}; });
    build.add("length", muster::retry{} | [](std::string const& from) { return from.size(); }, text);
}
