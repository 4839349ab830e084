#pragma once

#include <cstdlib>        // getenv
#include <string>         // string
#include <string_view>    // string_view

#include <sys/stat.h>    // stat
#include <unistd.h>      // access

#include <muster/core/outcome.hpp>    // outcome

namespace muster::bgp {

/// Which file a program is just now: its path, size, inode and time of change. Another version is another identity,
/// and asking for it starts no process.
///
/// Fails      cause::unavailable where there is no such program in PATH.
[[nodiscard]] inline outcome<std::string> program_identity(std::string_view program) {
    auto const look = [](std::string const& path) -> std::string {
        struct stat about {};
        bool const there = ::access(path.c_str(), X_OK) == 0 && ::stat(path.c_str(), &about) == 0;
        if (!there || !S_ISREG(about.st_mode)) return {};
        return path + ' ' + std::to_string(about.st_size) + ' ' + std::to_string(about.st_ino) + ' ' +
               std::to_string(about.st_mtim.tv_sec) + '.' + std::to_string(about.st_mtim.tv_nsec);
    };
    std::string found;
    if (program.find('/') != program.npos) {
        found = look(std::string{program});
    } else if (char const* const path = std::getenv("PATH")) {
        for (std::string_view left = path; found.empty();) {
            auto const colon = left.find(':');
            auto const folder = left.substr(0, colon);
            found = look((folder.empty() ? std::string{"."} : std::string{folder}) + '/' + std::string{program});
            if (colon == left.npos) break;
            left.remove_prefix(colon + 1);
        }
    }
    if (found.empty()) return failure{cause::unavailable, "there is no program " + std::string{program} + " in PATH"};
    return found;
}

}  // namespace muster::bgp
