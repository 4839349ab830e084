#pragma once

#include <cstddef>        // size_t
#include <string>         // texts
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // keys

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/detail/json_scan.hpp>       // json_scan
#include <muster/workloads/jwt/detail/jwk_document.hpp>    // jwk_object, jwk_reader
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
    auto const document = detail::jwk_object::read(text);
    if (!document) return document.error();
    auto const* const found = document->find("keys");
    if (!found || found->kind != detail::json_kind::array) return refusal(fault::bad_key, "keys is missing, or no array");
    std::vector<detail::json_value> all;
    (void)detail::json_scan{found->raw}.array([&](detail::json_value const& one) { all.push_back(one); });    // found well formed before
    if (all.size() > most) return refusal(fault::bad_key, "a set has at most 1,000 keys, this one " + std::to_string(all.size()));
    std::vector<key> keys;
    for (std::size_t position = 0; position < all.size(); ++position) {
        auto const refuse = [position](failure why) { return std::move(why).note("; key " + std::to_string(position) + " of the set"); };
        if (all[position].kind != detail::json_kind::object) return refuse(refusal(fault::bad_json));
        auto const one = detail::jwk_object::read(all[position].raw);
        if (!one) return refuse(one.error());
        detail::jwk_reader reader{*one, options.when_unsaid};
        if (!reader.may_be_for_signatures()) continue;
        auto read = reader.read();
        if (read) keys.push_back(std::move(*read));
        else if (auto const code = read.error().code(); code != fault::unsupported_key && code != fault::unsupported_algorithm)
            return refuse(std::move(read).error());
    }
    return key_set::of(std::move(keys));
}

}  // namespace muster::jwt
