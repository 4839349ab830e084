// expect: muster: run calls f(record) or f(record, context&) through const&
#include <string>

#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>

void misuse(muster::file_lines& from, int& to) {
    auto const done = muster::run(from, [](std::string const& line) { return line.size(); }, to);    // a line is a string_view
}
