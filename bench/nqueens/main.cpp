#include "problem.hpp"

#include <cstdlib>    // abort

int main(int argc, char** argv) {
    using namespace bench;
    report const to{argc, argv};
    // The rivals are checked against the baseline, and the baseline against what is known.
    for (std::size_t n = 1; n < 11; ++n)
        if (static_cast<double>(nqueens::serial(n)) != nqueens::units(n)) std::abort();
    fork_join::compare(to, {"nqueens", "way", nqueens::full, nqueens::little, nqueens::serial, nqueens::units}, 60);
}
