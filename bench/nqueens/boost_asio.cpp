#include <asio_pool.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::nqueens {
namespace {

void place_all(boost::asio::thread_pool& pool, asio_join* parent, board const& on, std::size_t row, std::size_t n) {
    if (row == n) return asio_join::finish(parent, 1);
    columns const safe{on, row, n};
    if (safe.count == 0) return asio_join::finish(parent, 0);
    auto* const all = new asio_join{parent, static_cast<int>(safe.count)};
    for (std::size_t i = 0; i + 1 < safe.count; ++i)
        boost::asio::post(pool, [&pool, all, next = on.with(row, safe.at[i]), row, n] { place_all(pool, all, next, row + 1, n); });
    place_all(pool, all, on.with(row, safe.at[safe.count - 1]), row + 1, n);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t n) {
        return asio_join::run(*pool, [&, n](asio_join* root) { place_all(*pool, root, {}, 0, n); });
    };
}

entered<fork_join::rival> const post{{"nqueens", "boost_asio", 11, 7, {1, 2}, start}};

}  // namespace
}  // namespace bench::nqueens
