// Cookbook: tasks that depend on each other: a small build, run as wide as its dependencies allow, and drawn afterwards.
// ctest:

#include <chrono>        // literals
#include <cstdio>        // printf
#include <functional>    // reference_wrapper
#include <string>        // sources, objects
#include <vector>        // many inputs

#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct object {
    std::string code;
};

int main() {
    thread_pool pool;
    auto const compile = [](std::string const& source, context& cx) -> outcome<object> {
        if (cx.attempt() == 1 && source == "b.cpp") return failure{cause::unavailable, "the licence server is busy"};
        return object{"code of " + source};
    };
    auto const link = [](std::vector<std::reference_wrapper<object const>> const& objects, std::string const& flags) {
        std::string program = flags + ':';
        for (object const& each : objects) program += ' ' + each.code;
        return program;
    };

    // [graph]
    graph build;
    auto flags = build.add("configure", [] { return std::string{"-O2"}; });
    auto clean = build.add("clean", [] { std::puts("removing the old program"); });
    std::vector<node_of<object>> objects;
    for (std::string const source : {"a.cpp", "b.cpp", "c.cpp"})
        objects.push_back(build.add(source, retry{.delay = 1ms} | [=](std::string const&, context& cx) { return compile(source, cx); }, flags));
    auto program = build.add("link", link, objects, flags);    // called with what the objects and the flags are
    build.after(program, clean);                               // order alone

    graph_result result = build.run(on{pool});                 // an outcome for each node; those behind a failure do not run
    if (!result[program]) std::fprintf(stderr, "%s\n", to_string(result[program].error()).c_str());
    // [end]

    std::printf("%s\n%s", result[program].value_or("no program").c_str(), result.graphviz().c_str());
    return result.ok() ? 0 : 1;
}
