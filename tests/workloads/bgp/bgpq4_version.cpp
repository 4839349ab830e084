#include <muster/workloads/bgp/bgpq4_version.hpp>

#include <string>
#include <utility>

#include <muster/process/command_runner.hpp>

#include "catch.hpp"
#include "program.hpp"

using namespace muster;
using namespace muster::bgp;

namespace {

// A program that says what it is told to.
struct saying {
    std::string out, err;
    int exit_code = 0;
    command asked{};

    outcome<command_result> run(command const& what, context&) {
        asked = what;
        command_result result;
        result.exit_code = exit_code;
        result.out = out;
        result.err = err;
        return result;
    }
};

outcome<std::string> version_of(std::string out, std::string err = {}, int exit_code = 0) {
    saying program{std::move(out), std::move(err), exit_code};
    context cx;
    return bgpq4_version(program, cx);
}

}  // namespace

TEST_CASE("bgpq4_version: is read from what bgpq4 says, on either output and with any exit code",
          "[bgp][bgpq4_version]") {
    CHECK(version_of("bgpq4 - a versatile utility to generate BGP filters\nversion: 1.9 (https://example)\n").value() == "1.9");
    CHECK(version_of("", "bgpq4 - a versatile utility\nversion: 1.16\n", 1).value() == "1.16");
    CHECK(version_of("bgpq4 1.4\n").value() == "1.4");
    CHECK(version_of("version: 2").value() == "2");
}

TEST_CASE("bgpq4_version: one question, with an empty environment and no object", "[bgp][bgpq4_version]") {
    saying program{"version: 1.9\n", ""};
    context cx;
    CHECK(bgpq4_version(program, cx, "/opt/bgpq4").value() == "1.9");
    CHECK(program.asked.program == "/opt/bgpq4");
    CHECK(program.asked.args == std::vector<std::string>{"-v"});
    CHECK(program.asked.environment.empty());
}

TEST_CASE("bgpq4_version: a program that is none that we know is cause::exited, and cannot speak to the terminal",
          "[bgp][bgpq4_version]") {
    for (auto const* said : {"", "hello", "version: ", "version: x", "version: .9", "bgpq4 - a versatile utility",
                             "\x1b[2Jversion"}) {
        CAPTURE(said);
        auto const got = version_of(said);
        REQUIRE(!got);
        CHECK(got.error().is(cause::exited));
        CHECK(got.error().text().find("no bgpq4") != std::string::npos);
        for (char const c : got.error().text()) CHECK((c >= 0x20 && c < 0x7f));
    }
    CHECK(version_of(std::string(100'000, 'x')).error().text().size() < 300);
}

TEST_CASE("bgpq4_version: the real one has one; no program is cause::unavailable, another program cause::exited",
          "[bgp][bgpq4_version][bgpq4]") {
    command_runner runner;
    context cx;
    CHECK(bgpq4_version(runner, cx, "no-such-bgpq4").error().is(cause::unavailable));
    CHECK(bgpq4_version(runner, cx, "true").error().is(cause::exited));
    auto const by_hand = test::run({"bgpq4", "-v"});
    if (by_hand.exit_code == 127) SKIP("no bgpq4");
    auto const got = bgpq4_version(runner, cx);
    REQUIRE(got);
    CHECK((by_hand.out + by_hand.err).find(*got) != std::string::npos);
    CHECK(got->find_first_not_of("0123456789.") == std::string::npos);
    CHECK(runner.stats().started == 2);    // one process each; what is not there starts none
}
