// Searches the collected outputs of many machines for audit rules: a hundred rules in one pass, and what they found as lines, CSV, JSON lines
// or Excel workbooks, one for each operating system.
//
//   audit_search --rules rules.yaml FOLDER...                         a line a finding: path:line: rule: text
//   audit_search --rules rules.yaml --workbooks reports --csv all.csv FOLDER...
//   audit_search --rules rules.yaml --check-rules                     says what is wrong with the rules, and searches nothing
//
// Ends 0 when everything was searched, 1 when something could not be (what and why is said; all else is in the results), 2 for a wrong
// command line or rules, 130 after Ctrl-C: what is complete by then is written, and what is missing is said.
// ctest: --rules examples/data/audit/rules/audit.yaml --quiet examples/data/audit/collection
// ctest: --rules examples/data/audit/rules/audit.yaml --json --parallel 1 --engine pcre2 examples/data/audit/collection
// ctest: --rules examples/data/audit/rules/audit.yaml --json --isolate examples/data/audit/collection
// ctest: --rules examples/data/audit/rules/audit.yaml --check-rules

#include <algorithm>        // min
#include <atomic>           // bytes that were searched
#include <chrono>           // seconds
#include <cstdint>          // uint64_t
#include <cstdio>           // stdout
#include <exception>        // exception
#include <map>              // systems
#include <mutex>            // lines
#include <optional>         // outputs that are not asked for
#include <string>           // paths
#include <thread>           // the first walk
#include <vector>           // rules

#include <CLI/CLI.hpp>      // the command line

#include "command_line.hpp"

#include <muster/muster.hpp>
#include <muster/cache/file_cache.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_main.hpp>
#include <muster/process/process_pool.hpp>
#include <muster/workloads/search/csv_writer.hpp>
#include <muster/workloads/search/json_lines_writer.hpp>
#include <muster/workloads/search/pcre2_engine.hpp>
#include <muster/workloads/search/portable_scan.hpp>
#include <muster/workloads/search/rules_file.hpp>
#include <muster/workloads/search/scanner.hpp>
#include <muster/workloads/search/search_tree.hpp>
#include <muster/workloads/search/tree_walk.hpp>

// What is not there is done without: another engine, no workbooks.
#if __has_include(<hs/hs.h>)
#    include <muster/workloads/search/hyperscan_engine.hpp>
#endif
#if __has_include(<re2/set.h>)
#    include <muster/workloads/search/re2_engine.hpp>
#endif
#if __has_include(<xlsxwriter.h>)
#    include <muster/workloads/formats/workbook.hpp>
#    include <muster/workloads/search/workbook_writer.hpp>
#endif

using namespace muster;
using namespace muster::searching;

namespace {

constexpr int incomplete = 1;

struct arguments {
    std::vector<std::string> folders, rules, ignore;
    std::string workers = "auto", engine = "auto", csv, json_lines, workbooks, cache;
    double deadline = 60;
    bool isolate = false, json = false, quiet = false, check = false, keep_going = false;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Searches collected files for audit rules. Ends 0 when everything was searched, 1 when something could not be, 2 for a wrong "
                 "command line or rules, 130 after Ctrl-C."};
    app.add_option("folders", said.folders, "folders with all that is below them, and files; links are not followed");
    app.add_option("-r,--rules", said.rules, "a file of rules in YAML; may be given again")->allow_extra_args(false)->required();
    app.add_option("--csv", said.csv, "a file for the findings as CSV");
    app.add_option("--json-lines", said.json_lines, "a file for the findings, a JSON object a line");
    app.add_option("--workbooks", said.workbooks, "a folder for Excel workbooks, one for each operating system, a sheet a rule");
    app.add_option("-p,--parallel", said.workers, "auto, or how many workers; 1: one after another, without threads");
    app.add_flag("--isolate", said.isolate, "in worker processes: what crashes there costs a piece of a file");
    app.add_option("--engine", said.engine, "auto, hyperscan, re2 or pcre2: all find the same")
        ->check(CLI::IsMember({"auto", "hyperscan", "re2", "pcre2"}));
    app.add_option("--cache", said.cache, "a folder for what Hyperscan compiled: the next start takes milliseconds; workers of --isolate have none");
    app.add_option("--ignore", said.ignore, "names, or paths below a folder, that are left out, as the shell's patterns; may be given again")
        ->allow_extra_args(false);
    app.add_option("--deadline", said.deadline, "seconds for 2 MiB of text; else 60")->check(CLI::Range(0.001, 86'400.0));
    app.add_flag("--check-rules", said.check, "says what is wrong with the rules, and searches nothing");
    app.add_flag("--keep-going", said.keep_going, "searches by the rules that are right, though others are not");
    app.add_flag("--json", said.json, "the report as JSON on standard output; no lines there");
    app.add_flag("-q,--quiet", said.quiet, "no progress, and no report but of what is missing; no lines");
    parse(app, argc, argv);
    if (said.folders.empty() != said.check) refuse("give folders to search, or --check-rules; see --help");
    return said;
}

file_cache* compiled_rules = nullptr;    // of --cache; a function is all that a worker process can be told

// The engines that this program was built with, the best first.
outcome<engine> by_hyperscan([[maybe_unused]] std::span<line_pattern const> patterns) {
#if __has_include(<hs/hs.h>)
    return hyperscan_engine::make(patterns, {.cache = compiled_rules});
#else
    return failure{cause::unavailable, "this program was built without Hyperscan (Debian: libhyperscan-dev or libvectorscan-dev)"};
#endif
}
outcome<engine> by_re2([[maybe_unused]] std::span<line_pattern const> patterns) {
#if __has_include(<re2/set.h>)
    return re2_engine::make(patterns);
#else
    return failure{cause::unavailable, "this program was built without RE2 (Debian: libre2-dev)"};
#endif
}
outcome<engine> by_pcre2(std::span<line_pattern const> patterns) { return pcre2_engine::make(patterns); }
outcome<engine> by_the_best(std::span<line_pattern const> patterns) {
    for (auto const make : {by_hyperscan, by_re2})
        if (auto made = make(patterns)) return made;
    return by_pcre2(patterns);
}

// Rules from all files; flaws are said.
struct read_in {
    rule_set rules;
    std::size_t flaws = 0;
};
read_in rules_from(std::vector<std::string> const& files) {
    std::vector<rule> rules;
    std::vector<rule_place> places;
    std::size_t flaws = 0;
    for (auto const& path : files) {
        auto read = read_rules(path);
        if (!read) refuse(read.error().text());
        for (auto const& flaw : read->flaws) std::fprintf(stderr, "%s\n", one_line(to_string(flaw)).c_str());
        if (read->more_flaws != 0) std::fprintf(stderr, "%s: %zu more\n", path.c_str(), read->more_flaws);
        flaws += read->flaws.size() + read->more_flaws;
        for (auto& each : read->rules) rules.push_back(std::move(each));
        for (auto& each : read->places) places.push_back(std::move(each));
    }
    std::vector<std::string> names;
    for (auto const& each : rules) names.push_back(each.name);
    auto checked = rule_set::check(std::move(rules));
    for (auto const& fault : checked.faults)
        std::fprintf(stderr, "%s\n", one_line(to_string(rule_flaw{places[fault.rule], names[fault.rule], fault.text})).c_str());
    return {std::move(checked.rules), flaws + checked.faults.size()};
}

// All that findings are written to.
class outputs {
public:
    outputs(arguments const& said, rule_set const& rules) : rules_(rules), lines_(!said.json && !said.quiet) {
        auto const open = [](auto& to, auto made) {
            if (!made) refuse(made.error().text());
            to.emplace(std::move(*made));
        };
        if (!said.csv.empty()) open(csv_, csv_writer::open(said.csv, rules));
        if (!said.json_lines.empty()) open(json_lines_, json_lines_writer::open(said.json_lines, rules));
        if (!said.workbooks.empty()) {
#if __has_include(<xlsxwriter.h>)
            open(workbooks_, workbook_writer<workbook>::open(said.workbooks, rules));
#else
            refuse("this program was built without libxlsxwriter (Debian: libxlsxwriter-dev), and writes no workbooks");
#endif
        }
        if (!said.csv.empty() || !said.json_lines.empty() || !said.workbooks.empty()) lines_ = false;
    }
    outcome<void> put(finding_place const& where, finding const& what) {
        ++by_system_[where.system.family];
        if (lines_ && !what.missing())
            std::printf("%s:%llu: %s: %s\n", one_line(where.path).c_str(), static_cast<unsigned long long>(what.line), rules_[what.rule].name.c_str(),
                        one_line(what.text).c_str());
        if (lines_ && what.missing()) std::printf("%s: %s: not found\n", one_line(where.path).c_str(), rules_[what.rule].name.c_str());
        return each([&](auto& to) { return to.put(where, what); });
    }
    outcome<void> finish() {
        if (std::fflush(stdout) != 0) return failure{cause::exhausted, "cannot write to standard output"};
        return each([](auto& to) -> outcome<void> {
            auto done = to.finish();
            if (!done) return std::move(done).error();
            return {};
        });
    }
    [[nodiscard]] std::map<system_family, std::uint64_t> const& by_system() const noexcept { return by_system_; }

private:
    template <class F>
    outcome<void> each(F const& call) {
        if (csv_)
            if (auto done = call(*csv_); !done) return done;
        if (json_lines_)
            if (auto done = call(*json_lines_); !done) return done;
#if __has_include(<xlsxwriter.h>)
        if (workbooks_)
            if (auto done = call(*workbooks_); !done) return done;
#endif
        return {};
    }

    rule_set rules_;
    bool lines_;
    std::map<system_family, std::uint64_t> by_system_;
    std::optional<csv_writer> csv_;
    std::optional<json_lines_writer> json_lines_;
#if __has_include(<xlsxwriter.h>)
    std::optional<workbook_writer<workbook>> workbooks_;
#endif
};

// A policy of this program's own: counts the text that is behind us, in KiB.
template <class Bar>
struct counted {
    using policy_concept = around_tag;
    Bar* bar;
    std::atomic<std::uint64_t>* bytes;

    auto around(auto const& next, context& cx, piece const& what) const {
        auto result = next(cx, what);
        auto const before = bytes->fetch_add(what.expected);
        bar->advance(((before + what.expected) >> 10) - (before >> 10));
        return result;
    }
};

void write_json(search_report const& report, rule_set const& rules, outputs const& to, std::string_view engine, double seconds) {
    std::string text;
    json_writer json{text, 2};
    json.object([&] {
        json.member("complete", report.is_complete()).member("engine", engine).member("seconds", seconds);
        json.member("files", report.files).member("binary", report.binary).member("failed", report.failed).member("not_reached", report.not_reached);
        json.member("bytes", report.bytes).member("lines", report.lines).member("long_lines", report.long_lines).member("findings", report.findings);
        json.member("rows_by_system", [&] {
            json.object([&] {
                for (auto const& [family, rows] : to.by_system()) json.member(name_of(family), rows);
            });
        });
        json.member("rules", [&] {
            json.array([&] {
                for (std::size_t i = 0; i < rules.size(); ++i)
                    json.value([&] {
                        auto const& tally = report.rules[i];
                        json.object([&] {
                            json.member("name", rules[i].name).member("findings", tally.findings).member("files", tally.files);
                            json.member("missing", tally.missing).member("repeated", tally.repeated).member("left_off", tally.left_off);
                            json.member("troubles", tally.troubles);
                        });
                    });
            });
        });
        json.member("troubles", [&] {
            json.array([&] {
                for (auto const& each : report.troubles)
                    json.value([&] {
                        json.object([&] {
                            json.member("path", each.path);
                            if (each.rule) json.member("rule", rules[*each.rule].name).member("line", each.line);
                            json.member("error", to_string(each.why));
                        });
                    });
            });
        });
        json.member("troubles_left_off", report.troubles_left_off);
    });
    std::puts(text.c_str());
}

void say(search_report const& report, rule_set const& rules, bool quiet, std::string_view engine, double seconds) {
    for (auto const& each : report.troubles) {
        auto const what = each.rule ? each.path + ":" + std::to_string(each.line) + ": " + rules[*each.rule].name + " gave up" : each.path;
        std::fprintf(stderr, "audit_search: %s: %s\n", one_line(what).c_str(), one_line(to_string(each.why)).c_str());
    }
    if (report.troubles_left_off != 0)
        std::fprintf(stderr, "audit_search: and %llu more\n", static_cast<unsigned long long>(report.troubles_left_off));
    if (report.stopped)
        std::fprintf(stderr, "audit_search: interrupted: %llu files that were seen, and all behind them, were not searched\n",
                     static_cast<unsigned long long>(report.not_reached));
    if (quiet) return;
    std::fprintf(stderr, "%llu findings in %llu files, %.1f MB, %llu lines, in %.2f s by %s; %llu binary files left out, %llu failed\n",
                 static_cast<unsigned long long>(report.findings), static_cast<unsigned long long>(report.files),
                 static_cast<double>(report.bytes) / 1e6, static_cast<unsigned long long>(report.lines), seconds, std::string{engine}.c_str(),
                 static_cast<unsigned long long>(report.binary), static_cast<unsigned long long>(report.failed));
}

int run(arguments const& said) {
    auto const workers = width_of("-p", said.workers);
    auto const asked = rules_from(said.rules);
    auto const& rules = asked.rules;
    auto const flaws = asked.flaws;
    if (said.check) {
        std::printf("%zu rules are right, %zu flaws\n", rules.size(), flaws);
        return flaws != 0 ? usage : 0;
    }
    if (flaws != 0 && !said.keep_going) refuse(std::to_string(flaws) + " flaws in the rules; --keep-going searches by those that are right");
    if (rules.size() == 0) refuse("there is no rule to search by");

    std::optional<file_cache> cache;
    if (!said.cache.empty()) compiled_rules = &cache.emplace(said.cache);
    engine_function const make = said.engine == "hyperscan" ? by_hyperscan
                                 : said.engine == "re2"     ? by_re2
                                 : said.engine == "pcre2"   ? by_pcre2
                                                            : by_the_best;
    auto by = make(rules.patterns());
    if (!by) refuse("the engine " + said.engine + " cannot be used: " + by.error().text());

    terminal screen;
    settings const switches{{.complain = screen}};
    interrupts signals{{.say = screen}};
    context const until_stopped{signals.token()};
    progress bar{screen, {.title = "searching (KiB)", .quiet = said.quiet || said.json, .stop = signals.token()}};
    std::atomic<std::uint64_t> bytes{0};
    tree_walk_options const walking{.ignore = said.ignore};
    std::jthread const measuring{[&](std::stop_token const& stop) {    // how much there is, while the search runs
        tree_walk all{said.folders, walking};
        std::uint64_t sum = 0;
        context const until{stop};
        for (auto files = all.next(1'000, until); !files.empty(); files = all.next(1'000, until))
            for (auto const& file : files) sum += file.bytes;
        if (!stop.stop_requested()) bar.expect(static_cast<std::size_t>(sum >> 10));
    }};

    outputs to{said, rules};
    tree_walk walk{said.folders, walking};
    auto const one_by_one = workers.fixed() == std::size_t{1};
    search_tree_options const how{.collect_beside = !one_by_one};
    auto const before = counted<progress<terminal>>{&bar, &bytes} | deadline{std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{said.deadline})};
    auto const started = std::chrono::steady_clock::now();
    auto const report = [&]() -> outcome<search_report> {
        if (said.isolate) {
            process_pool cells{{.workers = workers.fixed().value_or(0)}};
            thread_pool callers{workers.fixed().value_or(0)};
            auto const here = [&](auto const& scan) {
                return search_tree(walk, on{callers, workers, switches} | before | isolate{cells} | scan, rules, to, how, until_stopped);
            };
            if (said.engine == "hyperscan") return here(portable_scan<by_hyperscan>(rules.rules()));
            if (said.engine == "re2") return here(portable_scan<by_re2>(rules.rules()));
            if (said.engine == "pcre2") return here(portable_scan<by_pcre2>(rules.rules()));
            return here(portable_scan<by_the_best>(rules.rules()));
        }
        scanner const scan{rules, *by};
        if (one_by_one) return search_tree(walk, before | scan, rules, to, how, until_stopped);
        thread_pool pool{workers.fixed().value_or(0)};
        return search_tree(walk, on{pool, workers, switches} | before | scan, rules, to, how, until_stopped);
    }();
    bar.finish();
    if (!report) {
        std::fprintf(stderr, "audit_search: %s\n", to_string(report.error()).c_str());
        return incomplete;
    }
    auto const written = to.finish();
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    if (said.json) write_json(*report, rules, to, by->name(), seconds);
    else say(*report, rules, said.quiet, by->name(), seconds);
    if (!written) {
        std::fprintf(stderr, "audit_search: %s\n", to_string(written.error()).c_str());
        return incomplete;
    }
    if (signals.interrupted()) return signals.exit_code();
    return report->is_complete() ? 0 : incomplete;
}

}  // namespace

int main(int argc, char** argv) {
    process_main const start{argc, argv};
    try {
        return run(read(argc, argv));
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "audit_search: %s\n", broken.what());
        return incomplete;
    }
}
