#include <muster/workloads/llm/fact_reader.hpp>

#include "catch.hpp"
#include "stored.hpp"

#include <string>    // texts

using namespace muster;
using namespace muster::llm;

TEST_CASE("fact_reader: reads runs, nodes in order, and sums", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto store = store_in(folder / "a.db");
    auto reader = fact_reader::open(cx, folder / "a.db").value();
    CHECK(reader.runs(cx) == std::vector<stored_run>{});
    auto run = store.open_run(cx, identity).value();
    auto const other = store.open_run(cx, {.model = "other"}).value();
    run.add_nodes(cx, numbered(5)).value();
    other.add_nodes(cx, numbered(2)).value();
    for (std::uint64_t const node : {3u, 1u}) {
        run.begin_attempt(cx, node).value();
        run.record(cx, answered(node)).value();
    }
    run.begin_attempt(cx, 0).value();
    run.record(cx, {.node = 0, .attempt = 1, .state = node_state::failed, .kind = "content filter", .usage = {1, 1, 2, 0, 0}}).value();

    auto const runs = reader.runs(cx).value();
    REQUIRE(runs.size() == 2);
    CHECK(runs[0] == stored_run{1, identity.digest(), "model-1", noon(), std::nullopt});
    CHECK(runs[1].model == "other");
    std::vector<std::uint64_t> order;
    CHECK(reader.for_each_node(cx, 1, [&](stored_node const& each) { order.push_back(each.node); }));
    CHECK(order == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
    order.clear();
    CHECK(reader.for_each_node(cx, 1, [&](stored_node const& each) {
        order.push_back(each.node);
        return each.node < 2;
    }));
    CHECK(order == std::vector<std::uint64_t>{0, 1, 2});
    auto const sum = reader.summary(cx, 1).value();
    CHECK(sum.nodes == std::array<std::uint64_t, node_states>{2, 0, 2, 1, 0, 0});
    CHECK(sum.kinds == std::map<std::string, std::uint64_t>{{"content filter", 1}});
    CHECK(sum.attempts == 3);
    CHECK(sum.usage == token_usage{201, 41, 242, 20, 10});
    CHECK(reader.summary(cx, 2).value().total() == 2);
    CHECK(reader.summary(cx, 99) == run_summary{});
    CHECK(reader.integrity_check(cx));
}

TEST_CASE("fact_reader: sees one moment, and keeps nobody from writing", "[llm]") {
    opened in{10};
    auto reader = fact_reader::open(in.cx, in.folder / "a.db").value();
    std::uint64_t pending = 0;
    CHECK(reader.for_each_node(in.cx, 1, [&](stored_node const& each) {
        pending += each.state == node_state::pending;
        if (each.node == 0) in.run.stop_rest(in.cx, "", "").value();
    }));
    CHECK(pending == 10);
    CHECK(reader.summary(in.cx, 1).value().count(node_state::stopped) == 10);
}

TEST_CASE("fact_reader: refuses what is no store", "[llm]") {
    temporary_folder const folder;
    context cx;
    auto const refused = [&](std::string const& name, std::string_view words) {
        auto const opened = fact_reader::open(cx, folder / name);
        REQUIRE(!opened);
        INFO(opened.error().text());
        CHECK(opened.error().text().find(words) != std::string::npos);
        CHECK(opened.error().text().find(folder / name) != std::string::npos);
    };
    refused("none.db", "cannot open");
    { auto const empty = sqlite_database::open(cx, folder / "empty.db").value(); }
    refused("empty.db", "is an empty database, and no store of facts");
    for (auto const& [name, words] : no_stores_in(folder)) refused(name, words);
}
