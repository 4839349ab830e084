// What the tests hold the search against: engines that are slow and sure, and a reader of whole files in memory.
#pragma once

#include <algorithm>      // shuffle
#include <atomic>         // counts
#include <cstdint>        // uint32_t
#include <functional>     // what an engine does besides
#include <memory>         // shared counts
#include <numeric>        // iota
#include <random>         // mt19937_64
#include <span>           // patterns
#include <string>         // texts
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // lines

#include <muster/adapt/pcre2.hpp>
#include <muster/workloads/search/engine.hpp>
#include <muster/workloads/search/piece.hpp>
#include <muster/workloads/search/rule_set.hpp>
#include <muster/workloads/search/scanner.hpp>

namespace models {

using namespace muster;
using namespace muster::searching;

/// Knows nothing: every pattern is tried on every line.
class every_line {
public:
    explicit every_line(std::size_t patterns) : all_(patterns) { std::iota(all_.begin(), all_.end(), 0u); }
    outcome<void> scan(std::string_view, std::vector<candidate>&) const { return {}; }
    std::span<std::uint32_t const> alone() const noexcept { return all_; }
    std::string_view name() const noexcept { return "every line"; }

private:
    std::vector<std::uint32_t> all_;
};

inline outcome<engine> make_every_line(std::span<line_pattern const> patterns) { return engine{every_line{patterns.size()}}; }

/// All that an engine may do: candidates on any byte of a line, twice, in any order, and some on which nothing matches. Every third pattern is
/// left to be tried alone, and some of those are told of nevertheless.
class loose_engine {
public:
    explicit loose_engine(std::span<line_pattern const> patterns) {
        for (auto const& each : patterns) compiled_->push_back(pcre2_pattern::compile(each.regex, {.ignore_case = each.ignore_case}).value());
        for (std::uint32_t i = 0; i < patterns.size(); i += 3) alone_.push_back(i);
    }
    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const {
        std::mt19937_64 random{text.size()};
        pcre2_matcher by;
        for (std::size_t begin = 0; begin < text.size();) {
            auto const at = text.find('\n', begin);
            auto const end = at == text.npos ? text.size() : at;
            auto const next = at == text.npos ? text.size() : at + 1;
            for (std::uint32_t i = 0; i < compiled_->size(); ++i) {
                auto const matched = by.match((*compiled_)[i], text.substr(begin, end - begin));
                bool const may = !matched || *matched;
                bool const is_alone = i % 3 == 0;
                auto times = may && !is_alone ? 1 + random() % 3 : random() % 8 == 0 ? 1u : 0u;
                while (times-- != 0) into.push_back({i, static_cast<std::uint32_t>(begin + random() % (next - begin))});
            }
            begin = next;
        }
        std::shuffle(into.begin(), into.end(), random);
        return {};
    }
    std::span<std::uint32_t const> alone() const noexcept { return alone_; }
    std::string_view name() const noexcept { return "loose"; }

private:
    std::shared_ptr<std::vector<pcre2_pattern>> compiled_ = std::make_shared<std::vector<pcre2_pattern>>();
    std::vector<std::uint32_t> alone_;
};

inline outcome<engine> make_loose(std::span<line_pattern const> patterns) { return engine{loose_engine{patterns}}; }

/// Tells what it is given to whoever asks, and is an every_line otherwise.
class told_engine {
public:
    using listener = std::function<outcome<void>(std::string_view)>;
    told_engine(std::size_t patterns, listener to) : by_(patterns), to_(std::move(to)) {}
    outcome<void> scan(std::string_view text, std::vector<candidate>&) const { return to_(text); }
    std::span<std::uint32_t const> alone() const noexcept { return by_.alone(); }
    std::string_view name() const noexcept { return "told"; }

private:
    every_line by_;
    listener to_;
};

/// Rules that must all be right.
inline rule_set checked(std::vector<rule> rules) {
    auto made = rule_set::check(std::move(rules));
    for (auto const& each : made.faults) throw std::invalid_argument{std::to_string(each.rule) + ": " + each.text};
    return made.rules;
}

inline scanner scanner_of(rule_set const& rules, scanner_options options = {}) {
    return scanner{rules, make_every_line(rules.patterns()).value(), options};
}

inline void append(std::string& to, std::uint32_t point) {
    auto const put = [&](std::uint32_t byte) { to += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (point < 0x80) put(point);
    else if (point < 0x800) put(0xc0 + point / 64), put(0x80 + point % 64);
    else if (point < 0x10000) put(0xe0 + point / 4096), put(0x80 + point / 64 % 64), put(0x80 + point % 64);
    else put(0xf0 + point / 262144), put(0x80 + point / 4096 % 64), put(0x80 + point / 64 % 64), put(0x80 + point % 64);
}

/// UTF-16 as UTF-8, from all units at once.
inline std::string from_utf16(std::string_view bytes, bool big) {
    std::vector<std::uint32_t> units;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        std::uint32_t const a = static_cast<unsigned char>(bytes[i]), b = static_cast<unsigned char>(bytes[i + 1]);
        units.push_back(big ? a * 256 + b : b * 256 + a);
    }
    std::string out;
    for (std::size_t i = 0; i < units.size(); ++i) {
        auto const unit = units[i];
        bool const high = unit >= 0xd800 && unit <= 0xdbff, low = unit >= 0xdc00 && unit <= 0xdfff;
        bool const pair = high && i + 1 < units.size() && units[i + 1] >= 0xdc00 && units[i + 1] <= 0xdfff;
        if (pair) append(out, 0x10000 + (unit - 0xd800) * 0x400 + (units[++i] - 0xdc00));
        else append(out, high || low ? 0xfffd : unit);
    }
    if (bytes.size() % 2 != 0) append(out, 0xfffd);
    return out;
}

/// Text as UTF-16; what is in it must be UTF-8.
inline std::string to_utf16(std::string_view text, bool big) {
    std::string out;
    auto const unit = [&](std::uint32_t value) {
        auto const high = static_cast<char>(static_cast<unsigned char>(value / 256)), low = static_cast<char>(static_cast<unsigned char>(value % 256));
        (out += big ? high : low) += big ? low : high;
    };
    for (std::size_t i = 0; i < text.size();) {
        auto const byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i + k])); };
        std::uint32_t point = byte(0);
        std::size_t size = 1;
        if (point >= 0xf0) point = (point - 0xf0) * 262144 + (byte(1) - 0x80) * 4096 + (byte(2) - 0x80) * 64 + byte(3) - 0x80, size = 4;
        else if (point >= 0xe0) point = (point - 0xe0) * 4096 + (byte(1) - 0x80) * 64 + byte(2) - 0x80, size = 3;
        else if (point >= 0xc0) point = (point - 0xc0) * 64 + byte(1) - 0x80, size = 2;
        if (point >= 0x10000) unit(0xd800 + (point - 0x10000) / 0x400), unit(0xdc00 + (point - 0x10000) % 0x400);
        else unit(point);
        i += size;
    }
    return out;
}

/// A file as it is to be read: without its mark, as UTF-8 where it is UTF-16.
inline std::string decoded(std::string_view bytes) {
    if (bytes.starts_with("\xff\xfe")) return from_utf16(bytes.substr(2), false);
    if (bytes.starts_with("\xfe\xff")) return from_utf16(bytes.substr(2), true);
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    return std::string{bytes};
}

inline std::vector<std::string> lines_of(std::string_view file) {
    std::vector<std::string> out;
    auto const text = decoded(file);
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\n', at);
        auto const next = end == text.npos ? text.size() : end + 1;
        if (end == text.npos) end = text.size();
        else if (end != at && text[end - 1] == '\r') --end;
        out.push_back(text.substr(at, end - at));
        at = next;
    }
    return out;
}

/// A long line in its parts.
inline std::vector<std::string> parts_of(std::string line) {
    std::vector<std::string> out;
    constexpr std::size_t longest = 1'048'576;
    while (line.size() > longest) {
        auto size = longest;
        while (size > longest - 3 && (static_cast<unsigned char>(line[size]) & 0xc0) == 0x80) --size;
        out.push_back(line.substr(0, size));
        line.erase(0, size);
    }
    out.push_back(std::move(line));
    return out;
}

/// What was found in a whole file, the pieces put together.
struct whole_file {
    std::vector<line_hit> hits;
    std::uint64_t lines = 0, bytes = 0, long_lines = 0;
    friend bool operator==(whole_file const&, whole_file const&) = default;
};

/// Text is UTF-8 already, or as the test wants to see it.
inline whole_file naive(rule_set const& rules, std::string_view file) {
    whole_file out;
    pcre2_matcher by;
    for (auto const& line : lines_of(file)) {
        ++out.lines;
        auto const parts = parts_of(line);
        out.long_lines += parts.size() > 1;
        for (auto const& part : parts)
            for (std::uint32_t i = 0; i < rules.patterns().size(); ++i) {
                if (!by.match(rules.compiled(i), part).value()) continue;
                auto const [index, is_delimiter] = rules.pattern(i);
                line_hit hit{.pattern = i, .line = out.lines};
                if (!is_delimiter) {
                    auto const& rule = rules[index];
                    if (!rule.records) hit.text = rule.only_matching ? std::string{*by.group(0)} : part;
                    auto const& groups = rules.groups(index);
                    for (std::size_t k = 0; k < groups.size(); ++k) {
                        hit.fields.emplace_back();
                        for (auto const group : groups[k]) {
                            if (!by.group(group)) continue;
                            hit.fields.back() = *by.group(group);
                            hit.present |= std::uint64_t{1} << std::min<std::size_t>(k, 63);
                            break;
                        }
                    }
                }
                out.hits.push_back(std::move(hit));
            }
    }
    auto const text = decoded(file);
    out.bytes = text.size();
    for (std::size_t i = 0; i + 1 < text.size(); ++i) out.bytes -= text[i] == '\r' && text[i + 1] == '\n';
    return out;
}

/// Scans pieces of one size after another, and what they leave, as search_tree does.
inline whole_file in_pieces(scanner const& scan, std::string const& file, std::uint64_t file_size, std::uint64_t size,
                            std::optional<file_look> look = {}) {
    whole_file out;
    for (std::uint64_t offset = 0; offset < file_size || offset == 0; offset += size) {
        std::optional<piece> next = piece{.file = file, .path = "file.txt", .offset = offset, .size = size, .look = look};
        while (next) {
            auto found = scan(*next).value();
            for (auto& each : found.hits) {
                each.line += out.lines;
                out.hits.push_back(std::move(each));
            }
            out.lines += found.lines;
            out.bytes += found.bytes;
            out.long_lines += found.long_lines;
            next = std::move(found.rest);
        }
        if (size > file_size) break;
    }
    return out;
}

}  // namespace models
