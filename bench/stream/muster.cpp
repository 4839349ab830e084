#include "problem.hpp"

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/in_order.hpp>

namespace bench::stream {

namespace {

template <class Flow>
std::uint64_t sum_of(std::size_t items, Flow flow) {
    std::uint64_t sum = 0;
    for (auto& one : muster::stream(muster::indices{items}, std::move(flow))) sum += *one;
    return sum;
}
auto a(work each) {
    return [each](std::size_t n) noexcept { return first(each(n)); };
}
auto b(work each) {
    return [each](std::uint64_t n) noexcept { return second(each(n)); };
}
auto c(work each) {
    return [each](std::uint64_t n) noexcept { return third(each(n)); };
}

std::uint64_t muster_inline(std::size_t items, work each) { return sum_of(items, muster::pipeline{a(each), b(each), c(each)}); }

std::uint64_t muster_threads(std::size_t items, work each) {
    static muster::thread_pool pool{workers};
    return sum_of(items, muster::pipeline{muster::on{pool} | muster::buffer{room} | a(each), muster::on{pool} | muster::buffer{room} | b(each),
                                          muster::on{pool} | muster::buffer{room} | c(each)});
}

std::uint64_t muster_in_order(std::size_t items, work each) {
    static muster::thread_pool pool{workers};
    auto const where = muster::on{pool} | muster::buffer{room} | muster::in_order{};
    return sum_of(items, muster::pipeline{where | a(each), where | b(each), where | c(each)});
}

entered<rival> const here{{"muster_inline", muster_inline}};
entered<rival> const threads{{"muster_threads", muster_threads}};
entered<rival> const in_order{{"muster_in_order", muster_in_order}};

}  // namespace

}  // namespace bench::stream
