// expect: muster: this lambda captures; write with{values..., [](item, values...){...}}
#include <muster/core/transportable_callable.hpp>

void misuse(int margin) {
    auto const widen = [margin](int item) { return item + margin; };
    muster::require_transportable_callable<std::remove_const_t<decltype(widen)>>();
}
