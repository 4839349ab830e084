#pragma once

#include <chrono>     // sys_seconds
#include <optional>   // times that are not said
#include <string>     // string
#include <utility>    // pair
#include <vector>     // audience, more

namespace muster::jwt {

/// The claims of a token that is to be made; a `signer` adds what all its tokens say.
struct draft {
    std::string issuer{};                     ///< `iss`; empty: the signer's
    std::string subject{};                    ///< `sub`; empty: none
    std::vector<std::string> audience{};      ///< `aud`: one as a string, several as an array; empty: the signer's
    std::string id{};                         ///< `jti`; empty: none
    std::optional<std::chrono::sys_seconds> expires{};       ///< `exp`; none: the signer's lifetime from now
    std::optional<std::chrono::sys_seconds> not_before{};    ///< `nbf`
    std::optional<std::chrono::sys_seconds> issued_at{};     ///< `iat`; none: now
    /// Further claims: a name and its value as JSON, `{"admin", "true"}`.
    std::vector<std::pair<std::string, std::string>> more{};
    friend bool operator==(draft const&, draft const&) = default;
};

}  // namespace muster::jwt
