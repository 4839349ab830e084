// expect: the sink of a stream takes its failures
#include <muster/flow/stream.hpp>

#include <vector>

int main() {
    std::vector<int> const items;
    std::vector<muster::failure> failures;
    (void)muster::stream(items, [](int n) { return n; }, failures);
}
