#pragma once

#include <array>          // fields, hashes
#include <bitset>         // residues
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <cstring>        // memcmp
#include <optional>       // what is wrong
#include <string>         // texts
#include <string_view>    // string_view
#include <utility>        // move

#include <openssl/core_names.h>    // names of parameters
#include <openssl/rsa.h>           // padding
#include <openssl/x509.h>          // i2d_PUBKEY

#include <muster/adapt/openssl.hpp>                 // openssl_ptr
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/workloads/jwt/algorithm.hpp>       // algorithm
#include <muster/workloads/jwt/detail/sha2.hpp>     // sha2
#include <muster/workloads/jwt/fault.hpp>           // refusal

namespace muster::jwt::detail {

inline constexpr std::size_t longest_signature = 1024;    // of RSA with 8192 bits

// Either number of an ES256 signature, most significant byte first: at least 1, and below the order of P-256. Both are public.
[[nodiscard]] inline bool in_p256_order(unsigned char const* number) noexcept {
    static constexpr std::array<unsigned char, 32> order{
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    static constexpr std::array<unsigned char, 32> zero{};
    return std::memcmp(number, zero.data(), 32) != 0 && std::memcmp(number, order.data(), 32) < 0;
}

// True where each small residue of the modulus is a power of 65537, as with the keys that the generator of CVE-2017-15361 made; of
// other keys about one in 2^27.
//
// Source: Nemec and others, The Return of Coppersmith's Attack, CCS 2017, section 3.
[[nodiscard]] inline bool looks_like_roca(BIGNUM const* modulus) {
    for (std::uint32_t prime = 3; prime <= 167; prime += 2) {
        bool is_prime = true;
        for (std::uint32_t divisor = 3; divisor * divisor <= prime; divisor += 2) is_prime = is_prime && prime % divisor != 0;
        if (!is_prime) continue;
        std::bitset<168> powers;
        for (std::uint32_t power = 1; !powers[power]; power = power * (65537 % prime) % prime) powers[power] = true;
        if (!powers[BN_mod_word(modulus, prime)]) return false;
    }
    return true;
}

// An RSA key, or one on P-256: what OpenSSL needs for each call is prepared once and copied, so that nothing is fetched by name.
class evp_key {
public:
    // Takes a key that fits the algorithm, checks it, and prepares it.
    static outcome<evp_key> checked(openssl_ptr<EVP_PKEY> of, jwt::algorithm by, bool is_private) {
        if (auto wrong = is_rsa(by) ? weak_rsa(of.get()) : weak_ec(of.get())) return std::move(*wrong);
        evp_key made;
        made.by_ = by;
        made.signature_size_ = is_rsa(by) ? static_cast<std::size_t>(EVP_PKEY_get_size(of.get())) : 64;
        made.key_ = std::move(of);
        made.verifying_ = made.prepared(false);
        if (is_private) made.signing_ = made.prepared(true);
        if (!made.verifying_ || (is_private && !made.signing_)) return refusal(fault::library_failed, openssl_complaint());
        if (is_private) {    // the private part is that of the public one: what it signs verifies
            std::array<char, longest_signature> signature;
            if (made.sign("muster", signature.data()) || made.verify("muster", {signature.data(), made.signature_size_})) {
                ERR_clear_error();
                return refusal(fault::key_mismatch);
            }
        }
        return made;
    }

    [[nodiscard]] std::size_t signature_size() const noexcept { return signature_size_; }

    // The public part, as DER; empty where there is no memory for it.
    [[nodiscard]] std::string public_part() const {
        unsigned char* bytes = nullptr;
        auto const size = i2d_PUBKEY(key_.get(), &bytes);
        if (size <= 0) return {};
        std::string text{reinterpret_cast<char const*>(bytes), static_cast<std::size_t>(size)};
        OPENSSL_free(bytes);
        return text;
    }

    // `signature_size()` bytes into `out`.
    [[nodiscard]] std::optional<fault> sign(std::string_view message, char* out) const {
        char hash[longest_hash];
        auto const digest = hashed(message, hash);
        openssl_ptr<EVP_PKEY_CTX> const call{EVP_PKEY_CTX_dup(signing_.get())};
        std::array<unsigned char, longest_signature> room;
        auto size = room.size();
        if (!call || EVP_PKEY_sign(call.get(), room.data(), &size, bytes(digest), digest.size()) != 1) return failed();
        if (is_rsa(by_)) {
            if (size != signature_size_) return fault::library_failed;
            std::memcpy(out, room.data(), size);
            return std::nullopt;
        }
        unsigned char const* der = room.data();
        openssl_ptr<ECDSA_SIG> const pair{d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size))};
        if (!pair) return failed();
        auto* const to = reinterpret_cast<unsigned char*>(out);
        if (BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, 32) != 32 || BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + 32, 32) != 32)
            return failed();
        return std::nullopt;
    }

    [[nodiscard]] std::optional<fault> verify(std::string_view message, std::string_view signature) const {
        if (signature.size() != signature_size_) return fault::wrong_signature_length;
        std::array<unsigned char, 80> der;
        if (!is_rsa(by_)) {
            auto const* const numbers = bytes(signature);
            if (!in_p256_order(numbers) || !in_p256_order(numbers + 32)) return fault::signature_out_of_range;
            signature = {reinterpret_cast<char const*>(der.data()), write_der(numbers, der)};
        }
        char hash[longest_hash];
        auto const digest = hashed(message, hash);
        openssl_ptr<EVP_PKEY_CTX> const call{EVP_PKEY_CTX_dup(verifying_.get())};
        if (!call) return failed();
        if (EVP_PKEY_verify(call.get(), bytes(signature), signature.size(), bytes(digest), digest.size()) == 1) return std::nullopt;
        ERR_clear_error();
        return fault::bad_signature;
    }

private:
    evp_key() = default;

    static unsigned char const* bytes(std::string_view of) noexcept { return reinterpret_cast<unsigned char const*>(of.data()); }
    static fault failed() {
        ERR_clear_error();
        return fault::library_failed;
    }

    std::string_view hashed(std::string_view message, char* out) const noexcept {
        sha2 hash{hash_size(by_)};
        hash.update(message);
        return hash.finish(out);
    }

    // r and s as a SEQUENCE of two INTEGERs, at most 72 bytes: what OpenSSL takes. Its own way there allocates four objects.
    static std::size_t write_der(unsigned char const* numbers, std::array<unsigned char, 80>& der) noexcept {
        std::size_t at = 2;
        for (int i = 0; i < 2; ++i, numbers += 32) {
            std::size_t skip = 0;
            while (numbers[skip] == 0) ++skip;    // ends: neither is 0
            auto const sign_byte = numbers[skip] >= 0x80;
            der[at++] = 0x02;
            der[at++] = static_cast<unsigned char>(32 - skip + (sign_byte ? 1 : 0));
            if (sign_byte) der[at++] = 0;
            std::memcpy(der.data() + at, numbers + skip, 32 - skip);
            at += 32 - skip;
        }
        der[0] = 0x30;
        der[1] = static_cast<unsigned char>(at - 2);
        return at;
    }

    openssl_ptr<EVP_PKEY_CTX> prepared(bool to_sign) const {
        openssl_ptr<EVP_PKEY_CTX> made{EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)};
        if (!made || (to_sign ? EVP_PKEY_sign_init(made.get()) : EVP_PKEY_verify_init(made.get())) != 1) return nullptr;
        auto const* const hash = hash_size(by_) == 32 ? EVP_sha256() : hash_size(by_) == 48 ? EVP_sha384() : EVP_sha512();
        if (is_rsa(by_) && EVP_PKEY_CTX_set_rsa_padding(made.get(), is_pss(by_) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1) return nullptr;
        if (EVP_PKEY_CTX_set_signature_md(made.get(), hash) != 1) return nullptr;
        // The salt is as long as the hash, for both (RFC 7518, section 3.5); MGF1 uses the same hash where nothing else is said.
        if (is_pss(by_) && EVP_PKEY_CTX_set_rsa_pss_saltlen(made.get(), RSA_PSS_SALTLEN_DIGEST) != 1) return nullptr;
        return made;
    }

    static openssl_ptr<BIGNUM> number(EVP_PKEY const* of, char const* name) {
        BIGNUM* found = nullptr;
        if (EVP_PKEY_get_bn_param(of, name, &found) != 1) return nullptr;
        return openssl_ptr<BIGNUM>{found};
    }

    static std::optional<failure> weak_rsa(EVP_PKEY const* of) {
        auto const modulus = number(of, OSSL_PKEY_PARAM_RSA_N), exponent = number(of, OSSL_PKEY_PARAM_RSA_E);
        if (!modulus || !exponent) return refusal(fault::bad_key, openssl_complaint());
        auto const bits = BN_num_bits(modulus.get());
        auto const this_one = [bits] { return "this one has " + std::to_string(bits); };
        if (bits < 2048) return refusal(fault::short_key, this_one());
        if (bits > 8192) return refusal(fault::long_key, this_one());
        if (!BN_is_odd(modulus.get())) return refusal(fault::bad_key, "the modulus is even");
        if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get()) || BN_num_bits(exponent.get()) > 64) return refusal(fault::weak_exponent);
        if (looks_like_roca(modulus.get())) return refusal(fault::roca_key);
        return std::nullopt;
    }

    static std::optional<failure> weak_ec(EVP_PKEY* of) {
        openssl_ptr<EVP_PKEY_CTX> const check{EVP_PKEY_CTX_new_from_pkey(nullptr, of, nullptr)};
        if (!check) return refusal(fault::library_failed, openssl_complaint());
        if (EVP_PKEY_public_check(check.get()) == 1) return std::nullopt;
        ERR_clear_error();
        return refusal(fault::weak_point);
    }

    jwt::algorithm by_ = jwt::algorithm::rs256;
    std::size_t signature_size_ = 0;
    openssl_ptr<EVP_PKEY> key_{};
    openssl_ptr<EVP_PKEY_CTX> signing_{}, verifying_{};
};

// The parts of an RSA or EC key become a key of OpenSSL's.
class key_parts {
public:
    key_parts() : builder_(OSSL_PARAM_BLD_new()), good_(builder_ != nullptr) {}

    // A number, most significant byte first. Private ones are marked so that OpenSSL wipes all copies on the way.
    void number(char const* name, std::string_view bytes, bool is_private) {
        auto& made = numbers_[count_++];
        made.reset(is_private ? BN_secure_new() : BN_new());
        good_ = good_ && made && BN_bin2bn(reinterpret_cast<unsigned char const*>(bytes.data()), static_cast<int>(bytes.size()), made.get()) &&
                OSSL_PARAM_BLD_push_BN(builder_.get(), name, made.get()) == 1;
    }
    // `what` is a literal.
    void text(char const* name, char const* what) { good_ = good_ && OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, what, 0) == 1; }
    // The public point, once.
    void point(char const* name, std::string_view bytes) {
        point_ = bytes;    // OpenSSL keeps no copy until all parts are there
        good_ = good_ && OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, point_.data(), point_.size()) == 1;
    }

    // Null where OpenSSL does not take it.
    [[nodiscard]] openssl_ptr<EVP_PKEY> key(char const* type, bool is_private) {
        openssl_ptr<OSSL_PARAM> const parameters{good_ ? OSSL_PARAM_BLD_to_param(builder_.get()) : nullptr};
        openssl_ptr<EVP_PKEY_CTX> const maker{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
        EVP_PKEY* made = nullptr;
        if (!parameters || !maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
            EVP_PKEY_fromdata(maker.get(), &made, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
            return nullptr;
        return openssl_ptr<EVP_PKEY>{made};
    }

private:
    openssl_ptr<OSSL_PARAM_BLD> builder_;
    std::array<openssl_ptr<BIGNUM>, 8> numbers_{};
    std::string point_{};
    std::size_t count_ = 0;
    bool good_;
};

}  // namespace muster::jwt::detail
