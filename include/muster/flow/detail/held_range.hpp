#pragma once

#include <memory>         // addressof
#include <ranges>         // iterator_t
#include <type_traits>    // is_lvalue_reference
#include <utility>        // exchange, forward

namespace muster::detail {

/// A range that is read once: kept when it was given away, referred to when it was only lent.
template <class Range>
class held_range {
    static constexpr bool lent = std::is_lvalue_reference_v<Range>;
    using range = std::remove_reference_t<Range>;

public:
    explicit held_range(Range&& from) : range_(hold(from)) {}

    [[nodiscard]] auto begin() { return std::ranges::begin(get()); }
    [[nodiscard]] auto end() { return std::ranges::end(get()); }

private:
    static decltype(auto) hold(range& from) {
        if constexpr (lent) return std::addressof(from);
        else return std::move(from);
    }
    range& get() noexcept {
        if constexpr (lent) return *range_;
        else return range_;
    }
    std::conditional_t<lent, range*, range> range_;
};

/// Where one of several ranges is read. An item is taken out by moving where the range was given away, else it is copied.
template <class Range>
class range_reader {
public:
    using value = std::ranges::range_value_t<Range>;

    explicit range_reader(held_range<Range>& from) : at_(from.begin()), end_(from.end()) {}

    /// Goes on to the next item only here, when it is asked for: until then nobody waits for it.
    [[nodiscard]] bool done() {
        if (std::exchange(behind_, false)) ++at_;
        return at_ == end_;
    }
    [[nodiscard]] decltype(auto) front() const { return *at_; }
    [[nodiscard]] value take() const {
        if constexpr (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>)
            return static_cast<value>(std::ranges::iter_move(at_));
        else
            return static_cast<value>(*at_);
    }
    void step() noexcept { behind_ = true; }

private:
    std::ranges::iterator_t<Range> at_;
    std::ranges::sentinel_t<Range> end_;
    bool behind_ = false;    // the item at `at_` was taken
};

}  // namespace muster::detail
