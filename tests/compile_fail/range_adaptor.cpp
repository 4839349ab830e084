// expect: muster: a range adaptor cannot be a task
#include <ranges>

#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto stage = muster::retry{} | std::views::transform([](int item) { return item; });
    (void)stage;
}
