#include "allocations.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include <malloc.h>

namespace {

thread_local std::size_t calls = 0, blocks = 0;
thread_local std::string_view wanted;

void give_back(void* memory) noexcept {
    if (memory && !wanted.empty() && ::memmem(memory, ::malloc_usable_size(memory), wanted.data(), wanted.size())) ++blocks;
    std::free(memory);
}

}  // namespace

std::size_t allocations() noexcept { return calls; }

freed_memory::freed_memory(std::string_view text) noexcept { blocks = 0, wanted = text; }
freed_memory::~freed_memory() { wanted = {}; }
std::size_t freed_memory::found() const noexcept { return blocks; }

void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
    ++calls;
    return std::malloc(size == 0 ? 1 : size);
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
