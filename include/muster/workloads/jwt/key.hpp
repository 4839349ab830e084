#pragma once

#include <algorithm>      // find, copy
#include <array>          // an Ed25519 key
#include <memory>         // shared_ptr
#include <optional>       // operations
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // operations

#include <muster/core/json.hpp>                          // json_text
#include <muster/core/outcome.hpp>                       // outcome
#include <muster/workloads/jwt/algorithm.hpp>            // algorithm
#include <muster/workloads/jwt/detail/key_record.hpp>    // key_record
#include <muster/workloads/jwt/fault.hpp>                // fault

namespace muster::jwt {

/// What is said about a key beside its numbers; a JWK says it itself.
struct key_options {
    std::string id{};     ///< `kid`: any bytes, compared and never looked into; empty: it has none
    std::string use{};    ///< `use`: empty, nothing is said; with anything but `sig` the key neither signs nor verifies
    /// `key_ops`: none, nothing is said; else the key does only what is listed of `sign` and `verify`
    std::optional<std::vector<std::string>> operations{};
};

/// A key that signs or verifies by exactly one algorithm: parsed and checked once, so that nothing behind it has to.
///
/// Shape      HMAC by bytes as they are; Ed25519 by the 32 bytes of the public key or of the private seed. `parse_jwk` reads the
///            others, and text.
/// Fails      fault::short_key for an HMAC key that is shorter than the hash; fault::bad_key for a wrong length or an algorithm of
///            another kind of key; fault::weak_point for a public key of small order or that is not canonical.
/// Throws     std::runtime_error where libsodium cannot start.
/// Threads    any number at once, also on one key.
/// Cost       a copy counts a reference. HMAC keeps the two states that its key makes, so that a token costs no more than its bytes.
///            The secret is wiped when the last copy goes, and nothing prints it.
/// Source     RFC 7515, RFC 7518, RFC 8037; keys that are too short: RFC 7518, section 3.2.
class key {
public:
    /// HS256, HS384 or HS512.
    [[nodiscard]] static outcome<key> hmac(jwt::algorithm by, std::string_view secret, key_options options = {});
    [[nodiscard]] static outcome<key> ed25519_public(std::string_view bytes, key_options options = {});
    [[nodiscard]] static outcome<key> ed25519_private(std::string_view seed, key_options options = {});

    [[nodiscard]] jwt::algorithm algorithm() const noexcept { return record_->algorithm; }
    /// `kid`; empty where it has none.
    [[nodiscard]] std::string const& id() const noexcept { return record_->id; }
    /// HMAC: who verifies could sign as well.
    [[nodiscard]] bool is_symmetric() const noexcept { return is_hmac(record_->algorithm); }
    [[nodiscard]] bool can_sign() const noexcept { return !record_->signing; }
    [[nodiscard]] bool can_verify() const noexcept { return !record_->verifying; }

    /// `HS256 key "k1"`; never the secret.
    [[nodiscard]] std::string describe() const;

    /// For this workload.
    [[nodiscard]] detail::key_record const& record() const noexcept { return *record_; }

private:
    template <class Material>
    static key made(jwt::algorithm by, key_options&& options, bool is_private, Material&& material);
    explicit key(std::shared_ptr<detail::key_record const> record) noexcept : record_(std::move(record)) {}

    std::shared_ptr<detail::key_record const> record_;
};

// Implementation

template <class Material>
key key::made(jwt::algorithm by, key_options&& options, bool is_private, Material&& material) {
    std::optional<fault> signing, verifying;
    if (!options.use.empty() && options.use != "sig") signing = verifying = fault::wrong_use;
    if (options.operations) {
        auto const lists = [&](char const* what) {
            return std::find(options.operations->begin(), options.operations->end(), what) != options.operations->end();
        };
        if (!signing && !lists("sign")) signing = fault::wrong_key_operation;
        if (!verifying && !lists("verify")) verifying = fault::wrong_key_operation;
    }
    if (!is_private) signing = fault::public_key_only;
    return key{std::shared_ptr<detail::key_record const>{
        new detail::key_record{by, std::move(options.id), signing, verifying, std::forward<Material>(material)}}};
}

inline outcome<key> key::hmac(jwt::algorithm by, std::string_view secret, key_options options) {
    if (!is_hmac(by)) return refusal(fault::bad_key, std::string{name_of(by)} + " is no HMAC");
    if (secret.size() < hash_size(by))
        return refusal(fault::short_key, std::string{name_of(by)} + " asks for " + std::to_string(hash_size(by)) +
                                             " bytes, this key has " + std::to_string(secret.size()));
    return made(by, std::move(options), true, detail::hmac_states{secret, hash_size(by)});
}

inline outcome<key> key::ed25519_public(std::string_view bytes, key_options options) {
    start_sodium();
    std::array<unsigned char, 32> part{};
    if (bytes.size() != part.size())
        return refusal(fault::bad_key, "a public key of Ed25519 has 32 bytes, this one " + std::to_string(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), part.begin());
    if (crypto_core_ed25519_is_valid_point(part.data()) != 1) return refusal(fault::weak_point);
    return made(jwt::algorithm::eddsa, std::move(options), false, detail::ed25519_key{part});
}

inline outcome<key> key::ed25519_private(std::string_view seed, key_options options) {
    start_sodium();
    if (seed.size() != 32)
        return refusal(fault::bad_key, "a private key of Ed25519 has 32 bytes, this one " + std::to_string(seed.size()));
    return made(jwt::algorithm::eddsa, std::move(options), true, detail::ed25519_key::from_seed(seed));
}

inline std::string key::describe() const {
    auto text = std::string{name_of(algorithm())} + " key";
    return id().empty() ? text : text + ' ' + json_text(id());
}

}  // namespace muster::jwt
