// Cookbook: tasks that depend on each other: a small build, run as wide as its dependencies allow, and drawn afterwards.
// ctest:

#include <chrono>        // literals
#include <cstdio>        // printf
#include <functional>    // reference_wrapper
#include <string>        // sources, objects
#include <vector>        // many inputs

#include <muster/flow/graph.hpp>    // not in the one include
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct object {
    std::string code;
};

int main() {
    thread_pool pool;
    auto const compile = [](std::string const& source) {
        return [source](std::string const& flags, context& cx) -> outcome<object> {
            if (cx.attempt() == 1 && source == "b.cpp") return failure{cause::unavailable, "the licence server is busy"};
            return object{source + ' ' + flags};
        };
    };
    auto const link = [](std::vector<std::reference_wrapper<object const>> const& objects, std::string const& flags) {
        auto program = "linked with " + flags + ':';
        for (object const& each : objects) program += " [" + each.code + ']';
        return program;
    };

    // [graph]
    graph build;
    auto flags = build.add("configure", [] { return std::string{"-O2"}; });
    auto clean = build.add("clean", [] { std::puts("removing the old program"); });
    std::vector<node_of<object>> objects;
    for (std::string const source : {"a.cpp", "b.cpp", "c.cpp"})
        objects.push_back(build.add(source, retry{.delay = 1ms} | compile(source), flags));
    auto program = build.add("link", link, objects, flags);    // link(all objects, the flags), once they are there
    build.after(program, clean);                               // nothing is handed on, only the order

    graph_result result = build.run(on{pool});                 // an outcome for each node; those behind a failure do not run
    if (!result[program]) std::fprintf(stderr, "%s\n", to_string(result[program].error()).c_str());
    // [end]

    std::printf("%s\n%s", result[program].value_or("no program").c_str(), result.graphviz().c_str());
    return result.ok() ? 0 : 1;
}
