#include "problem.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::submit {
namespace {

// The thread that hands over stays outside: the workers are oneTBB's, as many as asked for, where it would start one less than
// there are cores.
struct with_arena {
    tbb::task_arena arena;
    explicit with_arena(std::size_t workers) : arena{static_cast<int>(workers), 0} {
        static tbb::global_control const threads{tbb::global_control::max_allowed_parallelism, 3};
    }
};

struct with_enqueue : with_arena {
    using with_arena::with_arena;
    template <class Job>
    void post(Job job) { arena.enqueue(std::move(job)); }
};

// The thread that hands over helps while it waits.
struct with_task_group {
    tbb::task_arena arena;
    explicit with_task_group(std::size_t workers) : arena{static_cast<int>(workers)} {}
    template <class Task>
    void flood(std::size_t many, Task const& task) {
        arena.execute([&] {
            tbb::task_group group;
            for (; many > 0; --many) group.run(task);
            group.wait();
        });
    }
};

entered<rival> const enqueue{{"onetbb", 1'000'000, 1'000, {1, 2}, on<with_enqueue>}};
entered<rival> const task_group{{"onetbb_task_group", 1'000'000, 1'000, {1, 2}, on<with_task_group>}};

}  // namespace
}  // namespace bench::submit
