#include <muster/exec/thread_pool.hpp>
#include <muster/flow/fair.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/stream.hpp>

int main() {
    muster::thread_pool pool{1};
    (void)muster::stream(muster::indices{9}, muster::on{pool} | muster::fair{[](std::size_t n) { return n % 3; }} | [](std::size_t n) { return n; });
}
