#pragma once

#include <cstddef>    // size_t, byte
#include <memory>     // construct_at

#include <sys/mman.h>    // mmap

#include <muster/adapt/detail/fiber_work.hpp>        // fiber_arrival
#include <muster/adapt/detail/sanitized_stack.hpp>   // sanitized_stack
#include <muster/adapt/detail/switched_stack.hpp>    // switched_stack
#include <muster/core/waiter.hpp>                    // wait_listener, wait_point
#include <muster/exec/call_place.hpp>                // call_place

namespace muster::detail {

class fiber_carrier;

/// A call with a stack of its own, of which this is the uppermost part.
///
/// Shape      guard pages, then the stack. What runs deeper than it has addresses hits the guard, and the process dies of SIGSEGV,
///            as it would on a thread; it never writes into a neighbour.
/// Cost       two memory maps, and the pages that are touched.
struct fiber : wait_listener, fiber_arrival, switched_stack {
    static constexpr std::size_t no_timer = static_cast<std::size_t>(-1);
    static constexpr std::size_t guard = 64 << 10;    // addresses: a frame that is larger may step over it

    /// Null where the machine has no memory, or no memory map, left.
    static fiber* make(fiber_carrier& of, std::size_t stack, entry what) noexcept {
        auto* const all = static_cast<std::byte*>(::mmap(nullptr, guard + stack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (all == MAP_FAILED) return nullptr;
        if (::mprotect(all + guard, stack, PROT_READ | PROT_WRITE) != 0) {
            ::munmap(all, guard + stack);
            return nullptr;
        }
        auto* const made = ::new (all + guard + room(stack)) fiber(of, all + guard, stack);
        made->begin(all + guard, room(stack), what);
        return made;
    }
    /// One that has ended.
    static void destroy(fiber* one) noexcept {
        auto* const bottom = one->bottom;
        auto const stack = one->stack;
        std::destroy_at(one);
        sanitized_stack::clean(bottom, stack);
        ::munmap(bottom - guard, guard + stack);
    }

    fiber_carrier& of;
    fiber* next = nullptr;               // in the line of those that can go on, or among the free
    wait_point* waits_at = nullptr;
    std::size_t timer = no_timer;
    call_place place;
    bool ends = false;                   // when it is gone on with
    std::byte* const bottom;
    std::size_t const stack;

private:
    fiber(fiber_carrier& by, std::byte* at, std::size_t size) noexcept;
    static std::size_t room(std::size_t stack) noexcept { return stack - (sizeof(fiber) + 63) / 64 * 64; }
};

/// Those that can go on, in order.
class fiber_line {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void push(fiber& one) noexcept {
        one.next = nullptr;
        (first_ ? last_->next : first_) = &one;
        last_ = &one;
        ++size_;
    }
    /// Of one that is not empty.
    fiber& pop() noexcept {
        auto& one = *first_;
        first_ = one.next;
        --size_;
        return one;
    }

private:
    fiber* first_ = nullptr;
    fiber* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace muster::detail
