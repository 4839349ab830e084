#include <muster/flow/stream.hpp>

#include <vector>

struct counted {
    int count = 0;
    void put(muster::failure const&) { ++count; }
};

int main() {
    std::vector<int> const items;
    counted failures;
    (void)muster::stream(items, [](int n) { return n; }, failures);
}
