#pragma once

#include <functional>     // invoke
#include <type_traits>    // is_void
#include <utility>        // as_const

namespace muster::detail {

template <class Fold, class Acc, class Item>
concept folds_in_place = std::is_invocable_v<Fold const&, Acc&, Item const&> &&
                         std::is_void_v<std::invoke_result_t<Fold const&, Acc&, Item const&>>;

/// `f(value&, item)` changes a value; `f(value const&, item)` answers the next one, and leaves the old one where it throws.
template <class Fold, class Acc, class Item>
constexpr void fold_item(Fold const& f, Acc& value, Item const& item) {
    if constexpr (folds_in_place<Fold, Acc, Item>) {
        std::invoke(f, value, item);
    } else {
        static_assert(std::is_invocable_r_v<Acc, Fold const&, Acc const&, Item const&>,
                      "muster: fold as void f(value&, item const&), or as f(value const&, item const&), which answers the next value");
        value = std::invoke(f, std::as_const(value), item);
    }
}

}  // namespace muster::detail
