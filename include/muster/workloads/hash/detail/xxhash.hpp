#pragma once

// The one place that includes xxHash, with its functions inlined: for a key of 16 bytes a call costs more than the hash. The macro
// that asks for it ends here. Where the program includes <xxhash.h> itself, before or after, its names work as ever.

#if !defined(XXH_INLINE_ALL)
#define XXH_INLINE_ALL
#include <xxhash.h>
#undef XXH_INLINE_ALL
#else
#include <xxhash.h>
#endif
