#pragma once

#include <algorithm>       // sort
#include <cerrno>          // errno
#include <chrono>          // nanoseconds
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <string>          // paths
#include <string_view>     // names
#include <system_error>    // system_error
#include <utility>         // move
#include <vector>          // names

#include <dirent.h>      // fdopendir
#include <fcntl.h>       // O_DIRECTORY
#include <sys/stat.h>    // fstatat

#include <muster/core/context.hpp>            // context
#include <muster/core/failure.hpp>            // cause, failure
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/record_source.hpp>      // record_source
#include <muster/flow/source_wait.hpp>        // source_wait
#include <muster/os/fd.hpp>                   // fd
#include <muster/os/system_failure.hpp>       // system_failure

namespace muster {

/// How the files of a folder are read.
struct directory_files_options {
    std::string name{};      ///< by which journals know it; empty: its path
    bool follow = false;     ///< true: files come in, and are waited for
    std::chrono::nanoseconds poll = std::chrono::milliseconds{100};    ///< 100 ms: how often a folder that is followed is looked at
    std::size_t most_files = 1'000'000;    ///< 1,000,000: their names are kept in memory; more are a failure
    friend bool operator==(directory_files_options const&, directory_files_options const&) = default;
};

/// The files of a folder as the source of a durable run: each file is a record, its path the value.
///
/// Shape      in the order of their names, by bytes; the offset is the place in that order. Folders, links, and names that begin with a dot are
///            passed over. One partition. So a file that comes in has a name behind those that are there, as one that
///            begins with the time has; and it is moved into the folder whole, or under a name with a dot first.
/// Waits      for files, in a folder that is followed.
/// Fails      `resume` and `read` with invalid_input where a file has come in before one that was read, or one that was read is gone; exhausted
///            for more than `most_files`; as system_failure.
/// Throws     the constructor: std::system_error where the folder cannot be opened.
/// Threads    one run at a time.
/// Cost       the folder is read when what is known of it is used up.
class directory_files {
public:
    using value_type = std::string;

    explicit directory_files(std::string path, directory_files_options options = {});

    [[nodiscard]] std::string_view name() const noexcept { return options_.name; }
    [[nodiscard]] std::uint64_t partitions() const noexcept { return 1; }
    outcome<void> resume(context& cx, std::uint64_t partition, source_position const& at);
    outcome<void> read(context& cx, std::uint64_t partition, std::uint64_t offset, read_bounds const& bounds, source_batch<std::string>& into);
    [[nodiscard]] outcome<std::string> mark(std::uint64_t partition, std::uint64_t offset);

private:
    outcome<void> list();
    outcome<void> same(std::uint64_t offset, std::string_view last) const;

    std::string path_;
    directory_files_options options_;
    fd folder_;
    std::vector<std::string> names_;
    bool listed_ = false;
};

// Implementation

inline directory_files::directory_files(std::string path, directory_files_options options)
    : path_(std::move(path)), options_(std::move(options)), folder_(fd::open(path_, O_RDONLY | O_DIRECTORY)) {
    if (options_.name.empty()) options_.name = path_;
}

inline outcome<void> directory_files::list() {
    struct closing {
        DIR* listing;
        ~closing() {
            if (listing) ::closedir(listing);
        }
    };
    // A descriptor of its own: the listing closes it.
    int const own = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    closing const in{own < 0 ? nullptr : ::fdopendir(own)};
    if (!in.listing) return system_failure(errno, "cannot list " + path_);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        auto const* const entry = ::readdir(in.listing);
        if (!entry) break;
        struct stat about {};
        if (entry->d_name[0] == '.' || ::fstatat(own, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) continue;
        if (names.size() == options_.most_files)
            return failure{cause::exhausted, path_ + " holds more than " + std::to_string(options_.most_files) + " files"};
        names.emplace_back(entry->d_name);
    }
    if (errno != 0) return system_failure(errno, "cannot list " + path_);
    std::sort(names.begin(), names.end());
    names_ = std::move(names);
    listed_ = true;
    return {};
}

// Whether as many files as were read still lie before the next one.
inline outcome<void> directory_files::same(std::uint64_t offset, std::string_view last) const {
    if (offset == 0) return {};
    auto const before = offset - 1;
    if (before < names_.size() && names_[static_cast<std::size_t>(before)] == last) return {};
    auto const now = static_cast<std::uint64_t>(std::lower_bound(names_.begin(), names_.end(), last) - names_.begin());
    return failure{cause::invalid_input, path_ + " is not the folder that was read: there were " + std::to_string(before) + " files before \"" +
                                             std::string{last} + "\", which was the last one, and there are " + std::to_string(now) +
                                             (now == before ? " without it" : "")};
}

inline outcome<void> directory_files::resume(context&, std::uint64_t, source_position const& at) {
    if (auto listed = list(); !listed) return listed;
    return same(at.offset, at.mark);
}

inline outcome<std::string> directory_files::mark(std::uint64_t, std::uint64_t offset) {
    if (offset == 0) return std::string{};
    if (offset > names_.size()) return failure{cause::invalid_input, path_ + " has not been read up to file " + std::to_string(offset)};
    return names_[static_cast<std::size_t>(offset) - 1];
}

inline outcome<void> directory_files::read(context& cx, std::uint64_t, std::uint64_t offset, read_bounds const& bounds,
                                           source_batch<std::string>& into) {
    for (source_wait wait{bounds, options_.poll};;) {
        if (!listed_ || into.next >= names_.size()) {
            auto const last = into.next == 0 || into.next > names_.size() ? std::string{} : names_[static_cast<std::size_t>(into.next) - 1];
            if (auto listed = list(); !listed) return listed;
            if (!last.empty())
                if (auto good = same(into.next, last); !good) return good;
        }
        for (; into.next < names_.size() && into.records.size() < bounds.records; ++into.next)
            into.records.push_back({into.next, path_ + '/' + names_[static_cast<std::size_t>(into.next)]});
        if (into.records.size() >= bounds.records) return {};
        into.ended = !options_.follow;
        if (into.ended || !wait.more(cx, into.next != offset)) return {};
    }
}

static_assert(record_source<directory_files>);

}  // namespace muster
