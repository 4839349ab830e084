#pragma once

#include <algorithm>      // sort
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memchr, memrchr
#include <string>         // texts
#include <string_view>    // lines
#include <utility>        // move
#include <vector>         // candidates

#include <muster/adapt/pcre2.hpp>                              // pcre2_matcher
#include <muster/core/bytes.hpp>                               // MiB
#include <muster/core/context.hpp>                             // context
#include <muster/core/json.hpp>                                // json_text
#include <muster/core/outcome.hpp>                             // outcome
#include <muster/policy/scratch.hpp>                           // scratch
#include <muster/workloads/search/detail/count_lines.hpp>      // count_lines
#include <muster/workloads/search/detail/line_blocks.hpp>      // line_blocks
#include <muster/workloads/search/detail/readable_text.hpp>    // readable_text
#include <muster/workloads/search/detail/text_source.hpp>      // open_text
#include <muster/workloads/search/engine.hpp>                  // engine
#include <muster/workloads/search/piece.hpp>                   // piece
#include <muster/workloads/search/rule_set.hpp>                // rule_set

namespace muster::searching {

struct scanner_options {
    pcre2_limits limits{};                  ///< of one rule on one line
    std::size_t most_found = 4 * MiB;       ///< of memory for hits, about: then the scanner stops and says what is left
    friend bool operator==(scanner_options const&, scanner_options const&) = default;
};

/// Searches a piece of a file for all rules at once: a task, `map(pieces, on{pool} | scanner{rules, engine})`.
///
/// The engine tells which lines are worth a look; whether a rule matches there, and what its fields are, PCRE2 alone says. So every engine
/// gives the same hits.
///
/// Shape      the hits by line, those of a line by pattern. Rules whose conditions the file's system does not meet find nothing.
///            A line end is LF or CRLF. UTF-16 is read as UTF-8. A line longer than 1 MiB is searched as lines of that length.
/// Waits      for the disk; between blocks of 256 KiB it looks for a stop and the deadline.
/// Fails      with a text that names the file: what opening and reading fail with (not there, not allowed, a folder, a pipe), what the engine
///            fails with, cancelled or timed_out. A regex that gives up on a line is a trouble in the answer, and no failure.
/// Threads    any number; a call leases memory of its own.
/// Lifetime   copies share the memory that is leased.
/// Cost       reads the piece once. 400 KiB of memory a call at work, up to 2 MiB where lines are long, and the hits.
class scanner {
public:
    scanner(rule_set rules, engine by, scanner_options options = {});

    outcome<scanned_piece> operator()(piece const& what, context& cx) const;
    outcome<scanned_piece> operator()(piece const& what) const {
        context cx;
        return (*this)(what, cx);
    }
    [[nodiscard]] rule_set const& rules() const noexcept { return rules_; }
    [[nodiscard]] engine const& by() const noexcept { return by_; }

private:
    struct workspace {
        explicit workspace(pcre2_limits limits) : matcher(limits) {}
        detail::line_buffer buffer;
        std::vector<candidate> candidates;
        pcre2_matcher matcher;
        std::vector<std::uint64_t> found;      // by pattern, in this piece
        std::vector<char> tried;               // by pattern: its rule applies
        std::vector<std::size_t> trouble;      // by pattern: 1 and its place in the answer
        std::size_t memory = 0;                // of the hits
    };
    struct make_workspace {
        pcre2_limits limits;
        workspace operator()() const { return workspace{limits}; }
        friend bool operator==(make_workspace const&, make_workspace const&) = default;
    };

    void begin(workspace& in, collected_system const& system) const;
    // Answers the lines of the block that were searched: fewer than it has where too much was found.
    std::uint64_t search(workspace& in, std::string_view text, std::uint64_t skip, bool may_stop, scanned_piece& into) const;
    void confirm(workspace& in, std::uint32_t pattern, std::string_view line, std::uint64_t number, scanned_piece& into) const;

    rule_set rules_;
    engine by_;
    scanner_options options_;
    scratch<make_workspace> memory_;
};

// Implementation

inline scanner::scanner(rule_set rules, engine by, scanner_options options)
    : rules_(std::move(rules)), by_(std::move(by)), options_(options), memory_(make_workspace{options.limits}) {}

inline void scanner::begin(workspace& in, collected_system const& system) const {
    auto const count = rules_.patterns().size();
    in.found.assign(count, 0);
    in.trouble.assign(count, 0);
    in.tried.resize(count);
    for (std::size_t i = 0; i < count; ++i) in.tried[i] = rules_.applies(rules_.pattern(i).rule, system);
    in.memory = 0;
}

inline outcome<scanned_piece> scanner::operator()(piece const& what, context& cx) const {
    auto opened = detail::open_text(what.file);
    if (!opened) return std::move(opened).error();
    auto lease = memory_.lease();
    auto& in = lease.get();
    detail::text_source source{std::move(*opened), what.file, 0};
    scanned_piece out;
    detail::file_top top;
    if (what.offset == 0 || !what.look) {
        auto const read = detail::read_top(source, in.buffer);
        if (!read) return read.error();
        top = *read;
        out.look.encoding = top.encoding;
    } else {
        out.look = *what.look;
    }
    if (out.look.encoding == text_encoding::binary) return out;
    // What starts behind the top of the file is read from the unit before it on: a line end there says that a line starts right there.
    auto from = std::uint64_t{top.mark};
    if (what.offset != 0) {
        from = what.offset - (out.look.encoding == text_encoding::bytes ? 1 : 2);
        source.read_as(out.look.encoding, from);
        top.filled = 0;
    }
    auto const end = what.size > ~std::uint64_t{0} - what.offset ? ~std::uint64_t{0} : what.offset + what.size;
    detail::line_blocks blocks{source, in.buffer, out.look.encoding, from, end, top.filled};
    if (what.offset != 0) {
        begin(in, out.look.system);
        auto const starts = blocks.skip_to_line();
        if (!starts) return starts.error();
        if (!*starts) return out;
    }
    auto skip = what.skip_lines;
    for (bool first = what.offset == 0, inside = false;; first = false) {
        if (cx.stop_requested()) return cx.interruption().note(" while " + json_text(what.path) + " was searched");
        auto const block = blocks.next();
        if (!block) return block.error();
        if (first) {
            out.look.system = what.look ? what.look->system : system_of(block->text);
            begin(in, out.look.system);
        }
        if (block->text.empty()) return out;
        in.candidates.clear();
        if (auto const scanned = by_.scan(block->text, in.candidates); !scanned)
            return failure{scanned.error()}.note(" in " + json_text(what.path));
        auto const lines = detail::count_lines(block->text.data(), block->text.size()) +
                           (!block->long_part && block->text.back() != '\n');    // the last line of a file may have no end
        auto const searched = search(in, block->text, skip, !inside && !block->long_part, out);
        auto const skipped = std::min(skip, lines);
        skip -= skipped;
        out.lines += std::min(searched, lines) - std::min(searched, skipped);
        if (searched < lines) {    // the rest another time
            out.rest = what;
            out.rest->offset = first ? 0 : block->offset;
            out.rest->size = end - out.rest->offset;
            out.rest->expected = 0;    // told before
            out.rest->skip_lines = searched;
            out.rest->look = out.look;
            return out;
        }
        out.bytes += block->text.size();
        out.long_lines += block->long_part && !inside;
        inside = block->long_part;
    }
}

inline std::uint64_t scanner::search(workspace& in, std::string_view text, std::uint64_t skip, bool may_stop, scanned_piece& into) const {
    auto& found = in.candidates;
    if (auto const alone = by_.alone(); !alone.empty())
        for (std::size_t at = 0; at < text.size();) {
            for (auto const pattern : alone) found.push_back({pattern, static_cast<std::uint32_t>(at)});
            auto const* const end = static_cast<char const*>(std::memchr(text.data() + at, '\n', text.size() - at));
            at = end ? static_cast<std::size_t>(end + 1 - text.data()) : text.size();
        }
    auto const by_place = [](candidate const& a, candidate const& b) { return a.at < b.at; };
    if (!std::is_sorted(found.begin(), found.end(), by_place)) std::sort(found.begin(), found.end(), by_place);

    constexpr auto all = ~std::uint64_t{0};
    std::uint64_t before = 0;            // line ends before `begin`
    std::size_t begin = 0, end = 0;      // of a line; `begin` without its line end
    for (std::size_t i = 0; i < found.size();) {
        // The line of this candidate, and all that fall on it.
        auto const at = std::min<std::size_t>(found[i].at, text.size() - 1);
        auto const* const last = static_cast<char const*>(::memrchr(text.data() + end, '\n', at - end));
        auto const from = last ? static_cast<std::size_t>(last + 1 - text.data()) : end;
        before += detail::count_lines(text.data() + begin, from - begin);
        begin = from;
        auto const* const stop = static_cast<char const*>(std::memchr(text.data() + at, '\n', text.size() - at));
        auto const line_end = stop ? static_cast<std::size_t>(stop - text.data()) : text.size();
        end = stop ? line_end + 1 : line_end;
        auto until = i + 1;
        while (until < found.size() && found[until].at < end) ++until;
        if (until - i > 1)
            std::sort(found.begin() + static_cast<std::ptrdiff_t>(i), found.begin() + static_cast<std::ptrdiff_t>(until),
                      [](candidate const& a, candidate const& b) { return a.pattern < b.pattern; });
        if (before >= skip) {
            auto const line = text.substr(begin, line_end - begin);
            for (auto k = i; k < until; ++k)
                if (k == i || found[k].pattern != found[k - 1].pattern) confirm(in, found[k].pattern, line, into.lines + before + 1 - skip, into);
            if (may_stop && in.memory > options_.most_found) return end == text.size() ? all : before + 1;
        }
        i = until;
        if (end == text.size()) break;
    }
    return all;
}

inline void scanner::confirm(workspace& in, std::uint32_t pattern, std::string_view line, std::uint64_t number, scanned_piece& into) const {
    if (!in.tried[pattern]) return;
    auto const [index, is_delimiter] = rules_.pattern(pattern);
    auto const& rule = rules_[index];
    bool const plain = !rule.records && !rule.unique && !rule.full_scan && rule.max_results != 0;
    if (plain && in.found[pattern] >= rule.max_results) return;    // nobody will ask for more
    auto const matched = in.matcher.match(rules_.compiled(pattern), line);
    if (!matched) {
        auto& told = in.trouble[pattern];
        if (told != 0) {
            ++into.troubles[told - 1].times;
        } else {
            into.troubles.push_back({.pattern = pattern, .line = number, .text = matched.error().text()});
            told = into.troubles.size();
        }
        return;
    }
    if (!*matched) return;
    ++in.found[pattern];
    line_hit hit{.pattern = pattern, .line = number};
    if (!is_delimiter) {
        if (!rule.records) hit.text = detail::readable_text(rule.only_matching ? in.matcher.group(0).value_or(line) : line);
        auto const& groups = rules_.groups(index);
        hit.fields.resize(groups.size());
        for (std::size_t i = 0; i < groups.size(); ++i)
            for (auto const group : groups[i])
                if (auto const text = in.matcher.group(group)) {
                    hit.fields[i] = detail::readable_text(*text);
                    hit.present |= std::uint64_t{1} << std::min<std::size_t>(i, 63);
                    break;
                }
    }
    in.memory += sizeof hit + hit.text.size();
    for (auto const& field : hit.fields) in.memory += sizeof field + field.size();
    into.hits.push_back(std::move(hit));
}

}  // namespace muster::searching
