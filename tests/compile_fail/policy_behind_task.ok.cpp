#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

using muster::operator|;

void misuse() {
    auto fetch = [](int item) { return item; };
    auto stage = muster::retry{} | fetch;
    (void)stage;
}
