#pragma once

#include <cstddef>    // size_t

namespace bench::stream {

/// Items a second where a call takes 20 us and an item of it a microsecond more, in batches of so many; 0: of an automatic size, 100 at most.
double map_in_batches(std::size_t items, std::size_t size);
double stream_in_batches(std::size_t items, std::size_t size);

}  // namespace bench::stream
