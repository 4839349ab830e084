// Asks a language model about each node of an XML document, and keeps one row of facts per node: within the endpoint's limits, and so that
// a run that is killed or stopped is taken up again without paying twice.
//
//   OPENAI_API_KEY=... llm_discover --url https://api.openai.com/v1 --model gpt-4o-mini --store facts.db order.xml
//   llm_discover --embedded-endpoint --latency 50 order.xml          against an endpoint of its own, without a model or a key
//   llm_discover --serve                                             that endpoint alone, for others to ask, until Ctrl-C
//   llm_discover ... --log run.log --settings muster.conf             a line for each event; kill -HUP after a change of MUSTER_MAX_WORKERS or
//                                                                    MUSTER_DISABLE_PARALLEL there: it holds from the next node on
//
// Ends 0 when every node has its facts, 1 when some have not (how many and why is said; what is there is in the store, and the same
// command asks for the rest), 2 for a wrong command line or document, 130 after Ctrl-C.
// ctest: --embedded-endpoint --latency 5 --json examples/data/orders/order_view.xml
// ctest: --embedded-endpoint --preset debug --quiet examples/data/orders/iata_order_view.xml
// ctest: --embedded-endpoint --adaptive --most-memory 4096 --quiet examples/data/orders/order_view.xml
// ctest: --embedded-endpoint --log - --json --only OrderItem examples/data/orders/iata_order_view.xml
// ctest: --embedded-endpoint --azure --requests-per-minute 60000 --quiet --only OrderItem examples/data/orders/order_view.xml

#include <algorithm>      // min, max
#include <charconv>       // from_chars
#include <chrono>         // deadlines
#include <cstdint>        // uint64_t
#include <cstdio>         // stderr
#include <cstdlib>        // exit
#include <ctime>          // gmtime_r
#include <exception>      // exception
#include <filesystem>     // a store for once
#include <fstream>        // instructions, schema
#include <functional>     // what a hang-up does
#include <iterator>       // istreambuf_iterator
#include <limits>         // no bound
#include <memory>         // a log file
#include <optional>       // the embedded endpoint
#include <string>         // texts
#include <string_view>    // lines
#include <system_error>   // error_code
#include <utility>        // move
#include <vector>         // nodes

#include <unistd.h>       // getpid

#include <CLI/CLI.hpp>    // the command line

#include "command_line.hpp"

#include <muster/adapt/fiber_thread.hpp>
#include <muster/adapt/http_client.hpp>
#include <muster/core/env_file.hpp>
#include <muster/gate/adaptive_bulkhead.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/memory_gate.hpp>
#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/workloads/formats/xml_linker.hpp>
#include <muster/workloads/formats/xml_splitter.hpp>
#include <muster/workloads/llm/client.hpp>
#include <muster/workloads/llm/count_tokens.hpp>
#include <muster/workloads/llm/discovery.hpp>
#include <muster/workloads/llm/event_line.hpp>
#include <muster/workloads/llm/fact_store.hpp>
#include <muster/workloads/llm/quota.hpp>
#include <muster/workloads/llm/responder.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {

constexpr int incomplete = 1;

struct arguments {
    std::string document, url, model = "gpt-4o-mini", api_version = "2024-10-21", key_variable = "OPENAI_API_KEY", store, preset = "production";
    std::string instructions_file, schema_file, settings_file, log_file;
    std::vector<std::string> only, paths;
    std::size_t in_flight = 0;
    unsigned attempts = 4;
    double requests_per_minute = 0, tokens_per_minute = 0, deadline = 0, call_deadline = 120, latency = 20;
    std::uint64_t max_tokens = 0, quota = 0, most_memory = 0;
    env_file variables{};    // of the environment, and of --env-file behind it
    bool adaptive = false, azure = false, embedded = false, serve = false, json = false, quiet = false, again = false, retry_failed = false;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Asks a language model about each node of an XML document. Ends 0 when every node has its facts, 1 when some have not, 2 for a "
                 "wrong command line or document, 130 after Ctrl-C. The key is read from the environment or --env-file alone, and never "
                 "stored or shown."};
    std::string variables_file;
    app.add_option("document", said.document, "the XML document: an order of either shape, or any with --path");
    app.add_option("--url", said.url, "the endpoint up to /v1; of Azure up to the host");
    app.add_option("--model", said.model, "the model, or Azure's deployment; else gpt-4o-mini");
    app.add_flag("--azure", said.azure, "the endpoint is Azure's");
    app.add_option("--api-version", said.api_version, "of Azure's API; else 2024-10-21");
    app.add_option("--key-variable", said.key_variable, "the environment variable with the key; else OPENAI_API_KEY");
    app.add_option("--env-file", variables_file, "a file of NAME=VALUE lines, as .env, for variables that the environment does not have");
    app.add_option("--settings", said.settings_file, "a file with MUSTER_MAX_WORKERS and MUSTER_DISABLE_PARALLEL, which lower --in-flight; read again at "
                                                     "a SIGHUP, for the next node; else what MUSTER_SETTINGS_FILE names");
    app.add_option("--log", said.log_file, "a file to which a line is added for each event; -: standard error");
    app.add_option("--store", said.store, "the SQLite file for the facts; else the document's name with .facts.db; with --embedded-endpoint none is kept");
    app.add_option("--path", said.paths, "which elements are nodes, as in Order/OrderItem or DataLists/*/*; may be given again")->allow_extra_args(false);
    app.add_option("--only", said.only, "of the nodes those with this name; may be given again")->allow_extra_args(false);
    app.add_option("--instructions", said.instructions_file, "a file with what the model is told before each node");
    app.add_option("--schema", said.schema_file, "a file with the JSON schema of its answer, an object whose members are the facts");
    app.add_option("--preset", said.preset, "production, 10 at a time; conservative, 5; debug, 1: one node after another")
        ->check(CLI::IsMember({"production", "conservative", "debug"}));
    app.add_option("--in-flight", said.in_flight, "nodes that are asked about at a time, in place of the preset's")
        ->check(CLI::Range(1, 10'000))->envname("MUSTER_LLM_IN_FLIGHT");
    app.add_flag("--adaptive", said.adaptive, "learns how many the endpoint can take at a time, up to --in-flight, from how long its answers take");
    app.add_option("--most-memory", said.most_memory, "MiB that this program may hold when one more node is asked about; else any")->check(CLI::PositiveNumber);
    app.add_option("--attempts", said.attempts, "requests for one node at most; else 4")->check(CLI::Range(1, 100));
    app.add_option("--requests-per-minute", said.requests_per_minute, "the endpoint's limit; else what its answers state, or its refusals teach")
        ->check(CLI::PositiveNumber);
    app.add_option("--tokens-per-minute", said.tokens_per_minute, "the endpoint's limit; else what its answers state")->check(CLI::PositiveNumber);
    app.add_option("--max-tokens", said.max_tokens, "of an answer")->check(CLI::PositiveNumber);
    app.add_option("--call-deadline", said.call_deadline, "seconds for one request; else 120")->check(CLI::Range(0.001, 86'400.0));
    app.add_option("--deadline", said.deadline, "seconds for all; what is done by then is kept")->check(CLI::Range(0.001, 8'640'000.0));
    app.add_flag("--retry-failed", said.retry_failed, "asks again about nodes that failed in an earlier run");
    app.add_flag("--again", said.again, "asks about all nodes once more, though an earlier run has done them");
    app.add_flag("--embedded-endpoint", said.embedded, "asks an endpoint of this program's own on loopback, which costs nothing and knows nothing");
    app.add_option("--latency", said.latency, "milliseconds that the embedded endpoint takes; else 20")->check(CLI::Range(0.0, 60'000.0));
    app.add_option("--quota", said.quota, "answers after which the embedded endpoint says that the quota is spent; else none")->check(CLI::PositiveNumber);
    app.add_flag("--serve", said.serve, "runs the embedded endpoint alone, says its URL, and at Ctrl-C what it was asked");
    app.add_flag("--json", said.json, "the report as JSON on standard output");
    app.add_flag("-q,--quiet", said.quiet, "no progress, and no report but of what is missing");
    parse(app, argc, argv);
    if (!variables_file.empty()) {
        auto read = env_file::read(variables_file);
        if (!read) refuse(read.error().text());
        said.variables = std::move(*read);
    }
    if (said.serve) return said;
    if (said.document.empty()) refuse("give a document; see --help");
    if (said.embedded == !said.url.empty()) refuse("give --url, or --embedded-endpoint; see --help");
    if (auto const number = said.variables.find("MUSTER_LLM_IN_FLIGHT"); number && said.in_flight == 0) {
        auto const* const end = number->data() + number->size();
        auto const read = std::from_chars(number->data(), end, said.in_flight);
        if (read.ec != std::errc{} || read.ptr != end || said.in_flight < 1 || said.in_flight > 10'000)
            refuse("MUSTER_LLM_IN_FLIGHT in the --env-file is a whole number from 1 to 10000");
    }
    if (said.in_flight == 0) said.in_flight = said.preset == "production" ? 10 : said.preset == "conservative" ? 5 : 1;
    if (said.store.empty()) said.store = said.embedded ? "" : said.document + ".facts.db";
    return said;
}

std::string text_of_file(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) refuse("cannot read " + json_text(path));
    return {std::istreambuf_iterator<char>{in}, {}};
}

template <class T>
T need(outcome<T> got) {
    if (!got) refuse(got.error().text());
    return std::move(*got);
}

// The nodes with what they refer to; one that is too large is said, and the others are asked about.
std::vector<llm::asked_node> nodes_of(arguments const& said) {
    auto const document = need(xml::document::open(said.document));
    auto rule = said.paths.empty() ? xml::split_rule{} : need(xml::split_rule::paths(said.paths));
    if (!said.only.empty()) rule = rule.only(said.only);
    xml::splitter split{document, rule};
    std::vector<xml::node> found;
    while (auto each = split.next()) {
        if (*each) found.push_back(std::move(**each));
        else if (!split.is_complete() && each->error().is(cause::invalid_input)) refuse(each->error().text());
        else std::fprintf(stderr, "llm_discover: %s\n", one_line(to_string(each->error())).c_str());
    }
    if (!split.is_complete()) refuse("the document was not read to its end");
    auto const ids = split.take_ids();
    xml::linker const links{document, ids};
    std::vector<llm::asked_node> out;
    for (auto& each : found) {
        llm::asked_node made{.number = each.position, .name = each.id.empty() ? each.path : each.path + '#' + each.id};
        made.text = need(links.link(std::move(each))).text();
        out.push_back(std::move(made));
    }
    if (out.empty()) refuse("the document has no such node");
    return out;
}

// A store that nobody has asked for, gone at the end.
struct scratch_file {
    std::string path = (std::filesystem::temp_directory_path() / ("muster-llm-" + std::to_string(::getpid()) + ".db")).string();
    scratch_file() = default;
    scratch_file(scratch_file const&) = delete;
    ~scratch_file() {
        std::error_code ignored;
        for (auto const* const end : {"", "-wal", "-shm", "-lock"}) std::filesystem::remove(path + end, ignored);
    }
};

// Lines behind the time at which they came.
class stamped_lines {
public:
    explicit stamped_lines(std::FILE* to) : to_(to) {}
    void put(std::string_view line) {
        auto const now = std::chrono::system_clock::now();
        auto const seconds = std::chrono::system_clock::to_time_t(now);
        auto const milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1'000;
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        char text[64];
        auto const size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
        std::snprintf(text + size, sizeof text - size, ".%03dZ ", static_cast<int>(milliseconds));
        to_.put(text + std::string{line});
    }

private:
    stream_lines to_;
};

llm::api_key key_of(arguments const& said) {
    auto const value = said.variables.get(said.key_variable);
    if (!value || value->empty())
        refuse(said.key_variable + " is not set: keys are given in the environment, or in the file that --env-file names");
    return need(llm::api_key::of(*value, said.key_variable));
}

llm::responder_options endpoint_options(arguments const& said) {
    llm::responder_options out;
    out.latency = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::milli>{said.latency});
    out.requests_per_second = said.requests_per_minute / 60;
    out.request_burst = 10;
    if (said.quota != 0) out.quota = said.quota;
    return out;
}

int serve(arguments const& said) {
    llm::responder const endpoint{endpoint_options(said)};
    terminal screen;
    interrupts signals{{.say = screen}};
    std::printf("%s\n", (said.azure ? endpoint.azure_url() : endpoint.url()).c_str());
    std::fflush(stdout);
    wait_point nobody;
    (void)context{signals.token()}.wait(nobody);
    auto const stats = endpoint.stats();
    std::uint64_t most = 0;
    auto const prompts = endpoint.prompts();
    for (auto const& [prompt, record] : prompts) most = std::max(most, record.asked);
    std::string text;
    json_writer json{text};
    json.object([&] {
        json.member("requests", stats.requests).member("answered", stats.answered(200)).member("prompts", prompts.size());
        json.member("most_asked", most).member("in_flight_peak", stats.in_flight_peak).member("malformed", stats.malformed);
    });
    std::puts(text.c_str());
    return 0;
}

int run(arguments const& said) {
    if (said.serve) return serve(said);
    auto const nodes = nodes_of(said);
    std::string const schema_text = said.schema_file.empty() ? std::string{llm::responder::schema()} : text_of_file(said.schema_file);
    std::string const instructions = said.instructions_file.empty()
                                         ? "You are given one node of an XML document, and the elements that it refers to. Answer with the facts "
                                           "that it states, as JSON of the given schema. State nothing that is not there."
                                         : text_of_file(said.instructions_file);
    auto const schema = need(json_schema::parse(schema_text));

    std::optional<llm::responder> embedded;
    llm::api_key key;
    if (said.embedded) {
        embedded.emplace(endpoint_options(said));
    } else {
        key = key_of(said);
    }
    http_client http{{.environment_proxy = !said.embedded}};
    llm::quota shared{{.requests_per_minute = said.requests_per_minute, .tokens_per_minute = said.tokens_per_minute}};
    llm::endpoint where{.url = embedded ? (said.azure ? embedded->azure_url() : embedded->url()) : said.url,
                        .model = said.model,
                        .speaks = said.azure ? llm::dialect::azure : llm::dialect::openai,
                        .api_version = said.api_version,
                        .key = std::move(key)};
    llm::client const model{http, where, &shared};

    terminal screen;
    bool const into_file = !said.log_file.empty() && said.log_file != "-";
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> const log_file{into_file ? std::fopen(said.log_file.c_str(), "ae") : nullptr,
                                                                   [](std::FILE* file) { return std::fclose(file); }};
    if (into_file && !log_file) refuse("cannot write " + json_text(said.log_file));
    stamped_lines in_file{log_file.get()};
    auto const log = said.log_file.empty() ? line_sink_ref{} : log_file ? line_sink_ref{in_file} : line_sink_ref{screen};

    // What may change while it runs: each node takes its turn first, and how many there are the settings say.
    auto const variable = [&said](std::string const& name) { return said.variables.get(name); };
    settings switches{{.file = said.settings_file, .complain = screen, .environment = variable}};
    bulkhead turns{static_cast<double>(said.in_flight)};
    auto at_once = said.in_flight;
    auto const adjust = [&] {
        auto const now = switches.snapshot();
        auto const wanted = now.parallel_disabled() ? 1 : std::min(said.in_flight, now.workers_or(said.in_flight));
        if (wanted == std::exchange(at_once, wanted)) return;
        turns.resize(static_cast<double>(wanted));
        auto const* const why = now.parallel_disabled() ? "disabled" : "settings";
        log.put(llm::event_line{llm::event::in_flight_changed}.add("in_flight", wanted).add("reason", why).text());
    };
    adjust();
    bool const reloads = !said.settings_file.empty() || said.variables.get("MUSTER_SETTINGS_FILE");
    auto const reload = [&] { switches.reload(), adjust(); };
    interrupts signals{{.say = screen, .on_hangup = reloads ? std::function<void()>{reload} : nullptr}};
    context cx{signals.token()};
    scratch_file const nowhere;
    auto store = need(llm::fact_store::open(cx, said.store.empty() ? nowhere.path : said.store));
    std::string all;    // what makes this run another than that over any other document
    for (auto const& each : nodes) (all += each.name) += '\0', all += each.text;
    auto into = need(store.open_run(cx, {.document = all, .prompt = instructions, .model = said.model, .schema = schema_text},
                                    {.retry_failed = said.retry_failed, .again = said.again}));

    llm::discovery_question question{.instructions = instructions, .schema = schema_text};
    if (said.max_tokens != 0) question.max_tokens = said.max_tokens;
    llm::discovery facts{model, into, question, schema, log};
    progress bar{screen, {.title = "asking", .quiet = said.quiet || said.json, .stop = signals.token(), .words = [&facts] {
                              auto const now = facts.so_far();
                              return std::to_string(now.usage.total) + " tokens, " + std::to_string(now.rate_limited) + " times 429";
                          }}};
    auto const seconds = [](double count) { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{count}); };
    auto const width = static_cast<double>(said.in_flight);
    adaptive_bulkhead crowd{said.adaptive ? adaptive_bulkhead_options{.most = width, .start = std::min(4.0, width)}
                                          : adaptive_bulkhead_options{.least = width, .most = width, .start = width}};
    memory_gate memory{said.most_memory != 0 ? said.most_memory * MiB : std::numeric_limits<std::uint64_t>::max()};
    auto const each_attempt = limit{memory} | retry{.attempts = said.attempts, .delay = 500ms, .most = 8s} | limit{crowd} |
                              limit{shared, llm::count_tokens} | deadline{seconds(said.call_deadline)};
    auto const report = [&] {
        auto const until = cx.change_deadline(said.deadline > 0 ? later(cx.now(), seconds(said.deadline)) : never);
        if (said.in_flight == 1) return facts.over(nodes, named{"ask"} | observe{bar}, each_attempt, cx);
        fiber_thread fibers{http};
        return facts.over(nodes, on{fibers, said.in_flight} | limit{turns} | observe{bar}, each_attempt, cx);
    }();
    bar.finish();
    if (!report) {
        std::fprintf(stderr, "llm_discover: %s\n", to_string(report.error()).c_str());
        return incomplete;
    }
    if (said.json) {
        std::string text;
        json_writer json{text, 2};
        report->write_json(json);
        std::puts(text.c_str());
    } else if (!said.quiet || !report->is_complete()) {
        std::fprintf(stderr, "%s\n", to_string(*report).c_str());
    }
    if (signals.interrupted()) return signals.exit_code();
    return report->is_complete() ? 0 : incomplete;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(read(argc, argv));
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "llm_discover: %s\n", broken.what());
        return incomplete;
    }
}
