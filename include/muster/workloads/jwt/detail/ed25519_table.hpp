#pragma once

#include <algorithm>      // min
#include <array>          // bytes
#include <cstddef>        // size_t
#include <cstring>        // memcpy, memcmp
#include <memory>         // unique_ptr, shared_ptr
#include <new>            // nothrow
#include <span>           // jobs
#include <string_view>    // string_view
#include <tuple>          // tuple_size_v

#include <muster/workloads/jwt/detail/edwards25519.hpp>          // extended_point
#include <muster/workloads/jwt/detail/edwards25519_lanes.hpp>    // point_route
#include <muster/workloads/jwt/detail/quick_inverse25519.hpp>    // quick_inverse
#include <muster/workloads/jwt/detail/scalar25519.hpp>           // signed_digits
#include <muster/workloads/jwt/detail/sha2.hpp>                  // sha2

// Verification of Ed25519 by tables: of the base point B, and of the one public key A that signs for months. S B - h A is then 64
// additions of points that lie ready, without a doubling; what comes out is compared with R as bytes, so that R is not decompressed.
//
// It judges as libsodium 1.0.18 does, one signature as the next: the equation without the cofactor, S below L, A and R not of small
// order, both canonical. All of it is public, so it may take longer for one than for another. Nothing here ever sees a secret.
//
// Eight bits to a window, 512 KiB a key. On one core (Zen 4 with 1 MiB of second cache, GCC 12 -O3), microseconds for a message of
// 200 bytes, one by one and 64 together, where libsodium takes 50. Each is the least of 40 rounds in two runs on a machine that had
// other work to do; differences below 10 % say little:
//
//     keys at work   4 bits: 64 KiB   5: 102 KiB    6: 172 KiB    8: 512 KiB
//      1              13.8  11.1      12.7   9.8    13.5   9.2    10.6   7.8
//      4              13.9  11.0      13.1  10.1    12.1   9.2    11.0   8.1
//     64              16.2  13.3      13.6  10.4    13.2  10.6    10.9   8.0
//
// That was with an inversion by a power, of 3 us. By division steps it is 1.2 us, and with additions in lanes, where there is AVX-512
// IFMA, a verification is less than half of it: 8 bits, one by one and 64 together, measured the same way:
//
//     keys at work   portable       lanes
//      1               8.8  7.9     4.0  3.1
//      4               9.3  8.3     4.1  3.1
//     64               9.8  8.7     4.2  3.2
//
// A table takes 1.1 to 2 ms to make. OpenSSL's SHA-512 takes 0.50 us of it, libsodium's 0.77.
//
// Source: RFC 8032, section 5.1.7; E. Brickell, D. Gordon, K. McCurley, D. Wilson, Fast Exponentiation with Precomputation (1992),
// for the tables; P. Montgomery, Speeding the Pollard and Elliptic Curve Methods of Factorization (1987), for the shared inversion.

namespace muster::jwt::detail {

// Inverts all of them, none of which is 0, for one inversion and three products each. `room` has as many.
inline void invert_each(std::span<field25519> numbers, std::span<field25519> room) noexcept {
    auto product = one25519;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        room[i] = product;    // of those before it
        product = multiply(product, numbers[i]);
    }
    auto left = quick_inverse(product);    // of those up to i
    for (std::size_t i = numbers.size(); i-- > 0;) {
        auto const own = multiply(left, room[i]);
        left = multiply(left, numbers[i]);
        numbers[i] = own;
    }
}

// What any product of one point is the sum of: for each of 32 digits, 1 to 128 times 256^i times the point.
class multiples_table {
public:
    explicit multiples_table(extended_point const& of) noexcept {
        auto base = of;
        for (auto& each : windows_) base = fill(each, base);
    }

    // Asks for what `add` will read: a table lies in the second cache at best.
    void prefetch(digits25519 const& digits) const noexcept {
        for (std::size_t i = 0; i < digits.size(); ++i) {
            auto const& multiple = windows_[i][index(digits[i])];
            __builtin_prefetch(&multiple);
            __builtin_prefetch(&multiple.ends[1].limb[3]);    // in its second line
        }
    }

    // Adds the point times the number of these digits, by a route that the processor has.
    void add(digits25519 const& digits, extended_point& to, point_route route) const noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
        if (route == point_route::lanes) return add_in_lanes(digits, to);
#endif
        (void)route;
        for (std::size_t i = 0; i < digits.size(); ++i)
            if (digits[i] != 0) add_to(to, windows_[i][index(digits[i])], digits[i] < 0);
    }

private:
    static constexpr std::size_t multiples = 128;
    using window = affine_point[multiples];

#if defined(__x86_64__) && defined(__GNUC__)
    [[gnu::target("avx512f,avx512vl,avx512ifma")]] void add_in_lanes(digits25519 const& digits, extended_point& to) const noexcept {
        auto sum = lanes_of(to);
        for (std::size_t i = 0; i < digits.size(); ++i)
            if (digits[i] != 0) add_to(sum, windows_[i][index(digits[i])], digits[i] < 0);
        to = point_of(sum);
    }
#endif

    static std::size_t index(int digit) noexcept { return static_cast<std::size_t>(digit == 0 ? 0 : (digit < 0 ? -digit : digit) - 1); }

    // 1 to 128 times `base`. Gives back 256 times it.
    static extended_point fill(window& to, extended_point const& base) noexcept {
        to[0] = affine(base, quick_inverse(base.z));
        extended_point points[multiples];
        field25519 z[multiples], room[multiples];
        points[0] = base;
        for (std::size_t i = 1; i < multiples; ++i) {
            points[i] = points[i - 1];
            add_to(points[i], to[0], false);
        }
        for (std::size_t i = 0; i < multiples; ++i) z[i] = points[i].z;
        invert_each(z, room);
        for (std::size_t i = 1; i < multiples; ++i) to[i] = affine(points[i], z[i]);
        auto next = points[multiples - 1];
        add_to(next, to[multiples - 1], false);
        return next;
    }

    window windows_[std::tuple_size_v<digits25519>];
};

class ed25519_table;

// A signature of 64 bytes over a message, by the key of a table; and what was found.
struct ed25519_job {
    ed25519_table const* table;
    std::string_view message;
    unsigned char const* signature;
    bool good = false;
};

// Judges each job as `verify` of its table does. Every 64 of them share one inversion. A route is named in tests and comparisons.
inline void verify_each(std::span<ed25519_job> jobs, point_route route = best_point_route()) noexcept;

class ed25519_table {
public:
    using public_key = std::array<unsigned char, 32>;

    // Null where no signature whatever is good by that key, for it is not canonical, no point of the curve or of small order; and
    // where there is no memory.
    [[nodiscard]] static std::unique_ptr<ed25519_table const> build(public_key const& key) noexcept {
        auto const point = point_of(key);
        return std::unique_ptr<ed25519_table const>{point ? new (std::nothrow) ed25519_table{key, *point} : nullptr};
    }
    [[nodiscard]] static std::shared_ptr<ed25519_table const> of(public_key const& key) { return build(key); }

    // Whether the 64 bytes at `signature` are this key's for the message.
    [[nodiscard]] bool verify(std::string_view message, unsigned char const* signature,
                              point_route route = best_point_route()) const noexcept {
        extended_point point;
        return expected(message, signature, point, route) && is_first_half(bytes_of(point, quick_inverse(point.z)), signature);
    }

private:
    friend void verify_each(std::span<ed25519_job> jobs, point_route route) noexcept;

    ed25519_table(public_key const& key, extended_point const& point) noexcept
        : key_(key), base_(&multiples_of_base()), multiples_(negative(point)) {}

    // Made once in a process, by the first table, and kept.
    static multiples_table const& multiples_of_base() noexcept {
        static multiples_table const table{base_point};
        return table;
    }

    // The point that R has to be; false where it does not matter, for R or S is such that no signature has it.
    [[nodiscard]] bool expected(std::string_view message, unsigned char const* signature, extended_point& point,
                                point_route route) const noexcept;

    static bool is_first_half(std::array<unsigned char, 32> const& bytes, unsigned char const* signature) noexcept {
        return std::memcmp(bytes.data(), signature, bytes.size()) == 0;
    }

    public_key key_;
    multiples_table const* base_;
    multiples_table multiples_;    // of -A
};

// Implementation

inline bool ed25519_table::expected(std::string_view message, unsigned char const* signature, extended_point& point,
                                    point_route route) const noexcept {
    std::array<unsigned char, 32> r;
    scalar25519 s;
    std::memcpy(r.data(), signature, r.size());
    std::memcpy(s.data(), signature + r.size(), s.size());
    // An R that is not canonical needs no look: it never equals what is found.
    if (!below_order(s.data()) || has_small_order(r)) return false;

    auto const of_base = signed_digits(s);
    base_->prefetch(of_base);    // they come while the hash is made
    sha2 hash{64};
    hash.update({reinterpret_cast<char const*>(r.data()), r.size()});
    hash.update({reinterpret_cast<char const*>(key_.data()), key_.size()});
    hash.update(message);
    std::array<unsigned char, 64> h;
    hash.finish(reinterpret_cast<char*>(h.data()));
    auto const of_key = signed_digits(reduced(h));
    multiples_.prefetch(of_key);    // these, while those are added

    point = neutral_point;
    base_->add(of_base, point, route);
    multiples_.add(of_key, point, route);
    return true;
}

inline void verify_each(std::span<ed25519_job> jobs, point_route route) noexcept {
    constexpr std::size_t most = 64;
    extended_point points[most];
    field25519 z[most], room[most];
    while (!jobs.empty()) {
        auto const now = jobs.first(std::min(most, jobs.size()));
        jobs = jobs.subspan(now.size());
        std::size_t count = 0;    // of points: one for each job that may still be good, in their order
        for (auto& job : now) {
            job.good = job.table->expected(job.message, job.signature, points[count], route);
            if (!job.good) continue;
            z[count] = points[count].z;
            ++count;
        }
        invert_each({z, count}, {room, count});
        count = 0;
        for (auto& job : now) {
            if (!job.good) continue;
            job.good = ed25519_table::is_first_half(bytes_of(points[count], z[count]), job.signature);
            ++count;
        }
    }
}

}  // namespace muster::jwt::detail
