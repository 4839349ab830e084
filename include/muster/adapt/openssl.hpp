#pragma once

#include <memory>         // unique_ptr
#include <string>         // string

#include <openssl/bio.h>       // BIO
#include <openssl/bn.h>        // BIGNUM
#include <openssl/ec.h>        // ECDSA_SIG
#include <openssl/err.h>       // what went wrong
#include <openssl/evp.h>       // EVP_PKEY
#include <openssl/params.h>    // OSSL_PARAM
#include <openssl/param_build.h>    // OSSL_PARAM_BLD

namespace muster {

/// Frees an object of OpenSSL as its type asks for; what may hold a secret is wiped.
struct openssl_free {
    void operator()(BIO* of) const noexcept { BIO_free_all(of); }
    void operator()(BIGNUM* of) const noexcept { BN_clear_free(of); }
    void operator()(BN_CTX* of) const noexcept { BN_CTX_free(of); }
    void operator()(ECDSA_SIG* of) const noexcept { ECDSA_SIG_free(of); }
    void operator()(EVP_PKEY* of) const noexcept { EVP_PKEY_free(of); }
    void operator()(EVP_PKEY_CTX* of) const noexcept { EVP_PKEY_CTX_free(of); }
    void operator()(OSSL_PARAM* of) const noexcept { OSSL_PARAM_free(of); }
    void operator()(OSSL_PARAM_BLD* of) const noexcept { OSSL_PARAM_BLD_free(of); }
};

/// Owns one object of OpenSSL.
template <class T>
using openssl_ptr = std::unique_ptr<T, openssl_free>;

/// What OpenSSL says about the last thing that went wrong on this thread, and forgets: "no start line".
[[nodiscard]] inline std::string openssl_complaint() {
    auto const code = ERR_peek_last_error();
    ERR_clear_error();
    auto const* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason ? reason : "OpenSSL gives no reason";
}

}  // namespace muster
