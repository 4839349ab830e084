// expect: muster: over a runner there are map and for_each
#include <muster/muster.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace muster;

int misuse(process_pool& cells, std::vector<int> const& items) {
    return reduce(items, on{cells} | [](int item) { return item; }, 0, [](int a, int b) { return a + b; }).value();
}
