// Router policies from bgpq4, in parallel: for each object and family one text, as bgpq4 itself would write it.
//
//   bgp_policies AS13335 AS15169 --server rr.ntt.net --format junos --out policies
//   bgp_policies --embedded-irr                  the bundled list, against a registry of its own on loopback
//
// Exit 0: all done (also "no prefixes"); 1: some failed; 2: the command line; 130 and 143: interrupted.
//
// ctest: --embedded-irr --quiet
// ctest: --embedded-irr --quiet -p 1 AS13335 AS-EXAMPLE-NESTED
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "command_line.hpp"

#include <muster/core/line_sink.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/core/settings.hpp>
#include <muster/os/atomic_file.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/cache/file_cache.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/workloads/bgp/bgpq4_version.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/generate_policies.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/policy_cache.hpp>
#include <muster/workloads/bgp/program_identity.hpp>
#include <muster/workloads/bgp/recorded_times.hpp>
#include <muster/workloads/bgp/request_list.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>

using namespace muster;

namespace {

constexpr int some_failed = 1;

// What the command line says, before it is checked.
struct arguments {
    std::vector<std::string> objects;
    std::string file, workers = "auto", server, sources, format = "junos", family = "both", out, cache, name, custom;
    std::string kind = "prefixes", neighbour;
    std::optional<unsigned> port, more_specific_from, more_specific_to, longest, depth;
    double deadline = 60, connections = 4, rate = 0, latency = 0, hours = 12;
    bool no_cache = false, json = false, embedded = false, quiet = false;
    bool reserved = false, aggregate = false, status = false, log = false;
};

template <class T>
T checked(outcome<T> parsed) {
    if (!parsed) refuse(parsed.error().text());
    return std::move(*parsed);
}

std::chrono::nanoseconds seconds_of(std::string_view option, double seconds, double most) {
    if (!(seconds > 0) || seconds > most)
        refuse(std::string{option} + " takes more than 0, at most " + std::to_string(static_cast<long>(most)));
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

std::uint8_t length_of(std::string_view option, unsigned value) {
    if (value < 1 || value > 128) refuse(std::string{option} + " takes 1 to 128");
    return static_cast<std::uint8_t>(value);
}

bgp::policy_options options_of(arguments const& said, std::optional<bgp::irr_server> embedded) {
    bgp::policy_options options;
    if (embedded) {
        if (!said.server.empty() || said.port) refuse("--embedded-irr is a server of its own: leave --server and --port out");
        options.server = *embedded;
    } else if (!said.server.empty() || said.port) {
        auto text = said.server.empty() ? options.server.host() : said.server;
        if (said.port) text += ':' + std::to_string(*said.port);
        options.server = checked(bgp::irr_server::parse(text));
    }
    if (!said.sources.empty()) options.sources = checked(bgp::source_list::parse(said.sources));
    options.format = checked(bgp::parse_output_format(said.format));
    if (!said.custom.empty()) options.custom = checked(bgp::output_template::parse(said.custom));
    for (auto const kind : {bgp::list_kind::path_from, bgp::list_kind::path_to, bgp::list_kind::as_set})
        if (said.kind == name_of(kind)) options.kind = kind;
    if (options.kind == bgp::list_kind::prefixes && said.kind != "prefixes")
        refuse("--kind takes prefixes, path-from, path-to or as-set");
    auto const reserved = said.reserved ? bgp::as_number::reserved::allow : bgp::as_number::reserved::refuse;
    if (!said.neighbour.empty()) options.neighbour = checked(bgp::as_number::parse(said.neighbour, reserved));
    options.aggregate = said.aggregate;
    if (said.more_specific_from) options.more_specific_from = length_of("-r", *said.more_specific_from);
    if (said.more_specific_to) options.more_specific_to = length_of("-R", *said.more_specific_to);
    if (said.longest) options.longest = length_of("-m", *said.longest);
    if (said.depth) options.depth = length_of("-L", *said.depth);
    return options;
}

// The list beside the sources: below the working directory, or below a folder that the program lies in.
std::string bundled_list(std::filesystem::path const& program) {
    std::error_code none;
    auto const name = std::filesystem::path{"examples"} / "data" / "as_numbers.txt";
    if (std::filesystem::exists(name, none)) return name.string();
    auto folder = std::filesystem::absolute(program, none).parent_path();
    for (; folder.has_relative_path(); folder = folder.parent_path())
        if (std::filesystem::exists(folder / name, none)) return (folder / name).string();
    refuse("the bundled list was not found: name objects, or a file of them with --file");
}

std::vector<bgp::request> requests_of(arguments const& said, bgp::policy_options const& options, char const* program) {
    if (said.family != "4" && said.family != "6" && said.family != "both") refuse("--family takes 4, 6 or both");
    bgp::request_list_options how;
    how.ipv4 = said.family != "6";
    how.ipv6 = said.family != "4" && options.kind == bgp::list_kind::prefixes;
    if (said.reserved) how.numbers = bgp::as_number::reserved::allow;

    std::vector<bgp::request> requests;
    auto const add = [&requests](std::vector<bgp::request> more) {
        for (auto& each : more) requests.push_back(std::move(each));
    };
    for (auto const& text : said.objects) add(checked(bgp::parse_request(text, how)));
    auto file = said.file;
    if (file.empty() && said.objects.empty()) {
        if (!said.embedded) refuse("no objects: name AS numbers or AS-SETs, or a file of them with --file");
        file = bundled_list(program);
    }
    if (file == "-") {
        add(checked(bgp::parse_request_list(std::cin, how)));
    } else if (!file.empty()) {
        std::ifstream in{file};
        if (!in) refuse("cannot read " + json_text(file));
        add(checked(bgp::parse_request_list(in, how)));
    }
    if (!said.name.empty()) {
        if (said.objects.size() != 1 || !said.file.empty()) refuse("--name goes with one object; a file names lists behind the objects");
        for (auto& each : requests) each.name = checked(bgp::policy_name::parse(said.name));
    }
    bgp::plan const plan{options};
    for (auto const& each : requests) static_cast<void>(checked(plan(each)));    // refused here, before anything starts
    return requests;
}

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Router policies from bgpq4, in parallel."};
    app.add_option("objects", said.objects, "AS numbers (AS13335, 13335, 2.10), AS-SETs and route-sets");
    app.add_option("--file", said.file, "a file of them, one a line; - is standard input");
    app.add_option("-p,--parallel", said.workers, "auto, or how many at once");
    app.add_option("--server", said.server, "host or host:port of the registry; bgpq4's own without it");
    app.add_option("--port", said.port, "its port");
    app.add_option("--sources", said.sources, "registries in order: RIPE,RADB");
    app.add_option("--format", said.format, "junos, ios, ios-xr, eos, bird, openbgpd, json, nokia, huawei, mikrotik7, ...");
    app.add_option("--template", said.custom, "with --format custom: %n/%l\\n");
    app.add_option("--family", said.family, "4, 6 or both");
    app.add_option("--name", said.name, "name of the list, with one object");
    app.add_option("--kind", said.kind, "prefixes, path-from, path-to or as-set");
    app.add_option("--neighbour", said.neighbour, "AS number, with path-from and path-to");
    app.add_flag("-A,--aggregate", said.aggregate, "aggregate prefixes");
    app.add_option("-r", said.more_specific_from, "more specific prefixes from this length");
    app.add_option("-R", said.more_specific_to, "more specific prefixes up to this length");
    app.add_option("-m", said.longest, "leave longer prefixes out");
    app.add_option("-L", said.depth, "how deep sets are followed");
    app.add_flag("--allow-reserved", said.reserved, "AS numbers that no public network has, too");
    app.add_option("--out", said.out, "folder for the files; without it the texts go to standard output");
    app.add_option("--cache", said.cache, "folder where answers, and how long they took, are remembered");
    app.add_option("--cache-hours", said.hours, "how long an answer is good");
    app.add_flag("--no-cache", said.no_cache, "ask anew, and remember nothing");
    app.add_option("--deadline", said.deadline, "seconds for each policy; then bgpq4 is killed");
    app.add_option("--connections", said.connections, "connections to the server at once");
    app.add_option("--rate", said.rate, "policies started in a second, at most");
    app.add_flag("--json", said.json, "the report as JSON on standard output, in place of the texts");
    app.add_flag("--quiet", said.quiet, "no progress, no report");
    app.add_flag("--log", said.log, "a line for each event on standard error");
    app.add_flag("--status", said.status, "say how a run would go, and end");
    app.add_flag("--embedded-irr", said.embedded, "ask a registry of its own, with bundled data");
    app.add_option("--latency", said.latency, "of its answers, in milliseconds");
    parse(app, argc, argv);
    return said;
}

void say_report(bgp::policy_report const& report, arguments const& said) {
    if (said.json) {
        std::string text;
        json_writer{text, 2}.value(report);
        std::puts(text.c_str());
    }
    if (!said.quiet && !said.json) std::fputs(to_text(report).c_str(), stderr);
    if (said.quiet && !said.json)
        for (auto const& row : report.rows)
            if (row.error) std::fprintf(stderr, "%s: %s\n", row.asked.text().c_str(), to_string(*row.error).c_str());
}

// Keeps the texts for standard output: they are printed in the order of the requests, whoever was first.
struct keep_text {
    std::vector<std::string>* texts;

    bgp::router_policy operator()(bgp::router_policy made, context& cx) const {
        (*texts)[cx.index()] = made.list.text;    // one writer for each place
        return made;
    }
};

int run(arguments const& said, char const* program) {
    std::optional<bgp::irr_responder> embedded;
    if (!(said.latency >= 0) || said.latency > 60'000) refuse("--latency takes 0 to 60000 milliseconds");
    if (said.embedded) {
        auto const latency = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::milli>{said.latency});
        embedded.emplace(bgp::irr_data::bundled(), bgp::irr_responder_options{.latency = latency});
    }
    auto const options = options_of(said, embedded ? std::optional{embedded->address()} : std::nullopt);
    auto const requests = requests_of(said, options, program);
    auto const deadline_after = seconds_of("--deadline", said.deadline, 86'400);
    auto const remembered_for = seconds_of("--cache-hours", said.hours * 3600, 1e9);
    if (!(said.connections >= 1) || said.connections > 4096) refuse("--connections takes 1 to 4096");
    if (said.rate < 0 || said.rate > 1e6) refuse("--rate takes more than 0, at most 1000000");

    stream_lines messages{stderr};
    settings const switches{{.complain = messages}};
    // More workers than connections would only wait.
    auto const workers = width_of("-p", said.workers, {.io_width = static_cast<std::size_t>(said.connections)});
    bgp::generate_options how{.workers = workers, .switches = &switches};
    if (said.log) how.log = messages;
    if (said.status) {
        std::puts(bgp::to_text(bgp::status(requests.size(), how)).c_str());
        return 0;
    }
    auto const there = bgp::program_identity(options.program);
    if (!there) {
        std::fprintf(stderr, "bgp_policies: %s (Debian: apt-get install bgpq4)\n", there.error().text().c_str());
        return some_failed;
    }
    if (!said.out.empty()) {
        std::error_code failed;
        std::filesystem::create_directories(said.out, failed);
        if (failed) refuse("cannot make the folder " + json_text(said.out) + ": " + failed.message());
        atomic_file::sweep(said.out);    // what killed runs left half written
    }

    terminal display;
    progress bar{display, {.title = "policies", .total = requests.size(), .quiet = said.quiet || said.json || said.log}};
    how.done = [&bar](bgp::policy_row const& row) { row.error ? bar.failed() : bar.advance(); };
    interrupts signals{{.say = display}};
    command_runner runner;
    bulkhead connections{said.connections};
    rate_limiter rate{{.permits = said.rate > 0 ? said.rate : 1e9, .per = std::chrono::seconds{1}}};

    // The flow: each stage is public, and other policies may stand between them.
    auto const ask = limit{connections} | limit{rate} | deadline{deadline_after} |
                     pipeline{bgp::run_bgpq4{runner}, bgp::judge};
    std::vector<std::string> texts(requests.size());
    context const cx{signals.token()};
    auto const run_with = [&](auto const& asking) {
        auto const start = [&](auto const& last) {
            auto const flow = pipeline{named{"plan"} | bgp::plan{options}, bgp::for_request{asking}, last};
            return bgp::generate_policies(requests, flow, how, cx);
        };
        if (said.out.empty()) return start(keep_text{&texts});
        return start(named{"write"} | bgp::write_policy{said.out, options});
    };
    auto const remembering = [&] {
        std::filesystem::create_directories(said.cache);
        file_cache files{std::filesystem::path{said.cache} / "answers", {.ttl = remembered_for}};
        bgp::policy_cache answers{files};
        // The version is remembered as well, for the program file as it is: a warm run starts no process.
        context asking_version = context::below(cx);
        auto const ask_version = [&](context& inner) -> outcome<bgp::policy_text> {
            auto found = bgp::bgpq4_version(runner, inner, options.program);
            if (!found) return std::move(found).error();
            return bgp::policy_text{.text = std::move(*found), .entries = 1};
        };
        auto const version = answers.get_or_compute("version of " + *there, asking_version, ask_version).value();
        auto const times_file = (std::filesystem::path{said.cache} / "times").string();
        auto times = bgp::recorded_times::load(times_file);
        how.times = &times;
        bgp::cache_key const key{version.text, embedded ? "embedded" : ""};
        auto report = run_with(named{"ask"} | cached{answers, key} | ask);
        if (auto const saved = times.save(times_file); !saved && !said.quiet)
            messages.put(id_of(bgp::event::times_not_saved) + ' ' + saved.error().text());
        how.times = nullptr;
        return report;
    };
    bool const remember = !said.cache.empty() && !said.no_cache;
    auto const report = remember ? remembering() : run_with(named{"ask"} | ask);

    bar.finish();
    if (!said.json)
        for (auto const& text : texts) std::fwrite(text.data(), 1, text.size(), stdout);
    say_report(report, said);
    if (signals.interrupted()) return signals.exit_code();
    return report.all_done() ? 0 : some_failed;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(read(argc, argv), argv[0]);
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "bgp_policies: %s\n", broken.what());
        return some_failed;
    }
}
