#include <muster/workloads/llm/fact_run.hpp>

#include "catch.hpp"
#include "stored.hpp"

#include <string>         // texts
#include <string_view>    // words
#include <type_traits>    // is_move_constructible

using namespace muster;
using namespace muster::llm;
using namespace std::string_literals;

static_assert(std::is_nothrow_move_constructible_v<fact_run> && !std::is_move_assignable_v<fact_run>);

namespace {

void refused(failure const& what, std::string_view words) {
    CHECK(what.is(cause::invalid_input));
    CHECK(what.text().find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("fact_run: a node is pending, in flight, and done with its answer, usage and facts", "[llm]") {
    opened in{2};
    CHECK(in.run.id() == 1);
    CHECK(!in.run.is_finished());
    CHECK(nodes_of(in.path)[1] == stored_node{.node = 1, .name = "node", .changed = noon()});
    CHECK(in.run.begin_attempt(in.cx, 1) == 1u);
    CHECK(nodes_of(in.path)[1] == stored_node{.node = 1, .name = "node", .state = node_state::in_flight, .attempts = 1, .changed = noon()});
    auto result = answered(1);
    result.partial = true;
    CHECK(in.run.record(in.cx, result));
    CHECK(nodes_of(in.path)[1] == stored_node{.node = 1, .name = "node", .state = node_state::done, .attempts = 1, .finish_reason = "stop",
                                              .partial = true, .answer = "{\"is\": 1}", .answer_bytes = 9, .changed = noon(),
                                              .usage = {100, 20, 120, 10, 5}, .facts = {{"is", "1"}, {"sure", "true"}}});
    CHECK(nodes_of(in.path)[0].state == node_state::pending);
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_run: an attempt that failed is kept, and the node is tried again", "[llm]") {
    opened in{1};
    CHECK(in.run.begin_attempt(in.cx, 0) == 1u);
    CHECK(in.run.record(in.cx, {.node = 0, .attempt = 1, .state = node_state::pending, .kind = "status", .text = "500", .usage = {7, 0, 7, 0, 0}}));
    auto const between = nodes_of(in.path)[0];
    CHECK(between.state == node_state::pending);
    CHECK(between.kind == "status");
    CHECK(in.run.begin_attempt(in.cx, 0) == 2u);
    CHECK(in.run.record(in.cx, answered(0, 2)));
    auto const node = nodes_of(in.path)[0];
    CHECK(node.state == node_state::done);
    CHECK(node.attempts == 2);
    CHECK(node.kind.empty());
    CHECK(node.usage == token_usage{107, 20, 127, 10, 5});    // what failed was paid, too
    CHECK(contradictions(in.path) == 0);
    auto const sum = summary_of(in.path);
    CHECK(sum.attempts == 2);
    CHECK(sum.count(node_state::done) == 1);
}

TEST_CASE("fact_run: the facts of a part give way to those of the whole", "[llm]") {
    opened in{1};
    in.run.begin_attempt(in.cx, 0).value();
    auto part = answered(0);
    part.state = node_state::pending;
    part.partial = true;
    part.facts = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    CHECK(in.run.record(in.cx, part));
    CHECK(nodes_of(in.path)[0].facts.size() == 3);
    in.run.begin_attempt(in.cx, 0).value();
    CHECK(in.run.record(in.cx, answered(0, 2)));
    CHECK(nodes_of(in.path)[0].facts == answered(0).facts);
    CHECK(!nodes_of(in.path)[0].partial);
}

TEST_CASE("fact_run: a node that ended is not sent again, and ends once", "[llm]") {
    opened in{4};
    in.run.begin_attempt(in.cx, 0).value();
    refused(in.run.begin_attempt(in.cx, 0).error(), "node 0 of run 1 is in flight: it is not sent again");
    in.run.record(in.cx, answered(0)).value();
    refused(in.run.begin_attempt(in.cx, 0).error(), "is done");
    auto const before = dump_of(in.path);
    CHECK(in.run.record(in.cx, answered(0)));    // told twice
    refused(in.run.record(in.cx, {.node = 0, .attempt = 1, .state = node_state::failed}).error(), "attempt 1 of node 0 of run 1 is done already");
    refused(in.run.record(in.cx, {.node = 0, .attempt = 2}).error(), "no attempt 2");
    refused(in.run.record(in.cx, {.node = 0, .state = node_state::failed}).error(), "does not end without its attempt");
    refused(in.run.record(in.cx, {.node = 9}).error(), "node 9 of run 1 was never added");
    refused(in.run.begin_attempt(in.cx, 9).error(), "never added");
    refused(in.run.record(in.cx, {.node = 1, .state = node_state::in_flight}).error(), "cannot be recorded as in flight");
    refused(in.run.record(in.cx, {.node = 1, .state = node_state::interrupted}).error(), "cannot be recorded as interrupted");
    refused(in.run.record(in.cx, {.node = 1, .state = node_state::pending}).error(), "cannot be recorded as pending");
    CHECK(dump_of(in.path) == before);
}

TEST_CASE("fact_run: a node may end before its turn, with a failure, a stop or an answer of elsewhere", "[llm]") {
    opened in{4};
    CHECK(in.run.record(in.cx, {.node = 0, .state = node_state::failed, .kind = "invalid input", .text = "too large"}));
    CHECK(in.run.record(in.cx, {.node = 1, .state = node_state::stopped, .kind = "quota"}));
    CHECK(in.run.record(in.cx, {.node = 2, .answer = "from a cache"}));
    CHECK(in.run.stop_rest(in.cx, "deadline", "1 s") == 1u);
    refused(in.run.begin_attempt(in.cx, 3).error(), "is stopped");
    auto const sum = summary_of(in.path);
    CHECK(sum.count(node_state::failed) == 1);
    CHECK(sum.count(node_state::stopped) == 2);
    CHECK(sum.count(node_state::done) == 1);
    CHECK(sum.total() == 4);
    CHECK(sum.attempts == 0);
    CHECK(sum.kinds == std::map<std::string, std::uint64_t>{{"invalid input", 1}, {"quota", 1}, {"deadline", 1}});
    CHECK(contradictions(in.path) == 0);
}

TEST_CASE("fact_run: a run is finished when every node is done or failed, and not before", "[llm]") {
    opened in{3};
    in.run.begin_attempt(in.cx, 0).value();
    in.run.record(in.cx, {.node = 1, .state = node_state::failed}).value();
    refused(in.run.finish(in.cx).error(), "run 1 cannot be finished: 2 of its nodes are neither done nor failed");
    in.run.record(in.cx, answered(0)).value();
    in.run.stop_rest(in.cx, "", "").value();
    refused(in.run.finish(in.cx).error(), "1 of its nodes");
    CHECK(!in.run.is_finished());
}

TEST_CASE("fact_run: nodes are added once, each by its name", "[llm]") {
    opened in{2};
    CHECK(in.run.add_nodes(in.cx, numbered(3)));
    CHECK(in.run.add_nodes(in.cx, {}));
    CHECK(nodes_of(in.path).size() == 3);
    named_node const other{1, "another"};
    refused(in.run.add_nodes(in.cx, {&other, 1}).error(), "node 1 of run 1 is \"another\", and was added as \"node\"");
    named_node const far{std::uint64_t{1} << 63, "x"};
    refused(in.run.add_nodes(in.cx, {&far, 1}).error(), "9223372036854775808");
    CHECK(in.run.add_nodes(in.cx, numbered(2'500, 10)));
    CHECK(nodes_of(in.path).size() == 2'503);
}

TEST_CASE("fact_run: hostile texts are stored as they are", "[llm]") {
    opened in{1};
    in.run.begin_attempt(in.cx, 0).value();
    auto const nasty = "a\0b"s, broken = "\xff\xfe\xed\xa0\x80"s, sql = "'); DROP TABLE node; --"s;
    CHECK(in.run.record(in.cx, {.node = 0, .attempt = 1, .kind = sql, .text = broken, .answer = nasty, .finish_reason = "\x1b[2J",
                                .facts = {{sql, nasty}, {broken, ""}, {"", std::string(100'000, 'x')}}}));
    auto const node = nodes_of(in.path)[0];
    CHECK(node.answer == nasty);
    CHECK(node.text == broken);
    CHECK(node.kind == sql);
    CHECK(node.finish_reason == "\x1b[2J");
    REQUIRE(node.facts.size() == 3);
    CHECK(node.facts[0] == fact{sql, nasty});
    CHECK(node.facts[1] == fact{broken, ""});
    CHECK(node.facts[2].value.size() == 100'000);
    context cx;
    auto db = sqlite_database::open(cx, in.path).value();
    CHECK(db.integer(cx, "SELECT typeof(answer) = 'blob' AND typeof(text) = 'blob' AND typeof(kind) = 'text' FROM node") == 1);
}

TEST_CASE("fact_run: an answer that is too long is cut, and says how long it was", "[llm]") {
    opened in{1};
    in.run.begin_attempt(in.cx, 0).value();
    CHECK(in.run.record(in.cx, {.node = 0, .attempt = 1, .text = std::string(1'000'000, 't'), .answer = std::string(10'000'000, 'x')}));
    auto const node = nodes_of(in.path)[0];
    CHECK(node.answer.size() == 4 * MiB);
    CHECK(node.answer_bytes == 10'000'000);
    CHECK(node.partial);
    CHECK(node.text.size() == 64 * KiB);
    CHECK(summary_of(in.path).partial == 1);
}
