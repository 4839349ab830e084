#pragma once

#include <compare>     // strong_ordering
#include <cstddef>     // size_t, ptrdiff_t
#include <iterator>    // random_access_iterator_tag
#include <ranges>      // view

namespace muster {

/// The numbers from `first` up to, not including, `last`: `for_each(indices{rows}, on{pool} | task)`.
///
/// Shape      a view with random access; its items are values of type std::size_t. `indices{n}` begins at 0.
/// Cost       two numbers: nothing is stored. It reads without fail, so that a loop over it may be compiled to vector instructions.
class indices {
public:
    class iterator;

    explicit constexpr indices(std::size_t count) noexcept : last_(count) {}
    constexpr indices(std::size_t first, std::size_t last) noexcept : first_(first), last_(last < first ? first : last) {}

    [[nodiscard]] constexpr iterator begin() const noexcept;
    [[nodiscard]] constexpr iterator end() const noexcept;
    [[nodiscard]] constexpr std::size_t size() const noexcept { return last_ - first_; }
    friend constexpr bool operator==(indices, indices) noexcept = default;

private:
    std::size_t first_ = 0;
    std::size_t last_;
};

// Implementation

class indices::iterator {
public:
    using value_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using reference = std::size_t;
    using pointer = void;
    using iterator_category = std::input_iterator_tag;    // what C++17 calls forward hands out references
    using iterator_concept = std::random_access_iterator_tag;

    constexpr iterator() noexcept = default;
    explicit constexpr iterator(std::size_t at) noexcept : at_(at) {}

    constexpr std::size_t operator*() const noexcept { return at_; }
    constexpr std::size_t operator[](difference_type by) const noexcept { return at_ + static_cast<std::size_t>(by); }

    constexpr iterator& operator++() noexcept { return ++at_, *this; }
    constexpr iterator& operator--() noexcept { return --at_, *this; }
    constexpr iterator operator++(int) noexcept { return iterator{at_++}; }
    constexpr iterator operator--(int) noexcept { return iterator{at_--}; }
    constexpr iterator& operator+=(difference_type by) noexcept { return at_ += static_cast<std::size_t>(by), *this; }
    constexpr iterator& operator-=(difference_type by) noexcept { return at_ -= static_cast<std::size_t>(by), *this; }

    friend constexpr iterator operator+(iterator from, difference_type by) noexcept { return from += by; }
    friend constexpr iterator operator+(difference_type by, iterator from) noexcept { return from += by; }
    friend constexpr iterator operator-(iterator from, difference_type by) noexcept { return from -= by; }
    friend constexpr difference_type operator-(iterator a, iterator b) noexcept {
        return static_cast<difference_type>(a.at_ - b.at_);
    }
    friend constexpr auto operator<=>(iterator, iterator) noexcept = default;

private:
    std::size_t at_ = 0;
};

constexpr indices::iterator indices::begin() const noexcept { return iterator{first_}; }
constexpr indices::iterator indices::end() const noexcept { return iterator{last_}; }

}  // namespace muster

template <>
inline constexpr bool std::ranges::enable_view<muster::indices> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<muster::indices> = true;
