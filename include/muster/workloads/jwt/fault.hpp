#pragma once

#include <cstdint>         // uint8_t
#include <string>          // message
#include <string_view>     // name_of
#include <system_error>    // error_code
#include <type_traits>     // true_type
#include <utility>         // move

#include <muster/core/failure.hpp>                // cause
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster::jwt {

/// Why a token or a key was refused: one for each rule, so that a log tells an attack from a clock that is wrong.
///
/// `failure::is` answers for the cause behind each: cause::invalid_input, for no attempt can succeed with the same token, key and
/// options; but cause::unavailable for `library_failed`. A fault comes out of another process, as behind `isolate`, as it was.
enum class fault : std::uint8_t {
    // The form of a token
    too_long = 1,             ///< more than 16 KiB
    wrong_segments,           ///< not exactly three segments with dots between them
    json_serialization,       ///< a JWS in JSON
    encrypted,                ///< a JWE
    bad_base64url,            ///< padding, white space, `+`, `/`, spare bits, a length of 1 mod 4
    // JSON in a header, in claims or of a key
    bad_json,                 ///< no JSON, or no object
    bad_utf8,                 ///< a string that is not UTF-8, or half a surrogate pair
    duplicate_member,         ///< two members of one name in one object
    too_deep,                 ///< nested too deep, or too many members
    trailing_bytes,           ///< something after the end
    // The header
    missing_algorithm,        ///< no `alg`
    algorithm_none,           ///< `alg` is `none`, in any case
    unsupported_algorithm,    ///< `alg` is none of those that are here
    algorithm_mismatch,       ///< `alg` is not the key's
    critical_extension,       ///< `crit`
    unencoded_payload,        ///< `b64`
    embedded_key,             ///< `jwk`, `jku`, `x5u` or `x5c`
    wrong_member_type,        ///< a member of the header that is not a string
    wrong_type,               ///< `typ` is not what the verifier asks for
    missing_key_id,           ///< no `kid`, and more than one key
    unknown_key,              ///< no key of this `kid`
    // The signature
    wrong_signature_length,   ///< also the DER form of ECDSA
    signature_out_of_range,   ///< ECDSA r or s that is 0 or not below the order; Ed25519 S not below L
    bad_signature,            ///< the signature or MAC is not of these bytes by this key
    // Keys
    bad_key,                  ///< no key of the form that it should have
    unsupported_key,          ///< a type or curve that is not here
    short_key,                ///< an HMAC key that is shorter than the hash, an RSA key of fewer than 2048 bits
    long_key,                 ///< an RSA key of more than 8192 bits
    weak_exponent,            ///< an RSA exponent that is even, 1, or longer than 64 bits
    roca_key,                 ///< an RSA key of the broken generator, CVE-2017-15361
    weak_point,               ///< not on the curve, of small order, or not canonical
    key_mismatch,             ///< the private and the public part are not of one key
    wrong_use,                ///< `use` is not `sig`
    wrong_key_operation,      ///< `key_ops` does not list what is to be done
    public_key_only,          ///< signing asks for the private part
    duplicate_key_id,         ///< two keys of one `kid`, or two without
    mixed_key_set,            ///< symmetric and public keys in one set
    empty_key_set,            ///< no key that could verify
    // Claims
    wrong_claim_type,         ///< `exp`, `nbf`, `iat` no number in range, `iss`, `sub`, `jti` no string, `aud` neither string nor strings
    missing_claim,            ///< a claim that the verifier asks for
    expired,                  ///< at or after `exp`
    not_yet_valid,            ///< before `nbf`
    wrong_issuer,             ///< `iss` is none of the verifier's
    wrong_audience,           ///< `aud` names none of the verifier's, or the verifier has none
    revoked,                  ///< the token was taken back, says who was asked
    // Neither
    library_failed,           ///< OpenSSL or libsodium could not do it: no memory, no randomness    (unavailable)
};

}  // namespace muster::jwt

template <>
struct std::is_error_code_enum<muster::jwt::fault> : std::true_type {};

namespace muster::jwt {

/// "algorithm none": the fault as programs count it.
[[nodiscard]] constexpr std::string_view name_of(fault which) noexcept {
    switch (which) {
        case fault::too_long: return "too long";
        case fault::wrong_segments: return "wrong segments";
        case fault::json_serialization: return "JSON serialization";
        case fault::encrypted: return "encrypted";
        case fault::bad_base64url: return "bad base64url";
        case fault::bad_json: return "bad JSON";
        case fault::bad_utf8: return "bad UTF-8";
        case fault::duplicate_member: return "duplicate member";
        case fault::too_deep: return "too deep";
        case fault::trailing_bytes: return "trailing bytes";
        case fault::missing_algorithm: return "missing algorithm";
        case fault::algorithm_none: return "algorithm none";
        case fault::unsupported_algorithm: return "unsupported algorithm";
        case fault::algorithm_mismatch: return "algorithm mismatch";
        case fault::critical_extension: return "critical extension";
        case fault::unencoded_payload: return "unencoded payload";
        case fault::embedded_key: return "embedded key";
        case fault::wrong_member_type: return "wrong member type";
        case fault::wrong_type: return "wrong type";
        case fault::missing_key_id: return "missing key id";
        case fault::unknown_key: return "unknown key";
        case fault::wrong_signature_length: return "wrong signature length";
        case fault::signature_out_of_range: return "signature out of range";
        case fault::bad_signature: return "bad signature";
        case fault::bad_key: return "bad key";
        case fault::unsupported_key: return "unsupported key";
        case fault::short_key: return "short key";
        case fault::long_key: return "long key";
        case fault::weak_exponent: return "weak exponent";
        case fault::roca_key: return "ROCA key";
        case fault::weak_point: return "weak point";
        case fault::key_mismatch: return "key mismatch";
        case fault::wrong_use: return "wrong use";
        case fault::wrong_key_operation: return "wrong key operation";
        case fault::public_key_only: return "public key only";
        case fault::duplicate_key_id: return "duplicate key id";
        case fault::mixed_key_set: return "mixed key set";
        case fault::empty_key_set: return "empty key set";
        case fault::wrong_claim_type: return "wrong claim type";
        case fault::missing_claim: return "missing claim";
        case fault::expired: return "expired";
        case fault::not_yet_valid: return "not yet valid";
        case fault::wrong_issuer: return "wrong issuer";
        case fault::wrong_audience: return "wrong audience";
        case fault::revoked: return "revoked";
        case fault::library_failed: return "library failed";
    }
    return "unknown fault";
}

/// The rule that was broken, in words: "a token is at most 16 KiB long".
[[nodiscard]] constexpr std::string_view rule_of(fault which) noexcept {
    switch (which) {
        case fault::too_long: return "a token is at most 16 KiB long";
        case fault::wrong_segments: return "a token has exactly three segments with dots between them";
        case fault::json_serialization: return "a token is in the compact form, not in JSON";
        case fault::encrypted: return "a token is signed, not encrypted";
        case fault::bad_base64url: return "base64url has no padding, no white space, no + and /, and spare bits of zero";
        case fault::bad_json: return "a JSON object is asked for, as RFC 8259 writes it";
        case fault::bad_utf8: return "strings are UTF-8, without half surrogate pairs";
        case fault::duplicate_member: return "no two members of an object have one name";
        case fault::too_deep: return "JSON is nested at most 32 deep, with at most 256 members open";
        case fault::trailing_bytes: return "nothing follows the end";
        case fault::missing_algorithm: return "the header says the algorithm";
        case fault::algorithm_none: return "a token is signed: the algorithm none is never taken";
        case fault::unsupported_algorithm: return "the algorithm is one that is known here";
        case fault::algorithm_mismatch: return "the key says the algorithm, and the header the same";
        case fault::critical_extension: return "no extension is understood, so none may be critical";
        case fault::unencoded_payload: return "the payload is base64url: b64 is not taken";
        case fault::embedded_key: return "keys come from the verifier, never out of the token or from where it points";
        case fault::wrong_member_type: return "alg, kid, typ and cty are strings";
        case fault::wrong_type: return "typ is what the verifier asks for";
        case fault::missing_key_id: return "a token names its key by kid where there are several";
        case fault::unknown_key: return "kid names a key that the verifier has";
        case fault::wrong_signature_length: return "a signature has the one length that its key and algorithm ask for";
        case fault::signature_out_of_range: return "the numbers of a signature are below the order of the curve, and those of ECDSA not 0";
        case fault::bad_signature: return "the signature is of these bytes, by this key";
        case fault::bad_key: return "a key has all its parts, each in its form";
        case fault::unsupported_key: return "a key is oct, RSA, EC on P-256, or OKP on Ed25519";
        case fault::short_key: return "an HMAC key is at least as long as the hash, an RSA key has at least 2048 bits";
        case fault::long_key: return "an RSA key has at most 8192 bits";
        case fault::weak_exponent: return "an RSA exponent is odd, more than 1, and at most 64 bits long";
        case fault::roca_key: return "an RSA key is not of the generator that CVE-2017-15361 broke";
        case fault::weak_point: return "a public point is canonical, on its curve, and not of small order";
        case fault::key_mismatch: return "the private and the public part are of one key";
        case fault::wrong_use: return "the use of the key is sig";
        case fault::wrong_key_operation: return "key_ops lists what is done with the key";
        case fault::public_key_only: return "signing asks for a private key";
        case fault::duplicate_key_id: return "no two keys of a set have one kid, and at most one has none";
        case fault::mixed_key_set: return "a set holds symmetric keys or public ones, not both";
        case fault::empty_key_set: return "a set holds at least one key that can verify";
        case fault::wrong_claim_type: return "exp, nbf and iat are numbers, iss, sub and jti strings, aud a string or an array of strings";
        case fault::missing_claim: return "the claims hold what the verifier asks for";
        case fault::expired: return "a token is good before exp";
        case fault::not_yet_valid: return "a token is good from nbf on";
        case fault::wrong_issuer: return "iss is one that the verifier names";
        case fault::wrong_audience: return "aud holds one that the verifier names";
        case fault::revoked: return "a token is good until it is taken back";
        case fault::library_failed: return "OpenSSL and libsodium have what they need: memory, randomness";
    }
    return "unknown fault";
}

/// The cause that a fault amounts to.
[[nodiscard]] constexpr cause cause_of(fault which) noexcept {
    return which == fault::library_failed ? cause::unavailable : cause::invalid_input;
}

/// The category of `fault`; its name is "jwt".
[[nodiscard]] inline std::error_category const& fault_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "jwt"; }
        std::string message(int value) const override {
            auto const which = static_cast<fault>(value);
            return std::string{name_of(which)} + " (" + std::string{rule_of(which)} + ')';
        }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(cause_of(static_cast<fault>(value))).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const faults_travel{fault_category()};

[[nodiscard]] inline std::error_code make_error_code(fault which) noexcept {
    return {static_cast<int>(which), fault_category()};
}

/// A failure by a fault; `text` says what the rule alone does not.
[[nodiscard]] inline failure refusal(fault which, std::string text = {}) {
    return failure{make_error_code(which), std::move(text)};
}

}  // namespace muster::jwt
