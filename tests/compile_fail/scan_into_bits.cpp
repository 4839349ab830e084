// expect: muster: threads cannot write to a vector<bool>
#include <vector>

#include <muster/flow/scan.hpp>

void misuse() {
    std::vector<int> items{1, 2};
    auto any = muster::scan(items, [](int item) { return item == 2; }, false, [](bool a, bool b) { return a || b; });
}
