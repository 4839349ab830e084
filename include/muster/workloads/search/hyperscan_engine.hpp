#pragma once

#include <algorithm>      // sort
#include <cstdint>        // uint32_t
#include <cstring>        // memchr, memrchr
#include <memory>         // unique_ptr
#include <span>           // patterns
#include <string>         // keys
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // patterns

#include <muster/adapt/hyperscan.hpp>                              // hyperscan_set
#include <muster/cache/file_cache.hpp>                             // file_cache
#include <muster/core/context.hpp>                                 // context
#include <muster/core/failure.hpp>                                 // cause, failure
#include <muster/core/outcome.hpp>                                 // outcome
#include <muster/core/wire.hpp>                                    // encoded
#include <muster/workloads/search/detail/engine_trial.hpp>         // engine_trial
#include <muster/workloads/search/detail/leased.hpp>               // leased
#include <muster/workloads/search/detail/prepared_pattern.hpp>     // prepared
#include <muster/workloads/search/engine.hpp>                      // candidate, engine, line_pattern

namespace muster::searching {

/// How a hyperscan_engine comes to be.
struct hyperscan_engine_options {
    /// Keeps what was compiled, for this library, processor and set of patterns; none: nothing is kept. A hundred rules then take 6 ms in
    /// place of 150.
    file_cache* cache = nullptr;
    friend bool operator==(hyperscan_engine_options const&, hyperscan_engine_options const&) = default;
};

/// Looks for all patterns at once with Hyperscan or Vectorscan: the fastest line_engine.
///
/// There are versions of Vectorscan that miss matches. So the first `make` of a program has it look through a text with known answers,
/// for regexes as this engine writes them and as people do; one that misses a line is tried with the begins of matches kept, and
/// refused if it misses one still. Of Debian 12's, Hyperscan 5.4.0 passes, and Vectorscan 5.4.9 is refused.
///
/// Fails      `make` with cause::invalid_input for a regex that PCRE2 refuses; unavailable where the processor or the version of the
///            library is none that can be used; exhausted where the patterns are too many for it.
/// Threads    any number; each scan leases a scratch.
/// Lifetime   the cache is used by `make` alone.
/// Cost       a pass over the text for the letters that patterns must have, and one for the patterns that must have none: together 1.5 GB/s
///            for a hundred rules. The first `make` takes 70 ms more, to look at the library; a pattern takes a millisecond or two, and one
///            whose repetitions come to thousands up to a second.
class hyperscan_engine {
public:
    [[nodiscard]] static outcome<engine> make(std::span<line_pattern const> patterns, hyperscan_engine_options options = {});
    /// Under which a cache keeps what was compiled.
    [[nodiscard]] static std::string key_of(std::span<hyperscan_pattern const> patterns, hyperscan_options how);

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const;
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return alone_; }
    [[nodiscard]] std::string_view name() const noexcept { return leftmost_ ? "hyperscan, leftmost" : "hyperscan"; }

private:
    // The line on which a pattern was found last.
    struct found_line {
        std::uint32_t begin = 0, end = 0;
    };
    struct workspace {
        hyperscan_scratch scratch;
        std::vector<found_line> last;
    };
    struct make_workspace {
        hyperscan_set const* of;
        outcome<workspace> operator()() const {
            auto scratch = of->make_scratch();
            if (!scratch) return std::move(scratch).error();
            return workspace{std::move(*scratch), std::vector<found_line>(of->size())};
        }
    };

    // What is looked for in a pass over the text.
    struct pass {
        std::vector<hyperscan_pattern> patterns{};
        std::vector<std::uint32_t> indices{};    // of the patterns; those behind them are fillers
        std::unique_ptr<hyperscan_set const> set{};
        std::unique_ptr<detail::leased<workspace, make_workspace>> workspaces{};

        outcome<void> compile(hyperscan_options how, file_cache* cache, std::vector<std::uint32_t>& alone);
        outcome<void> scan(std::string_view text, std::vector<candidate>& into) const;
        void fill();
    };

    enum class wording : std::uint8_t { prepared, as_given };    // as given: for trials alone
    static outcome<hyperscan_engine> make_one(
        std::span<line_pattern const> patterns, hyperscan_options how, file_cache* cache, wording words = wording::prepared);
    static outcome<hyperscan_set> compiled(std::span<hyperscan_pattern const> patterns, hyperscan_options how, file_cache* cache);
    static outcome<hyperscan_options> usable();

    std::vector<pass> passes_;              // of letters, and of regexes that have none
    std::vector<std::uint32_t> alone_;
    bool leftmost_ = false;
};

// Implementation

inline outcome<engine> hyperscan_engine::make(std::span<line_pattern const> patterns, hyperscan_engine_options options) {
    static outcome<hyperscan_options> const how = usable();    // is asked once: neither library nor processor change
    if (!how) return how.error();
    auto made = make_one(patterns, *how, options.cache);
    if (!made) return std::move(made).error();
    return engine{std::move(*made)};
}

// In which way Hyperscan misses nothing here.
inline outcome<hyperscan_options> hyperscan_engine::usable() {
    if (!hyperscan_set::is_supported()) return failure{cause::unavailable, "Hyperscan does not know this processor"};
    failure why;
    for (bool const leftmost : {false, true}) {
        hyperscan_options const how{.leftmost = leftmost};
        auto const passed = [&](wording words) {
            return detail::engine_trial([&](std::span<line_pattern const> of) { return make_one(of, how, nullptr, words); });
        };
        auto result = passed(wording::prepared);
        if (result) result = passed(wording::as_given);    // what fails there is not trusted with others
        if (result) return how;
        why = result.error();
    }
    return failure{cause::unavailable, "Hyperscan " + hyperscan_set::version() + " cannot be used: " + why.text()};
}

inline std::string hyperscan_engine::key_of(std::span<hyperscan_pattern const> patterns, hyperscan_options how) {
    auto out = "muster hyperscan 1, " + hyperscan_set::platform() + (how.leftmost ? ", leftmost: " : ": ");
    auto const all = encoded(std::vector<hyperscan_pattern>(patterns.begin(), patterns.end()));
    return out.append(reinterpret_cast<char const*>(all.data()), all.size());
}

inline outcome<hyperscan_set> hyperscan_engine::compiled(
    std::span<hyperscan_pattern const> patterns, hyperscan_options how, file_cache* cache) {
    if (!cache) return hyperscan_set::compile(patterns, how);
    auto const key = key_of(patterns, how);
    context cx;
    auto const bytes = cache->get_or_compute(key, cx, [&](context&) -> outcome<std::string> {
        auto made = hyperscan_set::compile(patterns, how);
        if (!made) return std::move(made).error();
        return made->serialize();
    });
    if (bytes)
        if (auto made = hyperscan_set::deserialize(*bytes); made && made->size() == patterns.size()) return made;
    auto made = hyperscan_set::compile(patterns, how);    // what lies there is of no use: it is written anew
    if (made)
        if (auto const fresh = made->serialize()) (void)cache->put(key, *fresh);
    return made;
}

inline outcome<hyperscan_engine> hyperscan_engine::make_one(
    std::span<line_pattern const> patterns, hyperscan_options how, file_cache* cache, wording words) {
    hyperscan_engine out;
    out.leftmost_ = how.leftmost;
    pass letters, regexes;
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const one = detail::prepared(patterns[i], i);
        if (!one) return one.error();
        if (!*one) {
            out.alone_.push_back(i);
            continue;
        }
        bool const prepared = words == wording::prepared;
        auto& to = prepared && (*one)->letters ? letters : regexes;
        to.patterns.push_back({prepared ? (*one)->regex.written() : patterns[i].regex, patterns[i].ignore_case});
        to.indices.push_back(i);
    }
    letters.fill();
    for (auto* const each : {&letters, &regexes}) {
        if (each->patterns.empty()) continue;
        if (auto const made = each->compile(how, cache, out.alone_); !made) return made.error();
        out.passes_.push_back(std::move(*each));
    }
    std::sort(out.alone_.begin(), out.alone_.end());
    return out;
}

// For up to 96 texts Hyperscan 5.4 takes its Teddy, for more its FDR. Teddy is the faster one for a few; of 16 texts FDR searches 1.3
// times as fast, of 50 twice, of 90 three times. So texts that are in no text of lines are looked for as well.
inline void hyperscan_engine::pass::fill() {
    constexpr std::size_t few = 6, enough = 160;
    if (patterns.size() <= few) return;
    std::uint32_t state = 1;
    while (patterns.size() < enough) {
        std::string filler;
        for (int i = 0; i < 8; ++i) {
            state = state * 1'664'525 + 1'013'904'223;
            auto const byte = 0x80 + state / 65'536 % 0x40;    // no character of UTF-8 begins so
            (filler += "\\x") += "89ab"[byte / 16 - 8];
            filler += "0123456789abcdef"[byte % 16];
        }
        patterns.push_back({filler, false});
    }
}

inline outcome<void> hyperscan_engine::pass::compile(hyperscan_options how, file_cache* cache, std::vector<std::uint32_t>& alone) {
    auto made = compiled(patterns, how, cache);
    if (!made) return std::move(made).error();
    for (auto const& refused : made->refused())
        if (refused.pattern < indices.size()) alone.push_back(indices[refused.pattern]);
    set = std::make_unique<hyperscan_set const>(std::move(*made));
    patterns = {};    // they are in the set
    workspaces = std::make_unique<detail::leased<workspace, make_workspace>>(make_workspace{set.get()});
    return {};
}

inline outcome<void> hyperscan_engine::pass::scan(std::string_view text, std::vector<candidate>& into) const {
    auto lease = workspaces->lease();
    if (!lease) return lease.error();
    auto& in = **lease;
    in.last.assign(in.last.size(), {});
    return set->scan(text, in.scratch, [&](std::uint32_t pattern, std::uint64_t end) {
        if (pattern >= indices.size()) return;
        // The last character of the match: what matches nothing is tried alone.
        auto const at = static_cast<std::uint32_t>(end == 0 ? 0 : end - 1);
        auto& last = in.last[pattern];
        if (at >= last.begin && at < last.end) return;    // an event for each end of a match, a candidate for each line
        auto const* const before = static_cast<char const*>(::memrchr(text.data(), '\n', at));
        auto const* const after = static_cast<char const*>(std::memchr(text.data() + at, '\n', text.size() - at));
        last.begin = before ? static_cast<std::uint32_t>(before + 1 - text.data()) : 0;
        last.end = static_cast<std::uint32_t>(after ? static_cast<std::size_t>(after + 1 - text.data()) : text.size());
        into.push_back({indices[pattern], at});
    });
}

inline outcome<void> hyperscan_engine::scan(std::string_view text, std::vector<candidate>& into) const {
    for (auto const& each : passes_)
        if (auto done = each.scan(text, into); !done) return done;
    return {};
}

static_assert(line_engine<hyperscan_engine>);

}  // namespace muster::searching
