#pragma once

#include <algorithm>      // min, sort, unique
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memchr, memrchr
#include <optional>       // where a search stopped
#include <string>         // texts
#include <string_view>    // lines
#include <utility>        // move
#include <vector>         // candidates

#include <muster/adapt/pcre2.hpp>                              // pcre2_matcher
#include <muster/core/bytes.hpp>                               // KiB, MiB
#include <muster/core/context.hpp>                             // context
#include <muster/core/json.hpp>                                // json_text
#include <muster/core/outcome.hpp>                             // outcome
#include <muster/policy/scratch.hpp>                           // scratch
#include <muster/workloads/search/detail/count_lines.hpp>      // count_lines
#include <muster/workloads/search/detail/file_name.hpp>        // name_without_ending
#include <muster/workloads/search/detail/line_blocks.hpp>      // line_blocks
#include <muster/workloads/search/detail/readable_text.hpp>    // readable_text
#include <muster/workloads/search/detail/text_source.hpp>      // open_text
#include <muster/workloads/search/engine.hpp>                  // engine
#include <muster/workloads/search/look_at.hpp>                 // look_at
#include <muster/workloads/search/piece.hpp>                   // piece
#include <muster/workloads/search/rule_set.hpp>                // rule_set

namespace muster::searching {

struct scanner_options {
    pcre2_limits limits{};                  ///< of one rule on one line
    std::size_t most_found = 4 * MiB;       ///< of memory for hits, about: then the scanner stops and says what is left
    std::uint64_t most_troubles = 1'000;    ///< lines of a piece on which a regex may give up, 3 s of work: the rest goes without it
    friend bool operator==(scanner_options const&, scanner_options const&) = default;
};

/// Searches a piece of a file for all rules at once: a task, `map(pieces, on{pool} | scanner{rules, engine})`.
///
/// The engine tells which lines are worth a look; whether a rule matches there, and what its fields are, PCRE2 alone says. So every engine
/// gives the same hits.
///
/// Shape      the hits by line, those of a line by pattern. Rules whose conditions the file's system does not meet find nothing.
///            A line end is LF or CRLF. UTF-16 is read as UTF-8. A line longer than 1 MiB is searched in parts of 1 MiB, or up to 3 bytes
///            less where a character would be cut; all have its number. A system that tells no name has the file's, without its ending.
/// Waits      for the disk; between blocks of 256 KiB, and after 64 lines that are tried or fewer long ones, it looks for a stop and the deadline.
/// Fails      with a text that names the file: what opening and reading fail with (not there, not allowed, a folder, a pipe), what the engine
///            fails with, cancelled or timed_out. A regex that gives up on a line is a trouble in the answer, and no failure.
/// Threads    any number; a call leases memory of its own.
/// Lifetime   copies share the memory that is leased.
/// Cost       reads the piece once. 400 KiB of memory a call at work, 1.2 MiB where lines are long, what the engine finds in a block, and the hits.
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
        std::vector<std::uint32_t> patterns;   // of one line
        pcre2_matcher matcher;
        std::vector<std::uint64_t> found;      // by pattern, in this piece
        std::vector<char> tried;               // by pattern: its rule applies
        std::vector<std::size_t> trouble;      // by pattern: 1 and its place in the answer
        std::size_t memory = 0;                // of the hits
        std::size_t most = 0;
        std::size_t work = 0;                  // since a stop was looked for
    };
    // What of a block was searched before.
    struct skipped {
        std::uint64_t lines = 0;
        std::uint32_t patterns = 0;            // of the line behind them
    };
    struct make_workspace {
        pcre2_limits limits;
        workspace operator()() const { return workspace{limits}; }
        friend bool operator==(make_workspace const&, make_workspace const&) = default;
    };

    void begin(workspace& in, piece const& what, scanned_piece& into) const;
    static failure interrupted(piece const& what, context const& cx);
    // Answers where it stopped, because too much was found.
    outcome<std::optional<skipped>> search(workspace& in, std::string_view text, skipped skip, context const& cx, scanned_piece& into) const;
    void confirm(workspace& in, std::uint32_t pattern, std::string_view line, std::uint64_t number, scanned_piece& into) const;

    rule_set rules_;
    engine by_;
    scanner_options options_;
    scratch<make_workspace> memory_;
};

// Implementation

inline scanner::scanner(rule_set rules, engine by, scanner_options options)
    : rules_(std::move(rules)), by_(std::move(by)), options_(options), memory_(make_workspace{options.limits}) {}

inline void scanner::begin(workspace& in, piece const& what, scanned_piece& into) const {
    auto& system = into.look.system;
    if (system.name.empty()) system.name = detail::name_without_ending(what.path);
    auto const count = rules_.patterns().size();
    in.found.assign(count, 0);
    in.trouble.assign(count, 0);
    in.tried.resize(count);
    for (std::size_t i = 0; i < count; ++i) in.tried[i] = rules_.applies(rules_.pattern(i).rule, system) ? 1 : 0;
    in.memory = 0;
    in.most = static_cast<std::size_t>(std::min<std::uint64_t>(options_.most_found, what.most_found));
    in.work = 0;
}

inline failure scanner::interrupted(piece const& what, context const& cx) {
    return cx.interruption().note(" while " + json_text(what.path) + " was searched");
}

inline outcome<scanned_piece> scanner::operator()(piece const& what, context& cx) const {
    scanned_piece out;
    // The look at the top comes with the first block, where the piece holds it.
    bool const looks = !what.look && what.offset == 0 && what.size >= MiB;
    if (what.look) {
        out.look = *what.look;
    } else if (!looks) {
        auto look = look_at(what.file);
        if (!look) return std::move(look).error();
        out.look = std::move(*look);
    }
    if (out.look.encoding == text_encoding::binary) return out;
    auto opened = detail::open_text(what.file);
    if (!opened) return std::move(opened).error();
    auto lease = memory_.lease();
    auto& in = lease.get();
    detail::text_source source{std::move(*opened), what.file};
    detail::file_top top;
    if (what.offset == 0) {
        auto const read = detail::read_top(source, in.buffer);
        if (!read) return read.error();
        top = *read;
        out.look.encoding = top.encoding;
        if (top.encoding == text_encoding::binary) return out;
    }
    if (!looks) begin(in, what, out);

    // Lines of UTF-16 start at even offsets. The mark at the top of a file is part of its first line.
    bool const wide = out.look.encoding != text_encoding::bytes;
    auto const even = [&](std::uint64_t offset) { return wide && offset != ~std::uint64_t{0} ? offset + offset % 2 : offset; };
    auto const offset = even(what.offset);
    auto end = even(what.size > ~std::uint64_t{0} - what.offset ? ~std::uint64_t{0} : what.offset + what.size);
    if (offset >= end && !what.inside) return out;
    auto from = offset;
    if (offset == 0) {
        from = top.mark;
        end = std::max(end, from + 1);
    } else {
        // The unit before the piece is read too: a line end there says that a line starts right at it.
        if (!what.inside) from -= wide ? 2 : 1;
        source.read_as(out.look.encoding, from);
    }
    detail::line_blocks blocks{source, in.buffer, out.look.encoding, from, end, top.filled, what.inside};
    if (offset != 0 && !what.inside) {
        auto const starts = blocks.skip_to_line();
        if (!starts) return starts.error();
        if (!*starts) return out;
    }
    skipped skip{what.skip_lines, what.skip_patterns};
    for (bool inside = what.inside, first = looks;; first = false) {
        if (cx.stop_requested()) return interrupted(what, cx);
        auto const block = blocks.next();
        if (!block) return block.error();
        if (first) {
            out.look.system = detail::system_at_top(block->text);
            begin(in, what, out);
        }
        if (block->text.empty()) return out;
        in.candidates.clear();
        if (auto const scanned = by_.scan(block->text, in.candidates); !scanned)
            return failure{scanned.error()}.note(" in " + json_text(what.path));
        auto const lines = block->feeds + (!block->long_part && block->text.back() != '\n');    // the last line of a file may have no end
        auto const stopped = search(in, block->text, skip, cx, out);
        if (!stopped) return interrupted(what, cx);
        if (*stopped) {    // the rest another time
            out.lines += (**stopped).lines - std::min((**stopped).lines, skip.lines);
            out.rest = piece{.file = what.file, .path = what.path, .offset = block->offset, .size = end - std::min(end, block->offset),
                             .skip_lines = (**stopped).lines, .skip_patterns = (**stopped).patterns, .inside = inside, .look = out.look};
            if (block->offset == top.mark) out.rest->offset = 0, out.rest->size = end;
            return out;
        }
        auto const before = std::min(skip.lines, lines);
        out.lines += lines - before;
        if (skip.lines < lines || (block->long_part && skip.lines == 0)) skip.patterns = 0;
        skip.lines -= before;
        out.bytes += block->text.size();
        out.long_lines += block->long_part && !inside;
        inside = block->long_part;
    }
}

inline auto scanner::search(workspace& in, std::string_view text, skipped skip, context const& cx, scanned_piece& into) const
    -> outcome<std::optional<skipped>> {
    auto& found = in.candidates;
    auto const place = [&](candidate const& of) { return std::min<std::size_t>(of.at, text.size() - 1); };
    auto const by_place = [](candidate const& a, candidate const& b) { return a.at < b.at; };
    if (!std::is_sorted(found.begin(), found.end(), by_place)) std::sort(found.begin(), found.end(), by_place);

    auto const alone = by_.alone();
    std::uint64_t before = 0;            // line ends before `begin`
    std::size_t begin = 0, end = 0;      // of a line; `begin` without its line end
    for (std::size_t i = 0; end < text.size() && (i < found.size() || !alone.empty());) {
        // The next line that is worth a look, and all patterns that may match there.
        auto const at = alone.empty() ? place(found[i]) : end;
        auto const* const last = static_cast<char const*>(::memrchr(text.data() + end, '\n', at - end));
        auto const from = last ? static_cast<std::size_t>(last + 1 - text.data()) : end;
        before += detail::count_lines(text.data() + begin, from - begin);
        begin = from;
        auto const* const stop = static_cast<char const*>(std::memchr(text.data() + at, '\n', text.size() - at));
        auto const line_end = stop ? static_cast<std::size_t>(stop - text.data()) : text.size();
        end = stop ? line_end + 1 : line_end;
        auto patterns = alone;
        if (i < found.size() && place(found[i]) < end) {
            auto& all = in.patterns;
            all.assign(alone.begin(), alone.end());
            for (; i < found.size() && place(found[i]) < end; ++i) all.push_back(found[i].pattern);
            if (all.size() > 1) {
                std::sort(all.begin(), all.end());
                all.erase(std::unique(all.begin(), all.end()), all.end());
            }
            patterns = all;
        }
        if (before < skip.lines) continue;

        auto const line = text.substr(begin, line_end - begin);
        for (auto const pattern : patterns) {
            if (in.tried[pattern] == 0 || (before == skip.lines && pattern < skip.patterns)) continue;
            if (in.memory > in.most) return std::optional{skipped{before, pattern}};
            confirm(in, pattern, line, into.lines + before + 1 - skip.lines, into);
            in.work += line.size() + KiB;
            if (in.work < 64 * KiB) continue;
            in.work = 0;
            if (cx.stop_requested()) return cx.interruption();
        }
    }
    return std::optional<skipped>{};
}

inline void scanner::confirm(workspace& in, std::uint32_t pattern, std::string_view line, std::uint64_t number, scanned_piece& into) const {
    auto const [index, is_delimiter] = rules_.pattern(pattern);
    auto const& rule = rules_[index];
    bool const plain = !rule.records && !rule.unique && !rule.full_scan && rule.max_results != 0;
    if (plain && in.found[pattern] >= rule.max_results) return;    // nobody will ask for more
    auto const matched = in.matcher.match(rules_.compiled(pattern), line);
    if (!matched) {
        auto& told = in.trouble[pattern];
        if (told == 0) {
            into.troubles.push_back({.pattern = pattern, .line = number, .times = 0, .text = matched.error().text()});
            told = into.troubles.size();
        }
        auto& trouble = into.troubles[told - 1];
        trouble.dropped = ++trouble.times >= options_.most_troubles;
        if (trouble.dropped) in.tried[pattern] = 0;
        return;
    }
    if (!*matched) return;
    ++in.found[pattern];
    line_hit hit{.pattern = pattern, .line = number};
    if (!is_delimiter) {
        bool const is_utf8 = detail::is_utf8(line);
        if (!rule.records) hit.text = detail::readable_text(rule.only_matching ? in.matcher.group(0).value_or(line) : line, is_utf8);
        auto const& groups = rules_.groups(index);
        hit.fields.resize(groups.size());
        for (std::size_t i = 0; i < groups.size(); ++i)
            for (auto const group : groups[i])
                if (auto const text = in.matcher.group(group)) {
                    hit.fields[i] = detail::readable_text(*text, is_utf8);
                    hit.present |= std::uint64_t{1} << std::min<std::size_t>(i, 63);
                    break;
                }
    }
    in.memory += sizeof(line_hit) + hit.text.size();
    for (auto const& field : hit.fields) in.memory += sizeof(std::string) + field.size();
    into.hits.push_back(std::move(hit));
}

}  // namespace muster::searching
