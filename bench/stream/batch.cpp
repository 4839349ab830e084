#include "batch.hpp"

#include <cstdio>     // stderr
#include <cstdlib>    // exit
#include <span>       // batches
#include <vector>     // answers

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/batched.hpp>

#include "problem.hpp"

namespace bench::stream {

namespace {

std::vector<muster::outcome<std::size_t>> ask(std::span<std::size_t const> some) {
    (void)work{20'000}(1);
    std::vector<muster::outcome<std::size_t>> out;
    out.reserve(some.size());
    for (auto const one : some) out.emplace_back(work{1'000}(one));
    return out;
}
auto batches_of(std::size_t size) { return muster::batched{.size = size, .most = 100} | ask; }

std::vector<std::size_t> numbers(std::size_t items) {
    std::vector<std::size_t> out(items);
    for (std::size_t i = 0; i < items; ++i) out[i] = i;
    return out;
}
double checked(std::size_t items, double took, std::size_t sum) {
    if (sum == items * (items - 1) / 2) return static_cast<double>(items) / took;
    std::fprintf(stderr, "stream: batches lost or changed an item\n");
    std::exit(1);
}

double items_a_second(auto const& verb, std::size_t items, std::size_t size) {
    static muster::thread_pool pool{workers};
    auto const from = numbers(items);
    std::size_t sum = 0;
    auto const took = seconds([&] {
        for (auto const& one : verb(from, muster::on{pool} | batches_of(size))) sum += *one;
    });
    return checked(items, took, sum);
}

}  // namespace

double map_in_batches(std::size_t items, std::size_t size) { return items_a_second(muster::map, items, size); }
double stream_in_batches(std::size_t items, std::size_t size) { return items_a_second(muster::stream, items, size); }

}  // namespace bench::stream
