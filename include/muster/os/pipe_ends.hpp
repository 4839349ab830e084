#pragma once

#include <cerrno>          // errno
#include <system_error>    // system_error

#include <fcntl.h>     // O_CLOEXEC
#include <unistd.h>    // pipe2

#include <muster/os/fd.hpp>    // fd

namespace muster {

/// Both ends of a pipe; neither is inherited by a program that is started, neither is 0, 1 or 2.
///
/// Throws     `open`: std::system_error, EMFILE or ENFILE when descriptors have run out.
struct pipe_ends {
    fd read;
    fd write;

    [[nodiscard]] static pipe_ends open();
};

// Implementation

inline pipe_ends pipe_ends::open() {
    int both[2];
    if (::pipe2(both, O_CLOEXEC) != 0) throw std::system_error{errno, std::system_category(), "muster: cannot make a pipe"};
    pipe_ends made{fd{both[0]}, fd{both[1]}};
    made.read.above_standard();
    made.write.above_standard();
    return made;
}

}  // namespace muster
