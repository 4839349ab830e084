// How much memory of operator new is in use: live_bytes.cpp replaces the operators for the whole test program.
#pragma once

#include <cstddef>

/// Counts from when it is made, all threads together; one at a time.
class live_bytes {
public:
    live_bytes() noexcept;
    live_bytes(live_bytes const&) = delete;
    live_bytes& operator=(live_bytes const&) = delete;

    // The most that was in use at a time since then, beyond what was in use before.
    [[nodiscard]] std::size_t peak() const noexcept;

private:
    long long before_;
};
