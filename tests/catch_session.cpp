// Catch2's own code, compiled once for all test executables.
#if MUSTER_CATCH == 2
#define CATCH_CONFIG_RUNNER
#endif
#include "catch.hpp"

int run_catch(int argc, char* argv[]) {
    return Catch::Session().run(argc, argv);
}
