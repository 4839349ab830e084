#include <muster/exec/thread_pool.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/drop_oldest.hpp>

#include <vector>

int main() {
    muster::thread_pool pool{1};
    std::vector<int> const items;
    (void)muster::stream(items, muster::on{pool} | muster::drop_oldest{} | [](int n) { return n; });
}
