#include "problem.hpp"

namespace bench::stream {

namespace {

std::uint64_t plain_loop(std::size_t items, work each) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        auto const out = third(each(second(each(first(each(i))))));
        keep(out);
        sum += out;
    }
    return sum;
}

entered<rival> const entry{{"plain_loop", plain_loop}};

}  // namespace

}  // namespace bench::stream
