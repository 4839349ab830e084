#pragma once

#include <algorithm>      // find
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <set>            // candidates
#include <string>         // texts
#include <string_view>    // lines
#include <utility>        // pair
#include <vector>         // patterns

#include <muster/adapt/pcre2.hpp>                 // pcre2_pattern, pcre2_matcher
#include <muster/core/failure.hpp>                // cause, failure
#include <muster/core/outcome.hpp>                // outcome
#include <muster/workloads/search/engine.hpp>     // candidate, line_pattern

namespace muster::searching::detail {

/// Has an engine, made by `make(patterns)`, look through a text with known answers: it must miss no line on which PCRE2 matches.
///
/// Vectorscan 5.4.9 misses lines of the first pattern, and of the third, whether begins of matches are kept or not.
///
/// Fails      with what `make` or the scan fail with; cause::unavailable where a line is missed, with the pattern and the line.
/// Cost       20 ms.
template <class Make>
outcome<void> engine_trial(Make const& make);

[[nodiscard]] std::vector<line_pattern> trial_patterns();
[[nodiscard]] std::string trial_text();

// Implementation

inline std::vector<line_pattern> trial_patterns() {
    return {
        {"^([a-z_][a-z0-9_-]*):[^:]*:(\\d+):(\\d+):([^:]*):(/[^:]*):(/\\S*)$", false},
        {"^([a-z_][a-z0-9_-]*):[^:]*:(\\d+):", true},
        {"^\\s*PermitRootLogin\\s+(?<value>yes|no|prohibit-password)", true},
        {"^\\s*(?!#)\\S*max[_-]?(?:log|age)\\s*=\\s*(\\d+)", true},
        {"uid=(?<uid>\\d+)\\([a-z]+\\) gid=\\d+", false},
        {"\\b(?:\\d{1,3}\\.){3}\\d{1,3}\\b", false},
        {"(?<![0-9])22/(tcp|udp)\\s+open", false},
        {"\\.(so|conf)\\.?\\d*$", false},
        {"^(\\w+)=\\1$", false},
        {"[^ -~\\t]", false},
    };
}

// Lines of systems: what differs from one to the next is where on its block of 16, 32 or 64 bytes a match begins and ends.
inline std::string trial_text() {
    std::uint32_t seed = 7;
    auto const next = [&](std::uint32_t below) { return (seed = seed * 1'664'525 + 1'013'904'223) / 65'536 % below; };
    auto const word = [&](std::uint32_t longest) {
        std::string out;
        for (auto size = 1 + next(longest); size > 0; --size) out += "abcdefghijklmnopqrstuvwxyz_-0123456789"[next(out.empty() ? 26 : 38)];
        return out;
    };
    auto const number = [&](std::uint32_t below) { return std::to_string(next(below)); };
    std::string out;
    for (int i = 0; i < 1'500; ++i) {
        switch (next(10)) {
            case 0: out += std::string(next(4), ' ') + (next(2) ? "PermitRootLogin" : "permitrootlogin") + (next(2) ? "\t" : "  ") + (next(2) ? "no" : "yes"); break;
            case 1: out += (next(2) ? "#" : "") + word(6) + ".max_log = " + number(100); break;
            case 2: out += "uid=" + number(5'000) + '(' + word(5) + ") gid=" + number(9); break;
            case 3: out += "inet " + number(256) + '.' + number(256) + '.' + number(256) + '.' + number(256) + " netmask"; break;
            case 4: out += std::string(next(3), '2') + "22/tcp   open  ssh"; break;
            case 5: out += "/usr/lib/" + word(20) + ".so." + number(12); break;
            case 6: out += word(2) + '=' + word(2); break;
            case 7: out += std::string(next(40), '=') + (next(4) ? "" : "\xc3\xa9") + std::string(next(40), ' '); break;
            default:
                out += word(12) + ":x:" + number(70'000) + ':' + number(70'000) + ':' + word(30) + ":/home/" + word(12) + ":/bin/" + word(8);
                if (next(8) == 0) out += ":";
        }
        out += '\n';
    }
    return out;
}

template <class Make>
outcome<void> engine_trial(Make const& make) {
    auto const patterns = trial_patterns();
    auto const text = trial_text();
    auto const by = make(patterns);
    if (!by) return by.error();
    std::vector<candidate> found;
    if (auto done = by->scan(text, found); !done) return done;

    std::set<std::pair<std::uint32_t, std::size_t>> lines;    // a pattern, and where the line of a candidate begins
    for (auto const& one : found) {
        auto const before = one.at == 0 ? std::string::npos : text.rfind('\n', one.at - 1);
        lines.emplace(one.pattern, before == std::string::npos ? 0 : before + 1);
    }
    auto const alone = by->alone();
    pcre2_matcher matcher;
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        if (std::find(alone.begin(), alone.end(), i) != alone.end()) continue;
        auto const pattern = pcre2_pattern::compile(patterns[i].regex, {.ignore_case = patterns[i].ignore_case});
        if (!pattern) return pattern.error();
        for (std::size_t begin = 0; begin < text.size();) {
            auto const end = text.find('\n', begin);
            auto const line = std::string_view{text}.substr(begin, end - begin);
            auto const matches = matcher.match(*pattern, line);
            if (!matches) return matches.error();
            if (*matches && !lines.contains({i, begin}))
                return failure{cause::unavailable, "it misses the line \"" + std::string{line} + "\" for " + patterns[i].regex};
            begin = end + 1;
        }
    }
    return {};
}

}  // namespace muster::searching::detail
