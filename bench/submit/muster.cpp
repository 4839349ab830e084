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
