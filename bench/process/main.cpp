#include "problem.hpp"

#include <muster/process/process_main.hpp>

int main(int argc, char** argv) {
    muster::process_main start{argc, argv};
    bench::report const to{argc, argv};
    bench::process::compare_round_trips(to);
    bench::process::compare_throughput(to);
    bench::process::compare_replacements(to);
    bench::process::compare_deadlines(to);
}
