#include <string>
#include <vector>

#include <muster/flow/for_each.hpp>

void misuse() {
    std::vector<std::string> items{"a"};
    auto failures = muster::for_each(items, [](std::string const& item) { (void)item; });
}
