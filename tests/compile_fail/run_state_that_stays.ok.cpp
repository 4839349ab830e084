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

void use(muster::file_lines& from, journal& to) {
    auto const first = [](std::string_view line) { return std::string{line}; };
    auto const count = muster::with_state{[](std::string const& line) { return line; }, 0, [](int& n, std::string const&) { return ++n; }};
    auto const done = muster::run(from, muster::pipeline{first, count}, to);
}
