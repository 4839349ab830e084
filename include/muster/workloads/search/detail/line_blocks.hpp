#pragma once

#include <algorithm>      // max, min
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memchr, memrchr, memmove
#include <memory>         // unique_ptr
#include <string_view>    // text

#include <muster/core/bytes.hpp>                               // KiB, MiB
#include <muster/core/outcome.hpp>                             // outcome
#include <muster/workloads/search/detail/count_lines.hpp>      // find_line_ends
#include <muster/workloads/search/detail/text_source.hpp>      // text_source

namespace muster::searching::detail {

inline constexpr std::size_t block_bytes = 256 * KiB;            // stays in a core's own cache while it is searched
inline constexpr std::size_t longest_line = MiB;

// Memory for the lines of a file, reused from file to file; it grows to a little more than longest_line where a file has such lines.
class line_buffer {
public:
    [[nodiscard]] char* data() const noexcept { return memory_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void grow(std::size_t size, std::size_t kept) {
        if (size <= size_) return;
        auto larger = std::make_unique_for_overwrite<char[]>(size);
        if (kept != 0) std::memcpy(larger.get(), memory_.get(), kept);
        memory_ = std::move(larger);
        size_ = size;
    }

private:
    std::unique_ptr<char[]> memory_;
    std::size_t size_ = 0;
};

// A stretch of a file that is whole lines, or a part of one that is longer than longest_line.
struct line_block {
    std::string_view text{};        // LF at line ends, the last line of a file perhaps without
    std::uint64_t offset = 0;       // of its first byte in the file
    std::uint64_t feeds = 0;        // LF in it
    bool long_part = false;         // the line goes on in the next block
};

// The top of a file: how to read it, and how much of it lies in the buffer by then, without its mark.
struct file_top {
    text_encoding encoding = text_encoding::bytes;
    std::size_t mark = 0;
    std::size_t filled = 0;
};

inline outcome<file_top> read_top(text_source& from, line_buffer& in) {
    constexpr std::size_t binary_shows = 8 * KiB;
    in.grow(block_bytes + 128, 0);
    std::size_t filled = 0;
    for (;;) {
        auto const got = from.read(in.data() + filled, block_bytes - filled);
        if (!got) return got.error();
        filled += *got;
        if (*got == 0 || from.ended() || filled >= binary_shows) break;
    }
    encoding_of const told{{in.data(), filled < binary_shows ? filled : binary_shows}};
    file_top top{.encoding = told.encoding, .mark = told.mark, .filled = filled - told.mark};
    if (told.encoding == text_encoding::utf16_le || told.encoding == text_encoding::utf16_be) {
        from.read_as(told.encoding, told.mark);
        top.filled = 0;
    } else if (told.mark != 0) {
        std::memmove(in.data(), in.data() + told.mark, top.filled);
    }
    return top;
}

// Cuts what starts in [offset, end) of a file into blocks of whole lines. A line longer than longest_line comes in parts of that length, or up
// to 3 bytes less where a character would be cut: the same parts wherever the reading began.
class line_blocks {
public:
    // `known` bytes lie in the buffer already: the top of the file, without its mark. `inside`: the first line began before `offset`.
    line_blocks(text_source& from, line_buffer& in, text_encoding encoding, std::uint64_t offset, std::uint64_t end, std::size_t known,
                bool inside = false)
        : from_(from), in_(in), offset_(offset), end_(end), filled_(known), ended_(from.ended()), inside_(inside),
          wide_(encoding != text_encoding::bytes) {}

    // The lines that start before the piece belong to the one before it; answers false where none starts in it.
    outcome<bool> skip_to_line() {
        // The byte before the piece tells whether a line starts right at it: the source was opened there.
        for (;;) {
            if (auto const more = fill(); !more) return more.error();
            if (filled_ == 0 && ended_) return false;
            auto const* const end = find_end({in_.data(), filled_});
            auto const taken = end ? static_cast<std::size_t>(end + 1 - in_.data()) : filled_;
            offset_ += bytes_of({in_.data(), taken});
            drop(taken);
            if (end) return offset_ < end_;
            if (offset_ >= end_) return false;
        }
    }

    // The next block; empty text at the end.
    outcome<line_block> next() {
        drop(used_);
        used_ = 0;
        if (offset_ >= end_ && !inside_) return line_block{};
        ahead_ = 4 * KiB;
        for (wanted_ = block_bytes;;) {
            if (auto const more = fill(); !more) return more.error();
            if (filled_ == 0 && ended_) return line_block{};
            auto const size = whole_lines();
            bool const part = is_long(size);
            if (size == 0 && !part) {    // more of the line: of what lies behind the piece, or of what has no room in a block
                if (filled_ < wanted_) ahead_ += block_bytes;
                else wanted_ = longest_line + 2;
                continue;
            }
            used_ = part ? longest_part() : size;
            inside_ = part;
            line_block found{.text = {}, .offset = offset_, .long_part = part};
            offset_ += bytes_of({in_.data(), used_});
            auto const ends = find_line_ends(in_.data(), used_);
            found.feeds = ends.feeds;
            found.text = {in_.data(), ends.has_returns ? without_carriage_returns(in_.data(), used_) : used_};
            return found;
        }
    }

private:
    static char const* find_end(std::string_view text) noexcept { return static_cast<char const*>(std::memchr(text.data(), '\n', text.size())); }
    std::uint64_t bytes_of(std::string_view text) const noexcept { return wide_ ? utf16_bytes(text) : text.size(); }
    void drop(std::size_t count) noexcept {
        if (count == 0) return;
        filled_ -= count;
        std::memmove(in_.data(), in_.data() + count, filled_);
    }
    // How much of the buffer lies before the end of the piece.
    std::size_t inside_piece() const noexcept {
        auto const room = end_ > offset_ ? end_ - offset_ : 0;
        if (!wide_) return static_cast<std::size_t>(std::min<std::uint64_t>(room, filled_));
        if (room >= std::uint64_t{2} * filled_) return filled_;    // the usual: there is no such end
        return utf16_prefix({in_.data(), filled_}, room);
    }
    // How much of the buffer is whole lines that start in the piece; 0: not one that ends here.
    std::size_t whole_lines() const noexcept {
        std::string_view const text{in_.data(), filled_};
        if (auto const mine = inside_piece(); mine < filled_) {
            auto const from = mine == 0 ? mine : mine - 1;
            if (auto const* const end = find_end(text.substr(from))) return static_cast<std::size_t>(end + 1 - text.data());
        }
        if (ended_) return filled_;
        auto const* const end = static_cast<char const*>(::memrchr(text.data(), '\n', text.size()));
        return end ? static_cast<std::size_t>(end + 1 - text.data()) : 0;
    }
    // Whether the first line is longer than longest_line, its line end not counted. No other in the buffer can be: it is only filled so far
    // for a line that has no end in a block.
    bool is_long(std::size_t whole) const noexcept {
        if (filled_ <= longest_line) return false;
        auto const* const end = find_end({in_.data(), whole != 0 ? whole : filled_});
        auto size = end ? static_cast<std::size_t>(end - in_.data()) : filled_;
        if (end && size != 0 && in_.data()[size - 1] == '\r') --size;
        return size > longest_line && (end || ended_ || filled_ >= longest_line + 2);
    }
    // A character of UTF-8 is not cut in two.
    std::size_t longest_part() const noexcept {
        auto size = longest_line;
        while (size > longest_line - 3 && (static_cast<unsigned char>(in_.data()[size]) & 0xc0) == 0x80) --size;
        return size;
    }
    // Reads until there is what is wanted, the file ends, or the piece and what is wanted ahead of it are there.
    outcome<void> fill() {
        in_.grow(wanted_ + 128, filled_);    // UTF-16 is not read by the byte
        auto const from = std::max(offset_, end_);
        auto const last = from > ~std::uint64_t{0} - ahead_ || wide_ ? ~std::uint64_t{0} : from + ahead_;
        while (!ended_ && filled_ < wanted_ && (wide_ || offset_ + filled_ < last)) {
            auto const room = wide_ ? in_.size() - filled_ : std::min<std::uint64_t>(wanted_ - filled_, last - offset_ - filled_);
            auto const got = from_.read(in_.data() + filled_, static_cast<std::size_t>(room));
            if (!got) return got.error();
            filled_ += *got;
            ended_ = *got == 0 || from_.ended();
        }
        return {};
    }

    text_source& from_;
    line_buffer& in_;
    std::uint64_t offset_;         // of the buffer's first byte, in the file
    std::uint64_t end_;
    std::size_t filled_;
    std::size_t wanted_ = block_bytes;
    std::size_t ahead_ = 4 * KiB;
    std::size_t used_ = 0;         // the block that was given last
    bool ended_;
    bool inside_;                  // of a line longer than longest_line
    bool wide_;                    // UTF-16
};

}  // namespace muster::searching::detail
