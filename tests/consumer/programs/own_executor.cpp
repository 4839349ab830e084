// An executor that was written outside the library: a thread a call, and no more.
#include <atomic>
#include <thread>
#include <vector>

#include <muster/core/concepts.hpp>
#include <muster/core/stage.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/on.hpp>

class thread_per_share {
public:
    std::size_t width() const { return 4; }

    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) {
        std::vector<std::jthread> threads;
        for (std::size_t share = 0; share < width; ++share)
            threads.emplace_back([&body, first = n * share / width, last = n * (share + 1) / width] { body(first, last); });
    }
    template <class Job>
    void post(Job job) {
        std::jthread(std::move(job)).join();
    }
};
static_assert(muster::executor<thread_per_share>);

int main() {
    thread_per_share here;
    std::vector<int> const items{1, 2, 3, 4, 5, 6, 7};
    auto const answers = muster::map(items, muster::on{here} | [](int item) { return item * 2; });
    int sum = 0;
    for (auto const& answer : answers) sum += answer.value();
    return sum == 56 ? 0 : 1;
}
