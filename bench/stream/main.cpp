// Streams of three stages, by what runs them: a plain loop, muster without and with workers, oneTBB's parallel_pipeline, and bounded
// queues of a mutex and two condition variables. How long an item takes where they are half busy. Batches of an automatic size against
// those of fixed ones. And durable runs, exactly once, against the same rows by SQLite alone.

#include <cstdio>     // stderr
#include <cstdlib>    // exit
#include <filesystem>    // a folder
#include <string>     // names
#include <vector>     // contenders

#include <unistd.h>    // getpid

#include "batch.hpp"
#include "durable.hpp"
#include "latency.hpp"
#include "problem.hpp"

namespace {

using namespace bench::stream;
double items_a_second(rival const& one, std::size_t items, work each, std::uint64_t right) {
    std::uint64_t sum = 0;
    auto const took = bench::seconds([&] { sum = one.run(items, each); });
    if (sum != right) {
        std::fprintf(stderr, "stream: %s lost or changed an item\n", one.name);
        std::exit(1);
    }
    return static_cast<double>(items) / took;
}

void compare(bench::report const& report, std::string const& kind, work each, std::size_t items, int rounds) {
    auto const& all = bench::rivals<rival>();
    auto const right = expected(items);
    std::vector<bench::contender> contenders;
    for (auto const& one : all) contenders.push_back({one.name, [&, one] { return items_a_second(one, items, each, right); }});
    auto const samples = bench::interleaved(contenders, rounds);
    for (std::size_t i = 0; i < all.size(); ++i) report.figure(kind + "_" + all[i].name, samples[i], "items/s");
    auto const ratio = [&](char const* name, std::string const& of, std::string const& to) {
        std::vector<double> const* found[2]{};
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (of == all[i].name) found[0] = &samples[i];
            if (to == all[i].name) found[1] = &samples[i];
        }
        if (found[0] && found[1]) report.figure(kind + name, bench::ratios(*found[0], *found[1]), "x");
    };
    ratio("_threads_against_onetbb", "muster_threads", "onetbb");
    ratio("_in_order_against_onetbb", "muster_in_order", "onetbb_in_order");
    ratio("_threads_against_mutex_queues", "muster_threads", "mutex_queues");
    ratio("_threads_against_plain_loop", "muster_threads", "plain_loop");
}

// An automatic size against the fixed one that is best.
void compare_batches(bench::report const& report, std::string const& kind, double (*run)(std::size_t, std::size_t)) {
    auto const items = report.size<std::size_t>(50'000, 500);
    std::vector<std::size_t> const sizes{0, 5, 20, 50, 100};
    std::vector<bench::contender> contenders;
    for (auto const size : sizes) contenders.push_back({"batches", [=] { return run(items, size); }});
    auto const samples = bench::interleaved(contenders, report.size(9, 1));
    std::size_t best = 1;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        report.figure(kind + (sizes[i] == 0 ? "_automatic" : "_of_" + std::to_string(sizes[i])), samples[i], "items/s");
        if (i != 0 && bench::median(samples[i]) > bench::median(samples[best])) best = i;
    }
    report.figure(kind + "_automatic_against_best_fixed", bench::ratios(samples[0], samples[best]), "x");
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    auto const rounds = report.size(15, 1);
    compare(report, "tiny", work{0}, report.size<std::size_t>(300'000, 2'000), rounds);
    compare(report, "microsecond", work{1'000}, report.size<std::size_t>(50'000, 500), rounds);
    compare(report, "20_microseconds", work{20'000}, report.size<std::size_t>(3'000, 100), rounds);

    // Three stages of 10 us each: at half of what one stage after another takes on two cores.
    work const each{10'000};
    std::size_t const some = report.size<std::size_t>(2'000, 100);
    auto const capacity = [&] {
        for (auto const& one : bench::rivals<rival>())
            if (one.name == std::string{"muster_threads"}) return items_a_second(one, some, each, expected(some));
        return 0.0;
    }();
    std::vector<double> p50, p99, bare_p50, bare_p99;
    for (int i = 0; i < report.size(11, 1); ++i) {
        auto const count = report.size<std::size_t>(20'000, 100);
        auto const took = latencies(count, capacity / 2, each), bare = latencies_of_mutex_queues(count, capacity / 2, each);
        p50.push_back(bench::quantile(took, 0.5));
        p99.push_back(bench::quantile(took, 0.99));
        bare_p50.push_back(bench::quantile(bare, 0.5));
        bare_p99.push_back(bench::quantile(bare, 0.99));
    }
    report.figure("half_capacity", {capacity / 2}, "items/s");
    report.figure("half_capacity_p50_ms", p50, "ms");
    report.figure("half_capacity_p99_ms", p99, "ms");
    report.figure("half_capacity_mutex_queues_p50_ms", bare_p50, "ms");
    report.figure("half_capacity_mutex_queues_p99_ms", bare_p99, "ms");
    report.figure("half_capacity_p99_against_mutex_queues", bench::ratios(p99, bare_p99), "x");

    compare_batches(report, "batch_map", map_in_batches);
    compare_batches(report, "batch_stream", stream_in_batches);

    auto const folder = std::filesystem::temp_directory_path() / ("muster-bench-stream-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    auto const lines = (folder / "lines").string(), database = (folder / "db").string();
    write_lines(lines, report.size<std::size_t>(50'000, 500));
    for (bool const power_safe : {false, true})
        for (std::size_t const batch : {100U, 1'000U}) {
            auto const name = std::string{power_safe ? "full" : "normal"} + "_sync_batches_of_" + std::to_string(batch);
            std::vector<bench::contender> const both{{"bare_sqlite", [&] { return bare_sqlite(lines, database, batch, power_safe); }},
                                                     {"durable_run", [&] { return durable_run(lines, database, batch, power_safe); }}};
            auto const samples = bench::interleaved(both, report.size(7, 1));
            report.figure(name + "_bare_sqlite", samples[0], "lines/s");
            report.figure(name + "_durable_run", samples[1], "lines/s");
            report.figure(name + "_run_against_bare", bench::ratios(samples[1], samples[0]), "x");
        }
    std::filesystem::remove_all(folder);
}
