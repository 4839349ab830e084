// expect: muster: a verb needs a range with an end
#include <iterator>

#include <muster/flow/for_each.hpp>

struct numbers {
    int const* at;
    int const* begin() const { return at; }
    std::unreachable_sentinel_t end() const { return {}; }
};

void misuse(int const* at) {
    auto failures = muster::for_each(numbers{at}, [](int) {});
}
