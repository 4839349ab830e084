#include "problem.hpp"

#include <muster/process/process_main.hpp>

int main(int argc, char** argv) {
    // Before process_main: as one of its own commands this program has no workers.
    if (auto const code = bench::breakeven::work_if_asked(argc, argv); code >= 0) return code;
    muster::process_main start{argc, argv};
    bench::report const to{argc, argv};
    bench::breakeven::compare(to);
}
