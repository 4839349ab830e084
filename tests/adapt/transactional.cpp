#include <muster/adapt/transactional.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <stdexcept>    // runtime_error
#include <vector>       // items

#include <muster/exec/thread_pool.hpp>          // thread_pool
#include <muster/flow/map.hpp>                  // map
#include <muster/gate/bulkhead.hpp>             // bulkhead
#include <muster/policy/limit.hpp>              // limit
#include <muster/policy/on.hpp>                 // on
#include <muster/policy/retry.hpp>              // retry
#include <muster/testing/conformance.hpp>       // conformance

using namespace muster;
using namespace std::chrono_literals;

static_assert(!std::constructible_from<transactional, sqlite_database>);    // a temporary does not bind

namespace {

struct table {
    temporary_folder folder;
    context cx;
    sqlite_database db = sqlite_database::open(cx, folder / "a.db").value();
    sqlite_statement put = (db.execute(cx, "CREATE TABLE row(n INTEGER UNIQUE) STRICT").value(), db.prepare(cx, "INSERT INTO row VALUES (?)").value());
    std::int64_t rows() { return db.integer(cx, "SELECT count(*) FROM row").value(); }
};

}  // namespace

TEST_CASE("transactional: commits with a value, rolls back with a failure, a throw and a stop", "[adapt][sqlite]") {
    table in;
    auto const twice = transactional{in.db} | [&](int n, context& cx) -> outcome<int> {
        if (auto done = in.put.run(cx, n); !done) return done.error();
        if (n == 1) return failure{cause::unavailable, "asked to fail"};
        if (n == 2) throw std::runtime_error{"thrown"};
        if (n == 3) return failure{cause::cancelled, "stopped in the middle"};
        if (auto done = in.put.run(cx, -n); !done) return done.error();
        return n;
    };
    CHECK(twice(7) == 7);
    CHECK(in.rows() == 2);
    CHECK(twice(1).error().text() == "asked to fail");
    CHECK(twice(2).error().is(cause::threw));
    CHECK(twice(3).error().is(cause::cancelled));
    CHECK(twice(7).error().is(cause::invalid_input));
    CHECK(in.rows() == 2);
    CHECK(!in.db.in_transaction());
    CHECK(twice(8) == 8);
    CHECK(in.rows() == 4);
}

TEST_CASE("transactional: what cannot begin does not call what follows", "[adapt][sqlite]") {
    table in;
    auto const outer = transactional{in.db} | transactional{in.db} | [](int) -> int { throw std::logic_error{"called"}; };
    CHECK(outer(1).error().is(cause::would_deadlock));
}

TEST_CASE("transactional: right of retry each attempt begins anew", "[adapt][sqlite]") {
    table in;
    auto const flaky = retry{.attempts = 3, .delay = 0ns} | transactional{in.db} | [&](int n, context& cx) -> outcome<void> {
        if (auto done = in.put.run(cx, n); !done) return done;    // would break the rule of the column, had the first one stayed
        return cx.attempt() < 3 ? outcome<void>{failure{cause::unavailable, "not yet"}} : outcome<void>{};
    };
    CHECK(flaky(1));
    CHECK(in.rows() == 1);
}

TEST_CASE("transactional: behind a bulkhead of one any number of workers share a connection", "[adapt][sqlite]") {
    table in;
    thread_pool pool{4};
    bulkhead one{1};
    std::vector<int> items(200);
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = static_cast<int>(i);
    auto const results = map(items, on{pool} | limit{one} | transactional{in.db} |
                                        [&](int n, context& cx) -> outcome<void> {
                                            if (auto done = in.put.run(cx, n); !done) return done;
                                            return n % 2 == 0 ? outcome<void>{} : failure{cause::invalid_input, "odd"};
                                        });
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].has_value() == (i % 2 == 0));
    CHECK(in.rows() == 100);
}

TEST_CASE("transactional: keeps the rules of a policy", "[adapt][sqlite][conformance]") {
    table in;
    CHECK(testing::conformance::of_policy(transactional{in.db}) == testing::conformance::broken{});
}
