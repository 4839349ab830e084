#pragma once

#include <array>          // a signature
#include <cstddef>        // size_t
#include <span>           // room
#include <string>         // tokens, payloads
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/json.hpp>                          // json_text
#include <muster/core/outcome.hpp>                       // outcome
#include <muster/workloads/jwt/base64url.hpp>            // base64url
#include <muster/workloads/jwt/detail/open_token.hpp>    // open_token
#include <muster/workloads/jwt/fault.hpp>                // refusal
#include <muster/workloads/jwt/key.hpp>                  // key
#include <muster/workloads/jwt/key_set.hpp>              // key_set

// The layer below claims: bytes in, bytes out, whatever they mean. Tokens with claims are verified by a `verifier`.

namespace muster::jwt {

/// What a header says beside the algorithm, which is the key's.
struct header_options {
    std::string type{};             ///< `typ`: UTF-8; empty, the header has none
    bool with_key_id = true;        ///< `kid`, where the key has one
};

/// How much room `verify_into` needs for what a token of that many bytes carries.
[[nodiscard]] constexpr std::size_t payload_room(std::size_t token_size) noexcept { return base64url::decoded_size(token_size) + 3; }

/// The token that carries these bytes: a JWS in the compact form.
///
/// Fails      fault::public_key_only, wrong_use, wrong_key_operation; fault::too_long where the token would have more than 16 KiB;
///            fault::library_failed.
/// Threads    any number at once, also with one key.
/// Cost       one allocation for the token, one or two for the header.
/// Source     RFC 7515, sections 5.1 and 7.1.
[[nodiscard]] outcome<std::string> sign(key const& by, std::string_view payload, header_options const& options = {});

/// The bytes that a token carries, when it is signed by this key, or by that of these keys which its `kid` names.
///
/// The key says the algorithm, and the token has to say the same. Where a token names a `kid` and the key has one, they are equal.
///
/// Fails      with a fault for the rule that was broken, in this order: the form of the token, its header, the key, the base64url of
///            payload and signature, the signature.
/// Threads    any number at once, also with one key.
/// Cost       one allocation for the bytes; `verify_into` none, after the first few tokens of each kind of header.
/// Source     RFC 7515, section 5.2; RFC 8725.
[[nodiscard]] outcome<std::string> verify(key const& by, std::string_view token);
[[nodiscard]] outcome<std::string> verify(key_set const& by, std::string_view token);

/// The same into the caller's room: at least `payload_room(token.size())` (else fault::too_long). Where it fails the room may hold
/// bytes that nobody signed.
[[nodiscard]] outcome<std::string_view> verify_into(key const& by, std::string_view token, std::span<char> room);
[[nodiscard]] outcome<std::string_view> verify_into(key_set const& by, std::string_view token, std::span<char> room);

// Implementation

namespace detail {

[[nodiscard]] inline token_keys keys_of(key const& one) noexcept { return {std::span{&one, 1}, &one.record().memo}; }
[[nodiscard]] inline token_keys keys_of(key_set const& several) noexcept { return {several.keys(), &several.memo()}; }

[[nodiscard]] inline std::string encoded(std::string_view bytes) {
    std::string text(base64url::encoded_size(bytes.size()), '\0');
    base64url::encode(bytes, text);
    return text;
}

// The first segment of tokens by this key.
[[nodiscard]] inline std::string header_segment(key const& by, header_options const& options) {
    auto text = R"({"alg":")" + std::string{name_of(by.algorithm())} + '"';
    if (!options.type.empty()) text += ",\"typ\":" + json_text(options.type);
    if (options.with_key_id && !by.id().empty()) text += ",\"kid\":" + json_text(by.id());
    return encoded(text + '}');
}

[[nodiscard]] inline outcome<std::string> sign_segment(key const& by, std::string_view header, std::string_view payload) {
    auto const& record = by.record();
    if (record.signing) return refusal(*record.signing);
    auto const size_before = header.size() + 1 + base64url::encoded_size(payload.size());
    auto const size = size_before + 1 + base64url::encoded_size(record.signature_size());
    if (payload.size() > longest_token || size > longest_token)
        return refusal(fault::too_long, "this one would have " + std::to_string(size) + " bytes");
    std::string token(size, '.');
    header.copy(token.data(), header.size());
    base64url::encode(payload, std::span{token}.subspan(header.size() + 1));
    std::array<char, longest_signature> signature;
    if (auto const wrong = record.sign({token.data(), size_before}, signature.data())) return refusal(*wrong);
    base64url::encode({signature.data(), record.signature_size()}, std::span{token}.subspan(size_before + 1));
    return token;
}

template <class Keys>
outcome<std::string_view> payload_into(Keys const& by, std::string_view token, std::span<char> room) {
    if (token.size() <= longest_token && room.size() < payload_room(token.size()))
        return refusal(fault::too_long, "the room has " + std::to_string(room.size()) + " bytes, and " +
                                            std::to_string(payload_room(token.size())) + " are asked for");
    auto found = open_token(keys_of(by), token, room);
    if (!found) return std::move(found).error();
    return found->payload;
}

template <class Keys>
outcome<std::string> payload_of(Keys const& by, std::string_view token) {
    std::string payload(token.size() <= longest_token ? payload_room(token.size()) : 0, '\0');
    auto found = open_token(keys_of(by), token, payload);
    if (!found) return std::move(found).error();
    payload.resize(found->payload.size());
    return payload;
}

}  // namespace detail

inline outcome<std::string> sign(key const& by, std::string_view payload, header_options const& options) {
    return detail::sign_segment(by, detail::header_segment(by, options), payload);
}

inline outcome<std::string> verify(key const& by, std::string_view token) { return detail::payload_of(by, token); }
inline outcome<std::string> verify(key_set const& by, std::string_view token) { return detail::payload_of(by, token); }

inline outcome<std::string_view> verify_into(key const& by, std::string_view token, std::span<char> room) {
    return detail::payload_into(by, token, room);
}
inline outcome<std::string_view> verify_into(key_set const& by, std::string_view token, std::span<char> room) {
    return detail::payload_into(by, token, room);
}

}  // namespace muster::jwt
