// Cookbook: a stream whose stages do not keep up, and what happens in front of each: tenants take turns, what waits goes to the disk, and
// what is too much is dropped and counted.
// ctest:

#include <chrono>     // literals
#include <cstddef>    // size_t
#include <cstdio>     // puts
#include <string>     // tenants
#include <vector>     // readings

#include <muster/flow/fair.hpp>             // not in the one include
#include <muster/flow/stream.hpp>           // the same
#include <muster/policy/drop_oldest.hpp>    // the same
#include <muster/policy/spill.hpp>          // the same
#include <muster/policy/throttle.hpp>       // the same
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct reading {
    std::string tenant;
    double value = 0;
};

int main() {
    std::vector<reading> readings;
    for (int i = 0; i < 2'000; ++i) readings.push_back({i % 10 == 0 ? "small" : "greedy", static_cast<double>(i % 100)});
    std::size_t stored = 0, alerts = 0;
    auto const score = [](reading const& one) { return one.value / 100; };
    auto const store = [&](double share) { return ++stored, share; };
    auto const alert = [&](double share) { return ++alerts, share; };
    auto const show = [](double) {};

    // [late stages]
    thread_pool pool;
    blocking_pool io{3};
    auto live = stream(readings, pipeline{
        named{"score"} | on{pool} | buffer{1'000} | fair{&reading::tenant}         | score,    // tenants take turns
        named{"store"} | on{io, 1} | spill{.memory = 64 * MiB}                     | store,    // what waits longer goes to the disk
        named{"alert"} | on{io, 1} | throttle{.items = 5, .per = 1min}             | alert,    // no more than that
        named{"show"}  | on{io, 1} | buffer{2} | drop_oldest{}                     | show});    // the newest alone is worth a look
    std::puts(to_string(live.drain()).c_str());    // read 2000, ..., dropped 1995: what was dropped where, and why
    // [end]

    auto const report = live.report();
    return stored == 2'000 && alerts == 5 && report.yielded + report.dropped == 2'000 && report.failed == 0 ? 0 : 1;
}
