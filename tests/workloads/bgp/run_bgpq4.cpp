#include <muster/workloads/bgp/run_bgpq4.hpp>

#include <chrono>
#include <concepts>
#include <csignal>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <muster/core/pipeline.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "program.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {

bool have_bgpq4() {
    static bool const have = test::run({"bgpq4", "-v"}).exit_code != 127;
    return have;
}

planned_policy planned_for(policy_options const& options, std::string_view object = "AS13335") {
    return plan{options}({.object = irr_object::parse(object).value()}).value();
}

// A runner that ends as it is told to.
struct ending_with {
    outcome<command_result> how;
    command seen{};

    outcome<command_result> run(command const& what, context&) {
        seen = what;
        return how;
    }
};

failure ended_with(failure how) {
    ending_with runner{std::move(how)};
    context cx;
    auto const got = run_bgpq4{runner}(planned_for({}), cx);
    REQUIRE(!got);
    return got.error();
}

}  // namespace

static_assert(runs_commands<command_runner>);
static_assert(runs_commands<ending_with>);
static_assert(!runs_commands<int>);
static_assert(!std::constructible_from<run_bgpq4<command_runner>, command_runner>);    // a temporary does not bind

TEST_CASE("run_bgpq4: runs the plan's command as it is, and hands on what came with the plan's layout and number",
          "[bgp][run_bgpq4]") {
    command_result result;
    result.exit_code = 3;
    result.out = "out";
    result.err = "err";
    ending_with runner{result};
    context cx;
    auto const planned = planned_for({.format = output_format::bird});
    auto const got = run_bgpq4{runner}(planned, cx);
    REQUIRE(got);
    CHECK(runner.seen == planned.run);
    CHECK(got->result == result);    // any exit code: `judge` reads it
    CHECK(got->layout.format == output_format::bird);
    CHECK(got->layout.name == "AS13335-v4");
    CHECK(got->call == planned.call);
}

TEST_CASE("run_bgpq4: the deadline is a fault of its own, a signal is told; other failures pass as they are",
          "[bgp][run_bgpq4]") {
    auto const late = ended_with(failure{cause::timed_out, "killed after 1s"}.signal(SIGKILL));
    CHECK(late.code() == fault::timed_out);
    CHECK(late.is(cause::timed_out));
    auto const died = ended_with(failure{cause::crashed, "died"}.signal(SIGABRT));
    CHECK(died.code() == fault::aborted);
    CHECK(died.is(cause::crashed));
    CHECK(died.signal() == SIGABRT);
    CHECK(died.text().find("signal 6") != std::string::npos);
    for (auto const why : {cause::unavailable, cause::exhausted, cause::invalid_input}) {
        auto const other = ended_with(failure{why, "as it was"});
        CHECK(other.code() == why);
        CHECK(other.text() == "as it was");
    }
    for (auto const why : {cause::cancelled, cause::out_of_memory}) {    // killed, but not by a fault of its own
        auto const killed = ended_with(failure{why, "as it was"}.signal(SIGKILL));
        CHECK(killed.code() == why);
        CHECK(killed.signal() == SIGKILL);
    }
}

TEST_CASE("run_bgpq4: without the program the failure says so, and names it", "[bgp][run_bgpq4]") {
    command_runner runner;
    context cx;
    auto const got = run_bgpq4{runner}(planned_for({.program = "no-such-bgpq4"}), cx);
    REQUIRE(!got);
    CHECK(got.error().is(cause::unavailable));
    CHECK(got.error().text().find("no-such-bgpq4") != std::string::npos);
}

TEST_CASE("run_bgpq4: a server that hangs costs the deadline, and no process is left", "[bgp][run_bgpq4][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    for (auto const how : {irr_fault::silent, irr_fault::half_answer}) {
        server.misbehave("AS13335", how);
        context cx;
        auto const asking = deadline{300ms} | run_bgpq4{runner};
        auto const got = asking(planned_for({.server = server.address()}), cx);
        REQUIRE(!got);
        CHECK(got.error().code() == fault::timed_out);
        CHECK(runner.stats().running == 0);
        CHECK(test::children() == 0);
    }
    CHECK(runner.stats().killed == 2);
}

TEST_CASE("run_bgpq4: a stop ends a bgpq4 that hangs, as cancelled", "[bgp][run_bgpq4][bgpq4]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    command_runner runner;
    server.misbehave("AS13335", irr_fault::silent);
    std::stop_source stop;
    std::jthread const stopping{[&] {
        while (server.stats().data_queries == 0) std::this_thread::yield();    // it has asked, and hangs
        stop.request_stop();
    }};
    context cx{stop.get_token()};
    auto const got = run_bgpq4{runner}(planned_for({.server = server.address()}), cx);
    REQUIRE(!got);
    CHECK(got.error().is(cause::cancelled));
    CHECK(test::children() == 0);
}
