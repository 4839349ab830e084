#include "problem.hpp"

#include <boost/asio/post.hpp>           // post
#include <boost/asio/thread_pool.hpp>    // thread_pool

namespace bench::submit {
namespace {

struct with_asio {
    boost::asio::thread_pool pool;
    explicit with_asio(std::size_t workers) : pool{workers} {}
    template <class Job>
    void post(Job job) { boost::asio::post(pool, std::move(job)); }
};

entered<rival> const post{{"boost_asio", 1'000'000, 1'000, {1, 2}, on<with_asio>}};

}  // namespace
}  // namespace bench::submit
