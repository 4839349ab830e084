#include "problem.hpp"

#include <array>      // signatures
#include <cstdlib>    // abort
#include <cstring>    // memcmp
#include <memory>     // shared_ptr

#include <openssl/core_names.h>    // digest
#include <openssl/ecdsa.h>         // r and s
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>           // padding

#include <muster/adapt/openssl.hpp>    // openssl_ptr

// The primitive alone, over the bytes of the same tokens, by EVP as OpenSSL's manual advises: one context, keyed once where that is
// allowed. Nothing is parsed or looked at; signatures of ECDSA are in DER already, which a token does not have.

namespace bench::tokens {

namespace {

using muster::openssl_ptr;
namespace names = muster::jwt;

unsigned char const* bytes(std::string_view of) { return reinterpret_cast<unsigned char const*>(of.data()); }
void must(bool done) {
    if (!done) std::abort();
}

std::string der_of(std::string const& numbers) {
    auto* const parts = ECDSA_SIG_new();
    must(ECDSA_SIG_set0(parts, BN_bin2bn(bytes(numbers), 32, nullptr), BN_bin2bn(bytes(numbers) + 32, 32, nullptr)) == 1);
    unsigned char* out = nullptr;
    auto const size = i2d_ECDSA_SIG(parts, &out);
    std::string der{reinterpret_cast<char const*>(out), static_cast<std::size_t>(size)};
    OPENSSL_free(out);
    ECDSA_SIG_free(parts);
    return der;
}

// HMAC: a context that is keyed once, and copied for each message.
struct by_mac {
    EVP_MAC* kind = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* keyed = EVP_MAC_CTX_new(kind);
    std::vector<opened> tokens{};
    std::size_t to_sign = 0;

    explicit by_mac(problem const& of) {
        char digest[] = "SHA256";
        OSSL_PARAM const how[]{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
        must(EVP_MAC_init(keyed, bytes(of.secret), of.secret.size(), how) == 1);
    }
    by_mac(by_mac const&) = delete;
    ~by_mac() {
        EVP_MAC_CTX_free(keyed);
        EVP_MAC_free(kind);
    }
    void sign(std::string_view message, std::array<unsigned char, 512>& out) const {
        auto* const copy = EVP_MAC_CTX_dup(keyed);
        std::size_t size = 0;
        must(EVP_MAC_update(copy, bytes(message), message.size()) == 1 && EVP_MAC_final(copy, out.data(), &size, out.size()) == 1);
        EVP_MAC_CTX_free(copy);
    }
    void verify(opened const& token) const {
        std::array<unsigned char, 512> mac;
        sign(token.message, mac);
        must(CRYPTO_memcmp(mac.data(), token.signature.data(), 32) == 0);
    }
};

// One context, initialised again for each message where the algorithm asks for it.
struct by_key {
    names::algorithm by;
    openssl_ptr<EVP_PKEY> secret, shown;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::vector<opened> tokens{};
    std::size_t to_sign = 0;

    explicit by_key(problem const& of) : by(of.by) {
        openssl_ptr<BIO> const first{BIO_new_mem_buf(of.private_pem.data(), static_cast<int>(of.private_pem.size()))};
        openssl_ptr<BIO> const second{BIO_new_mem_buf(of.public_pem.data(), static_cast<int>(of.public_pem.size()))};
        secret.reset(PEM_read_bio_PrivateKey(first.get(), nullptr, nullptr, nullptr));
        shown.reset(PEM_read_bio_PUBKEY(second.get(), nullptr, nullptr, nullptr));
        must(secret && shown);
    }
    by_key(by_key const&) = delete;
    ~by_key() { EVP_MD_CTX_free(context); }

    [[nodiscard]] EVP_MD const* hash() const { return by == names::algorithm::eddsa ? nullptr : EVP_sha256(); }
    void pad(EVP_PKEY_CTX* of) const {
        if (is_pss(by))
            must(EVP_PKEY_CTX_set_rsa_padding(of, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(of, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    void sign(std::string_view message, std::array<unsigned char, 512>& out) const {
        EVP_PKEY_CTX* inner = nullptr;
        auto size = out.size();
        EVP_MD_CTX_reset(context);
        must(EVP_DigestSignInit(context, &inner, hash(), nullptr, secret.get()) == 1);
        pad(inner);
        must(EVP_DigestSign(context, out.data(), &size, bytes(message), message.size()) == 1);
    }
    void verify(opened const& token) const {
        EVP_PKEY_CTX* inner = nullptr;
        EVP_MD_CTX_reset(context);
        must(EVP_DigestVerifyInit(context, &inner, hash(), nullptr, shown.get()) == 1);
        pad(inner);
        must(EVP_DigestVerify(context, bytes(token.signature), token.signature.size(), bytes(token.message), token.message.size()) == 1);
    }
};

template <class State>
work work_of(problem const& of) {
    auto const mine = std::make_shared<State>(of);
    for (auto const each : of.views) mine->tokens.push_back(open(each));
    if (of.by == names::algorithm::es256)
        for (auto& each : mine->tokens) each.signature = der_of(each.signature);
    mine->to_sign = of.drafts.size();
    return {.sign = [mine] {
                return seconds([&] {
                    std::array<unsigned char, 512> signature;
                    for (std::size_t i = 0; i < mine->to_sign; ++i) {
                        mine->sign(mine->tokens[i % mine->tokens.size()].message, signature);
                        keep(signature);
                    }
                });
            },
            .verify = [mine] {
                return seconds([&] {
                    for (auto const& each : mine->tokens) mine->verify(each);
                });
            }};
}

work make(problem const& of) { return is_hmac(of.by) ? work_of<by_mac>(of) : work_of<by_key>(of); }

entered<rival> const it{{"openssl", make}};

}  // namespace

}  // namespace bench::tokens
