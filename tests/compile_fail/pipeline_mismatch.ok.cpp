#include <string>

#include <muster/core/pipeline.hpp>

void misuse() {
    muster::pipeline flow{[](int item) { return item; }, [](int item) { return item; }};
    auto answer = flow(1);
}
