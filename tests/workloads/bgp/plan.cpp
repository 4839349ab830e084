#include <muster/workloads/bgp/plan.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include <muster/core/pipeline.hpp>
#include <muster/core/wire.hpp>
#include <muster/os/pipe_ends.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "program.hpp"

using namespace muster::bgp;
using muster::cause;

namespace {

using words = std::vector<std::string>;

irr_object object(std::string_view text) { return irr_object::parse(text, as_number::reserved::allow).value(); }

policy_options with(output_format format) {
    policy_options options;
    options.format = format;
    if (format == output_format::custom) options.custom = output_template::parse("%n/%l\\n").value();
    return options;
}

}  // namespace

TEST_CASE("plan: one argument for each value, the object behind --, nothing in the environment", "[bgp][plan]") {
    policy_options options = with(output_format::junos_route_filter);
    options.server = irr_server::parse("irr.example:4343").value();
    options.sources = source_list::parse("RIPE,RADB").value();
    options.aggregate = true;
    options.more_specific_to = 24;
    options.depth = 3;
    auto const planned = plan{options}({.object = object("AS13335"), .name = policy_name::parse("CF").value(),
                                        .term = policy_name::parse("in").value()});
    REQUIRE(planned);
    CHECK(planned->run.program == "bgpq4");
    CHECK(planned->run.args == words{"-h", "irr.example:4343", "-S", "RIPE,RADB", "-JE", "-4", "-A", "-R", "24", "-L",
                                     "3", "-l", "CF/in", "--", "AS13335"});
    CHECK(planned->run.environment.empty());    // no IRRD_SOURCES
    CHECK(planned->run.any_exit);
    CHECK(planned->layout.name == "CF");
    CHECK(planned->layout.term == "in");
}

TEST_CASE("plan: each format and family has its flag, the default name says both", "[bgp][plan]") {
    for (auto const format : all_output_formats) {
        for (auto const family : {address_family::ipv4, address_family::ipv6}) {
            auto const planned = plan{with(format)}({.object = object("AS1:AS-X"), .family = family});
            REQUIRE(planned);
            auto const& args = planned->run.args;
            if (format == output_format::ios) CHECK(args[2] == (family == address_family::ipv6 ? "-6" : "-4"));
            else CHECK(args[2] == flag_of(format));
            CHECK(std::count(args.begin(), args.end(), family == address_family::ipv6 ? "-6" : "-4") == 1);
            CHECK(planned->layout.name == (family == address_family::ipv6 ? "AS1_AS-X-v6" : "AS1_AS-X-v4"));
        }
        CHECK(*parse_output_format(name_of(format)) == format);
    }
    CHECK(!parse_output_format("cisco"));
}

TEST_CASE("plan: reserved numbers bring -p, others do not", "[bgp][plan]") {
    auto const has_p = [](std::string_view text) {
        auto const planned = plan{}({.object = object(text)}).value();
        return std::count(planned.run.args.begin(), planned.run.args.end(), "-p") == 1;
    };
    CHECK(has_p("AS64500"));
    CHECK(has_p("AS4200000000"));
    CHECK(!has_p("AS13335"));
    CHECK(!has_p("AS-X"));
}

TEST_CASE("plan: what bgpq4 would refuse is refused before anything starts", "[bgp][plan]") {
    auto const refused = [](policy_options options, request asked) {
        auto const planned = plan{std::move(options)}(asked);
        if (!planned) CHECK(planned.error().code() == cause::invalid_input);
        return !planned;
    };
    request const v4{.object = object("AS13335")}, v6{.object = object("AS13335"), .family = address_family::ipv6};
    auto options = with(output_format::junos);
    options.aggregate = true;
    CHECK(refused(options, v4));
    options = with(output_format::junos);
    options.more_specific_to = 24;
    CHECK(refused(options, v4));
    options = with(output_format::junos);
    options.more_specific_from = 24;
    CHECK(refused(options, v4));
    options = with(output_format::ios);
    options.more_specific_to = 33;
    CHECK(refused(options, v4));
    CHECK(!refused(options, v6));
    options.more_specific_to = 24;
    options.more_specific_from = 25;
    CHECK(refused(options, v4));
    options = with(output_format::ios);
    options.longest = 0;
    CHECK(refused(options, v4));
    options = with(output_format::ios);
    options.kind = list_kind::path_from;
    CHECK(refused(options, v4));                      // no neighbour
    options.neighbour = as_number::parse("1").value();
    CHECK(!refused(options, v4));
    CHECK(refused(options, v6));
    CHECK(refused(options, {.object = object("RS-X")}));
    options.aggregate = true;
    CHECK(refused(options, v4));
    options = with(output_format::ios);
    options.neighbour = as_number::parse("1").value();
    CHECK(refused(options, v4));                      // of what?
    options = with(output_format::ios);
    options.kind = list_kind::as_set;
    CHECK(refused(options, v4));
    options = with(output_format::ios);
    options.custom = output_template::parse("%n/%l\\n").value();
    CHECK(refused(options, v4));
    options = with(output_format::custom);
    options.custom.reset();
    CHECK(refused(options, v4));
    CHECK(refused(with(output_format::junos), {.object = object("AS1"), .term = policy_name::parse("t").value()}));
    options = with(output_format::ios);
    options.program.clear();
    CHECK(refused(options, v4));
}

TEST_CASE("plan: bgpq4 takes every combination that is let through", "[bgp][plan]") {
    if (test::run({"bgpq4", "-v"}).exit_code == 127) SKIP("no bgpq4");
    irr_responder server;
    std::size_t tried = 0;
    for (auto const kind : {list_kind::prefixes, list_kind::path_from, list_kind::path_to, list_kind::as_set})
        for (auto const format : all_output_formats)
            for (auto const family : {address_family::ipv4, address_family::ipv6})
                for (int bits = 0; bits < 8; ++bits) {
                    auto options = with(format);
                    options.server = server.address();
                    options.kind = kind;
                    if (kind == list_kind::path_from
                        || kind == list_kind::path_to) options.neighbour = as_number::parse("1").value();
                    options.aggregate = bits & 1;
                    if (bits & 2) options.more_specific_to = 30;
                    if (bits & 4) options.longest = 26;
                    auto const planned = plan{options}({.object = object("AS112"), .family = family});
                    if (!planned) continue;
                    words all{"bgpq4"};
                    all.insert(all.end(), planned->run.args.begin(), planned->run.args.end());
                    auto const ended = test::run(all);
                    CAPTURE(name_of(format), name_of(kind), bits, ended.err);
                    CHECK(ended.exit_code == 0);
                    CHECK(ended.err.empty());
                    ++tried;
                }
    CHECK(tried > 200);
}

// The injection list: each is refused before a process starts, with a message that says what is allowed; those that
// are text in a place of their own arrive as they are, as one argument.
TEST_CASE("plan: hostile objects, names, sources, servers and templates never reach a process",
          "[bgp][plan][injection]") {
    std::size_t refused = 0;
    auto const refuse = [&refused](auto const& parsed, std::string_view what) {
        CAPTURE(what);
        REQUIRE(!parsed);
        CHECK(parsed.error().code() == cause::invalid_input);
        auto const& said = parsed.error().text();
        bool says_rule = false;
        for (auto const rule : {"allow", "asdot is two numbers", "begins with", "one kind", "at most",
                                "each part of a host", "a port is",
                                "takes no IPv6", "an address is", "stands one of", "it holds", "names have",
                                    "has 1 to", "must not begin", "begins or ends"})
            says_rule = says_rule || said.find(rule) != std::string::npos;
        CAPTURE(said);
        CHECK(says_rule);
        for (char const c : parsed.error().text()) CHECK((c >= 0x20 && c < 0x7f));
        ++refused;
    };
    using namespace std::string_view_literals;
    for (auto const text : {"; rm -rf /"sv, "$(whoami)"sv, "`id`"sv, "4294967296"sv, "-1"sv, "0"sv, "4294967295"sv,
                            "AS4294980631"sv, "--"sv,
                            "-h"sv, "-F%n"sv, "-S"sv, "AS1 AS2"sv, "AS1;AS2"sv, "AS1|id"sv, "AS1&"sv, "AS1>x"sv,
                                "AS1\nAS2"sv, "AS1\0"sv, "AS1\r"sv,
                            "AS*"sv, "AS?"sv, "AS[1]"sv, "~"sv, "\xc2\xb2"sv, "\xef\xbc\x91"sv, "AS\xd9\xa1"sv,
                                "1e3"sv, "0x10"sv, " 1"sv, "1 "sv,
                            "1x"sv, ""sv, "AS"sv, "\x1b[2J"sv, "%n"sv, "../../etc/passwd"sv, "AS1/24"sv, "EXCEPT"sv,
                                "{AS1}"sv, "\"AS1\""sv})
        refuse(irr_object::parse(text, as_number::reserved::allow), text);
    CHECK(refused >= 40);
    for (auto const text : {"AS-$(id)"sv, "AS-X;id"sv, "AS-X\n!q"sv, "AS-X Y"sv, "AS-\0X"sv, "AS-X:"sv, "AS-A:FOO"sv,
                            "RS-\xc3\xa4"sv, "AS-../x"sv})
        refuse(irr_object::parse(text), text);
    for (auto const text : {"policy; rm -rf /"sv, "policy$(whoami)"sv, "x; } evil {"sv, "x\" ] }"sv, "a\nb"sv, "-l"sv,
                            "a/b"sv, "%n"sv, ""sv, "a\0b"sv})
        refuse(policy_name::parse(text), text);
    for (auto const text : {"RIPE;id"sv, "RIPE\n!q"sv, "$(id)"sv, "-S"sv, "RIPE RADB"sv, ","sv, "*"sv,
                            "RIPE,\xc3\xa4"sv})
        refuse(source_list::parse(text), text);
    for (auto const text : {"h;id"sv, "$(id)"sv, "-h"sv, "h h"sv, "h\n"sv, "::1"sv, "h:0"sv, "h:99999"sv, "h:1;id"sv,
                            "a/b"sv, "h\0"sv})
        refuse(irr_server::parse(text), text);
    for (auto const text : {"%s"sv, "%"sv, "%n"sv, "%n/%l"sv, "%n/%l\n"sv, "%n\\x/%l\\n"sv, "%n\\n%l\\n"sv,
                            "\x1b%n%l\\n"sv})
        refuse(output_template::parse(text), text);
    CHECK(refused >= 80);
}

TEST_CASE("plan: what it makes travels to other processes", "[bgp][plan]") {
    static_assert(muster::transportable<request> && muster::transportable<planned_policy>);
    request asked{.object = object("AS-EXAMPLE"), .family = address_family::ipv6, .exclusive = true};
    asked.server = irr_server::loopback(4343);
    auto const sent = plan{}(asked).value();
    auto const there = muster::decoded<planned_policy>(muster::encoded(sent)).value();
    CHECK(there.asked == sent.asked);
    CHECK(there.run == sent.run);
    CHECK(there.layout == sent.layout);
    CHECK(there.call == sent.call);
}

TEST_CASE("plan: no two calls have one number, in this process and in its children", "[bgp][plan][forks]") {
    plan const planned;
    request const asked{.object = object("AS13335")};
    std::set<std::uint64_t> seen;
    auto ends = muster::pipe_ends::open();
    auto const some = [&] {
        for (int i = 0; i < 100; ++i)
            if (auto const call = planned(asked)->call; ::write(ends.write.get(), &call, sizeof call) != sizeof call) return 1;
        return 0;
    };
    CHECK(some() == 0);
    CHECK(in_child(some) == exits(0));
    CHECK(some() == 0);
    for (std::uint64_t call = 0; seen.size() < 300 && ::read(ends.read.get(), &call, sizeof call) == sizeof call && seen.insert(call).second;) {}
    CHECK(seen.size() == 300);
}
