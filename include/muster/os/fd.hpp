#pragma once

#include <cerrno>          // errno
#include <string>          // what was tried
#include <system_error>    // system_error
#include <utility>         // exchange

#include <fcntl.h>     // open, fcntl
#include <unistd.h>    // close

namespace muster {

/// Owns one file descriptor, which no program that is started ever inherits.
///
/// Default    none: -1.
/// Throws     `open` and `above_standard`: std::system_error, with the path in it.
/// Lifetime   closes in its destructor; moves, does not copy.
class fd {
public:
    fd() noexcept = default;
    /// Takes over a descriptor; whoever made it has asked for close-on-exec.
    explicit fd(int number) noexcept : number_(number) {}
    fd(fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    fd& operator=(fd other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~fd() { reset(); }

    /// Opens with the flags of open(2), close-on-exec added.
    [[nodiscard]] static fd open(std::string const& path, int flags, unsigned mode = 0);

    [[nodiscard]] int get() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
    void reset() noexcept {
        if (number_ >= 0) ::close(std::exchange(number_, -1));    // also on EINTR: the number is free by then
    }
    /// Moves away from 0, 1 and 2, which a process without standard streams hands out: they would be overwritten in a child.
    void above_standard();

private:
    int number_ = -1;
};

// Implementation

inline fd fd::open(std::string const& path, int flags, unsigned mode) {
    int number = -1;
    do number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    while (number < 0 && errno == EINTR);
    if (number < 0) throw std::system_error{errno, std::system_category(), "muster: cannot open " + path};
    return fd{number};
}

inline void fd::above_standard() {
    if (number_ < 0 || number_ > 2) return;
    int const higher = ::fcntl(number_, F_DUPFD_CLOEXEC, 3);
    if (higher < 0) throw std::system_error{errno, std::system_category(), "muster: cannot duplicate a descriptor"};
    *this = fd{higher};
}

}  // namespace muster
