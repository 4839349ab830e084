#include <asio_pool.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::skynet {
namespace {

void add(boost::asio::thread_pool& on, asio_join* parent, std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return asio_join::finish(parent, first);
    auto const below = leaves / 10;
    auto* const all = new asio_join{parent, 10};
    for (std::uint64_t child = 0; child < 9; ++child)
        boost::asio::post(on, [&on, all, below, at = first + child * below] { add(on, all, at, below); });
    add(on, all, first + 9 * below, below);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t leaves) {
        return asio_join::run(*pool, [&, leaves](asio_join* root) { add(*pool, root, 0, leaves); });
    };
}

entered<fork_join::rival> const post{{"skynet", "boost_asio", 100'000, 1'000, {1, 2}, start}};

}  // namespace
}  // namespace bench::skynet
