#pragma once

#include <algorithm>       // max, min
#include <cerrno>          // errno
#include <cstddef>         // byte, size_t
#include <cstdint>         // uint64_t
#include <cstdlib>         // getenv, mkostemp
#include <cstring>         // memcpy
#include <span>            // records
#include <string>          // the folder
#include <system_error>    // error_code
#include <utility>         // move
#include <vector>          // buffers

#include <fcntl.h>       // open, fallocate
#include <sys/stat.h>    // fstat
#include <unistd.h>      // access, pread, pwrite, unlink

#include <muster/core/bytes.hpp>           // KiB, MiB
#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster {

/// Where a `spill_file` is, and how much it may hold.
struct spill_file_options {
    std::string folder{};                ///< empty: $TMPDIR, else /var/tmp, as /tmp is often memory, else /tmp
    std::uint64_t most = UINT64_MAX;     ///< bytes of records at once, with 8 for each; no bound of its own: that of the disk
    std::size_t buffer = 256 * KiB;      ///< bytes in memory for writing, and as many for reading: so long are the system calls
};

/// Records that do not fit into memory: first in, first out, in a file without a name.
///
/// Shape      any bytes, of any length, also none. What is read is gone.
/// Fails      as `system_failure`, with the folder: exhausted for a full disk, a spent quota, or `most`; unavailable for a folder that
///            is missing or may not be written. A record that was not taken leaves those before it whole, and may be tried again.
/// Threads    one at a time.
/// Lifetime   nothing is left behind, however the process ends: the file has no name (O_TMPFILE: ext4, XFS, Btrfs, tmpfs, F2FS; overlays
///            from Linux 6.3). On other file systems it gets one and loses it at once: a process that is killed between these two
///            leaves an empty `.muster-*.tmp`, which `atomic_file::sweep` removes. On NFS the server keeps the bytes of a dead machine.
/// Cost       a copy in memory for each record, a system call for each buffer. The disk gets its room back in steps of 4 MiB
///            behind the reader where the file system can do that (all of those named above), else when all has been read.
class spill_file {
public:
    [[nodiscard]] static outcome<spill_file> open(spill_file_options options = {});

    /// Takes a copy.
    outcome<void> append(std::span<std::byte const> record);
    /// The first record that has not been read; false when there is none.
    outcome<bool> read(std::vector<std::byte>& record);
    /// Writes down what waits in memory, and gives that memory back: for what is written once and read much later.
    outcome<void> write_down();

    [[nodiscard]] bool empty() const noexcept { return records_ == 0; }
    /// How many records wait to be read.
    [[nodiscard]] std::uint64_t size() const noexcept { return records_; }
    /// Their bytes, with 8 for each.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// What the disk gives for it now.
    [[nodiscard]] std::uint64_t on_disk() const noexcept;

private:
    using length = std::uint64_t;
    static constexpr std::uint64_t step = 4 * MiB;

    spill_file(fd file, spill_file_options options) noexcept : file_(std::move(file)), options_(std::move(options)) {}
    [[nodiscard]] failure failed(int error, char const* tried) const {
        return system_failure(error, std::string{tried} + " a spill file in " + options_.folder);
    }
    outcome<void> write_buffer();
    outcome<void> fetch(std::size_t n);    // so many bytes into memory, of those that were written
    void give_back() noexcept;

    fd file_;
    spill_file_options options_;
    std::vector<std::byte> in_;     // behind what is in the file
    std::size_t in_at_ = 0;         // what was read of it without ever being written
    std::vector<std::byte> out_;    // before what is unread in the file
    std::size_t out_at_ = 0;
    std::uint64_t read_to_ = 0;     // in the file: up to here it was fetched,
    std::uint64_t written_ = 0;     // to here it goes,
    std::uint64_t freed_ = 0;       // to here the disk got it back
    std::uint64_t records_ = 0, bytes_ = 0;
};

namespace detail {

/// A file that never had a name; or the reason why not.
inline outcome<fd> unnamed_file(std::string const& folder) {
    int number = -1;
    do number = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    while (number < 0 && errno == EINTR);
    if (number < 0) return failure{std::error_code{errno, std::system_category()}, folder};
    return fd{number};
}

/// A file that has lost its name, for file systems where all are born with one.
inline outcome<fd> unlinked_file(std::string const& folder) {
    auto name = folder + "/.muster-XXXXXX.tmp";
    int const number = ::mkostemps(name.data(), 4, O_CLOEXEC);
    if (number < 0) return system_failure(errno, "cannot create a spill file in " + folder);
    fd file{number};
    if (::unlink(name.c_str()) != 0) return system_failure(errno, "cannot remove the name of the spill file " + name);
    return file;
}

inline std::string spill_folder() {
    if (char const* asked = std::getenv("TMPDIR"); asked && *asked) return asked;
    return ::access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

}  // namespace detail

// Implementation

inline outcome<spill_file> spill_file::open(spill_file_options options) {
    if (options.folder.find('\0') != std::string::npos)
        return failure{cause::invalid_input, "the folder of a spill file has a zero byte in its name"};
    if (options.folder.empty()) options.folder = detail::spill_folder();
    options.buffer = std::max<std::size_t>(options.buffer, 4 * KiB);
    auto file = detail::unnamed_file(options.folder);
    if (!file) file = detail::unlinked_file(options.folder);    // says why not, if nothing goes there
    if (!file) return std::move(file).error();
    return spill_file{std::move(*file), std::move(options)};
}

inline outcome<void> spill_file::write_buffer() {
    auto at = written_;
    for (std::size_t done = in_at_; done != in_.size();) {
        auto const n = ::pwrite(file_.get(), in_.data() + done, in_.size() - done, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            auto const error = n < 0 ? errno : ENOSPC;
            // The part that was written is written again next time, or never: the disk may need the room.
            static_cast<void>(::ftruncate(file_.get(), static_cast<off_t>(written_)) == 0);
            return failed(error, "cannot write");
        }
        done += static_cast<std::size_t>(n);
        at += static_cast<std::uint64_t>(n);
    }
    written_ = at;
    in_.clear();
    in_at_ = 0;
    return {};
}

inline outcome<void> spill_file::append(std::span<std::byte const> record) {
    auto const n = static_cast<length>(record.size());
    if (n > options_.most || options_.most - n < bytes_ || options_.most - n - bytes_ < sizeof n)
        return failure{cause::exhausted, "a record of " + std::to_string(n) + " bytes has no room in the spill file, which holds " +
                                             std::to_string(bytes_) + " of at most " + std::to_string(options_.most)};
    if (in_.size() != in_at_ && in_.size() + sizeof n + record.size() > options_.buffer)
        if (auto written = write_buffer(); !written) return written;
    auto const at = in_.size();
    in_.resize(at + sizeof n + record.size());
    std::memcpy(in_.data() + at, &n, sizeof n);
    if (!record.empty()) std::memcpy(in_.data() + at + sizeof n, record.data(), record.size());
    ++records_;
    bytes_ += sizeof n + n;
    return {};
}

inline outcome<void> spill_file::write_down() {
    if (auto written = write_buffer(); !written) return written;
    in_ = {};
    return {};
}

inline outcome<void> spill_file::fetch(std::size_t n) {
    if (out_.size() - out_at_ >= n) return {};
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_at_));
    out_at_ = 0;
    auto have = out_.size();
    auto const unread = std::min<std::uint64_t>(written_ - read_to_, options_.buffer);
    auto const want = std::max(n, std::min(options_.buffer, have + static_cast<std::size_t>(unread)));
    out_.resize(want);
    while (have < n) {
        auto const got = ::pread(file_.get(), out_.data() + have, want - have, static_cast<off_t>(read_to_));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            auto const error = got < 0 ? errno : EIO;
            out_.resize(have);
            return failed(error, "cannot read");
        }
        have += static_cast<std::size_t>(got);
        read_to_ += static_cast<std::uint64_t>(got);
    }
    out_.resize(have);
    return {};
}

inline void spill_file::give_back() noexcept {
    if (read_to_ == written_ && out_at_ == out_.size()) {    // nothing in the file is unread: from its beginning again
        if (written_ == 0 || ::ftruncate(file_.get(), 0) != 0) return;
        read_to_ = written_ = freed_ = 0;
    } else if (auto const whole = read_to_ / step * step; whole > freed_) {
        // Where it cannot be done, it is not tried for each step again in vain: the next one is as large, and one call.
        static_cast<void>(::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(freed_),
                                      static_cast<off_t>(whole - freed_)));
        freed_ = whole;
    }
}

inline outcome<bool> spill_file::read(std::vector<std::byte>& record) {
    if (records_ == 0) return false;
    length n = 0;
    if (out_at_ != out_.size() || read_to_ != written_) {
        auto const in_file = written_ - read_to_ + (out_.size() - out_at_);
        if (auto fetched = fetch(sizeof n); !fetched) return std::move(fetched).error();
        std::memcpy(&n, out_.data() + out_at_, sizeof n);
        if (in_file < sizeof n || n > in_file - sizeof n)
            return failure{cause::unavailable, "a spill file in " + options_.folder +
                                                   " gives back other bytes than were written: a record of " + std::to_string(n) +
                                                   " bytes, where " + std::to_string(in_file) + " are left"};
        auto const whole = sizeof n + static_cast<std::size_t>(n);
        if (auto fetched = fetch(whole); !fetched) return std::move(fetched).error();
        auto const begin = out_.begin() + static_cast<std::ptrdiff_t>(out_at_ + sizeof n);
        record.assign(begin, begin + static_cast<std::ptrdiff_t>(n));
        out_at_ += whole;
        if (out_.capacity() > 2 * options_.buffer && out_at_ == out_.size()) {    // a long one: not to be kept for the short ones
            out_ = {};
            out_at_ = 0;
        }
        give_back();
    } else {
        std::memcpy(&n, in_.data() + in_at_, sizeof n);
        auto const begin = in_.begin() + static_cast<std::ptrdiff_t>(in_at_ + sizeof n);
        record.assign(begin, begin + static_cast<std::ptrdiff_t>(n));
        in_at_ += sizeof n + static_cast<std::size_t>(n);
        if (in_at_ == in_.size()) {
            if (in_.capacity() > 2 * options_.buffer) in_ = {};
            else in_.clear();
            in_at_ = 0;
        }
    }
    --records_;
    bytes_ -= sizeof n + n;
    return true;
}

inline std::uint64_t spill_file::on_disk() const noexcept {
    struct stat about {};
    // Blocks of 512 bytes, whatever the file system.
    return ::fstat(file_.get(), &about) == 0 ? static_cast<std::uint64_t>(about.st_blocks) * 512 : 0;
}

}  // namespace muster
