// Cookbook: a run that may be killed at any moment: the lines of a file through a flow into SQLite, each counted once. Started again it goes on
// where it was committed; here it is stopped in the middle, and started again.
// ctest: build/durable_orders

#include <cstdio>          // printf
#include <filesystem>      // a folder
#include <fstream>         // the orders
#include <stdexcept>       // invalid_argument
#include <stop_token>      // stop_source
#include <string>          // paths
#include <string_view>     // lines

#include <muster/muster.hpp>

#include <muster/adapt/sqlite_journal.hpp>    // not in the one include
#include <muster/flow/file_lines.hpp>         // the same
#include <muster/flow/run.hpp>                // the same

using namespace muster;

// What is kept of a line: its value in cents.
long long price_of(std::string_view line) {
    auto const space = line.find(' ');
    if (space == std::string::npos) throw std::invalid_argument("no number of pieces in \"" + std::string{line} + '"');
    return std::stoll(std::string{line.substr(space + 1)}) * 125;
}

int main(int argc, char** argv) {
    std::filesystem::path const folder = argc > 1 ? argv[1] : "durable_orders";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    auto const orders = (folder / "orders.txt").string(), database = (folder / "orders.db").string();
    {
        std::ofstream out{orders};
        for (int i = 0; i < 10'000; ++i) out << "article" << i << (i % 1'000 == 999 ? "" : " 3") << '\n';
    }

    thread_pool pool;
    std::stop_source stop;
    auto const start = [&](run_options const& options, context cx) -> outcome<run_result> {
        // [durable]
        file_lines lines{orders};
        auto journal = sqlite_journal<>::open(cx, database);
        if (!journal) return journal.error();
        return run(lines, named{"price"} | on{pool} | price_of, *journal, options, cx);    // exactly once, 1,000 lines a commit
        // [end]
    };

    // Stopped after four commits, as a signal might do it. A kill -9 costs no more: what is not committed is done again.
    auto const first = start({.at = [&](run_point at, run_result const& so_far) {
                                  if (at == run_point::after_commit && so_far.commits == 4) stop.request_stop();
                              }},
                             context{stop.get_token()});
    auto const second = start({}, context{});
    for (auto const* each : {&first, &second}) {
        if (!*each) return std::fprintf(stderr, "%s\n", to_string(each->error()).c_str()), 1;
        auto const& done = **each;
        std::printf("from byte %llu to %llu: %llu lines, %llu kept, %llu dead letters, %llu commits%s\n", static_cast<unsigned long long>(done.resumed.at(0)),
                    static_cast<unsigned long long>(done.reached.at(0)), static_cast<unsigned long long>(done.in), static_cast<unsigned long long>(done.out),
                    static_cast<unsigned long long>(done.dead), static_cast<unsigned long long>(done.commits), done.stopped ? ", stopped" : "");
    }
    return (*first).stopped && (*first).in + (*second).in == 10'000 && (*first).out + (*second).out == 9'990 ? 0 : 1;
}
