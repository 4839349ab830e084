#pragma once

#include <chrono>      // nanoseconds
#include <concepts>    // same_as
#include <cstddef>     // size_t
#include <utility>     // move

#include <muster/flow/detail/window_grid.hpp>    // grid_windows

namespace muster {

/// How long windows are, how far apart they begin, and how long they wait.
///
/// Units      as `tumbling_options`.
struct sliding_options {
    std::chrono::nanoseconds size{std::chrono::minutes{5}};    ///< 5min
    std::chrono::nanoseconds step{std::chrono::minutes{1}};    ///< 1min: each item is in five windows
    std::chrono::nanoseconds out_of_order{0};    ///< how much earlier than the latest item one may still come; 0s: they come in order
    std::chrono::nanoseconds lateness{0};        ///< how much longer a window is kept that was given, to be corrected; 0s: not at all
    std::size_t most = 1'000'000;                ///< keys in all windows together: 1,000,000, some 100 MB for small keys and values
};

/// An operator: the items of stretches of event time that overlap, folded by key: the last five minutes, every minute. Each item is in
/// all windows that its time falls into; where `step` is longer than `size`, perhaps in none.
///
///     sliding{{.size = 5min, .step = 1min}, &request::at, &request::host, 0, [](int n, request const&) { return n + 1; }}
///
/// Order      as `tumbling`.
/// Shape      as `tumbling`; windows begin at whole multiples of `step`. A window that is gone does not make an item late as long
///            as a later one that it falls into is there.
/// Fails      as `tumbling`; an item for whose windows there is not room in all is in none.
/// Throws     as `tumbling`; also for windows that overlap more than 1,000 at a time. An item for which `f` throws stays counted in
///            the windows before the one where it threw.
/// Cost       a look-up and a call of `f` for each window of an item: size / step, rounded up.
/// Source     as `tumbling`.
template <class TimeOf, class KeyOf, class Acc, class Fold>
class sliding : public detail::grid_windows<TimeOf, KeyOf, Acc, Fold> {
public:
    sliding(sliding_options options, TimeOf time_of, KeyOf key_of, Acc initial, Fold f)
        : detail::grid_windows<TimeOf, KeyOf, Acc, Fold>(
              "sliding", {options.size, options.step, options.out_of_order, options.lateness, options.most}, std::move(time_of),
              std::move(key_of), std::move(initial), std::move(f)) {}
    sliding(sliding_options options, TimeOf time_of, Acc initial, Fold f)
        requires std::same_as<KeyOf, detail::no_key>
        : sliding(options, std::move(time_of), detail::no_key{}, std::move(initial), std::move(f)) {}
};

template <class TimeOf, class KeyOf, class Acc, class Fold>
sliding(sliding_options, TimeOf, KeyOf, Acc, Fold) -> sliding<TimeOf, KeyOf, Acc, Fold>;
template <class TimeOf, class Acc, class Fold>
sliding(sliding_options, TimeOf, Acc, Fold) -> sliding<TimeOf, detail::no_key, Acc, Fold>;

}  // namespace muster
