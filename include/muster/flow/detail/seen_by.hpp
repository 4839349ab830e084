#pragma once

#include <concepts>       // invocable
#include <functional>     // invoke
#include <type_traits>    // invoke_result

namespace muster::detail {

/// What a function says of an item, where a queue holds more than the item: `seen(held)` is what it is asked about.
template <class Says, class Seen>
struct seen_by {
    [[no_unique_address]] Says says;
    [[no_unique_address]] Seen seen;

    template <class Held>
        requires std::invocable<Seen const&, Held const&> && std::invocable<Says const&, std::invoke_result_t<Seen const&, Held const&>>
    auto operator()(Held const& held) const { return std::invoke(says, std::invoke(seen, held)); }
};

}  // namespace muster::detail
