#include <muster/workloads/bgp/judge.hpp>

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <muster/workloads/bgp/irr_responder.hpp>

#include "catch.hpp"
#include "program.hpp"

using namespace muster::bgp;
using muster::cause;

namespace {

bool have_bgpq4() {
    static bool const have = test::run({"bgpq4", "-v"}).exit_code != 127;
    return have;
}

policy_layout const junos{.format = output_format::junos, .name = "CF"};

muster::outcome<policy_text> judged(std::string const& server, std::vector<std::string> more,
                                    std::chrono::milliseconds at_most = std::chrono::seconds{30}) {
    std::vector<std::string> words{"bgpq4", "-h", server, "-J", "-l", "CF"};
    words.insert(words.end(), more.begin(), more.end());
    auto const ended = test::run(words, at_most);
    return judge({ended.exit_code, ended.signal, ended.timed_out, ended.out, ended.err}, junos);
}

}  // namespace

TEST_CASE("judge: what bgpq4 hides behind exit 0 and an empty list is told apart", "[bgp][judge]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    auto const at = server.address().text();
    CHECK(judged(at, {"AS13335"})->entries == 17);
    for (std::string const nothing : {"AS3999", "AS-NOT-THERE", "AS-EXAMPLE-EMPTY"}) {
        CAPTURE(nothing);
        auto const got = judged(at, {nothing});
        REQUIRE(got);                         // a success of its own kind
        CHECK(got->empty());
    }
    for (auto const& [how, means, amounts_to] : std::vector<std::tuple<irr_fault, fault, cause>>{
             {irr_fault::server_error, fault::server_error, cause::unavailable},
             {irr_fault::several_keys, fault::several_keys, cause::unavailable},
             {irr_fault::bad_prefix, fault::bad_prefix, cause::unavailable},
             {irr_fault::wrong_letter, fault::wrong_reply, cause::unavailable},
             {irr_fault::close_early, fault::closed_early, cause::unavailable},
             {irr_fault::bad_length, fault::aborted, cause::crashed}}) {
        CAPTURE(name_of(how));
        server.misbehave("AS13335", how);
        auto const got = judged(at, {"AS13335"});
        REQUIRE(!got);
        CHECK(got.error().code() == means);
        CHECK(got.error().is(amounts_to));
        CHECK(!got.error().is(cause::cancelled));
    }
    for (auto const how : {irr_fault::no_data, irr_fault::unknown}) {
        server.misbehave("AS13335", how);
        CHECK(judged(at, {"AS13335"})->empty());
    }
    server.misbehave("AS13335", irr_fault::bad_length);
    CHECK(judged(at, {"AS13335"}).error().signal() == SIGABRT);
}

TEST_CASE("judge: numbers, sources, objects and servers that bgpq4 refuses are told apart", "[bgp][judge]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    auto const at = server.address().text();
    CHECK(judged(at, {"AS64500"}).error().code() == fault::invalid_number);
    CHECK(judged(at, {"ASfoo"}).error().code() == fault::invalid_number);
    CHECK(judged(at, {"-S", "NOPE", "AS112"}).error().code() == fault::invalid_source);
    CHECK(judged(at, {"FOO"}).error().code() == fault::invalid_object);
    CHECK(judged(at, {"-A", "AS112"}).error().code() == fault::invalid_options);
    CHECK(judged(at, {"AS112"})->entries == 2);
    server.listen(irr_responder::listening::refusing);
    CHECK(judged(at, {"AS112"}).error().code() == fault::refused);
    CHECK(judged("no-such-host.invalid:43", {"AS112"}).error().code() == fault::unresolved_host);
}

TEST_CASE("judge: silence, half an answer and a queue that nobody serves end as timed out", "[bgp][judge]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    auto const at = server.address().text();
    for (auto const how : {irr_fault::silent, irr_fault::half_answer}) {
        server.misbehave("AS13335", how);
        auto const got = judged(at, {"AS13335"}, std::chrono::milliseconds{300});
        CHECK(got.error().code() == fault::timed_out);
        CHECK(got.error().is(cause::timed_out));
    }
    server.listen(irr_responder::listening::not_accepting);
    CHECK(judged(at, {"AS112"}, std::chrono::milliseconds{300}).error().code() == fault::timed_out);
    server.listen(irr_responder::listening::serving);
    CHECK(judged(at, {"AS112"})->entries == 2);
}

TEST_CASE("judge: ERROR on stderr fails at any exit code, other words on stderr do not", "[bgp][judge]") {
    std::string_view const good = "policy-options {\nreplace:\n prefix-list CF {\n    1.1.1.0/24;\n }\n}\n";
    CHECK(judge({.out = good}, junos)->entries == 1);
    CHECK(judge({.out = good, .err = "Key not found expanding !gas39999\nwarning: ERROR: amid a line\n"},
                junos)->entries == 1);
    CHECK(judge({.out = good, .err = "note\nERROR:something new\n"}, junos).error().code() == fault::reported);
    CHECK(judge({.out = good, .err = "ERROR:Error expanding !gas1\n"}, junos).error().code() == fault::server_error);
    CHECK(judge({.exit_code = 3, .out = good}, junos).error().code() == fault::failed);
    CHECK(judge({.exit_code = 3, .out = good}, junos).error().exit_code() == 3);
    CHECK(judge({.exit_code = 134}, junos).error().code() == fault::aborted);
    CHECK(judge({.signal = SIGKILL}, junos).error().is(cause::crashed));
    CHECK(judge({.out = "nonsense\n"}, junos).error().code() == fault::unreadable);
}

TEST_CASE("judge: what a server put on stderr cannot speak to the terminal", "[bgp][judge]") {
    auto const got = judge({.err = "ERROR:Error expanding !gas1\x1b[2J\x07\n"}, junos);
    for (char const c : got.error().text()) CHECK((c >= 0x20 && c < 0x7f));
}
