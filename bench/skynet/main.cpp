#include "problem.hpp"

int main(int argc, char** argv) {
    using namespace bench;
    report const to{argc, argv};
    fork_join::compare(to, {"skynet", "leaf", skynet::full, skynet::little, skynet::serial, skynet::units}, 60);
}
