#pragma once

#include <array>          // room on the stack
#include <optional>       // what is wrong
#include <string>         // header
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/outcome.hpp>                       // outcome
#include <muster/workloads/jwt/base64url.hpp>            // base64url
#include <muster/workloads/jwt/claims.hpp>               // claims
#include <muster/workloads/jwt/detail/json_scan.hpp>     // json_scan
#include <muster/workloads/jwt/detail/open_token.hpp>    // split
#include <muster/workloads/jwt/fault.hpp>                // refusal

namespace muster::jwt {

/// What a token says that nobody vouches for.
struct unverified {
    std::string header;    ///< as JSON
    claims said;
};

/// Reads a token without asking who signed it, or whether anybody did: for people who look at one, never to decide anything.
///
/// Fails      with a fault for the form of the token, its header and its claims; signature, algorithm and times are not looked at.
[[nodiscard]] inline outcome<unverified> decode_unverified(std::string_view token) {
    detail::segments parts;
    if (auto const wrong = detail::split(token, parts)) return refusal(*wrong);
    std::array<char, 2 * detail::longest_payload> room;
    auto const header = base64url::decode(parts.header, room);
    if (!header) return refusal(fault::bad_base64url, "in the header");
    if (auto const wrong = detail::json_scan{*header}.object([](std::string_view, detail::json_value const&) {}))
        return refusal(*wrong, "in the header");
    std::string kept{*header};
    auto const payload = base64url::decode(parts.payload, room);
    if (!payload) return refusal(fault::bad_base64url, "in the payload");
    auto said = claims::scanned(room, payload->size(), {});
    if (!said) return std::move(said).error();
    return unverified{std::move(kept), std::move(*said)};
}

}  // namespace muster::jwt
