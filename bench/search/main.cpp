// A hundred audit rules over collected files: all rules at once, with their fields, against ripgrep, which says lines alone, and against the
// least that one can do with Hyperscan; RE2::Set, PCRE2 rule by rule and Python's re line by line on the first part of the corpus.
//
// The corpus is generated from a seed, and read once before anything is timed. Patterns are compiled beforehand, but for ripgrep, which is
// timed as the program that it is: its own compiling is a few ms of some seconds.

#include <algorithm>     // sort
#include <cstdio>        // fprintf
#include <cstdlib>       // abort
#include <filesystem>    // the corpus
#include <string>        // names
#include <utility>       // exchange, pair
#include <vector>        // samples

#include <unistd.h>    // getpid
#include <xxhash.h>    // digests of results

#include <measure.hpp>
#include <python_script.hpp>

#include <muster/exec/thread_pool.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/search/hyperscan_engine.hpp>
#include <muster/workloads/search/pcre2_engine.hpp>
#include <muster/workloads/search/re2_engine.hpp>
#include <muster/workloads/search/scanner.hpp>
#include <muster/workloads/search/search_tree.hpp>

#include "corpus.hpp"
#include "problem.hpp"

namespace {

using namespace muster;
using namespace muster::searching;
using bench::patterns;

// Counts what it is given: what writing costs is another comparison's.
struct counting_sink {
    std::uint64_t rows = 0, bytes = 0;
    outcome<void> put(finding_place const&, finding const& what) {
        ++rows;
        for (auto const& field : what.fields) bytes += field.size();
        return {};
    }
};

class our_search {
public:
    explicit our_search(patterns const& by) {
        std::vector<rule> rules;
        for (auto const& each : by)
            rules.push_back({.name = "rule " + std::to_string(rules.size()), .regex = each.regex, .ignore_case = each.ignore_case});
        auto checked = rule_set::check(std::move(rules));
        for (auto const& fault : checked.faults) std::fprintf(stderr, "%s\n", fault.text.c_str());
        if (!checked.faults.empty()) std::abort();
        rules_ = std::move(checked.rules);
        compile_seconds = bench::seconds([&] {
            auto made = hyperscan_engine::make(rules_.patterns());
            if (!made) std::fprintf(stderr, "%s\n", to_string(made.error()).c_str()), std::abort();
            by_.push_back(std::move(*made));
        });
    }
    bench::search_run run(bench::corpus_files const& in, unsigned workers) const {
        tree_walk walk{{in.folder}};
        counting_sink sink;
        scanner const scan{rules_, by_.front()};
        bench::search_run out;
        auto const search = [&](auto const& stage, search_tree_options const& how) {
            out.seconds = bench::seconds([&] {
                auto const report = search_tree(walk, stage, rules_, sink, how);
                if (!report || !report->is_complete() || report->files != in.files.size()) std::abort();
            });
        };
        if (workers == 1) {
            search(scan, {.collect_beside = false});
        } else {
            thread_pool pool{workers};
            search(on{pool} | scan, {});
        }
        out.found = sink.rows;
        return out;
    }
    // Reading in blocks and telling which lines are worth a look, without looking.
    bench::search_run scan_stage(bench::corpus_files const& in) const {
        bench::search_run out;
        searching::detail::line_buffer buffer;
        std::vector<candidate> found;
        out.seconds = bench::seconds([&] {
            for (auto const& file : in.files) {
                auto opened = searching::detail::open_text(file);
                if (!opened) std::abort();
                searching::detail::text_source source{std::move(*opened), file};
                searching::detail::line_blocks blocks{source, buffer, text_encoding::bytes, 0, ~std::uint64_t{0}, 0};
                for (;;) {
                    auto const block = blocks.next();
                    if (!block) std::abort();
                    if (block->text.empty()) break;
                    found.clear();
                    if (!by_.front().scan(block->text, found)) std::abort();
                    out.found += found.size();
                }
            }
        });
        return out;
    }
    double compile_seconds = 0;

private:
    rule_set rules_;
    std::vector<engine> by_;
};

void compare(bench::report const& to, bench::corpus_files const& in, patterns const& by, std::string const& name, int rounds) {
    our_search const ours{by};
    bench::bare_hyperscan const bare{by};
    std::vector<double> ours_1, ours_2, ripgrep_1, ripgrep_2, bare_1, bare_2, stage;
    std::uint64_t found = 0, lines = 0, events = 0;
    bool has_ripgrep = true;
    for (int round = 0; round <= rounds; ++round) {    // the first is not counted
        auto const keep = [&](std::vector<double>& samples, bench::search_run const& run, std::uint64_t& count) {
            if (round != 0) samples.push_back(run.seconds);
            count = run.found;
        };
        std::uint64_t candidates = 0;
        keep(ours_1, ours.run(in, 1), found);
        if (has_ripgrep) {
            auto const run = bench::run_ripgrep(in, by, 1);
            has_ripgrep = run.has_value();
            if (run) keep(ripgrep_1, *run, lines);
        }
        keep(bare_1, bare.run(in, 1), events);
        keep(stage, ours.scan_stage(in), candidates);
        keep(ours_2, ours.run(in, 2), found);
        if (has_ripgrep)
            if (auto const run = bench::run_ripgrep(in, by, 2)) keep(ripgrep_2, *run, lines);
        keep(bare_2, bare.run(in, 2), events);
    }
    std::fprintf(stderr, "  %s: %llu findings, %llu lines by ripgrep, %llu events of Hyperscan\n", name.c_str(), static_cast<unsigned long long>(found),
                 static_cast<unsigned long long>(lines), static_cast<unsigned long long>(events));
    auto const speed = [&](std::vector<double> samples) {
        for (double& each : samples) each = static_cast<double>(in.bytes) / 1e6 / each;
        return samples;
    };
    to.figure(name + "_MB_per_second", speed(ours_1), "MB/s");
    to.figure(name + "_2_wide_MB_per_second", speed(ours_2), "MB/s");
    to.figure(name + "_hyperscan_MB_per_second", speed(bare_1), "MB/s");
    if (has_ripgrep) {
        to.figure(name + "_ripgrep_MB_per_second", speed(ripgrep_1), "MB/s");
        to.figure(name + "_against_ripgrep", bench::ratios(ripgrep_1, ours_1), "x");
        to.figure(name + "_2_wide_against_ripgrep_2_wide", bench::ratios(ripgrep_2, ours_2), "x");
    }
    to.figure(name + "_scan_stage_against_hyperscan", bench::ratios(bare_1, stage), "x");
    to.figure(name + "_2_wide_speedup", bench::ratios(ours_1, ours_2), "x");
    to.figure(name + "_hyperscan_2_wide_speedup", bench::ratios(bare_1, bare_2), "x");
    to.figure(name + "_compile_seconds", {ours.compile_seconds}, "s");
}

// PCRE2 on each line, rule by rule: what every engine is held against.
struct every_line {
    std::vector<std::uint32_t> all;
    outcome<void> scan(std::string_view, std::vector<candidate>&) const { return {}; }
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return all; }
    [[nodiscard]] std::string_view name() const noexcept { return "pcre2, line by line"; }
};
outcome<engine> on_every_line(std::span<line_pattern const> by) {
    every_line made;
    for (std::uint32_t i = 0; i < by.size(); ++i) made.all.push_back(i);
    return engine{std::move(made)};
}

// Tells whether two searches gave the same rows, in the same order.
struct digesting_sink {
    XXH3_state_t* state = XXH3_createState();
    std::uint64_t rows = 0;
    digesting_sink() { XXH3_128bits_reset(state); }
    digesting_sink(digesting_sink const&) = delete;
    ~digesting_sink() { XXH3_freeState(state); }
    void take(std::string_view text) {
        auto const size = text.size();
        XXH3_128bits_update(state, &size, sizeof size);
        XXH3_128bits_update(state, text.data(), size);
    }
    outcome<void> put(finding_place const& where, finding const& what) {
        ++rows;
        take(where.path);
        take(where.system.name);
        take(std::to_string(what.rule) + ' ' + std::to_string(what.line));
        take(what.text);
        for (auto const& field : what.fields) take(field);
        return {};
    }
    XXH128_hash_t digest() const { return XXH3_128bits_digest(state); }
};

// Every engine and every number of workers gives what PCRE2 alone gives.
void compare_results(bench::report const& to, bench::corpus_files const& in, patterns const& by, std::uint64_t bytes) {
    std::vector<rule> rules;
    for (auto const& each : by)
        rules.push_back({.name = "rule " + std::to_string(rules.size()), .regex = each.regex, .ignore_case = each.ignore_case});
    auto const set = rule_set::check(std::move(rules)).rules;
    struct first_files {    // of all folders some
        std::vector<walked_file> files;
        std::vector<walked_file> next(std::size_t, context const&) { return std::exchange(files, {}); }
    };
    first_files some;
    std::uint64_t sum = 0;
    for (std::size_t step = (in.bytes + bytes - 1) / bytes, i = 0; i < in.files.size(); i += step) {
        some.files.push_back({.file = in.files[i], .path = in.files[i], .bytes = std::filesystem::file_size(in.files[i])});
        sum += some.files.back().bytes;
    }
    auto const search = [&](auto make, unsigned workers) {
        auto made = make(set.patterns());
        if (!made) std::abort();
        thread_pool pool{workers};
        digesting_sink sink;
        auto files = some;
        auto const report = search_tree(files, on{pool} | scanner{set, std::move(*made)}, set, sink);
        if (!report || !report->is_complete()) std::abort();
        return std::pair{sink.digest(), sink.rows};
    };
    auto const expected = search(on_every_line, 2);
    double differ = 0;
    auto const hold = [&](char const* name, auto make) {
        for (unsigned const workers : {1u, 2u, 4u}) {
            auto const found = search(make, workers);
            if (XXH128_isEqual(found.first, expected.first)) continue;
            std::fprintf(stderr, "  %s with %u workers gives %llu rows\n", name, workers, static_cast<unsigned long long>(found.second));
            ++differ;
        }
    };
    hold("hyperscan", [](auto of) { return hyperscan_engine::make(of); });
    hold("re2", [](auto of) { return re2_engine::make(of); });
    hold("pcre2", [](auto of) { return pcre2_engine::make(of); });
    std::fprintf(stderr, "  %llu rows in %.1f MB\n", static_cast<unsigned long long>(expected.second), static_cast<double>(sum) / 1e6);
    to.figure("results_that_differ_from_pcre2_alone", {differ}, "");
}

// One after another they are too slow for all of it.
void compare_slow(bench::report const& to, bench::corpus_files const& in, patterns const& by, bench::python_script& python, std::uint64_t bytes) {
    auto const speed = [&](std::uint64_t limit, double seconds) {
        return std::vector<double>{static_cast<double>(bench::first_bytes(in, limit)) / 1e6 / seconds};
    };
    to.figure("100_rules_re2_set_MB_per_second", speed(bytes, bench::run_re2_set(in, by, bytes).seconds), "MB/s");
    to.figure("100_rules_pcre2_rule_by_rule_MB_per_second", speed(bytes, bench::run_pcre2(in, by, bytes).seconds), "MB/s");
    auto const patterns_file = in.folder + ".rules";
    if (auto* const out = std::fopen(patterns_file.c_str(), "w")) {
        for (auto const& each : by) std::fprintf(out, "%d%s\n", each.ignore_case, each.regex.c_str());
        std::fclose(out);
    }
    if (auto const seconds = python.ask(patterns_file + '\t' + in.folder + '\t' + std::to_string(bytes / 20)))
        to.figure("100_rules_python_re_MB_per_second", {*seconds}, "MB/s");
    std::filesystem::remove(patterns_file);
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    bench::python_script python{"bench/search/python_re.py"};
    auto const folder = std::filesystem::temp_directory_path() / ("muster-search-" + std::to_string(getpid()));
    struct removed {
        std::filesystem::path what;
        ~removed() {
            std::error_code ignored;
            std::filesystem::remove_all(what, ignored);
        }
    } const at_the_end{folder};

    bench::corpus_files in{.folder = folder.string(), .files = {}, .bytes = 0};
    auto const wanted = to.size(std::uint64_t{512} << 20, std::uint64_t{24} << 20);
    std::fprintf(stderr, "  generated in %.1f s\n", bench::seconds([&] { bench::search::write_corpus(in.folder, {.bytes = wanted}); }));
    for (auto const& each : std::filesystem::recursive_directory_iterator(folder))
        if (each.is_regular_file()) in.files.push_back(each.path().string()), in.bytes += each.file_size();
    std::sort(in.files.begin(), in.files.end());
    std::fprintf(stderr, "  %zu files, %.1f MB\n", in.files.size(), static_cast<double>(in.bytes) / 1e6);

    auto const hundred = bench::search::hundred_rules();
    auto const rounds = to.size(7, 1);
    compare(to, in, hundred, "100_rules", rounds);
    compare(to, in, {hundred.begin(), hundred.begin() + 10}, "10_rules", rounds);
    compare(to, in, {{.regex = "PermitRootLogin", .ignore_case = false}}, "1_rule", rounds);
    compare_results(to, in, hundred, to.size(std::uint64_t{128} << 20, std::uint64_t{2} << 20));
    compare_slow(to, in, hundred, python, to.size(std::uint64_t{64} << 20, std::uint64_t{1} << 20));
}
