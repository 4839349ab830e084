#pragma once

#include <cstddef>        // size_t
#include <iterator>       // unreachable_sentinel_t
#include <ranges>         // forward_range, view
#include <type_traits>    // conditional
#include <utility>        // declval, move
#include <vector>         // what is gathered

namespace muster::detail {

/// True where the range goes out of scope with its elements: an rvalue that is no view of somebody else's.
template <class Items>
inline constexpr bool gives_away =
    !std::is_lvalue_reference_v<Items> && !std::ranges::borrowed_range<Items> && !std::ranges::view<std::remove_cvref_t<Items>>;

template <class Items>
struct item_in {    // of a range that can be walked again
    using reference = std::ranges::range_reference_t<Items>;
    using type = std::conditional_t<gives_away<Items> && std::is_lvalue_reference_v<reference>,
                                    std::remove_reference_t<reference>&&, reference>;
};
template <class Items>
    requires(!std::ranges::forward_range<Items>)
struct item_in<Items> {    // of one that can be read once: what was taken out of it
    using type = std::ranges::range_value_t<Items>&&;
};

/// What the task is called with: the range's reference, or an rvalue where the range gives its elements away or is read only once.
template <class Items>
using item_of = typename item_in<Items>::type;

/// Reads the items of a range by position. Small: a loop keeps a copy of its own, which nothing that a task writes can change.
template <class Range>
class reader {
    static constexpr bool by_position = std::ranges::random_access_range<Range>, again = std::ranges::forward_range<Range>;
    using iterator = std::ranges::iterator_t<Range>;
    struct taken {    // a vector of these has elements to hand on, also where a vector of bool has none
        std::ranges::range_value_t<Range> value;
    };

public:
    using gathered = std::conditional_t<again, iterator, taken>;
    using source = std::conditional_t<by_position, iterator, gathered*>;

    explicit reader(source from) : from_(std::move(from)) {}

    decltype(auto) operator[](std::size_t i) const noexcept(reads_quietly) {
        if constexpr (by_position) return from_[static_cast<std::ranges::range_difference_t<Range>>(i)];
        else if constexpr (again) return *from_[i];
        else return (from_[i].value);
    }

private:
    static constexpr bool reads_quietly = [] {
        if constexpr (by_position) return noexcept(std::declval<iterator const&>()[std::ranges::range_difference_t<Range>{}]);
        else if constexpr (again) return noexcept(*std::declval<iterator const&>());
        else return true;
    }();
    source from_;
};

/// A range made ready to be read in any order: random access as it is, any other with its iterators gathered, and one that can be
/// read only once with its items.
template <class Items>
class indexed {
    using range = std::remove_reference_t<Items>;
    using gathered = typename reader<range>::gathered;
    static constexpr bool by_position = std::ranges::random_access_range<range>;
    static_assert(!std::same_as<std::ranges::sentinel_t<range>, std::unreachable_sentinel_t>,
                  "muster: a verb needs a range with an end: give it a bound, as indices{first, last} has one");

public:
    explicit indexed(range& items) : source_(source_of(items)), size_(size_of(items)) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] reader<range> items() {
        if constexpr (by_position) return reader<range>{source_};
        else return reader<range>{source_.data()};
    }

private:
    static auto source_of(range& items) {
        if constexpr (by_position) {
            return std::ranges::begin(items);
        } else {
            std::vector<gathered> out;
            if constexpr (std::ranges::sized_range<range>) out.reserve(static_cast<std::size_t>(std::ranges::size(items)));
            auto const last = std::ranges::end(items);
            for (auto it = std::ranges::begin(items); it != last; ++it) {
                if constexpr (std::ranges::forward_range<range>) out.push_back(it);
                else out.push_back({static_cast<std::ranges::range_value_t<range>>(*it)});
            }
            return out;
        }
    }
    std::size_t size_of(range& items) const {
        if constexpr (by_position) return static_cast<std::size_t>(std::ranges::distance(items));
        else return source_.size();
    }

    std::conditional_t<by_position, std::ranges::iterator_t<range>, std::vector<gathered>> source_;
    std::size_t size_;
};

}  // namespace muster::detail
