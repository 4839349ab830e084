#include <muster/exec/thread_pool.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/in_order_by.hpp>

#include <vector>

int main() {
    muster::thread_pool pool;
    std::vector<int> const items;
    auto const key = [](int n) { return n; };
    (void)muster::stream(items, muster::on{pool} | muster::in_order_by{key} | [](int n) { return n; });
}
