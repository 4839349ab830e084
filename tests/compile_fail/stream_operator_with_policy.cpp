// expect: an operator of a stream stands by itself
#include <muster/flow/flatten.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/named.hpp>

#include <vector>

int main() {
    std::vector<std::vector<int>> const items;
    (void)muster::stream(items, muster::named{"flat"} | muster::flatten{});
}
