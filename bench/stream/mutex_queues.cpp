#include "problem.hpp"

#include <chrono>    // steady_clock
#include <thread>    // jthread
#include <vector>    // latencies

#include "arrivals.hpp"          // arrivals
#include "latency.hpp"           // latencies_of_mutex_queues
#include "mutex_queue_of.hpp"    // mutex_queue_of

namespace bench::stream {

namespace {

std::uint64_t mutex_queues(std::size_t items, work each) {
    mutex_queue_of<std::uint64_t> before, after_first, after_second, after_third;
    std::jthread const source([&] {
        for (std::size_t i = 0; i < items; ++i) before.put(i);
        before.end();
    });
    std::jthread const a([&] { stage(before, after_first, [&](std::uint64_t n) { return first(each(n)); }); });
    std::jthread const b([&] { stage(after_first, after_second, [&](std::uint64_t n) { return second(each(n)); }); });
    std::jthread const c([&] { stage(after_second, after_third, [&](std::uint64_t n) { return third(each(n)); }); });
    std::uint64_t sum = 0;
    while (auto const one = after_third.take()) sum += *one;
    return sum;
}

}  // namespace

std::vector<double> latencies_of_mutex_queues(std::size_t items, double items_a_second, work each) {
    using moment = std::chrono::steady_clock::time_point;
    mutex_queue_of<moment> before, after_first, after_second, after_third;
    auto const step = [each](moment due) {
        (void)each(1);
        return due;
    };
    std::jthread const source([&] {
        arrivals all{items, 1 / items_a_second};
        for (auto at = all.begin(); at != all.end(); ++at) before.put(*at);
        before.end();
    });
    std::jthread const a([&] { stage(before, after_first, step); });
    std::jthread const b([&] { stage(after_first, after_second, step); });
    std::jthread const c([&] { stage(after_second, after_third, step); });
    std::vector<double> out;
    while (auto const due = after_third.take()) out.push_back(milliseconds_since(*due));
    return out;
}

namespace {

entered<rival> const entry{{"mutex_queues", mutex_queues}};

}  // namespace

}  // namespace bench::stream
