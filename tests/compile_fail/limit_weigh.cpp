// expect: muster: limit{gate, weigh} takes weigh(item), which answers a number
#include <muster/muster.hpp>

#include <string>

using namespace muster;

void misuse(rate_limiter& quota) {
    (void)(limit{quota, [](std::string const& text) { return text; }} | [](std::string const& text) { return text; })(std::string{});
}
