// expect: muster: what the task answers cannot be assigned
#include <string>
#include <vector>

#include <muster/flow/map.hpp>

void misuse() {
    std::vector<int> items{1, 2, 3};
    std::vector<std::string*> values(3);
    auto failures = muster::map(items, [](int item) { return item; }, muster::into{values});
}
