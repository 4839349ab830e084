// Cookbook: answers with an age. A cache is filled in parallel; later, what is late is given out while one call makes a newer one, and
// chosen failures are remembered for a moment.
// ctest:

#include <atomic>          // counting
#include <chrono>          // ages
#include <cstdio>          // printf
#include <string>          // keys
#include <system_error>    // errc
#include <vector>          // items

#include <muster/cache/memory_cache.hpp>
#include <muster/flow/warm.hpp>
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

int main() {
    std::atomic<int> looked_up{0};
    auto const look_up = [&](std::string const& host) -> outcome<std::string> {
        ++looked_up;
        if (host == "nowhere.example") return failure{cause::invalid_input, "there is no such host"};
        return "address of " + host;
    };
    std::vector<std::string> hosts;
    for (int i = 0; i < 100; ++i) hosts.push_back("host" + std::to_string(i % 50) + ".example");
    hosts.push_back("nowhere.example");
    thread_pool pool{8};

    // [renewed]
    memory_cache<std::string, remembered<std::string>> known{{.entries = 10'000}};
    auto names = cached{known, {.fresh_for = 10min, .stale_for = 1h, .ahead = 0.1, .jitter = 0.1,
                                .failures = [](failure const& why) { return why.code() == cause::invalid_input; }}};
    auto const filled = warm(names, hosts, on{pool} | look_up);    // once each, 8 at a time
    auto address_of = names | retry{.attempts = 3} | look_up;
    // [end]

    auto const found = map(hosts, on{pool} | address_of);
    std::size_t good = 0;
    for (auto const& each : found) good += each.has_value();
    std::printf("%zu were there at first, %zu made, %zu failed; %d calls for %zu hosts; %zu answers\n", filled.there, filled.computed, filled.failed(),
                looked_up.load(), hosts.size(), good);
    return looked_up == 51 && good == 100 ? 0 : 1;
}
