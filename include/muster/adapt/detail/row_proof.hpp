#pragma once

#include <concepts>       // integral
#include <cstddef>        // byte
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <span>           // blobs
#include <string_view>    // texts

namespace muster::detail {

/// A hash of what a row holds, kept in the row: it tells one that has changed on the disk from one that was written. It is no defence against
/// somebody who writes rows.
// Eight bytes at a time, each mixed by a multiplication and a shift, which can both be undone: one word that differs always gives another hash: states are long.
class row_proof {
public:
    template <std::integral T>
    row_proof& number(T value) {
        mix(static_cast<std::uint64_t>(value));
        return *this;
    }
    row_proof& text(std::string_view value) { return bytes(std::as_bytes(std::span{value})); }
    row_proof& bytes(std::span<std::byte const> value) {
        mix(value.size());
        for (; !value.empty(); value = value.subspan(value.size() < 8 ? value.size() : 8)) {
            std::uint64_t word = 0;
            std::memcpy(&word, value.data(), value.size() < 8 ? value.size() : 8);
            mix(word);
        }
        return *this;
    }
    [[nodiscard]] std::int64_t signed_value() const noexcept { return static_cast<std::int64_t>(hash_ ^ (hash_ >> 32)); }

private:
    void mix(std::uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x100'0000'01b3;
        hash_ ^= hash_ >> 29;
    }
    std::uint64_t hash_ = 0xcbf2'9ce4'8422'2325;
};

}  // namespace muster::detail
