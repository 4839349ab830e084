#pragma once

#include <algorithm>      // min
#include <cerrno>         // errno
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // lines
#include <string_view>    // what was read
#include <utility>        // move

#include <unistd.h>    // pread

#include <muster/core/bytes.hpp>            // KiB
#include <muster/core/outcome.hpp>          // outcome
#include <muster/os/fd.hpp>                 // fd
#include <muster/os/system_failure.hpp>     // system_failure

namespace muster::detail {

/// Reads a file line by line up to a byte of it, and keeps no more of a line than it may have.
class capped_lines {
public:
    struct line {
        std::uint64_t at = 0;        // its first byte in the file
        std::uint64_t number = 0;    // 1: the first
        std::string_view text{};     // good until the next one
        bool whole = true;           // false: it has more bytes than a line may have, and the text is its begin
        bool ended = true;           // false: the last one, without its end
    };

    capped_lines(fd file, std::string path, std::uint64_t until, std::size_t longest)
        : file_(std::move(file)), path_(std::move(path)), until_(until), longest_(longest) {}

    /// True for a line, false past the last.
    outcome<bool> next(line& out) {
        text_.clear();
        out = {.at = read_ - left().size(), .number = ++number_};
        for (bool any = false;; any = true) {
            if (left().empty()) {
                if (auto const more = refill(); !more) return more.error();
                if (left().empty()) {
                    out.text = text_;
                    out.ended = false;
                    return any;
                }
            }
            auto const here = left();
            auto const end = here.find('\n');
            auto const part = here.substr(0, end);
            auto const room = longest_ - text_.size();
            if (part.size() > room) out.whole = false;
            text_.append(part.substr(0, room));
            at_ += part.size();
            if (end == here.npos) continue;
            ++at_;
            out.text = text_;
            return true;
        }
    }

private:
    [[nodiscard]] std::string_view left() const { return std::string_view{buffer_}.substr(at_); }
    outcome<void> refill() {
        at_ = 0;
        buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(64 * KiB, until_ - read_)));
        ssize_t got = 0;
        do got = ::pread(file_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(read_));
        while (got < 0 && errno == EINTR);
        buffer_.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0) return system_failure(errno, "cannot read " + path_);
        read_ += buffer_.size();
        if (got == 0) until_ = read_;    // it has been cut meanwhile
        return {};
    }

    fd file_;
    std::string path_;
    std::uint64_t until_, read_ = 0, number_ = 0;
    std::size_t longest_;
    std::string buffer_, text_;
    std::size_t at_ = 0;    // in the buffer
};

}  // namespace muster::detail
