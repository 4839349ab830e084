#pragma once

#include <array>          // a line of /proc
#include <cerrno>         // errno
#include <charconv>       // from_chars
#include <csignal>        // kill
#include <cstdint>        // uint64_t
#include <cstdio>         // snprintf
#include <optional>       // a process that is gone
#include <string_view>    // a line of /proc

#include <fcntl.h>        // open
#include <sys/types.h>    // pid_t
#include <unistd.h>       // getpid, read

#include <muster/os/fd.hpp>    // fd

namespace muster {

/// Which process, also after its number has been given to another.
///
/// A process counts as gone once all its threads have ended: one that was killed and that nobody has waited for is gone, and one
/// whose first thread has left while others run is not.
///
/// Units      clock ticks since the machine was started; 0 is not known, where /proc cannot be read. Such a process counts as alive
///            while any process has its number: nothing is taken from the living.
/// Lifetime   of one boot and one pid namespace.
/// Cost       one small file read for each question: 10 us.
struct process_identity {
    pid_t pid = 0;
    std::uint64_t start_time = 0;

    /// None when there is no such process.
    [[nodiscard]] static std::optional<process_identity> of(pid_t pid) noexcept;
    [[nodiscard]] static process_identity of_this() noexcept { return of(::getpid()).value_or(process_identity{.pid = ::getpid()}); }

    [[nodiscard]] bool alive() const noexcept;

    /// What a line of /proc/<pid>/stat says: none for a process that has ended, or that the line does not describe.
    [[nodiscard]] static std::optional<process_identity> parse(std::string_view stat) noexcept;

    friend bool operator==(process_identity const&, process_identity const&) = default;
};

// Implementation

inline std::optional<process_identity> process_identity::parse(std::string_view stat) noexcept {
    process_identity found;
    auto const number = [](std::string_view text, auto& into) {
        return std::from_chars(text.data(), text.data() + text.size(), into).ec == std::errc{};
    };
    if (!number(stat, found.pid)) return std::nullopt;
    // The second field is the name, in which there may be blanks and brackets.
    auto const name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    stat.remove_prefix(name_end + 1);
    char state = 0;
    std::uint64_t threads = 0;
    for (int field = 3; field <= 22; ++field) {
        auto const begin = stat.find_first_not_of(' ');
        if (begin == std::string_view::npos) return std::nullopt;
        stat.remove_prefix(begin);
        if (field == 3) state = stat.front();
        if (field == 20 && !number(stat, threads)) return std::nullopt;
        if (field == 22 && !number(stat, found.start_time)) return std::nullopt;
        stat.remove_prefix(stat.find(' ') == std::string_view::npos ? stat.size() : stat.find(' '));
    }
    if ((state == 'Z' || state == 'X') && threads <= 1) return std::nullopt;
    return found;
}

inline std::optional<process_identity> process_identity::of(pid_t pid) noexcept {
    if (pid <= 0) return std::nullopt;
    std::array<char, 1'024> text{};
    std::snprintf(text.data(), text.size(), "/proc/%ld/stat", static_cast<long>(pid));
    fd const file{::open(text.data(), O_RDONLY | O_CLOEXEC)};
    ssize_t size = -1;
    if (file) do size = ::read(file.get(), text.data(), text.size());
        while (size < 0 && errno == EINTR);
    if (size > 0) return parse({text.data(), static_cast<std::size_t>(size)});
    if (::kill(pid, 0) != 0 && errno == ESRCH) return std::nullopt;
    return process_identity{.pid = pid};
}

inline bool process_identity::alive() const noexcept {
    auto const now = of(pid);
    return now && (now->start_time == start_time || now->start_time == 0 || start_time == 0);
}

}  // namespace muster
