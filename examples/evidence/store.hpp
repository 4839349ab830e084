// Where evidence is stored: tables beside those of the journal, written in its transactions.
#pragma once

#include <cstdint>        // int64_t
#include <optional>       // statements
#include <string>         // texts
#include <string_view>    // names
#include <utility>        // move
#include <vector>         // alerts that are new

#include <muster/adapt/sqlite.hpp>          // sqlite_database
#include <muster/adapt/sqlite_store.hpp>    // sqlite_store_for
#include <muster/core/context.hpp>          // context, origin
#include <muster/core/json.hpp>             // json_writer
#include <muster/core/outcome.hpp>          // outcome

#include "quality.hpp"

namespace evidence {

/// Puts each piece into `evidence`, once for its source and id: one that comes again is counted in `copies`, and in `conflicts` where its fields
/// are others; the first one stays. What is low goes into `alert`, a row for each source and window. The view `source_quality` sums up.
///
/// What a batch makes of a table it makes in the batch's transaction: a run that is killed and goes on leaves the same tables as one that is not.
class store {
public:
    /// `alerts` is given a line for each alert that is new; it may be one of a transaction that fails.
    explicit store(std::vector<std::string>& alerts) : alerts_(&alerts) {}

    muster::outcome<void> prepare(muster::context& cx, muster::sqlite_database& in) {
        auto const made = in.execute(cx, R"(
            CREATE TABLE IF NOT EXISTS evidence(
                source TEXT NOT NULL,
                id TEXT NOT NULL,
                time INTEGER NOT NULL,
                score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100),
                completeness REAL NOT NULL,
                validity REAL NOT NULL,
                consistency REAL NOT NULL,
                freshness REAL NOT NULL,
                low INTEGER NOT NULL,
                copies INTEGER NOT NULL DEFAULT 0,
                conflicts INTEGER NOT NULL DEFAULT 0,
                fields TEXT NOT NULL,
                PRIMARY KEY (source, id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS alert(
                source TEXT NOT NULL,
                window INTEGER NOT NULL,
                pieces INTEGER NOT NULL DEFAULT 1,
                lowest INTEGER NOT NULL,
                first TEXT NOT NULL,
                PRIMARY KEY (source, window)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS rotation(
                name ANY NOT NULL PRIMARY KEY,
                generation INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE VIEW IF NOT EXISTS source_quality AS
                SELECT source, count(*) AS pieces, round(avg(score), 1) AS mean_score, min(score) AS lowest, sum(low) AS low,
                       sum(copies) AS copies, sum(conflicts) AS conflicts
                FROM evidence GROUP BY source;
        )");
        if (!made) return made;
        // A copy is told by the row that it finds, so that no look-up is needed before.
        auto put = in.prepare(cx, "INSERT INTO evidence(source, id, time, score, completeness, validity, consistency, freshness, low, fields) "
                                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET copies = copies + 1, "
                                  "conflicts = conflicts + (fields <> excluded.fields) RETURNING copies");
        if (!put) return put.error();
        auto warn = in.prepare(cx, "INSERT INTO alert(source, window, lowest, first) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                                   "pieces = pieces + 1, lowest = min(lowest, excluded.lowest) RETURNING pieces");
        if (!warn) return warn.error();
        put_.emplace(*std::move(put));
        warn_.emplace(*std::move(warn));
        return {};
    }

    muster::outcome<void> put(muster::context& cx, judged const& one, muster::origin const&) {
        std::int64_t copies = 0, pieces = 0;
        auto const& found = one.found;
        auto const seen = [&](muster::sqlite_statement const& row) { copies = row.integer(0); };
        if (auto done = put_->each(cx, seen, one.source, one.id, micros(one.time), one.score, found.completeness, found.validity, found.consistency,
                                   found.freshness, one.low, one.fields);
            !done || !one.low || copies != 0)
            return done;
        auto const warned = [&](muster::sqlite_statement const& row) { pieces = row.integer(0); };
        if (auto done = warn_->each(cx, warned, one.source, micros(one.window), one.score, one.id); !done) return done;
        auto const what = one.id + " has " + std::to_string(one.score) + " points";
        if (pieces == 1) alerts_->push_back("alert: " + one.source + ", from " + text_of(one.window) + ": " + what);
        return {};
    }

private:
    static std::int64_t micros(moment when) { return when.time_since_epoch().count(); }

    std::optional<muster::sqlite_statement> put_, warn_;
    std::vector<std::string>* alerts_;
};
static_assert(muster::sqlite_store_for<store, judged>);

/// What is in a database by now, of all runs.
struct totals {
    std::int64_t stored = 0, copies = 0, conflicts = 0, low = 0, alerts = 0;
    std::int64_t dead = 0;         ///< letters that are not replayed
    std::int64_t replayed = 0;     ///< those that are
    struct source {
        std::string name;
        std::int64_t pieces = 0, low = 0;
        double mean_score = 0;

        void write_json(muster::json_writer& to) const {
            to.object([&] { to.member("source", name).member("pieces", pieces).member("low", low).member("mean_score", mean_score); });
        }
    };
    std::vector<source> worst{};    ///< up to ten sources, the lowest mean score first

    static muster::outcome<totals> of(muster::context& cx, muster::sqlite_database& in) {
        totals out;
        auto ask = in.prepare(cx, "SELECT (SELECT count(*) FROM evidence), (SELECT coalesce(sum(copies), 0) FROM evidence), "
                                  "(SELECT coalesce(sum(conflicts), 0) FROM evidence), (SELECT coalesce(sum(low), 0) FROM evidence), "
                                  "(SELECT count(*) FROM alert), (SELECT count(*) FROM dead_letter WHERE replayed IS NULL), "
                                  "(SELECT count(*) FROM dead_letter WHERE replayed IS NOT NULL)");
        if (!ask) return ask.error();
        auto const read = [&](muster::sqlite_statement const& row) {
            int column = 0;
            for (auto* const to : {&out.stored, &out.copies, &out.conflicts, &out.low, &out.alerts, &out.dead, &out.replayed}) *to = row.integer(column++);
        };
        if (auto done = ask->each(cx, read); !done) return done.error();
        auto sources = in.prepare(cx, "SELECT source, pieces, low, mean_score FROM source_quality ORDER BY mean_score, source LIMIT 10");
        if (!sources) return sources.error();
        auto const add = [&](muster::sqlite_statement const& row) {
            out.worst.push_back({std::string{row.text(0)}, row.integer(1), row.integer(2), row.real(3)});
        };
        if (auto done = sources->each(cx, add); !done) return done.error();
        return out;
    }

    void write_json(muster::json_writer& to) const {
        to.object([&] {
            to.member("stored", stored).member("copies", copies).member("conflicts", conflicts).member("low", low).member("alerts", alerts);
            to.member("dead_letters", dead).member("replayed", replayed);
            to.member("sources", worst);
        });
    }
};

}  // namespace evidence
