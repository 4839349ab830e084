// How often this thread called operator new: allocations.cpp replaces it for the whole test program.
#pragma once

#include <cstddef>

[[nodiscard]] std::size_t allocations() noexcept;
