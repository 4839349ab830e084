#pragma once

#include <cstdint>        // uint8_t
#include <optional>       // optional
#include <string>         // string
#include <string_view>    // name_of

#include <muster/workloads/bgp/as_number.hpp>          // as_number
#include <muster/workloads/bgp/irr_server.hpp>         // irr_server
#include <muster/workloads/bgp/output_format.hpp>      // output_format
#include <muster/workloads/bgp/output_template.hpp>    // output_template
#include <muster/workloads/bgp/source_list.hpp>        // source_list

namespace muster::bgp {

/// What is listed.
enum class list_kind : std::uint8_t {
    prefixes,     ///< prefixes of the object
    path_from,    ///< -f: paths from a neighbour that end in the object's numbers
    path_to,      ///< -G: paths towards a neighbour
    as_set,       ///< -t: the object's numbers
};

[[nodiscard]] constexpr std::string_view name_of(list_kind which) noexcept {
    switch (which) {
        case list_kind::prefixes: return "prefixes";
        case list_kind::path_from: return "path-from";
        case list_kind::path_to: return "path-to";
        case list_kind::as_set: return "as-set";
    }
    return "unknown kind";
}

/// What the policies of one run have in common. `plan` refuses what bgpq4 would refuse, before anything starts.
struct policy_options {
    irr_server server{};                                     ///< rr.ntt.net:43, bgpq4's own default
    source_list sources{};                                   ///< the server's own
    output_format format = output_format::ios;               ///< bgpq4's own default
    std::optional<output_template> custom{};                 ///< with output_format::custom, and only then
    list_kind kind = list_kind::prefixes;
    std::optional<as_number> neighbour{};                    ///< with path_from and path_to, and only then
    bool aggregate = false;                                  ///< -A
    std::optional<std::uint8_t> more_specific_from{};        ///< -r
    std::optional<std::uint8_t> more_specific_to{};          ///< -R
    std::optional<std::uint8_t> longest{};                   ///< -m: longer prefixes are left out
    std::optional<std::uint8_t> depth{};                     ///< -L: how deep sets are followed; unlimited
    std::string program = "bgpq4";                           ///< looked for in PATH when it holds no slash

    friend bool operator==(policy_options const&, policy_options const&) = default;
};

}  // namespace muster::bgp
