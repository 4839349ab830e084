#include <mutex_queue.hpp>

#include "problem.hpp"

namespace bench::submit {
namespace {

entered<rival> const queue{{"mutex_queue", 1'000'000, 1'000, {1, 2}, on<mutex_queue>}};

}  // namespace
}  // namespace bench::submit
