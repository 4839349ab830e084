#pragma once

#include <cstdint>    // uint32_t

namespace muster {

/// What a window gives for one key: the fold of the items whose times are in it.
///
/// Shape      an aggregate; it travels where its parts do. The key is a `std::monostate` where the window was given no function
///            for it. `from` is in the window, `to` is behind it; both are the nearest times there are where the window goes beyond.
/// Default    revision 0: what it gives first; 1 and more correct it, for items that came after that and within the lateness.
template <class Key, class Value, class Time>
struct windowed {
    Key key;
    Time from;
    Time to;
    Value value;
    std::uint32_t revision = 0;

    friend bool operator==(windowed const&, windowed const&) = default;
};

}  // namespace muster
