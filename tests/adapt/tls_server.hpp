// TLS for servers of the tests: a certificate of their own, made when it is asked for, and a connection that speaks TLS.
#pragma once

#include <csignal>         // SIGPIPE
#include <memory>          // unique_ptr
#include <optional>        // no request any more
#include <stdexcept>       // runtime_error
#include <string>          // paths
#include <string_view>     // bytes
#include <utility>         // pair

#include <signal.h>            // pthread_sigmask

#include <openssl/evp.h>       // EVP_EC_gen
#include <openssl/pem.h>       // PEM_write_bio_X509
#include <openssl/ssl.h>       // SSL
#include <openssl/x509v3.h>    // subject alternative names

#include "adapt/scripted_server.hpp"
#include "temporary_folder.hpp"

/// A self-signed certificate for 127.0.0.1, or for whom is said: "DNS:other.example".
class test_certificate {
public:
    explicit test_certificate(std::string_view names = "IP:127.0.0.1,DNS:localhost") {
        key_.reset(::EVP_EC_gen("P-256"));
        x509_.reset(::X509_new());
        if (!key_ || !x509_) throw std::runtime_error{"no key"};
        ::X509_set_version(x509_.get(), 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(x509_.get()), 1);
        ::X509_gmtime_adj(::X509_getm_notBefore(x509_.get()), -3'600);
        ::X509_gmtime_adj(::X509_getm_notAfter(x509_.get()), 3'600);
        ::X509_set_pubkey(x509_.get(), key_.get());
        auto* const name = ::X509_get_subject_name(x509_.get());
        ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("muster test"), -1, -1, 0);
        ::X509_set_issuer_name(x509_.get(), name);
        for (auto const& [id, value] : {std::pair{NID_subject_alt_name, std::string{names}},
                                        std::pair{NID_basic_constraints, std::string{"critical,CA:TRUE"}}}) {
            std::unique_ptr<X509_EXTENSION, freed> const one{::X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str())};
            ::X509_add_ext(x509_.get(), one.get(), -1);
        }
        if (::X509_sign(x509_.get(), key_.get(), ::EVP_sha256()) == 0) throw std::runtime_error{"no certificate"};
        std::unique_ptr<BIO, freed> const text{::BIO_new(::BIO_s_mem())};
        ::PEM_write_bio_X509(text.get(), x509_.get());
        char* bytes = nullptr;
        auto const size = ::BIO_get_mem_data(text.get(), &bytes);
        file_ = folder_.put("ca.pem", {bytes, static_cast<std::size_t>(size)});
        std::unique_ptr<BIO, freed> const key_text{::BIO_new(::BIO_s_mem())};
        ::PEM_write_bio_PrivateKey(key_text.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        auto const key_size = ::BIO_get_mem_data(key_text.get(), &bytes);
        key_file_ = folder_.put("key.pem", {bytes, static_cast<std::size_t>(key_size)});
        context_.reset(::SSL_CTX_new(::TLS_server_method()));
        ::SSL_CTX_use_certificate(context_.get(), x509_.get());
        ::SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    }

    std::string const& file() const { return file_; }
    std::string const& key_file() const { return key_file_; }
    SSL_CTX* context() const { return context_.get(); }

    struct freed {
        void operator()(X509* it) const { ::X509_free(it); }
        void operator()(EVP_PKEY* it) const { ::EVP_PKEY_free(it); }
        void operator()(X509_EXTENSION* it) const { ::X509_EXTENSION_free(it); }
        void operator()(BIO* it) const { ::BIO_free(it); }
        void operator()(SSL_CTX* it) const { ::SSL_CTX_free(it); }
        void operator()(SSL* it) const { ::SSL_free(it); }
    };

private:
    temporary_folder folder_;
    std::unique_ptr<EVP_PKEY, freed> key_;
    std::unique_ptr<X509, freed> x509_;
    std::unique_ptr<SSL_CTX, freed> context_;
    std::string file_, key_file_;
};

/// The server's end of TLS over a connection.
class tls_end {
public:
    tls_end(test_certificate const& by, scripted_connection const& over) : ssl_(::SSL_new(by.context())) {
        sigset_t pipe;    // OpenSSL writes as programs did long ago
        ::sigemptyset(&pipe);
        ::sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        ::SSL_set_fd(ssl_.get(), over.socket());
        good_ = ::SSL_accept(ssl_.get()) == 1;
    }
    bool good() const { return good_; }
    /// A request without a body; none where the other side has gone.
    std::optional<std::string> hear() {
        std::string out;
        char block[16'384];
        while (out.find("\r\n\r\n") == std::string::npos) {
            auto const n = good_ ? ::SSL_read(ssl_.get(), block, sizeof block) : 0;
            if (n <= 0) return std::nullopt;
            out.append(block, static_cast<std::size_t>(n));
        }
        return out;
    }
    bool say(std::string_view what) { return ::SSL_write(ssl_.get(), what.data(), static_cast<int>(what.size())) > 0; }
    void farewell() { ::SSL_shutdown(ssl_.get()); }

private:
    std::unique_ptr<SSL, test_certificate::freed> ssl_;
    bool good_ = false;
};
