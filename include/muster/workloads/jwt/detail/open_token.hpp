#pragma once

#include <array>          // room on the stack
#include <cstddef>        // size_t
#include <optional>       // what is wrong
#include <span>           // keys, room
#include <string>         // texts of failures
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/base64url.hpp>              // base64url
#include <muster/workloads/jwt/detail/header_memo.hpp>     // header_memo
#include <muster/workloads/jwt/detail/token_header.hpp>    // read_header
#include <muster/workloads/jwt/fault.hpp>                  // refusal
#include <muster/workloads/jwt/key.hpp>                    // key

namespace muster::jwt::detail {

inline constexpr std::size_t longest_token = 16'384;
inline constexpr std::size_t longest_payload = base64url::decoded_size(longest_token);

struct segments {
    std::string_view header, payload, signature;
    std::string_view signed_part;    // the first two, with the dot
};

[[nodiscard]] inline std::optional<fault> split(std::string_view token, segments& into) noexcept {
    if (token.size() > longest_token) return fault::too_long;
    auto const first = token.find('.');
    auto const second = first == token.npos ? first : token.find('.', first + 1);
    auto const third = second == token.npos ? second : token.find('.', second + 1);
    if (second == token.npos || third != token.npos) {
        if (auto const start = token.find_first_not_of(" \t\r\n"); start != token.npos && token[start] == '{')
            return fault::json_serialization;
        auto const fourth = third == token.npos ? third : token.find('.', third + 1);
        if (fourth != token.npos && token.find('.', fourth + 1) == token.npos) return fault::encrypted;
        return fault::wrong_segments;
    }
    into.header = token.substr(0, first);
    into.payload = token.substr(first + 1, second - first - 1);
    into.signature = token.substr(second + 1);
    into.signed_part = token.substr(0, second);
    return std::nullopt;
}

// The keys that a token may name, and what is known of the headers that they signed.
struct token_keys {
    std::span<key const> keys;
    header_memo* memo;
};

// A token that was found good.
struct opened {
    std::string_view payload;    // in the caller's room
    token_type type;
};

struct chosen {
    std::size_t key = 0;
    token_type type{};
};

// Reads the header and finds the key that it asks for. Apart from what tokens whose header is known need.
[[nodiscard]] inline outcome<chosen> choose_key(std::span<key const> keys, std::string_view segment) {
    std::array<char, 2 * longest_payload> room;    // the header, and behind it what it says without escapes
    auto const text = base64url::decode(segment, room);
    if (!text) return refusal(fault::bad_base64url, "in the header");
    token_header header;
    if (auto const wrong = read_header(*text, room.data() + text->size(), header)) return refusal(*wrong, "in the header");

    chosen found;
    found.type = header.type;
    if (!header.key_id || (keys.size() == 1 && keys[0].id().empty())) {
        if (keys.size() != 1) return refusal(fault::missing_key_id, "there are " + std::to_string(keys.size()) + " keys");
    } else {
        while (found.key < keys.size() && keys[found.key].id() != *header.key_id) ++found.key;
        if (found.key == keys.size()) return refusal(fault::unknown_key);
    }
    if (auto const asked = keys[found.key].algorithm(); asked != header.algorithm)
        return refusal(fault::algorithm_mismatch, "the key says " + std::string{name_of(asked)} + ", the header " +
                                                      std::string{name_of(header.algorithm)});
    return found;
}

// Verifies a token, and decodes its payload into `room`, which has at least `base64url::decoded_size` of the token. Nothing of the
// payload is looked at before the signature was found good.
[[nodiscard]] inline outcome<opened> open_token(token_keys const& by, std::string_view token, std::span<char> room) {
    segments parts;
    if (auto const wrong = split(token, parts)) {
        return refusal(*wrong, *wrong == fault::too_long ? "this one has " + std::to_string(token.size()) + " bytes" : std::string{});
    }
    chosen chose;
    auto const* const known = by.memo->find(parts.header);
    if (known) {
        chose = {known->key, known->type};
    } else {
        auto found = choose_key(by.keys, parts.header);
        if (!found) return std::move(found).error();
        chose = *found;
    }
    auto const payload = base64url::decode(parts.payload, room);
    if (!payload) return refusal(fault::bad_base64url, "in the payload");

    auto const& key = by.keys[chose.key].record();
    std::array<char, longest_signature> signature_room;
    if (base64url::decoded_size(parts.signature.size()) > signature_room.size()) return refusal(fault::wrong_signature_length);
    auto const signature = base64url::decode(parts.signature, signature_room);
    if (!signature) return refusal(fault::bad_base64url, "in the signature");
    if (auto const wrong = key.verify(parts.signed_part, *signature)) return refusal(*wrong);

    if (!known) by.memo->learn(parts.header, chose.key, chose.type);
    return opened{*payload, chose.type};
}

}  // namespace muster::jwt::detail
