// expect: right of batched{n} with std::span<T const>, to answer
#include <muster/flow/stream.hpp>
#include <muster/policy/batched.hpp>

#include <span>
#include <vector>

int main() {
    std::vector<int> const items;
    (void)muster::stream(items, muster::batched{4} | [](std::span<int const> some) { return std::vector<int>(some.size()); });
}
