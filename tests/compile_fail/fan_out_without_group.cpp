// expect: muster: fan_out takes
#include <muster/flow/fan_out.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto task = [](int item) { return item; };
    auto answer = muster::fan_out(1, muster::retry{} | task);
}
