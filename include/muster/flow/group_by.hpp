#pragma once

#include <optional>       // a sorter, once there are items
#include <utility>        // move

#include <muster/core/concepts.hpp>            // operator_tag
#include <muster/core/invoke_task.hpp>         // guarded
#include <muster/core/wire.hpp>                // transportable
#include <muster/flow/detail/fold_item.hpp>    // fold_item
#include <muster/flow/detail/give.hpp>         // give
#include <muster/flow/sorted_items.hpp>        // sorted_items

namespace muster {

/// A key, and what all items that have it were folded to.
///
/// Shape      an aggregate; it travels where its parts do.
template <class Key, class Value>
struct grouped {
    Key key;
    Value value;

    friend bool operator==(grouped const&, grouped const&) = default;
};

namespace detail {
template <class Item, class KeyOf>
struct group_state {
    std::optional<sorted_items<Item, KeyOf>> all;
};
}  // namespace detail

/// An operator: all items of a stream, folded by key, however many items and keys there are: what has no room in memory waits on
/// the disk. It gives nothing before the stream ends; for endless ones there are windows. To read the items of each group
/// instead, see `sorted_items`.
///
///     group_by{{.memory = 256 * MiB}, &request::host, 0, [](int n, request const&) { return n + 1; }}
///
/// Order      keys by `<`; the items of a key are folded as they came.
/// Shape      `grouped<Key, Acc>`. Items are transportable, keys have `<`; `f(acc const&, item const&)` answers the next value, or
///            `f(acc&, item const&)` changes it.
/// Fails      as `sorted_items`, for the item that was not taken; at the end, once for what could not be read back. An item for which f
///            throws is that failure, and its group goes on without it.
/// Throws     what key_of or encoding an item throws.
/// Lifetime   as `spill_file`: nothing stays on the disk. The state does not travel: after a crash the source is read again.
/// Cost       as `sorted_items`.
template <class KeyOf, class Acc, class Fold>
class group_by {
    template <class Item>
    using key_type = typename sorted_items<Item, KeyOf>::key_type;

public:
    using operator_concept = operator_tag;
    template <transportable Item>
    using output = grouped<key_type<Item>, Acc>;

    group_by(sorted_items_options options, KeyOf key_of, Acc initial, Fold f)
        : options_(std::move(options)), key_of_(std::move(key_of)), initial_(std::move(initial)), f_(std::move(f)) {}

    template <class Item>
    [[nodiscard]] detail::group_state<Item, KeyOf> make_state() const {
        static_assert(transportable<Item>, "muster: items that may wait on the disk own what they refer to: see muster/core/wire.hpp");
        detail::group_state<Item, KeyOf> made;
        made.all.emplace(key_of_, options_);    // says at once when the options are wrong
        return made;
    }

    template <class Item>
    void push(detail::group_state<Item, KeyOf>& state, Item&& item, auto&& emit_to) const {
        if (!state.all) state.all.emplace(key_of_, options_);
        if (auto added = state.all->add(item); !added) detail::give(emit_to, std::move(added).error());
    }

    template <class Item>
    void flush(detail::group_state<Item, KeyOf>& state, auto&& emit_to) const {
        if (!state.all) return;
        auto all = std::move(*state.all);
        state.all.reset();
        for (;;) {
            auto key = all.next_group();
            if (!key) return static_cast<void>(detail::give(emit_to, std::move(key).error()));
            if (!key->has_value()) return;
            Acc value = initial_;
            for (;;) {
                auto item = all.next_in_group();
                if (!item) return static_cast<void>(detail::give(emit_to, std::move(item).error()));
                if (!item->has_value()) break;
                auto folded = guarded<outcome<void>>([&]() -> outcome<void> {
                    detail::fold_item(f_, value, **item);
                    return {};
                });
                if (!folded && !detail::give(emit_to, std::move(folded).error())) return;
            }
            if (!detail::give(emit_to, output<Item>{std::move(**key), std::move(value)})) return;
        }
    }

private:
    sorted_items_options options_;
    [[no_unique_address]] KeyOf key_of_;
    Acc initial_;
    [[no_unique_address]] Fold f_;
};

}  // namespace muster
