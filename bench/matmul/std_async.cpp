#include "problem.hpp"

#include <array>     // children
#include <future>    // async

namespace bench::matmul {
namespace {

void multiply(product const& all) {
    if (all.is_block()) return add_block(all);
    for (std::size_t step = 0; step < 2; ++step) {
        std::array<std::future<void>, 3> children;
        for (std::size_t which = 0; which < 3; ++which)
            children[which] = std::async(std::launch::async, [&all, step, which] { multiply(all.quarter(step, which)); });
        multiply(all.quarter(step, 3));
        for (auto& each : children) each.get();
    }
}

fork_join::solver start(std::size_t) {
    return [](std::size_t size) { return of_size(size).run(multiply); };
}

// A thread a fork: 438 of them, one after another, for 256 x 256.
entered<fork_join::rival> const threads{{"matmul", "std_async", 256, little, {0}, start}};

}  // namespace
}  // namespace bench::matmul
