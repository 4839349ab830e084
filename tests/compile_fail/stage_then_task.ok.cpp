#include <muster/core/pipeline.hpp>
#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto fetch = muster::retry{} | [](int item) { return item; };
    auto parse = [](int item) { return item; };
    auto flow = muster::pipeline{fetch, parse};
    (void)flow;
}
