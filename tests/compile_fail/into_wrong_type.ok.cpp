#include <string>
#include <vector>

#include <muster/flow/map.hpp>

void misuse() {
    std::vector<int> items{1, 2, 3};
    std::vector<long> values(3);
    auto failures = muster::map(items, [](int item) { return item; }, muster::into{values});
}
