#include <asio_pool.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::fib {
namespace {

void fib(boost::asio::thread_pool& on, asio_join* parent, std::size_t n) {
    if (n < 2) return asio_join::finish(parent, n);
    auto* const both = new asio_join{parent, 2};
    boost::asio::post(on, [&on, both, n] { fib(on, both, n - 1); });
    fib(on, both, n - 2);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t n) {
        return asio_join::run(*pool, [&, n](asio_join* root) { fib(*pool, root, n); });
    };
}

entered<fork_join::rival> const post{{"fib", "boost_asio", 23, 16, {1, 2}, start}};

}  // namespace
}  // namespace bench::fib
