#pragma once

// The one place that includes xxHash, with its functions inlined: for a key of 16 bytes a call costs more than the hash. The macro
// that asks for it ends here. Where the program includes <xxhash.h> itself, before or after, its names work as ever.

// GCC 12 says of its own AVX-512 header that it reads what was never written, which there means: whatever this register holds.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#endif

#if !defined(XXH_INLINE_ALL)
#define XXH_INLINE_ALL
#include <xxhash.h>
#undef XXH_INLINE_ALL
#else
#include <xxhash.h>
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
