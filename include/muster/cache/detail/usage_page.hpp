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

/// How many bytes the entries of a folder have, as all processes that use it count together: one word of shared memory,
/// in the file that also carries the locks.
///
/// It is too high after a process was killed between counting and storing. Whoever finds it above the bound counts anew.
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
    void count(std::uint64_t bytes) noexcept {
        word(1).store(bytes);
        word(0).store(mark);
    }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return word(1).load(); }
    void add(std::uint64_t more) noexcept { word(1).fetch_add(more); }
    void subtract(std::uint64_t less) noexcept {
        auto now = word(1).load();
        while (!word(1).compare_exchange_weak(now, now > less ? now - less : 0)) {}
    }

private:
    static constexpr std::size_t size = 4'096;
    static constexpr std::uint64_t mark = 0x6d75737465723031;    // changes with the layout of the folder
    static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

    [[nodiscard]] std::atomic_ref<std::uint64_t> word(std::size_t which) const noexcept {
        return std::atomic_ref<std::uint64_t>{static_cast<std::uint64_t*>(at_)[which]};
    }

    fd file_;
    void* at_ = nullptr;
};

}  // namespace muster::detail
