#pragma once

// Widths of characters other than 8 are of no use here, and every function is called by its full name, so that any value does.
#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif

#include <algorithm>      // min, max, sort
#include <array>          // texts of errors
#include <cstddef>        // size_t
#include <cstdint>        // limits
#include <memory>         // unique_ptr
#include <new>            // bad_alloc
#include <optional>       // groups
#include <stdexcept>      // invalid_argument
#include <string>         // names
#include <string_view>    // subjects
#include <utility>        // move
#include <vector>         // names

#include <pcre2.h>    // pcre2_compile_8, pcre2_match_8

#include <muster/core/bytes.hpp>      // KiB
#include <muster/core/failure.hpp>    // cause, failure
#include <muster/core/outcome.hpp>    // outcome

namespace muster {

/// How a pcre2_pattern reads its regex.
struct pcre2_options {
    bool ignore_case = false;    ///< of ASCII letters
    bool multi_line = false;     ///< ^ and $ also match at the begin and the end of each line
    /// Characters are those of Unicode, and the regex is read as ECMAScript reads it: \uXXXX, and $ not before a last LF. Only subjects
    /// that are UTF-8 may then be matched.
    bool unicode = false;
    friend bool operator==(pcre2_options const&, pcre2_options const&) = default;
};

/// A named group of a pattern.
struct pcre2_name {
    std::string name{};
    std::uint32_t group = 0;    ///< 1: the first
    friend bool operator==(pcre2_name const&, pcre2_name const&) = default;
};

/// What one match may cost before it is given up.
struct pcre2_limits {
    /// 1,000,000: steps back from one start, 3 ms of the compiled code; at least 1. A regex that backtracks so far does it by mistake.
    std::uint32_t steps = 1'000'000;
    /// 1,000,000,000: steps back from all starts of a subject together; at least 1. Over 1,000 bytes, fewer `steps` are left for
    /// each start, and never fewer than 1,000. A regex that is anchored has one start.
    std::uint64_t total_steps = 1'000'000'000;
    std::size_t stack = 1 * MiB;    ///< 1 MiB: of the compiled code, which goes back to 1 MB of text; 32 KiB to 1 GiB
    friend bool operator==(pcre2_limits const&, pcre2_limits const&) = default;
};

/// A regular expression of Perl's kind, made into machine code.
///
/// Bytes are its characters, but for those of `pcre2_options::unicode`: a regex that asks itself for UTF-8 or Unicode's classes, or
/// for `\C`, is refused. Lines end with LF.
///
/// Fails      `compile` with cause::invalid_input, with the offset and what PCRE2 says; exhausted where memory is.
/// Threads    any number: it never changes.
/// Cost       10 us for a regex of 60 bytes. Where there is no JIT (`is_jit()`), matches are interpreted and the limits count less of what
///            they do: text that nobody trusts may then take the square of its length.
class pcre2_pattern {
public:
    static outcome<pcre2_pattern> compile(std::string_view regex, pcre2_options options = {});

    /// The named groups by number, which is the order in which they open.
    [[nodiscard]] std::vector<pcre2_name> const& names() const noexcept { return names_; }
    /// How many groups there are, without the whole match.
    [[nodiscard]] std::uint32_t groups() const noexcept { return groups_; }
    /// The largest number of a group that the regex refers back to; 0 for none.
    [[nodiscard]] std::uint32_t back_reference() const noexcept { return back_reference_; }
    /// Whether it may match no characters at all.
    [[nodiscard]] bool matches_empty() const noexcept { return matches_empty_; }
    /// Whether it matches at the begin alone.
    [[nodiscard]] bool is_anchored() const noexcept { return anchored_; }
    [[nodiscard]] bool is_jit() const noexcept { return jit_; }

private:
    friend class pcre2_matcher;
    struct release {
        void operator()(pcre2_code_8* code) const noexcept { pcre2_code_free_8(code); }
    };
    using code = std::unique_ptr<pcre2_code_8, release>;

    explicit pcre2_pattern(code made);
    std::uint32_t ask(std::uint32_t what) const noexcept;

    code code_;
    std::vector<pcre2_name> names_;
    std::uint32_t groups_ = 0;
    std::uint32_t back_reference_ = 0;
    bool matches_empty_ = false;
    bool anchored_ = false;
    bool jit_ = false;
};

/// Matches any pcre2_pattern, one after another; keeps the memory that matches need.
///
/// Fails      `match` with cause::exhausted where a limit is reached, which it names: it is not known whether the regex matches.
/// Throws     the constructor: std::invalid_argument for limits, std::bad_alloc.
/// Threads    one at a time.
/// Lifetime   groups are views of the last subject.
/// Cost       40 KiB. A match allocates only for a pattern with more groups than any before.
class pcre2_matcher {
public:
    explicit pcre2_matcher(pcre2_limits limits = {});

    /// Whether the pattern matches in `subject` at `start` or later; what is before `start` is seen by looks behind.
    outcome<bool> match(pcre2_pattern const& pattern, std::string_view subject, std::size_t start = 0);

    /// What a group holds after a match: 0 is the whole. None for a group that took no part, or that there is not.
    [[nodiscard]] std::optional<std::string_view> group(std::uint32_t number) const noexcept;

private:
    struct release {
        void operator()(pcre2_match_data_8* data) const noexcept { pcre2_match_data_free_8(data); }
        void operator()(pcre2_match_context_8* context) const noexcept { pcre2_match_context_free_8(context); }
        void operator()(pcre2_jit_stack_8* stack) const noexcept { pcre2_jit_stack_free_8(stack); }
    };
    template <class T>
    using owned = std::unique_ptr<T, release>;

    void make_data(std::uint32_t groups);
    std::uint32_t steps_for(pcre2_pattern const& pattern, std::size_t bytes) const noexcept;
    failure refusal(int code) const;

    static constexpr std::uint32_t fewest_steps = 1'000;    // of one start: lines of a million bytes are then still matched

    pcre2_limits limits_;
    owned<pcre2_jit_stack_8> stack_;
    owned<pcre2_match_context_8> context_;
    owned<pcre2_match_data_8> data_;
    std::uint32_t room_ = 0;       // groups that fit
    std::string_view subject_;
    std::uint32_t matched_ = 0;    // groups up to the last that took part, after a match
    std::uint32_t steps_ = 0;      // as the context has them
};

// Implementation

namespace detail {

inline std::string pcre2_text(int code) {
    std::array<unsigned char, 256> text{};
    pcre2_get_error_message_8(code, text.data(), text.size());
    return reinterpret_cast<char const*>(text.data());
}

// PCRE2 takes no null pointer in all places.
inline unsigned char const* pcre2_bytes(std::string_view of) noexcept {
    return reinterpret_cast<unsigned char const*>(of.data() ? of.data() : "");
}

}  // namespace detail

inline outcome<pcre2_pattern> pcre2_pattern::compile(std::string_view regex, pcre2_options options) {
    struct free_context {
        void operator()(pcre2_compile_context_8* context) const noexcept { pcre2_compile_context_free_8(context); }
    };
    std::unique_ptr<pcre2_compile_context_8, free_context> const how{pcre2_compile_context_create_8(nullptr)};
    if (!how) return failure{cause::exhausted, "no memory to compile a regex"};
    pcre2_set_newline_8(how.get(), PCRE2_NEWLINE_LF);     // whatever the library was built with
    pcre2_set_bsr_8(how.get(), PCRE2_BSR_UNICODE);

    std::uint32_t flags = PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    flags |= options.unicode ? PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF : PCRE2_NEVER_UTF;
    if (options.unicode) pcre2_set_compile_extra_options_8(how.get(), PCRE2_EXTRA_ALT_BSUX);    // \u{1f600}
    if (options.ignore_case) flags |= PCRE2_CASELESS;
    if (options.multi_line) flags |= PCRE2_MULTILINE;
    int error = 0;
    PCRE2_SIZE offset = 0;
    code made{pcre2_compile_8(detail::pcre2_bytes(regex), regex.size(), flags, &error, &offset, how.get())};
    if (made) return pcre2_pattern{std::move(made)};
    if (error == PCRE2_ERROR_HEAP_FAILED) return failure{cause::exhausted, "no memory to compile a regex"};
    return failure{cause::invalid_input, "at offset " + std::to_string(offset) + ": " + detail::pcre2_text(error)};
}

inline pcre2_pattern::pcre2_pattern(code made) : code_(std::move(made)) {
    // What cannot be made into machine code is interpreted.
    jit_ = pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE) == 0;
    if (jit_) {    // it may have been told not to: (*NO_JIT)
        std::size_t bytes = 0;
        jit_ = pcre2_pattern_info_8(code_.get(), PCRE2_INFO_JITSIZE, &bytes) == 0 && bytes > 0;
    }
    groups_ = ask(PCRE2_INFO_CAPTURECOUNT);
    back_reference_ = ask(PCRE2_INFO_BACKREFMAX);
    matches_empty_ = ask(PCRE2_INFO_MATCHEMPTY) != 0;
    anchored_ = (ask(PCRE2_INFO_ALLOPTIONS) & PCRE2_ANCHORED) != 0;

    // A table of entries of one size: the number, high byte first, and the name, ended by 0; sorted by name.
    auto const count = ask(PCRE2_INFO_NAMECOUNT);
    auto const size = ask(PCRE2_INFO_NAMEENTRYSIZE);
    unsigned char const* entry = nullptr;
    if (count > 0) pcre2_pattern_info_8(code_.get(), PCRE2_INFO_NAMETABLE, &entry);
    for (std::uint32_t i = 0; i < count; ++i, entry += size)
        names_.push_back({reinterpret_cast<char const*>(entry + 2), static_cast<std::uint32_t>(entry[0] << 8 | entry[1])});
    std::stable_sort(names_.begin(), names_.end(), [](auto const& a, auto const& b) { return a.group < b.group; });
}

inline std::uint32_t pcre2_pattern::ask(std::uint32_t what) const noexcept {
    std::uint32_t out = 0;
    pcre2_pattern_info_8(code_.get(), what, &out);
    return out;
}

inline pcre2_matcher::pcre2_matcher(pcre2_limits limits) : limits_(limits) {
    if (limits.steps == 0 || limits.total_steps == 0 || limits.stack < 32 * KiB || limits.stack > GiB)
        throw std::invalid_argument("muster: pcre2_matcher needs steps above 0 and a stack of 32 KiB to 1 GiB");
    stack_.reset(pcre2_jit_stack_create_8(32 * KiB, limits.stack, nullptr));    // null where there is no JIT
    context_.reset(pcre2_match_context_create_8(nullptr));
    if (!context_) throw std::bad_alloc{};
    if (stack_) pcre2_jit_stack_assign_8(context_.get(), nullptr, stack_.get());
    // For what is interpreted: its memory, in KiB; each step down takes some of it, so the depth needs no bound of its own.
    pcre2_set_heap_limit_8(context_.get(), static_cast<std::uint32_t>(std::max<std::size_t>(limits.stack, 16 * MiB) / KiB));
    make_data(16);
}

inline void pcre2_matcher::make_data(std::uint32_t groups) {
    owned<pcre2_match_data_8> made{pcre2_match_data_create_8(groups, nullptr)};
    if (!made) throw std::bad_alloc{};
    data_ = std::move(made);
    room_ = groups;
}

inline std::uint32_t pcre2_matcher::steps_for(pcre2_pattern const& pattern, std::size_t bytes) const noexcept {
    if (pattern.is_anchored()) return limits_.steps;
    auto const each = std::max<std::uint64_t>(limits_.total_steps / (bytes + 1), fewest_steps);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(limits_.steps, each));
}

inline outcome<bool> pcre2_matcher::match(pcre2_pattern const& pattern, std::string_view subject, std::size_t start) {
    matched_ = 0;
    subject_ = subject;
    if (start > subject.size())
        return failure{cause::invalid_input, "a match from offset " + std::to_string(start) + " of a subject of " +
                                                 std::to_string(subject.size()) + " bytes"};
    if (pattern.groups() + 1 > room_) make_data(pattern.groups() + 1);
    if (auto const steps = steps_for(pattern, subject.size() - start); steps != steps_) {
        pcre2_set_match_limit_8(context_.get(), steps);
        steps_ = steps;
    }
    auto const* const bytes = detail::pcre2_bytes(subject);
    // The first checks nothing that needs no check here: every subject is good, and the options are none.
    auto const code = pattern.is_jit()
                          ? pcre2_jit_match_8(pattern.code_.get(), bytes, subject.size(), start, 0, data_.get(), context_.get())
                          : pcre2_match_8(pattern.code_.get(), bytes, subject.size(), start, 0, data_.get(), context_.get());
    if (code == PCRE2_ERROR_NOMATCH) return false;
    if (code <= 0) return refusal(code);
    matched_ = static_cast<std::uint32_t>(code);
    return true;
}

inline failure pcre2_matcher::refusal(int code) const {
    switch (code) {
        case PCRE2_ERROR_MATCHLIMIT: {
            auto const steps = std::to_string(steps_) + " steps back from one start";
            return {cause::exhausted,
                "the match took more than " + steps + ", in a subject of " + std::to_string(subject_.size()) + " bytes"};
        }
        case PCRE2_ERROR_JIT_STACKLIMIT:
            return {cause::exhausted, "the match took more stack than " + std::to_string(limits_.stack) +
                                          " bytes, in a subject of " + std::to_string(subject_.size()) + " bytes"};
        default: return {cause::exhausted, "the match was given up: " + detail::pcre2_text(code)};    // heap, depth, recursion
    }
}

inline std::optional<std::string_view> pcre2_matcher::group(std::uint32_t number) const noexcept {
    if (number >= matched_) return std::nullopt;
    auto const* const offsets = pcre2_get_ovector_pointer_8(data_.get());
    auto const begin = offsets[std::size_t{2} * number];
    auto const end = offsets[std::size_t{2} * number + 1];
    if (begin == PCRE2_UNSET || begin > end) return std::nullopt;    // begin > end: \K within a look ahead
    return std::string_view{subject_.data(), subject_.size()}.substr(begin, end - begin);
}

}  // namespace muster
