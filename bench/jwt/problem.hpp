#pragma once

#include <cstddef>        // size_t
#include <functional>     // what a rival does
#include <string>         // tokens, keys
#include <string_view>    // tokens
#include <vector>         // tokens

#include <entered.hpp>    // entered
#include <measure.hpp>    // report

#include <muster/workloads/jwt/algorithm.hpp>
#include <muster/workloads/jwt/draft.hpp>

// Whole tokens, as a gateway makes and judges them: the header says algorithm and type, the claims are iss, sub, aud, exp, iat and jti;
// 229 bytes by HS256, 272 by EdDSA. Who verifies looks at the algorithm, the signature and all six claims.

namespace bench::tokens {

/// What this program measures is in parts, one a file: each enters its own.
struct part {
    std::string name;
    void (*measure)(report const& to);
};

inline constexpr std::string_view issuer = "https://idp.test", audience = "gateway";

/// One algorithm, with a key, tokens that are all good, and drafts for as many.
struct problem {
    muster::jwt::algorithm by;
    std::string name;                         ///< "hs256"
    std::string secret;                       ///< of HMAC; of Ed25519 the seed
    std::string private_pem, public_pem;      ///< of the others, and of Ed25519
    std::vector<std::string> tokens;          ///< to verify
    std::vector<std::string_view> views;      ///< of them
    std::vector<muster::jwt::draft> drafts;   ///< to sign
};

/// Signs all drafts, or verifies all tokens, and says how many seconds that took; whoever does not do it has none.
struct work {
    std::function<double()> sign = {}, verify = {};
};

/// Each file enters its own.
struct rival {
    std::string name;
    work (*make)(problem const& of);
};

/// The bytes that are signed, and the signature, decoded.
struct opened {
    std::string_view message;
    std::string signature;
};
[[nodiscard]] opened open(std::string_view token);

/// With a key of its own; RSA's has 2048 bits.
[[nodiscard]] problem make_problem(muster::jwt::algorithm by, std::size_t to_sign, std::size_t to_verify);

}  // namespace bench::tokens
