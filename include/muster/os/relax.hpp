#pragma once

namespace muster {

/// Tells the processor that this thread looks again and again at what another one will write: for each turn of such a loop.
///
/// Waits      not at all: the kernel is not told, and gives the processor to nobody else.
/// Cost       one instruction, of some 10 to 150 cycles on x86-64 and about one on arm64, that leaves to the core's other thread
///            what the loop would take; elsewhere none.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace muster
