#pragma once

#include <cerrno>     // errno
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <cstdio>     // fopencookie, setvbuf
#include <memory>     // the buffer
#include <string>     // its folder

#include <fcntl.h>       // O_CLOEXEC
#include <stdlib.h>      // mkostemp
#include <sys/types.h>    // off64_t
#include <unistd.h>      // read, write, lseek, unlink

#include <muster/core/bytes.hpp>           // KiB
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::detail::xlsx {

// The rows of one sheet until the workbook is put together: a file without a name, as the stream that libxlsxwriter wants.
//
// The library neither looks whether its writes went well nor closes these streams when it fails. So the stream is one that says
// what went wrong, and whether it has been closed.
class rows_file {
public:
    static outcome<std::unique_ptr<rows_file>> open(std::string const& folder, std::string const& whose) {
        auto name = folder + "/.muster-rows-XXXXXX";
        fd file{::mkostemp(name.data(), O_CLOEXEC)};
        if (!file) return system_failure(errno, "cannot create a file beside " + whose);
        ::unlink(name.c_str());
        std::unique_ptr<rows_file> made{new rows_file{std::move(file)}};
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

    explicit rows_file(fd file) : file_(std::move(file)), buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)) {}

    static rows_file& of(void* cookie) { return *static_cast<rows_file*>(cookie); }
    static ssize_t read(void* cookie, char* into, std::size_t most) {
        for (;;) {
            auto const got = ::read(of(cookie).file_.get(), into, most);
            if (got >= 0 || errno != EINTR) return got;
        }
    }
    static ssize_t write(void* cookie, char const* bytes, std::size_t count) {
        auto& self = of(cookie);
        for (std::size_t done = 0; done < count;) {
            auto const now = ::write(self.file_.get(), bytes + done, count - done);
            if (now < 0 && errno == EINTR) continue;
            if (now < 0) {
                if (self.error_ == 0) self.error_ = errno;
                return 0;    // so says fopencookie(3)
            }
            done += static_cast<std::size_t>(now);
            self.size_ += static_cast<std::uint64_t>(now);
        }
        return static_cast<ssize_t>(count);
    }
    static int seek(void* cookie, off64_t* where, int from) {
        auto const at = ::lseek(of(cookie).file_.get(), *where, from);
        if (at < 0) return -1;
        *where = at;
        return 0;
    }
    static int close(void* cookie) {
        of(cookie).stream_ = nullptr;
        of(cookie).file_.reset();
        return 0;
    }

    fd file_;
    std::unique_ptr<char[]> buffer_;
    std::FILE* stream_ = nullptr;
    int error_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace muster::detail::xlsx
