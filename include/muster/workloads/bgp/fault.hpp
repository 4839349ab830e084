#pragma once

#include <cstdint>         // uint8_t
#include <string>          // message
#include <string_view>     // name_of
#include <system_error>    // error_code
#include <type_traits>     // true_type

#include <muster/core/failure.hpp>                // cause
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster::bgp {

/// What went wrong with bgpq4 or its server, told apart where bgpq4 itself ends with 0 and an empty list.
///
/// `failure::is` answers for the cause behind each: those a later attempt can mend are cause::unavailable.
enum class fault : std::uint8_t {
    server_error = 1,    ///< the server answered `F`: it could not look it up             (unavailable)
    several_keys,        ///< the server answered `E`: the key is there more than once     (unavailable)
    bad_prefix,          ///< the answer held a prefix that is none                        (unavailable)
    refused,             ///< no connection to the server                                  (unavailable)
    unresolved_host,     ///< the server's name has no address                             (unavailable)
    wrong_reply,         ///< the server answered outside the protocol                     (unavailable)
    closed_early,        ///< the server closed the connection amid an answer              (unavailable)
    timed_out,           ///< bgpq4 was killed at the deadline: the server hangs           (timed_out)
    invalid_number,      ///< bgpq4 refused an AS number                                   (invalid_input)
    invalid_source,      ///< the server does not know one of the sources                  (invalid_input)
    invalid_object,      ///< bgpq4 refused the object                                     (invalid_input)
    invalid_options,     ///< bgpq4 refused the options                                    (invalid_input)
    aborted,             ///< bgpq4 died of an assertion or of its own guards              (crashed)
    reported,            ///< another `ERROR:` on stderr, whatever the exit code           (exited)
    failed,              ///< another exit code                                            (exited)
    unreadable,          ///< ended well, but the text is not one of the format            (exited)
};

}  // namespace muster::bgp

template <>
struct std::is_error_code_enum<muster::bgp::fault> : std::true_type {};

namespace muster::bgp {

/// "server error": the fault as people read it.
[[nodiscard]] constexpr std::string_view name_of(fault which) noexcept {
    switch (which) {
        case fault::server_error: return "server error";
        case fault::several_keys: return "several keys";
        case fault::bad_prefix: return "bad prefix";
        case fault::refused: return "refused";
        case fault::unresolved_host: return "unresolved host";
        case fault::wrong_reply: return "wrong reply";
        case fault::closed_early: return "closed early";
        case fault::timed_out: return "timed out";
        case fault::invalid_number: return "invalid number";
        case fault::invalid_source: return "invalid source";
        case fault::invalid_object: return "invalid object";
        case fault::invalid_options: return "invalid options";
        case fault::aborted: return "aborted";
        case fault::reported: return "reported an error";
        case fault::failed: return "failed";
        case fault::unreadable: return "unreadable";
    }
    return "unknown fault";
}

/// The cause that a fault amounts to.
[[nodiscard]] constexpr cause cause_of(fault which) noexcept {
    switch (which) {
        case fault::server_error:
        case fault::several_keys:
        case fault::bad_prefix:
        case fault::refused:
        case fault::unresolved_host:
        case fault::wrong_reply:
        case fault::closed_early: return cause::unavailable;
        case fault::timed_out: return cause::timed_out;
        case fault::invalid_number:
        case fault::invalid_source:
        case fault::invalid_object:
        case fault::invalid_options: return cause::invalid_input;
        case fault::aborted: return cause::crashed;
        case fault::reported:
        case fault::failed:
        case fault::unreadable: return cause::exited;
    }
    return cause::exited;
}

/// The category of `fault`; its name is "bgpq4".
[[nodiscard]] inline std::error_category const& fault_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "bgpq4"; }
        std::string message(int value) const override { return std::string{name_of(static_cast<fault>(value))}; }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(cause_of(static_cast<fault>(value))).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const faults_travel{fault_category()};

[[nodiscard]] inline std::error_code make_error_code(fault which) noexcept {
    return {static_cast<int>(which), fault_category()};
}

}  // namespace muster::bgp
