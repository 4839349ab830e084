#include "problem.hpp"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace bench::loops {
namespace {

struct with_parallel_for {
    tbb::task_arena arena;
    explicit with_parallel_for(std::size_t workers) : arena{static_cast<int>(workers)} {}
    template <class Call>
    void enter(Call const& call) { arena.execute(call); }
    template <class Body>
    void loop(std::size_t n, Body const& body) { tbb::parallel_for(std::size_t{0}, n, body); }
};

entered<rival> const parallel_for{{"onetbb", every_width(), on<with_parallel_for>}};

}  // namespace
}  // namespace bench::loops
