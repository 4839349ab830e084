#include "problem.hpp"

int main(int argc, char** argv) {
    using namespace bench;
    report const to{argc, argv};
    fork_join::compare(to, {"matmul", "block", matmul::full, matmul::little, matmul::serial, matmul::units}, 60);
}
