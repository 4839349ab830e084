#pragma once

#include <atomic>          // the number of the next temporary file
#include <cerrno>          // errno
#include <chrono>          // seconds
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <cstdio>          // rename
#include <ctime>           // time
#include <optional>        // what was removed
#include <string>          // paths
#include <string_view>     // contents
#include <utility>         // exchange, move

#include <dirent.h>      // opendir
#include <fcntl.h>       // open
#include <sys/file.h>    // flock
#include <sys/stat.h>    // fstat
#include <unistd.h>      // fsync, getpid, gettid, unlink, write

#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster {

/// How an `atomic_file` is written.
///
/// Default    mode 0644, less the process's umask; durable: file and folder are synchronised before success is reported.
struct atomic_file_options {
    unsigned mode = 0644;
    bool durable = true;    ///< false: whole or absent after a crash of the process, but perhaps older after one of the machine
};

/// Replaces a file in one step: readers see the old bytes or the new ones, never a part, whatever dies meanwhile.
///
/// Written to a temporary file in the same folder, named after process, thread and a count; `commit` renames it.
///
/// Fails      as `system_failure`: exhausted for a full disk, unavailable for a missing or forbidden folder. The old file
///            stands, and the temporary one is removed.
/// Threads    one writer each; any number of writers to one path: the last `commit` wins.
/// Lifetime   dropped without `commit`, it leaves the old file. A killed process leaves its temporary file: see `sweep`.
/// Cost       durable: two fsync; else open, flock, write, rename, close.
class atomic_file {
public:
    [[nodiscard]] static outcome<atomic_file> open(std::string path, atomic_file_options options = {});
    atomic_file(atomic_file&& other) noexcept = default;
    atomic_file& operator=(atomic_file other) noexcept;
    ~atomic_file() { discard(); }

    /// Appends; after a failure nothing more is to be expected of this.
    outcome<void> write(std::string_view bytes);
    /// Makes it the file; afterwards this is spent. Answers how many bytes the file had that it replaced, 0 for none: exact also
    /// while others replace or `remove` it, where the file system can exchange two names.
    outcome<std::uint64_t> commit();
    /// Removes the temporary file.
    void discard() noexcept;

    /// Where it is written until `commit`, for a library that writes files itself: it may open that name, and must not remove it.
    [[nodiscard]] std::string const& temporary_path() const noexcept { return temporary_; }

    /// Takes a file away, and answers how many bytes that very file had; nothing when there is none, or it may not be.
    static std::optional<std::uint64_t> remove(std::string const& path);

    /// All in one: open, write, commit.
    static outcome<void> replace(std::string path, std::string_view bytes, atomic_file_options options = {});

    /// Removes temporary files in `folder` whose writers are gone; answers how many. Only those older than `age` are looked at;
    /// with less than a second, `remove` and `commit` may meanwhile be told of fewer bytes than a file had.
    static std::size_t sweep(std::string const& folder, std::chrono::seconds age = std::chrono::minutes{1});

private:
    atomic_file(std::string path, std::string temporary, fd file, bool durable) noexcept
        : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)), durable_(durable) {}
    static std::string folder_of(std::string const& path);
    static std::string temporary_beside(std::string const& path);
    static std::uint64_t unlinked(std::string const& path) noexcept;    // its bytes
    outcome<std::uint64_t> take_the_name();
    outcome<void> failed(int error, std::string_view tried);

    std::string path_;
    std::string temporary_;    // empty once it is gone or has become the file
    fd file_;
    bool durable_ = true;
};

// Implementation

inline std::string atomic_file::folder_of(std::string const& path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

inline atomic_file& atomic_file::operator=(atomic_file other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    std::swap(file_, other.file_);
    std::swap(durable_, other.durable_);
    return *this;
}

inline std::string atomic_file::temporary_beside(std::string const& path) {
    static std::atomic<std::uint64_t> next{0};
    return folder_of(path) + "/.muster-" + std::to_string(::getpid()) + '-' + std::to_string(::gettid()) + '-' +
           std::to_string(next.fetch_add(1, std::memory_order_relaxed)) + ".tmp";    // distinct is enough
}

inline outcome<atomic_file> atomic_file::open(std::string path, atomic_file_options options) {
    if (path.empty() || path.back() == '/' || path.find('\0') != std::string::npos)
        return failure{cause::invalid_input, "a file to write needs a name"};
    // The name may be taken by a process of another pid namespace, or left by a dead one: the next number is free.
    for (int left = 1'000;; --left) {
        auto temporary = temporary_beside(path);
        int const number = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, options.mode);
        if (number < 0 && (errno == EINTR || (errno == EEXIST && left > 0))) continue;
        if (number < 0) return system_failure(errno, "cannot create a file beside " + path);
        atomic_file made{std::move(path), std::move(temporary), fd{number}, options.durable};
        // Tells `sweep` that the writer lives. One that came before has locked it, or removed it already: then with the next name.
        struct stat about {};
        bool const swept = (::flock(number, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
                           (::fstat(number, &about) == 0 && about.st_nlink == 0);
        if (!swept || left <= 0) return made;
        path = std::move(made.path_);
    }
}

inline outcome<void> atomic_file::failed(int error, std::string_view tried) {
    discard();
    return system_failure(error, std::string{tried} + ' ' + path_);
}

inline outcome<void> atomic_file::write(std::string_view bytes) {
    if (!file_) return failure{cause::unavailable, "nothing more can be written to " + path_};
    while (!bytes.empty()) {
        auto const written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed(errno, "cannot write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// Who takes a file out of the folder is who counts it: so it is first given a name that nobody else knows.
inline std::uint64_t atomic_file::unlinked(std::string const& path) noexcept {
    struct stat about {};
    auto const bytes = ::lstat(path.c_str(), &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
    ::unlink(path.c_str());
    return bytes;
}

inline std::optional<std::uint64_t> atomic_file::remove(std::string const& path) {
    struct stat there {};
    if (::lstat(path.c_str(), &there) != 0 || S_ISDIR(there.st_mode)) return std::nullopt;
    auto const aside = temporary_beside(path);
    if (::rename(path.c_str(), aside.c_str()) != 0) return std::nullopt;
    return unlinked(aside);
}

inline outcome<std::uint64_t> atomic_file::take_the_name() {
    for (;;) {
        if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) return std::uint64_t{0};
        if (errno != EEXIST) break;
        struct stat there {};
        if (::lstat(path_.c_str(), &there) == 0 && S_ISDIR(there.st_mode)) break;    // a folder is no file to replace
        if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) return unlinked(temporary_);
        if (errno != ENOENT) break;    // else it has just been removed
    }
    struct stat before {};
    auto const bytes = ::lstat(path_.c_str(), &before) == 0 ? static_cast<std::uint64_t>(before.st_size) : 0;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(errno, "cannot replace").error();
    return bytes;
}

inline outcome<std::uint64_t> atomic_file::commit() {
    if (!file_) return failure{cause::unavailable, "nothing is left to commit to " + path_};
    if (durable_ && ::fsync(file_.get()) != 0) return failed(errno, "cannot synchronise").error();
    auto replaced = take_the_name();
    if (!replaced) return replaced;
    temporary_.clear();
    file_.reset();
    if (durable_) {
        fd const folder{::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        // A folder that may be written but not read cannot be synchronised: the file is in place all the same.
        if (folder && ::fsync(folder.get()) != 0 && errno != EINVAL)
            return system_failure(errno, "cannot synchronise the folder of " + path_);
    }
    return replaced;
}

inline void atomic_file::discard() noexcept {
    if (!temporary_.empty() && file_) ::unlink(temporary_.c_str());
    temporary_.clear();
    file_.reset();
}

inline outcome<void> atomic_file::replace(std::string path, std::string_view bytes, atomic_file_options options) {
    auto file = open(std::move(path), options);
    if (!file) return std::move(file).error();
    if (auto written = file->write(bytes); !written) return written;
    if (auto done = file->commit(); !done) return std::move(done).error();
    return {};
}

inline std::size_t atomic_file::sweep(std::string const& folder, std::chrono::seconds age) {
    struct closing {
        DIR* listing;
        ~closing() {
            if (listing) ::closedir(listing);
        }
    } const in{::opendir(folder.c_str())};
    if (!in.listing) return 0;
    std::size_t removed = 0;
    auto const newest = ::time(nullptr) - age.count();
    while (auto const* entry = ::readdir(in.listing)) {
        std::string_view const name = entry->d_name;
        if (!name.starts_with(".muster-") || !name.ends_with(".tmp")) continue;
        fd const file{::openat(::dirfd(in.listing), entry->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        struct stat about {};
        if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_mtime > newest) continue;
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
        removed += ::unlinkat(::dirfd(in.listing), entry->d_name, 0) == 0;
    }
    return removed;
}

}  // namespace muster
