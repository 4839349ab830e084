#pragma once

#include <algorithm>      // min
#include <array>          // raw bytes
#include <cerrno>         // errno
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memchr, memcpy
#include <string>         // what was tried
#include <string_view>    // text
#include <utility>        // move

#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread

#include <muster/core/bytes.hpp>                   // KiB
#include <muster/core/json.hpp>                    // json_text
#include <muster/core/outcome.hpp>                 // outcome
#include <muster/os/fd.hpp>                        // fd
#include <muster/os/system_failure.hpp>            // system_failure
#include <muster/workloads/search/piece.hpp>       // text_encoding

namespace muster::searching::detail {

struct text_file {
    fd file;
    std::uint64_t bytes = 0;    // when it was opened
};

// Opens what can be read to an end; a pipe would wait for its writer, which O_NONBLOCK keeps from happening.
inline outcome<text_file> open_text(std::string const& path) {
    auto const tried = [&] { return "cannot search " + json_text(path); };
    if (path.find('\0') != path.npos) return failure{cause::invalid_input, tried() + ": a path has no zero byte"};
    int number = -1;
    do number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (number < 0 && errno == EINTR);
    if (number < 0 && errno == ENXIO) return failure{cause::invalid_input, tried() + ": it is no regular file"};
    if (number < 0) return system_failure(errno, tried());
    fd file{number};
    struct stat about{};
    if (::fstat(file.get(), &about) != 0) return system_failure(errno, tried());
    if (!S_ISREG(about.st_mode)) return failure{cause::invalid_input, tried() + ": it is no regular file"};
    return text_file{std::move(file), static_cast<std::uint64_t>(about.st_size)};
}

// How a file that starts with these bytes is to be read, and how long its byte order mark is.
struct encoding_of {
    explicit encoding_of(std::string_view top) noexcept {
        if (top.starts_with("\xff\xfe")) encoding = text_encoding::utf16_le, mark = 2;
        else if (top.starts_with("\xfe\xff")) encoding = text_encoding::utf16_be, mark = 2;
        else if (top.starts_with("\xef\xbb\xbf")) mark = 3;
        else if (top.find('\0') != top.npos) encoding = text_encoding::binary;
    }
    text_encoding encoding = text_encoding::bytes;
    std::size_t mark = 0;
};

inline void append_utf8(char*& to, std::uint32_t point) noexcept {
    auto const put = [&](std::uint32_t byte) { *to++ = static_cast<char>(static_cast<unsigned char>(byte)); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xc0 | point >> 6), put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f)), put(0x80 | (point & 0x3f));
    } else {
        put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f)), put(0x80 | (point & 0x3f));
    }
}

// UTF-16 into UTF-8, in parts that may end anywhere. What is no character becomes U+FFFD, each unit its own.
class utf16_decoder {
public:
    // At most 3 bytes come from 2, and up to 3 more from what an earlier part has left.
    static constexpr std::size_t room_for(std::size_t bytes) noexcept { return bytes / 2 * 3 + 6; }

    // Answers how many bytes were written.
    std::size_t decode(std::string_view bytes, bool big_endian, char* to) noexcept {
        auto* const start = to;
        for (char const c : bytes) {
            auto const byte = static_cast<unsigned char>(c);
            if (!half_) {
                half_ = true, first_ = byte;
                continue;
            }
            half_ = false;
            unit(big_endian ? first_ << 8u | byte : unsigned{byte} << 8u | first_, to);
        }
        return static_cast<std::size_t>(to - start);
    }
    // The file ends here.
    std::size_t finish(char* to) noexcept {
        auto* const start = to;
        if (std::exchange(high_, 0u) != 0) append_utf8(to, 0xfffd);
        if (std::exchange(half_, false)) append_utf8(to, 0xfffd);
        return static_cast<std::size_t>(to - start);
    }

private:
    void unit(std::uint32_t value, char*& to) noexcept {
        auto const high = std::exchange(high_, 0u);
        bool const is_low = value >= 0xdc00 && value < 0xe000;
        if (high != 0 && is_low) return append_utf8(to, 0x10000 + ((high - 0xd800) << 10u) + (value - 0xdc00));
        if (high != 0) append_utf8(to, 0xfffd);
        if (value >= 0xd800 && value < 0xdc00) high_ = value;
        else append_utf8(to, is_low ? 0xfffd : value);
    }

    bool half_ = false;
    unsigned first_ = 0;
    std::uint32_t high_ = 0;    // a surrogate that waits for its second half; 0: none
};

// How many bytes of UTF-16 the text was.
inline std::uint64_t utf16_bytes(std::string_view text) noexcept {
    std::uint64_t units = 0;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        units += (byte & 0xc0) != 0x80;
        units += byte >= 0xf0;
    }
    return 2 * units;
}

// How much of the text so many bytes of UTF-16 are.
inline std::size_t utf16_prefix(std::string_view text, std::uint64_t bytes) noexcept {
    std::size_t at = 0;
    for (; bytes >= 2 && at < text.size(); bytes -= 2) {
        auto const lead = static_cast<unsigned char>(text[at]);
        if (lead >= 0xf0) bytes -= std::min<std::uint64_t>(bytes - 2, 2);    // a pair
        at += lead < 0x80 ? 1u : lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u;
    }
    return std::min(at, text.size());
}

// Reads a file from an offset on, as UTF-8 where it is UTF-16 and as it is otherwise.
class text_source {
public:
    text_source(text_file of, std::string const& name) : file_(std::move(of.file)), bytes_(of.bytes), name_(name) {}

    // From here on, from that offset.
    void read_as(text_encoding encoding, std::uint64_t offset) noexcept { encoding_ = encoding, at_ = offset, ended_ = false; }
    // Whether the last read has come to the end: short of what was asked for, and no further than the file was long. Where this is false
    // the next read may still answer 0.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // Up to `room` bytes, of UTF-16 at least 64; 0 at the end of the file.
    outcome<std::size_t> read(char* to, std::size_t room) {
        if (encoding_ == text_encoding::bytes) return raw(to, room);
        for (;;) {
            auto const wanted = std::min(raw_.size(), (room - 6) / 3 * 2);
            auto got = raw(raw_.data(), wanted);
            if (!got) return got;
            if (*got == 0) return decoder_.finish(to);
            if (auto const made = decoder_.decode({raw_.data(), *got}, encoding_ == text_encoding::utf16_be, to); made != 0) return made;
        }
    }

private:
    outcome<std::size_t> raw(char* to, std::size_t room) {
        for (;;) {
            auto const got = ::pread(file_.get(), to, room, static_cast<off_t>(at_));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system_failure(errno, "cannot read " + json_text(name_));
            at_ += static_cast<std::uint64_t>(got);
            // Files of the system say that they have no bytes, and give fewer than they are asked for.
            ended_ = encoding_ == text_encoding::bytes && static_cast<std::size_t>(got) < room && bytes_ != 0 && at_ == bytes_;
            return static_cast<std::size_t>(got);
        }
    }

    fd file_;
    std::uint64_t bytes_;
    std::string const& name_;
    std::uint64_t at_ = 0;
    bool ended_ = false;
    text_encoding encoding_ = text_encoding::bytes;
    utf16_decoder decoder_;
    std::array<char, 32 * KiB> raw_;
};

// CRLF becomes LF, in place; answers the new length. A CR that stands alone stays.
inline std::size_t without_carriage_returns(char* text, std::size_t size) noexcept {
    auto* const end = text + size;
    auto* from = static_cast<char*>(std::memchr(text, '\r', size));
    if (from == nullptr) return size;
    auto* to = from;
    while (from != end) {    // at a CR
        bool const drop = from + 1 != end && from[1] == '\n';
        if (!drop) *to++ = *from;
        ++from;
        auto* next = static_cast<char*>(std::memchr(from, '\r', static_cast<std::size_t>(end - from)));
        if (next == nullptr) next = end;
        std::memmove(to, from, static_cast<std::size_t>(next - from));
        to += next - from;
        from = next;
    }
    return static_cast<std::size_t>(to - text);
}

}  // namespace muster::searching::detail
