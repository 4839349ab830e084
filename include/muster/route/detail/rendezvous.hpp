#pragma once

#include <algorithm>    // max, min
#include <array>        // logarithms
#include <bit>          // countl_zero
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <limits>       // infinity
#include <vector>       // places

namespace muster::detail {

/// Spreads a number over all 64 bits; each input has an output of its own.
///
/// Source     the finaliser of SplitMix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014, with the
///            constants that D. Stafford found for it (his variant 13).
[[nodiscard]] constexpr std::uint64_t ring_mixed(std::uint64_t x) noexcept {
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
/// Cost       two multiplications a node, 2 ns; 3 ns where weights differ: few need their logarithm.
/// Source     Thaler, Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998; weights: Schindelhauer, Schomaker,
///            Weighted Distributed Hash Tables, 2005.
class rendezvous {
public:
    /// Where a node stands in the order of one key.
    struct rank {
        std::size_t node = 0;
        double score = 0;
        std::uint64_t draw = 0;    // no two nodes draw alike: mixing is one to one
        [[nodiscard]] bool before(rank const& other) const noexcept {
            return score != other.score ? score < other.score : draw > other.draw;
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
        double least;    // log2(e) / weight, rounded down
    };
    [[nodiscard]] static std::uint64_t draw_of(std::uint64_t key, place const& at) noexcept { return ring_mixed(key ^ at.seed); }
    [[nodiscard]] rank rank_of(std::uint64_t key, std::size_t node) const noexcept {
        auto const& at = places_[node];
        auto const draw = draw_of(key, at);
        return {node, static_cast<double>(minus_log2(draw)) * at.per_weight, draw};
    }

    // -ln(u) >= 1 - u: not more than the score, and without a logarithm.
    [[nodiscard]] static double least_score_of(std::uint64_t key, place const& at) noexcept {
        return static_cast<double>(static_cast<std::int64_t>(~draw_of(key, at) >> 24)) * at.least;
    }
    void better(std::uint64_t key, std::size_t node, rank& best) const noexcept {
        if (auto const here = rank_of(key, node); here.before(best)) best = here;
    }
    static constexpr std::size_t at_a_time = 32;

    std::vector<place> places_;
    bool even_ = true;
};

// Implementation

// In two runs over some nodes at a time: what all drew, without a branch that the processor could guess wrong at each new best one;
// then whose the best was.
inline rendezvous::rank rendezvous::first(std::uint64_t key) const noexcept {
    rank best{.node = size(), .score = std::numeric_limits<double>::infinity()};
    for (std::size_t begin = 0; begin < places_.size(); begin += at_a_time) {
        auto const* const places = places_.data() + begin;
        auto const n = std::min(at_a_time, places_.size() - begin);
        if (even_) {
            std::array<std::uint64_t, at_a_time> draws;
            std::uint64_t highest = 0;
            for (std::size_t i = 0; i < n; ++i) highest = std::max(highest, draws[i] = draw_of(key, places[i]));
            if (begin != 0 && highest <= best.draw) continue;
            for (std::size_t i = 0; i < n; ++i)
                if (draws[i] == highest) best = {begin + i, 0, highest};
        } else {
            std::array<double, at_a_time> least;
            double lowest = best.score;
            for (std::size_t i = 0; i < n; ++i) lowest = std::min(lowest, least[i] = least_score_of(key, places[i]));
            for (std::size_t i = 0; i < n; ++i)
                if (least[i] == lowest) better(key, begin + i, best);    // hardly another can win
            for (std::size_t i = 0; i < n; ++i)
                if (least[i] <= best.score) better(key, begin + i, best);
        }
    }
    return even_ && best.node != size() ? rank_of(key, best.node) : best;
}

inline rendezvous::rank rendezvous::after(std::uint64_t key, rank const& last) const noexcept {
    rank best{.node = size(), .score = std::numeric_limits<double>::infinity()};
    for (std::size_t i = 0; i < places_.size(); ++i) {
        auto const here = rank_of(key, i);
        if (last.before(here) && here.before(best)) best = here;
    }
    return best;
}

}  // namespace muster::detail
