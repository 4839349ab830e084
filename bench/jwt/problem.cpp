#include "problem.hpp"

#include <algorithm>    // transform
#include <chrono>       // seconds
#include <cstdio>       // snprintf
#include <cstdlib>      // abort

#include <openssl/evp.h>    // keys
#include <openssl/pem.h>    // as text

#include <muster/adapt/openssl.hpp>
#include <muster/workloads/jwt/base64url.hpp>
#include <muster/workloads/jwt/signer.hpp>

#include "muster_key.hpp"

namespace bench::tokens {

namespace {

using namespace muster;

std::string text_of(BIO* written) {
    char* text = nullptr;
    auto const size = BIO_get_mem_data(written, &text);
    return {text, static_cast<std::size_t>(size)};
}

openssl_ptr<EVP_PKEY> make_key(jwt::algorithm by, std::string const& seed) {
    if (by == jwt::algorithm::eddsa)
        return openssl_ptr<EVP_PKEY>{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                                 reinterpret_cast<unsigned char const*>(seed.data()), seed.size())};
    if (jwt::is_rsa(by)) return openssl_ptr<EVP_PKEY>{EVP_RSA_gen(2048)};
    return openssl_ptr<EVP_PKEY>{EVP_EC_gen("P-256")};
}

}  // namespace

opened open(std::string_view token) {
    auto const dot = token.rfind('.');
    auto const text = token.substr(dot + 1);
    std::string signature(jwt::base64url::decoded_size(text.size()), '\0');
    if (!jwt::base64url::decode(text, signature)) std::abort();
    return {token.substr(0, dot), std::move(signature)};
}

problem make_problem(jwt::algorithm by, std::size_t to_sign, std::size_t to_verify) {
    problem made{by, std::string{name_of(by)}, {}, {}, {}, {}, {}, {}};
    std::transform(made.name.begin(), made.name.end(), made.name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (char c = 1; c <= 32; ++c) made.secret += c;
    if (!is_hmac(by)) {
        auto const key = make_key(by, made.secret);
        openssl_ptr<BIO> const secret{BIO_new(BIO_s_mem())}, shown{BIO_new(BIO_s_mem())};
        if (!key || PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
            PEM_write_bio_PUBKEY(shown.get(), key.get()) != 1)
            std::abort();
        made.private_pem = text_of(secret.get());
        made.public_pem = text_of(shown.get());
    }
    auto const draft_of = [](std::size_t number) {
        char subject[16], id[16];
        std::snprintf(subject, sizeof subject, "u-%07zu", number % 10'000'000);
        std::snprintf(id, sizeof id, "%08zu", number % 100'000'000);
        return jwt::draft{.subject = subject, .id = id};
    };
    for (std::size_t i = 0; i < to_sign; ++i) made.drafts.push_back(draft_of(i));
    jwt::signer const sign{private_key(made), {.issuer = std::string{issuer}, .audience = {std::string{audience}}, .lifetime = std::chrono::hours{24}}};
    for (std::size_t i = 0; i < to_verify; ++i) made.tokens.push_back(sign(draft_of(i)).value());
    made.views.assign(made.tokens.begin(), made.tokens.end());
    if (!made.views.empty() && (by == jwt::algorithm::hs256 ? 229u : by == jwt::algorithm::eddsa ? 272u : made.views[0].size()) != made.views[0].size())
        std::abort();    // as the figures of other libraries were taken
    return made;
}

}  // namespace bench::tokens
