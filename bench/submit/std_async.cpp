#include "problem.hpp"

#include <future>    // async

namespace bench::submit {
namespace {

struct with_async {
    explicit with_async(std::size_t) {}
    template <class Task>
    void flood(std::size_t many, Task const& task) {
        std::vector<std::future<void>> all;
        for (; many > 0; --many) all.push_back(std::async(std::launch::async, task));
        for (auto& each : all) each.get();
    }
};

// A thread a task.
queues start(std::size_t workers) {
    auto can = on<with_async>(workers);
    can.wake = [] {
        std::future<void> thread;
        return time_to_start([&thread](auto&& job) { thread = std::async(std::launch::async, job); });
    };
    return can;
}

entered<rival> const async{{"std_async", 1'000, 100, {0}, start}};

}  // namespace
}  // namespace bench::submit
