#include <span>
#include <vector>

#include <muster/flow/map.hpp>
#include <muster/policy/batched.hpp>

void misuse() {
    std::vector<int> items{1, 2, 3};
    auto results = muster::map(items, muster::batched{2} | [](std::span<int const> batch) {
        return std::vector<muster::outcome<int>>(batch.begin(), batch.end());
    });
}
