#pragma once

#include <concepts>       // convertible_to
#include <cstddef>        // size_t
#include <iterator>       // data, size
#include <ranges>         // contiguous_range
#include <span>           // span
#include <string>         // text
#include <string_view>    // keys

#include <muster/core/outcome.hpp>    // outcome

namespace muster::hashing::detail {

// A span, a vector, an array of what converts to a std::string_view.
template <class Keys>
concept keys = std::ranges::contiguous_range<Keys const> && std::ranges::sized_range<Keys const> &&
               std::convertible_to<std::ranges::range_reference_t<Keys const>, std::string_view>;

template <keys Keys>
using key_of = std::remove_cv_t<std::remove_reference_t<std::ranges::range_reference_t<Keys const>>>;

template <keys Keys>
[[nodiscard]] auto span_of(Keys const& all) noexcept {
    return std::span<key_of<Keys> const>{std::ranges::data(all), static_cast<std::size_t>(std::ranges::size(all))};
}

[[nodiscard]] inline outcome<void> check_room(std::size_t keys, std::size_t room) {
    if (keys <= room) return {};
    return failure{cause::invalid_input,
                   "muster: there is room for " + std::to_string(room) + " digests of " + std::to_string(keys) + " keys"};
}

// One after the other, for hashes that gain nothing from several at a time.
template <class Hasher, keys Keys>
outcome<void> each_alone(Hasher const& hash, Keys const& all, std::span<typename Hasher::digest_type> out) {
    auto const in = span_of(all);
    if (auto const fits = check_room(in.size(), out.size()); !fits) return fits.error();
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = hash(std::string_view(in[i]));
    return {};
}

}  // namespace muster::hashing::detail
