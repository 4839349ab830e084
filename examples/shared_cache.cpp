// Sample 4: a stage that is remembered in shared memory, by every process that opens the name, and by the next ones.
// ctest:

#include <chrono>    // ttl
#include <cstdio>    // printf
#include <string>    // keys
#include <vector>    // items

#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork

#include <muster/cache/shm_cache.hpp>
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct token {
    std::string kid;    // which key signed it
    int number;
};
struct public_key {
    std::string text;
    int fetched_by;
};

public_key fetch_key(token const& t) { return {"key of " + t.kid, static_cast<int>(::getpid())}; }

int main() {
    auto const name = "muster-example-" + std::to_string(::getpid());
    std::vector<token> tokens;
    for (int i = 0; i < 1'000; ++i) tokens.push_back({"key" + std::to_string(i % 10), i});

    auto const work = [&] {
        // [shared]
        shm_cache<std::string, public_key> keys{name, {.entries = 4'096, .ttl = 10min}};
        auto key_of = cached{keys, &token::kid} | retry{.attempts = 3} | fetch_key;
        // [end]
        int from_others = 0;
        for (auto const& each : map(tokens, key_of)) from_others += each->fetched_by != ::getpid();
        auto const stats = keys.stats_of_process();
        std::printf("process %s: %llu keys fetched, %llu hits, %d of %zu answers from keys that another process fetched\n",
                    from_others == 0 ? "one" : "two", static_cast<unsigned long long>(stats.stored), static_cast<unsigned long long>(stats.hits),
                    from_others, tokens.size());
        std::fflush(stdout);
        return from_others;
    };

    auto const first = ::fork();
    if (first == 0) ::_exit(work());    // its entries outlive it, also when it is killed
    int status = 0;
    ::waitpid(first, &status, 0);
    auto const second = work();
    (void)shm_cache<std::string, public_key>::unlink(name);
    return status == 0 && second == 1'000 ? 0 : 1;
}
