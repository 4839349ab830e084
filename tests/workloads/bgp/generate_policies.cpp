#include <muster/workloads/bgp/generate_policies.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/line_sink.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/workloads/bgp/bgpq4_version.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>
#include <muster/workloads/bgp/write_policy.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "children.hpp"
#include "folder.hpp"
#include "program.hpp"
#include "testing/no_threads.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {

bool have_bgpq4() {
    static bool const have = test::run({"bgpq4", "-v"}).exit_code != 127;
    return have;
}

std::vector<request> numbers(std::size_t count, std::uint32_t first = irr_data::first_generated) {
    std::vector<request> out;
    for (std::uint32_t i = 0; i < count; ++i) out.push_back({.object = as_number::of(first + i).value()});
    return out;
}

router_policy made(request const& asked, std::size_t entries = 1) {
    return {.asked = asked, .list = {.text = "x\n", .entries = entries, .made_by = 1, .ran_for = 1ms}};
}

std::string content(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// The flow as the example has it, on the real bgpq4.
auto real_flow(command_runner& runner, policy_options const& options, bulkhead& connections,
               std::chrono::nanoseconds at_most) {
    return pipeline{named{"plan"} | plan{options},
                    for_request{named{"ask"} | limit{connections} | deadline{at_most} | pipeline{run_bgpq4{runner},
                            judge}}};
}

}  // namespace

TEST_CASE("generate_policies: the width follows the rule, and the report says why when it is 1",
          "[bgp][generate_policies]") {
    auto const info = [](std::size_t items, generate_options const& options) { return status(items, options); };
    CHECK(info(1, {.workers = automatic{.io_width = 8}}).width == 1);
    CHECK(info(2, {.workers = automatic{.io_width = 8}}).width == 1);
    CHECK(info(2, {.workers = automatic{.io_width = 8}}).why == sequential_reason::too_few_items);
    CHECK(info(3, {.workers = automatic{.io_width = 8}}).width == 3);
    CHECK(info(100, {.workers = automatic{.io_width = 16}}).width == 8);                     // the cap
    CHECK(info(100, {.workers = automatic{.cap = 12, .io_width = 16}}).width == 12);
    CHECK(info(100, {.workers = automatic{.io_width = 1}}).why == sequential_reason::unavailable);
    CHECK(info(100, {.workers = 4}).width == 4);
    CHECK(info(2, {.workers = 4}).width == 2);
    CHECK(info(100, {.workers = 1}).why == sequential_reason::asked_for);
    CHECK(info(1, {.workers = 4}).why == sequential_reason::too_few_items);
    settings off{{.environment = [](std::string const&) { return std::nullopt; }}};
    off.say({.disable_parallel = true});
    CHECK(info(100, {.workers = 8, .switches = &off}).why == sequential_reason::disabled);
    settings three{{.environment = [](std::string const& name) -> std::optional<std::string> {
        return name == "MUSTER_MAX_WORKERS" ? std::optional<std::string>{"3"} : std::nullopt;
    }}};
    CHECK(info(100, {.workers = automatic{.io_width = 16}, .switches = &three}).width == 3);
    CHECK(info(100, {.workers = 5, .switches = &three}).width == 5);   // a call's option beats the environment
    CHECK(info(0, {}).width == 1);
}

TEST_CASE("generate_policies: a batch of nothing has an empty report", "[bgp][generate_policies]") {
    auto const report = generate_policies(std::vector<request>{}, [](request const& asked) { return made(asked); });
    CHECK(report.rows.empty());
    CHECK(report.all_done());
    CHECK(!to_text(report).empty());
}

TEST_CASE("generate_policies: rows keep the order of the requests whatever the width", "[bgp][generate_policies]") {
    auto const requests = numbers(50);
    for (std::size_t const width : {1u, 3u, 16u}) {
        auto const report = generate_policies(requests, [](request const& asked) { return made(asked,
                asked.object.number()->value()); }, {.workers = width});
        REQUIRE(report.rows.size() == 50);
        for (std::size_t i = 0; i < 50; ++i) {
            CHECK(report.rows[i].asked == requests[i]);
            CHECK(report.rows[i].entries == requests[i].object.number()->value());
        }
        CHECK(report.run.width == width);
    }
}

TEST_CASE("generate_policies: at a width of 1 everything runs on the caller's thread", "[bgp][generate_policies]") {
    std::set<std::thread::id> threads;
    auto const report = generate_policies(numbers(5), [&threads](request const& asked) {
        threads.insert(std::this_thread::get_id());
        return made(asked);
    }, {.workers = 1});
    CHECK(threads == std::set{std::this_thread::get_id()});
    CHECK(!report.run.parallel());
    CHECK(report.run.why == sequential_reason::asked_for);
}

TEST_CASE("generate_policies: one failure never touches the others, and names its request, also in another order",
          "[bgp][generate_policies]") {
    auto requests = numbers(20);
    recorded_times times;
    // the last one first
    for (std::size_t i = 0; i < 20; ++i) times.learn(requests[i], std::chrono::milliseconds{i + 1});
    auto const report = generate_policies(requests, [](request const& asked) -> outcome<router_policy> {
        auto const number = asked.object.number()->value() - irr_data::first_generated;
        if (number == 3) throw std::runtime_error{"odd"};
        if (number == 4) return failure{make_error_code(fault::refused), "nobody there"};
        if (number == 5) return failure{make_error_code(fault::timed_out), "late"};
        if (number == 6) return failure{cause::invalid_input, "no"};
        if (number == 7) return made(asked, 0);
        if (number == 8) return failure{cause::cancelled, "stop"};
        return made(asked);
    }, {.workers = 4, .times = &times});
    CHECK(report.count(policy_state::made) == 14);
    CHECK(report.rows[3].state == policy_state::failed);
    CHECK(report.rows[3].error->index() == 3);
    CHECK(report.rows[4].state == policy_state::refused);
    CHECK(report.rows[5].state == policy_state::timed_out);
    CHECK(report.rows[6].state == policy_state::invalid);
    CHECK(report.rows[7].state == policy_state::no_prefixes);
    CHECK(report.rows[8].state == policy_state::cancelled);
    CHECK(!report.all_done());
}

TEST_CASE("generate_policies: starts with the longest of last time, unknown ones before them",
          "[bgp][generate_policies]") {
    auto const requests = numbers(5);
    recorded_times times;
    times.learn(requests[0], 1ms);
    times.learn(requests[1], 30ms);
    times.learn(requests[3], 20ms);
    times.learn(requests[4], 2ms);
    std::vector<std::uint32_t> order;
    generate_policies(requests, [&order](request const& asked) {
        order.push_back(asked.object.number()->value() - irr_data::first_generated);
        return made(asked);
    }, {.workers = 1, .times = &times});
    CHECK(order == std::vector<std::uint32_t>{2, 1, 3, 4, 0});
    CHECK(times.of(requests[2]) == std::chrono::nanoseconds{1ms});    // and has learnt
}

TEST_CASE("generate_policies: exclusive requests run one at a time, beside the others", "[bgp][generate_policies]") {
    auto requests = numbers(40);
    for (std::size_t i = 0; i < 40; i += 4) requests[i].exclusive = true;
    std::atomic<int> exclusive{0}, others{0};
    std::atomic<bool> met{false}, overlapped{false};
    auto const report = generate_policies(requests, [&](request const& asked, context& cx) -> outcome<router_policy> {
        auto& mine = asked.exclusive ? exclusive : others;
        if (mine.fetch_add(1) + 1 > 1 && asked.exclusive) overlapped = true;
        if (asked.exclusive && others.load() > 0) met = true;
        if (!asked.exclusive && exclusive.load() > 0) met = true;
        if (auto const waited = cx.pause(2ms); !waited) return waited.error();    // lets another one in, if one may
        mine.fetch_sub(1);
        return made(asked);
    }, {.workers = 4});
    CHECK(report.all_done());
    CHECK(!overlapped);
    CHECK(met);
}

TEST_CASE("generate_policies: a stop leaves nothing running, and every row says cancelled",
          "[bgp][generate_policies]") {
    std::stop_source stop;
    std::atomic<int> calls{0};
    auto const report = generate_policies(numbers(30), [&](request const& asked) {
        if (calls.fetch_add(1) == 4) stop.request_stop();
        return made(asked);
    }, {.workers = 2}, context{stop.get_token()});
    CHECK(calls < 30);
    CHECK(report.count(policy_state::made) + report.count(policy_state::cancelled) == 30);
    CHECK(report.count(policy_state::cancelled) > 0);
    for (auto const& row : report.rows)
        if (row.state == policy_state::cancelled) CHECK(row.error.has_value());
}

TEST_CASE("generate_policies: events have stable ids, one for each row and for the run", "[bgp][generate_policies]") {
    kept_lines log;
    std::atomic<int> told{0};
    generate_policies(numbers(4), [](request const& asked) -> outcome<router_policy> {
        switch (asked.object.number()->value() - irr_data::first_generated) {
            case 0: return made(asked);
            case 1: return made(asked, 0);
            case 2: return failure{make_error_code(fault::server_error), "F\nforged line"};
            default: return failure{make_error_code(fault::timed_out), "late"};
        }
    }, {.workers = 1, .log = log, .done = [&told](policy_row const&) { ++told; }});
    for (auto const part : {"BGP-100 4 policies", "BGP-110 made AS100000 ipv4", "BGP-112 no prefixes AS100001 ipv4",
                            "BGP-120 failed AS100002 ipv4",
                            "BGP-123 timed out AS100003 ipv4", "BGP-102 asked for",
                                "BGP-101 1 made, 1 without prefixes"})
        CHECK(log.contains(part));
    CHECK(told == 4);
}

TEST_CASE("generate_policies: real policies are bgpq4's own bytes, in every format and both families",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    bulkhead connections{4};
    for (auto const format : {output_format::junos, output_format::bird, output_format::json, output_format::ios}) {
        policy_options const options{.server = server.address(), .format = format};
        std::vector<request> requests;
        for (auto const* name : {"AS13335", "AS15169", "AS-EXAMPLE-NESTED", "AS6939:AS-EXAMPLE-CUSTOMERS"})
            for (auto const family : {address_family::ipv4, address_family::ipv6})
                requests.push_back({.object = irr_object::parse(name).value(), .family = family});
        test::folder folder;
        auto const flow = pipeline{real_flow(runner, options, connections, 20s), write_policy{folder.path(), options,
                {.durable = false}}};
        auto const report = generate_policies(requests, flow, {.workers = 4});
        for (auto const& row : report.rows) {
            CAPTURE(row.asked.text());
            REQUIRE(row.state == policy_state::made);
            auto const planned = plan{options}(row.asked).value();
            std::vector<std::string> words{"bgpq4"};
            words.insert(words.end(), planned.run.args.begin(), planned.run.args.end());
            CHECK(content(row.path) == test::run(words).out);
        }
    }
    CHECK(server.stats().peak_connections <= 5);    // four, and one by hand
}

TEST_CASE("generate_policies: for twenty-four networks, v4 and v6, the files are what bgpq4 writes by hand",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    bulkhead connections{4};
    policy_options const options{.server = server.address(), .format = output_format::junos};
    std::vector<request> requests;
    for (std::uint32_t const number : {42u, 112u, 174u, 714u, 786u, 1299u, 2906u, 2914u, 3320u, 3333u, 3356u, 6939u,
                                       8075u, 13335u, 15169u, 19281u, 32934u, 100000u, 100001u, 101234u, 105000u,
                                       107777u, 109998u, 109999u})
        for (auto const family : {address_family::ipv4, address_family::ipv6})
            requests.push_back({.object = as_number::of(number).value(), .family = family});
    test::folder folder;
    auto const flow = pipeline{real_flow(runner, options, connections, 20s),
                               write_policy{folder.path(), options, {.durable = false}}};
    auto const report = generate_policies(requests, flow, {.workers = 8});
    CHECK(report.all_done());
    CHECK(folder.files() == requests.size());
    for (auto const& row : report.rows) {
        CAPTURE(row.asked.text());
        REQUIRE(row.state == policy_state::made);
        // by hand: the words that a person types
        auto const by_hand = test::run({"bgpq4", "-h", server.address().text(), "-J",
                                        row.asked.family == address_family::ipv6 ? "-6" : "-4", "-l",
                                        row.asked.name.text(), row.asked.object.text()});
        CHECK(by_hand.exit_code == 0);
        CHECK(content(row.path) == by_hand.out);
    }
}

TEST_CASE("generate_policies: three hung servers among a hundred networks are killed at the deadline, the others are "
          "made, and no child is left",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server, hanging;
    command_runner runner;
    bulkhead connections{16};
    auto requests = numbers(100);
    std::set<std::size_t> const hung{3, 50, 99};
    for (auto const i : hung) {
        requests[i].server = hanging.address();
        hanging.misbehave(requests[i].object.text(), irr_fault::silent);
    }
    policy_options const options{.server = server.address(), .format = output_format::junos};
    // The short deadline is for those that hang: for any of the others a busy machine may well take as long.
    auto const asking = pipeline{run_bgpq4{runner}, judge};
    auto const ask = [short_one = deadline{300ms} | asking, long_one = deadline{60s} | asking](
                         planned_policy const& planned, context& cx) {
        return planned.asked.server ? invoke_task(short_one, cx, planned) : invoke_task(long_one, cx, planned);
    };
    auto const flow = pipeline{plan{options}, for_request{limit{connections} | ask}};
    std::atomic<std::size_t> seen{0};
    auto const report = generate_policies(requests, flow, {.workers = 8, .done = [&](policy_row const& row) {
        if (row.state == policy_state::made && seen == 0) seen = test::children();
    }});
    CHECK(test::children() == 0);                   // right after it returned, not a while later
    CHECK(report.count(policy_state::made) == 97);
    CHECK(report.count(policy_state::timed_out) == 3);
    for (std::size_t i = 0; i < 100; ++i) {
        CAPTURE(i);
        CHECK(report.rows[i].state == (hung.contains(i) ? policy_state::timed_out : policy_state::made));
        if (!hung.contains(i)) {
            CHECK(report.rows[i].entries == 20);
        } else if (report.rows[i].error) {
            CHECK(report.rows[i].error->code() == fault::timed_out);
            CHECK(report.rows[i].took >= 300ms);
        }
    }
    CHECK(runner.stats().killed == 3);
    CHECK(runner.stats().started == 100);
    CHECK(runner.stats().finished == 100);
}

TEST_CASE("generate_policies: of a hung child nothing is left that a look at this process would have shown",
          "[bgp][generate_policies][forks]") {
    CHECK(test::children() == 0);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    auto const child = ::fork();
    if (child == 0) {
        char byte;
        ::close(ends[1]);
        (void)!::read(ends[0], &byte, 1);
        ::_exit(0);
    }
    ::close(ends[0]);
    CHECK(test::children() == 1);
    ::close(ends[1]);
    siginfo_t about{};
    ::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT);
    CHECK(test::children() == 1);                   // ended, not reaped: it still counts
    ::waitpid(child, nullptr, 0);
    CHECK(test::children() == 0);
}

TEST_CASE("generate_policies: half an answer and an error among good ones touch nobody else",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    bulkhead connections{16};
    server.misbehave("AS100003", irr_fault::half_answer);
    server.misbehave("AS100005", irr_fault::server_error);
    policy_options const options{.server = server.address(), .format = output_format::junos};
    auto const report = generate_policies(numbers(10), real_flow(runner, options, connections, 1s), {.workers = 8});
    CHECK(report.count(policy_state::made) == 8);
    CHECK(report.rows[3].state == policy_state::timed_out);
    CHECK(report.rows[3].error->index() == 3);
    CHECK(report.rows[3].error->stage() == "ask");
    CHECK(report.rows[5].error->code() == fault::server_error);
    CHECK(runner.stats().running == 0);
}

TEST_CASE("generate_policies: where no thread can be started the batch is made one after another, and the report says so",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    context cx;
    REQUIRE(bgpq4_version(runner, cx));             // the runner's one thread runs already
    bulkhead connections{4};
    policy_options const options{.server = server.address(), .format = output_format::junos};
    std::set<std::thread::id> threads;
    kept_lines log;
    auto const noting = [&threads](router_policy made) {
        threads.insert(std::this_thread::get_id());
        return made;
    };
    auto const flow = pipeline{real_flow(runner, options, connections, 60s), noting};
    policy_report report;
    {
        muster::testing::no_threads const none;
        report = generate_policies(numbers(12), flow, {.workers = 4, .log = log});
    }
    CHECK(report.count(policy_state::made) == 12);
    CHECK(threads == std::set{std::this_thread::get_id()});
    CHECK(!report.run.parallel());
    CHECK(report.run.width == 1);
    CHECK(report.run.configured == 4);
    CHECK(report.run.why == sequential_reason::cannot_start);
    CHECK(to_text(report).find("one after another (cannot start): 1 worker of 4 configured") != std::string::npos);
    CHECK(log.contains("BGP-102 cannot start"));
    // the next one, with threads to be had, is parallel again
    CHECK(generate_policies(numbers(12), [](request const& asked) { return made(asked); }, {.workers = 4}).run.parallel());
}

TEST_CASE("generate_policies: the server sees no more connections than the bulkhead has places",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server{irr_data::bundled(), {.latency = 5ms}};
    command_runner runner;
    bulkhead connections{2};
    policy_options const options{.server = server.address()};
    auto const report = generate_policies(numbers(20), real_flow(runner, options, connections, 20s), {.workers = 8});
    CHECK(report.all_done());
    CHECK(runner.stats().peak <= 2);
}

TEST_CASE("generate_policies: a warm cache starts no process; another version of bgpq4 is another answer",
          "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    memory_cache<std::string, policy_text> cache;
    policy_options const options{.server = server.address(), .format = output_format::junos};
    auto const flow_for = [&](std::string version) {
        return pipeline{plan{options}, for_request{cached{cache,
                                                          cache_key{std::move(version)}} | pipeline{run_bgpq4{runner},
                                                                  judge}}};
    };
    auto requests = numbers(10);
    requests.push_back({.object = irr_object::parse("AS3999").value()});    // empty answers are remembered too
    auto const cold = generate_policies(requests, flow_for("1.9"), {.workers = 4});
    CHECK(cold.remembered() == 0);
    CHECK(runner.stats().started == 11);
    auto const warm = generate_policies(requests, flow_for("1.9"), {.workers = 4});
    CHECK(warm.remembered() == 11);
    CHECK(runner.stats().started == 11);
    CHECK(warm.entries() == cold.entries());
    CHECK(generate_policies(requests, flow_for("1.16"), {.workers = 4}).remembered() == 0);
}

TEST_CASE("generate_policies: without bgpq4 every row says that there is no such program", "[bgp][generate_policies]") {
    command_runner runner;
    bulkhead connections{4};
    policy_options options;
    options.program = "no-such-bgpq4";
    auto const report = generate_policies(numbers(4), real_flow(runner, options, connections, 5s), {.workers = 2});
    CHECK(report.count(policy_state::failed) == 4);
    CHECK(report.rows[0].error->is(cause::unavailable));
    context cx;
    CHECK(bgpq4_version(runner, cx, "no-such-bgpq4").error().is(cause::unavailable));
    CHECK(!bgpq4_version(runner, cx, "true"));
}

TEST_CASE("generate_policies: a bgpq4 that dies is told as such, with its signal", "[bgp][generate_policies][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    bulkhead connections{4};
    server.misbehave("AS100000", irr_fault::bad_length);
    policy_options const options{.server = server.address()};
    auto const report = generate_policies(numbers(1), real_flow(runner, options, connections, 20s));
    CHECK(report.rows[0].error->code() == fault::aborted);
    CHECK(report.rows[0].error->signal() == SIGABRT);
    context cx;
    CHECK(*bgpq4_version(runner, cx) >= "1.");
}

TEST_CASE("generate_policies: callers put policies of their own between the stages", "[bgp][generate_policies]") {
    // the whole flow on a stand-in for the runner: no process at all
    struct scripted {
        outcome<command_result> run(command const& what, context&) const {
            command_result result;
            result.out = "no ip prefix-list AS100000-v4\nip prefix-list AS100000-v4 permit 192.0.2.0/24\n";
            result.exit_code = what.args.back() == "AS100000" ? 0 : 1;
            return result;
        }
    } runner;
    int calls = 0;
    auto const counting = [&calls](planned_policy const& planned) {
        ++calls;
        return planned;
    };
    auto const flow = pipeline{plan{}, std::cref(counting), for_request{pipeline{run_bgpq4{runner}, judge}}};
    auto const report = generate_policies(numbers(2), flow, {.workers = 1});
    CHECK(report.rows[0].state == policy_state::made);
    CHECK(report.rows[1].error->code() == fault::failed);
    CHECK(report.rows[1].error->exit_code() == 1);
    CHECK(calls == 2);
}

TEST_CASE("generate_policies: hostile arguments reach bgpq4 as one argument each, through no shell",
          "[bgp][generate_policies]") {
    command_runner runner;
    context cx;
    test::folder folder;
    std::string const marker = folder / "marker";
    command echo;
    echo.program = "printf";
    echo.args = {"%s\\n", "; touch " + marker, "$(touch " + marker + ")", "`touch " + marker + "`", "*", "a b"};
    auto const got = runner.run(echo, cx).value();
    CHECK(got.out == "; touch " + marker + "\n$(touch " + marker + ")\n`touch " + marker + "`\n*\na b\n");
    CHECK(folder.files() == 0);
}
