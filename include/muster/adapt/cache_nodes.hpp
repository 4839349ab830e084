#pragma once

#include <charconv>       // from_chars
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t
#include <cstdlib>        // getenv
#include <string>         // names
#include <string_view>    // what is parsed
#include <utility>        // move
#include <vector>         // nodes

#include <muster/core/failure.hpp>    // cause, failure
#include <muster/core/json.hpp>       // json_text
#include <muster/core/outcome.hpp>    // outcome

namespace muster {

/// Where one cache node listens, and by which name a hash_ring knows it. The name places the keys: it stays when the address changes.
struct cache_node {
    std::string name{};
    std::string host{};        ///< a name or an address; empty where there is a socket
    std::uint16_t port = 0;
    std::string socket{};      ///< a path; empty where there is a host
    friend bool operator==(cache_node const&, cache_node const&) = default;
};

/// The nodes of a ring, and who said so.
struct cache_nodes {
    std::vector<cache_node> nodes{};
    std::string said_by{};     ///< for a log: "MUSTER_CACHE_NODES", or that it is not set and what is used in its place
    friend bool operator==(cache_nodes const&, cache_nodes const&) = default;
};

/// So many nodes on this machine: node1 at 127.0.0.1:6379, node2 at the next port, and so on.
[[nodiscard]] std::vector<cache_node> local_cache_nodes(std::size_t how_many = 3);

/// Reads "a=10.0.0.1:6379,b=cache.example:6380,c=[fe80::1]:6379,d=unix:/run/cache.sock", or a number of local nodes, 1 to 100.
///
/// Shape      as many as are written, in that order. Blanks and ends of lines around a part do not count.
/// Fails      cause::invalid_input, with the part that is wrong and what to write: no name or one that is there twice, no port of 1 to
///            65535, no host; nothing at all; a URL, or an @ in an address: then nothing is repeated, it may be a password. Nothing is
///            left out in silence.
[[nodiscard]] outcome<std::vector<cache_node>> cache_nodes_in(std::string_view text);

/// The nodes that an environment variable names.
///
/// Default    unset or empty: 3 local nodes, and `said_by` says that.
/// Fails      as cache_nodes_in: a variable with a mistake in it does not fall back to anything.
/// Threads    as getenv: while nobody changes the environment.
[[nodiscard]] outcome<cache_nodes> cache_nodes_from_environment(std::string const& variable = "MUSTER_CACHE_NODES");

// Implementation

namespace detail {

inline constexpr std::uint16_t first_cache_port = 6379;    // that of Redis
inline constexpr std::size_t most_local_nodes = 100;

inline std::string_view without_blanks(std::string_view text) {
    constexpr auto blanks = " \t\r\n";
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

template <class Number>
bool read_whole(std::string_view text, Number& into) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc{} && end == text.data() + text.size();
}

inline failure no_cache_node(std::string_view part, std::string_view why) {
    return {cause::invalid_input, "muster: the cache node " + json_text(part) + ' ' + std::string{why}};
}

// A URL, or an @ in an address: what is around it is not to be said.
inline bool may_hold_password(std::string_view text) {
    if (text.find("://") != std::string_view::npos) return true;
    for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end == std::string_view::npos ? 0 : end + 1)) {
        end = text.find(',');
        auto const part = text.substr(0, end);
        auto const at = part.find('=');
        auto const address = without_blanks(at == std::string_view::npos ? part : part.substr(at + 1));
        if (!address.starts_with("unix:") && address.find('@') != std::string_view::npos) return true;
    }
    return false;
}

inline outcome<cache_node> cache_node_in(std::string_view part) {
    cache_node out;
    auto const equals = part.find('=');
    if (equals == std::string_view::npos || without_blanks(part.substr(0, equals)).empty())
        return no_cache_node(part, "has no name: write name=host:port, for the name places the keys");
    out.name = without_blanks(part.substr(0, equals));
    auto const at = without_blanks(part.substr(equals + 1));
    if (at.starts_with("unix:")) {
        out.socket = at.substr(5);
        if (out.socket.empty()) return no_cache_node(part, "has no path: write name=unix:/path/of/the/socket");
        return out;
    }
    auto const colon = at.rfind(':');
    if (colon == std::string_view::npos || !read_whole(at.substr(colon + 1), out.port) || out.port == 0)
        return no_cache_node(part, "has no port of 1 to 65535: write name=host:port");
    auto host = at.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    else if (host.find_first_of(":[]") != std::string_view::npos)
        return no_cache_node(part, "has colons in its host: write an IPv6 address as name=[::1]:6379");
    if (host.empty() || host.find_first_of(" \t\r\n") != std::string_view::npos)
        return no_cache_node(part, "has no host: write name=host:port");
    out.host = host;
    return out;
}

}  // namespace detail

inline std::vector<cache_node> local_cache_nodes(std::size_t how_many) {
    std::vector<cache_node> out;
    for (std::size_t i = 0; i < how_many && i < detail::most_local_nodes; ++i)
        out.push_back({.name = "node" + std::to_string(i + 1),
                       .host = "127.0.0.1",
                       .port = static_cast<std::uint16_t>(detail::first_cache_port + i)});
    return out;
}

inline outcome<std::vector<cache_node>> cache_nodes_in(std::string_view text) {
    text = detail::without_blanks(text);
    if (text.empty()) return failure{cause::invalid_input, "muster: no cache nodes: write name=host:port,name=host:port or a number of local ones"};
    std::size_t how_many = 0;
    if (text.find_first_not_of("0123456789") == std::string_view::npos) {
        if (!detail::read_whole(text, how_many) || how_many < 1 || how_many > detail::most_local_nodes)
            return failure{cause::invalid_input, "muster: " + std::string{text.substr(0, 40)} +
                                                     " is no number of local cache nodes: it is from 1 to 100"};
        return local_cache_nodes(how_many);
    }
    if (detail::may_hold_password(text))
        return failure{cause::invalid_input, "muster: cache nodes have no user, password or URL in them: write name=host:port, and give "
                                             "a password to redis_options::password"};
    std::vector<cache_node> out;
    for (bool more = true; more;) {
        auto const comma = text.find(',');
        more = comma != std::string_view::npos;
        auto node = detail::cache_node_in(detail::without_blanks(text.substr(0, comma)));
        if (!node) return std::move(node).error();
        for (auto const& other : out)
            if (other.name == node->name)
                return failure{cause::invalid_input, "muster: two cache nodes have the name " + json_text(node->name) +
                                                         ": the name places the keys; give each node its own"};
        out.push_back(*std::move(node));
        if (more) text.remove_prefix(comma + 1);
    }
    return out;
}

inline outcome<cache_nodes> cache_nodes_from_environment(std::string const& variable) {
    char const* const said = std::getenv(variable.c_str());
    if (!said || detail::without_blanks(said).empty())
        return cache_nodes{.nodes = local_cache_nodes(),
                           .said_by = variable + " is not set: 3 nodes on this machine, at 127.0.0.1, ports 6379 to 6381"};
    auto nodes = cache_nodes_in(said);
    if (!nodes) return std::move(nodes.error().note("; this is in " + variable));
    return cache_nodes{.nodes = *std::move(nodes), .said_by = variable};
}

}  // namespace muster
