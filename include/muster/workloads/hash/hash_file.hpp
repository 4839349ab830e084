#pragma once

#include <algorithm>        // min
#include <cerrno>           // errno
#include <cstddef>          // size_t
#include <memory>           // unique_ptr
#include <stdexcept>        // invalid_argument
#include <string>           // paths
#include <string_view>      // pieces
#include <utility>          // move

#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstat
#include <unistd.h>      // read

#include <muster/core/bytes.hpp>               // KiB
#include <muster/core/context.hpp>             // context
#include <muster/core/json.hpp>                // json_text
#include <muster/core/outcome.hpp>             // outcome
#include <muster/os/fd.hpp>                    // fd
#include <muster/os/system_failure.hpp>        // system_failure
#include <muster/workloads/hash/hasher.hpp>    // hasher

namespace muster::hashing {

/// How hash_file reads.
struct hash_file_options {
    /// 256 KiB: of memory, and between two looks at stop and deadline; 1 or more. Of a large file that is in memory already XXH3 then
    /// reads 8.5 GB/s; by 64 KiB 7.8, by 1 MiB 10.5.
    std::size_t piece = 256 * KiB;
    friend bool operator==(hash_file_options const&, hash_file_options const&) = default;
};

/// Hashes a whole file: a task, `map(paths, on{pool} | hash_file{sha256{}})`.
///
/// Shape      a path in, the digest of the bytes out. One that changes meanwhile gives the digest of what was read, as sha256sum does.
/// Waits      for the disk; between two pieces it looks for a stop and the deadline.
/// Fails      with a text that names the file: cause::unavailable (not there, not allowed), invalid_input (a folder, a pipe, a
///            device: only regular files end), what `system_failure` says of other errors; cancelled or timed_out between two pieces.
/// Throws     the constructor, std::invalid_argument for a piece of no bytes.
/// Threads    any number; a call has its own memory.
/// Cost       one piece of memory a call, or as much as the file has.
template <hasher H>
class hash_file {
public:
    using digest_type = typename H::digest_type;

    explicit hash_file(H by, hash_file_options options = {});

    outcome<digest_type> operator()(std::string const& path, context& cx) const;
    outcome<digest_type> operator()(std::string const& path) const {
        context cx;
        return (*this)(path, cx);
    }

    friend bool operator==(hash_file const&, hash_file const&) = default;

private:
    H by_;
    hash_file_options options_;
};

// Implementation

namespace detail {

// Opens what can be read to an end; a pipe would wait for its writer, which O_NONBLOCK keeps from happening.
inline outcome<fd> open_regular(std::string const& path, std::size_t& size) {
    auto const tried = "cannot hash " + json_text(path);
    int number = -1;
    do number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (number < 0 && errno == EINTR);
    // ENXIO: a socket, or a device that is not there
    if (number < 0 && errno == ENXIO) return failure{cause::invalid_input, tried + ": it is no regular file, and only those are hashed"};
    if (number < 0) return system_failure(errno, tried);
    fd file{number};
    struct stat about{};
    if (::fstat(file.get(), &about) != 0) return system_failure(errno, tried);
    if (S_ISDIR(about.st_mode)) return failure{cause::invalid_input, tried + ": it is a folder, and only regular files are hashed"};
    if (!S_ISREG(about.st_mode)) return failure{cause::invalid_input, tried + ": it is no regular file, and only those are hashed"};
    size = static_cast<std::size_t>(about.st_size);
    return file;
}

}  // namespace detail

template <hasher H>
hash_file<H>::hash_file(H by, hash_file_options options) : by_(std::move(by)), options_(options) {
    if (options.piece == 0) throw std::invalid_argument("muster: hash_file needs a piece of 1 byte or more");
}

template <hasher H>
outcome<typename H::digest_type> hash_file<H>::operator()(std::string const& path, context& cx) const {
    if (path.find('\0') != path.npos)    // the system would open what stands before it
        return failure{cause::invalid_input, "cannot hash " + json_text(path) + ": a path has no zero byte"};
    std::size_t size = 0;
    auto file = detail::open_regular(path, size);
    if (!file) return std::move(file).error();
    // Some files of the system say that they have 0 bytes, and have more.
    auto const piece = std::min(options_.piece, size == 0 ? std::size_t{4} * KiB : size + 1);
    auto const memory = std::make_unique_for_overwrite<char[]>(piece);
    auto state = by_.start();
    for (;;) {
        if (cx.stop_requested()) return cx.interruption().note(" while " + json_text(path) + " was hashed");
        auto const got = ::read(file->get(), memory.get(), piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(errno, "cannot read " + json_text(path));
        if (got == 0) return state.finish();
        state.add({memory.get(), static_cast<std::size_t>(got)});
    }
}

}  // namespace muster::hashing
