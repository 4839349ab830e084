#pragma once

#include <array>      // logarithms
#include <bit>        // countl_zero
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <limits>     // infinity
#include <vector>     // places

namespace muster::detail {

/// Spreads a number over all 64 bits; each input has an output of its own.
///
/// Source     the finaliser of SplitMix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014, with the
///            constants that D. Stafford found for it (his variant 13).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/// log2(1 + i / 256) in units of 2^-40, by repeated squaring. Whole numbers only: it is the same in every program.
[[nodiscard]] constexpr std::array<std::uint64_t, 257> make_logarithms() noexcept {
    std::array<std::uint64_t, 257> out{};
    for (std::size_t i = 0; i < 256; ++i) {
        std::uint64_t y = (256 + i) << 23;    // 1 is 2^31
        for (int bit = 0; bit < 40; ++bit) {
            y = (y * y) >> 31;
            auto const above_two = y >> 32;
            y >>= above_two;
            out[i] = 2 * out[i] + above_two;
        }
    }
    out[256] = std::uint64_t{1} << 40;
    return out;
}
inline constexpr auto logarithms = make_logarithms();

/// -log2 of the part that a draw is of 2^64, in units of 2^-40, to within 3 millionths; never less for a smaller draw.
[[nodiscard]] constexpr std::uint64_t minus_log2(std::uint64_t draw) noexcept {
    auto const zeros = std::countl_zero(draw | 1);
    auto const fraction = ((draw | 1) << zeros) << 1;    // behind the leading one
    auto const i = static_cast<std::size_t>(fraction >> 56);
    auto const rest = (fraction >> 32) & 0xffffffu;      // between two entries: a straight line
    auto const log = logarithms[i] + (((logarithms[i + 1] - logarithms[i]) * rest) >> 24);
    return (static_cast<std::uint64_t>(zeros + 1) << 40) - log;
}

/// Orders nodes for a key: each node draws a number from the key and its own seed, and what it draws depends on no other node.
///
/// Shape      the first is the one with the smallest -log(draw) / weight: each node is first for a share of the keys in
///            proportion to its weight. All of one weight are compared by the draw alone, which is the same order.
/// Threads    any number may look; it is changed by one, before it is shared.
/// Cost       two multiplications a node, in one run through memory; a logarithm from a table, too, where weights differ.
/// Source     Thaler, Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998; weights: Schindelhauer, Schomaker,
///            Weighted Distributed Hash Tables, 2005.
class rendezvous {
public:
    /// Where a node stands in the order of one key.
    struct rank {
        std::size_t node = 0;
        double score = 0;
        std::uint64_t draw = 0;
        std::uint64_t seed = 0;
        /// Nodes that tie are told apart the same way in every program.
        [[nodiscard]] bool before(rank const& other) const noexcept {
            if (score != other.score) return score < other.score;
            return draw != other.draw ? draw > other.draw : seed < other.seed;
        }
    };

    void add(std::uint64_t seed, double weight) {
        even_ = even_ && (places_.empty() || places_.front().weight == weight);
        places_.push_back({seed, weight, 1 / weight, 1.4426 / weight});
    }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

    /// The first node for a key; `node == size()` where there is none.
    [[nodiscard]] rank first(std::uint64_t key) const noexcept;
    /// The one behind `last`, which may stand in an older version of this order; `node == size()` where there is none.
    [[nodiscard]] rank after(std::uint64_t key, rank const& last) const noexcept;

private:
    struct place {
        std::uint64_t seed;
        double weight;
        double per_weight;
        double least;    // times the rest of a draw to 2^64, in units of 2^-40: the score is not less, as -ln(u) >= 1 - u
    };
    [[nodiscard]] static std::uint64_t draw_of(std::uint64_t key, place const& at) noexcept { return mixed(key ^ at.seed); }
    [[nodiscard]] rank rank_of(std::uint64_t key, std::size_t node) const noexcept {
        auto const& at = places_[node];
        auto const draw = draw_of(key, at);
        return {node, static_cast<double>(minus_log2(draw)) * at.per_weight, draw, at.seed};
    }

    std::vector<place> places_;
    bool even_ = true;
};

// Implementation

inline rendezvous::rank rendezvous::first(std::uint64_t key) const noexcept {
    rank best{.node = size(), .score = std::numeric_limits<double>::infinity()};
    if (even_) {
        std::uint64_t highest = 0;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            auto const draw = draw_of(key, places_[i]);
            if (draw < highest) continue;
            if (draw == highest && best.node != size() && places_[best.node].seed < places_[i].seed) continue;
            highest = draw;
            best.node = i;
        }
        return places_.empty() ? best : rank_of(key, best.node);
    }
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto const rest = static_cast<std::int64_t>(~draw_of(key, places_[i]) >> 24);
        if (static_cast<double>(rest) * places_[i].least > best.score) continue;    // most need no logarithm
        if (auto const here = rank_of(key, i); here.before(best)) best = here;
    }
    return best;
}

inline rendezvous::rank rendezvous::after(std::uint64_t key, rank const& last) const noexcept {
    rank best{.node = size()};
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto const here = rank_of(key, i);
        if (last.before(here) && (best.node == size() || here.before(best))) best = here;
    }
    return best;
}

}  // namespace muster::detail
