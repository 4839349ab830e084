#include <muster/flow/stream.hpp>

#include <vector>

int main() {
    std::vector<int> const items;
    (void)muster::stream(items, muster::pipeline{[](int n) { return n; }, [](int n) { return n; }});
}
