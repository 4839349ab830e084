#pragma once

#include <algorithm>      // find, copy
#include <array>          // an Ed25519 key
#include <cstddef>        // size_t
#include <memory>         // shared_ptr
#include <optional>       // operations
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // operations

#include <openssl/pem.h>    // PEM_read_bio_PUBKEY

#include <muster/adapt/openssl.hpp>                      // openssl_ptr
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
/// Shape      HMAC by bytes as they are; Ed25519 by the 32 bytes of the public key or of the private seed; RSA, EC on P-256 and
///            Ed25519 by the one block of PEM text, public or private, without a password. `parse_jwk` reads JWKs.
/// Fails      fault::short_key for an HMAC key that is shorter than the hash, or an RSA key of fewer than 2048 bits; long_key above
///            8192; bad_key for a wrong form or length, or an algorithm of another kind of key; unsupported_key for another curve or
///            type; weak_exponent, roca_key; weak_point for a public key that is not on its curve, not canonical or of small order;
///            key_mismatch, where what the private part signs does not verify; library_failed.
/// Throws     std::runtime_error where libsodium cannot start.
/// Threads    any number at once, also on one key.
/// Cost       a copy counts a reference. HMAC keeps the two states that its key makes, so that a token costs no more than its bytes.
///            Ed25519 builds a table of 512 KiB when it has verified 256 times, in 1.5 ms on that thread, and verifies four times as
///            fast from then on; a process keeps 64 of them at most, each until its key goes, and keys beyond stay as they are.
///            The secret is wiped when the last copy goes, and nothing prints it.
/// Source     RFC 7515, RFC 7518, RFC 8037; keys that are too short: RFC 7518, section 3.2.
class key {
public:
    /// HS256, HS384 or HS512.
    [[nodiscard]] static outcome<key> hmac(jwt::algorithm by, std::string_view secret, key_options options = {});
    [[nodiscard]] static outcome<key> ed25519_public(std::string_view bytes, key_options options = {});
    [[nodiscard]] static outcome<key> ed25519_private(std::string_view seed, key_options options = {});

    /// The text of a file as `openssl genpkey`, or `openssl pkey -pubout`, writes it. PEM does not say the algorithm.
    [[nodiscard]] static outcome<key> from_pem(jwt::algorithm by, std::string_view text, key_options options = {});

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
    [[nodiscard]] static outcome<key> from_openssl(jwt::algorithm by, openssl_ptr<EVP_PKEY> of, bool is_private, key_options options);
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

inline outcome<key> key::from_openssl(jwt::algorithm by, openssl_ptr<EVP_PKEY> of, bool is_private, key_options options) {
    auto checked = detail::evp_key::checked(std::move(of), by, is_private);
    if (!checked) return std::move(checked).error();
    return made(by, std::move(options), is_private, std::move(*checked));
}

inline outcome<key> key::from_pem(jwt::algorithm by, std::string_view text, key_options options) {
    constexpr std::size_t longest = 65'536;
    auto const begins = text.find("-----BEGIN ");
    if (text.size() > longest || begins == text.npos) return refusal(fault::bad_key, "there is no PEM");
    if (text.find("-----BEGIN ", begins + 1) != text.npos) return refusal(fault::bad_key, "there is more than one block of PEM");
    auto const is_private = text.substr(begins, text.find('\n', begins) - begins).find("PRIVATE KEY") != text.npos;

    ERR_clear_error();
    openssl_ptr<BIO> const source{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    // Without an answer to the question for a password OpenSSL would ask the terminal.
    constexpr auto no_password = [](char*, int, int, void*) { return -1; };
    openssl_ptr<EVP_PKEY> found{!source ? nullptr : is_private ? PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr)
                                                               : PEM_read_bio_PUBKEY(source.get(), nullptr, no_password, nullptr)};
    if (!found) return refusal(fault::bad_key, openssl_complaint());

    if (EVP_PKEY_is_a(found.get(), "ED25519")) {
        if (by != jwt::algorithm::eddsa) return refusal(fault::bad_key, "a key of Ed25519 is for EdDSA, not " + std::string{name_of(by)});
        std::array<unsigned char, 32> bytes{};
        auto size = bytes.size();
        if ((is_private ? EVP_PKEY_get_raw_private_key : EVP_PKEY_get_raw_public_key)(found.get(), bytes.data(), &size) != 1)
            return refusal(fault::bad_key, openssl_complaint());
        std::string_view const raw{reinterpret_cast<char const*>(bytes.data()), size};
        auto answer = is_private ? ed25519_private(raw, std::move(options)) : ed25519_public(raw, std::move(options));
        OPENSSL_cleanse(bytes.data(), bytes.size());
        return answer;
    }
    if (EVP_PKEY_is_a(found.get(), "RSA")) {
        if (!is_rsa(by)) return refusal(fault::bad_key, "an RSA key is not for " + std::string{name_of(by)});
        return from_openssl(by, std::move(found), is_private, std::move(options));
    }
    if (!EVP_PKEY_is_a(found.get(), "EC")) return refusal(fault::unsupported_key);
    char curve[32] = {};
    if (EVP_PKEY_get_utf8_string_param(found.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, nullptr) != 1 ||
        std::string_view{curve} != "prime256v1")
        return refusal(fault::unsupported_key, "the curve is not P-256");
    if (by != jwt::algorithm::es256) return refusal(fault::bad_key, "a key on P-256 is for ES256, not " + std::string{name_of(by)});
    return from_openssl(by, std::move(found), is_private, std::move(options));
}

inline std::string key::describe() const {
    auto text = std::string{name_of(algorithm())} + " key";
    return id().empty() ? text : text + ' ' + json_text(id());
}

}  // namespace muster::jwt
