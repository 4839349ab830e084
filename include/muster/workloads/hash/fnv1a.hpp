#pragma once

#include <algorithm>      // min, copy_n
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <span>           // batches
#include <string_view>    // keys

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/hash/detail/each.hpp>           // check_room, span_of
#include <muster/workloads/hash/detail/fnv1a_lanes.hpp>    // fnv1a_block, fnv1a_hash
#include <muster/workloads/hash/hasher.hpp>                // hasher

namespace muster::hashing {

/// FNV-1a of 64 bits: for what has to agree with others, and for short keys. Whoever chooses the keys can make them collide.
///
/// Shape      a std::uint64_t, the same on every machine. See `hasher`.
/// Fails      `each` with cause::invalid_input where there is too little room.
/// Threads    any number.
/// Cost       a batch takes a byte of many keys at a time, by AVX-512 or AVX2 where the processor has it, which is asked when the
///            program runs: for keys of 64 bytes 3 times as fast as one after another, with AVX2 4 times, with AVX-512 8 times. With
///            AVX-512 keys of different lengths cost what the longest of 32 does; without it what they have in common is fast.
/// Source     G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, The FNV Non-Cryptographic Hash Algorithm (RFC 9923).
struct fnv1a {
    using digest_type = std::uint64_t;
    class state;

    [[nodiscard]] constexpr digest_type operator()(std::string_view key) const noexcept {
        return detail::fnv1a_from(detail::fnv1a_basis, key.data(), key.size());
    }
    template <detail::keys Keys>
    outcome<void> each(Keys const& keys, std::span<digest_type> out) const { return each(keys, out, detail::fnv1a_best()); }
    [[nodiscard]] constexpr state start() const noexcept;

    /// For tests and comparisons: by a route that the processor has.
    template <detail::keys Keys>
    outcome<void> each(Keys const& keys, std::span<digest_type> out, detail::fnv1a_route route) const;

    friend bool operator==(fnv1a, fnv1a) noexcept = default;
};

/// The same for what comes in pieces.
class fnv1a::state {
public:
    constexpr void add(std::string_view bytes) noexcept { hash_ = detail::fnv1a_from(hash_, bytes.data(), bytes.size()); }
    [[nodiscard]] constexpr digest_type finish() const noexcept { return hash_; }

private:
    digest_type hash_ = detail::fnv1a_basis;
};

// Implementation

constexpr fnv1a::state fnv1a::start() const noexcept { return {}; }

template <detail::keys Keys>
outcome<void> fnv1a::each(Keys const& keys, std::span<digest_type> out, detail::fnv1a_route route) const {
    auto const in = detail::span_of(keys);
    if (auto const fits = detail::check_room(in.size(), out.size()); !fits) return fits.error();
    detail::fnv1a_block block;
    for (std::size_t done = 0; done < in.size();) {
        auto const count = std::min(in.size() - done, detail::fnv1a_block::most);
        for (std::size_t i = 0; i < count; ++i) {
            std::string_view const key = in[done + i];
            block.at[i] = key.data();
            block.size[i] = key.size();
        }
        for (std::size_t i = count; i < detail::fnv1a_block::most; ++i) block.size[i] = 0;
        detail::fnv1a_hash(block, count, route);
        std::copy_n(block.hash.data(), count, out.data() + done);
        done += count;
    }
    return {};
}

static_assert(hasher<fnv1a>);

}  // namespace muster::hashing
