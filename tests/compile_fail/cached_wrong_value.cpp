// expect: muster: what the task answers does not convert
#include <string>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/stage.hpp>
#include <muster/policy/cached.hpp>

void misuse() {
    muster::memory_cache<int, std::string> known;
    auto ask = muster::cached{known} | [](int item) { return item; };
    auto answer = ask(1);
}
