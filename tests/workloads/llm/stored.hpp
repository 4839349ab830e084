// A store in a folder of its own, and what its file holds.
#pragma once

#include "temporary_folder.hpp"

#include <chrono>         // now
#include <string>         // dumps
#include <string_view>    // what is said
#include <vector>         // nodes

#include <muster/adapt/sqlite.hpp>
#include <muster/workloads/llm/fact_reader.hpp>
#include <muster/workloads/llm/fact_store.hpp>

inline muster::llm::run_identity const identity{"<doc/>", "What is it?", "model-1", "{}"};

inline muster::llm::wall_time noon() { return muster::llm::wall_time{std::chrono::hours{12}}; }

inline muster::llm::fact_store store_in(std::string const& path, muster::llm::fact_store_options options = {}) {
    muster::context cx;
    options.now = noon;
    return muster::llm::fact_store::open(cx, path, options).value();
}

inline std::vector<muster::llm::named_node> numbered(std::uint64_t count, std::uint64_t first = 0) {
    std::vector<muster::llm::named_node> out;
    for (auto i = first; i < first + count; ++i) out.push_back({i, "node"});
    return out;
}

/// A store in a folder of its own, and a run that is open and has so many nodes.
struct opened {
    temporary_folder folder{};
    muster::context cx{};
    std::string path = folder / "a.db";
    muster::llm::fact_store store;
    muster::llm::fact_run run;

    explicit opened(std::uint64_t nodes, muster::llm::fact_store_options options = {})
        : store(store_in(path, options)), run(store.open_run(cx, identity).value()) {
        if (nodes != 0) run.add_nodes(cx, numbered(nodes)).value();
    }
};

/// Files that are no store of this version, and what is said of each.
struct no_store {
    std::string name;
    std::string_view words;
};
inline std::vector<no_store> no_stores_in(temporary_folder const& folder) {
    muster::context cx;
    muster::sqlite_database::open(cx, folder / "other.db").value().execute(cx, "CREATE TABLE mail(text)").value();
    (void)store_in(folder / "later.db");
    muster::sqlite_database::open(cx, folder / "later.db").value().execute(cx, "PRAGMA user_version = 2").value();
    (void)folder.put("text.db", std::string(4'096, 'x'));
    return {{"other.db", "is the database of another program"},
            {"later.db", "has version 2 of the tables, and this program knows 1"},
            {"text.db", "file is not a database"}};
}

inline muster::llm::run_summary summary_of(std::string const& path, std::int64_t run = 1) {
    muster::context cx;
    return muster::llm::fact_reader::open(cx, path).value().summary(cx, run).value();
}

inline std::vector<muster::llm::stored_node> nodes_of(std::string const& path, std::int64_t run = 1) {
    muster::context cx;
    std::vector<muster::llm::stored_node> out;
    muster::llm::fact_reader::open(cx, path).value().for_each_node(cx, run, [&](muster::llm::stored_node const& each) { out.push_back(each); }).value();
    return out;
}

/// Every row of every table, as text.
inline std::string dump_of(std::string const& path) {
    muster::context cx;
    auto db = muster::sqlite_database::open(cx, path, {.create = false, .read_only = true}).value();
    std::string out;
    auto const add = [&](muster::sqlite_sql all) {
        auto rows = db.prepare(cx, all).value();
        rows.each(cx, [&](muster::sqlite_statement const& row) {
                for (int i = 0; i < row.columns(); ++i) (out += row.is_null(i) ? "null" : std::string{row.text(i)}) += '|';
                out += '\n';
            }).value();
        out += '\n';
    };
    add("SELECT * FROM run ORDER BY 1");
    add("SELECT * FROM node ORDER BY 1, 2");
    add("SELECT * FROM attempt ORDER BY 1, 2, 3");
    add("SELECT * FROM usage ORDER BY 1, 2, 3");
    add("SELECT * FROM fact ORDER BY 1, 2, 3");
    return out;
}

/// What holds of a store at any moment: rows that contradict each other, counted.
inline std::int64_t contradictions(std::string const& path) {
    muster::context cx;
    auto db = muster::sqlite_database::open(cx, path, {.create = false}).value();
    db.integrity_check(cx).value();
    return db.integer(cx, R"(
        SELECT (SELECT count(*) FROM node n WHERE attempts != (SELECT count(*) FROM attempt a WHERE a.run = n.run AND a.node = n.node))
             + (SELECT count(*) FROM node n WHERE (state = 1) != (SELECT count(*) FROM attempt a WHERE a.run = n.run AND a.node = n.node AND a.state = 1))
             + (SELECT count(*) FROM node n WHERE state = 2 AND answer IS NULL)
             + (SELECT count(*) FROM node n WHERE state = 2 AND attempts > 0 AND
                   2 != (SELECT state FROM attempt a WHERE a.run = n.run AND a.node = n.node ORDER BY attempt DESC LIMIT 1))
             + (SELECT count(*) FROM node n WHERE state = 2 AND attempts > 0 AND NOT EXISTS (SELECT 1 FROM usage u WHERE u.run = n.run AND u.node = n.node))
             + (SELECT count(*) FROM node n WHERE state = 2 AND attempts > 0 AND 2 != (SELECT count(*) FROM fact f WHERE f.run = n.run AND f.node = n.node))
             + (SELECT count(*) FROM usage u WHERE NOT EXISTS (SELECT 1 FROM attempt a WHERE a.run = u.run AND a.node = u.node AND a.attempt = u.attempt AND a.state != 1))
             + (SELECT count(*) FROM attempt WHERE (state = 1) != (ended IS NULL))
    )").value();
}

/// An answer with all that belongs to one: `contradictions` counts those without.
inline muster::llm::node_result answered(std::uint64_t node, std::uint64_t attempt = 1) {
    return {.node = node,
            .attempt = attempt,
            .answer = "{\"is\": " + std::to_string(node) + "}",
            .finish_reason = "stop",
            .usage = {100, 20, 120, 10, 5},
            .facts = {{"is", std::to_string(node)}, {"sure", "true"}}};
}
