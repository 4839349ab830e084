#include "problem.hpp"

// Each file enters its own part; a new one needs no line here.
int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    for (auto const& each : bench::rivals<bench::tokens::part>()) each.measure(to);
}
