// expect: muster: map calls f(item)
#include <string>
#include <vector>

#include <muster/flow/map.hpp>
#include <muster/policy/retry.hpp>

void misuse() {
    std::vector<int> items{1, 2, 3};
    auto results = muster::map(items, muster::retry{} | [](std::string const& item) { return item; });
}
