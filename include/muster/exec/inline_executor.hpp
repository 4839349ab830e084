#pragma once

#include <cstddef>    // size_t

#include <muster/core/concepts.hpp>    // executor

namespace muster {

/// Runs everything on the calling thread, in order: for debugging, and as the sequential side of any comparison.
///
/// Order      items in the order of the range; the same trace twice.
/// Threads    none of its own.
/// Cost       the calls.
class inline_executor {
public:
    [[nodiscard]] static constexpr std::size_t width() noexcept { return 1; }

    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) const noexcept {
        if (n != 0) body(std::size_t{0}, n);
    }

    /// Runs the job before it returns.
    template <class Job>
    void post(Job job) const { job(); }
};

static_assert(executor<inline_executor>);

}  // namespace muster
