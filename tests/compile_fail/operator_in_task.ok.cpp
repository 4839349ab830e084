#include <muster/core/pipeline.hpp>

struct doubled {
    int operator()(int item) const { return 2 * item; }
};

void misuse() {
    muster::pipeline flow{[](int item) { return item; }, doubled{}};
    auto answer = flow(1);
}
