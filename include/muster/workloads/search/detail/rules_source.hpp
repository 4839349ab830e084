#pragma once

#include <cerrno>         // errno
#include <cstddef>        // size_t
#include <string>         // paths, text
#include <string_view>    // paths
#include <utility>        // move

#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstat
#include <unistd.h>      // read

#include <muster/core/bytes.hpp>           // KiB
#include <muster/core/json.hpp>            // json_text
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::searching::detail {

// Which file it is, by whatever path it was reached.
struct file_mark {
    dev_t device{};
    ino_t number{};
    friend bool operator==(file_mark const&, file_mark const&) = default;
};

// A file of rules, open.
struct rules_source {
    fd from{};
    file_mark is{};
};

// A file that one at `from` names: beside it, unless the name starts at the root.
inline std::string beside(std::string_view from, std::string_view name) {
    auto const folder = from.rfind('/');
    if (name.starts_with('/') || folder == from.npos) return std::string{name};
    return std::string{from.substr(0, folder + 1)} + std::string{name};
}

// Opens a regular file.
inline outcome<rules_source> open_source(std::string const& path) {
    auto const tried = "cannot read rules from " + json_text(path);
    if (path.find('\0') != path.npos) return failure{cause::invalid_input, tried + ": a path has no zero byte"};
    int number = -1;
    do number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);    // a pipe would wait for its writer
    while (number < 0 && errno == EINTR);
    if (number < 0 && errno == ENXIO) return failure{cause::invalid_input, tried + ": it is no regular file"};    // a socket
    if (number < 0) return system_failure(errno, tried);
    fd file{number};
    struct stat about{};
    if (::fstat(file.get(), &about) != 0) return system_failure(errno, tried);
    if (!S_ISREG(about.st_mode)) return failure{cause::invalid_input, tried + (S_ISDIR(about.st_mode) ? ": it is a folder" : ": it is no regular file")};
    return rules_source{std::move(file), {about.st_dev, about.st_ino}};
}

// All of it, or its first bytes, more than `most`.
inline outcome<std::string> read_source(rules_source const& source, std::string const& path, std::size_t most) {
    std::string text;
    while (text.size() <= most) {
        constexpr std::size_t piece = 64 * KiB;
        auto const had = text.size();
        text.resize(had + piece);
        auto const got = ::read(source.from.get(), text.data() + had, piece);
        auto const error = errno;
        text.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
        if (got < 0 && error == EINTR) continue;
        if (got < 0) return system_failure(error, "cannot read rules from " + json_text(path));
        if (got == 0) break;
    }
    return text;
}

}  // namespace muster::searching::detail
