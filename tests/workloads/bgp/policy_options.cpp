#include <muster/workloads/bgp/policy_options.hpp>

#include <set>
#include <string_view>

#include "catch.hpp"

using namespace muster::bgp;

TEST_CASE("policy_options: without a word they are bgpq4's own defaults", "[bgp][policy_options]") {
    policy_options const options;
    CHECK(options.server.text() == "rr.ntt.net:43");
    CHECK(options.sources.empty());
    CHECK(options.format == output_format::ios);
    CHECK(options.kind == list_kind::prefixes);
    CHECK(options.program == "bgpq4");
    CHECK(!options.aggregate);
    CHECK(!options.custom);
    CHECK(!options.neighbour);
    CHECK(!(options.more_specific_from || options.more_specific_to || options.longest || options.depth));
}

TEST_CASE("policy_options: each option makes them others", "[bgp][policy_options]") {
    policy_options const plain;
    CHECK(plain == policy_options{});
    CHECK(plain != policy_options{.server = irr_server::parse("irr.example").value()});
    CHECK(plain != policy_options{.sources = source_list::parse("RIPE").value()});
    CHECK(plain != policy_options{.format = output_format::bird});
    CHECK(plain != policy_options{.custom = output_template::parse("%n/%l\\n").value()});
    CHECK(plain != policy_options{.kind = list_kind::as_set});
    CHECK(plain != policy_options{.neighbour = as_number::of(1).value()});
    CHECK(plain != policy_options{.aggregate = true});
    CHECK(plain != policy_options{.more_specific_from = std::uint8_t{24}});
    CHECK(plain != policy_options{.more_specific_to = std::uint8_t{24}});
    CHECK(plain != policy_options{.longest = std::uint8_t{24}});
    CHECK(plain != policy_options{.depth = std::uint8_t{3}});
    CHECK(plain != policy_options{.program = "bgpq3"});
}

TEST_CASE("policy_options: kinds of list have names, each its own", "[bgp][policy_options]") {
    std::set<std::string_view> names;
    for (auto const kind : {list_kind::prefixes, list_kind::path_from, list_kind::path_to, list_kind::as_set})
        CHECK(names.insert(name_of(kind)).second);
    CHECK(names == std::set<std::string_view>{"prefixes", "path-from", "path-to", "as-set"});
}
