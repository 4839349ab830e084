#include "problem.hpp"

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    bench::fork_join::compare(to, {"fib", "call", 37, 20, bench::fib::serial, bench::fib::calls}, 60);
}
