// How often this thread called operator new, and what it gives back: allocations.cpp replaces the operators for the whole test program.
#pragma once

#include <cstddef>
#include <string_view>

[[nodiscard]] std::size_t allocations() noexcept;

// Looks for a text in all that this thread gives back to the heap while it lives; one at a time. The text must not have been on the
// heap before.
class freed_memory {
public:
    explicit freed_memory(std::string_view text) noexcept;
    ~freed_memory();
    freed_memory(freed_memory const&) = delete;
    freed_memory& operator=(freed_memory const&) = delete;

    // In how many blocks it stood.
    [[nodiscard]] std::size_t found() const noexcept;
};
