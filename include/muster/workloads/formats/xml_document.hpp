#pragma once

#include <cerrno>       // errno
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <memory>       // shared_ptr
#include <string>       // paths, text
#include <utility>      // move

#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread

#include <muster/core/json.hpp>            // json_text
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::xml {

/// The bytes of a document: of a file, or of a text.
///
/// Fails      `open` with cause::unavailable and others of `system_failure`, invalid_input for what is no regular file; `read` as
///            `system_failure`. Each text names the file.
/// Threads    any number: reading has no position.
/// Lifetime   copies share the open file, which stays the same when another takes its path.
class document {
public:
    [[nodiscard]] static outcome<document> open(std::string const& path);
    /// `name` is how failures call it.
    [[nodiscard]] static document of(std::string text, std::string name = "the text");

    /// As many bytes from `offset` as there are and fit; 0 at the end.
    outcome<std::size_t> read(std::uint64_t offset, char* to, std::size_t most) const;

    /// As failures call it: a path in quotes.
    [[nodiscard]] std::string const& name() const noexcept { return of_->name; }

private:
    struct content {
        std::string name;
        fd file{};
        std::string text{};
    };
    explicit document(std::shared_ptr<content const> of) noexcept : of_(std::move(of)) {}

    std::shared_ptr<content const> of_;
};

// Implementation

inline outcome<document> document::open(std::string const& path) {
    auto const tried = "cannot read " + json_text(path);
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
    auto made = std::make_shared<content>();
    made->name = json_text(path);
    made->file = std::move(file);
    return document{std::move(made)};
}

inline document document::of(std::string text, std::string name) {
    auto made = std::make_shared<content>();
    made->name = std::move(name);
    made->text = std::move(text);
    return document{std::move(made)};
}

inline outcome<std::size_t> document::read(std::uint64_t offset, char* to, std::size_t most) const {
    if (!of_->file) {
        if (offset >= of_->text.size()) return std::size_t{0};
        return of_->text.copy(to, most, static_cast<std::size_t>(offset));
    }
    std::size_t had = 0;
    while (had < most) {
        auto const got = ::pread(of_->file.get(), to + had, most - had, static_cast<off_t>(offset + had));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(errno, "cannot read " + of_->name);
        if (got == 0) break;
        had += static_cast<std::size_t>(got);
    }
    return had;
}

}  // namespace muster::xml
