#pragma once

#include <cstddef>    // size_t

// What AddressSanitizer and ThreadSanitizer are told of a thread that goes from stack to stack; nothing where neither is there.

#if defined(__SANITIZE_ADDRESS__)
#define MUSTER_ASAN
#elif defined(__SANITIZE_THREAD__)
#define MUSTER_TSAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MUSTER_ASAN
#elif __has_feature(thread_sanitizer)
#define MUSTER_TSAN
#endif
#endif

#if defined(MUSTER_ASAN)
#include <sanitizer/asan_interface.h>             // __asan_unpoison_memory_region
#include <sanitizer/common_interface_defs.h>      // __sanitizer_start_switch_fiber
#elif defined(MUSTER_TSAN)
#include <sanitizer/tsan_interface.h>    // __tsan_switch_to_fiber
#endif

namespace muster::detail {

class sanitized_stack {
public:
#if defined(MUSTER_ASAN)
    void begin(void* bottom, std::size_t size) noexcept {
        bottom_ = bottom;
        size_ = size;
    }
    /// Before the memory is given back.
    static void clean(void* bottom, std::size_t size) noexcept { __asan_unpoison_memory_region(bottom, size); }
    /// Just before this one is left for another, for good or not.
    void leave_for(sanitized_stack const& to, bool for_good) noexcept {
        __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_, to.bottom_, to.size_);
    }
    /// Just after this one was gone on with, or begun.
    void arrive_from(sanitized_stack& from) noexcept { __sanitizer_finish_switch_fiber(fake_, &from.bottom_, &from.size_); }
    /// Once it was left for good.
    void end() noexcept { fake_ = nullptr; }

private:
    void const* bottom_ = nullptr;    // of the thread's own it is known once it was left
    std::size_t size_ = 0;
    void* fake_ = nullptr;
#elif defined(MUSTER_TSAN)
    void begin(void*, std::size_t) noexcept { fiber_ = __tsan_create_fiber(0); }
    static void clean(void*, std::size_t) noexcept {}
    void leave_for(sanitized_stack const& to, bool) noexcept {
        if (!fiber_) fiber_ = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(to.fiber_, 0);
    }
    void arrive_from(sanitized_stack&) noexcept {}
    void end() noexcept { __tsan_destroy_fiber(fiber_); }

private:
    void* fiber_ = nullptr;
#else
    void begin(void*, std::size_t) noexcept {}
    static void clean(void*, std::size_t) noexcept {}
    void leave_for(sanitized_stack const&, bool) noexcept {}
    void arrive_from(sanitized_stack&) noexcept {}
    void end() noexcept {}
#endif
};

}  // namespace muster::detail

#undef MUSTER_ASAN
#undef MUSTER_TSAN
