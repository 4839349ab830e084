#pragma once

#include <cstddef>          // size_t
#include <cstdint>          // uint32_t
#include <functional>       // less
#include <initializer_list> // well-known prefixes
#include <map>              // sets
#include <set>              // what an expansion has seen
#include <string>           // string
#include <string_view>      // string_view
#include <unordered_map>    // numbers
#include <utility>          // move
#include <vector>           // vector

#include <muster/workloads/bgp/detail/ascii.hpp>    // lower, decimal

namespace muster::bgp {

/// What an embedded registry knows: networks with their prefixes, sets with their members.
///
/// Three kinds of data, never mixed up:
/// *well-known* (`well_known()`): networks that everybody meets (Cloudflare, Google, Microsoft, Hurricane Electric,
/// root name servers, ...) with prefixes that they are known for: real, but neither complete nor kept up to date.
/// For a router, ask a real registry.
/// *examples* (sets named AS-EXAMPLE-..., RS-EXAMPLE): invented sets over those networks: nested, cyclic, hierarchical.
/// *generated* (`generate`): numbers 100000 + i with 20 IPv4 and 5 IPv6 prefixes each, computed, belonging to nobody.
///
/// Default    empty, with the sources RIPE,RADB,ARIN,APNIC.
/// Threads    as a container: many readers or one writer. A responder keeps a copy of its own.
class irr_data {
public:
    static constexpr std::uint32_t first_generated = 100000;
    struct network {
        std::vector<std::string> v4;
        std::vector<std::string> v6;
    };

    irr_data() = default;
    /// The bundled data: well-known networks, example sets, and 10,000 generated networks.
    [[nodiscard]] static irr_data bundled();
    [[nodiscard]] static irr_data well_known();

    irr_data& add(std::uint32_t number, std::vector<std::string> v4, std::vector<std::string> v6 = {});
    /// An AS-SET of numbers and sets, or a route-set of prefixes such as 192.0.2.0/24^25-28.
    irr_data& add_set(std::string_view name, std::vector<std::string> members);
    /// Networks from AS100000 on, 1 to 100,000 of them.
    irr_data& generate(std::uint32_t count) { generated_ = count; return *this; }
    irr_data& sources(std::vector<std::string> names) { sources_ = std::move(names); return *this; }

    [[nodiscard]] std::vector<std::string> const& sources() const noexcept { return sources_; }
    [[nodiscard]] bool has_source(std::string_view name) const;
    /// Prefixes of one network, with a space between them; false when there is no such network.
    bool append_prefixes(std::uint32_t number, bool v6, std::string& to) const;
    /// Members as they were given, or null.
    [[nodiscard]] std::vector<std::string> const* members(std::string_view set) const;
    /// Every number below an AS-SET (its route-sets' prefixes for a route-set), each once; cycles end, and sets that
    /// are not there count as empty.
    [[nodiscard]] std::vector<std::string> expanded(std::string_view set) const;

private:
    std::unordered_map<std::uint32_t, network> networks_;
    std::map<std::string, std::vector<std::string>, std::less<>> sets_;
    std::vector<std::string> sources_{"RIPE", "RADB", "ARIN", "APNIC"};
    std::uint32_t generated_ = 0;
};

// Implementation

namespace detail {

struct known_network {
    std::uint32_t number;
    std::initializer_list<char const*> v4;
    std::initializer_list<char const*> v6;
};

// Well-known: what the operators publish about themselves, or what every traceroute shows.
inline std::initializer_list<known_network> known_networks() {
    static std::initializer_list<known_network> const all{
        {42, {"204.61.216.0/23", "204.42.254.0/24"}, {"2620:171::/40"}},
        {112, {"192.175.48.0/24", "192.31.196.0/24"}, {"2620:4f:8000::/48", "2001:4:112::/48"}},
        {174, {"38.0.0.0/8", "66.28.0.0/16", "130.117.0.0/16", "149.6.0.0/16", "154.54.0.0/16"}, {"2001:550::/32"}},
        {714, {"17.0.0.0/8"}, {"2620:149::/36"}},
        {786, {"146.97.0.0/16", "193.60.0.0/14"}, {"2001:630::/32"}},
        {1299, {"62.115.0.0/16", "80.91.240.0/20", "213.155.128.0/19"}, {"2001:2000::/20"}},
        {2906, {"23.246.0.0/18", "37.77.184.0/21", "45.57.0.0/17", "108.175.32.0/20", "185.2.220.0/22",
                "192.173.64.0/18",
                "198.38.96.0/19", "198.45.48.0/20"}, {"2a00:86c0::/32", "2620:10c:7000::/44"}},
        {2914, {"129.250.0.0/16", "128.240.0.0/15"}, {"2001:418::/32"}},
        {3320, {"80.128.0.0/11", "84.128.0.0/10", "91.0.0.0/10", "217.224.0.0/11"}, {"2003::/19"}},
        {3333, {"193.0.0.0/21", "193.0.10.0/23", "193.0.12.0/23", "193.0.18.0/23", "193.0.20.0/23", "193.0.22.0/23"},
         {"2001:67c:2e8::/48"}},
        {3356, {"4.0.0.0/9", "8.0.0.0/12"}, {"2001:1900::/32"}},
        {3557, {"192.5.5.0/24"}, {"2001:500:2f::/48"}},
        {6939, {"64.62.128.0/17", "65.19.128.0/18", "66.160.128.0/18", "66.220.0.0/19", "72.52.64.0/18", "74.82.0.0/18",
                "184.104.0.0/15", "209.51.160.0/19", "216.66.0.0/18", "216.218.128.0/17"}, {"2001:470::/32"}},
        {7500, {"202.12.27.0/24"}, {"2001:dc3::/32"}},
        {8075, {"13.64.0.0/11", "13.96.0.0/13", "13.104.0.0/14", "20.33.0.0/16", "20.34.0.0/15", "20.36.0.0/14",
                "20.40.0.0/13",
                "20.64.0.0/10", "40.64.0.0/10", "51.140.0.0/14", "52.96.0.0/12", "104.40.0.0/13"},
         {"2603:1000::/24", "2620:1ec::/36", "2a01:110::/31"}},
        {13335, {"1.0.0.0/24", "1.1.1.0/24", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13",
                 "104.24.0.0/14", "108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18", "162.158.0.0/15",
                     "172.64.0.0/13",
                 "173.245.48.0/20", "188.114.96.0/20", "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17"},
         {"2400:cb00::/32", "2405:8100::/32", "2405:b500::/32", "2606:4700::/32", "2803:f800::/32", "2a06:98c0::/29",
          "2c0f:f248::/32"}},
        {14907, {"208.80.152.0/22", "198.35.26.0/23"}, {"2620:0:860::/46"}},
        {15169, {"8.8.4.0/24", "8.8.8.0/24", "8.34.208.0/20", "8.35.192.0/20", "64.233.160.0/19", "66.102.0.0/20",
                 "66.249.80.0/20", "72.14.192.0/18", "74.125.0.0/16", "108.177.8.0/21", "142.250.0.0/15",
                     "172.217.0.0/16",
                 "172.253.0.0/16", "173.194.0.0/16", "209.85.128.0/17", "216.58.192.0/19", "216.239.32.0/19"},
         {"2001:4860::/32", "2404:6800::/32", "2607:f8b0::/32", "2800:3f0::/32", "2a00:1450::/32", "2c0f:fb50::/32"}},
        {19281, {"9.9.9.0/24", "149.112.112.0/24"}, {"2620:fe::/48"}},
        {20144, {"199.7.83.0/24"}, {"2001:500:9f::/48"}},
        {20940, {"23.0.0.0/12", "23.32.0.0/11", "23.192.0.0/11"}, {"2a02:26f0::/29"}},
        {25152, {"193.0.14.0/24"}, {"2001:7fd::/48"}},
        {26415, {"192.58.128.0/24", "198.41.0.0/24"}, {"2001:503:ba3e::/48", "2001:503:c27::/48"}},
        {29216, {"192.36.148.0/24"}, {"2001:7fe::/48"}},
        {32934, {"31.13.24.0/21", "31.13.64.0/18", "66.220.144.0/20", "69.63.176.0/20", "69.171.224.0/19",
                 "74.119.76.0/22",
                 "103.4.96.0/22", "129.134.0.0/16", "157.240.0.0/16", "173.252.64.0/18", "179.60.192.0/22",
                     "185.60.216.0/22",
                 "204.15.20.0/22"}, {"2620:0:1c00::/40", "2a03:2880::/32"}},
        {36459, {"140.82.112.0/20", "192.30.252.0/22"}, {"2a0a:a440::/29"}},
        {54113, {"23.235.32.0/20", "151.101.0.0/16", "199.232.0.0/16"}, {"2a04:4e40::/32"}},
    };
    return all;
}

[[nodiscard]] inline std::string hex(std::uint32_t number) {
    std::string out;
    do out.insert(out.begin(), "0123456789abcdef"[number & 15]);
    while ((number >>= 4) != 0);
    return out;
}

// In lower case: as-x, rs-x, as1:as-x, as-x:as1. A prefix or its range has no such part.
[[nodiscard]] inline bool names_a_set(std::string_view member) {
    return member.starts_with("as-") || member.starts_with("rs-") || member.find(":as-") != member.npos ||
           member.find(":rs-") != member.npos;
}

}  // namespace detail

inline irr_data irr_data::well_known() {
    irr_data data;
    for (auto const& known : detail::known_networks())
        data.add(known.number, {known.v4.begin(), known.v4.end()}, {known.v6.begin(), known.v6.end()});
    return data;
}

inline irr_data irr_data::bundled() {
    auto data = well_known();
    data.add_set("AS-EXAMPLE-CONTENT", {"AS2906", "AS13335", "AS15169", "AS32934"});
    data.add_set("AS-EXAMPLE-ROOTS", {"AS3557", "AS7500", "AS20144", "AS25152", "AS26415", "AS29216"});
    data.add_set("AS-EXAMPLE-NESTED", {"AS6939", "AS-EXAMPLE-CONTENT", "AS-EXAMPLE-ROOTS"});
    data.add_set("AS-EXAMPLE-CYCLE", {"AS174", "AS-EXAMPLE-CYCLE-BACK"});
    data.add_set("AS-EXAMPLE-CYCLE-BACK", {"AS3356", "AS-EXAMPLE-CYCLE"});
    data.add_set("AS6939:AS-EXAMPLE-CUSTOMERS", {"AS42", "AS112", "AS19281"});
    data.add_set("AS-EXAMPLE-EMPTY", {});
    data.add_set("RS-EXAMPLE", {"192.0.2.0/24^25-28", "198.51.100.0/24"});
    return std::move(data.generate(10000));
}

inline irr_data& irr_data::add(std::uint32_t number, std::vector<std::string> v4, std::vector<std::string> v6) {
    networks_[number] = {std::move(v4), std::move(v6)};
    return *this;
}

inline irr_data& irr_data::add_set(std::string_view name, std::vector<std::string> members) {
    sets_[detail::lower(name)] = std::move(members);
    return *this;
}

inline bool irr_data::has_source(std::string_view name) const {
    for (auto const& known : sources_)
        if (known.size() == name.size() && detail::starts_like(known, name)) return true;
    return false;
}

inline bool irr_data::append_prefixes(std::uint32_t number, bool v6, std::string& to) const {
    auto const add = [&to, before = to.size()](std::string_view prefix) {
        if (to.size() > before) to += ' ';
        to += prefix;
    };
    if (auto const found = networks_.find(number); found != networks_.end()) {
        for (auto const& prefix : v6 ? found->second.v6 : found->second.v4) add(prefix);
        return true;
    }
    if (number < first_generated || number - first_generated >= generated_) return false;
    auto const i = number - first_generated;
    if (v6) {
        for (unsigned j = 0; j < 5; ++j)                     // five /48 in a row
            add("2a10:" + detail::hex(i >> 13) + ':' + detail::hex((i & 0x1fff) * 8 + j) + "::/48");
    } else {
        for (unsigned j = 0; j < 20; ++j) {                  // every other /24 from 64.0.0.0 on: nothing to aggregate
            auto const block = (i * 20 + j) * 2 % (1u << 22);
            add(std::to_string(64 + (block >> 16)) + '.' + std::to_string((block >> 8) & 255) + '.' +
                std::to_string(block & 255) + ".0/24");
        }
    }
    return true;
}

inline std::vector<std::string> const* irr_data::members(std::string_view set) const {
    auto const found = sets_.find(detail::lower(set));
    return found == sets_.end() ? nullptr : &found->second;
}

inline std::vector<std::string> irr_data::expanded(std::string_view set) const {
    std::set<std::string> seen{detail::lower(set)};
    std::vector<std::string> open{detail::lower(set)};      // a list of its own: depth costs no stack
    std::vector<std::string> out;
    while (!open.empty()) {
        auto const at = sets_.find(open.back());
        open.pop_back();
        if (at == sets_.end()) continue;
        for (auto const& member : at->second) {
            auto key = detail::lower(member);
            if (!seen.insert(key).second) continue;
            if (sets_.contains(key)) open.push_back(std::move(key));
            else if (!detail::names_a_set(key)) out.push_back(member);    // a set that nobody registered has no members
        }
    }
    return out;
}

}  // namespace muster::bgp
