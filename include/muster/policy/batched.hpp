#pragma once

#include <chrono>     // nanoseconds
#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>         // place_tag
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/stage.hpp>            // operator|

namespace muster {

/// Hands items over in groups: right of it the item is `std::span<T const>`, the result `std::vector<outcome<R>>`.
///
/// Order      a place: first in the chain. `limit` right of it weighs a batch by its size, `retry` repeats a whole batch, and
///            only when the call failed, not when elements did.
/// Shape      the verb still gives one outcome per item. A call that fails fails each of its items; an answer of another
///            length fails them with cause::wrong_shape.
/// Default    the last batch of a run may be smaller. An automatic size is searched anew in each run, from the time that calls take:
///            large where that makes an item cheaper, and no larger.
/// Waits      in a stream, a batch takes what waits now, at once: under load batches grow to their size, without it items pass alone.
///            With `linger` it waits for more. `map` has all its items: nothing lingers.
/// Cost       a batch is a view of the range where `map` finds that contiguous, else its items are put together: moved where they
///            may be, so that items that cannot be copied pass through a stream; the task sees them const all the same.
struct batched {
    using policy_concept = place_tag;

    static constexpr std::size_t automatic = 0;    ///< as a size: what the calls themselves show to be best

    std::size_t size = 100;             ///< items in a batch, 1 to 1,000,000; 100: the setting BATCH_SIZE has the same default
    std::size_t bytes = 0;              ///< the item with which a batch holds so many bytes is its last; 0: they are not counted
    std::chrono::nanoseconds linger{};    ///< in a stream: how long the first item of a batch waits for more; 0: not at all
    std::size_t most = 0;               ///< of an automatic size; 0: the setting BATCH_SIZE, 100 where nobody says another

    [[nodiscard]] std::string describe() const {
        auto out = "batched{" + (size == automatic ? "automatic" : std::to_string(size));
        if (bytes != 0) out += ", " + std::to_string(bytes) + " bytes";
        if (linger > linger.zero()) out += ", linger " + duration_text(linger);
        return out + "}";
    }
    friend constexpr bool operator==(batched const&, batched const&) noexcept = default;
};

}  // namespace muster
