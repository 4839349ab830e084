#include <mutex_queue.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::nqueens {
namespace {

std::uint64_t place_all(mutex_queue& pool, board const& on, std::size_t row, std::size_t n);

std::uint64_t place_some(mutex_queue& pool, board const& on, columns const& safe, std::size_t first, std::size_t row, std::size_t n) {
    auto const place_first = [&, first, row, n] { return place_all(pool, on.with(row, safe.at[first]), row + 1, n); };
    if (first + 1 == safe.count) return place_first();
    auto const [a, b] = pool.join(place_first, [&, first, row, n] { return place_some(pool, on, safe, first + 1, row, n); });
    return a + b;
}

std::uint64_t place_all(mutex_queue& pool, board const& on, std::size_t row, std::size_t n) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    return safe.count == 0 ? 0 : place_some(pool, on, safe, 0, row, n);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t n) { return pool->run([&, n] { return place_all(*pool, {}, 0, n); }); };
}

entered<fork_join::rival> const queue{{"nqueens", "mutex_queue", 11, 7, {1, 2}, start}};

}  // namespace
}  // namespace bench::nqueens
