#pragma once

#include <algorithm>    // min, upper_bound
#include <cerrno>       // errno
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <cstdio>       // fopencookie, setvbuf
#include <memory>       // the buffer
#include <string>       // its folder
#include <utility>      // move
#include <vector>       // pieces

#include <fcntl.h>       // O_CLOEXEC
#include <stdlib.h>      // mkostemp
#include <sys/types.h>    // off64_t
#include <unistd.h>      // pread, pwrite, unlink

#include <muster/core/bytes.hpp>           // KiB
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::detail::xlsx {

// A file without a name beside the workbook, where the rows of all its sheets wait until it is put together: one, so that hundreds of
// sheets need no more file descriptors than one sheet.
class rows_spool {
public:
    static outcome<std::unique_ptr<rows_spool>> open(std::string const& folder, std::string const& whose) {
        auto name = folder + "/.muster-rows-XXXXXX";
        fd file{::mkostemp(name.data(), O_CLOEXEC)};
        if (!file) return system_failure(errno, "cannot create a file beside " + whose);
        ::unlink(name.c_str());
        return std::unique_ptr<rows_spool>{new rows_spool{std::move(file)}};
    }

    [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
    // 0, or the errno.
    int append(char const* bytes, std::size_t count) noexcept {
        for (std::size_t done = 0; done < count;) {
            auto const now = ::pwrite(file_.get(), bytes + done, count - done, static_cast<off_t>(end_ + done));
            if (now < 0 && errno == EINTR) continue;
            if (now < 0) return errno;
            done += static_cast<std::size_t>(now);
        }
        end_ += count;
        return 0;
    }
    ssize_t read(char* into, std::size_t most, std::uint64_t at) const noexcept {
        for (;;) {
            auto const got = ::pread(file_.get(), into, most, static_cast<off_t>(at));
            if (got >= 0 || errno != EINTR) return got;
        }
    }

private:
    explicit rows_spool(fd file) : file_(std::move(file)) {}

    fd file_;
    std::uint64_t end_ = 0;
};

// The rows of one sheet, as the stream that libxlsxwriter wants: what is written goes to the end, what is read is all of it in order.
//
// The library neither looks whether its writes went well nor closes these streams when it fails. So the stream is one that says
// what went wrong, and whether it has been closed.
class rows_file {
public:
    static outcome<std::unique_ptr<rows_file>> open(rows_spool& in, std::string const& whose) {
        std::unique_ptr<rows_file> made{new rows_file{in}};
        made->stream_ = ::fopencookie(made.get(), "w+", {.read = read, .write = write, .seek = seek, .close = close});
        if (!made->stream_) return system_failure(errno, "cannot open a stream for " + whose);
        std::setvbuf(made->stream_, made->buffer_.get(), _IOFBF, buffer_size);
        return made;
    }
    rows_file(rows_file const&) = delete;
    ~rows_file() {
        if (stream_) std::fclose(stream_);
    }

    // Null once it has been closed.
    [[nodiscard]] std::FILE* stream() const noexcept { return stream_; }
    // 0 while all went well.
    [[nodiscard]] int error() const noexcept { return error_; }
    // Writes what is still in the buffer.
    void flush() noexcept {
        if (std::fflush(stream_) != 0 && error_ == 0) error_ = errno != 0 ? errno : EIO;
    }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    static constexpr std::size_t buffer_size = 32 * KiB;

    struct piece {
        std::uint64_t start;    // of these rows
        std::uint64_t place;    // in the spool
    };

    explicit rows_file(rows_spool& in) : spool_(in), buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)) {}

    static rows_file& of(void* cookie) { return *static_cast<rows_file*>(cookie); }
    static ssize_t read(void* cookie, char* into, std::size_t most) {
        auto& self = of(cookie);
        if (self.at_ >= self.size_ || most == 0) return 0;
        auto const next = std::upper_bound(self.pieces_.begin(), self.pieces_.end(), self.at_, [](auto at, auto const& each) { return at < each.start; });
        auto const& here = *(next - 1);
        auto const left = (next == self.pieces_.end() ? self.size_ : next->start) - self.at_;
        auto const got = self.spool_.read(into, static_cast<std::size_t>(std::min<std::uint64_t>(most, left)), here.place + (self.at_ - here.start));
        if (got > 0) self.at_ += static_cast<std::uint64_t>(got);
        return got;
    }
    static ssize_t write(void* cookie, char const* bytes, std::size_t count) {
        auto& self = of(cookie);
        auto const place = self.spool_.end();
        if (auto const error = self.spool_.append(bytes, count); error != 0) {
            if (self.error_ == 0) self.error_ = error;
            errno = error;
            return 0;    // so says fopencookie(3)
        }
        if (self.pieces_.empty() || self.pieces_.back().place + (self.size_ - self.pieces_.back().start) != place) self.pieces_.push_back({self.size_, place});
        self.size_ += count;
        self.at_ = self.size_;
        return static_cast<ssize_t>(count);
    }
    static int seek(void* cookie, off64_t* where, int from) {
        auto& self = of(cookie);
        auto const base = from == SEEK_SET ? std::uint64_t{0} : from == SEEK_CUR ? self.at_ : self.size_;
        auto const to = static_cast<off64_t>(base) + *where;
        if (to < 0) return -1;
        self.at_ = static_cast<std::uint64_t>(to);
        *where = to;
        return 0;
    }
    static int close(void* cookie) {
        of(cookie).stream_ = nullptr;
        return 0;
    }

    rows_spool& spool_;
    std::unique_ptr<char[]> buffer_;
    std::FILE* stream_ = nullptr;
    std::vector<piece> pieces_;
    int error_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t at_ = 0;    // of what is read next
};

}  // namespace muster::detail::xlsx
