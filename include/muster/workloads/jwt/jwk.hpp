#pragma once

#include <optional>       // an algorithm that nobody says
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/algorithm.hpp>              // algorithm
#include <muster/workloads/jwt/detail/jwk_document.hpp>    // jwk_reader
#include <muster/workloads/jwt/key.hpp>                    // key

namespace muster::jwt {

/// What a JWK leaves open.
struct jwk_options {
    /// The algorithm of a key that does not say `alg`, as RSA and symmetric keys may: without it such a key is refused, for a key has
    /// one algorithm. EC and OKP keys have one by their type.
    std::optional<algorithm> when_unsaid{};
};

/// The key that a JWK is, public or private: `kid`, `use` and `key_ops` are kept and hold.
///
/// Fails      fault::bad_json, also where it is not UTF-8; duplicate_member, too_deep; bad_key for a part that is missing or has the wrong form;
///            unsupported_key, unsupported_algorithm, missing_algorithm, algorithm_mismatch; and those of `key`.
/// Cost       the text is read where it lies; what is decoded of it is wiped. The text itself is the caller's to wipe.
/// Source     RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2.
[[nodiscard]] inline outcome<key> parse_jwk(std::string_view text, jwk_options options = {}) {
    auto const document = detail::jwk_object::read(text);
    if (!document) return document.error();
    return detail::jwk_reader{*document, options.when_unsaid}.read();
}

}  // namespace muster::jwt
