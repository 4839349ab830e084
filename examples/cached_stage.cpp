// Cookbook: a stage that is remembered. Of the calls that miss the same key at once, one goes on; the others wait for its answer.
// ctest:

#include <atomic>     // counting
#include <chrono>     // ttl
#include <cstdio>     // printf
#include <string>     // keys
#include <vector>     // items

#include <muster/cache/memory_cache.hpp>
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct token {
    std::string kid;    // which key signed it
    int number;
};

int main() {
    std::atomic<int> fetched{0};
    auto const fetch_key = [&](token const& t) {
        ++fetched;
        return "key of " + t.kid;
    };

    // [cached]
    memory_cache<std::string, std::string> keys{{.entries = 4'096, .ttl = 10min}};
    auto key_of = cached{keys, &token::kid} | retry{.attempts = 3} | fetch_key;
    // [end]

    std::vector<token> tokens;
    for (int i = 0; i < 1'000; ++i) tokens.push_back({i % 2 ? "odd" : "even", i});

    thread_pool pool{8};
    auto const found = map(tokens, on{pool} | key_of);
    auto const stats = keys.stats();
    std::printf("%zu tokens, %d fetches, %llu hits\n", found.size(), fetched.load(), static_cast<unsigned long long>(stats.hits));
    return fetched == 2 ? 0 : 1;
}
