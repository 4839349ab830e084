#pragma once

#include <atomic>         // numbers of calls
#include <cstdint>        // uint8_t
#include <optional>       // optional
#include <random>         // random_device
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // arguments

#include <unistd.h>       // getpid

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/process/command.hpp>                      // command
#include <muster/workloads/bgp/policy_layout.hpp>          // policy_layout
#include <muster/workloads/bgp/policy_options.hpp>         // policy_options
#include <muster/workloads/bgp/request.hpp>                // request

namespace muster::bgp {

/// A request with the program that answers it, and how to read what the program writes.
struct planned_policy {
    request asked;
    command run;
    policy_layout layout;
    /// another one in each process, and never the same twice: tells a list that was made for this plan from one remembered
    std::uint64_t call = 0;
};

/// The first stage: makes an argument list for bgpq4 from a request; refuses what bgpq4 would refuse, or read as
/// something else.
///
/// Nothing here meets a shell: each value is one argument, objects stand behind `--`, the environment is empty.
///
/// Shape      a request in, a `planned_policy` out; a task.
/// Fails      cause::invalid_input, with the rule.
/// Cost       no process, no descriptor: a few strings.
class plan {
public:
    explicit plan(policy_options options = {}) : options_(std::move(options)) {}

    outcome<planned_policy> operator()(request const& asked) const;
    [[nodiscard]] policy_options const& options() const noexcept { return options_; }

private:
    policy_options options_;
};

// Implementation

namespace detail {

/// What bgpq4 refuses about these options for this family, as a rule to follow; empty when it takes them.
[[nodiscard]] inline std::string options_mistake(policy_options const& of, request const& asked) {
    using f = output_format;
    bool const lists_prefixes = of.kind == list_kind::prefixes;
    bool const paths = of.kind == list_kind::path_from || of.kind == list_kind::path_to;
    bool const specifics = of.more_specific_from || of.more_specific_to;
    unsigned const bits = asked.family == address_family::ipv6 ? 128 : 32;
    auto const in = [&of](auto... formats) { return ((of.format == formats) || ...); };

    if (of.program.empty() || of.program.find('\0') != std::string::npos) return "a program has a name";
    if ((of.format == f::custom) != of.custom.has_value())
        return "a template goes with the format custom, and only with it";
    if (asked.term && (of.format != f::junos_route_filter || !lists_prefixes))
        return "a term goes with the format junos-route-filter, and only with it";
    if (paths != of.neighbour.has_value())
        return "a neighbour's number goes with the kinds path-from and path-to, and only with them";
    if (!lists_prefixes) {
        if (asked.family == address_family::ipv6) return "numbers and paths have no family: ask for ipv4";
        if (of.aggregate || specifics || of.longest) return "aggregation and prefix lengths go with prefixes only";
        if (asked.object.set() && asked.object.set()->what() == set_name::kind::route_set)
            return "a route-set lists prefixes only";
        bool const known = of.kind == list_kind::as_set ? in(f::json, f::bird, f::openbgpd)
                           : of.kind == list_kind::path_from
                               ? in(f::ios, f::ios_xr, f::junos, f::json, f::bird, f::openbgpd, f::nokia, f::nokia_md,
                                    f::huawei, f::huawei_xpl)
                               : in(f::ios, f::ios_xr, f::junos, f::openbgpd, f::nokia, f::nokia_md, f::huawei,
                                    f::huawei_xpl);
        if (!known)
            return "bgpq4 writes no list of kind " + std::string{name_of(of.kind)} + " in the format " +
                   std::string{name_of(of.format)};
        return {};
    }
    if (of.format == f::junos && (of.aggregate || specifics))
        return "a Junos prefix-list has neither aggregation nor more specific prefixes: take junos-route-filter or "
               "junos-route-filter-list";
    auto const too_long = [bits](std::optional<std::uint8_t> length) {
        return length && (*length == 0 || *length > bits);
    };
    if (too_long(of.more_specific_from) || too_long(of.more_specific_to) || too_long(of.longest))
        return "a prefix length of " + std::string{name_of(asked.family)} + " is 1 to " + std::to_string(bits);
    if (of.more_specific_from && of.more_specific_to && *of.more_specific_from > *of.more_specific_to)
        return "more specific prefixes go from the shorter length to the longer";
    return {};
}

// An answer may be remembered where other processes read it, now or later: each counts from a number of chance, and a child of
// fork from another one than its parent, as far away as 2^40 calls.
[[nodiscard]] inline std::uint64_t next_call() {
    static std::uint64_t const begin = [] {
        std::random_device dice;
        return std::uint64_t{dice()} << 32 | dice();
    }();
    static std::atomic<std::uint64_t> calls{0};
    auto const number = calls.fetch_add(1, std::memory_order_relaxed);    // distinct is enough
    return begin + (static_cast<std::uint64_t>(::getpid()) << 40) + number;
}

}  // namespace detail

inline outcome<planned_policy> plan::operator()(request const& asked) const {
    if (auto const mistake = detail::options_mistake(options_, asked); !mistake.empty())
        return failure{cause::invalid_input, asked.text() + ": " + mistake};

    bool const prefixes = options_.kind == list_kind::prefixes;
    std::vector<std::string> args;
    auto const say = [&args](std::string_view flag, std::string value) {
        args.emplace_back(flag);
        args.push_back(std::move(value));
    };
    say("-h", asked.server.value_or(options_.server).text());
    if (!options_.sources.empty()) say("-S", options_.sources.text());
    auto const* const own_number = asked.object.number();
    if ((own_number && own_number->is_reserved()) || (options_.neighbour && options_.neighbour->is_reserved()))
        args.emplace_back("-p");
    if (options_.format == output_format::custom) say("-F", options_.custom->text());
    else if (auto const flag = flag_of(options_.format); !flag.empty()) args.emplace_back(flag);
    switch (options_.kind) {
        case list_kind::prefixes: args.emplace_back(asked.family == address_family::ipv6 ? "-6" : "-4"); break;
        case list_kind::path_from: say("-f", std::to_string(options_.neighbour->value())); break;
        case list_kind::path_to: say("-G", std::to_string(options_.neighbour->value())); break;
        case list_kind::as_set: args.emplace_back("-t"); break;
    }
    if (options_.aggregate) args.emplace_back("-A");
    auto const number = [&say](std::string_view flag, std::optional<std::uint8_t> value) {
        if (value) say(flag, std::to_string(*value));
    };
    number("-r", options_.more_specific_from);
    number("-R", options_.more_specific_to);
    number("-m", options_.longest);
    number("-L", options_.depth);
    say("-l", asked.name.text() + (asked.term ? '/' + asked.term->text() : ""));
    args.emplace_back("--");
    args.push_back(asked.object.text());

    policy_layout layout{options_.format, options_.kind, asked.family, asked.name.text(), {}, {}};
    if (asked.term) layout.term = asked.term->text();
    if (options_.custom) layout.custom = options_.custom->text();
    if (!prefixes) layout.family = address_family::ipv4;
    command run;
    run.program = options_.program;
    run.args = std::move(args);
    run.environment.clear();    // IRRD_SOURCES, above all
    run.any_exit = true;        // `judge` reads the ending
    return planned_policy{asked, std::move(run), std::move(layout), detail::next_call()};
}

}  // namespace muster::bgp
