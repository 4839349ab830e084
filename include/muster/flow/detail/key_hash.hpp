#pragma once

#include <concepts>         // convertible_to
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <cstring>          // memcpy
#include <functional>       // hash
#include <ranges>           // view
#include <string_view>      // text
#include <type_traits>      // remove_cvref
#include <variant>          // monostate

#include <sys/random.h>    // getrandom

namespace muster::detail {

/// Keys come from outside: a number of this process goes into their hashes, so that nobody can choose keys that all fall together.
// std::hash of a number is the number, and of a text the same in every process. Of other types it is std::hash that says, mixed.
template <class Key>
struct key_hash {
    std::size_t operator()(Key const& key) const noexcept(noexcept(std::hash<Key>{}(key))) {
        if constexpr (std::convertible_to<Key const&, std::string_view>) return static_cast<std::size_t>(of_text(key));
        else return static_cast<std::size_t>(mix(std::hash<Key>{}(key), seed()));
    }

private:
    __extension__ using product = unsigned __int128;

    static std::uint64_t seed() noexcept {
        static std::uint64_t const once = [] {
            std::uint64_t number = 0;
            if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof number))
                number = reinterpret_cast<std::uintptr_t>(&number);    // early in the boot: where the stack lies
            return number;
        }();
        return once;
    }
    // The halves of the product of 64 by 64 bits, folded, as wyhash mixes.
    static std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
        auto const both = static_cast<product>(a ^ 0xa0761d6478bd642fU) * (b | 1);
        auto const folded = static_cast<std::uint64_t>(both) ^ static_cast<std::uint64_t>(both >> 64);
        auto const again = static_cast<product>(folded ^ 0xe7037ed1a0b428dbU) * 0x9e3779b97f4a7c15U;
        return static_cast<std::uint64_t>(again) ^ static_cast<std::uint64_t>(again >> 64);
    }
    static std::uint64_t of_text(std::string_view text) noexcept {
        auto hash = mix(text.size(), seed());
        while (!text.empty()) {
            std::uint64_t word = 0;
            auto const n = text.size() < sizeof word ? text.size() : sizeof word;
            std::memcpy(&word, text.data(), n);
            hash = mix(word ^ hash, seed());
            text.remove_prefix(n);
        }
        return hash;
    }
};

/// One key for all items.
struct no_key {
    template <class Item>
    constexpr std::monostate operator()(Item const&) const noexcept { return {}; }
};

/// Kept for longer than the item that it was taken from, so no view of it.
template <class Key>
concept hashable_key = std::copy_constructible<Key> && std::equality_comparable<Key> && !std::ranges::view<Key> &&
                       requires(Key const& key) {
                           { std::hash<Key>{}(key) } -> std::convertible_to<std::size_t>;
                       };

template <class KeyOf, class Item>
using key_of_item = std::remove_cvref_t<std::invoke_result_t<KeyOf const&, Item const&>>;

}  // namespace muster::detail
