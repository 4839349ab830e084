#pragma once

#include <compare>        // strong_ordering
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/ascii.hpp>           // decimal
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// Where the registry answers: a host name or an IPv4 address, and a port.
///
/// Shape      `host` or `host:port`. IPv6 addresses are refused, because bgpq4 splits at the first colon: give a name.
/// Default    port 43, the one of whois and IRRd.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
/// Source     RFC 1123, section 2.1 (host names).
class irr_server {
public:
    /// rr.ntt.net:43, the one that bgpq4 asks by itself.
    irr_server() : irr_server("rr.ntt.net", 43) {}
    [[nodiscard]] static outcome<irr_server> parse(std::string_view text);
    /// On this machine, as the embedded responder is.
    [[nodiscard]] static irr_server loopback(std::uint16_t port) { return irr_server{"127.0.0.1", port}; }

    [[nodiscard]] std::string const& host() const noexcept { return host_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// "host:port": what bgpq4 takes.
    [[nodiscard]] std::string text() const { return host_ + ':' + std::to_string(port_); }

    friend auto operator<=>(irr_server const&, irr_server const&) = default;

    // It travels, and is checked again where it arrives.
    [[nodiscard]] std::string to_wire() const { return text(); }
    [[nodiscard]] static irr_server from_wire(std::string const& text) { return parse(text).value(); }

private:
    irr_server(std::string_view host, std::uint16_t port) : host_(host), port_(port) {}

    std::string host_;
    std::uint16_t port_;
};

// Implementation

namespace detail {

// Numbers alone in the last label mean an address: four of 0 to 255, as no name ends in a number (RFC 1123).
[[nodiscard]] inline bool is_ipv4_address(std::string_view text) {
    int parts = 0;
    for (auto left = text;; ++parts) {
        auto const dot = left.find('.');
        if (!decimal(left.substr(0, dot), 255)) return false;
        if (dot == left.npos) return parts == 3;
        left.remove_prefix(dot + 1);
    }
}

/// What is wrong with a host name, or nothing.
[[nodiscard]] inline std::string_view host_mistake(std::string_view host) {
    if (host.empty() || host.size() > 253) return "a host has 1 to 253 bytes";
    std::string_view last;
    for (auto left = host;;) {
        auto const dot = left.find('.');
        last = left.substr(0, dot);
        if (last.empty() || last.size() > 63) return "each part of a host, between dots, has 1 to 63 bytes";
        if (last.front() == '-' || last.back() == '-') return "no part of a host begins or ends with '-'";
        for (char const c : last)
            if (!is_alphanumeric(c) && c != '-') return "in a host letters, digits, '-' and '.' are allowed";
        if (dot == left.npos) break;
        left.remove_prefix(dot + 1);
    }
    bool const numeric = last.find_first_not_of("0123456789") == last.npos || starts_like(last, "0x");
    if (numeric && !is_ipv4_address(host)) return "an address is four numbers of 0 to 255 with dots between them";
    return {};
}

}  // namespace detail

inline outcome<irr_server> irr_server::parse(std::string_view text) {
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no server: " + std::string{rule}};
    };
    auto const colon = text.find(':');
    if (colon != text.npos && text.find(':', colon + 1) != text.npos)
        return refuse("bgpq4 takes no IPv6 address: a host name or an IPv4 address is allowed, with ':' and a port");
    auto const host = text.substr(0, colon);
    if (auto const mistake = detail::host_mistake(host); !mistake.empty()) return refuse(mistake);
    if (colon == text.npos) return irr_server{host, 43};
    auto const port = detail::decimal(text.substr(colon + 1), 65535);
    if (!port || *port == 0) return refuse("a port is a number of 1 to 65535");
    return irr_server{host, static_cast<std::uint16_t>(*port)};
}

}  // namespace muster::bgp
