// expect: muster: right of | stands
#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto stage = muster::retry{} | 42;
    (void)stage;
}
