// Asks a model about each node of an order, within the endpoint's limits, and keeps the facts: here of an endpoint of its own, on loopback.
// ctest: examples/data/orders/order_view.xml

#include <chrono>        // minutes
#include <cstdio>        // puts
#include <filesystem>    // the store
#include <string>        // texts
#include <vector>        // nodes

#include <unistd.h>    // getpid

#include <muster/adapt/fiber_thread.hpp>
#include <muster/adapt/http_client.hpp>
#include <muster/muster.hpp>
#include <muster/workloads/formats/xml_linker.hpp>
#include <muster/workloads/formats/xml_splitter.hpp>
#include <muster/workloads/llm/client.hpp>
#include <muster/workloads/llm/count_tokens.hpp>
#include <muster/workloads/llm/discovery.hpp>
#include <muster/workloads/llm/fact_store.hpp>
#include <muster/workloads/llm/quota.hpp>
#include <muster/workloads/llm/responder.hpp>

using namespace muster;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    auto const path = argc > 1 ? argv[1] : "examples/data/orders/order_view.xml";
    llm::responder const endpoint{{.latency = 20ms}};
    auto const url = endpoint.url();
    llm::api_key const key;    // api_key::from_environment("OPENAI_API_KEY"), where there is one to pay
    std::string const prompt = "State the facts of this node.", schema{llm::responder::schema()};
    auto const file = (std::filesystem::temp_directory_path() / ("order_facts-" + std::to_string(getpid()) + ".db")).string();
    context cx;

    // [nodes]
    auto const document = xml::document::open(path).value();
    xml::splitter split{document};                                 // of any size: a node at a time
    std::vector<xml::node> parts;
    for (auto& each : split) parts.push_back(each.value());
    auto const ids = split.take_ids();
    xml::linker const links{document, ids};                        // each with what its ids refer to
    std::vector<llm::asked_node> nodes;
    for (auto& each : parts) nodes.push_back({.number = each.position, .name = each.path, .text = links.link(each).value().text()});
    // [end]

    // [facts]
    http_client http;
    llm::quota shared{{.tokens_per_minute = 200'000}};             // one for all: what answers state, what refusals teach
    llm::client const model{http, {.url = url, .model = "gpt-4o-mini", .key = key}, &shared};

    auto store = llm::fact_store::open(cx, file).value();          // SQLite: a run that is killed is taken up again
    auto run = store.open_run(cx, {.document = path, .prompt = prompt, .model = "gpt-4o-mini", .schema = schema}).value();
    llm::discovery facts{model, run, {.instructions = prompt, .schema = schema}, json_schema::parse(schema).value()};

    fiber_thread fibers{http};                                     // calls that wait hold no thread
    auto const report = facts.over(nodes, on{fibers, 10}, retry{.attempts = 4} | limit{shared, llm::count_tokens} | deadline{2min}, cx).value();
    std::puts(to_string(report).c_str());
    // [end]

    for (auto const* const part : {"", "-wal", "-shm", "-lock"}) std::filesystem::remove(file + part);
    return report.is_complete() ? 0 : 1;
}
