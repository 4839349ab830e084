#include <muster/flow/flatten.hpp>
#include <muster/flow/stream.hpp>

#include <vector>

int main() {
    std::vector<std::vector<int>> const items;
    (void)muster::stream(items, muster::flatten{});
}
