#pragma once

namespace muster {

/// Which jobs of a pool are begun first: see thread_pool::post.
enum class priority : unsigned char { low, normal, high };

}  // namespace muster
