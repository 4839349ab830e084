#include "problem.hpp"

#include <latch>    // the end

#include <boost/asio/post.hpp>           // post
#include <boost/asio/thread_pool.hpp>    // thread_pool

namespace bench::loops {
namespace {

struct with_asio {
    std::size_t workers;
    boost::asio::thread_pool pool;
    explicit with_asio(std::size_t many) : workers(many), pool{many} {}
    template <class Call>
    void enter(Call const& call) { call(); }
    template <class Body>
    void loop(std::size_t n, Body const& body) {
        std::latch left{static_cast<std::ptrdiff_t>(n)};
        cut(n, workers * ranges_a_worker, [&](std::size_t first, std::size_t last) {
            boost::asio::post(pool, [&body, &left, first, last] {
                for (auto i = first; i < last; ++i) body(i);
                left.count_down(static_cast<std::ptrdiff_t>(last - first));
            });
        });
        left.wait();
    }
};

entered<rival> const post{{"boost_asio", every_width(), on<with_asio>}};

}  // namespace
}  // namespace bench::loops
