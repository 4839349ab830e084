#include <asio_pool.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::tree {
namespace {

void add(boost::asio::thread_pool& on, asio_join* parent, node const* at) {
    if (!at->left) return asio_join::finish(parent, at->value);
    auto* const both = new asio_join{parent, 2, at->value};
    boost::asio::post(on, [&on, both, at] { add(on, both, at->right); });
    add(on, both, at->left);
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t levels) {
        return asio_join::run(*pool, [&, levels](asio_join* root) { add(*pool, root, trees->tree(levels)); });
    };
}
// A thread of this pool cannot wait for a tree, so that each is entered from outside.
fork_join::solver start_entering(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t times) {
        return repeat(times, [&](node const* at) { return asio_join::run(*pool, [&, at](asio_join* root) { add(*pool, root, at); }); });
    };
}

entered<fork_join::rival> const post{{"large", "boost_asio", 16, 12, {1, 2}, start}};
entered<fork_join::rival> const small_entering{{"small_entering", "boost_asio", 100, 10, {1, 2}, start_entering}};

}  // namespace
}  // namespace bench::tree
