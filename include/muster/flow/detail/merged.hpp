#pragma once

// Several ranges read as one: what both ways of merging share.

#include <cstddef>        // size_t, ptrdiff_t
#include <iterator>       // default_sentinel, input_iterator_tag
#include <optional>       // readers, once reading began
#include <ranges>         // range_value_t
#include <tuple>          // the ranges
#include <utility>        // forward, index_sequence
#include <variant>        // variant

#include <muster/flow/detail/held_range.hpp>    // held_range, range_reader

namespace muster::detail {

// `Next` chooses: `next(readers, last)` answers which of the readers is next, or their number when all are done.
template <class Next, class... Ranges>
class merged {
    using readers = std::tuple<range_reader<Ranges>...>;

public:
    using value_type = std::variant<std::ranges::range_value_t<Ranges>...>;
    class iterator;

    explicit merged(Next next, Ranges&&... from) : next_(std::move(next)), from_(held_range<Ranges>{std::forward<Ranges>(from)}...) {}

    /// To be called once; reads the first item.
    [[nodiscard]] iterator begin() {
        std::apply([&](auto&... each) { readers_.emplace(range_reader{each}...); }, from_);
        choose(sizeof...(Ranges) - 1);
        return iterator{*this};
    }
    [[nodiscard]] static constexpr std::default_sentinel_t end() noexcept { return {}; }

private:
    void choose(std::size_t last) {
        at_ = next_(*readers_, last);
        if (at_ < sizeof...(Ranges)) take(std::index_sequence_for<Ranges...>{});
    }
    template <std::size_t... I>
    void take(std::index_sequence<I...>) {
        static_cast<void>(((I == at_ && (value_.emplace(std::in_place_index<I>, std::get<I>(*readers_).take()), true)) || ...));
    }
    template <std::size_t... I>
    void step(std::index_sequence<I...>) {
        static_cast<void>(((I == at_ && (std::get<I>(*readers_).step(), true)) || ...));
    }
    void advance() {
        step(std::index_sequence_for<Ranges...>{});
        choose(at_);
    }

    Next next_;
    std::tuple<held_range<Ranges>...> from_;
    std::optional<readers> readers_;
    std::optional<value_type> value_;
    std::size_t at_ = 0;
};

template <class Next, class... Ranges>
class merged<Next, Ranges...>::iterator {
public:
    using value_type = merged::value_type;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(merged& of) noexcept : of_(&of) {}
    iterator(iterator&&) noexcept = default;    // reading is in one place: an iterator moves, it is not copied
    iterator& operator=(iterator&&) noexcept = default;
    ~iterator() = default;

    value_type& operator*() const noexcept { return *of_->value_; }
    iterator& operator++() { return of_->advance(), *this; }
    void operator++(int) { of_->advance(); }
    friend bool operator==(iterator const& at, std::default_sentinel_t) noexcept { return at.done(); }

private:
    [[nodiscard]] bool done() const noexcept { return of_->at_ == sizeof...(Ranges); }

    merged* of_;
};

}  // namespace muster::detail
