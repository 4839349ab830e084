#include <muster/adapt/cache_nodes.hpp>

#include "catch.hpp"

#include <cstdlib>
#include <string>
#include <vector>

using namespace muster;

namespace {

std::string why_not(std::string_view text) {
    auto const nodes = cache_nodes_in(text);
    if (nodes) return "it is taken";
    if (!nodes.error().is(cause::invalid_input)) return "another cause: " + nodes.error().code().message();
    return nodes.error().text();
}

}  // namespace

TEST_CASE("cache_nodes: hosts, addresses and sockets are read in the order in which they are written", "[adapt][cache_nodes]") {
    auto const nodes = cache_nodes_in(" a=10.0.0.1:6379, b = cache.example:65535 ,c=[fe80::1]:1,d=unix:/run/a=b:c.sock");
    REQUIRE(nodes);
    CHECK(*nodes == std::vector<cache_node>{{.name = "a", .host = "10.0.0.1", .port = 6379},
                                            {.name = "b", .host = "cache.example", .port = 65535},
                                            {.name = "c", .host = "fe80::1", .port = 1},
                                            {.name = "d", .socket = "/run/a=b:c.sock"}});
    CHECK(cache_nodes_in("\n  a=h:1,\r\n  b=h:2\n") == cache_nodes_in("a=h:1,b=h:2"));    // as files and manifests have it
}

TEST_CASE("cache_nodes: a number is so many nodes on this machine", "[adapt][cache_nodes]") {
    CHECK(*cache_nodes_in("2") == std::vector<cache_node>{{.name = "node1", .host = "127.0.0.1", .port = 6379},
                                                          {.name = "node2", .host = "127.0.0.1", .port = 6380}});
    CHECK(cache_nodes_in("2\n") == cache_nodes_in("2"));
    CHECK(cache_nodes_in("100")->size() == 100);
    for (std::string const text : {"0", "101", "99999999999999999999999"})
        CHECK(why_not(text) == "muster: " + text + " is no number of local cache nodes: it is from 1 to 100");
}

TEST_CASE("cache_nodes: a mistake is said, with the part that has it and what to write", "[adapt][cache_nodes]") {
    CHECK(why_not(" ") == "muster: no cache nodes: write name=host:port,name=host:port or a number of local ones");
    auto const no_name = [](std::string const& part) {
        return "muster: the cache node " + part + " has no name: write name=host:port, for the name places the keys";
    };
    CHECK(why_not("10.0.0.1:6379") == no_name("\"10.0.0.1:6379\""));
    CHECK(why_not(" =10.0.0.1:6379") == no_name("\"=10.0.0.1:6379\""));
    CHECK(why_not("a=h:1,") == no_name("\"\""));
    CHECK(why_not("a=h:1,,b=h:2") == no_name("\"\""));
    for (std::string const part : {"a=h", "a=h:", "a=h:0", "a=h:65536", "a=h:-1", "a=h:1x", "a="})
        CHECK(why_not("b=h:1," + part) == "muster: the cache node \"" + part + "\" has no port of 1 to 65535: write name=host:port");
    CHECK(why_not("a=:1") == "muster: the cache node \"a=:1\" has no host: write name=host:port");
    CHECK(why_not("a=h h:1") == "muster: the cache node \"a=h h:1\" has no host: write name=host:port");
    CHECK(why_not("a=::1:6379") ==
          "muster: the cache node \"a=::1:6379\" has colons in its host: write an IPv6 address as name=[::1]:6379");
    CHECK(why_not("a=unix:") == "muster: the cache node \"a=unix:\" has no path: write name=unix:/path/of/the/socket");
    CHECK(why_not("a=h:1,b=h:2,a=h:3") ==
          "muster: two cache nodes have the name \"a\": the name places the keys; give each node its own");
}

TEST_CASE("cache_nodes: a password in them is refused, and not said", "[adapt][cache_nodes]") {
    auto const rule = "muster: cache nodes have no user, password or URL in them: write name=host:port, and give a password to "
                      "redis_options::password";
    for (auto const* text : {"redis://:sesame@h:6379", "a=redis://:sesame@h:1", "a=redis://:ses,ame@h:1", "a=redis://h:1", "a=user:sesame@h:1",
                             "a=:sesame@h", "b=h:1, sesame@h:6379", "a=sesame@h:1", "a=sesame=@h:1", "a=user:ses,ame@h:1",
                             "b=unix:/s,a=user:sesame@h:1"})
        CHECK(why_not(text) == rule);
    CHECK(cache_nodes_in("a= unix:/run/user@1000.service/redis.sock")->at(0).socket == "/run/user@1000.service/redis.sock");
}

TEST_CASE("cache_nodes: what no environment names falls back to three local nodes, and says so", "[adapt][cache_nodes]") {
    std::string const variable = "MUSTER_TEST_CACHE_NODES";
    ::unsetenv(variable.c_str());
    auto const fallen = cache_nodes_from_environment(variable);
    REQUIRE(fallen);
    CHECK(fallen->nodes == local_cache_nodes(3));
    CHECK(fallen->said_by == variable + " is not set: 3 nodes on this machine, at 127.0.0.1, ports 6379 to 6381");
    ::setenv(variable.c_str(), "", 1);
    CHECK(*cache_nodes_from_environment(variable) == *fallen);

    ::setenv(variable.c_str(), "a=h:1", 1);
    CHECK(*cache_nodes_from_environment(variable) == cache_nodes{{{.name = "a", .host = "h", .port = 1}}, variable});

    ::setenv(variable.c_str(), "a=h", 1);
    auto const wrong = cache_nodes_from_environment(variable);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().is(cause::invalid_input));
    CHECK(wrong.error().text().ends_with("; this is in " + variable));
    ::unsetenv(variable.c_str());
}
