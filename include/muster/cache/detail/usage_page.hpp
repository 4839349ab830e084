#pragma once

#include <atomic>          // atomic_ref
#include <cerrno>          // errno
#include <cstdint>         // uint64_t
#include <string>          // path
#include <system_error>    // system_error
#include <utility>         // exchange

#include <fcntl.h>       // posix_fallocate
#include <sys/mman.h>    // mmap

#include <muster/os/fd.hpp>    // fd

namespace muster::detail {

/// How many bytes the files of a folder have, as all processes that use it count together: what was ever added, less what went,
/// in shared memory of the file that also carries the locks.
///
/// It is too low at most by what is being written while somebody counts. It is too high after a process was killed between counting
/// and storing, and when an entry goes while somebody counts. Whoever finds it above the bound counts anew.
class usage_page {
public:
    explicit usage_page(std::string const& path) : file_(fd::open(path, O_RDWR | O_CREAT, 0600)) {
        // reserved, for a full disk would be a SIGBUS at the first write
        if (int const error = ::posix_fallocate(file_.get(), 0, size); error != 0)
            throw std::system_error{error, std::system_category(), "muster: cannot use " + path};
        at_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        if (at_ == MAP_FAILED) throw std::system_error{errno, std::system_category(), "muster: cannot map " + path};
    }
    usage_page(usage_page const&) = delete;
    usage_page& operator=(usage_page const&) = delete;
    ~usage_page() { ::munmap(at_, size); }

    [[nodiscard]] fd const& file() const noexcept { return file_; }

    /// False until somebody has counted what was there before.
    [[nodiscard]] bool counted() const noexcept { return word(0).load() == mark; }
    /// At least what the files have, but for what is being written while somebody counts.
    [[nodiscard]] std::uint64_t bytes() const noexcept {
        auto const gone = word(2).load();    // first: what is added meanwhile may count, what is taken off may not
        return (word(1).load() - gone) & low;
    }

    /// Changes when somebody begins to count and when that is done: taken before an entry comes or goes.
    [[nodiscard]] std::uint64_t era() const noexcept { return word(2).load() & ~low; }
    /// Before an entry is there.
    void add(std::uint64_t more) noexcept { word(1).fetch_add(more); }
    /// After it is there: a count that began in between may have missed it, so it counts once more.
    void added(std::uint64_t more, std::uint64_t era_before) noexcept {
        if (era() != era_before) add(more);
    }
    /// After an entry has gone; not when a count began or ended in between, for that may not have seen the entry.
    void subtract(std::uint64_t less, std::uint64_t era_before) noexcept {
        auto now = word(2).load();
        while ((now & ~low) == era_before && !word(2).compare_exchange_weak(now, era_before | ((now + less) & low))) {}
    }

    /// One process at a time: `end_count(begin_count(), sum of the entries looked at in between)`. What is added meanwhile counts
    /// on top, seen or not.
    [[nodiscard]] std::uint64_t begin_count() noexcept {
        auto const so_far = word(1).load();    // before the era: who adds before this and is not there yet will see the new era
        word(2).fetch_add(low + 1);
        return so_far;
    }
    void end_count(std::uint64_t added_before, std::uint64_t sum) noexcept {
        word(2).store((era() + (low + 1)) | ((added_before - sum) & low));
        word(0).store(mark);
    }

private:
    static constexpr std::size_t size = 4'096;
    static constexpr std::uint64_t mark = 0x6d75737465723032;    // changes with the layout of the folder
    static constexpr std::uint64_t low = (std::uint64_t{1} << 48) - 1;    // bytes; above them the era
    static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

    [[nodiscard]] std::atomic_ref<std::uint64_t> word(std::size_t which) const noexcept {
        return std::atomic_ref<std::uint64_t>{static_cast<std::uint64_t*>(at_)[which]};
    }

    fd file_;
    void* at_ = nullptr;
};

}  // namespace muster::detail
