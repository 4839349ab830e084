#pragma once

#include <cerrno>          // errno
#include <cstddef>         // size_t
#include <string>          // what was tried
#include <system_error>    // system_error
#include <utility>         // exchange

#include <fcntl.h>       // fcntl
#include <sys/mman.h>    // memfd_create, mmap
#include <unistd.h>      // ftruncate

#include <muster/os/fd.hpp>    // fd

namespace muster {

/// Memory that several processes see: a file without a name, mapped. Nothing of it is left when the last of them is gone.
///
/// Shape      zeros. Its size is fixed when it is made: nobody can cut off what another has mapped. `reserve` gives a part its pages
///            beforehand; one that is not reserved takes them when it is first written, and where there are none left the
///            writer dies of SIGBUS.
/// Units      bytes; `size` is rounded up to whole pages.
/// Throws     std::system_error: no memory, no descriptor.
/// Threads    the bytes are everybody's: what orders the writes is up to whoever shares it.
/// Lifetime   unmaps in its destructor; the descriptor may be handed on, and be closed, before that.
class shared_memory {
public:
    shared_memory() noexcept = default;
    /// New memory; `name` is seen in /proc alone.
    explicit shared_memory(std::size_t size, char const* name = "muster");
    /// Memory of somebody else, by the descriptor that he handed on. Closed for others: what is mapped stays.
    explicit shared_memory(fd from);

    shared_memory(shared_memory&& other) noexcept
        : file_(std::move(other.file_)), at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    shared_memory& operator=(shared_memory other) noexcept {
        std::swap(file_, other.file_);
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~shared_memory() {
        if (at_) ::munmap(at_, size_);
    }

    [[nodiscard]] std::byte* data() const noexcept { return at_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] fd const& file() const noexcept { return file_; }
    [[nodiscard]] fd& file() noexcept { return file_; }
    explicit operator bool() const noexcept { return at_ != nullptr; }

    /// Gives `size` bytes from `at` on their pages. 0, or an errno: ENOSPC, ENOMEM.
    [[nodiscard]] int reserve(std::size_t at, std::size_t size) const noexcept;
    /// Gives the pages of a part back, which reads as zeros from then on. 0, or an errno.
    int release(std::size_t at, std::size_t size) const noexcept;

    /// A second view of this memory in which the bytes of [at, at + size) follow on themselves once more: what runs over their end
    /// runs into their beginning. Whole pages. Lives by itself.
    [[nodiscard]] shared_memory twice(std::size_t at, std::size_t size) const;

    static std::size_t page() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

private:
    void map();

    fd file_;
    std::byte* at_ = nullptr;
    std::size_t size_ = 0;
};

// Implementation

inline shared_memory::shared_memory(std::size_t size, char const* name) {
    auto const fail = [](int error) { throw std::system_error{error, std::system_category(), "muster: cannot make shared memory"}; };
    auto const whole = page();
    size_ = (size + whole - 1) / whole * whole;
    if (size_ < size || size_ == 0) fail(EINVAL);
    file_ = fd{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file_) fail(errno);
    file_.above_standard();
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) fail(errno);
    if (::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) fail(errno);
    map();
}

inline shared_memory::shared_memory(fd from) : file_(std::move(from)) {
    auto const size = ::lseek(file_.get(), 0, SEEK_END);
    if (size <= 0) throw std::system_error{size < 0 ? errno : EINVAL, std::system_category(), "muster: no shared memory to map"};
    size_ = static_cast<std::size_t>(size);
    map();
}

inline void shared_memory::map() {
    auto* const at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
    if (at == MAP_FAILED) throw std::system_error{errno, std::system_category(), "muster: cannot map shared memory"};
    at_ = static_cast<std::byte*>(at);
}

inline shared_memory shared_memory::twice(std::size_t at, std::size_t size) const {
    auto const fail = [] { throw std::system_error{errno, std::system_category(), "muster: cannot map shared memory"}; };
    shared_memory view;
    auto* const room = ::mmap(nullptr, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) fail();
    view.at_ = static_cast<std::byte*>(room);
    view.size_ = 2 * size;
    for (auto* half : {view.at_, view.at_ + size})
        if (::mmap(half, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file_.get(), static_cast<off_t>(at)) == MAP_FAILED) fail();
    return view;
}

inline int shared_memory::reserve(std::size_t at, std::size_t size) const noexcept {
    return ::posix_fallocate(file_.get(), static_cast<off_t>(at), static_cast<off_t>(size));
}

inline int shared_memory::release(std::size_t at, std::size_t size) const noexcept {
    constexpr int hole = 0x02 | 0x01;    // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    return ::fallocate(file_.get(), hole, static_cast<off_t>(at), static_cast<off_t>(size)) == 0 ? 0 : errno;
}

}  // namespace muster
