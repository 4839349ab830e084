#include <muster/flow/graph_result.hpp>

#include "catch.hpp"

#include <concepts>
#include <stop_token>
#include <string>

#include <muster/flow/graph.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(std::copyable<node_of<int>>);
static_assert(std::convertible_to<node_of<int>, graph_node>);
static_assert(!std::convertible_to<graph_node, node_of<int>>);    // its type would be a guess
static_assert(!std::copyable<graph_result> && std::movable<graph_result>);

namespace {
// The label that a drawn name has: between its quotes, which are those without a backslash in front.
std::string label_of(std::string const& name) {
    graph build;
    build.add(name, [] {});
    auto const text = build.graphviz();
    auto const from = text.find("n0 [label=\"") + 11;
    auto to = from;
    while (text[to] != '"') to += text[to] == '\\' ? 2 : 1;
    CHECK(text.substr(to) == "\", fillcolor=white];\n}\n");    // what follows is ours again
    return text.substr(from, to - from);
}
}  // namespace

TEST_CASE("graph_result: names its states as people read them", "[flow]") {
    CHECK(name_of(node_state::done) == "done");
    CHECK(name_of(node_state::failed) == "failed");
    CHECK(name_of(node_state::upstream_failed) == "upstream failed");
    CHECK(name_of(node_state::stopped) == "stopped");
}

TEST_CASE("graph_result: is drawn with states, times, failures and both kinds of edges", "[flow]") {
    manual_time time{manual_time::jumping};
    graph build;
    auto const parse = build.add("parse", [](context& cx) { (void)cx.pause(1500us); return 1; });
    auto const clean = build.add("clean", [] {});
    auto const check = build.add("check", [](int) -> outcome<int> { return failure{cause::unavailable, "no \"answer\""}; }, parse);
    auto const link = build.add("link", [](int, int) {}, parse, check);
    build.after(link, clean);
    std::stop_source stop;
    context const cx{stop.get_token(), time};
    CHECK(build.run(cx).graphviz() == R"(digraph {
    rankdir=LR;
    node [shape=box, style="rounded,filled"];
    n0 [label="parse\ndone, 1.5ms", fillcolor=palegreen];
    n1 [label="clean\ndone, 0s", fillcolor=palegreen];
    n2 [label="check\nfailed, 0s", fillcolor=lightcoral, tooltip="stage \"check\", item 2: unavailable: no \"answer\""];
    n3 [label="link\nupstream failed", fillcolor=lightgrey, tooltip="stage \"link\", item 3: unavailable: not run: \"check\" failed: no \"answer\""];
    n0 -> n2;
    n0 -> n3;
    n2 -> n3;
    n1 -> n3 [style=dashed];
}
)");
    stop.request_stop();
    auto const text = build.run(cx).graphviz();
    CHECK(text.find(R"(n0 [label="parse\nstopped", fillcolor=khaki, tooltip="stage \"parse\", item 0: cancelled: the run was asked to stop"])") !=
          std::string::npos);
}

TEST_CASE("graph_result: a graph is drawn before it has run, also one with a cycle", "[flow]") {
    graph build;
    auto const a = build.add("a", [] { return 1; });
    auto const b = build.add("b", [](int) {}, a);
    build.after(a, b);
    CHECK(build.graphviz() == R"(digraph {
    rankdir=LR;
    node [shape=box, style="rounded,filled"];
    n0 [label="a", fillcolor=white];
    n1 [label="b", fillcolor=white];
    n0 -> n1;
    n1 -> n0 [style=dashed];
}
)");
    CHECK(graph{}.graphviz() == "digraph {\n    rankdir=LR;\n    node [shape=box, style=\"rounded,filled\"];\n}\n");
}

TEST_CASE("graph_result: no name is taken for anything but a name", "[flow]") {
    CHECK(label_of("\"]; evil [label=\"") == R"(\"]; evil [label=\")");
    CHECK(label_of("ends with \\") == R"(ends with \\)");
    CHECK(label_of("\\\"]; evil") == R"(\\\"]; evil)");
    CHECK(label_of("\\N \\G \\l") == R"(\\N \\G \\l)");    // what Graphviz puts names and line ends in for
    CHECK(label_of("<b>&lt;</b>") == "<b>&amp;lt;</b>");
    CHECK(label_of("two\nlines") == "two\\nlines");
    CHECK(label_of(std::string{"nul\0nul", 7}) == "nul\xef\xbf\xbdnul");
    CHECK(label_of("tab\tbell\a\r\x7f") == "tab\xef\xbf\xbd"
                                           "bell\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(label_of("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac") == "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac");
    CHECK(label_of("no utf-8: \xff\xc3") == "no utf-8: \xef\xbf\xbd\xef\xbf\xbd");
    for (int a = 1; a < 256; ++a)
        for (char const b : {'"', '\\', 'n', '\x80'}) (void)label_of(std::string{static_cast<char>(a), b});
}

TEST_CASE("graph_result: failures come in the order of adding, with the position of their node", "[flow]") {
    graph build;
    auto const behind = build.add("behind", [] {});
    build.add("fine", [] {});
    auto const bad = build.add("bad", []() -> outcome<void> { return failure{cause::rejected, "full"}; });
    build.after(behind, bad);
    auto const failures = build.run().failures();
    REQUIRE(failures.size() == 2);
    CHECK(failures[0].index() == 0);
    CHECK(failures[0].stage() == "behind");
    CHECK(failures[1].index() == 2);
    CHECK(failures[1].text() == "full");
}
