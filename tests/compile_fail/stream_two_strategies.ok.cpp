#include <muster/exec/thread_pool.hpp>
#include <muster/flow/fair.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/drop_newest.hpp>

#include <vector>

int main() {
    muster::thread_pool pool{1};
    std::vector<int> const items;
    (void)muster::stream(items, muster::on{pool} | muster::fair{[](int n) { return n; }} | muster::drop_newest{} | [](int n) { return n; });
}
