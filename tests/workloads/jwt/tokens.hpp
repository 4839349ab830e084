// Tokens as an attacker writes them: any header over any payload, signed all the same.
#pragma once

#include <string>
#include <string_view>

#include <muster/workloads/jwt/jws.hpp>

namespace tokens {

using namespace muster::jwt;

inline std::string encoded(std::string_view bytes) { return detail::encoded(bytes); }

inline std::string decoded(std::string_view text) {
    std::string room(base64url::decoded_size(text.size()), '\0');
    return std::string{base64url::decode(text, room).value()};
}

// Segments are given as they shall stand in the token; the signature over them is right.
inline std::string signed_as(key const& by, std::string header_segment, std::string const& payload_segment) {
    auto token = std::move(header_segment) + "." + payload_segment;
    std::string signature(by.record().signature_size(), '\0');
    (void)by.record().sign(token, signature.data());
    return token + "." + encoded(signature);
}

inline std::string with_header(key const& by, std::string_view header, std::string_view payload = "{}") {
    return signed_as(by, encoded(header), encoded(payload));
}

// The fault that something was refused with, or "accepted".
template <class Outcome>
std::string fault_of(Outcome const& answer) {
    if (answer) return "accepted";
    if (answer.error().code().category() != fault_category()) return "not a fault: " + to_string(answer.error());
    return std::string{name_of(static_cast<fault>(answer.error().code().value()))};
}

inline key hmac_key(char const* id = "") { return *key::hmac(algorithm::hs256, "0123456789abcdef0123456789abcdef", {.id = id}); }
inline key signing_key(char const* id = "") { return *key::ed25519_private("0123456789abcdef0123456789abcdef", {.id = id}); }

}  // namespace tokens
