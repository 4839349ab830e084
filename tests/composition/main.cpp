// Chains that end in other processes need the first line of main, and some tests are programs of their own.
#include <muster/process/process_main.hpp>

#include <cstdlib>    // getenv

#include "process/program.hpp"    // programs

int run_catch(int argc, char* argv[]);

int main(int argc, char* argv[]) {
    muster::process_main start{argc, argv};
    if (auto const* const name = std::getenv("MUSTER_TEST_PROGRAM")) return programs().at(name)();
    return run_catch(argc, argv);
}
