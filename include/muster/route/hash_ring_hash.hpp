#pragma once

#include <concepts>       // integral, convertible_to
#include <cstddef>        // byte
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <span>           // bytes
#include <string_view>    // text
#include <type_traits>    // is_enum
#include <vector>         // long keys

#include <muster/core/wire.hpp>                  // encoded, transportable, wire_writer
#include <muster/route/detail/rendezvous.hpp>    // ring_mixed

namespace muster {

namespace detail {
// Eight bytes at a time, each ring_mixed into what came before; the length last, so that zeros at the end count.
[[nodiscard]] inline std::uint64_t hash_of_bytes(void const* at, std::size_t n) noexcept {
    auto const* bytes = static_cast<std::byte const*>(at);
    std::uint64_t hash = 0x9e3779b97f4a7c15u;
    for (auto left = n; left != 0;) {
        std::uint64_t word = 0;
        auto const step = left < sizeof word ? left : sizeof word;
        std::memcpy(&word, bytes, step);
        hash = ring_mixed(hash ^ word);
        bytes += step;
        left -= step;
    }
    return ring_mixed(hash ^ n);
}
template <class Key>
inline constexpr bool is_text = std::convertible_to<Key const&, std::string_view>;
template <class Key>
inline constexpr bool has_ring_hash = std::integral<Key> || std::is_enum_v<Key> || is_text<Key> || transportable<Key>;
}  // namespace detail

/// The hash of a key that is the same in every program, on machines of one byte order: all that share the nodes of a hash_ring
/// find a key at the same one. std::hash is not: each standard library has its own.
///
/// Shape      whole numbers and enums by value, whatever their width; text by its characters; what else is transportable by its
///            bytes on the wire. Keys that are equal need equal bytes there: no floating point zero with either sign, and no
///            unordered containers.
/// Fails      nobody who shall not be trusted may choose the keys: it is no defence against keys made to meet.
/// Cost       2 ns for a number, 2 to 3 ns for each 8 characters; a key whose bytes are more than 256 allocates.
template <class Key>
struct hash_ring_hash {
    static_assert(detail::has_ring_hash<Key>,
                  "muster: this key has no bytes that are the same in every program; write hash_ring<Node, YourHash>");

    [[nodiscard]] std::uint64_t operator()(Key const& key) const {
        if constexpr (std::integral<Key> || std::is_enum_v<Key>) {
            return detail::ring_mixed(static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15u);
        } else if constexpr (detail::is_text<Key>) {
            std::string_view const text = key;
            return detail::hash_of_bytes(text.data(), text.size());
        } else if constexpr (detail::has_ring_hash<Key>) {
            std::byte room[256];
            wire_writer out{room, sizeof room};
            out.put(key);
            if (out.fits()) return detail::hash_of_bytes(room, out.size());
            auto const bytes = encoded(key);
            return detail::hash_of_bytes(bytes.data(), bytes.size());
        } else {
            return 0;
        }
    }
};

}  // namespace muster
