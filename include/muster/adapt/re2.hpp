#pragma once

#include <algorithm>      // min, max, sort
#include <concepts>       // callbacks
#include <cstddef>        // size_t
#include <cstdint>        // indices
#include <limits>         // the longest text
#include <memory>         // unique_ptr
#include <span>           // patterns
#include <string>         // patterns
#include <string_view>    // texts
#include <type_traits>    // callbacks
#include <utility>        // move
#include <vector>         // indices

#include <re2/re2.h>    // RE2
#include <re2/set.h>    // RE2::Set

#include <muster/core/bytes.hpp>      // MiB
#include <muster/core/failure.hpp>    // cause, failure
#include <muster/core/outcome.hpp>    // outcome

namespace muster {

/// A regex of a re2_set.
struct re2_pattern {
    std::string regex{};
    bool ignore_case = false;
    friend bool operator==(re2_pattern const&, re2_pattern const&) = default;
};

/// What a re2_set may take.
struct re2_options {
    /// 64 MiB: for all patterns together, and what threads learn of them as they go; 1 MiB to 16 GiB. A hundred rules take 4.
    std::uint64_t memory = 64 * MiB;
    friend bool operator==(re2_options const&, re2_options const&) = default;
};

/// A pattern that is not in a set, and what RE2 says of it.
struct re2_refusal {
    std::uint32_t pattern = 0;    ///< its index
    std::string why{};
    friend bool operator==(re2_refusal const&, re2_refusal const&) = default;
};

/// Many regular expressions, looked for at once in the lines of a text, by RE2.
///
/// One pass finds the lines on which any of them matches, a second on such a line which. Each line is matched as if there were no
/// others: nothing matches an LF. Bytes are the characters. `\s` takes no VT, and `\v` is one: RE2 reads them so, and PCRE2 otherwise.
///
/// What RE2 does not take, as it takes no looks around and no references back, is in `refused()`: it must be tried by other
/// means, or it is lost. So are a few that would mean something else among others, such as `\A`, and what would take too much memory.
///
/// Fails      `compile` with cause::invalid_input for options, exhausted where the memory is too little after all.
///            `lines` with cause::exhausted where it is too little for a text: some lines have then not been told of.
/// Threads    any number: what they learn is shared, behind a lock that each takes for each line with a match.
/// Cost       in proportion to the text, whatever patterns and text are; where memory gets short, in proportion to text and patterns.
class re2_set {
public:
    static outcome<re2_set> compile(std::span<re2_pattern const> patterns, re2_options options = {});

    /// Calls `found(begin, end, indices)` for each line on which patterns match, in order: the offsets of the line without its LF, and
    /// the indices of all patterns that match on it, ascending. What is behind the last LF is a line, where it is not empty. Where
    /// `found` returns a bool, false ends it, and all is well; what it throws passes.
    template <class Found>
        requires std::invocable<Found&, std::size_t, std::size_t, std::span<int const>>
    outcome<void> lines(std::string_view text, Found&& found) const;

    /// How many patterns it was asked for.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Those that it does not look for; by index.
    [[nodiscard]] std::span<re2_refusal const> refused() const noexcept { return refused_; }

private:
    std::size_t size_ = 0;
    std::uint64_t memory_ = 0;
    std::vector<re2_refusal> refused_;
    std::vector<int> indices_;                  // of what is in the sets, by the number that RE2 gave it
    std::unique_ptr<RE2 const> any_;            // matches where one of them does; null where it would be too large
    std::unique_ptr<RE2::Set const> which_;     // null where none is left
};

// Implementation

namespace detail {

// Why a regex that RE2 takes cannot be one of many in a text of lines; empty for none. The two passes would read these
// differently, or \C would take an LF. More is refused than needs be, such as \\A: it would take a parser to know.
inline std::string_view re2_objection(std::string_view regex) noexcept {
    for (std::string_view const one : {"\\A", "\\z", "\\C"})
        if (regex.find(one) != std::string_view::npos) return one;
    for (auto i = regex.find("(?"); i != std::string_view::npos; i = regex.find("(?", i + 2)) {
        auto const off = regex.find_first_not_of("imsU", i + 2);
        if (off == std::string_view::npos || regex[off] != '-') continue;
        auto const end = std::min(regex.find_first_not_of("imsU", off + 1), regex.size());
        if (regex.substr(off, end - off).find('m') != std::string_view::npos) return "(?-m)";
    }
    return {};
}

}  // namespace detail

inline outcome<re2_set> re2_set::compile(std::span<re2_pattern const> patterns, re2_options options) {
    if (options.memory < MiB || options.memory > 16 * GiB)
        return failure{cause::invalid_input,
            "a set of patterns with memory of " + std::to_string(options.memory) + " bytes: 1 MiB to 16 GiB"};
    if (patterns.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return failure{cause::invalid_input, "a set of " + std::to_string(patterns.size()) + " patterns; at most 2,147,483,647"};

    RE2::Options how;
    how.set_encoding(RE2::Options::EncodingLatin1);
    how.set_never_nl(true);         // else [^a] goes on into the next lines, from each line anew
    how.set_never_capture(true);    // else no two patterns might give a group the same name
    how.set_log_errors(false);
    how.set_max_mem(static_cast<std::int64_t>(options.memory / 2));    // half for each pass

    // RE2 gives programs a quarter of it, at 16 bytes an instruction. An eighth of that is enough for one pattern.
    auto left = static_cast<std::int64_t>(options.memory / 2 / 4 / 16);
    auto const most = left / 8;

    re2_set out;
    out.size_ = patterns.size();
    out.memory_ = options.memory;
    auto which = std::make_unique<RE2::Set>(how, RE2::UNANCHORED);
    std::string any;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        auto const& [regex, ignore_case] = patterns[i];
        auto const refuse = [&](std::string why) { out.refused_.push_back({static_cast<std::uint32_t>(i), std::move(why)}); };
        auto const whole = (ignore_case ? "(?mi)" : "(?m)") + regex;
        if (RE2 const alone{whole, how}; !alone.ok()) {
            refuse(alone.error());
        } else if (auto const why = detail::re2_objection(regex); !why.empty()) {
            refuse("may mean something else among others: " + std::string{why});
        } else if (alone.ProgramSize() > most || alone.ProgramSize() > left) {
            refuse("too large: " + std::to_string(alone.ProgramSize()) + " instructions");
        } else if (std::string why_not; which->Add(whole, &why_not) < 0) {
            refuse(why_not);
        } else {
            left -= alone.ProgramSize();
            out.indices_.push_back(static_cast<int>(i));
            // It is whole by itself, so what closes is not within it.
            (((any += any.empty() ? "" : "|") += ignore_case ? "(?mi:" : "(?m:") += regex) += ')';
        }
    }
    if (out.indices_.empty()) return out;

    RE2::Set::ErrorInfo error{RE2::Set::kNoError};
    if (which->Compile()) which->Match("", nullptr, &error);    // the least that it can learn must fit
    else error.kind = RE2::Set::kOutOfMemory;
    if (error.kind != RE2::Set::kNoError)
        return failure{cause::exhausted, "a set of " + std::to_string(out.indices_.size()) + " patterns needs more memory than " +
                                             std::to_string(options.memory) + " bytes"};
    out.which_ = std::move(which);
    if (auto made = std::make_unique<RE2>(any, how); made->ok()) out.any_ = std::move(made);
    return out;
}

template <class Found>
    requires std::invocable<Found&, std::size_t, std::size_t, std::span<int const>>
outcome<void> re2_set::lines(std::string_view text, Found&& found) const {
    using result = std::invoke_result_t<Found&, std::size_t, std::size_t, std::span<int const>>;
    static_assert(std::is_void_v<result> || std::convertible_to<result, bool>,
        "muster: what hears of lines returns nothing, or false to end it");
    if (!which_) return {};
    re2::StringPiece const all{text.data(), text.size()};
    std::vector<int> indices;
    for (std::size_t begin = 0; begin < text.size();) {
        auto at = begin;
        if (any_) {
            re2::StringPiece match;
            if (!any_->Match(all, begin, text.size(), RE2::UNANCHORED, &match, 1)) break;
            at = static_cast<std::size_t>(match.data() - text.data());
            if (at == text.size() && text.back() == '\n') break;    // of nothing, behind the last line
            while (at > begin && text[at - 1] != '\n') --at;
            begin = at;
        }
        auto const end = std::min(text.find('\n', at), text.size());
        RE2::Set::ErrorInfo error{RE2::Set::kNoError};
        if (which_->Match({text.data() + begin, end - begin}, &indices, &error)) {
            std::sort(indices.begin(), indices.end());
            for (auto& index : indices) index = indices_[static_cast<std::size_t>(index)];
            if constexpr (std::is_void_v<result>) {
                found(begin, end, std::span<int const>{indices});
            } else {
                if (!found(begin, end, std::span<int const>{indices})) return {};
            }
        } else if (error.kind != RE2::Set::kNoError) {
            return failure{cause::exhausted, "the line at offset " + std::to_string(begin) + " takes more memory than the " +
                                                 std::to_string(memory_) + " bytes that the patterns have"};
        }
        begin = end + 1;
    }
    return {};
}

}  // namespace muster
