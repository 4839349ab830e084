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

// A token of which everything is known but whether it is good.
struct read_token {
    segments parts;
    chosen chose;
    bool known = false;              // its header was
    std::string_view payload{};      // decoded, in the caller's room
    std::string_view signature{};    // the same
};

[[nodiscard]] inline std::optional<failure> split_token(std::string_view token, segments& into) {
    auto const wrong = split(token, into);
    if (!wrong) return std::nullopt;
    return refusal(*wrong, *wrong == fault::too_long ? "this one has " + std::to_string(token.size()) + " bytes" : std::string{});
}

// Finds the key of a token that was split, and decodes the rest: `room` has at least `base64url::decoded_size` of the payload,
// `signature_room` that of the signature or `longest_signature`. Nothing of the payload is looked at yet.
[[nodiscard]] inline std::optional<failure> decode_token(token_keys const& by, std::span<char> room, std::span<char> signature_room,
                                                         read_token& into) {
    auto const& parts = into.parts;
    if (auto const* const known = by.memo->find(parts.header)) {
        into.chose = {known->key, known->type};
        into.known = true;
    } else {
        auto found = choose_key(by.keys, parts.header);
        if (!found) return std::move(found).error();
        into.chose = *found;
    }
    auto const payload = base64url::decode(parts.payload, room);
    if (!payload) return refusal(fault::bad_base64url, "in the payload");
    into.payload = *payload;

    if (base64url::decoded_size(parts.signature.size()) > longest_signature) return refusal(fault::wrong_signature_length);
    auto const signature = base64url::decode(parts.signature, signature_room);
    if (!signature) return refusal(fault::bad_base64url, "in the signature");
    into.signature = *signature;
    return std::nullopt;
}

// The header of a token that was found good is known from then on.
inline void remember_header(token_keys const& by, read_token const& good) {
    if (!good.known) by.memo->learn(good.parts.header, good.chose.key, good.chose.type);
}

// Verifies a token, and decodes its payload into `room`, which has at least `base64url::decoded_size` of the token. Nothing of the
// payload is looked at before the signature was found good.
[[nodiscard]] inline outcome<opened> open_token(token_keys const& by, std::string_view token, std::span<char> room) {
    read_token it;
    if (auto wrong = split_token(token, it.parts)) return std::move(*wrong);
    std::array<char, longest_signature> signature_room;
    if (auto wrong = decode_token(by, room, signature_room, it)) return std::move(*wrong);
    if (auto const wrong = by.keys[it.chose.key].record().verify(it.parts.signed_part, it.signature)) return refusal(*wrong);
    remember_header(by, it);
    return opened{it.payload, it.chose.type};
}

}  // namespace muster::jwt::detail
