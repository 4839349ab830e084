// expect: muster: a durable run keeps what its operators remember in the journal, and this one's state does not travel
#include <string>
#include <string_view>

#include <muster/core/pipeline.hpp>
#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>
#include <muster/flow/with_state.hpp>

struct journal {
    static constexpr bool keeps_states = true;
    muster::outcome<muster::journal_start> begin(muster::context&, std::string_view, std::uint64_t);
    muster::outcome<void> commit(muster::context&, muster::journal_entry<int> const&);
};

void misuse(muster::file_lines& from, journal& to) {
    auto const first = [](std::string_view line) { return std::string{line}; };
    auto const count = muster::with_state{[](std::string const& line) { return line; }, static_cast<int const*>(nullptr), [](int const*&, std::string const&) { return 1; }};
    auto const done = muster::run(from, muster::pipeline{first, count}, to);
}
