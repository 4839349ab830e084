#pragma once

#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Hands items over in groups: right of it the item is `std::span<T const>`, the result `std::vector<outcome<R>>`.
///
/// Order      a place: first in the chain. `limit` right of it weighs a batch by its size, `retry` repeats a whole batch, and
///            only when the call failed, not when elements did.
/// Shape      the verb still gives one outcome per item. A call that fails fails each of its items; an answer of another
///            length fails them with cause::wrong_shape.
/// Default    the last batch of a run may be smaller.
/// Cost       a batch is a view of the range where that is contiguous, else its items are copied together.
struct batched {
    using policy_concept = place_tag;

    std::size_t size = 100;    ///< items in a batch, 1 or more; 100: the setting BATCH_SIZE has the same default

    [[nodiscard]] std::string describe() const { return "batched{" + std::to_string(size) + "}"; }
    friend constexpr bool operator==(batched const&, batched const&) noexcept = default;
};

}  // namespace muster
