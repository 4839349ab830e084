#pragma once

#include <cstdint>        // uint8_t
#include <optional>       // optional
#include <string>         // string
#include <string_view>    // string_view

#include <muster/workloads/bgp/irr_object.hpp>       // irr_object
#include <muster/workloads/bgp/irr_server.hpp>       // irr_server
#include <muster/workloads/bgp/policy_name.hpp>      // policy_name

namespace muster::bgp {

/// Which prefixes: a process of bgpq4 writes those of one family.
enum class address_family : std::uint8_t { ipv4, ipv6 };

[[nodiscard]] constexpr std::string_view name_of(address_family which) noexcept {
    return which == address_family::ipv4 ? "ipv4" : "ipv6";
}

/// One policy that is asked for: one object, one family, one process of bgpq4. For both families, two of these.
///
/// Default    the list is named after the object and the family: AS13335-v4.
struct request {
    irr_object object;
    address_family family = address_family::ipv4;
    policy_name name = default_name(object, family);
    std::optional<policy_name> term{};      ///< junos_route_filter only: the term of the policy-statement
    std::optional<irr_server> server{};     ///< another one than the run's
    /// never at the same time as another exclusive one: they share a tunnel, say
    bool exclusive = false;

    [[nodiscard]] static policy_name default_name(irr_object const& object, address_family family) {
        return policy_name::sanitised(object.text().substr(0, policy_name::most_bytes - 3) +
                                      (family == address_family::ipv4 ? "-v4" : "-v6"));
    }
    /// "AS13335 ipv4": as reports name it.
    [[nodiscard]] std::string text() const { return object.text() + ' ' + std::string{name_of(family)}; }
    friend bool operator==(request const&, request const&) = default;
};

}  // namespace muster::bgp
