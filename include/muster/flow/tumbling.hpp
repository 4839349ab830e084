#pragma once

#include <chrono>      // nanoseconds
#include <concepts>    // same_as
#include <cstddef>     // size_t
#include <utility>     // move

#include <muster/flow/detail/window_grid.hpp>    // grid_windows

namespace muster {

/// How long windows are, and how long they wait.
///
/// Units      whole numbers of ticks of the items' time; `out_of_order` and `lateness` are rounded up to such.
struct tumbling_options {
    std::chrono::nanoseconds size{std::chrono::minutes{1}};    ///< 1min: what people draw curves in
    std::chrono::nanoseconds out_of_order{0};    ///< how much earlier than the latest item one may still come; 0s: they come in order
    std::chrono::nanoseconds lateness{0};        ///< how much longer a window is kept that was given, to be corrected; 0s: not at all
    std::size_t most = 1'000'000;                ///< keys in all windows together: 1,000,000, some 100 MB for small keys and values
};

/// An operator: the items of each stretch of event time, folded by key. Windows follow one another without gap and begin at whole
/// multiples of their size, counted from the epoch of the items' clock.
///
///     tumbling{{.size = 1min, .out_of_order = 5s}, &reading::at, &reading::sensor, 0.0,
///              [](double sum, reading const& r) { return sum + r.value; }}
///
/// Order      results by the end of their window, then in the order in which their keys first appeared in it. A window is given when
///            the watermark, the latest time of any item less `out_of_order`, reaches its end; the rest at the end of the stream.
/// Shape      `windowed<Key, Acc, Time>`. `time_of(item)` gives a time point or duration of whole numbers; `key_of(item)` something
///            with a std::hash, and may be left out: one key for all. `f(acc const&, item const&)` answers the next value, or
///            `f(acc&, item const&)` changes it. An item within the lateness gives its corrected result at once.
/// Fails      cause::invalid_input for an item whose window is gone, with its times; exhausted for one that would begin a window
///            beyond `most`. Neither is counted in any window; their times are: a watermark never waits for room. One item from a
///            clock that is far ahead makes all others late: where such may come, `split` them off before.
/// Throws     std::invalid_argument for options out of range, and at the start of a run for a size that is no whole number of ticks.
///            What `time_of`, `key_of` and `f` throw; the item then is not counted, unless it was f that changed a value.
/// Cost       a look-up for each item. Time does not go on by itself: without items no window closes. The state travels where keys
///            and values do.
/// Source     Akidau et al., The Dataflow Model (VLDB 2015): windows, watermarks, corrections ("accumulating").
template <class TimeOf, class KeyOf, class Acc, class Fold>
class tumbling : public detail::grid_windows<TimeOf, KeyOf, Acc, Fold> {
public:
    tumbling(tumbling_options options, TimeOf time_of, KeyOf key_of, Acc initial, Fold f)
        : detail::grid_windows<TimeOf, KeyOf, Acc, Fold>(
              "tumbling", {options.size, options.size, options.out_of_order, options.lateness, options.most}, std::move(time_of),
              std::move(key_of), std::move(initial), std::move(f)) {}
    tumbling(tumbling_options options, TimeOf time_of, Acc initial, Fold f)
        requires std::same_as<KeyOf, detail::no_key>
        : tumbling(options, std::move(time_of), detail::no_key{}, std::move(initial), std::move(f)) {}
};

template <class TimeOf, class KeyOf, class Acc, class Fold>
tumbling(tumbling_options, TimeOf, KeyOf, Acc, Fold) -> tumbling<TimeOf, KeyOf, Acc, Fold>;
template <class TimeOf, class Acc, class Fold>
tumbling(tumbling_options, TimeOf, Acc, Fold) -> tumbling<TimeOf, detail::no_key, Acc, Fold>;

}  // namespace muster
