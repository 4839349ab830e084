#include "problem.hpp"

#include <muster/exec/pending.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::submit {
namespace {

using namespace muster;

struct with_post {
    thread_pool pool;
    explicit with_post(std::size_t workers) : pool{workers} {}
    template <class Job>
    void post(Job job) { pool.post(std::move(job)); }
    void warm_up() { pool.warm_up(); }
    static double three_quarters(double seconds) {
        thread_pool held{{.workers = 2, .utilisation = 0.75}};
        std::atomic<int> chains{8};    // of tasks, each of which posts the next
        auto const until = clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
        auto const before = processor_seconds();
        std::function<void()> const again = [&] {    // as much work as they take, in tasks of some 100 us
            keep(work(50'000));
            if (clock::now() < until) held.post(again);
            else --chains;
        };
        auto const wall = bench::seconds([&] {
            for (auto i = chains.load(); i > 0; --i) held.post(again);
            while (chains != 0) std::this_thread::sleep_for(std::chrono::milliseconds{5});
        });
        return (processor_seconds() - before) / wall / 2;
    }
};

// A handle for each task, and every one of them asked.
struct with_submit {
    thread_pool pool;
    explicit with_submit(std::size_t workers) : pool{workers} {}
    template <class Task>
    void flood(std::size_t many, Task const& task) {
        std::vector<decltype(pool.submit(task))> all;
        all.reserve(many);
        for (; many > 0; --many) all.push_back(pool.submit(task));
        for (auto& each : all) each.get().value();
    }
};

entered<rival> const forgetting{{"muster", 1'000'000, 1'000, {1, 2}, on<with_post>}};
entered<rival> const with_handles{{"muster_submit", 200'000, 1'000, {1, 2}, on<with_submit>}};

}  // namespace
}  // namespace bench::submit
