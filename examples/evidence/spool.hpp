// Lines that come once, kept in a file before anything is done with them: what is in it can be read again.
#pragma once

#include <cerrno>         // errno
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // a lock
#include <stop_token>     // stop_token
#include <string>         // lines
#include <string_view>    // pieces of them
#include <utility>        // move

#include <fcntl.h>       // O_APPEND
#include <poll.h>        // poll
#include <sys/stat.h>    // fstat
#include <unistd.h>      // read, write

#include <muster/core/bytes.hpp>           // KiB, MiB
#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/file_lock.hpp>         // file_lock
#include <muster/os/system_failure.hpp>    // system_failure

namespace evidence {

/// Copies a descriptor that cannot be read again to the end of a file, by whole lines: they can be read while it grows.
///
/// A line that a killed spool left unfinished is given its end, and so costs no other. One of more than 1 MiB keeps what is
/// enough to be refused as too long. One process at a time.
class spool {
public:
    /// `power_safe`: what a read brought is synchronised before the next.
    [[nodiscard]] static muster::outcome<spool> open(std::string path, bool power_safe) {
        spool out{std::move(path), power_safe};
        out.file_ = muster::fd::open(out.path_, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY, 0644);
        auto lock = muster::file_lock::attempt(out.file_);
        if (!lock && lock.error().is(muster::cause::rejected))
            return muster::failure{muster::cause::rejected, out.path_ + " is in use: another process spools its lines there"};
        if (!lock) return lock.error();
        out.lock_.emplace(*std::move(lock));
        struct stat about {};
        char last = '\n';
        if (::fstat(out.file_.get(), &about) != 0) return muster::system_failure(errno, "cannot look at " + out.path_);
        if (about.st_size != 0 && ::pread(out.file_.get(), &last, 1, about.st_size - 1) != 1) return muster::system_failure(EIO, "cannot read " + out.path_);
        if (last != '\n')
            if (auto ended = out.append("\n"); !ended) return ended.error();
        return out;
    }

    /// True when the input has ended, false when it was stopped.
    muster::outcome<bool> copy(int from, std::stop_token const& stop) {
        std::string part(64 * muster::KiB, ' ');
        std::string line;    // whose end has not come
        while (!stop.stop_requested()) {
            pollfd ready{.fd = from, .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, 50) <= 0) continue;    // 50 ms: how soon a stop is seen
            auto const got = ::read(from, part.data(), part.size());
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (got < 0) return muster::system_failure(errno, "cannot read standard input");
            if (got == 0) {
                if (line.empty()) return true;
                auto ended = append(line + '\n');
                return ended ? muster::outcome<bool>{true} : muster::outcome<bool>{ended.error()};
            }
            auto rest = std::string_view{part}.substr(0, static_cast<std::size_t>(got));
            std::string whole;
            for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
                add(line, rest.substr(0, end));
                (whole += line) += '\n';
                line.clear();
                rest.remove_prefix(end + 1);
            }
            add(line, rest);
            if (whole.empty()) continue;
            if (auto kept = append(whole); !kept) return kept.error();
        }
        return false;
    }

private:
    static constexpr std::size_t longest = muster::MiB + 1;

    spool(std::string path, bool power_safe) : path_(std::move(path)), power_safe_(power_safe) {}
    static void add(std::string& line, std::string_view more) { line += more.substr(0, longest - line.size()); }

    // All of it, or nothing: half a line would be read as a line.
    muster::outcome<void> append(std::string_view bytes) {
        auto const before = ::lseek(file_.get(), 0, SEEK_END);
        while (!bytes.empty()) {
            auto const written = ::write(file_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) {
                auto const why = errno;
                if (before >= 0) (void)::ftruncate(file_.get(), before);
                return muster::system_failure(why, "cannot keep lines of standard input in " + path_ + ", and whoever sends them has to send again what "
                                                   "follows byte " + std::to_string(before) + " of it");
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        if (power_safe_ && ::fdatasync(file_.get()) != 0) return muster::system_failure(errno, "cannot synchronise " + path_);
        return {};
    }

    std::string path_;
    bool power_safe_;
    muster::fd file_;
    std::optional<muster::file_lock> lock_;    // behind the file: it goes first
};

}  // namespace evidence
