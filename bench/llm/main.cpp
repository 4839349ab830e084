// Chat completions by the thousand against an endpoint on loopback: our client on fibers, with its JSON, against libcurl's multi handle as it
// is and aiohttp; then the whole discovery: nodes side by side, limits stated and not, skewed latencies, the price of the store, a deadline.
//
// The endpoint runs in this program, each client in a process of its own, so that processor time and memory are its own. The endpoint's
// processor time, about 20 us a request, is on the same cores.

#include <algorithm>     // min
#include <cstdio>        // popen
#include <cstdlib>       // atoi
#include <cstring>       // strcmp
#include <filesystem>    // the store
#include <optional>      // a rival that is not there
#include <string>        // names
#include <vector>        // samples

#include <sys/resource.h>    // getrusage
#include <unistd.h>          // access

#include <measure.hpp>

#include <muster/adapt/fiber_thread.hpp>
#include <muster/adapt/http_client.hpp>
#include <muster/muster.hpp>
#include <muster/workloads/llm/client.hpp>
#include <muster/workloads/llm/discovery.hpp>
#include <muster/workloads/llm/fact_store.hpp>
#include <muster/workloads/llm/quota.hpp>
#include <muster/workloads/llm/responder.hpp>

#include "problem.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using bench::chats;
using bench::client_run;

// Our client, with what a program would write: a limit of its own, another attempt, a deadline.
std::size_t run_ours(chats const& what) {
    http_client http{{.environment_proxy = false}};
    llm::client const model{http, {.url = what.url, .model = "small"}};
    fiber_thread fibers{http};
    auto const ask = [&](std::size_t number, context& cx) {
        return model.ask({.messages = {{llm::chat_message::speaker::system, "State the facts."},
                                       {llm::chat_message::speaker::user, "<node n=\"" + std::to_string(number) + "\"/>"}}}, cx);
    };
    std::size_t answered = 0;
    for (auto const& each : map(indices(what.count), on{fibers, what.in_flight} | retry{} | deadline{30s} | ask)) answered += each.has_value() && each->has_content;
    return answered;
}

template <class F>
int as_client(chats const& what, F const& run) {
    auto const before = bench::processor_seconds();
    std::size_t answered = 0;
    auto const seconds = bench::seconds([&] { answered = run(what); });
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    std::printf("%f %f %f %zu\n", seconds, bench::processor_seconds() - before, static_cast<double>(used.ru_maxrss) / 1024, answered);
    return 0;
}

std::optional<client_run> run_program(std::string const& command) {
    auto* const out = ::popen(command.c_str(), "r");
    client_run run;
    bool const read = out != nullptr && std::fscanf(out, "%lf %lf %lf %lf", &run.seconds, &run.processor_seconds, &run.mebibytes, &run.answered) == 4;
    if (out == nullptr || ::pclose(out) != 0 || !read) return std::nullopt;
    return run;
}

void compare_clients(bench::report const& to, std::string const& self, std::size_t in_flight) {
    auto const count = to.size<std::size_t>(5'000, 300);
    llm::responder by{{.latency = 50ms}};
    auto const words = ' ' + by.url() + ' ' + std::to_string(count) + ' ' + std::to_string(in_flight);
    std::string const commands[] = {self + " --client ours" + words, self + " --client raw" + words,
                                    "/usr/bin/python3 bench/llm/aiohttp_client.py" + words + " 2>&1"};
    std::vector<client_run> runs[3];
    bool there = ::access("bench/llm/aiohttp_client.py", R_OK) == 0;
    for (int round = 0; round < to.size(7, 1); ++round)
        for (std::size_t i = 0; i < 3; ++i) {
            if (i == 2 && !there) continue;
            auto const run = run_program(commands[i]);
            if (run && static_cast<std::size_t>(run->answered) == count) runs[i].push_back(*run);
            else if (i == 2) there = false;
            else std::fprintf(stderr, "  %s failed\n", commands[i].c_str()), std::exit(1);
        }
    if (!there) std::fprintf(stderr, "  without aiohttp (Debian: python3-aiohttp)\n");
    auto const of = [&](std::size_t who, double client_run::*what) {
        std::vector<double> out;
        for (auto const& each : runs[who]) out.push_back(each.*what);
        return out;
    };
    auto const name = std::to_string(in_flight) + "_in_flight_";
    std::vector<double> over_ideal;
    auto const ideal = static_cast<double>(count) / static_cast<double>(in_flight) * 0.05;
    for (auto const seconds : of(0, &client_run::seconds)) over_ideal.push_back(seconds / ideal);
    to.figure(name + "seconds", of(0, &client_run::seconds), "s");
    to.figure(name + "over_ideal", over_ideal, "x");
    to.figure(name + "mebibytes", of(0, &client_run::mebibytes), "MiB");
    to.figure(name + "over_raw_multi", bench::ratios(of(0, &client_run::seconds), of(1, &client_run::seconds)), "x");
    to.figure(name + "processor_over_raw_multi", bench::ratios(of(0, &client_run::processor_seconds), of(1, &client_run::processor_seconds)), "x");
    if (!there) return;
    to.figure(name + "over_aiohttp", bench::ratios(of(0, &client_run::seconds), of(2, &client_run::seconds)), "x");
    to.figure(name + "processor_over_aiohttp", bench::ratios(of(0, &client_run::processor_seconds), of(2, &client_run::processor_seconds)), "x");
    to.figure(name + "memory_over_aiohttp", bench::ratios(of(0, &client_run::mebibytes), of(2, &client_run::mebibytes)), "x");
}

// A store, a run and a discovery over made-up nodes.
class discovered {
public:
    discovered() { remove(); }
    ~discovered() { remove(); }
    discovered(discovered const&) = delete;

    template <class Place, class Policies>
    llm::discovery_report over(std::size_t count, llm::client const& model, Place const& place, Policies const& policies, context& cx) {
        std::vector<llm::asked_node> nodes;
        for (std::size_t i = 0; i < count; ++i) nodes.push_back({.number = i, .name = "n", .text = "<node n=\"" + std::to_string(i) + "\"/>"});
        auto store = llm::fact_store::open(cx, path_).value();
        auto run = store.open_run(cx, {.document = "bench", .prompt = "", .model = "small", .schema = ""}, {.again = true}).value();
        llm::discovery facts{model, run, {.instructions = "State the facts.", .schema = std::string{llm::responder::schema()}},
                             json_schema::parse(llm::responder::schema()).value()};
        auto report = facts.over(std::move(nodes), place, policies, cx);
        if (!report) std::fprintf(stderr, "  %s\n", to_string(report.error()).c_str()), std::exit(1);
        return *report;
    }

private:
    void remove() const {
        for (auto const* const end : {"", "-wal", "-shm", "-lock"}) std::filesystem::remove(path_ + end);
    }
    std::string path_ = (std::filesystem::temp_directory_path() / ("muster-bench-llm-" + std::to_string(getpid()) + ".db")).string();
};

auto const patient = retry{.attempts = 10, .delay = 50ms, .most = 1s};

// Nodes of 300 ms, 10 at a time: the ideal is a tenth of one after another.
void side_by_side(bench::report const& to) {
    llm::responder by{{.latency = to.size(300ms, 20ms)}};
    http_client http{{.environment_proxy = false}};
    llm::client const model{http, {.url = by.url(), .model = "small"}};
    fiber_thread fibers{http};
    for (std::size_t const count : {10u, 20u, 30u, 50u}) {
        context cx;
        discovered one, ten;
        double slow = 0, fast = 0;
        slow = bench::seconds([&] { one.over(count, model, named{"ask"}, patient, cx); });
        std::vector<double> samples;
        for (int round = 0; round < to.size(3, 1); ++round) {
            fast = bench::seconds([&] { ten.over(count, model, on{fibers, 10}, patient, cx); });
            samples.push_back(slow / fast);
        }
        to.figure(std::to_string(count) + "_nodes_10_at_a_time", samples, "x");
    }
}

// 1,000 a second, 200 in flight: what is lost, what is sent in vain, and how near it comes to the limit.
void limited(bench::report const& to, bool stated) {
    auto const count = to.size<std::size_t>(5'000, 300);
    std::vector<double> lost, per_success, over_ideal, refused;
    for (int round = 0; round < to.size(3, 1); ++round) {
        llm::responder by{{.latency = 50ms, .requests_per_second = 1'000, .request_burst = 100,
                           .headers = stated ? llm::limit_headers::openai : llm::limit_headers::none}};
        http_client http{{.environment_proxy = false}};
        llm::quota shared;
        llm::client const model{http, {.url = by.url(), .model = "small"}, &shared};
        fiber_thread fibers{http};
        auto const ask = [&](std::size_t number, context& cx) {
            return model.ask({.messages = {{llm::chat_message::speaker::user, "node " + std::to_string(number)}}}, cx);
        };
        std::size_t answered = 0;
        auto const seconds = bench::seconds([&] {
            for (auto const& each : map(indices(count), on{fibers, 200} | patient | limit{shared} | ask)) answered += each.has_value();
        });
        auto const seen = by.stats();
        lost.push_back(static_cast<double>(count - answered));
        per_success.push_back(static_cast<double>(seen.requests) / static_cast<double>(std::max<std::size_t>(answered, 1)));
        over_ideal.push_back(seconds / (static_cast<double>(count - std::min<std::size_t>(count, 100)) / 1'000 + 0.05));
        refused.push_back(static_cast<double>(seen.answered(429)));
    }
    std::string const name = stated ? "limit_stated_" : "limit_not_stated_";
    to.figure(name + "lost", lost, "");
    to.figure(name + "requests_per_success", per_success, "x");
    to.figure(name + "over_ideal", over_ideal, "x");
    to.figure(name + "refused", refused, "");
}

// One node in ten takes ten times as long: batches of ten wait for it, side by side does not.
void skewed(bench::report const& to) {
    llm::responder_options options;
    auto const unit = to.size(20ms, 5ms);
    options.latency_of = [unit](llm::responder_request const& of) {
        return std::chrono::nanoseconds{unit * (std::hash<std::string_view>{}(of.prompt) % 10 == 0 ? 10 : 1)};
    };
    llm::responder by{options};
    http_client http{{.environment_proxy = false}};
    llm::client const model{http, {.url = by.url(), .model = "small"}};
    fiber_thread fibers{http};
    auto const ask = [&](std::size_t number, context& cx) {
        return model.ask({.messages = {{llm::chat_message::speaker::user, "node " + std::to_string(number)}}}, cx);
    };
    std::vector<double> samples;
    for (int round = 0; round < to.size(5, 1); ++round) {
        auto const batches = bench::seconds([&] {
            for (std::size_t first = 0; first < 100; first += 10)
                (void)map(indices(10), on{fibers, 10} | [&](std::size_t i, context& cx) { return ask(first + i, cx); });
        });
        auto const ours = bench::seconds([&] { (void)map(indices(100), on{fibers, 10} | ask); });
        samples.push_back(batches / ours);
    }
    to.figure("skewed_over_batches_of_10", samples, "x");
}

void with_store(bench::report const& to) {
    auto const count = to.size<std::size_t>(1'000, 100);
    llm::responder by{{.latency = 50ms}};
    http_client http{{.environment_proxy = false}};
    llm::client const model{http, {.url = by.url(), .model = "small"}};
    fiber_thread fibers{http};
    auto const schema = json_schema::parse(llm::responder::schema()).value();
    auto const ask = [&](std::size_t number, context& cx) -> outcome<nlohmann::json> {
        auto const reply = model.ask({.messages = {{llm::chat_message::speaker::system, "State the facts."},
                                                   {llm::chat_message::speaker::user, "<node n=\"" + std::to_string(number) + "\"/>"}},
                                      .schema = std::string{llm::responder::schema()}}, cx);
        if (!reply) return reply.error();
        return json_of(*reply, schema);
    };
    std::vector<double> samples;
    for (int round = 0; round < to.size(5, 1); ++round) {
        context cx;
        discovered kept;
        auto const with = bench::seconds([&] { kept.over(count, model, on{fibers, 100}, patient, cx); });
        auto const without = bench::seconds([&] { (void)map(indices(count), on{fibers, 100} | patient | ask); });
        samples.push_back(with / without);
    }
    to.figure("with_store_over_without", samples, "x");
}

void deadlines(bench::report const& to) {
    llm::responder by{{.latency = 100ms}};
    http_client http{{.environment_proxy = false}};
    llm::client const model{http, {.url = by.url(), .model = "small"}};
    fiber_thread fibers{http};
    std::vector<double> seconds, done;
    for (int round = 0; round < to.size(5, 1); ++round) {
        context cx;
        discovered kept;
        auto const until = cx.change_deadline(later(cx.now(), 1s));
        llm::discovery_report report;
        seconds.push_back(bench::seconds([&] { report = kept.over(1'000, model, on{fibers, 10}, patient, cx); }));    // 10 s of work
        done.push_back(static_cast<double>(report.done));
    }
    to.figure("deadline_of_1_s_back_after", seconds, "s");
    to.figure("deadline_of_1_s_done", done, "");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 6 && !std::strcmp(argv[1], "--client")) {
        chats const what{argv[3], static_cast<std::size_t>(std::atoi(argv[4])), static_cast<std::size_t>(std::atoi(argv[5]))};
        return !std::strcmp(argv[2], "raw") ? as_client(what, bench::run_raw_multi) : as_client(what, run_ours);
    }
    bench::report const to{argc, argv};
    auto const self = std::filesystem::read_symlink("/proc/self/exe").string();
    compare_clients(to, self, 100);
    compare_clients(to, self, 500);
    side_by_side(to);
    limited(to, true);
    limited(to, false);
    skewed(to);
    with_store(to);
    deadlines(to);
}
