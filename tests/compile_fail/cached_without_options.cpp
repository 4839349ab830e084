// expect: muster: a cache of remembered<V> needs options: write cached{cache, key_of, {.fresh_for = 10min}}
#include <muster/cache/memory_cache.hpp>
#include <muster/core/stage.hpp>
#include <muster/policy/cached.hpp>

void misuse() {
    muster::memory_cache<int, muster::remembered<int>> known;
    auto ask = muster::cached{known} | [](int item) { return item; };
    auto answer = ask(1);
}
