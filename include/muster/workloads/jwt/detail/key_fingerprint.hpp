#pragma once

#include <span>           // keys
#include <string>         // what is hashed
#include <string_view>    // string_view
#include <variant>        // get_if

#include <muster/workloads/jwt/algorithm.hpp>              // name_of
#include <muster/workloads/jwt/detail/key_record.hpp>      // key_record
#include <muster/workloads/jwt/token_digest.hpp>           // token_digest
#include <muster/workloads/jwt/key.hpp>                    // key

namespace muster::jwt::detail {

// What tells keys apart when they verify: two of one fingerprint take the same tokens. It gives nothing away of a secret, of which
// only a MAC over a fixed text goes into it.
[[nodiscard]] inline token_digest fingerprint_of(key const& of) {
    auto const& record = of.record();
    std::string text;
    add_text(text, name_of(record.algorithm));
    add_text(text, record.id);
    add_text(text, record.verifying ? name_of(*record.verifying) : "verifies");
    if (auto const* const hmac = std::get_if<hmac_states>(&record.material)) {
        char mac[longest_hash];
        add_text(text, hmac->mac("muster: which key is this", mac));
    } else if (auto const* const ed25519 = std::get_if<ed25519_key>(&record.material)) {
        auto const& bytes = ed25519->public_part();
        add_text(text, {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
    } else {
        add_text(text, std::get_if<evp_key>(&record.material)->public_part());
    }
    return token_digest::of(text);
}

// The same of several, in their order: that says which one a token without `kid` is looked up in.
[[nodiscard]] inline token_digest fingerprint_of(std::span<key const> keys) {
    std::string text;
    for (auto const& one : keys) text += fingerprint_of(one).bytes();
    return token_digest::of(text);
}

}  // namespace muster::jwt::detail
