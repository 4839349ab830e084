#include <muster/core/trace_id.hpp>

#include "catch.hpp"

#include <set>       // distinct ids
#include <string>    // ids

using namespace muster;

TEST_CASE("trace_id: it is the id of a W3C trace, and the same wherever and whenever it is asked for", "[core][trace_id]") {
    origin const from{.source = "orders.jsonl", .partition = 0, .offset = 4'096, .part = 0, .epoch = 1};
    auto const id = trace_id(from);
    CHECK(id == "2c7cb3bd9d6d752478faa908ac92a2f1");    // other programs may have written it down: it stays
    CHECK(id.size() == 32);
    CHECK(id.find_first_not_of("0123456789abcdef") == id.npos);
    auto later = from;
    later.epoch = 7;
    later.part = 3;    // of the same record
    CHECK(trace_id(later) == id);
}

TEST_CASE("trace_id: records have one each", "[core][trace_id]") {
    std::set<std::string> seen;
    for (auto const* const source : {"a", "b", "ab", "ba"})
        for (std::uint64_t partition = 0; partition < 4; ++partition)
            for (std::uint64_t offset = 0; offset < 500; ++offset) seen.insert(trace_id({.source = source, .partition = partition, .offset = offset}));
    CHECK(seen.size() == 4 * 4 * 500);
}

TEST_CASE("trace_id: what comes from no source has none", "[core][trace_id]") {
    CHECK(trace_id({}).empty());
    CHECK(trace_id({.offset = 3}).empty());
}
