#pragma once

#include <string>    // what is sent

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster {

/// What an http_client is asked to send.
///
/// It has no printed form: headers and bodies hold keys.
struct http_request {
    std::string method = "GET";    ///< "GET": capital letters and hyphens, 1 to 32; not CONNECT or TRACE
    std::string url{};             ///< absolute, http or https, without a user or password; ASCII, at most 64 KiB
    /// Beside what is sent anyway: Host, User-Agent, Accept, Content-Length, each of which may be said here but for the last. A body
    /// has no Content-Type but one that is said here. Values without CR, LF and NUL; no Transfer-Encoding.
    http_headers headers{};
    std::string body{};            ///< empty: none, and `Content-Length: 0` for POST, PUT and PATCH
    friend bool operator==(http_request const&, http_request const&) = default;
};

}  // namespace muster
