#include "problem.hpp"

namespace bench::submit {
namespace {

// The thread that hands over is one of the team, and helps at the end.
struct with_tasks {
    int workers;
    explicit with_tasks(std::size_t many) : workers(static_cast<int>(many)) {}
    template <class Task>
    void flood(std::size_t many, Task const& task) {
#pragma omp parallel num_threads(workers)
#pragma omp single
        for (std::size_t i = 0; i < many; ++i) {
#pragma omp task
            task();
        }
    }
};

entered<rival> const tasks{{"openmp", 200'000, 1'000, {1, 2}, on<with_tasks>}};

}  // namespace
}  // namespace bench::submit
