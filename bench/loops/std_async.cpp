#include "problem.hpp"

#include <future>    // async

namespace bench::loops {
namespace {

// A thread for each range, as many ranges as workers.
struct with_async {
    std::size_t workers;
    explicit with_async(std::size_t many) : workers(many) {}
    template <class Call>
    void enter(Call const& call) { call(); }
    template <class Body>
    void loop(std::size_t n, Body const& body) {
        std::vector<std::future<void>> ranges;
        cut(n, workers, [&](std::size_t first, std::size_t last) {
            ranges.push_back(std::async(std::launch::async, [&body, first, last] {
                for (auto i = first; i < last; ++i) body(i);
            }));
        });
        for (auto& each : ranges) each.get();
    }
};

entered<rival> const async{{"std_async", every_width(), on<with_async>}};

}  // namespace
}  // namespace bench::loops
