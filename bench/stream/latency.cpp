#include "latency.hpp"

#include <chrono>    // duration

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/stream.hpp>

#include "arrivals.hpp"    // arrivals

namespace bench::stream {

std::vector<double> latencies(std::size_t items, double items_a_second, work each) {
    using moment = std::chrono::steady_clock::time_point;
    muster::thread_pool pool{workers};
    muster::blocking_pool reader{2};    // the source waits
    auto const step = [each](moment due) {
        (void)each(1);
        return due;
    };
    std::vector<double> out;
    for (auto& one : muster::stream(arrivals{items, 1 / items_a_second}, muster::pipeline{muster::on{reader, 1} | [](moment due) { return due; }, muster::on{pool} | step, muster::on{pool} | step,
                                         muster::on{pool} | step}))
        out.push_back(milliseconds_since(*one));
    return out;
}

}  // namespace bench::stream
