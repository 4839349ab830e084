// expect: muster: a range adaptor cannot be a task
// only: gcc    (Clang 14 does not compile the views of this standard library at all)
#include <ranges>

#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    auto stage = muster::retry{} | std::views::transform([](int item) { return item; });
    (void)stage;
}
