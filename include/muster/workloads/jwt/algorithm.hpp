#pragma once

#include <array>          // the names
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <optional>       // a name of none
#include <string_view>    // string_view

namespace muster::jwt {

/// How a token is signed: what `alg` names. A key has exactly one; a token never chooses.
///
/// Source     RFC 7518, section 3.1; RFC 8037 for EdDSA, which here is Ed25519.
enum class algorithm : std::uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, ps256, ps384, ps512, es256, eddsa };

namespace detail {
inline constexpr std::array<std::string_view, 11> algorithm_names{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
                                                                  "PS256", "PS384", "PS512", "ES256", "EdDSA"};
}

/// "HS256": as it is written in headers and keys.
[[nodiscard]] constexpr std::string_view name_of(algorithm which) noexcept {
    return detail::algorithm_names[static_cast<std::size_t>(which)];
}

/// The algorithm of that name, in exactly these letters.
[[nodiscard]] constexpr std::optional<algorithm> algorithm_of(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::algorithm_names.size(); ++i)
        if (detail::algorithm_names[i] == name) return static_cast<algorithm>(i);
    return std::nullopt;
}

[[nodiscard]] constexpr bool is_hmac(algorithm which) noexcept { return which <= algorithm::hs512; }
[[nodiscard]] constexpr bool is_rsa(algorithm which) noexcept { return which >= algorithm::rs256 && which <= algorithm::ps512; }
/// RSASSA-PSS, of the two that RSA keys know.
[[nodiscard]] constexpr bool is_pss(algorithm which) noexcept { return which >= algorithm::ps256 && which <= algorithm::ps512; }

/// The bytes of the hash: 32, 48 or 64. That of Ed25519 is 64.
[[nodiscard]] constexpr std::size_t hash_size(algorithm which) noexcept {
    switch (which) {
        case algorithm::hs256:
        case algorithm::rs256:
        case algorithm::ps256:
        case algorithm::es256: return 32;
        case algorithm::hs384:
        case algorithm::rs384:
        case algorithm::ps384: return 48;
        case algorithm::hs512:
        case algorithm::rs512:
        case algorithm::ps512:
        case algorithm::eddsa: return 64;
    }
    return 0;
}

}  // namespace muster::jwt
