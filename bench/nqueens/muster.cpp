#include "problem.hpp"

#include <memory>    // make_shared

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::nqueens {
namespace {

using namespace muster;

template <class... Worker>
inline std::uint64_t place_all(board const& on, std::size_t row, std::size_t n, Worker... at);

// The ways with a queen on the safe columns first to last - 1; forks one half of them, and of the halves.
template <class... Worker>
inline std::uint64_t place_some(board const& on, columns const& safe, std::size_t first, std::size_t last, std::size_t row, std::size_t n, Worker... at) {
    if (last - first == 1) return place_all(on.with(row, safe.at[first]), row + 1, n, at...);
    auto const middle = (first + last) / 2;
    auto const [a, b] = join(at..., [&, first, middle, row, n](Worker... here) { return place_some(on, safe, first, middle, row, n, here...); },
                             [&, middle, last, row, n](Worker... here) { return place_some(on, safe, middle, last, row, n, here...); });
    return a + b;
}

template <class... Worker>
inline std::uint64_t place_all(board const& on, std::size_t row, std::size_t n, Worker... at) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    return safe.count == 0 ? 0 : place_some(on, safe, 0, safe.count, row, n, at...);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t n) {
        return pool->run([n] { return place_all({}, 0, n); }).value();
    };
}
fork_join::solver start_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t n) {
        return pool->run([n](worker at) { return place_all({}, 0, n, at); }).value();
    };
}

entered<fork_join::rival> const finding{{"nqueens", "muster", full, little, {1, 2}, start}};
entered<fork_join::rival> const handing{{"nqueens", "muster_worker", full, little, {1, 2}, start_handing}};

}  // namespace
}  // namespace bench::nqueens
