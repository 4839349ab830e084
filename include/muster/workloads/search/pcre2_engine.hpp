#pragma once

#include <algorithm>      // min
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <memory>         // unique_ptr
#include <span>           // patterns
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // patterns

#include <muster/adapt/pcre2.hpp>                                  // pcre2_pattern, pcre2_matcher
#include <muster/core/outcome.hpp>                                 // outcome
#include <muster/workloads/search/detail/leased.hpp>               // leased
#include <muster/workloads/search/detail/prepared_pattern.hpp>     // prepared
#include <muster/workloads/search/engine.hpp>                      // candidate, engine, line_pattern

namespace muster::searching {

/// Looks for one pattern after another with PCRE2 itself: a line_engine that needs nothing else.
///
/// Fails      `make` with cause::invalid_input for a regex that PCRE2 refuses.
/// Throws     `scan`: std::bad_alloc.
/// Cost       each pattern passes over the text: of a few patterns each at hundreds of MB/s, of a hundred together at less than 100. A pattern that
///            backtracks beyond the limits in a text is tried on each of its lines.
class pcre2_engine {
public:
    [[nodiscard]] static outcome<engine> make(std::span<line_pattern const> patterns, pcre2_limits limits = {});

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const;
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return alone_; }
    [[nodiscard]] std::string_view name() const noexcept { return "pcre2"; }

private:
    struct one {
        std::uint32_t index;
        pcre2_pattern pattern;
    };
    struct make_matcher {
        pcre2_limits limits;
        outcome<pcre2_matcher> operator()() const { return pcre2_matcher{limits}; }
    };

    explicit pcre2_engine(pcre2_limits limits) : matchers_(std::make_unique<detail::leased<pcre2_matcher, make_matcher>>(make_matcher{limits})) {}
    static void look_for(one const& what, pcre2_matcher& by, std::string_view text, std::vector<candidate>& into);

    std::vector<one> patterns_;
    std::vector<std::uint32_t> alone_;
    std::unique_ptr<detail::leased<pcre2_matcher, make_matcher>> matchers_;
};

// Implementation

inline outcome<engine> pcre2_engine::make(std::span<line_pattern const> patterns, pcre2_limits limits) {
    pcre2_engine out{limits};
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const ready = detail::prepared(patterns[i], i);
        if (!ready) return ready.error();
        // What gives nothing back, or looks around, may fail where it sees the next line, and match where it does not.
        if (!*ready || !((*ready)->in_line || !((*ready)->regex.looks || (*ready)->regex.never_backs))) {
            out.alone_.push_back(i);
            continue;
        }
        auto compiled = pcre2_pattern::compile((*ready)->regex.written(), {.ignore_case = patterns[i].ignore_case, .multi_line = true});
        if (compiled) out.patterns_.push_back({i, std::move(*compiled)});
        else out.alone_.push_back(i);
    }
    return engine{std::move(out)};
}

inline outcome<void> pcre2_engine::scan(std::string_view text, std::vector<candidate>& into) const {
    auto by = matchers_->lease();
    if (!by) return by.error();
    for (auto const& each : patterns_) look_for(each, **by, text, into);
    return {};
}

// From each match on to the next line: the first match in a text that begins on a line is no later than that of the line alone.
inline void pcre2_engine::look_for(one const& what, pcre2_matcher& by, std::string_view text, std::vector<candidate>& into) {
    bool each_line = false;
    for (std::size_t at = 0; at < text.size();) {
        if (!each_line) {
            auto const found = by.match(what.pattern, text, at);
            if (!found) each_line = true;    // nobody knows: from here on every line may be one
            else if (!*found) return;
            else at = static_cast<std::size_t>(by.group(0)->data() - text.data());
            if (at == text.size()) return;
        }
        into.push_back({what.index, static_cast<std::uint32_t>(at)});
        at = std::min(text.find('\n', at), text.size() - 1) + 1;
    }
}

static_assert(line_engine<pcre2_engine>);

}  // namespace muster::searching
