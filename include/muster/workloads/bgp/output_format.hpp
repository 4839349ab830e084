#pragma once

#include <array>          // all of them
#include <cstdint>        // uint8_t
#include <string>         // messages
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The languages that bgpq4 writes.
enum class output_format : std::uint8_t {
    ios,                        ///< Cisco IOS, and what reads it
    ios_xr,                     ///< -X
    eos,                        ///< -e
    junos,                      ///< -J, prefix-list
    junos_route_filter,         ///< -JE, policy-statement
    junos_route_filter_list,    ///< -Jz
    json,                       ///< -j
    bird,                       ///< -b
    openbgpd,                   ///< -B
    nokia,                      ///< -N, classic CLI
    nokia_md,                   ///< -n, MD-CLI
    huawei,                     ///< -U
    huawei_xpl,                 ///< -u
    mikrotik6,                  ///< -K
    mikrotik7,                  ///< -K7
    custom,                     ///< -F, a template of the caller's
};

inline constexpr std::array all_output_formats{
    output_format::ios, output_format::ios_xr, output_format::eos, output_format::junos,
    output_format::junos_route_filter,
    output_format::junos_route_filter_list, output_format::json, output_format::bird, output_format::openbgpd,
    output_format::nokia, output_format::nokia_md, output_format::huawei, output_format::huawei_xpl,
    output_format::mikrotik6, output_format::mikrotik7, output_format::custom};

/// "junos-route-filter": the format as options and reports name it.
[[nodiscard]] constexpr std::string_view name_of(output_format which) noexcept {
    switch (which) {
        case output_format::ios: return "ios";
        case output_format::ios_xr: return "ios-xr";
        case output_format::eos: return "eos";
        case output_format::junos: return "junos";
        case output_format::junos_route_filter: return "junos-route-filter";
        case output_format::junos_route_filter_list: return "junos-route-filter-list";
        case output_format::json: return "json";
        case output_format::bird: return "bird";
        case output_format::openbgpd: return "openbgpd";
        case output_format::nokia: return "nokia";
        case output_format::nokia_md: return "nokia-md";
        case output_format::huawei: return "huawei";
        case output_format::huawei_xpl: return "huawei-xpl";
        case output_format::mikrotik6: return "mikrotik6";
        case output_format::mikrotik7: return "mikrotik7";
        case output_format::custom: return "custom";
    }
    return "unknown format";
}

/// The flag of bgpq4; empty for its default.
[[nodiscard]] constexpr std::string_view flag_of(output_format which) noexcept {
    switch (which) {
        case output_format::ios: return "";
        case output_format::ios_xr: return "-X";
        case output_format::eos: return "-e";
        case output_format::junos: return "-J";
        case output_format::junos_route_filter: return "-JE";
        case output_format::junos_route_filter_list: return "-Jz";
        case output_format::json: return "-j";
        case output_format::bird: return "-b";
        case output_format::openbgpd: return "-B";
        case output_format::nokia: return "-N";
        case output_format::nokia_md: return "-n";
        case output_format::huawei: return "-U";
        case output_format::huawei_xpl: return "-u";
        case output_format::mikrotik6: return "-K";
        case output_format::mikrotik7: return "-K7";
        case output_format::custom: return "-F";
    }
    return "";
}

/// The format of that name, or cause::invalid_input with the list of names.
[[nodiscard]] inline outcome<output_format> parse_output_format(std::string_view text) {
    std::string names;
    for (auto const format : all_output_formats) {
        if (name_of(format) == text) return format;
        names += (names.empty() ? "" : ", ") + std::string{name_of(format)};
    }
    return failure{cause::invalid_input, detail::printable(text) + " is no format: " + names + " are known"};
}

}  // namespace muster::bgp
