#include "problem.hpp"

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    bench::cache::compare_stores(to);
}
