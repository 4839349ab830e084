#include <muster/muster.hpp>

#include <string>

using namespace muster;

void use(rate_limiter& quota) {
    (void)(limit{quota, [](std::string const& text) { return text.size(); }} | [](std::string const& text) { return text; })(std::string{});
}
