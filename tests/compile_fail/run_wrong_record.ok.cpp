#include <string_view>

#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>

struct journal {
    muster::outcome<muster::journal_start> begin(muster::context&, std::string_view, std::uint64_t);
    muster::outcome<void> commit(muster::context&, muster::journal_entry<std::size_t> const&);
};
void use(muster::file_lines& from, journal& to) {
    auto const done = muster::run(from, [](std::string_view line) { return line.size(); }, to);
}
