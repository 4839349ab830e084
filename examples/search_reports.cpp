// Cookbook: audit rules over collected files, and an Excel workbook for each operating system.
// ctest:

#include <cstdio>        // printf
#include <filesystem>    // the folder of reports
#include <string>        // paths

#include <muster/muster.hpp>
#include <muster/workloads/formats/workbook.hpp>
#include <muster/workloads/search/hyperscan_engine.hpp>
#include <muster/workloads/search/rules_file.hpp>
#include <muster/workloads/search/scanner.hpp>
#include <muster/workloads/search/search_tree.hpp>
#include <muster/workloads/search/tree_walk.hpp>
#include <muster/workloads/search/workbook_writer.hpp>

using namespace muster;
using namespace muster::searching;
using namespace std::chrono_literals;

int main() {
    std::filesystem::create_directories("build");
    std::string const rules_path = "examples/data/audit/rules/audit.yaml", collected = "examples/data/audit/collection", folder = "build/reports";

    // [search]
    auto const read = read_rules(rules_path).value();    // YAML; of each flaw its file, line and column
    auto const rules = rule_set::check(read.rules).rules;
    scanner const audit{rules, hyperscan_engine::make(rules.patterns()).value()};    // one pass for all; PCRE2 takes fields

    thread_pool pool;
    tree_walk files{{collected}};
    auto reports = workbook_writer<workbook>::open(folder, rules).value();          // written while the search still runs
    auto const report = search_tree(files, on{pool} | deadline{10s} | audit, rules, reports).value();
    auto const books = reports.finish().value();
    for (auto const& book : books)
        std::printf("%s: %llu rows\n", book.path.c_str(), static_cast<unsigned long long>(book.rows));
    for (auto const& trouble : report.troubles)                                     // a file that could not be read, a regex that gave up
        std::fprintf(stderr, "%s: %s\n", trouble.path.c_str(), to_string(trouble.why).c_str());
    // [end]
    return report.is_complete() && report.files == 36 && report.findings > 100 ? 0 : 1;
}
