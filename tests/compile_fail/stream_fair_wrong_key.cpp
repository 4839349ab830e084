// expect: who is next among those that wait for a stage is said of what comes to it
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/fair.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/stream.hpp>

#include <string>

int main() {
    muster::thread_pool pool{1};
    (void)muster::stream(muster::indices{9}, muster::on{pool} | muster::fair{&std::string::size} | [](std::size_t n) { return n; });
}
