#pragma once

#include <algorithm>      // sort, all_of
#include <concepts>       // callbacks
#include <cstddef>        // size_t
#include <cstdint>        // indices
#include <cstdlib>        // free
#include <cstring>        // memcpy
#include <limits>         // the longest text
#include <memory>         // unique_ptr
#include <span>           // patterns
#include <string>         // patterns
#include <string_view>    // texts
#include <type_traits>    // callbacks
#include <utility>        // move
#include <vector>         // patterns

#include <hs/hs.h>    // hs_compile_multi, hs_scan

#include <muster/core/failure.hpp>        // cause, failure
#include <muster/core/invoke_task.hpp>    // guarded
#include <muster/core/outcome.hpp>        // outcome
#include <muster/core/wire.hpp>           // encoded, decoded

namespace muster {

/// A regex of a hyperscan_set.
struct hyperscan_pattern {
    std::string regex{};
    bool ignore_case = false;    ///< of ASCII letters
    friend bool operator==(hyperscan_pattern const&, hyperscan_pattern const&) = default;
};

/// How a hyperscan_set is compiled.
struct hyperscan_options {
    /// Whether it keeps where matches begin. No: it costs a third of the speed. Yes is for versions of Vectorscan that miss matches
    /// otherwise; what cannot be compiled so is refused, prefilters among it.
    bool leftmost = false;
    friend bool operator==(hyperscan_options const&, hyperscan_options const&) = default;
};

/// A pattern that is not in a set, and what Hyperscan says of it.
struct hyperscan_refusal {
    std::uint32_t pattern = 0;    ///< its index
    std::string why{};
    friend bool operator==(hyperscan_refusal const&, hyperscan_refusal const&) = default;
};

/// The memory of a scan. Made by `hyperscan_set::make_scratch`, for that set.
///
/// Threads    one scan at a time.
class hyperscan_scratch {
public:
    /// Another one for the same set.
    [[nodiscard]] outcome<hyperscan_scratch> copy() const;

private:
    friend class hyperscan_set;
    struct release {
        void operator()(hs_scratch_t* scratch) const noexcept { hs_free_scratch(scratch); }
    };
    std::unique_ptr<hs_scratch_t, release> scratch_;    // null for a set without patterns
};

/// Many regular expressions, looked for at once in one pass over a text, by Hyperscan or Vectorscan.
///
/// Bytes are the characters. ^ and $ match at each line, and a dot takes no LF. A regex that Hyperscan does not understand in full is
/// taken as a prefilter, which ends matches wherever the regex does and perhaps elsewhere; `is_exact` tells. What it takes in
/// neither way is in `refused()`: it must be tried by other means, or it is lost.
///
/// Fails      `compile` with cause::unavailable on a processor that Hyperscan does not know (x86-64 without SSSE3), exhausted where
///            the patterns are too large together, or memory is. `scan` with invalid_input for a text of 4 GiB and more and for the
///            scratch of another set, would_deadlock for one that is in use, threw for what the callback throws.
///            `deserialize` with cause::invalid_input for bytes that are no such set, damaged, or of another version or processor.
/// Threads    any number: it never changes. Each has a scratch of its own.
/// Lifetime   a scratch may outlive its set.
/// Cost       compiling takes milliseconds for each pattern, and seconds where counts of repetitions multiply to thousands. A scan
///            calls back for each match that ends at another place: `a+$` once, `a+` for each a.
class hyperscan_set {
public:
    /// Whether this processor can run it.
    [[nodiscard]] static bool is_supported() noexcept { return hs_valid_platform() == HS_SUCCESS; }
    /// Of the library, with its date where it says one.
    [[nodiscard]] static std::string version();
    /// What compiled sets depend on beside the patterns: library and processor.
    [[nodiscard]] static std::string platform();

    static outcome<hyperscan_set> compile(std::span<hyperscan_pattern const> patterns, hyperscan_options options = {});

    /// Calls `found(index, end)` for each match: the index of the pattern, and the offset behind its last character, 0 to the size of the
    /// text. In no order that could be relied on, and perhaps twice. Where `found` returns a bool, false ends the scan, and all is well.
    template <class Found>
        requires std::invocable<Found&, std::uint32_t, std::uint64_t>
    outcome<void> scan(std::string_view text, hyperscan_scratch const& scratch, Found&& found) const;

    [[nodiscard]] outcome<hyperscan_scratch> make_scratch() const;

    /// How many patterns it was asked for.
    [[nodiscard]] std::size_t size() const noexcept { return kinds_.size(); }
    /// Those that it does not look for; by index.
    [[nodiscard]] std::span<hyperscan_refusal const> refused() const noexcept { return refused_; }
    /// Whether each match that is told of is one of the regex: neither a prefilter nor refused.
    [[nodiscard]] bool is_exact(std::size_t index) const noexcept { return kinds_[index] == kind::exact; }
    [[nodiscard]] hyperscan_options options() const noexcept { return options_; }
    /// What it takes in memory, without scratches.
    [[nodiscard]] std::size_t bytes() const noexcept;

    /// The set as bytes, for `deserialize` with the same library on such a processor: a cache spares the time of compiling.
    [[nodiscard]] outcome<std::string> serialize() const;
    /// Trusts who wrote the bytes: a checksum tells damage, not forgery.
    static outcome<hyperscan_set> deserialize(std::string_view bytes);

private:
    enum class kind : std::uint8_t { exact, prefilter, refused };
    struct release {
        void operator()(hs_database_t* database) const noexcept { hs_free_database(database); }
    };
    using database = std::unique_ptr<hs_database_t, release>;
    struct complaint {
        int pattern = -1;    // index among those compiled; below 0: of all
        int code = HS_SUCCESS;
        std::string text;
    };
    struct stored;

    complaint try_compile(std::span<hyperscan_pattern const> patterns, std::span<std::uint32_t const> which, database& into) const;
    bool accepts(hyperscan_pattern const& pattern, kind as, std::string& why) const;
    unsigned flags_of(hyperscan_pattern const& pattern, kind as) const noexcept;
    void demote(std::uint32_t index, std::string why);
    outcome<void> build(std::span<hyperscan_pattern const> patterns);

    hyperscan_options options_;
    std::vector<kind> kinds_;
    std::vector<hyperscan_refusal> refused_;
    database database_;    // null where no pattern is left
};

// Implementation

namespace detail {

inline failure hyperscan_failure(int code, std::string_view doing) {
    std::string text{doing};
    switch (code) {
        case HS_NOMEM: return {cause::exhausted, text + ": no memory"};
        case HS_ARCH_ERROR: return {cause::unavailable, text + ": Hyperscan does not know this processor"};
        case HS_SCRATCH_IN_USE: return {cause::would_deadlock, text + ": the scratch is in use by another scan"};
        case HS_INVALID: return {cause::invalid_input, text + ": Hyperscan calls it invalid"};
        case HS_DB_VERSION_ERROR: return {cause::invalid_input, text + ": it is of another version of Hyperscan"};
        case HS_DB_PLATFORM_ERROR: return {cause::invalid_input, text + ": it is for another processor"};
        default: return {cause::invalid_input, text + ": Hyperscan answers " + std::to_string(code)};
    }
}

// FNV-1a: what it guards against is a disk, not a foe.
inline std::uint64_t hyperscan_checksum(std::string_view bytes) noexcept {
    std::uint64_t out = 0xcbf29ce484222325u;
    for (char const byte : bytes) out = (out ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    return out;
}

}  // namespace detail

inline outcome<hyperscan_scratch> hyperscan_scratch::copy() const {
    hyperscan_scratch out;
    if (!scratch_) return out;
    hs_scratch_t* made = nullptr;
    if (auto const code = hs_clone_scratch(scratch_.get(), &made); code != HS_SUCCESS)
        return detail::hyperscan_failure(code, "a scratch");
    out.scratch_.reset(made);
    return out;
}

inline std::string hyperscan_set::version() {
    std::string out = hs_version();
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

inline std::string hyperscan_set::platform() {
    hs_platform_info_t about{};
    auto out = version();
    if (hs_populate_platform(&about) == HS_SUCCESS)
        out += ", tune " + std::to_string(about.tune) + ", features " + std::to_string(about.cpu_features);
    return out;
}

inline outcome<hyperscan_set> hyperscan_set::compile(std::span<hyperscan_pattern const> patterns, hyperscan_options options) {
    if (!is_supported()) return detail::hyperscan_failure(HS_ARCH_ERROR, "a set of patterns");
    if (patterns.size() > std::numeric_limits<std::uint32_t>::max() / 2)
        return failure{cause::invalid_input, "a set of " + std::to_string(patterns.size()) + " patterns; at most 2,147,483,647"};
    hyperscan_set out;
    out.options_ = options;
    out.kinds_.assign(patterns.size(), kind::exact);
    if (auto built = out.build(patterns); !built) return std::move(built).error();
    std::sort(out.refused_.begin(), out.refused_.end(), [](auto const& a, auto const& b) { return a.pattern < b.pattern; });
    return out;
}

inline unsigned hyperscan_set::flags_of(hyperscan_pattern const& pattern, kind as) const noexcept {
    unsigned flags = HS_FLAG_MULTILINE;
    if (pattern.ignore_case) flags |= HS_FLAG_CASELESS;
    if (options_.leftmost) flags |= HS_FLAG_SOM_LEFTMOST;
    if (as == kind::prefilter) flags |= HS_FLAG_PREFILTER;
    return flags;
}

// The next weaker kind: a prefilter, then nothing. A prefilter knows no begin of a match.
inline void hyperscan_set::demote(std::uint32_t index, std::string why) {
    auto& is = kinds_[index];
    is = is == kind::exact && !options_.leftmost ? kind::prefilter : kind::refused;
    if (is == kind::refused) refused_.push_back({index, std::move(why)});
}

inline bool hyperscan_set::accepts(hyperscan_pattern const& pattern, kind as, std::string& why) const {
    hs_expr_info_t* about = nullptr;
    hs_compile_error_t* wrong = nullptr;
    auto const code = hs_expression_info(pattern.regex.c_str(), flags_of(pattern, as), &about, &wrong);
    // Hyperscan frees the one with its own function, the other with that of the allocator, which is free().
    std::free(about);
    if (wrong) why = wrong->message;
    hs_free_compile_error(wrong);
    return code == HS_SUCCESS;
}

inline hyperscan_set::complaint hyperscan_set::try_compile(
    std::span<hyperscan_pattern const> patterns, std::span<std::uint32_t const> which, database& into) const {
    std::vector<char const*> regexes;
    std::vector<unsigned> flags;
    for (auto const index : which) {
        regexes.push_back(patterns[index].regex.c_str());
        flags.push_back(flags_of(patterns[index], kinds_[index]));
    }
    hs_database_t* made = nullptr;
    hs_compile_error_t* wrong = nullptr;
    complaint out;
    out.code = hs_compile_multi(
        regexes.data(), flags.data(), which.data(), static_cast<unsigned>(which.size()), HS_MODE_BLOCK, nullptr, &made, &wrong);
    into.reset(made);
    if (wrong) {
        out.pattern = wrong->expression;
        out.text = wrong->message;
    }
    hs_free_compile_error(wrong);
    return out;
}

inline outcome<void> hyperscan_set::build(std::span<hyperscan_pattern const> patterns) {
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const& regex = patterns[i].regex;
        std::string why;
        if (regex.find('\0') != std::string::npos) why = "a byte of 0, where a regex ends for Hyperscan";
        if (regex.starts_with("(*")) why = "a verb at the begin: after (*UTF8), texts that are none would be read wrongly";
        if (!why.empty()) {
            kinds_[i] = kind::refused;
            refused_.push_back({i, std::move(why)});
            continue;
        }
        if (accepts(patterns[i], kinds_[i], why)) continue;
        demote(i, why);
        if (std::string second; kinds_[i] == kind::prefilter && !accepts(patterns[i], kinds_[i], second)) demote(i, why);
    }

    // Some are refused only when they are compiled. One after another is then tried by itself, for together each refusal costs the
    // time of all that are before it.
    for (bool alone = false;;) {
        std::vector<std::uint32_t> which;
        for (std::uint32_t i = 0; i < kinds_.size(); ++i)
            if (kinds_[i] != kind::refused) which.push_back(i);
        if (which.empty()) return {};
        auto wrong = try_compile(patterns, which, database_);
        if (wrong.code == HS_SUCCESS) return {};
        if (wrong.code != HS_COMPILER_ERROR) return detail::hyperscan_failure(wrong.code, "a set of patterns");
        if (alone && wrong.pattern < 0)
            return failure{cause::exhausted,
                "a set of " + std::to_string(which.size()) + " patterns, each of which is good: " + wrong.text};
        if (alone) demote(which[static_cast<std::size_t>(wrong.pattern)], wrong.text);
        for (auto const index : which) {
            if (alone) break;
            for (database lone; kinds_[index] != kind::refused; demote(index, wrong.text)) {
                std::uint32_t const one[] = {index};
                wrong = try_compile(patterns, one, lone);
                if (wrong.code == HS_SUCCESS) break;
                if (wrong.code != HS_COMPILER_ERROR) return detail::hyperscan_failure(wrong.code, "a pattern");
            }
        }
        alone = true;
    }
}

inline outcome<hyperscan_scratch> hyperscan_set::make_scratch() const {
    hyperscan_scratch out;
    if (!database_) return out;
    hs_scratch_t* made = nullptr;
    auto const code = hs_alloc_scratch(database_.get(), &made);
    out.scratch_.reset(made);
    if (code != HS_SUCCESS) return detail::hyperscan_failure(code, "a scratch");
    return out;
}

template <class Found>
    requires std::invocable<Found&, std::uint32_t, std::uint64_t>
outcome<void> hyperscan_set::scan(std::string_view text, hyperscan_scratch const& scratch, Found&& found) const {
    using result = std::invoke_result_t<Found&, std::uint32_t, std::uint64_t>;
    static_assert(std::is_void_v<result> || std::convertible_to<result, bool>,
        "muster: what hears of matches returns nothing, or false to end the scan");
    if (text.size() > std::numeric_limits<std::uint32_t>::max())
        return failure{cause::invalid_input,
            "a text of " + std::to_string(text.size()) + " bytes: Hyperscan takes at most 4,294,967,295; cut it at the end of a line"};
    if (!database_) return {};
    if (!scratch.scratch_) return failure{cause::invalid_input, "a scan: the scratch is of another set"};

    struct receiver {
        std::remove_reference_t<Found>* found;
        outcome<void> all_is_well;
    } receives{&found, {}};
    auto const hear = [](unsigned index, unsigned long long, unsigned long long end, unsigned, void* to) -> int {
        auto& into = *static_cast<receiver*>(to);
        auto const tell = [&] {
            if constexpr (std::is_void_v<result>) {
                (*into.found)(index, end);
                return true;
            } else {
                return static_cast<bool>((*into.found)(index, end));
            }
        };
        if constexpr (std::is_nothrow_invocable_v<Found&, std::uint32_t, std::uint64_t>) {
            return tell() ? 0 : 1;
        } else {    // nothing is thrown through the frames of a library in C
            auto told = guarded<outcome<bool>>([&]() -> outcome<bool> { return tell(); });
            if (told) return *told ? 0 : 1;
            into.all_is_well = std::move(told).error();
            return 1;
        }
    };
    auto const* const bytes = text.data() ? text.data() : "";    // Hyperscan takes no null pointer
    auto const code =
        hs_scan(database_.get(), bytes, static_cast<unsigned>(text.size()), 0, scratch.scratch_.get(), hear, &receives);
    if (code == HS_INVALID) return failure{cause::invalid_input, "a scan: the scratch is of another set"};
    if (code != HS_SUCCESS && code != HS_SCAN_TERMINATED) return detail::hyperscan_failure(code, "a scan");
    return std::move(receives.all_is_well);
}

inline std::size_t hyperscan_set::bytes() const noexcept {
    std::size_t out = 0;
    if (database_) hs_database_size(database_.get(), &out);
    return out;
}

// What is on the wire, behind a checksum.
struct hyperscan_set::stored {
    std::string platform;
    bool leftmost = false;
    std::vector<std::uint8_t> kinds;
    std::vector<hyperscan_refusal> refused;
    std::string database;    // empty where there is none
};

inline outcome<std::string> hyperscan_set::serialize() const {
    stored all{platform(), options_.leftmost, {}, refused_, {}};
    for (auto const is : kinds_) all.kinds.push_back(static_cast<std::uint8_t>(is));
    if (database_) {
        struct free_bytes {
            void operator()(char* bytes) const noexcept { std::free(bytes); }
        };
        char* bytes = nullptr;
        std::size_t size = 0;
        auto const code = hs_serialize_database(database_.get(), &bytes, &size);
        std::unique_ptr<char, free_bytes> const owner{bytes};
        if (code != HS_SUCCESS) return detail::hyperscan_failure(code, "a set as bytes");
        all.database.assign(bytes, size);
    }
    auto const body = encoded(all);
    std::string out(sizeof(std::uint64_t), '\0');
    out.append(reinterpret_cast<char const*>(body.data()), body.size());
    std::uint64_t const sum = detail::hyperscan_checksum(std::string_view{out}.substr(sizeof sum));
    std::memcpy(out.data(), &sum, sizeof sum);
    return out;
}

inline outcome<hyperscan_set> hyperscan_set::deserialize(std::string_view bytes) {
    if (!is_supported()) return detail::hyperscan_failure(HS_ARCH_ERROR, "a set as bytes");
    std::uint64_t sum = 0;
    failure const damaged{cause::invalid_input,
        "a set as bytes, " + std::to_string(bytes.size()) + " of them: they are damaged, or something else"};
    if (bytes.size() < sizeof sum) return damaged;
    std::memcpy(&sum, bytes.data(), sizeof sum);
    bytes.remove_prefix(sizeof sum);
    if (sum != detail::hyperscan_checksum(bytes)) return damaged;
    auto all = decoded<stored>(std::as_bytes(std::span{bytes.data(), bytes.size()}));
    if (!all) return damaged;
    if (auto const here = platform(); all->platform != here)
        return failure{cause::invalid_input, "a set as bytes: it is of " + all->platform + ", and this is " + here};

    hyperscan_set out;
    out.options_.leftmost = all->leftmost;
    std::size_t refused = 0;
    for (auto const is : all->kinds) {
        if (is > static_cast<std::uint8_t>(kind::refused)) return damaged;
        out.kinds_.push_back(static_cast<kind>(is));
        refused += out.kinds_.back() == kind::refused;
    }
    out.refused_ = std::move(all->refused);
    auto const is_refused = [&](hyperscan_refusal const& one) {
        return one.pattern < out.kinds_.size() && out.kinds_[one.pattern] == kind::refused;
    };
    if (refused != out.refused_.size() || !std::all_of(out.refused_.begin(), out.refused_.end(), is_refused)) return damaged;
    if (all->database.empty()) {
        if (refused != out.kinds_.size()) return damaged;
        return out;
    }

    hs_database_t* made = nullptr;
    auto const code = hs_deserialize_database(all->database.data(), all->database.size(), &made);
    out.database_.reset(made);
    if (code != HS_SUCCESS) return detail::hyperscan_failure(code, "a set as bytes");
    return out;
}

}  // namespace muster
