#pragma once

#include <cstdint>         // uint8_t
#include <string>          // message
#include <string_view>     // name_of
#include <system_error>    // error_code
#include <type_traits>     // true_type

#include <muster/core/failure.hpp>                // cause
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster {

/// Why an HTTP call has no answer. A response is an answer, whatever its status: see require_ok.
///
/// `failure::is` answers for the cause behind each: those that another attempt may mend are cause::unavailable or timed_out. Of
/// `disconnected`, `truncated`, `protocol` and `timeout` nobody knows whether the server did what it was asked.
enum class http_fault : std::uint8_t {
    resolve = 1,        ///< the host's name has no address                                       (unavailable)
    connect,            ///< no connection, or none in time                                       (unavailable)
    proxy,              ///< the proxy has no address, is not there or refuses                    (unavailable)
    tls,                ///< the other side does not speak TLS as it is asked for                 (unavailable)
    certificate,        ///< the server's certificate is not trusted, or another host's           (unavailable)
    timeout,            ///< the deadline passed, or http_options::timeout                        (timed_out)
    disconnected,       ///< the connection was lost before the answer's headers were here        (unavailable)
    truncated,          ///< the connection was lost amid the answer's body                       (unavailable)
    protocol,           ///< what came is no HTTP                                                 (unavailable)
    too_large,          ///< the answer is larger than http_options allows                        (exhausted)
    refused_url,        ///< the URL is none that is called                                       (invalid_input)
    refused_request,    ///< method, headers or body cannot be sent                               (invalid_input)
    closed,             ///< the client was destroyed meanwhile                                   (cancelled)
    forked,             ///< the client's connections are those of the process that it was forked from    (invalid_input)
};

}  // namespace muster

template <>
struct std::is_error_code_enum<muster::http_fault> : std::true_type {};

namespace muster {

/// "no connection": the fault as people read it.
[[nodiscard]] constexpr std::string_view name_of(http_fault which) noexcept {
    switch (which) {
        case http_fault::resolve: return "unresolved host";
        case http_fault::connect: return "no connection";
        case http_fault::proxy: return "proxy refused";
        case http_fault::tls: return "TLS failed";
        case http_fault::certificate: return "certificate not trusted";
        case http_fault::timeout: return "timed out";
        case http_fault::disconnected: return "disconnected before an answer";
        case http_fault::truncated: return "answer cut short";
        case http_fault::protocol: return "not HTTP";
        case http_fault::too_large: return "answer too large";
        case http_fault::refused_url: return "URL refused";
        case http_fault::refused_request: return "request refused";
        case http_fault::closed: return "client closed";
        case http_fault::forked: return "client of another process";
    }
    return "unknown fault";
}

/// The cause that a fault amounts to.
[[nodiscard]] constexpr cause cause_of(http_fault which) noexcept {
    switch (which) {
        case http_fault::resolve:
        case http_fault::connect:
        case http_fault::proxy:
        case http_fault::tls:
        case http_fault::certificate:
        case http_fault::disconnected:
        case http_fault::truncated:
        case http_fault::protocol: return cause::unavailable;
        case http_fault::timeout: return cause::timed_out;
        case http_fault::too_large: return cause::exhausted;
        case http_fault::refused_url:
        case http_fault::refused_request:
        case http_fault::forked: return cause::invalid_input;
        case http_fault::closed: return cause::cancelled;
    }
    return cause::unavailable;
}

/// The category of `http_fault`; its name is "http".
[[nodiscard]] inline std::error_category const& http_fault_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "http"; }
        std::string message(int value) const override { return std::string{name_of(static_cast<http_fault>(value))}; }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(cause_of(static_cast<http_fault>(value))).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const http_faults_travel{http_fault_category()};

[[nodiscard]] inline std::error_code make_error_code(http_fault which) noexcept {
    return {static_cast<int>(which), http_fault_category()};
}

}  // namespace muster
