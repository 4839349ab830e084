#pragma once

#include <cstddef>      // size_t
#include <span>         // where to
#include <stdexcept>    // length_error
#include <string>       // its text

namespace muster {

/// Where a verb writes values: as many as items, in their order.
///
/// Shape      the span may be the range itself, each answer in the place of its item; it does not overlap it otherwise.
/// Threads    answers are written while tasks run, in any order: a task does not look at those of other items.
template <class T>
struct into {
    std::span<T> out;
    explicit constexpr into(std::span<T> where) noexcept : out(where) {}
};
template <class Range>
into(Range&) -> into<typename Range::value_type>;

namespace detail {

/// Throws where there is too little room, before anything runs.
template <class T>
void check_room(into<T> const& where, std::size_t items) {
    if (where.out.size() < items)
        throw std::length_error("muster: into{span} has room for " + std::to_string(where.out.size()) + " values of " +
                                std::to_string(items) + " items");
}

}  // namespace detail
}  // namespace muster
