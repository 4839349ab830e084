#pragma once

#include <cstddef>        // size_t
#include <optional>       // what is wrong
#include <string>         // key id
#include <string_view>    // string_view
#include <variant>        // one kind of key or another

#include <muster/workloads/jwt/algorithm.hpp>             // algorithm
#include <muster/workloads/jwt/detail/ed25519.hpp>        // ed25519_key
#include <muster/workloads/jwt/detail/evp_key.hpp>        // evp_key
#include <muster/workloads/jwt/detail/header_memo.hpp>    // header_memo
#include <muster/workloads/jwt/detail/sha2.hpp>           // hmac_states
#include <muster/workloads/jwt/fault.hpp>                 // fault

namespace muster::jwt::detail {

// What the copies of a key share: it never changes, but for what its memo learns.
struct key_record {
    jwt::algorithm algorithm;
    std::string id;
    std::optional<fault> signing{};      // why it must not sign
    std::optional<fault> verifying{};    // why it must not verify
    std::variant<hmac_states, ed25519_key, evp_key> material;
    mutable header_memo memo{};

    [[nodiscard]] std::size_t signature_size() const noexcept {
        if (auto const* const evp = std::get_if<evp_key>(&material)) return evp->signature_size();
        return is_hmac(algorithm) ? hash_size(algorithm) : ed25519_key::signature_size;
    }

    // Writes `signature_size()` bytes into `out`.
    [[nodiscard]] std::optional<fault> sign(std::string_view message, char* out) const {
        if (signing) return signing;
        if (auto const* const hmac = std::get_if<hmac_states>(&material)) {
            hmac->mac(message, out);
            return std::nullopt;
        }
        if (auto const* const ed25519 = std::get_if<ed25519_key>(&material)) {
            ed25519->sign(message, out);
            return std::nullopt;
        }
        return std::get_if<evp_key>(&material)->sign(message, out);
    }

    [[nodiscard]] std::optional<fault> verify(std::string_view message, std::string_view signature) const {
        if (verifying) return verifying;
        if (auto const* const hmac = std::get_if<hmac_states>(&material)) {
            if (signature.size() != hash_size(algorithm)) return fault::wrong_signature_length;
            char mac[longest_hash];
            auto const right = hmac->mac(message, mac);
            if (CRYPTO_memcmp(right.data(), signature.data(), signature.size()) != 0) return fault::bad_signature;
            return std::nullopt;
        }
        if (auto const* const ed25519 = std::get_if<ed25519_key>(&material)) return ed25519->verify(message, signature);
        return std::get_if<evp_key>(&material)->verify(message, signature);
    }
};

}  // namespace muster::jwt::detail
