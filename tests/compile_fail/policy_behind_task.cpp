// expect: muster: policies stand in front of the task
#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

using muster::operator|;

void misuse() {
    auto fetch = [](int item) { return item; };
    auto stage = fetch | muster::retry{};
    (void)stage;
}
