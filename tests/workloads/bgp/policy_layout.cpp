#include <muster/workloads/bgp/policy_layout.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/plan.hpp>

#include "catch.hpp"
#include "program.hpp"

using namespace muster::bgp;
using muster::cause;

namespace {

bool have_bgpq4() {
    static bool const have = test::run({"bgpq4", "-v"}).exit_code != 127;
    return have;
}

struct asked_bgpq4 {
    test::ended ended;
    policy_layout layout;
};

asked_bgpq4 ask(irr_responder& server, policy_options options, request asked) {
    options.server = server.address();
    auto planned = plan{options}(asked);
    if (!planned) FAIL(planned.error().text());
    std::vector<std::string> words{planned->run.program};
    words.insert(words.end(), planned->run.args.begin(), planned->run.args.end());
    return {test::run(words), planned->layout};
}

irr_object object(std::string_view text) { return irr_object::parse(text, as_number::reserved::allow).value(); }

policy_options options_for(output_format format) {
    policy_options options;
    options.format = format;
    if (format == output_format::custom) options.custom = output_template::parse("%n/%l le %A in %N %% \\\\\\n").value();
    return options;
}

}  // namespace

TEST_CASE("policy_layout: in every format, for both families, as many prefixes are read as the network has",
          "[bgp][policy_layout]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    for (auto const format : all_output_formats) {
        for (auto const family : {address_family::ipv4, address_family::ipv6}) {
            CAPTURE(name_of(format), name_of(family));
            auto const got = ask(server, options_for(format), {.object = object("AS13335"), .family = family});
            CAPTURE(got.ended.out, got.ended.err);
            REQUIRE(got.ended.exit_code == 0);
            auto const count = count_entries(got.ended.out, got.layout);
            if (!count) FAIL(count.error().text());
            CHECK(*count == (family == address_family::ipv4 ? 17u : 7u));
        }
    }
}

TEST_CASE("policy_layout: in every format an empty list reads as none, also where it takes text to say so",
          "[bgp][policy_layout]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    for (auto const format : all_output_formats) {
        for (auto const family : {address_family::ipv4, address_family::ipv6}) {
            for (std::string_view const nothing : {"AS3999", "AS-EXAMPLE-EMPTY", "AS-NOT-THERE"}) {
                CAPTURE(name_of(format), name_of(family), nothing);
                auto const got = ask(server, options_for(format), {.object = object(nothing), .family = family});
                CAPTURE(got.ended.out, got.ended.err);
                auto const count = count_entries(got.ended.out, got.layout);
                if (!count) FAIL(count.error().text());
                CHECK(*count == 0);
            }
        }
    }
}

TEST_CASE("policy_layout: ranges and aggregates count as the entries they are", "[bgp][policy_layout]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    for (auto const format : all_output_formats) {
        if (format == output_format::junos) continue;    // has neither
        CAPTURE(name_of(format));
        auto specific = options_for(format);
        specific.more_specific_from = 23;
        specific.more_specific_to = 24;
        auto const got = ask(server, specific, {.object = object("AS13335")});
        CAPTURE(got.ended.out, got.ended.err);
        auto const count = count_entries(got.ended.out, got.layout);
        if (!count) FAIL(count.error().text());
        CHECK(*count == 17);

        auto aggregated = options_for(format);
        aggregated.aggregate = true;
        auto const sum = ask(server, aggregated, {.object = object("RS-EXAMPLE")});
        CAPTURE(sum.ended.out, sum.ended.err);
        auto const entries = count_entries(sum.ended.out, sum.layout);
        if (!entries) FAIL(entries.error().text());
        // formats that can say a range say this one in a line; a template has no words for it, MikroTik and JSON do
        CHECK(*entries == 2);
    }
}

TEST_CASE("policy_layout: lists of numbers are counted in every format that has them, empty ones as none",
          "[bgp][policy_layout]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    std::size_t combinations = 0;
    for (auto const kind : {list_kind::path_from, list_kind::path_to, list_kind::as_set}) {
        for (auto const format : all_output_formats) {
            policy_options options = options_for(format);
            options.kind = kind;
            if (kind != list_kind::as_set) options.neighbour = as_number::parse("AS13335").value();
            if (!plan{options}({.object = object("AS112")})) continue;    // not a combination that bgpq4 has
            ++combinations;
            CAPTURE(name_of(format), name_of(kind));
            for (auto const& [name, numbers] : std::vector<std::pair<std::string, std::size_t>>{
                     {"AS-EXAMPLE-NESTED", 11}, {"AS112", 1}, {"AS13335", 1}, {"AS-EXAMPLE-EMPTY", 0}}) {
                auto const got = ask(server, options, {.object = object(name)});
                CAPTURE(name, got.ended.out, got.ended.err);
                REQUIRE(got.ended.exit_code == 0);
                auto const count = count_entries(got.ended.out, got.layout);
                if (!count) FAIL(count.error().text());
                CHECK(*count == numbers);
            }
        }
    }
    CHECK(combinations == 21);
}

TEST_CASE("policy_layout: a term makes a hierarchical Junos policy, which reads as one", "[bgp][policy_layout]") {
    if (!have_bgpq4()) SKIP("no bgpq4");
    irr_responder server;
    auto const got = ask(server, options_for(output_format::junos_route_filter),
                         {.object = object("AS112"), .name = policy_name::parse("outer").value(),
                          .term = policy_name::parse("inner").value()});
    CHECK(got.ended.out.find("term inner {") != std::string::npos);
    REQUIRE(count_entries(got.ended.out, got.layout));
    CHECK(*count_entries(got.ended.out, got.layout) == 2);
}

TEST_CASE("policy_layout: a text that was cut, or is another's, is unreadable at every byte", "[bgp][policy_layout]") {
    policy_layout const junos{.format = output_format::junos, .name = "CF"};
    std::string const good = "policy-options {\nreplace:\n prefix-list CF {\n    1.1.1.0/24;\n    1.0.0.0/24;\n }\n}\n";
    REQUIRE(*count_entries(good, junos) == 2);
    for (std::size_t size = 0; size < good.size(); ++size) {
        auto const cut = count_entries(std::string_view{good}.substr(0, size), junos);
        CAPTURE(size);
        REQUIRE(!cut);
        CHECK(cut.error().code() == fault::unreadable);
        CHECK(cut.error().is(cause::exited));
    }
    CHECK(!count_entries(good, {.format = output_format::junos, .name = "OTHER"}));
    CHECK(!count_entries(good, {.format = output_format::junos, .family = address_family::ipv6, .name = "CF"}));
    CHECK(!count_entries(good, {.format = output_format::ios, .name = "CF"}));
    CHECK(!count_entries("no ip prefix-list CF\nip prefix-list CF permit 1.1.1.0/33\n", {.name = "CF"}));
    CHECK(!count_entries("no ip prefix-list CF\nip prefix-list CF permit 1.1.1.256/24\n", {.name = "CF"}));
    CHECK(!count_entries("no ip prefix-list CF\nreload in 5\n", {.name = "CF"}));
    CHECK(!count_entries("", {.name = "CF"}));
    CHECK(*count_entries("", {.format = output_format::bird, .name = "CF"}) == 0);
    CHECK(!count_entries("no ip prefix-list CF\nip prefix-list CF permit 1.1.1.0/24\nip prefix-list CF deny 0.0.0.0/0\n", {.name = "CF"}));
}

TEST_CASE("policy_layout: a hundred thousand prefixes are read in a moment", "[bgp][policy_layout]") {
    std::string text = "no ip prefix-list CF\n";
    for (int i = 0; i < 100000; ++i)
        text += "ip prefix-list CF permit 10." + std::to_string(i / 65536) + '.' + std::to_string(i / 256 % 256) +
            '.' + std::to_string(i % 256) + "/32\n";
    CHECK(*count_entries(text, {.name = "CF"}) == 100000);
}
