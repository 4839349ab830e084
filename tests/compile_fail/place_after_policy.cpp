// expect: muster: places
#include <muster/exec/inline_executor.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/core/stage.hpp>

void misuse() {
    muster::inline_executor here;
    auto stage = muster::retry{} | muster::on{here} | [](int item) { return item; };
    (void)stage;
}
