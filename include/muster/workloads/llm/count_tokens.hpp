#pragma once

namespace muster::llm {

namespace detail {
struct token_count {
    template <class Item>
        requires requires(Item const& item) { static_cast<double>(tokens_of(item)); }
    [[nodiscard]] constexpr double operator()(Item const& item) const {
        return static_cast<double>(tokens_of(item));
    }
    friend constexpr bool operator==(token_count, token_count) noexcept = default;
};
}  // namespace detail

/// What an item weighs where tokens are counted: what its `tokens_of`, found by ADL, says. `limit{quota, count_tokens} | ask`; beside it
/// `limit{bulkhead}` counts calls, whatever their size.
inline constexpr detail::token_count count_tokens{};

}  // namespace muster::llm
