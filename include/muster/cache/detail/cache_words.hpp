#pragma once

#include <array>      // words that need no memory of their own
#include <concepts>   // same_as
#include <cstddef>    // byte
#include <cstdint>    // uint64_t
#include <cstring>    // memcpy
#include <memory>     // unique_ptr
#include <span>       // bytes
#include <string>     // text
#include <utility>    // exchange

#include <muster/core/wire.hpp>    // wire_writer

// Bytes as words of 64 bits, as they lie in a shared cache: a word at a time is what one process may read while another one writes.

namespace muster::detail {

__extension__ using wide_word = unsigned __int128;

/// Bytes, in words of which the last one is filled up with zeros.
struct cache_words {
    std::uint64_t const* at = nullptr;
    std::size_t bytes = 0;

    [[nodiscard]] static constexpr std::size_t needed(std::size_t bytes) noexcept { return (bytes + 7) / 8; }
    [[nodiscard]] std::size_t size() const noexcept { return needed(bytes); }
    [[nodiscard]] std::span<std::byte const> as_bytes() const noexcept { return {reinterpret_cast<std::byte const*>(at), bytes}; }
};

/// What a value is on the wire; but of text just the characters, for how many those are stands in the entry anyway. A small one needs no memory.
template <std::size_t Near>
class encoded_words {
    static_assert(Near % 8 == 0);

public:
    template <class T>
    explicit encoded_words(T const& value) {
        if constexpr (std::same_as<T, std::string>) {
            bytes_ = value.size();
            auto* const at = room();
            if (bytes_ % 8 != 0) at[bytes_ / 8] = 0;
            std::memcpy(at, value.data(), bytes_);
        } else {
            near_.fill(0);
            wire_writer near{reinterpret_cast<std::byte*>(near_.data()), Near};
            near.put(value);
            bytes_ = near.size();
            auto* const at = room();
            if (!near.fits()) wire_writer{reinterpret_cast<std::byte*>(at), bytes_}.put(value);
        }
    }
    encoded_words(encoded_words const&) = delete;
    encoded_words& operator=(encoded_words const&) = delete;
    [[nodiscard]] cache_words words() const noexcept { return {at_, bytes_}; }

private:
    [[nodiscard]] std::uint64_t* room() {
        if (bytes_ > Near) at_ = (far_ = std::make_unique<std::uint64_t[]>(cache_words::needed(bytes_))).get();
        return at_;
    }

    std::array<std::uint64_t, Near / 8> near_;    // what is filled up of the last word is zeros
    std::unique_ptr<std::uint64_t[]> far_;
    std::uint64_t* at_ = near_.data();
    std::size_t bytes_ = 0;
};

/// Where an entry's value is copied to: memory that stays from look to look of a thread, unless it is large, and is never zeroed.
class value_buffer {
public:
    /// This thread's own; who looks inside of a look, as a type's own reader may, gets another.
    value_buffer() noexcept : words_(std::move(spare().words)), room_(std::exchange(spare().room, 0)) {}
    value_buffer(value_buffer const&) = delete;
    value_buffer& operator=(value_buffer const&) = delete;
    ~value_buffer() {
        constexpr std::size_t most = 8'192;    // words: 64 KiB
        if (room_ <= most) spare() = {std::move(words_), room_};
    }

    [[nodiscard]] std::byte* room_for(std::size_t bytes) {
        auto const needed = cache_words::needed(bytes);
        if (needed > room_) {
            words_ = std::unique_ptr<std::uint64_t[]>{new std::uint64_t[2 * needed]};    // not zeroed
            room_ = 2 * needed;
        }
        bytes_ = bytes;
        return reinterpret_cast<std::byte*>(words_.get());
    }
    [[nodiscard]] std::span<std::byte const> bytes() const noexcept { return {reinterpret_cast<std::byte const*>(words_.get()), bytes_}; }

private:
    struct kept {
        std::unique_ptr<std::uint64_t[]> words{};
        std::size_t room = 0;
    };
    static kept& spare() noexcept {
        thread_local kept one;
        return one;
    }

    std::unique_ptr<std::uint64_t[]> words_;
    std::size_t room_ = 0, bytes_ = 0;
};

/// Where a text is copied to: the text itself, in the memory that it has.
class text_buffer {
public:
    explicit text_buffer(std::string& into) noexcept : into_(into) {}
    [[nodiscard]] std::byte* room_for(std::size_t bytes) {
        into_.resize(bytes);
        return reinterpret_cast<std::byte*>(into_.data());
    }

private:
    std::string& into_;
};

/// A hash of words, by multiplying and folding: every bit of a word reaches every bit of the product. `seed` is a secret of the cache, so
/// that nobody can choose keys of one set.
///
/// Source     wyhash, by Wang Yi: the construction; the constants are of its kind, with 32 bits set each.
[[nodiscard, gnu::always_inline]] inline std::uint64_t hash_of(cache_words what, std::uint64_t seed) noexcept {
    auto const fold = [](std::uint64_t a, std::uint64_t b) {
        auto const both = static_cast<wide_word>(a) * b;
        return static_cast<std::uint64_t>(both) ^ static_cast<std::uint64_t>(both >> 64);
    };
    constexpr std::uint64_t odd[]{0xa076'1d64'78bd'642f, 0xe703'7ed1'a0b4'28db, 0x8ebc'6af0'9c88'c6e3};
    auto state = seed ^ odd[0];
    auto const n = what.size();
    std::size_t i = 0;
    for (; i + 2 <= n; i += 2) state = fold(what.at[i] ^ odd[1] ^ seed, what.at[i + 1] ^ state);    // with the seed in each: else a word takes it out
    return fold(odd[2] ^ what.bytes, fold((i < n ? what.at[i] : 0) ^ odd[1] ^ seed, state));
}

}  // namespace muster::detail
