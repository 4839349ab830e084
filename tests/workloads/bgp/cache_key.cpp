#include <muster/workloads/bgp/cache_key.hpp>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace muster::bgp;

namespace {

request const cloudflare{.object = irr_object::parse("AS13335").value()};

std::string key_of(policy_options const& options, request const& asked = cloudflare, cache_key const& key = cache_key{"1.9"}) {
    return key(plan{options}(asked).value());
}

}  // namespace

TEST_CASE("cache_key: the same question has the same key, whoever asks and when", "[bgp][cache_key]") {
    CHECK(key_of({}) == key_of({}));
    CHECK(key_of({}, {.object = irr_object::parse("as13335").value()}) == key_of({}));
    auto exclusive = cloudflare;
    exclusive.exclusive = true;                 // when it may run, not what it answers
    CHECK(key_of({}, exclusive) == key_of({}));
}

TEST_CASE("cache_key: whatever changes the answer changes the key", "[bgp][cache_key]") {
    policy_options const plain{.format = output_format::junos_route_filter};
    std::set<std::string> keys{key_of(plain)};
    std::size_t made = 1;
    auto const differs = [&](std::string key) {
        CAPTURE(key);
        CHECK(keys.insert(std::move(key)).second);
        ++made;
    };
    auto const with = [&](auto change) {
        auto options = plain;
        change(options);
        differs(key_of(options));
    };
    with([](auto& o) { o.server = irr_server::parse("irr.example").value(); });
    with([](auto& o) { o.server = irr_server::parse("irr.example:4343").value(); });
    with([](auto& o) { o.sources = source_list::parse("RIPE").value(); });
    with([](auto& o) { o.sources = source_list::parse("RIPE,RADB").value(); });
    with([](auto& o) { o.sources = source_list::parse("RADB,RIPE").value(); });    // the first that has it answers
    for (auto const format : all_output_formats)
        if (format != plain.format && format != output_format::custom) with([&](auto& o) { o.format = format; });
    for (auto const* text : {"%n/%l\\n", "%n %l\\n"})
        with([&](auto& o) {
            o.format = output_format::custom;
            o.custom = output_template::parse(text).value();
        });
    with([](auto& o) { o.aggregate = true; });
    with([](auto& o) { o.more_specific_from = std::uint8_t{24}; });
    with([](auto& o) { o.more_specific_to = std::uint8_t{24}; });
    with([](auto& o) { o.longest = std::uint8_t{24}; });
    with([](auto& o) { o.depth = std::uint8_t{24}; });
    with([](auto& o) { o.program = "/opt/bgpq4"; });
    for (auto const kind : {list_kind::path_from, list_kind::path_to})
        for (auto const neighbour : {1u, 2u})
            with([&](auto& o) {
                o.format = output_format::ios;
                o.kind = kind;
                o.neighbour = as_number::of(neighbour).value();
            });
    with([](auto& o) {
        o.format = output_format::json;
        o.kind = list_kind::as_set;
    });
    differs(key_of(plain, {.object = irr_object::parse("AS15169").value()}));
    differs(key_of(plain, {.object = irr_object::parse("AS13335").value(), .family = address_family::ipv6}));
    differs(key_of(plain, {.object = irr_object::parse("AS13335").value(), .name = policy_name::parse("CF").value()}));
    auto other = cloudflare;
    other.term = policy_name::parse("in").value();
    differs(key_of(plain, other));
    other = cloudflare;
    other.server = irr_server::parse("irr2.example").value();
    differs(key_of(plain, other));
    differs(key_of(plain, cloudflare, cache_key{"1.16"}));
    CHECK(keys.size() == made);
}

TEST_CASE("cache_key: a server whose port changes keeps its key under another name", "[bgp][cache_key]") {
    cache_key const embedded{"1.9", "embedded"};
    auto const at = [](std::uint16_t port) { return policy_options{.server = irr_server::loopback(port)}; };
    CHECK(key_of(at(1000)) != key_of(at(2000)));
    CHECK(key_of(at(1000), cloudflare, embedded) == key_of(at(2000), cloudflare, embedded));
    CHECK(key_of(at(1000), cloudflare, embedded) != key_of(at(1000)));
}

TEST_CASE("cache_key: the other name is the run's server's: a request's own server keeps its own", "[bgp][cache_key]") {
    cache_key const embedded{"1.9", "embedded"};
    auto other = cloudflare, third = cloudflare;
    other.server = irr_server::parse("irr2.example").value();
    third.server = irr_server::parse("irr3.example").value();
    std::set<std::string> const keys{key_of({}, cloudflare, embedded), key_of({}, other, embedded),
                                     key_of({}, third, embedded)};
    CHECK(keys.size() == 3);
}

TEST_CASE("cache_key: is one line of printable text", "[bgp][cache_key]") {
    auto const key = key_of({.sources = source_list::parse("RIPE").value()});
    for (char const c : key) CHECK((c >= 0x20 && c < 0x7f));
    CHECK(key.starts_with("bgpq4 1.9 bgpq4 -h rr.ntt.net"));
    CHECK(key.ends_with(" -- AS13335"));
}
