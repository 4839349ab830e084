#pragma once

#include <charconv>    // from_chars
#include <cstdint>     // uint64_t

#include <fcntl.h>     // open
#include <unistd.h>    // read, sysconf

#include <muster/os/fd.hpp>    // fd

namespace muster {

/// Bytes of memory that this process holds now: what is mapped, and there. 0 where the system does not say.
///
/// Cost       3 us.
/// Source     /proc/self/statm, as proc(5) tells of it.
[[nodiscard]] inline std::uint64_t resident_memory() noexcept {
    fd const file{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
    if (!file) return 0;
    char text[128];
    auto const got = ::read(file.get(), text, sizeof text);
    if (got <= 0) return 0;
    char const* const end = text + got;
    char const* at = text;
    while (at != end && *at != ' ') ++at;    // the first number is what is mapped
    if (at == end) return 0;
    std::uint64_t pages = 0;
    std::from_chars(at + 1, end, pages);
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace muster
