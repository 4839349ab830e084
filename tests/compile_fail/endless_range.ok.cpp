#include <iterator>

#include <muster/flow/for_each.hpp>

struct numbers {
    int const* at;
    int const* begin() const { return at; }
    int const* end() const { return at + 3; }
};

void misuse(int const* at) {
    auto failures = muster::for_each(numbers{at}, [](int) {});
}
