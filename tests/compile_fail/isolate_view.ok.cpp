#include <muster/muster.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace muster;

void misuse(process_pool& cells, std::vector<std::string> const& names) {
    (void)map(names, on{cells} | [](std::string_view name) { return name.size(); });
}
