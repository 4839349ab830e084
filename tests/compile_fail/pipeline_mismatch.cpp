// expect: muster: a stage of this pipeline cannot be called
#include <string>

#include <muster/core/pipeline.hpp>

void misuse() {
    muster::pipeline flow{[](int item) { return item; }, [](std::string const& item) { return item; }};
    auto answer = flow(1);
}
