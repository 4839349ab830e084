#pragma once

#include <chrono>     // nanoseconds
#include <cstddef>    // size_t
#include <string>     // names

#include <muster/core/bytes.hpp>    // KiB, MiB

namespace muster {

/// How an http_client calls.
struct http_options {
    /// 10 min: what a call takes at most where its context has no deadline; more than 0. Language models take minutes.
    std::chrono::nanoseconds timeout = std::chrono::minutes{10};
    /// 5 s: looking a name up, connecting and TLS together; more than 0. The wait for a free connection is not part of it.
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};
    std::size_t largest_body = 16 * MiB;       ///< 16 MiB: bytes of an answer's body, after decompression; 1 or more
    std::size_t largest_headers = 64 * KiB;    ///< 64 KiB: of its headers, those of interim answers and trailers included; 1 to 1 MiB
    /// 0: open at once, in all; further calls wait for a free one. 0 stands for three quarters of the descriptors that the process may
    /// have when the first call is made: 768 of the usual 1,024; at most 100,000.
    std::size_t connections = 0;
    /// 0: open at once to one host and port; 0 is no bound but the one above. Calls that begin together, while there is no connection
    /// yet, open one each, also where the server then speaks HTTP/2.
    std::size_t connections_per_host = 0;
    /// Empty: what http_proxy, https_proxy, all_proxy and no_proxy say in the environment. Else http, https, socks5 or socks5h with
    /// host and port; a user and password may be part of it, and are never shown.
    std::string proxy{};
    bool environment_proxy = true;         ///< false: no proxy but the one above
    std::string ca_file{};                 ///< empty: whom the system trusts; else a file of PEM certificates, trusted in their place
    bool http2 = true;                     ///< true: over https, where the server offers it
    bool decompress = false;               ///< true: asks for gzip and what else libcurl has. false, for a small answer may grow large
    std::string user_agent = "muster";     ///< "muster": without control characters; empty: none is sent
    /// 0: how many redirections are followed, up to 20; only on the same scheme, host and port, so that no key is sent elsewhere. Any
    /// other is an answer like others.
    unsigned redirects = 0;
    friend bool operator==(http_options const&, http_options const&) = default;
};

}  // namespace muster
