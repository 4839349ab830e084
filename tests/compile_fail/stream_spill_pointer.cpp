// expect: what is spilled to the disk is transportable
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/spill.hpp>

#include <string_view>

int main() {
    muster::thread_pool pool{1};
    auto const text = [](std::size_t) { return std::string_view{"a text"}; };
    (void)muster::stream(muster::indices{9}, muster::pipeline{text, muster::on{pool} | muster::spill{} | [](std::string_view all) { return all.size(); }});
}
