#include "live_bytes.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<long long> live = 0, most = 0;

void took(void* memory) noexcept {
    auto const now = live.fetch_add(static_cast<long long>(::malloc_usable_size(memory))) + static_cast<long long>(::malloc_usable_size(memory));
    auto before = most.load();
    while (before < now && !most.compare_exchange_weak(before, now)) {}
}

void give_back(void* memory) noexcept {
    if (memory) live -= static_cast<long long>(::malloc_usable_size(memory));
    std::free(memory);
}

}  // namespace

live_bytes::live_bytes() noexcept : before_(live) { most = before_; }
std::size_t live_bytes::peak() const noexcept { return static_cast<std::size_t>(most - before_); }

void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory) took(memory);
    return memory;
}
void* operator new(std::size_t size) {
    if (void* const memory = operator new(size, std::nothrow)) return memory;
    throw std::bad_alloc{};
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, std::nothrow_t const& no_throw) noexcept { return operator new(size, no_throw); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
