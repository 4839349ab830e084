#pragma once

#include <algorithm>      // sort
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <memory>         // unique_ptr
#include <optional>       // what RE2 reads
#include <span>           // patterns
#include <string>         // regexes
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // patterns

#include <muster/adapt/re2.hpp>                                    // re2_set
#include <muster/core/failure.hpp>                                 // failure
#include <muster/core/outcome.hpp>                                 // outcome
#include <muster/workloads/search/detail/engine_trial.hpp>         // engine_trial
#include <muster/workloads/search/detail/prepared_pattern.hpp>     // prepared
#include <muster/workloads/search/detail/re2_regex.hpp>            // re2_regex
#include <muster/workloads/search/engine.hpp>                      // candidate, engine, line_pattern

namespace muster::searching {

/// Looks for all patterns at once with RE2: a line_engine for where Hyperscan is not, at a quarter of its speed.
///
/// Looks around, references back, atomic groups and possessive quantifiers are left out of what RE2 is given: it then finds some lines more.
///
/// Fails      `make` with cause::invalid_input for a regex that PCRE2 refuses; exhausted where the patterns need more memory than
///            the options give; unavailable for a version of the library that misses lines of a text with known answers.
///            `scan` with cause::exhausted where a text needs more memory.
/// Cost       a pass over the text for all patterns, and one over each line that is found.
class re2_engine {
public:
    [[nodiscard]] static outcome<engine> make(std::span<line_pattern const> patterns, re2_options options = {.memory = 256 * MiB});

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const;
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return alone_; }
    [[nodiscard]] std::string_view name() const noexcept { return "re2"; }

private:
    static outcome<re2_engine> make_one(std::span<line_pattern const> patterns, re2_options options);

    std::unique_ptr<re2_set const> set_;
    std::vector<std::uint32_t> indices_;    // of the set's patterns
    std::vector<std::uint32_t> alone_;
};

// Implementation

inline outcome<engine> re2_engine::make(std::span<line_pattern const> patterns, re2_options options) {
    static outcome<void> const usable = detail::engine_trial([](std::span<line_pattern const> of) { return make_one(of, {}); });
    if (!usable) return failure{cause::unavailable, "RE2 cannot be used: " + usable.error().text()};
    auto made = make_one(patterns, options);
    if (!made) return std::move(made).error();
    return engine{std::move(*made)};
}

inline outcome<re2_engine> re2_engine::make_one(std::span<line_pattern const> patterns, re2_options options) {
    re2_engine out;
    std::vector<re2_pattern> ready;
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const one = detail::prepared(patterns[i], i);
        if (!one) return one.error();
        auto regex = *one ? detail::re2_regex((*one)->regex, patterns[i].ignore_case) : std::nullopt;
        if (regex) {
            ready.push_back({std::move(*regex), patterns[i].ignore_case});
            out.indices_.push_back(i);
        } else {
            out.alone_.push_back(i);
        }
    }
    auto set = re2_set::compile(ready, options);
    if (!set) return std::move(set).error();
    for (auto const& refused : set->refused()) out.alone_.push_back(out.indices_[refused.pattern]);
    std::sort(out.alone_.begin(), out.alone_.end());
    out.set_ = std::make_unique<re2_set const>(std::move(*set));
    return out;
}

inline outcome<void> re2_engine::scan(std::string_view text, std::vector<candidate>& into) const {
    return set_->lines(text, [&](std::size_t begin, std::size_t, std::span<int const> patterns) {
        for (auto const pattern : patterns)
            into.push_back({indices_[static_cast<std::size_t>(pattern)], static_cast<std::uint32_t>(begin)});
    });
}

static_assert(line_engine<re2_engine>);

}  // namespace muster::searching
