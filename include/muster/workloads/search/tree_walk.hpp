#pragma once

#include <algorithm>       // max, sort
#include <cerrno>          // errno
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <memory>          // unique_ptr
#include <string>          // paths
#include <string_view>     // names
#include <utility>         // move
#include <vector>          // folders

#include <dirent.h>      // opendir
#include <fcntl.h>       // O_DIRECTORY
#include <fnmatch.h>     // ignored names
#include <sys/stat.h>    // fstatat

#include <muster/core/failure.hpp>             // failure
#include <muster/core/json.hpp>                // json_text
#include <muster/core/outcome.hpp>             // outcome
#include <muster/flow/map.hpp>                 // map
#include <muster/os/fd.hpp>                    // fd
#include <muster/os/system_failure.hpp>        // system_failure

namespace muster::searching {

struct tree_walk_options {
    /// Names and paths that are left out, as the shell's patterns: one without a slash is held against the name of each file and folder,
    /// `*.log`; one with a slash against the path below the root, `logs/old/*`. What is below a folder that is left out is not seen.
    std::vector<std::string> ignore{};
    /// Folders that are listed at a time, 1 or more: ahead of where the walk is.
    std::size_t folders_at_once = 32;
    /// Below the roots, 1 or more: deeper folders are failures.
    std::size_t deepest = 256;
    friend bool operator==(tree_walk_options const&, tree_walk_options const&) = default;
};

/// A file that a tree_walk came by, or a folder that it could not list.
struct walked_file {
    std::string file{};              ///< what is opened
    std::string path{};              ///< below the root, with / between its parts; the name, of a root that is a file
    std::uint64_t bytes = 0;
    failure unread{};                ///< why this could not be listed or looked at, where `readable` is false
    bool readable = true;
};

/// What a walk has passed by without a word.
struct walk_counts {
    std::uint64_t folders = 0;       ///< that were listed
    std::uint64_t ignored = 0;       ///< files and folders that a pattern left out
    std::uint64_t links = 0;         ///< symbolic links below the roots: not followed, so that no loop has no end
    std::uint64_t special = 0;       ///< pipes, sockets, devices
    friend bool operator==(walk_counts const&, walk_counts const&) = default;
};

/// Walks folder trees, root after root, the files of each by the bytes of their paths: the same order whatever the file system's.
///
/// `tree_walk all{{"collected"}}; for (auto files = all.next(100, on{pool}); !files.empty(); files = all.next(100, on{pool})) ...`
///
/// Shape      a root may be a file. What cannot be listed, and a root that is not there, comes in its place as one that is not readable.
/// Waits      in next(), for folders to be listed; several at once, by the place it is given.
/// Threads    one at a time.
/// Cost       an fstatat a file; memory for the entries of the folders that are open or were listed ahead.
class tree_walk {
public:
    explicit tree_walk(std::vector<std::string> roots, tree_walk_options options = {});

    /// The next files, `most` at most; none at the end, or when the context asks to stop.
    template <class Place>
    std::vector<walked_file> next(std::size_t most, Place const& place, context const& parent = context{});
    /// The same, with folders listed on this thread.
    std::vector<walked_file> next(std::size_t most, context const& parent = context{});

    [[nodiscard]] walk_counts const& counts() const noexcept { return counts_; }

private:
    struct listing;
    struct entry {
        std::string name;
        std::uint64_t bytes = 0;
        bool folder = false;
        std::unique_ptr<listing> inside{};    // of a folder that was listed ahead
    };
    struct listing {
        std::vector<entry> entries;           // the last one comes first
        walk_counts counts;
        failure failed;
        bool listed = false;                  // to its end
    };
    struct level {
        std::string file, path;               // of the folder, both with a slash behind them, or empty
        std::vector<entry> left;              // the last one comes next
    };
    struct wanted {
        std::string file, path;
        entry* to;
    };

    void begin_root(std::vector<walked_file>& into);
    void open(std::string file, std::string path, std::unique_ptr<listing> inside, std::vector<walked_file>& into);
    std::vector<wanted> folders_ahead();
    std::unique_ptr<listing> list(std::string const& file, std::string const& path) const;
    [[nodiscard]] bool ignores(std::string const& name, std::string const& path) const;
    template <class ListAhead>
    std::vector<walked_file> next_by(std::size_t most, context const& parent, ListAhead const& list_ahead);

    std::vector<std::string> roots_;    // the last one comes next
    tree_walk_options options_;
    std::vector<level> levels_;
    walk_counts counts_;
};

// Implementation

inline tree_walk::tree_walk(std::vector<std::string> roots, tree_walk_options options)
    : roots_(roots.rbegin(), roots.rend()), options_(std::move(options)) {
    options_.folders_at_once = std::max<std::size_t>(1, options_.folders_at_once);
    options_.deepest = std::max<std::size_t>(1, options_.deepest);
}

inline bool tree_walk::ignores(std::string const& name, std::string const& path) const {
    for (auto const& pattern : options_.ignore) {
        bool const whole = pattern.find('/') != pattern.npos;
        if (::fnmatch(pattern.c_str(), (whole ? path : name).c_str(), FNM_PATHNAME) == 0) return true;
    }
    return false;
}

inline std::unique_ptr<tree_walk::listing> tree_walk::list(std::string const& file, std::string const& path) const {
    auto made = std::make_unique<listing>();
    auto const fail = [&](int error) { made->failed = system_failure(error, "cannot list the folder " + json_text(file)); };
    fd folder;
    do folder = fd{::open(file.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    while (!folder && errno == EINTR);
    if (!folder) return fail(errno), std::move(made);
    struct closing {
        DIR* stream;
        ~closing() {
            if (stream) ::closedir(stream);
        }
    } const in{::fdopendir(folder.get())};
    if (!in.stream) return fail(errno), std::move(made);
    auto const number = folder.release();
    made->counts.folders = 1;
    for (;;) {
        errno = 0;
        auto const* const each = ::readdir(in.stream);
        if (each == nullptr) break;
        std::string name = each->d_name;
        if (name == "." || name == "..") continue;
        if (ignores(name, path + name)) {
            ++made->counts.ignored;
            continue;
        }
        struct stat about{};
        if (::fstatat(number, each->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;    // gone meanwhile
        if (S_ISLNK(about.st_mode)) ++made->counts.links;
        else if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)) ++made->counts.special;
        else made->entries.push_back({.name = std::move(name), .bytes = static_cast<std::uint64_t>(about.st_size), .folder = S_ISDIR(about.st_mode)});
    }
    if (errno != 0) fail(errno);
    else made->listed = true;
    // By the bytes of whole paths: a folder stands where its files do, so as if its name ended in a slash.
    auto const key = [](entry const& of, std::size_t i) {
        return i < of.name.size() ? static_cast<int>(static_cast<unsigned char>(of.name[i])) : of.folder && i == of.name.size() ? int{'/'} : -1;
    };
    std::sort(made->entries.begin(), made->entries.end(), [&](entry const& a, entry const& b) {    // the last one comes first
        for (std::size_t i = 0;; ++i)
            if (key(a, i) != key(b, i) || key(a, i) < 0) return key(a, i) > key(b, i);
    });
    return made;
}

inline void tree_walk::open(std::string file, std::string path, std::unique_ptr<listing> inside, std::vector<walked_file>& into) {
    if (!inside->listed) into.push_back({.file = file, .path = path, .unread = std::move(inside->failed), .readable = false});
    counts_.folders += inside->counts.folders;
    counts_.ignored += inside->counts.ignored;
    counts_.links += inside->counts.links;
    counts_.special += inside->counts.special;
    if (!file.ends_with('/')) file += '/';
    if (!path.empty()) path += '/';
    levels_.push_back({std::move(file), std::move(path), std::move(inside->entries)});
}

inline void tree_walk::begin_root(std::vector<walked_file>& into) {
    auto root = std::move(roots_.back());
    roots_.pop_back();
    struct stat about{};
    bool const strange = root.empty() || root.find('\0') != root.npos;
    if (strange || ::stat(root.c_str(), &about) != 0) {
        auto why = strange ? failure{cause::invalid_input, "cannot search " + json_text(root) + ": a path has bytes, and no zero byte"}
                           : system_failure(errno, "cannot search " + json_text(root));
        into.push_back({.file = root, .path = root, .unread = std::move(why), .readable = false});
    } else if (S_ISDIR(about.st_mode)) {
        auto inside = list(root, {});
        open(std::move(root), {}, std::move(inside), into);
    } else {
        auto const slash = root.rfind('/');
        auto name = slash == root.npos ? root : root.substr(slash + 1);
        into.push_back({.file = std::move(root), .path = std::move(name), .bytes = static_cast<std::uint64_t>(about.st_size)});
    }
}

// The folders that come next and are not listed yet; among so many entries that looking for them costs less than listing them.
inline std::vector<tree_walk::wanted> tree_walk::folders_ahead() {
    std::vector<wanted> out;
    std::size_t looks = 4'096;
    auto const look = [&](auto const& again, std::vector<entry>& entries, std::string const& file, std::string const& path) -> void {
        for (auto at = entries.rbegin(); at != entries.rend() && out.size() < options_.folders_at_once && looks != 0; ++at, --looks) {
            if (!at->folder) continue;
            if (!at->inside) out.push_back({file + at->name, path + at->name + '/', &*at});
            else again(again, at->inside->entries, file + at->name + '/', path + at->name + '/');
        }
    };
    for (auto at = levels_.rbegin(); at != levels_.rend(); ++at) look(look, at->left, at->file, at->path);
    return out;
}

template <class ListAhead>
std::vector<walked_file> tree_walk::next_by(std::size_t most, context const& parent, ListAhead const& list_ahead) {
    std::vector<walked_file> out;
    while (out.size() < most && !parent.stop_requested()) {
        if (levels_.empty()) {
            if (roots_.empty()) break;
            begin_root(out);
            continue;
        }
        auto& here = levels_.back();
        if (here.left.empty()) {
            levels_.pop_back();
            continue;
        }
        auto& next = here.left.back();
        if (!next.folder) {
            out.push_back({.file = here.file + next.name, .path = here.path + next.name, .bytes = next.bytes});
            here.left.pop_back();
            continue;
        }
        auto file = here.file + next.name, path = here.path + next.name;
        if (levels_.size() > options_.deepest) {
            out.push_back({.file = file, .path = path,
                           .unread = failure{cause::exhausted, "the folder " + json_text(file) + " lies more than " +
                                                                   std::to_string(options_.deepest) + " folders deep and is not searched"},
                           .readable = false});
            here.left.pop_back();
            continue;
        }
        if (!next.inside) {
            list_ahead(wanted{file, path + '/', &next});
            if (!next.inside && parent.stop_requested()) break;
            if (!next.inside) {    // no memory, say: it is no end of the others
                out.push_back({.file = file, .path = path,
                               .unread = failure{cause::exhausted, "the folder " + json_text(file) + " could not be listed"},
                               .readable = false});
                here.left.pop_back();
                continue;
            }
        }
        auto inside = std::move(next.inside);
        here.left.pop_back();
        open(std::move(file), std::move(path), std::move(inside), out);
    }
    return out;
}

template <class Place>
std::vector<walked_file> tree_walk::next(std::size_t most, Place const& place, context const& parent) {
    return next_by(most, parent, [&](wanted const&) {
        auto const list_one = [this](wanted const& each) {
            each.to->inside = list(each.file, each.path);
            return true;
        };
        (void)map(folders_ahead(), place | list_one, parent);
    });
}

inline std::vector<walked_file> tree_walk::next(std::size_t most, context const& parent) {
    return next_by(most, parent, [&](wanted const& next) { next.to->inside = list(next.file, next.path); });
}

}  // namespace muster::searching
