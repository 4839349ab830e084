#include <string>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/stage.hpp>
#include <muster/policy/cached.hpp>

void misuse() {
    muster::memory_cache<int, muster::remembered<int>> known;
    auto ask = muster::cached{known, {.fresh_for = std::chrono::seconds{10}}} | [](int item) { return item; };
    auto answer = ask(1);
}
