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
    file_cache* cache = nullptr;    ///< keeps what was compiled: the next start takes a millisecond in place of hundreds; none: nothing is kept
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
/// Cost       a pass over the text for all patterns, at 1 GB/s for a hundred rules.
class hyperscan_engine {
public:
    [[nodiscard]] static outcome<engine> make(std::span<line_pattern const> patterns, hyperscan_engine_options options = {});
    /// Under which a cache keeps what was compiled.
    [[nodiscard]] static std::string key_of(std::span<hyperscan_pattern const> patterns, hyperscan_options how);

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const;
    [[nodiscard]] std::span<std::uint32_t const> alone() const noexcept { return alone_; }
    [[nodiscard]] std::string_view name() const noexcept { return set_->options().leftmost ? "hyperscan, leftmost" : "hyperscan"; }

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

    enum class wording : std::uint8_t { prepared, as_given };    // as given: for trials alone
    static outcome<hyperscan_engine> make_one(
        std::span<line_pattern const> patterns, hyperscan_options how, file_cache* cache, wording words = wording::prepared);
    static outcome<hyperscan_set> compiled(std::span<hyperscan_pattern const> patterns, hyperscan_options how, file_cache* cache);
    static outcome<hyperscan_options> usable();

    std::unique_ptr<hyperscan_set const> set_;
    std::vector<std::uint32_t> indices_;    // of the set's patterns
    std::vector<std::uint32_t> alone_;
    std::unique_ptr<detail::leased<workspace, make_workspace>> workspaces_;
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
    std::vector<hyperscan_pattern> ready;
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const one = detail::prepared(patterns[i], i);
        if (!one) return one.error();
        if (*one) {
            ready.push_back({words == wording::prepared ? (*one)->regex.written() : patterns[i].regex, patterns[i].ignore_case});
            out.indices_.push_back(i);
        } else {
            out.alone_.push_back(i);
        }
    }
    auto set = compiled(ready, how, cache);
    if (!set) return std::move(set).error();
    for (auto const& refused : set->refused()) out.alone_.push_back(out.indices_[refused.pattern]);
    std::sort(out.alone_.begin(), out.alone_.end());
    out.set_ = std::make_unique<hyperscan_set const>(std::move(*set));
    out.workspaces_ = std::make_unique<detail::leased<workspace, make_workspace>>(make_workspace{out.set_.get()});
    return out;
}

inline outcome<void> hyperscan_engine::scan(std::string_view text, std::vector<candidate>& into) const {
    auto lease = workspaces_->lease();
    if (!lease) return lease.error();
    auto& in = **lease;
    in.last.assign(in.last.size(), {});
    return set_->scan(text, in.scratch, [&](std::uint32_t pattern, std::uint64_t end) {
        // The last character of the match: what matches nothing is tried alone.
        auto const at = static_cast<std::uint32_t>(end == 0 ? 0 : end - 1);
        auto& last = in.last[pattern];
        if (at >= last.begin && at < last.end) return;    // an event for each end of a match, a candidate for each line
        auto const* const before = static_cast<char const*>(::memrchr(text.data(), '\n', at));
        auto const* const after = static_cast<char const*>(std::memchr(text.data() + at, '\n', text.size() - at));
        last.begin = before ? static_cast<std::uint32_t>(before + 1 - text.data()) : 0;
        last.end = static_cast<std::uint32_t>(after ? after + 1 - text.data() : text.size());
        into.push_back({indices_[pattern], at});
    });
}

static_assert(line_engine<hyperscan_engine>);

}  // namespace muster::searching
