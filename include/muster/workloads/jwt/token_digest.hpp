#pragma once

#include <array>          // words
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <functional>     // hash
#include <string>         // what is asked, written out
#include <string_view>    // string_view

#include <muster/workloads/jwt/detail/sha2.hpp>    // sha2

namespace muster::jwt {

/// What a token is remembered by: a SHA-256 over it and what is asked of it, so that nobody finds two of one. The key of the cache of
/// an `authenticator`.
///
/// Shape      an aggregate; it travels, and `std::hash` knows it.
struct token_digest {
    std::array<std::uint64_t, 4> words{};

    [[nodiscard]] std::string_view bytes() const noexcept { return {reinterpret_cast<char const*>(words.data()), sizeof words}; }
    /// For this workload: ends a hash that is under way.
    [[nodiscard]] static token_digest of(detail::sha2& hash) noexcept {
        token_digest made;
        hash.finish(reinterpret_cast<char*>(made.words.data()));
        return made;
    }
    [[nodiscard]] static token_digest of(std::string_view text) noexcept {
        detail::sha2 hash{32};
        hash.update(text);
        return of(hash);
    }
    friend bool operator==(token_digest const&, token_digest const&) noexcept = default;
};

namespace detail {
// Adds a text so that no two lists of texts become the same bytes.
inline void add_text(std::string& to, std::string_view text) {
    auto const size = static_cast<std::uint64_t>(text.size());
    to.append(reinterpret_cast<char const*>(&size), sizeof size);
    to += text;
}

}  // namespace detail

}  // namespace muster::jwt

template <>
struct std::hash<muster::jwt::token_digest> {
    std::size_t operator()(muster::jwt::token_digest const& of) const noexcept { return static_cast<std::size_t>(of.words[0]); }
};
