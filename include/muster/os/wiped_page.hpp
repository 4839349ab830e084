#pragma once

#include <cerrno>          // errno
#include <cstddef>         // size_t
#include <new>             // placement new
#include <system_error>    // system_error
#include <type_traits>     // is_trivially_destructible

#include <sys/mman.h>    // mmap, madvise
#include <unistd.h>      // sysconf

namespace muster {

/// A `T` of this process alone: the kernel makes it zeros in a child of fork, however that was made, without a system call to
/// find out.
///
/// Throws     std::system_error: no memory, or a kernel before 4.14.
template <class T>
    requires(std::is_trivially_destructible_v<T> && sizeof(T) <= 4'096)
class wiped_page {
public:
    wiped_page() {
        auto* const at = ::mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) throw std::system_error{errno, std::system_category(), "muster: cannot make a page for one process"};
        if (::madvise(at, size(), MADV_WIPEONFORK) != 0) {
            int const error = errno;
            ::munmap(at, size());
            throw std::system_error{error, std::system_category(), "muster: cannot make a page for one process"};
        }
        at_ = ::new (at) T{};
    }
    wiped_page(wiped_page const&) = delete;
    wiped_page& operator=(wiped_page const&) = delete;
    ~wiped_page() { ::munmap(static_cast<void*>(at_), size()); }

    T* operator->() const noexcept { return at_; }

private:
    static std::size_t size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

    T* at_ = nullptr;
};

}  // namespace muster
