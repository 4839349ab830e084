#pragma once

#include <algorithm>      // min, max
#include <cerrno>         // errno
#include <charconv>       // to_chars
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // path
#include <string_view>    // lines
#include <system_error>   // system_error
#include <utility>        // move
#include <vector>         // places

#include <fcntl.h>       // O_RDONLY
#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread

#include <muster/core/bytes.hpp>              // KiB, MiB
#include <muster/core/context.hpp>            // context
#include <muster/core/failure.hpp>            // cause, failure
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/record_source.hpp>      // record_source
#include <muster/flow/source_wait.hpp>        // source_wait
#include <muster/os/fd.hpp>                   // fd
#include <muster/os/system_failure.hpp>       // system_failure

namespace muster {

/// How a file is read line by line.
struct file_lines_options {
    std::string name{};                  ///< by which journals know it; empty: its path
    bool follow = false;                 ///< true: it grows, so its end is waited for; a line is read when it has its end
    std::chrono::nanoseconds poll = std::chrono::milliseconds{10};    ///< 10 ms: how often a file that is followed is looked at
    std::size_t longest_line = 1 * MiB;  ///< 1 MiB: a longer one is a record that cannot be read, and becomes a dead letter
    friend bool operator==(file_lines_options const&, file_lines_options const&) = default;
};

/// The lines of a file, JSON lines or others, as the source of a durable run: one that is finished, or one that grows.
///
/// Shape      a record is a line without its end, as bytes; its offset is that of its first byte. One partition. Where the file is finished, a
///            last line without an end is a record too.
/// Waits      for lines, in a file that is followed.
/// Fails      `resume` with invalid_input where the file is shorter than what was committed, or is not the one that was read: its first
///            4,096 and the 256 bytes before the offset are compared by a hash, not its inode, so that a copy may be put in its place.
///            `read` with invalid_input where the file is cut or written anew meanwhile, which is seen when the next 256 KiB are read or its
///            end is reached, and where another takes the name of a file that is followed; as system_failure.
/// Throws     the constructor: std::system_error where it cannot be opened, or is no regular file.
/// Threads    one run at a time.
/// Lifetime   lines refer to the source until its next `read`.
/// Cost       one `pread` for 256 KiB, and two small ones to see that it is still the same file; a line costs the search for its end.
class file_lines {
public:
    using value_type = std::string_view;

    explicit file_lines(std::string path, file_lines_options options = {});

    [[nodiscard]] std::string_view name() const noexcept { return options_.name; }
    [[nodiscard]] std::uint64_t partitions() const noexcept { return 1; }
    outcome<void> resume(context& cx, std::uint64_t partition, source_position const& at);
    outcome<void> read(context& cx, std::uint64_t partition, std::uint64_t offset, read_bounds const& bounds, source_batch<std::string_view>& into);
    [[nodiscard]] outcome<std::string> mark(std::uint64_t partition, std::uint64_t offset);

private:
    static constexpr std::size_t head = 4'096, tail = 256, chunk = 256 * KiB;
    struct place {
        std::uint64_t at = 0;
        std::size_t size = 0;
    };

    outcome<std::uint64_t> size();
    static std::uint64_t hash_of(std::string_view bytes);
    outcome<std::uint64_t> hash(std::uint64_t from, std::uint64_t until) const;
    outcome<std::size_t> pread(char* to, std::size_t room, std::uint64_t at) const;
    outcome<std::size_t> refill(std::uint64_t keep);
    outcome<void> same_bytes() const;
    outcome<void> same_file();
    outcome<void> pass_over(context& cx, std::uint64_t offset, read_bounds const& bounds, source_batch<std::string_view>& into);
    [[nodiscard]] failure too_long(std::uint64_t at) const;
    [[nodiscard]] failure changed(std::string why) const { return {cause::invalid_input, path_ + ' ' + std::move(why)}; }

    std::string path_;
    file_lines_options options_;
    fd file_;
    std::string buffer_;         // what was read of the file
    std::uint64_t base_ = 0;     // where in the file it begins
    std::uint64_t largest_ = 0;  // bytes that the file was seen to have
    std::vector<place> lines_;   // of a batch
    std::uint64_t head_hash_ = 0;
    bool knows_head_ = false;
    std::uint64_t long_line_ = 0, long_seen_ = 0;    // one that is passed over, and up to where it was looked at
};

// Implementation

inline file_lines::file_lines(std::string path, file_lines_options options)
    : path_(std::move(path)), options_(std::move(options)), file_(fd::open(path_, O_RDONLY | O_NOCTTY | O_NONBLOCK)) {
    if (options_.name.empty()) options_.name = path_;
    struct stat about {};
    if (::fstat(file_.get(), &about) != 0 || !S_ISREG(about.st_mode))
        throw std::system_error{std::make_error_code(std::errc::invalid_argument), "muster: " + path_ + " is no regular file: it has no offsets to begin again from"};
}

inline failure file_lines::too_long(std::uint64_t at) const {
    return {cause::exhausted, "the line at byte " + std::to_string(at) + " of " + path_ + " has more than " + std::to_string(options_.longest_line) + " bytes"};
}

inline outcome<std::uint64_t> file_lines::size() {
    struct stat about {};
    if (::fstat(file_.get(), &about) != 0) return system_failure(errno, "cannot look at " + path_);
    auto const now = static_cast<std::uint64_t>(about.st_size);
    auto const had = std::max({largest_, base_ + buffer_.size(), long_seen_});
    if (now < had) return changed("has " + std::to_string(now) + " bytes, and had " + std::to_string(had) + ": it was cut while it was read");
    return largest_ = now;
}

inline outcome<std::size_t> file_lines::pread(char* to, std::size_t room, std::uint64_t at) const {
    ssize_t got = 0;
    do got = ::pread(file_.get(), to, room, static_cast<off_t>(at));
    while (got < 0 && errno == EINTR);
    if (got < 0) return system_failure(errno, "cannot read " + path_);
    return static_cast<std::size_t>(got);
}

// FNV-1a with 64 bits: it is no defence against somebody who wants two files to look the same.
inline std::uint64_t file_lines::hash_of(std::string_view bytes) {
    std::uint64_t out = 0xcbf2'9ce4'8422'2325;
    for (char const each : bytes) out = (out ^ static_cast<unsigned char>(each)) * 0x100'0000'01b3;
    return out;
}

// Of at most `head` bytes of the file as it is now.
inline outcome<std::uint64_t> file_lines::hash(std::uint64_t from, std::uint64_t until) const {
    char bytes[head];
    auto const wanted = static_cast<std::size_t>(until - from);
    for (std::size_t have = 0; have != wanted;) {
        auto const got = pread(bytes + have, wanted - have, from + have);
        if (!got) return got.error();
        if (*got == 0) return changed("was cut while it was read");
        have += *got;
    }
    return hash_of({bytes, wanted});
}

inline outcome<std::string> file_lines::mark(std::uint64_t, std::uint64_t offset) {
    if (offset == 0) return std::string{};
    auto first = outcome<std::uint64_t>{head_hash_};
    if (!knows_head_ || offset < head) first = hash(0, std::min<std::uint64_t>(offset, head));
    if (!first) return first.error();
    if (offset >= head) head_hash_ = *first, knows_head_ = true;
    auto const from = offset - std::min<std::uint64_t>(offset, tail);
    // Of what was read, where that is still here: the file may have others by now.
    auto const last = from >= base_ && offset <= base_ + buffer_.size()
                          ? hash_of({buffer_.data() + (from - base_), static_cast<std::size_t>(offset - from)})
                          : hash(from, offset);
    if (!last) return last.error();
    char text[40];
    auto* end = std::to_chars(text, text + 17, *first, 16).ptr;
    *end++ = '-';
    end = std::to_chars(end, text + sizeof text, *last, 16).ptr;
    return std::string{text, end};
}

inline outcome<void> file_lines::resume(context&, std::uint64_t partition, source_position const& at) {
    if (at.offset == 0) return {};
    buffer_.clear();
    base_ = largest_ = long_seen_ = 0;
    knows_head_ = false;
    auto const bytes = size();
    if (!bytes) return bytes.error();
    auto const committed = "the offset " + std::to_string(at.offset) + " that was committed";
    if (*bytes < at.offset) return changed("has " + std::to_string(*bytes) + " bytes, and is shorter than " + committed + ": it was cut or replaced");
    auto const now = mark(partition, at.offset);
    if (!now) return now.error();
    if (*now != at.mark) return changed("is not the file that was read: its bytes before " + committed + " are others");
    char last = '\n';
    if (auto const got = pread(&last, 1, at.offset - 1); !got) return got.error();
    if (last != '\n' && (*bytes != at.offset || options_.follow))
        return changed("has no end of line before " + committed + ": the last line that was read has grown, or may yet");
    return {};
}

// Reads on behind what the buffer holds, and lets go of what lies before `keep`, but for the bytes that make its mark.
inline outcome<std::size_t> file_lines::refill(std::uint64_t keep) {
    keep -= std::min<std::uint64_t>(keep - base_, tail);
    buffer_.erase(0, static_cast<std::size_t>(keep - base_));
    base_ = keep;
    if (auto const bytes = size(); !bytes) return bytes.error();
    if (auto same = same_bytes(); !same) return same.error();
    auto const had = buffer_.size();
    buffer_.resize(had + chunk);
    auto got = pread(buffer_.data() + had, chunk, base_ + had);
    buffer_.resize(had + (got ? *got : 0));
    return got;
}

// Whether the file still has the bytes that it had, at its begin and where it was last read.
inline outcome<void> file_lines::same_bytes() const {
    if (knows_head_) {
        auto const first = hash(0, head);
        if (!first) return first.error();
        if (*first != head_hash_) return changed("has other bytes at its begin than it had: it was written anew while it was read");
    }
    auto const last = std::string_view{buffer_}.substr(buffer_.size() - std::min(buffer_.size(), tail));
    auto const until = base_ + buffer_.size();
    auto const now = hash(until - last.size(), until);
    if (!now) return now.error();
    if (*now != hash_of(last)) return changed("has other bytes before byte " + std::to_string(until) + " than were read: it was written anew while it was read");
    return {};
}

// At its end: whether it is still the file that it was.
inline outcome<void> file_lines::same_file() {
    if (auto const bytes = size(); !bytes) return bytes.error();
    if (auto same = same_bytes(); !same) return same;
    if (!options_.follow) return {};
    struct stat here {}, there {};
    if (::fstat(file_.get(), &here) != 0) return system_failure(errno, "cannot look at " + path_);
    if (::stat(path_.c_str(), &there) != 0) return system_failure(errno, "cannot look at " + path_);
    if (here.st_ino != there.st_ino || here.st_dev != there.st_dev) return changed("is another file than the one that is read: it was replaced");
    return {};
}

// A line that no buffer is to hold: a batch of its own, once its end is there.
inline outcome<void> file_lines::pass_over(context& cx, std::uint64_t offset, read_bounds const& bounds, source_batch<std::string_view>& into) {
    if (long_line_ != offset || long_seen_ < offset) long_seen_ = long_line_ = offset;
    buffer_.clear();
    base_ = offset;
    std::string part(chunk, ' ');
    source_wait wait{bounds, options_.poll};
    for (;;) {
        auto const got = pread(part.data(), chunk, long_seen_);
        if (!got) return got.error();
        auto const end = std::string_view{part}.substr(0, *got).find('\n');
        bool const ends = end != std::string_view::npos;
        long_seen_ += ends ? end + 1 : *got;
        if (!ends && *got != 0) continue;
        if (!ends) {
            if (auto same = same_file(); !same) return same;
            if (options_.follow) {
                if (wait.more(cx, false)) continue;
                return {};
            }
        }
        into.records.push_back({offset, too_long(offset)});
        into.next = base_ = std::exchange(long_seen_, 0);
        return {};
    }
}

inline outcome<void> file_lines::read(context& cx, std::uint64_t, std::uint64_t offset, read_bounds const& bounds,
                                      source_batch<std::string_view>& into) {
    if (long_seen_ > offset && long_line_ == offset) return pass_over(cx, offset, bounds, into);
    lines_.clear();
    if (offset < base_ || offset > base_ + buffer_.size()) {
        buffer_.clear();
        base_ = offset;
    }
    auto const full = [&](std::uint64_t next) { return lines_.size() >= bounds.records || next - offset >= bounds.bytes; };
    auto next = offset;            // where the next line begins
    std::size_t searched = 0;      // bytes of it that hold no end
    source_wait wait{bounds, options_.poll};
    for (;;) {
        for (;;) {
            auto const rest = std::string_view{buffer_}.substr(static_cast<std::size_t>(next - base_));
            auto const end = rest.find('\n', searched);
            searched = rest.size();
            if (end == rest.npos) break;
            lines_.push_back({next, end});
            next += end + 1;
            searched = 0;
            if (full(next)) break;
        }
        if (full(next)) break;
        if (searched > options_.longest_line) {
            if (lines_.empty()) return pass_over(cx, offset, bounds, into);
            break;
        }
        auto const got = refill(offset);
        if (!got) return got.error();
        if (*got != 0) continue;
        if (auto same = same_file(); !same) return same;
        if (options_.follow) {
            if (wait.more(cx, !lines_.empty())) continue;
            break;
        }
        if (searched != 0) lines_.push_back({next, searched});
        next += searched;
        into.ended = true;
        break;
    }
    into.next = next;
    for (auto const& each : lines_) {
        auto const line = std::string_view{buffer_}.substr(static_cast<std::size_t>(each.at - base_), each.size);
        if (each.size > options_.longest_line) into.records.push_back({each.at, too_long(each.at)});
        else into.records.push_back({each.at, line});
    }
    return {};
}

static_assert(record_source<file_lines>);

}  // namespace muster
