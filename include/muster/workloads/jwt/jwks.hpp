#pragma once

#include <cstddef>        // size_t
#include <string>         // texts
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // keys

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/detail/jwk_document.hpp>    // jwk_reader
#include <muster/workloads/jwt/fault.hpp>                  // fault
#include <muster/workloads/jwt/jwk.hpp>                    // jwk_options
#include <muster/workloads/jwt/key.hpp>                    // key
#include <muster/workloads/jwt/key_set.hpp>                // key_set

namespace muster::jwt {

/// The keys of a JWK set.
///
/// Shape      `{"keys":[...]}`. Keys of a type, curve or algorithm that is not here, and those that are not for signatures, are passed
///            over, as RFC 7517 asks; one that is here and wrong refuses the set.
/// Fails      those of `parse_jwk`, with the position of the key in the text, and those of `key_set`.
/// Source     RFC 7517, section 5.
[[nodiscard]] inline outcome<key_set> parse_jwks(std::string_view text, jwk_options options = {}) {
    constexpr std::size_t most = 1'000;
    auto const document = detail::read_jwk_text(text);
    if (!document) return document.error();
    auto const found = document->find("keys");
    if (found == document->end() || !found->is_array()) return refusal(fault::bad_key, "keys is missing, or no array");
    if (found->size() > most) return refusal(fault::bad_key, "a set has at most 1,000 keys, this one " + std::to_string(found->size()));
    std::vector<key> keys;
    std::size_t position = 0;
    for (auto const& one : *found) {
        detail::jwk_reader reader{one, options.when_unsaid};
        if (reader.may_be_for_signatures()) {
            auto read = reader.read();
            if (read) keys.push_back(std::move(*read));
            else if (auto const code = read.error().code(); code != fault::unsupported_key && code != fault::unsupported_algorithm)
                return std::move(read).error().note("; key " + std::to_string(position) + " of the set");
        }
        ++position;
    }
    return key_set::of(std::move(keys));
}

}  // namespace muster::jwt
