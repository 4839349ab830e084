#include <muster/core/transportable_callable.hpp>

void misuse(int margin) {
    auto const widen = muster::with{margin, [](int item, int by) { return item + by; }};
    muster::require_transportable_callable<std::remove_const_t<decltype(widen)>>();
}
