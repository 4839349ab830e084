#pragma once

#include <algorithm>      // clamp, min
#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // failure
#include <string>         // paths
#include <thread>         // jthread
#include <utility>        // move
#include <vector>         // windows

#include <muster/core/bytes.hpp>                               // KiB, MiB, GiB
#include <muster/core/context.hpp>                             // context
#include <muster/core/invoke_task.hpp>                         // guarded
#include <muster/core/outcome.hpp>                             // outcome
#include <muster/flow/map.hpp>                                 // map
#include <muster/workloads/search/collector.hpp>               // collector
#include <muster/workloads/search/detail/file_name.hpp>        // name_without_ending
#include <muster/workloads/search/finding.hpp>                 // finding_sink
#include <muster/workloads/search/look_at.hpp>                 // look_at
#include <muster/workloads/search/piece.hpp>                   // piece, scanned_piece
#include <muster/workloads/search/rule_set.hpp>                // rule_set
#include <muster/workloads/search/tree_walk.hpp>               // walked_file

namespace muster::searching {

struct search_tree_options {
    /// Larger files are cut into pieces of that size, 64 KiB or more: 2 MiB, a few milliseconds of work.
    std::uint64_t piece_bytes = 2 * MiB;
    /// Text that is searched at a time, while what was found in the text before goes to the sink: 32 MiB, or 4,096 files. The
    /// first time it is 8 MiB. Nothing is searched beside the sink's share of the last one, so larger ones are no faster.
    std::uint64_t window_bytes = 32 * MiB;
    std::size_t window_files = 4'096;
    /// Results go to the sink on a thread of its own while the next window is searched; false: the caller's thread does one after the other.
    bool collect_beside = true;
    /// How many files that could not be searched the report names; the others are counted.
    std::size_t most_troubles = 10'000;
    friend bool operator==(search_tree_options const&, search_tree_options const&) = default;
};

/// A file or folder that was not searched, or not to its end; or a rule that gave up on a line of it.
struct search_trouble {
    std::string path{};
    std::uint64_t line = 0;          ///< of a rule's trouble; 0: the file's own
    std::optional<std::size_t> rule{};
    failure why{};
};

/// What a search came to.
struct search_report {
    std::uint64_t files = 0;             ///< searched to their end
    std::uint64_t binary = 0;            ///< left out: no text
    std::uint64_t failed = 0;            ///< files and folders that could not be searched, or not to their end
    std::uint64_t not_reached = 0;       ///< files that were seen but not searched, or not to their end, since the run was stopped
    std::uint64_t bytes = 0;             ///< of text that was searched
    std::uint64_t lines = 0;
    std::uint64_t long_lines = 0;        ///< longer than 1 MiB, searched in parts
    std::uint64_t findings = 0;
    bool stopped = false;                ///< there may be files that were not even seen
    std::vector<rule_tally> rules{};     ///< as many as rules, same order
    std::vector<search_trouble> troubles{};
    std::uint64_t troubles_left_off = 0; ///< beyond most_troubles

    /// Every file that was to be searched was, to its end, by every rule that applies.
    [[nodiscard]] bool is_complete() const noexcept {
        return failed == 0 && not_reached == 0 && !stopped && troubles.empty() && troubles_left_off == 0;
    }
};

/// Where files to search come from: a tree_walk, or anything that gives the next ones, `most` at most, and none at its end.
template <class F>
concept file_source = requires(F& from, std::size_t most, context const& cx) {
    { from.next(most, cx) } -> std::same_as<std::vector<walked_file>>;
};

/// Searches files and hands the findings to a sink, in the order of the files, whatever the number of workers.
///
/// `search_tree(walk, on{pool} | observe{bar} | deadline{60s} | scan, rules, csv)`, where `scan` is a scanner of these rules, or anything that
/// answers for a piece what a scanner would.
///
/// Shape      files that fail are in the report, all others are searched; of one that fails on its way the findings before stay.
/// Waits      until the source is at its end, or the run is asked to stop: what was found by then has gone to the sink, and the report says
///            what is missing.
/// Fails      with what the sink fails with; nothing else ends the search.
/// Threads    the sink and the source have one call at a time, from changing threads.
/// Cost       memory for two windows' findings: twice their text and 32 KiB a file, about, whatever the files hold.
template <file_source Files, class Scan, finding_sink Sink>
outcome<search_report> search_tree(Files& files, Scan const& scan, rule_set const& rules, Sink& to, search_tree_options const& options = {},
                                   context const& parent = context{});

// Implementation

namespace detail {

// Pieces to be searched at a time, with what is not to be searched in its place between them.
struct piece_window {
    struct part {
        std::size_t piece = 0;             // its index
        bool first = true, last = true;    // of its file
        std::string unread_path{};
        std::optional<failure> unread{};   // why there is no piece
    };
    std::vector<piece> pieces;
    std::vector<part> parts;
};

// Turns files into windows of pieces.
template <file_source Files>
class piece_windows {
public:
    piece_windows(Files& from, search_tree_options const& options, context const& parent)
        : from_(from), options_(options), parent_(parent),
          piece_bytes_(std::clamp<std::uint64_t>(options.piece_bytes, 64 * KiB, std::uint64_t{1} << 60u)) {}

    piece_window next() {
        piece_window out;
        // The first ones are small: nothing is searched while the first is gathered.
        auto const most = std::min(options_.window_bytes, next_bytes_);
        next_bytes_ = std::min(2 * next_bytes_, GiB);
        // At least one, whatever the options say.
        for (std::uint64_t bytes = 0; out.parts.empty() || (bytes < most && out.parts.size() < options_.window_files);) {
            if (at_ == files_.size()) {
                files_ = from_.next(256, parent_);
                at_ = 0;
                if (files_.empty()) break;
            }
            bytes += take(files_[at_], out) + 4 * KiB;    // opening a file costs as much as searching so many bytes
        }
        return out;
    }

private:
    // Adds the next piece of the file, or why there is none; answers its size.
    std::uint64_t take(walked_file& file, piece_window& out) {
        if (!file.readable) {
            out.parts.push_back({.unread_path = std::move(file.path), .unread = std::move(file.unread)});
            ++at_;
            return 0;
        }
        auto cut = file.bytes > piece_bytes_ + piece_bytes_ / 2;
        if (cut && offset_ == 0) {
            auto look = look_at(file.file);
            cut = look && look->encoding == text_encoding::bytes;    // what cannot be cut, or read, is one piece
            if (cut) look_ = std::move(*look);
        }
        if (!cut) {
            add({.file = std::move(file.file), .path = std::move(file.path), .expected = file.bytes, .most_found = most_found(file.bytes)}, true, true,
                out);
            ++at_;
            return file.bytes;
        }
        // The last piece goes on to wherever the file ends by then.
        auto const left = file.bytes - offset_;
        bool const first = offset_ == 0, last = left <= piece_bytes_ + piece_bytes_ / 2;
        auto const bytes = last ? left : piece_bytes_;
        piece next{.file = file.file, .path = file.path, .offset = offset_, .expected = bytes, .most_found = most_found(bytes), .look = look_};
        if (!last) next.size = piece_bytes_;
        add(std::move(next), first, last, out);
        offset_ += piece_bytes_;
        if (last) offset_ = 0, ++at_;
        return bytes;
    }
    // A window may hold many small files on each line of which every rule matches; what is left is scanned as the results are handed on.
    static std::uint64_t most_found(std::uint64_t bytes) noexcept { return 32 * KiB + 2 * std::min(bytes, GiB); }
    static void add(piece what, bool first, bool last, piece_window& out) {
        out.parts.push_back({.piece = out.pieces.size(), .first = first, .last = last});
        out.pieces.push_back(std::move(what));
    }

    Files& from_;
    search_tree_options const& options_;
    context const& parent_;
    std::uint64_t piece_bytes_;
    std::uint64_t next_bytes_ = 8 * MiB;    // of a window, at most
    std::vector<walked_file> files_;
    std::size_t at_ = 0;
    std::uint64_t offset_ = 0;     // in the file, of its next piece
    file_look look_;
};

// Hands results on, piece by piece, and keeps the report.
template <class Scan, finding_sink Sink>
class result_hand {
public:
    result_hand(Scan const& scan, rule_set const& rules, Sink& to, search_tree_options const& options, context const& parent)
        : scan_(scan), rules_(rules), collect_(rules, to), options_(options), parent_(parent) {}

    outcome<void> take(piece_window& window, std::vector<outcome<scanned_piece>>& results) {
        for (auto& part : window.parts) {
            outcome<void> done;
            if (part.unread) {
                done = unread(part);
            } else {
                auto result = std::move(results[part.piece]);    // gone with its hits when they are handed on
                done = take(part, window.pieces[part.piece], result);
            }
            if (!done) return done;
        }
        return {};
    }
    search_report finish() && {
        report_.findings = collect_.findings();
        report_.rules = collect_.tallies();
        report_.stopped = parent_.stop_requested();
        return std::move(report_);
    }

private:
    void trouble(search_trouble what) {
        if (report_.troubles.size() < options_.most_troubles) report_.troubles.push_back(std::move(what));
        else ++report_.troubles_left_off;
    }
    outcome<void> unread(piece_window::part& part) {
        ++report_.failed;
        trouble({.path = std::move(part.unread_path), .why = std::move(*part.unread)});
        return {};
    }
    outcome<void> fail(piece const& what, failure why) {
        broken_ = true;
        if (why.is(cause::cancelled) || (why.is(cause::timed_out) && parent_.expired())) {
            ++report_.not_reached;
        } else {
            ++report_.failed;
            trouble({.path = what.path, .why = std::move(why)});
        }
        return collect_.abandon();
    }
    outcome<void> take(piece_window::part const& part, piece const& what, outcome<scanned_piece>& result) {
        if (part.first) {
            broken_ = false;
            lines_ = 0;
            collect_.begin({.path = what.path, .system = {.name = name_without_ending(what.path)}});
        }
        if (broken_) return {};    // lines behind a part that was not read have no number
        for (;;) {
            if (!result) return fail(what, std::move(result).error());
            auto& found = *result;
            if (found.look.encoding == text_encoding::binary) {
                broken_ = true;
                ++report_.binary;
                return {};
            }
            for (auto const& each : found.troubles) {
                auto text = each.text;
                if (each.times > 1) text += "; so on " + std::to_string(each.times) + " lines from here on";
                if (each.dropped) text += "; what is left of this part of the file was searched without the rule";
                trouble({.path = what.path, .line = lines_ + each.line, .rule = rules_.pattern(each.pattern).rule,
                         .why = failure{cause::exhausted, std::move(text)}});
            }
            report_.bytes += found.bytes;
            report_.lines += found.lines;
            report_.long_lines += found.long_lines;
            lines_ += found.lines;
            auto left = std::exchange(found.rest, std::nullopt);
            if (auto done = collect_.add(std::move(found)); !done) return done;
            if (!left) break;
            // So much was found that the scanner stopped: the rest now, before what comes behind it.
            std::vector<piece> const rest{std::move(*left)};
            result = std::move(map(rest, scan_, parent_).front());
        }
        if (!part.last) return {};
        ++report_.files;
        return collect_.end();
    }

    Scan const& scan_;
    rule_set const& rules_;
    collector<Sink> collect_;
    search_tree_options const& options_;
    context const& parent_;
    search_report report_;
    std::uint64_t lines_ = 0;      // of the file, so far
    bool broken_ = false;          // the file that is open is not searched any further
};

}  // namespace detail

template <file_source Files, class Scan, finding_sink Sink>
outcome<search_report> search_tree(Files& files, Scan const& scan, rule_set const& rules, Sink& to, search_tree_options const& options,
                                   context const& parent) {
    detail::piece_windows<Files> windows{files, options, parent};
    detail::result_hand<Scan, Sink> hand{scan, rules, to, options, parent};
    detail::piece_window before, now = windows.next(), next;
    std::vector<outcome<scanned_piece>> found_before, found;
    // While one window is searched, what was found in the one before goes to the sink, and the next is gathered.
    while (!now.parts.empty() || !before.parts.empty()) {
        outcome<void> handed;
        auto const hand_on = [&] {
            handed = guarded<outcome<void>>([&]() -> outcome<void> {
                if (auto const done = hand.take(before, found_before); !done) return done;
                next = windows.next();
                return {};
            });
        };
        if (options.collect_beside && !before.parts.empty() && !now.parts.empty()) {
            std::jthread const beside{hand_on};
            found = map(now.pieces, scan, parent);
        } else {
            found = map(now.pieces, scan, parent);
            hand_on();
        }
        if (!handed) return std::move(handed).error();
        before = std::exchange(now, std::exchange(next, {}));
        found_before = std::move(found);
    }
    return std::move(hand).finish();
}

}  // namespace muster::searching
