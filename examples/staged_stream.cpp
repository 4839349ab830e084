// Cookbook: a stream of three stages, each with workers of its own; what fails goes to a file of dead letters, and from there through the
// same stages once more.
// ctest: build/failed_orders.jsonl

#include <atomic>        // a warehouse that comes up
#include <chrono>        // literals
#include <cstdio>        // printf, remove
#include <stdexcept>     // invalid_argument
#include <string>        // lines
#include <vector>        // lines

#include <muster/flow/dead_letters.hpp>    // not in the one include
#include <muster/flow/replay.hpp>          // the same
#include <muster/flow/stream.hpp>          // the same
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct order {
    std::string article;
    int pieces = 0;
};

order parse_order(std::string const& line) {
    auto const space = line.find(' ');
    if (space == std::string::npos) throw std::invalid_argument("no number of pieces in \"" + line + '"');
    return {line.substr(0, space), std::stoi(line.substr(space + 1))};
}

int main(int argc, char** argv) {
    std::string const file = argc > 1 ? argv[1] : "failed_orders.jsonl";
    std::remove(file.c_str());
    std::remove((file + ".replayed").c_str());

    std::vector<std::string> const lines{"bolts 200", "nuts 180", "washers", "screws 75", "hinges 12"};
    std::atomic<bool> open{false};
    auto const reserve = [&](order const& one) -> outcome<std::string> {
        if (one.article == "hinges" && !open) return failure{cause::unavailable, "the warehouse of " + one.article + " does not answer"};
        return one.article + ": " + std::to_string(one.pieces) + " pieces reserved";
    };

    // [sample 5]
    thread_pool pool;
    blocking_pool io{32};
    dead_letters dead{file};
    auto const flow = pipeline{
        named{"parse"}   | on{pool}                                                      | parse_order,
        named{"reserve"} | on{io, 32} | buffer{256} | deadline{20s} | retry{.attempts = 3, .delay = 1ms} | reserve,
        named{"print"}   | on{pool, 1} | buffer{64}                                      | [](std::string const& text) { return text + '\n'; }};
    for (std::string& text : stream(lines, flow, dead))    // pulling drives it; a full buffer stops what feeds it
        std::fputs(text.c_str(), stdout);                  // leaving the loop stops every stage and joins
    // [end]

    std::printf("%llu lines failed: see %s\n", static_cast<unsigned long long>(dead.stats().written), file.c_str());

    open = true;
    // [replay]
    replay<order> again{file, {.stage = "reserve"}};    // what failed there, once more
    for (auto const& text : map(again, on{io} | [&](replayed<order> const& each) {
             auto answer = reserve(each.item);
             auto const noted = answer ? again.done(each) : outcome<void>{};    // left out from now on
             return noted ? answer : noted.error();
         }))
        if (text) std::printf("%s after all\n", text->c_str());
    // [end]
    return dead.stats().written == 2 && dead.state() && again.stats().given == 1 ? 0 : 1;
}
