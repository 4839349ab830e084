#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto stage = muster::retry{} | [](int item) { return item; };
    (void)stage;
}
