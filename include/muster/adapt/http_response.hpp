#pragma once

#include <chrono>    // nanoseconds
#include <string>    // the body

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster {

/// How long the parts of a call took, each from the moment at which it was handed to the network.
///
/// Units      microseconds is what is measured.
struct http_times {
    std::chrono::nanoseconds connect{};       ///< until there was a connection, TLS included; 0 on one that was kept
    std::chrono::nanoseconds first_byte{};    ///< until the answer began
    std::chrono::nanoseconds total{};         ///< until it was here
    friend bool operator==(http_times const&, http_times const&) = default;
};

/// What a server answered, whatever the status.
struct http_response {
    int status = 0;            ///< 100 to 999 are what HTTP allows; 200 to 299 is well: see require_ok
    int version = 0;           ///< 10, 11, 20 or 30 for HTTP/1.0, 1.1, 2, 3
    http_headers headers{};    ///< without those of interim answers (100 Continue) and without trailers
    std::string body{};
    http_times times{};

    [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
    friend bool operator==(http_response const&, http_response const&) = default;
};

}  // namespace muster
