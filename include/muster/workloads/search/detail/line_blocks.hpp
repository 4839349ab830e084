#pragma once

#include <algorithm>      // max, min
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memchr, memrchr, memmove
#include <memory>         // unique_ptr
#include <string_view>    // text

#include <muster/core/outcome.hpp>                             // outcome
#include <muster/workloads/search/detail/text_source.hpp>      // text_source

namespace muster::searching::detail {

inline constexpr std::size_t block_bytes = 256 * 1'024;           // stays in a core's own cache while it is searched
inline constexpr std::size_t longest_line = 1'024 * 1'024;

// Memory for the lines of a file, reused from file to file; it grows to longest_line where a file has such lines.
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
    bool long_part = false;         // the line goes on in the next block
};

// The top of a file: how to read it, and how much of it lies in the buffer by then, without its mark.
struct file_top {
    text_encoding encoding = text_encoding::bytes;
    std::size_t mark = 0;
    std::size_t filled = 0;
};

inline outcome<file_top> read_top(text_source& from, line_buffer& in) {
    constexpr std::size_t binary_shows = 8 * 1'024;
    in.grow(block_bytes, 0);
    std::size_t filled = 0;
    for (;;) {
        auto const got = from.read(in.data() + filled, in.size() - filled);
        if (!got) return got.error();
        filled += *got;
        if (*got == 0 || filled >= binary_shows) break;
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

// Cuts what starts in [offset, end) of a file into blocks of whole lines.
class line_blocks {
public:
    // `known` bytes lie in the buffer already: the top of the file, without its mark.
    line_blocks(text_source& from, line_buffer& in, text_encoding encoding, std::uint64_t offset, std::uint64_t end, std::size_t known)
        : from_(from), in_(in), offset_(offset), end_(end), filled_(known), wide_(encoding != text_encoding::bytes) {}

    // The lines that start before the piece belong to the one before it; answers false where none starts in it.
    outcome<bool> skip_to_line() {
        // The byte before the piece tells whether a line starts right at it: the source was opened there.
        for (;;) {
            if (auto const more = fill(); !more) return more.error();
            if (filled_ == 0) return false;
            auto const* const end = static_cast<char const*>(std::memchr(in_.data(), '\n', filled_));
            auto const taken = end ? static_cast<std::size_t>(end + 1 - in_.data()) : filled_;
            auto const made = bytes_of({in_.data(), taken});
            drop(taken);
            offset_ += made;
            if (end) return offset_ < end_;
            if (offset_ >= end_) return false;
        }
    }

    // The next block; empty text at the end.
    outcome<line_block> next() {
        drop(used_);
        used_ = 0;
        if (offset_ >= end_ && !inside_) return line_block{};
        for (;;) {
            if (auto const more = fill(); !more) return more.error();
            if (filled_ == 0) return line_block{};
            auto const* const text = in_.data();
            auto const size = whole_lines();
            if (size == 0 && in_.size() - filled_ >= 64) {    // a line that ends behind the piece
                tail_ += block_bytes;
                continue;
            }
            if (size == 0 && in_.size() < longest_line) {
                in_.grow(longest_line, filled_);
                continue;
            }
            used_ = size == 0 ? filled_ : size;
            inside_ = size == 0;
            line_block found{.text = {}, .offset = offset_, .long_part = inside_};
            offset_ += bytes_of({text, used_});
            found.text = {text, without_carriage_returns(in_.data(), used_)};
            return found;
        }
    }

private:
    std::uint64_t bytes_of(std::string_view text) const noexcept { return wide_ ? utf16_bytes(text) : text.size(); }
    void drop(std::size_t count) noexcept {
        if (count == 0) return;
        filled_ -= count;
        std::memmove(in_.data(), in_.data() + count, filled_);
    }
    // How much of the buffer is whole lines that start in the piece; 0: not one that ends here.
    std::size_t whole_lines() const noexcept {
        auto const* const text = in_.data();
        if (auto const room = end_ > offset_ ? end_ - offset_ : 0; !wide_ && room <= filled_) {
            auto const from = room == 0 ? std::size_t{0} : static_cast<std::size_t>(room - 1);
            if (auto const* const end = static_cast<char const*>(std::memchr(text + from, '\n', filled_ - from)))
                return static_cast<std::size_t>(end + 1 - text);
        }
        if (ended_) return filled_;
        auto const* const end = static_cast<char const*>(::memrchr(text, '\n', filled_));
        return end ? static_cast<std::size_t>(end + 1 - text) : 0;
    }
    // Reads until the buffer is full, the file ends, or the piece and a tail for the rest of its last line are there.
    outcome<void> fill() {
        in_.grow(block_bytes, filled_);
        auto const last = end_ > ~std::uint64_t{0} - tail_ || wide_ ? ~std::uint64_t{0} : end_ + tail_;
        while (!ended_ && in_.size() - filled_ >= 64 && offset_ + filled_ < last) {
            auto const room = std::min<std::uint64_t>(in_.size() - filled_, last - offset_ - filled_);
            auto const got = from_.read(in_.data() + filled_, static_cast<std::size_t>(std::max<std::uint64_t>(room, 64)));
            if (!got) return got.error();
            ended_ = *got == 0;
            filled_ += *got;
        }
        return {};
    }

    text_source& from_;
    line_buffer& in_;
    std::uint64_t offset_;         // of the buffer's first byte, in the file
    std::uint64_t end_;
    std::size_t filled_;
    std::size_t tail_ = 4 * 1'024;
    std::size_t used_ = 0;         // the block that was given last
    bool ended_ = false;
    bool inside_ = false;          // of a line longer than the buffer
    bool wide_;                    // UTF-16
};

}  // namespace muster::searching::detail
