#pragma once

#include <cstdint>     // uint64_t
#include <optional>    // look
#include <string>      // paths
#include <vector>      // hits

#include <muster/workloads/search/collected_system.hpp>    // collected_system

namespace muster::searching {

/// How the bytes of a file are read. Bytes that are no UTF-8 are Latin-1, line by line, where they are shown.
enum class text_encoding : std::uint8_t {
    bytes,        ///< UTF-8, Latin-1: line ends are single bytes
    utf16_le,     ///< by its byte order mark
    utf16_be,
    binary,       ///< a zero byte near its top, and no byte order mark: not searched
};

/// What the top of a file says of the whole.
struct file_look {
    text_encoding encoding = text_encoding::bytes;
    collected_system system{};
    friend bool operator==(file_look const&, file_look const&) = default;
};

/// A part of a file, for one call of a scanner: the lines that start at `offset` or behind it, but before `offset + size`.
///
/// Shape      a file is one piece, or cut into several that each give the lines that start in them: no line is in two.
struct piece {
    std::string file{};                ///< what is opened
    std::string path{};                ///< how it is called in results: relative to the folder that was searched
    std::uint64_t offset = 0;
    std::uint64_t size = ~std::uint64_t{0};
    std::uint64_t expected = 0;        ///< how many bytes it has, as far as is known: for progress
    std::uint64_t skip_lines = 0;      ///< that many of its lines were searched before: see scanned_piece::rest
    std::uint32_t skip_patterns = 0;   ///< and the line behind them, for that many patterns
    bool inside = false;               ///< `offset` is within a line longer than 1 MiB, where the next part of it starts
    std::uint64_t most_found = ~std::uint64_t{0};    ///< of memory for hits, where that is less than the scanner's own limit
    std::optional<file_look> look{};   ///< known when the top of the file was looked at before; else that is done first
    friend bool operator==(piece const&, piece const&) = default;
};

/// A line on which a pattern of a rule_set matches.
struct line_hit {
    std::uint32_t pattern = 0;           ///< see rule_set: a rule's own, or its delimiter
    std::uint64_t line = 0;              ///< from 1, counted from the piece's first line that was not skipped
    std::string text{};
    std::vector<std::string> fields{};   ///< of the rule's columns
    std::uint64_t present = 0;           ///< a bit for each of the fields: its group took part; those from the 64th on share the last
    friend bool operator==(line_hit const&, line_hit const&) = default;
};

/// A rule that gave up on a line, where a regex would have run without end.
struct rule_trouble {
    std::uint32_t pattern = 0;
    std::uint64_t line = 0;
    std::uint64_t times = 1;     ///< on so many lines of the piece; it is told of the first
    bool dropped = false;        ///< on too many: the rest of the piece was searched without it
    std::string text{};
    friend bool operator==(rule_trouble const&, rule_trouble const&) = default;
};

/// What a scanner found in a piece; it can travel between processes.
struct scanned_piece {
    file_look look{};
    std::uint64_t bytes = 0;             ///< that were searched
    std::uint64_t lines = 0;
    std::uint64_t long_lines = 0;        ///< longer than 1 MiB: searched in parts
    std::vector<line_hit> hits{};        ///< by line, those of a line by pattern
    std::vector<rule_trouble> troubles{};
    std::optional<piece> rest{};         ///< what was left, so that the hits stay few: to be scanned next
    friend bool operator==(scanned_piece const&, scanned_piece const&) = default;
};

}  // namespace muster::searching
