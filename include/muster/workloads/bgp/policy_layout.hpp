#pragma once

#include <algorithm>      // copy, count, min
#include <array>          // buffers
#include <cstddef>        // size_t
#include <optional>       // optional
#include <string>         // string
#include <string_view>    // string_view
#include <vector>         // frame

#include <arpa/inet.h>    // inet_pton

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/ascii.hpp>           // decimal
#include <muster/workloads/bgp/detail/printable.hpp>       // printable
#include <muster/workloads/bgp/fault.hpp>                  // fault
#include <muster/workloads/bgp/policy_options.hpp>         // list_kind, output_format
#include <muster/workloads/bgp/request.hpp>                // address_family

// Above 250 lines: one row for each language, side by side, is how they are compared with bgpq4.

namespace muster::bgp {

/// What is needed to read a text of bgpq4 back: its language, its kind, and the name in it.
///
/// bgpq4 writes an empty list in a dozen ways: nothing at all, a comment, `deny 0.0.0.0/0`, an empty block. So
/// emptiness is read, never guessed from the size.
struct policy_layout {
    output_format format = output_format::ios;
    list_kind kind = list_kind::prefixes;
    address_family family = address_family::ipv4;
    std::string name{};
    std::string term{};        ///< of junos_route_filter
    std::string custom{};      ///< the template of output_format::custom

    friend bool operator==(policy_layout const&, policy_layout const&) = default;
};

/// How many prefixes, or numbers for the other kinds, a text lists; 0 is an answer.
///
/// Fails      fault::unreadable when a line is none of the format, a prefix is none of the family, or the end is
///            missing.
/// Cost       one pass.
[[nodiscard]] outcome<std::size_t> count_entries(std::string_view text, policy_layout const& layout);

// Implementation

namespace detail {

// How one language looks, line by line: leading and trailing spaces are not looked at.
struct shape {
    std::vector<std::string> must{};       // each stands in the text
    std::vector<std::string> may{};        // frame that may be absent or repeated
    std::vector<std::string> empty{};      // says that the list is empty
    std::vector<std::string> leads{};      // what stands before an entry
    std::vector<std::string> parts{};      // what begins a line that belongs to the entry before it
    std::string last{};                  // the last line, when there is one
    char between = '/';                  // address and length
    bool numbered = false;               // "seq N" before the lead
    bool nothing_is_empty = false;       // no text at all is an empty list
};

[[nodiscard]] inline shape prefix_shape(policy_layout const& of) {
    bool const v6 = of.family == address_family::ipv6;
    std::string const ip = v6 ? "ipv6" : "ip", zero = v6 ? "::/0" : "0.0.0.0/0", &n = of.name;
    std::string const is_empty = "generated prefix-list " + n + " is empty";
    switch (of.format) {
        case output_format::ios: {
            auto const list = ip + " prefix-list " + n;
            return {.must = {"no " + list}, .empty = {"! " + is_empty, list + " deny " + zero},
                    .leads = {list + " permit "}};
        }
        case output_format::ios_xr:
            return {.must = {"no prefix-set " + n, "prefix-set " + n}, .leads = {""}, .last = "end-set"};
        case output_format::eos: {
            auto const list = ip + " prefix-list " + n;
            return {.must = {"no " + list, list}, .empty = {"! " + is_empty, "seq 1 deny " + zero},
                    .leads = {"permit "}, .numbered = true};
        }
        case output_format::junos:
            return {.must = {"policy-options {", "replace:", "prefix-list " + n + " {"}, .may = {"}"}, .leads = {""},
                    .last = "}"};
        case output_format::junos_route_filter: {
            shape made{.must = {"policy-options {", "policy-statement " + n + " {", "replace:", "from {"}, .may = {"}"},
                       .empty = {"route-filter " + zero + " orlonger reject;"}, .leads = {"route-filter "},
                           .last = "}"};
            if (!of.term.empty()) made.must.push_back("term " + of.term + " {");
            return made;
        }
        case output_format::junos_route_filter_list:
            return {.must = {"policy-options {", "replace:", "route-filter-list " + n + " {"}, .may = {"}"},
                    .empty = {zero + " orlonger reject;"}, .leads = {""}, .last = "}"};
        case output_format::json:
            return {.must = {"{ \"" + n + "\": ["}, .leads = {"{ \"prefix\": \""}, .parts = {"\"greater-equal\": "},
                    .last = "] }"};
        case output_format::bird:
            return {.must = {n + " = ["}, .leads = {""}, .last = "];", .between = '/',
                    .numbered = false, .nothing_is_empty = true};
        case output_format::openbgpd:
            return {.must = {n + "=\"prefix {"}, .empty = {"# generated prefix-list " + n + " (AS 0) is empty",
                              "# use -a <asn> to generate \"deny from ASN <asn>\" instead of this list"},
                    .leads = {""}, .last = "}\""};
        case output_format::nokia:
            return {.must = {"configure router policy-options", "begin", "no prefix-list \"" + n + '"',
                             "prefix-list \"" + n + '"',
                             "exit"},
                    .leads = {"prefix "}, .last = "commit"};
        case output_format::nokia_md:
            return {.must = {"/configure policy-options", "delete prefix-list \"" + n + '"', "prefix-list \"" + n +
                             "\" {"},
                    .may = {"}"}, .leads = {"prefix "}, .parts = {"through-length ", "start-length ", "end-length "},
                    .last = "}"};
        case output_format::huawei: {
            auto const list = "ip " + ip + "-prefix " + n;
            return {.must = {"undo " + list}, .empty = {list + " deny " + zero}, .leads = {list + " permit "},
                    .between = ' '};
        }
        case output_format::huawei_xpl: {
            auto const list = "xpl " + ip + "-prefix-list " + n;
            return {.must = {"no " + list, list}, .leads = {""}, .last = "end-list",
                    .between = ' '};
        }
        case output_format::mikrotik6:
            return {.empty = {"# " + is_empty},
                    .leads = {"/routing filter add action=accept chain=\"" + n + (v6 ? "-V6" : "-V4") + "\" prefix="},
                        .nothing_is_empty = true};
        case output_format::mikrotik7: {
            auto const rule = "/routing filter rule add chain=\"" + n + (v6 ? "-V6" : "-V4") + '"';
            return {.empty = {"# " + is_empty},
                    .leads = {rule + " rule=\"if (dst=", rule + "  rule=\"if (dst in ", rule + " rule=\"if (dst in "},
                        .nothing_is_empty = true};
        }
        case output_format::custom: break;    // has no frame: read against its template
    }
    return {};
}

// Lists of numbers: those of origins, in paths or as a set.
[[nodiscard]] inline shape number_shape(policy_layout const& of) {
    auto const& n = of.name;
    switch (of.format) {
        case output_format::ios:
            return {.must = {"no ip as-path access-list " + n}, .empty = {"ip as-path access-list " + n + " deny .*"},
                    .leads = {"ip as-path access-list " + n + " permit "}};
        case output_format::ios_xr:
            return {.may = {"as-path-set " + n, "as-path-set " + n + ','}, .leads = {"ios-regex "},
                    .last = "end-set"};
        case output_format::junos:
            return {.must = {"policy-options {", "replace:", "as-path-group " + n + " {"}, .may = {"}"},
                    .empty = {"as-path aNone \"!.*\";"}, .leads = {"as-path "}, .last = "}"};
        case output_format::json:
            return {.must = {"{\"" + n + "\": ["}, .leads = {""}, .last = "]}"};
        case output_format::bird:
            return {.may = {n + " = ["}, .empty = {n + " = [];"}, .leads = {""}, .last = "];",
                    .nothing_is_empty = true};
        case output_format::openbgpd:
            if (of.kind == list_kind::as_set)
                return {.must = {"as-set " + n + " {"}, .leads = {""}, .last = "}"};
            return {.empty = {"deny from AS ", "deny to AS "}, .leads = {"allow from AS ", "allow to AS "},
                    .parts = {"deny from AS ", "deny to AS "}};
        case output_format::nokia:
            // bgpq4 ends the list of -G without "exit" and "commit"
            return {.must = {"configure router policy-options", "begin"},
                    .may = {"no as-path-group \"" + n + '"', "no as-path-group\"" + n + '"', "as-path-group \"" + n +
                            '"', "exit", "commit"},
                    .leads = {"entry "}};
        case output_format::nokia_md:
            return {.must = {"/configure policy-options", "delete as-path-group \"" + n + '"', "as-path-group \"" +
                             n + "\" {"},
                    .may = {"}"}, .leads = {"expression "}, .parts = {"entry "}, .last = "}"};
        case output_format::huawei:
            return {.must = {"undo ip as-path-filter " + n}, .may = {"ip as-path-filter " + n + " deny .*"},
                    .leads = {"ip as-path-filter " + n + " permit "}};
        case output_format::huawei_xpl:
            return {.may = {"xpl as-path-list " + n, "xpl as-path-list " + n + ','}, .leads = {"regular "},
                    .last = "end-list"};
        default: return {};
    }
}

/// "192.0.2.0/24" or "192.0.2.0 24" at the start of `text`; JSON writes the slash as "\/".
[[nodiscard]] inline bool starts_with_prefix(std::string_view text, address_family family, char between) {
    auto const address = text.substr(0, text.find_first_not_of("0123456789abcdefABCDEF.:"));
    text.remove_prefix(address.size());
    if (text.starts_with('\\')) text.remove_prefix(1);
    if (!text.starts_with(between)) return false;
    text.remove_prefix(1);
    auto const digits = text.substr(0, text.find_first_not_of("0123456789"));
    bool const v6 = family == address_family::ipv6;
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    std::array<unsigned char, 16> parsed{};
    if (address.size() >= buffer.size() || !decimal(digits, v6 ? 128 : 32)) return false;
    std::copy(address.begin(), address.end(), buffer.begin());
    return ::inet_pton(v6 ? AF_INET6 : AF_INET, buffer.data(), parsed.data()) == 1;
}

[[nodiscard]] constexpr std::string_view trimmed(std::string_view line) noexcept {
    constexpr std::string_view spaces = " \t\r";
    auto const first = line.find_first_not_of(spaces);
    if (first == line.npos) return {};
    return line.substr(first, line.find_last_not_of(spaces) - first + 1);
}

/// How many AS numbers a line of a number list holds; 0 where it is none.
[[nodiscard]] inline std::size_t numbers_in(std::string_view line, policy_layout const& of) {
    auto const count = [](std::string_view list, std::string_view separators) -> std::size_t {
        std::size_t found = 0;
        while (!list.empty()) {
            auto const digits = list.substr(0, list.find_first_not_of("0123456789"));
            if (!decimal(digits, 4294967295)) return 0;
            ++found;
            list.remove_prefix(digits.size());
            list.remove_prefix(std::min(list.find_first_not_of(separators), list.size()));
        }
        return found;
    };
    bool const listed = of.kind == list_kind::as_set || of.format == output_format::json
        || of.format == output_format::bird;
    if (listed) return count(line, ", ");
    if (of.format == output_format::openbgpd) return 1;                    // one line, one origin
    auto const close = line.find_last_of(")]");
    auto const open = close == line.npos ? line.npos : line.find_last_of("([", close);
    if (open != line.npos) {
        // "(112|113)$" and "[112 113]" list origins; "(_112)*$" and "(112)*$" are the neighbour's own paths, perhaps
        // prepended
        if (line.substr(close + 1).starts_with('*')) return 1;
        return count(line.substr(open + 1, close - open - 1), "| ");
    }
    return line.find('+') != line.npos ? 1 : 0;                            // "13335+": likewise
}

/// One line of a template: false when `line` is none.
[[nodiscard]] inline bool is_custom_line(std::string_view line, policy_layout const& of) {
    std::string_view form = of.custom;
    auto const take = [&line](std::string_view allowed) {
        auto const taken = line.substr(0, line.find_first_not_of(allowed));
        line.remove_prefix(taken.size());
        return taken;
    };
    bool const v6 = of.family == address_family::ipv6;
    std::string_view const address_characters = v6 ? "0123456789abcdef.:" : "0123456789.";
    for (std::size_t i = 0; i < form.size(); ++i) {
        char literal = form[i];
        if (literal == '\\' && i + 1 < form.size()) {
            ++i;
            if (form[i] == 'n') return line.empty();
            literal = form[i] == 't' ? '\t' : form[i];
        } else if (literal == '%' && i + 1 < form.size() && form[++i] != '%') {
            if (form[i] == 'N') {
                if (!line.starts_with(of.name)) return false;
                line.remove_prefix(of.name.size());
            } else if (form[i] == 'l' || form[i] == 'a' || form[i] == 'A') {
                if (take("0123456789").empty()) return false;
            } else if (take(address_characters).empty()) {
                return false;
            }
            continue;
        }
        if (!line.starts_with(literal)) return false;
        line.remove_prefix(1);
    }
    return line.empty();
}

}  // namespace detail

inline outcome<std::size_t> count_entries(std::string_view text, policy_layout const& layout) {
    bool const custom = layout.format == output_format::custom;
    auto const shape = custom                               ? detail::shape{.nothing_is_empty = true}
                       : layout.kind == list_kind::prefixes ? detail::prefix_shape(layout)
                                                            : detail::number_shape(layout);
    auto const unreadable = [&layout](std::string const& what) {
        return failure{make_error_code(fault::unreadable), "the text is no list of format " +
                       std::string{name_of(layout.format)} + ": " + what};
    };
    auto const one_of = [](std::string_view line, std::vector<std::string> const& all) {
        for (auto const& each : all)
            if (line == each) return true;
        return false;
    };
    auto const begins_like = [](std::string_view line,
                                std::vector<std::string> const& all) -> std::optional<std::size_t> {
        for (auto const& each : all)
            if (line.starts_with(each)) return each.size();
        return std::nullopt;
    };

    if (text.empty() && shape.nothing_is_empty) return std::size_t{0};
    if (!text.ends_with('\n')) return unreadable("its last line has no end");

    if (!custom && std::count(text.begin(), text.end(), '{') != std::count(text.begin(), text.end(), '}'))
        return unreadable("its braces do not match");
    std::vector<bool> seen(shape.must.size());
    std::size_t entries = 0;
    bool said_empty = false;
    std::string_view last;
    for (auto left = text; !left.empty();) {
        auto const end = left.find('\n');
        auto const raw = left.substr(0, end);
        left.remove_prefix(end + 1);
        if (custom) {
            if (!detail::is_custom_line(raw, layout)) return unreadable(detail::printable(raw));
            ++entries;
            continue;
        }
        auto line = detail::trimmed(raw);
        if (line.empty()) continue;
        last = line;
        if (shape.numbered && line.starts_with("seq ") && !one_of(line, shape.empty)) {
            line.remove_prefix(4);
            line.remove_prefix(std::min(line.find_first_not_of("0123456789 "), line.size()));
        }
        // entries first: there are a hundred thousand of them, and a handful of the others
        if (auto const lead = begins_like(line, shape.leads); lead && !one_of(line, shape.empty)) {
            auto const body = line.substr(*lead);
            if (layout.kind != list_kind::prefixes) {
                if (auto const numbers = detail::numbers_in(body, layout); numbers != 0) {
                    entries += numbers;
                    continue;
                }
            } else if (detail::starts_with_prefix(body, layout.family, shape.between)) {
                ++entries;
                continue;
            }
        }
        bool known = line == shape.last || one_of(line, shape.may) || begins_like(line, shape.parts);
        for (std::size_t i = 0; i < shape.must.size(); ++i) {
            if (line != shape.must[i]) continue;
            known = seen[i] = true;
        }
        if (one_of(line, shape.empty)) known = said_empty = true;
        if (!known) return unreadable(detail::printable(line));
    }
    for (std::size_t i = 0; i < seen.size(); ++i)
        if (!seen[i]) return unreadable("it lacks " + detail::printable(shape.must[i]));
    if (!shape.last.empty() && last != shape.last && !said_empty)
        return unreadable("it does not end in " + detail::printable(shape.last));
    if (said_empty && entries != 0) return unreadable("it says that it is empty, and is not");
    return entries;
}

}  // namespace muster::bgp
