#pragma once

#include <stdexcept>    // runtime_error

#include <sodium.h>    // sodium_init

namespace muster {

/// Makes libsodium ready: before anything of it is called. It chooses the code for this processor, once for the whole program.
///
/// Throws     std::runtime_error where libsodium finds no source of randomness.
/// Threads    any number at once.
/// Cost       after the first call: one look at a guard.
inline void start_sodium() {
    [[maybe_unused]] static bool const started = [] {
        if (sodium_init() < 0) throw std::runtime_error{"muster: libsodium could not start: it finds no source of randomness"};
        return true;
    }();
}

}  // namespace muster
