#include "policies.hpp"
#include "programs.hpp"

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    bench::compare_capture(to);
    bench::compare_programs(to);
    bench::compare_policies(to);
    bench::compare_warm_policies(to);
    bench::compare_hung_servers(to);
    bench::compare_sleeps(to);
}
