#include "problem.hpp"

#include <cstdlib>    // abort

int main(int argc, char** argv) {
    using namespace bench;
    report const to{argc, argv};
    // The rivals are checked against the baseline, and the baseline against what is known.
    constexpr std::array<std::uint64_t, 11> known{1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724};
    for (std::size_t n = 0; n < known.size(); ++n)
        if (nqueens::serial(n) != known[n]) std::abort();
    fork_join::compare(to, {"nqueens", "board", nqueens::full, nqueens::little, nqueens::serial, nqueens::units}, 60);
}
