#pragma once

#include <algorithm>      // min, sort
#include <atomic>         // counters
#include <cerrno>         // errno
#include <chrono>         // times
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <limits>         // no expiry
#include <filesystem>     // folders
#include <mutex>          // eviction
#include <optional>       // get
#include <stdexcept>      // invalid_argument
#include <string>         // keys and values
#include <string_view>    // names
#include <system_error>   // system_error
#include <utility>        // move
#include <vector>         // entries found

#include <dirent.h>      // opendir
#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstatat, futimens, mkdir
#include <unistd.h>      // unlink

#include <muster/cache/cache_stats.hpp>             // cache_stats
#include <muster/cache/detail/entry_file.hpp>       // entry_file
#include <muster/cache/detail/single_flight.hpp>    // single_flight
#include <muster/cache/detail/usage_page.hpp>       // usage_page
#include <muster/core/concepts.hpp>                 // cache
#include <muster/core/context.hpp>                  // context
#include <muster/core/failure.hpp>                  // cause, failure
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/os/atomic_file.hpp>                // atomic_file
#include <muster/os/fd.hpp>                         // fd
#include <muster/os/file_lock.hpp>                  // file_lock

namespace muster {

/// What a file_cache holds, and how long.
struct file_cache_options {
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::max();    ///< how long an entry is good; more than 0
    std::uint64_t bytes = std::uint64_t{1} << 30;                      ///< of the files together, at most; more than 0
    /// Whether a stored entry is on the disk before `put` returns. No: after a crash of the machine an entry may be torn, which
    /// its checksum tells, so it is a miss.
    bool durable = false;
    /// What time it is; entries outlive processes, so they count in the time of the wall.
    std::chrono::system_clock::time_point (*clock)() = [] { return std::chrono::system_clock::now(); };
};

/// Remembers bytes in a folder, for every process that opens it, across restarts: one file an entry.
///
/// Entries are written beside their place and renamed, so readers need no lock and see all or nothing, whoever is killed
/// when. Header, key and value are under a checksum: what is damaged, cut off or of another format version is a miss, and is
/// written anew. One process computes a missing entry while the others wait; when it dies, the next one does.
///
/// Order      when it is full, the entries go that were not used for longest, to within a second.
/// Shape      keys and values are any bytes; keys are compared in full.
/// Units      `bytes` bounds the sizes of all files: of entries, each 56 bytes and its key longer than its value, of those that are
///            being written, and of those that killed writers left, which go when it is full. Over it there is at most one entry
///            for each put that is under way, or was killed since room was last made. What the file system adds does not count: with
///            blocks of 4 KiB that is up to one for each file, and 1 MiB for folders.
/// Default    no expiry, 1 GiB, not synchronised to the disk.
/// Waits      `get_or_compute` for a call under way on the same key, here or in another process, through the context. A call
///            that itself computes an entry waits at most a second for another process, then computes too: two processes
///            that wait for each other's keys end that way.
/// Fails      only with what `compute` fails with (never remembered), or cause::would_deadlock, timed_out, cancelled.
///            A value that cannot be stored is answered all the same, and counted.
/// Throws     the constructor: std::system_error for a folder that cannot be used, std::invalid_argument for options.
/// Threads    any number, and any number of processes on one machine; the folder is local, not on a network.
/// Lifetime   the folder is mode 0700, files 0600; it may be removed when no process uses it. A child of fork makes a cache of its own:
///            the locks of this one are its parent's.
/// Cost       a hit: open, stat, three reads, close. A put: create, write, rename. Full: one look at every entry now and then.
class file_cache {
public:
    using key_type = std::string;
    using value_type = std::string;

    explicit file_cache(std::filesystem::path folder, file_cache_options options = {});
    file_cache(file_cache const&) = delete;
    file_cache& operator=(file_cache const&) = delete;

    [[nodiscard]] std::optional<std::string> get(std::string const& key) { return look(key, true); }
    /// Fails as `atomic_file`; cause::exhausted for an entry larger than the whole cache.
    outcome<void> put(std::string const& key, std::string_view value);
    bool erase(std::string const& key);
    void clear();

    /// The value that is remembered, or that of `compute(cx)`, which then is.
    template <class Compute>
    outcome<std::string> get_or_compute(std::string const& key, context& cx, Compute const& compute);

    [[nodiscard]] cache_stats stats() const;
    /// What the folder holds at the moment, also of other processes. Cost: one look at every entry.
    struct contents {
        std::size_t entries = 0;
        std::uint64_t bytes = 0;    ///< of all that `file_cache_options::bytes` bounds
        friend bool operator==(contents const&, contents const&) = default;
    };
    [[nodiscard]] contents usage() const;
    [[nodiscard]] std::filesystem::path const& folder() const noexcept { return folder_; }

private:
    struct place {
        std::string folder;
        std::string file;
        std::uint64_t lock;    // the byte of the lock file that stands for this key; 0 is for eviction
    };
    struct found {
        std::string path;
        std::uint64_t bytes;
        std::int64_t last_use;
    };
    struct all_files {
        std::vector<found> entries;
        std::uint64_t bytes = 0;    // of these, and of what is being written
    };

    place place_of(std::string_view key) const;
    std::int64_t now() const { return std::chrono::nanoseconds{options_.clock().time_since_epoch()}.count(); }
    std::optional<std::string> look(std::string const& key, bool count);
    void touch(fd const& file, std::int64_t when) const;
    template <class Last>
    outcome<std::uint64_t> write_entry(place const& at, std::string_view front, std::string_view value, Last const& last) const;
    all_files scan(bool sweep) const;
    std::optional<std::uint64_t> make_room(std::uint64_t coming = 0);
    template <class Compute>
    outcome<std::string> compute_alone(std::string const& key, context& cx, Compute const& compute);

    static constexpr std::string_view entry_suffix = ".entry";

    std::filesystem::path const folder_;
    file_cache_options const options_;
    std::optional<detail::usage_page> shared_;
    std::mutex evicting_;
    detail::single_flight<std::string, std::string> flights_;
    std::atomic<std::uint64_t> hits_{0}, misses_{0}, stored_{0}, evicted_{0}, expired_{0}, waited_{0}, damaged_{0}, unstored_{0};
};

// Implementation

inline file_cache::file_cache(std::filesystem::path folder, file_cache_options options)
    : folder_(std::move(folder)), options_(options) {
    if (options.ttl.count() <= 0 || options.bytes == 0 || !options.clock)
        throw std::invalid_argument("muster: file_cache needs a ttl and a bound above 0, and a clock");
    if (folder_.has_parent_path()) std::filesystem::create_directories(folder_.parent_path());
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        throw std::system_error{errno, std::system_category(), "muster: cannot make the folder " + folder_.string()};
    shared_.emplace((folder_ / "shared").string());
    if (shared_->counted()) return;
    context patient;
    auto const alone = file_lock::acquire(shared_->file(), patient, {.at = 0, .size = 1});
    auto const before = shared_->begin_count();
    shared_->end_count(before, scan(true).bytes);
}

inline file_cache::place file_cache::place_of(std::string_view key) const {
    constexpr std::string_view digits = "0123456789abcdef";
    detail::checksum first{1}, second{2};
    first.add(key);
    second.add(key);
    std::uint64_t const words[] = {first.value(), second.value()};
    std::string name;
    for (auto word : words)
        for (int i = 0; i < 16; ++i, word <<= 4) name += digits[word >> 60];
    auto shard = folder_.string() + '/' + name.substr(0, 2);
    auto file = shard + '/' + name.substr(2);
    file += entry_suffix;
    return {std::move(shard), std::move(file), (words[0] >> 2) | 1};
}

inline void file_cache::touch(fd const& file, std::int64_t when) const {
    timespec const time{static_cast<time_t>(when / 1'000'000'000), static_cast<long>(when % 1'000'000'000)};
    timespec const both[] = {time, time};
    ::futimens(file.get(), both);    // where it is not allowed, the entry counts as older
}

inline std::optional<std::string> file_cache::look(std::string const& key, bool count) {
    using enum detail::entry_file::state;
    auto const at = place_of(key);
    detail::entry_file::reading entry;
    fd const file{::open(at.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    auto const time = now();
    if (file) entry = detail::entry_file::read(file, key, time, options_.ttl.count());
    auto const add = [](std::atomic<std::uint64_t>& to) { to.fetch_add(1, std::memory_order_relaxed); };    // counts alone
    if (entry.is == whole) {
        if (time - entry.last_use >= 1'000'000'000) touch(file, time);
        if (count) add(hits_);
        return std::move(entry.value);
    }
    if (count) {    // once for each call: what it looks at again while it waits does not count
        add(misses_);
        if (entry.is == damaged) add(damaged_);
        if (entry.is == expired) add(expired_);
    }
    return std::nullopt;
}

inline outcome<void> file_cache::put(std::string const& key, std::string_view value) {
    auto const at = place_of(key);
    auto const created = now();
    auto const ttl = options_.ttl.count();
    auto const expires = ttl > std::numeric_limits<std::int64_t>::max() - created ? std::numeric_limits<std::int64_t>::max() : created + ttl;
    auto const front = detail::entry_file::front_of(key, value, created, expires);
    auto const bytes = front.size() + value.size();
    auto const failed = [this](failure why) {
        unstored_.fetch_add(1, std::memory_order_relaxed);    // a count alone
        return why;
    };
    if (bytes > options_.bytes)
        return failed({cause::exhausted, "an entry of " + std::to_string(bytes) + " bytes is larger than the cache, which holds " +
                                             std::to_string(options_.bytes)});

    // Counted before there is anything: a kill leaves the count too high, which is put right, and what it left is counted.
    auto era = shared_->era();
    shared_->add(bytes);
    if (shared_->bytes() > options_.bytes) era = make_room(bytes).value_or(era);
    auto const replaced = write_entry(at, front, value, [&] {
        if (auto const now = shared_->era(); now != era) {    // somebody has counted, and may not have seen all of it
            shared_->add(bytes);
            era = now;
        }
    });
    shared_->subtract(replaced ? *replaced : bytes, era);
    if (!replaced) return failed(replaced.error());
    shared_->added(bytes, era);
    stored_.fetch_add(1, std::memory_order_relaxed);    // a count alone
    if (shared_->bytes() > options_.bytes) make_room();
    return {};
}

// The bytes of what it replaces. `last` is called between writing and the moment from which it is there.
template <class Last>
outcome<std::uint64_t> file_cache::write_entry(place const& at, std::string_view front, std::string_view value, Last const& last) const {
    atomic_file_options const how{.mode = 0600, .durable = options_.durable};
    auto file = atomic_file::open(at.file, how);
    if (!file && file.error().is(cause::unavailable)) {    // the first entry of its shard
        ::mkdir(at.folder.c_str(), 0700);
        file = atomic_file::open(at.file, how);
    }
    if (!file) return std::move(file).error();
    if (auto written = file->write(front); !written) return std::move(written).error();
    if (auto written = file->write(value); !written) return std::move(written).error();
    last();
    return file->commit();
}

inline bool file_cache::erase(std::string const& key) {
    auto const at = place_of(key);
    auto const era = shared_->era();
    auto const bytes = atomic_file::remove(at.file);
    if (bytes) shared_->subtract(*bytes, era);
    return bytes.has_value();
}

inline void file_cache::clear() {
    for (auto const& entry : scan(true).entries) {
        auto const era = shared_->era();
        if (auto const bytes = atomic_file::remove(entry.path)) shared_->subtract(*bytes, era);
    }
}

inline file_cache::all_files file_cache::scan(bool sweep) const {
    struct closing {
        DIR* listing;
        ~closing() {
            if (listing) ::closedir(listing);
        }
    };
    all_files out;
    std::vector<std::string> unfinished;
    for (int shard = 0; shard < 256; ++shard) {
        constexpr std::string_view digits = "0123456789abcdef";
        auto const index = static_cast<std::size_t>(shard);
        auto const path = folder_.string() + '/' + digits[index / 16] + digits[index % 16];
        closing const in{::opendir(path.c_str())};
        if (!in.listing) continue;
        struct stat about {};
        auto const is_there = [&](char const* name) { return ::fstatat(::dirfd(in.listing), name, &about, AT_SYMLINK_NOFOLLOW) == 0; };
        unfinished.clear();
        while (auto const* entry = ::readdir(in.listing)) {
            std::string_view const name = entry->d_name;
            if (name.starts_with(".muster-")) unfinished.emplace_back(name);
            if (!name.ends_with(entry_suffix) || !is_there(entry->d_name)) continue;
            auto const bytes = static_cast<std::uint64_t>(about.st_size);
            out.bytes += bytes;
            out.entries.push_back({path + '/' + std::string{name}, bytes, std::int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec});
        }
        if (sweep && !unfinished.empty()) atomic_file::sweep(path, std::chrono::hours{-1'000'000});    // of any age, by any clock
        for (auto const& name : unfinished)    // those that somebody is writing
            if (is_there(name.c_str())) out.bytes += static_cast<std::uint64_t>(about.st_size);
    }
    return out;
}

inline file_cache::contents file_cache::usage() const {
    auto const all = scan(false);
    return {all.entries.size(), all.bytes};
}

// One at a time, here and in all processes. Frees a tenth more than it must, so that not every put looks at every entry. Answers the
// era from which on what is coming is counted with the rest; none when another has made room.
inline std::optional<std::uint64_t> file_cache::make_room(std::uint64_t coming) {
    std::lock_guard one(evicting_);
    context patient;
    auto const alone = file_lock::acquire(shared_->file(), patient, {.at = 0, .size = 1});
    if (shared_->bytes() <= options_.bytes) return std::nullopt;
    auto const added_before = shared_->begin_count();
    auto all = scan(true);
    auto sum = all.bytes + coming;
    std::sort(all.entries.begin(), all.entries.end(), [](found const& a, found const& b) { return a.last_use < b.last_use; });
    auto const enough = sum > options_.bytes ? options_.bytes - options_.bytes / 10 : options_.bytes;
    for (auto const& entry : all.entries) {
        if (sum <= enough) break;
        if (::unlink(entry.path.c_str()) != 0 && errno != ENOENT) continue;
        sum -= entry.bytes;
        evicted_.fetch_add(1, std::memory_order_relaxed);    // a count alone
    }
    shared_->end_count(added_before, sum);
    return shared_->era();
}

template <class Compute>
outcome<std::string> file_cache::get_or_compute(std::string const& key, context& cx, Compute const& compute) {
    if (auto known = look(key, true)) return std::move(*known);
    auto const nothing = [] { return std::optional<std::string>{}; };    // looked at under the lock
    return flights_.run(key, cx, nothing, [&](context& inner) { return compute_alone(key, inner, compute); });
}

// Alone among processes: among the calls of this one it is already.
template <class Compute>
outcome<std::string> file_cache::compute_alone(std::string const& key, context& cx, Compute const& compute) {
    using namespace std::chrono_literals;
    constexpr auto patience = 1s;
    auto const nested = cx.flights() && cx.flights()->outer;
    auto const begin = nested ? cx.now() : instant{};
    file_range const here{.at = place_of(key).lock, .size = 1};
    auto held = file_lock::attempt(shared_->file(), here);
    if (!held && held.error().is(cause::rejected)) waited_.fetch_add(1, std::memory_order_relaxed);    // a count alone
    for (std::chrono::nanoseconds wait = 100us; !held && held.error().is(cause::rejected);
         wait = std::min<std::chrono::nanoseconds>(2 * wait, 10ms)) {
        if (nested && cx.now() - begin >= patience) break;
        if (auto const paused = cx.pause(wait); !paused) return paused.error();
        if (auto known = look(key, false)) return std::move(*known);
        held = file_lock::attempt(shared_->file(), here);
    }
    if (auto known = look(key, false)) return std::move(*known);    // stored since the miss
    outcome<std::string> answer = compute(cx);
    if (answer.has_value()) (void)put(key, *answer);    // a value that cannot be kept is an answer all the same
    return answer;
}

inline cache_stats file_cache::stats() const {
    auto const read = [](std::atomic<std::uint64_t> const& from) { return from.load(std::memory_order_relaxed); };    // counts alone
    return {read(hits_),    read(misses_), read(stored_), read(evicted_), read(expired_), read(waited_) + flights_.waited(),
            read(damaged_), read(unstored_)};
}

static_assert(cache<file_cache>);

}  // namespace muster
