// The first example that was published, as it was: it compiles against every later version.
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

int main() {
    std::vector<std::string> const numbers{"17", "4", "not a number", "21"};

    thread_pool pool;
    auto const parsed = map(numbers, on{pool} | deadline{1s} | retry{.attempts = 2, .delay = 1ms, .when = [](failure const&) { return false; }}
                                         | [](std::string const& text) { return std::stoi(text); });

    int sum = 0;
    for (auto const& number : parsed) {
        if (number) sum += *number;
        else if (number.error().index() != 2 || number.error().code() != cause::threw) return 1;
    }
    return sum == 42 ? 0 : 1;
}
