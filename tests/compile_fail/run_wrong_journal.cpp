// expect: muster: run writes to a journal for what the task answers
#include <string_view>

#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>

void misuse(muster::file_lines& from, muster::file_lines& to) {
    auto const done = muster::run(from, [](std::string_view line) { return line.size(); }, to);
}
