#include <muster/flow/journal.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"

#include <string>    // outputs

using namespace muster;

namespace {

struct of_texts_alone {
    outcome<journal_start> begin(context&, std::string_view, std::uint64_t);
    outcome<void> commit(context&, journal_entry<std::string> const&);
};
struct never_fenced {
    outcome<void> begin(context&, std::string_view, std::uint64_t);
    outcome<void> commit(context&, journal_entry<int> const&);
};
struct never_fails {
    outcome<journal_start> begin(context&, std::string_view, std::uint64_t);
    void commit(context&, journal_entry<int> const&);
};

}  // namespace

static_assert(journal_for<memory_journal<int>, int>);
static_assert(journal_for<memory_journal<no_output>, no_output>);
static_assert(journal_for<of_texts_alone, std::string>);
static_assert(!journal_for<of_texts_alone, int>);
static_assert(!journal_for<never_fenced, int>);
static_assert(!journal_for<never_fails, int>);
static_assert(state_journal<memory_journal<int>>);
static_assert(!state_journal<of_texts_alone>);

TEST_CASE("journal: an entry of nothing moves nothing", "[flow][journal]") {
    journal_entry<int> const entry;
    CHECK(entry.outputs.empty());
    CHECK(entry.dead.empty());
    CHECK(entry.states.empty());
    CHECK(entry.next == nullptr);
}
