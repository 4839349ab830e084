#include <muster/flow/record_source.hpp>

#include "catch.hpp"

#include <string_view>    // records

using namespace muster;

namespace {

// The least that is a source.
struct nothing_to_read {
    using value_type = int;
    char const* name() const { return "nothing"; }
    int partitions() const { return 0; }
    outcome<void> resume(context&, std::uint64_t, source_position const&) { return {}; }
    outcome<void> read(context&, std::uint64_t, std::uint64_t, read_bounds const&, source_batch<int>&) { return {}; }
    outcome<std::string> mark(std::uint64_t, std::uint64_t) { return std::string{}; }
};
struct no_values : nothing_to_read {
    using value_type = void*;    // and reads numbers
};
struct no_mark {
    using value_type = int;
    char const* name() const;
    int partitions() const;
    outcome<void> resume(context&, std::uint64_t, source_position const&);
    outcome<void> read(context&, std::uint64_t, std::uint64_t, read_bounds const&, source_batch<int>&);
};
struct cannot_fail {
    using value_type = int;
    char const* name() const;
    int partitions() const;
    void resume(context&, std::uint64_t, source_position const&);
    void read(context&, std::uint64_t, std::uint64_t, read_bounds const&, source_batch<int>&);
    std::string mark(std::uint64_t, std::uint64_t);
};

}  // namespace

static_assert(record_source<nothing_to_read>);
static_assert(!record_source<no_values>);
static_assert(!record_source<no_mark>);
static_assert(!record_source<cannot_fail>);
static_assert(!record_source<int>);

TEST_CASE("record_source: a batch begins empty, where the read begins", "[flow][record_source]") {
    source_batch<int> batch;
    batch.records.push_back({3, 7});
    batch.ended = true;
    batch.begin(4);
    CHECK(batch.records.empty());
    CHECK(batch.next == 4);
    CHECK_FALSE(batch.ended);
}
