// A small service: a document is uploaded over HTTP, each of its nodes is asked about, and the facts come back.
//
//   discovery_service --embedded-endpoint                 says its URL, and runs until Ctrl-C
//   curl --data-binary @order.xml http://127.0.0.1:PORT/documents
//
// POST /documents   the XML in the body; 200 and the report with the facts of each node, also where some have none; 400 for what is no such
//                   document, 413 for one above --largest. The same document again is answered from the store.
// GET /health       200
//
// needs: httplib.h cpp-httplib libcpp-httplib-dev

#include <chrono>         // minutes
#include <cstdint>        // uint64_t
#include <cstdio>         // printf
#include <exception>      // exception
#include <filesystem>     // the store
#include <optional>       // the embedded endpoint
#include <string>         // texts
#include <system_error>   // error_code
#include <thread>         // the listener
#include <utility>        // move
#include <vector>         // nodes

#include <unistd.h>       // getpid

#include <CLI/CLI.hpp>    // the command line

#include "command_line.hpp"
#include <httplib.h>      // the server

#include <muster/adapt/fiber_thread.hpp>
#include <muster/adapt/http_client.hpp>
#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/workloads/formats/xml_linker.hpp>
#include <muster/workloads/formats/xml_splitter.hpp>
#include <muster/workloads/llm/client.hpp>
#include <muster/workloads/llm/count_tokens.hpp>
#include <muster/workloads/llm/discovery.hpp>
#include <muster/workloads/llm/fact_reader.hpp>
#include <muster/workloads/llm/fact_store.hpp>
#include <muster/workloads/llm/quota.hpp>
#include <muster/workloads/llm/responder.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct arguments {
    std::string url, model = "gpt-4o-mini", store;
    int port = 0;
    std::size_t in_flight = 10, largest = 64 * MiB;
    bool embedded = false;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Asks a model about each node of the documents that are uploaded to it. The key is OPENAI_API_KEY's, from the environment."};
    app.add_option("--url", said.url, "the endpoint up to /v1");
    app.add_option("--model", said.model, "the model; else gpt-4o-mini");
    app.add_option("--store", said.store, "the SQLite file for the facts; else one that is gone at the end");
    app.add_option("--port", said.port, "on loopback; else any that is free")->check(CLI::Range(0, 65'535));
    app.add_option("--in-flight", said.in_flight, "nodes that are asked about at a time; else 10")->check(CLI::Range(1, 10'000));
    app.add_option("--largest", said.largest, "bytes of a document; else 64 MiB")->check(CLI::PositiveNumber);
    app.add_flag("--embedded-endpoint", said.embedded, "asks an endpoint of this program's own");
    parse(app, argc, argv);
    if (said.embedded == !said.url.empty()) refuse("give --url, or --embedded-endpoint; see --help");
    return said;
}

outcome<std::vector<llm::asked_node>> nodes_of(std::string xml) {
    auto const document = xml::document::of(std::move(xml), "the document");
    xml::splitter split{document};
    std::vector<xml::node> parts;
    for (auto& each : split) {
        if (!each) return each.error();
        parts.push_back(std::move(*each));
    }
    auto const ids = split.take_ids();
    xml::linker const links{document, ids};
    std::vector<llm::asked_node> out;
    for (auto& each : parts) {
        llm::asked_node made{.number = each.position, .name = each.path};
        auto linked = links.link(std::move(each));
        if (!linked) return linked.error();
        made.text = linked->text();
        out.push_back(std::move(made));
    }
    return out;
}

class service {
public:
    service(arguments const& said, llm::client const& model, fiber_thread& fibers, llm::quota& shared, std::stop_token stop)
        : said_(said), model_(model), fibers_(fibers), shared_(shared), stop_(std::move(stop)),
          path_(!said.store.empty() ? said.store : (std::filesystem::temp_directory_path() / ("muster-service-" + std::to_string(::getpid()) + ".db")).string()) {
        context cx;
        auto opened = llm::fact_store::open(cx, path_);
        if (!opened) refuse(opened.error().text());
        store_.emplace(std::move(*opened));
    }
    ~service() {
        store_.reset();
        std::error_code ignored;
        if (said_.store.empty())
            for (auto const* const end : {"", "-wal", "-shm", "-lock"}) std::filesystem::remove(path_ + end, ignored);
    }
    service(service const&) = delete;

    void answer(httplib::Request const& asked, httplib::Response& to) {
        auto nodes = nodes_of(asked.body);
        if (!nodes) return fail(to, 400, nodes.error());
        context cx{stop_};
        auto run = store_->open_run(cx, {.document = asked.body, .prompt = prompt, .model = said_.model, .schema = llm::responder::schema()});
        if (!run) return fail(to, run.error().is(cause::rejected) ? 409 : 503, run.error());    // the same document, at this moment
        llm::discovery facts{model_, *run, {.instructions = prompt, .schema = std::string{llm::responder::schema()}},
                             json_schema::parse(llm::responder::schema()).value()};
        auto const report = facts.over(std::move(*nodes), on{fibers_, said_.in_flight},
                                       retry{.attempts = 4} | limit{shared_, llm::count_tokens} | deadline{2min}, cx);
        if (!report) return fail(to, 503, report.error());
        auto reader = llm::fact_reader::open(cx, path_);
        if (!reader) return fail(to, 503, reader.error());
        std::string text;
        json_writer json{text};
        json.object([&] {
            json.member("report", *report).member("nodes", [&] {
                json.array([&] {
                    (void)reader->for_each_node(cx, run->id(), [&](llm::stored_node const& each) {
                        json.value([&] {
                            json.object([&] {
                                json.member("node", each.node).member("name", each.name).member("state", name_of(each.state));
                                json.member("facts", [&] {
                                    json.object([&] {
                                        for (auto const& fact : each.facts) json.member(fact.name, fact.value);
                                    });
                                });
                            });
                        });
                    });
                });
            });
        });
        to.set_content(text, "application/json");
    }

private:
    static constexpr char const* prompt = "State the facts of this node, as JSON of the given schema.";

    static void fail(httplib::Response& to, int status, failure const& why) {
        to.status = status;
        std::string text;
        json_writer json{text};
        json.object([&] { json.member("error", to_string(why)); });
        to.set_content(text, "application/json");
    }

    arguments const& said_;
    llm::client const& model_;
    fiber_thread& fibers_;
    llm::quota& shared_;
    std::stop_token stop_;
    std::string path_;
    std::optional<llm::fact_store> store_;
};

int run(arguments const& said) {
    std::optional<llm::responder> embedded;
    llm::api_key key;
    if (said.embedded) {
        embedded.emplace(llm::responder_options{.latency = 20ms});
    } else {
        auto from = llm::api_key::from_environment();
        if (!from) refuse(from.error().text());
        key = std::move(*from);
    }
    terminal screen;
    interrupts signals{{.say = screen}};
    http_client http{{.environment_proxy = !said.embedded}};
    llm::quota shared;
    llm::client const model{http, {.url = embedded ? embedded->url() : said.url, .model = said.model, .key = std::move(key)}, &shared};
    fiber_thread fibers{http};
    service answers{said, model, fibers, shared, signals.token()};

    httplib::Server server;
    server.set_payload_max_length(said.largest);
    server.Get("/health", [](httplib::Request const&, httplib::Response& to) { to.set_content("{}", "application/json"); });
    server.Post("/documents", [&](httplib::Request const& asked, httplib::Response& to) { answers.answer(asked, to); });
    auto const port = said.port == 0 ? server.bind_to_any_port("127.0.0.1") : server.bind_to_port("127.0.0.1", said.port) ? said.port : -1;
    if (port < 0) refuse("port " + std::to_string(said.port) + " of loopback cannot be had");
    std::printf("http://127.0.0.1:%d\n", port);
    std::fflush(stdout);
    std::jthread const listening{[&] { server.listen_after_bind(); }};
    wait_point nobody;
    (void)context{signals.token()}.wait(nobody);
    server.stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(read(argc, argv));
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "discovery_service: %s\n", broken.what());
        return 1;
    }
}
