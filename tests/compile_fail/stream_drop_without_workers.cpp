// expect: what happens in a buffer is said of a stage with workers
#include <muster/flow/stream.hpp>
#include <muster/policy/drop_oldest.hpp>

#include <vector>

int main() {
    std::vector<int> const items;
    (void)muster::stream(items, muster::drop_oldest{} | [](int n) { return n; });
}
