#include <vector>

#include <muster/flow/scan.hpp>

void misuse() {
    std::vector<int> items{1, 2};
    auto any = muster::scan(items, [](int item) { return item == 2; }, char{0}, [](char a, char b) { return a > b ? a : b; });
}
