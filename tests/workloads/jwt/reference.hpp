// A second opinion on tokens: written from RFC 4648, 7515, 7518, 7519 and 8725, on OpenSSL's EVP and nlohmann-json alone. Nothing here
// includes muster, and nothing here is fast.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

namespace reference {

using nlohmann::json;

inline std::optional<std::string> base64url(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string bytes;
    unsigned held = 0, bits = 0;
    for (char const c : text) {
        int value = 0;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        else if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        else if (c >= '0' && c <= '9') value = c - '0' + 52;
        else if (c == '-') value = 62;
        else if (c == '_') value = 63;
        else return std::nullopt;
        held = (held << 6 | static_cast<unsigned>(value)) & 0xffff;
        bits += 6;
        if (bits >= 8) bytes += static_cast<char>(held >> (bits -= 8) & 255);
    }
    if ((held & ((1u << bits) - 1)) != 0) return std::nullopt;
    return bytes;
}

inline std::string to_base64url(std::string_view bytes) {
    std::string text;
    unsigned held = 0, bits = 0;
    auto const put = [&](unsigned value) { text += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[value & 63]; };
    for (char const byte : bytes) {
        held = (held << 8 | static_cast<unsigned char>(byte)) & 0xffff;
        bits += 8;
        while (bits >= 6) put(held >> (bits -= 6));
    }
    if (bits != 0) put(held << (6 - bits));
    return text;
}

// JSON, an object, with what is refused on purpose: two members of one name, more than 32 levels, more than 256 members open.
struct reading {
    enum class verdict { good, bad, unknown } what = verdict::bad;    // unknown: a number that nlohmann-json does not hold
    json value{};
    std::set<std::string> vanished{};    // members whose number is not 0, but is when it is a double
};

class strict_reader final : public nlohmann::json_sax<json> {
public:
    bool out_of_range = false;
    std::set<std::string> vanished{};

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t number, string_t const& text) override {
        if (number == 0 && depth_ == 1 && text.substr(0, text.find_first_of("eE")).find_first_of("123456789") != text.npos) vanished.insert(name_);
        return true;
    }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return names_.emplace_back(), ++depth_ <= 32; }
    bool key(string_t& name) override {
        if (depth_ == 1) name_ = name;
        return ++open_ <= 256 && names_.back().insert(name).second;
    }
    bool end_object() override {
        open_ -= names_.back().size();
        names_.pop_back();
        --depth_;
        return true;
    }
    bool start_array(std::size_t) override { return ++depth_ <= 32; }
    bool end_array() override { return --depth_, true; }
    bool parse_error(std::size_t, std::string const&, nlohmann::detail::exception const& what) override {
        out_of_range = what.id == 406;
        return false;
    }

private:
    std::vector<std::set<std::string>> names_{};
    std::string name_{};
    std::size_t depth_ = 0, open_ = 0;
};

inline reading read(std::string const& text) {
    reading found;
    // nlohmann-json takes a byte order mark, and a zero byte for the end.
    if (text.find('\0') != text.npos || text.substr(0, 1) == "\xef") return found;
    strict_reader reader;
    if (!json::sax_parse(text, &reader)) {
        if (reader.out_of_range) found.what = reading::verdict::unknown;
        return found;
    }
    found.value = json::parse(text);
    if (!found.value.is_object()) return found;
    found.vanished = reader.vanished;
    found.what = reading::verdict::good;
    return found;
}

// Keys

struct evp_free {
    void operator()(EVP_PKEY* of) const { EVP_PKEY_free(of); }
    void operator()(EVP_MD_CTX* of) const { EVP_MD_CTX_free(of); }
    void operator()(EVP_PKEY_CTX* of) const { EVP_PKEY_CTX_free(of); }
    void operator()(BIGNUM* of) const { BN_free(of); }
    void operator()(OSSL_PARAM_BLD* of) const { OSSL_PARAM_BLD_free(of); }
    void operator()(OSSL_PARAM* of) const { OSSL_PARAM_free(of); }
    void operator()(ECDSA_SIG* of) const { ECDSA_SIG_free(of); }
};
template <class T>
using owned = std::unique_ptr<T, evp_free>;

inline unsigned char const* bytes_of(std::string_view of) { return reinterpret_cast<unsigned char const*>(of.data()); }

// A key that verifies: HMAC by its secret, the others by their public part.
struct key {
    std::string algorithm;
    std::string id{};
    std::string secret{};
    std::shared_ptr<EVP_PKEY> public_part{};
};

inline std::shared_ptr<EVP_PKEY> public_key(char const* type, OSSL_PARAM_BLD* parts) {
    owned<OSSL_PARAM> const parameters{OSSL_PARAM_BLD_to_param(parts)};
    owned<EVP_PKEY_CTX> const maker{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    EVP_PKEY* made = nullptr;
    EVP_PKEY_fromdata_init(maker.get());
    EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return {made, evp_free{}};
}
inline std::shared_ptr<EVP_PKEY> rsa_key(std::string_view n, std::string_view e) {
    owned<OSSL_PARAM_BLD> const parts{OSSL_PARAM_BLD_new()};
    auto const modulus = *base64url(n), exponent = *base64url(e);
    owned<BIGNUM> const first{BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr)},
        second{BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr)};
    OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, first.get());
    OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, second.get());
    return public_key("RSA", parts.get());
}
inline std::shared_ptr<EVP_PKEY> p256_key(std::string_view x, std::string_view y) {
    owned<OSSL_PARAM_BLD> const parts{OSSL_PARAM_BLD_new()};
    auto const point = "\x04" + *base64url(x) + *base64url(y);
    OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    return public_key("EC", parts.get());
}
inline std::shared_ptr<EVP_PKEY> ed25519_key(std::string_view x) {
    auto const point = *base64url(x);
    return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(point), point.size()), evp_free{}};
}

inline EVP_MD const* hash_of(std::string const& algorithm) {
    auto const bits = algorithm.substr(2);
    return bits == "256" ? EVP_sha256() : bits == "384" ? EVP_sha384() : EVP_sha512();
}

inline bool signature_is_good(key const& by, std::string const& message, std::string const& signature) {
    auto const kind = by.algorithm.substr(0, 2);
    if (kind == "HS") {
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        HMAC(hash_of(by.algorithm), by.secret.data(), static_cast<int>(by.secret.size()), bytes_of(message), message.size(), mac, &size);
        return signature == std::string{reinterpret_cast<char const*>(mac), size};
    }
    owned<EVP_MD_CTX> const call{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr;
    auto const* const hash = by.algorithm == "EdDSA" ? nullptr : hash_of(by.algorithm);
    if (EVP_DigestVerifyInit(call.get(), &details, hash, nullptr, by.public_part.get()) != 1) return false;
    auto presented = signature;
    if (kind == "PS" && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                         EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    if ((kind == "RS" || kind == "PS") && signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(by.public_part.get()))) return false;
    if (kind == "ES") {    // RFC 7518, section 3.4: two numbers of 32 bytes, and OpenSSL wants DER
        if (signature.size() != 64) return false;
        owned<ECDSA_SIG> const pair{ECDSA_SIG_new()};
        ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes_of(signature), 32, nullptr), BN_bin2bn(bytes_of(signature) + 32, 32, nullptr));
        unsigned char* der = nullptr;
        auto const size = i2d_ECDSA_SIG(pair.get(), &der);
        presented.assign(reinterpret_cast<char const*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
    }
    return EVP_DigestVerify(call.get(), bytes_of(presented), presented.size(), bytes_of(message), message.size()) == 1;
}

// Tokens

struct rules {
    std::vector<std::string> issuers{}, audiences{};
    bool any_audience = false;
    std::string type{};
    std::int64_t leeway = 0;
    std::vector<std::string> required{"exp"};
    std::int64_t now = 0;
};

struct answer {
    enum class verdict { accepted, refused, unknown } what = verdict::refused;
    bool is_signed = false;
    std::string payload{};    // where it is
    json claims{};
    std::optional<std::int64_t> exp{}, nbf{}, iat{};
};

inline std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// Whose header this is; null where it may not be taken.
inline key const* chosen_key(json const& header, std::vector<key> const& keys) {
    for (auto const* name : {"crit", "b64", "jwk", "jku", "x5u", "x5c"})
        if (header.contains(name)) return nullptr;
    for (auto const* name : {"alg", "kid", "typ", "cty"})
        if (header.contains(name) && !header[name].is_string()) return nullptr;
    if (!header.contains("alg")) return nullptr;
    if (header.contains("typ") && header["typ"].get<std::string>().size() > 64) return nullptr;
    key const* found = nullptr;
    if (!header.contains("kid") || (keys.size() == 1 && keys[0].id.empty())) {
        if (keys.size() == 1) found = &keys[0];
    } else {
        for (auto const& one : keys)
            if (one.id == header["kid"].get<std::string>()) found = &one;
    }
    return found && found->algorithm == header["alg"].get<std::string>() ? found : nullptr;
}

// The seconds that a number says, rounded so that the token is good for less long; at most 2^53 - 1 either way.
inline std::optional<std::int64_t> date(json const& value, bool up) {
    constexpr std::int64_t limit = 9'007'199'254'740'991;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(limit)) return std::nullopt;
    if (value.is_number_integer()) {
        auto const seconds = value.get<std::int64_t>();
        if (seconds < -limit || seconds > limit) return std::nullopt;
        return seconds;
    }
    if (!value.is_number_float()) return std::nullopt;
    auto const seconds = up ? std::ceil(value.get<double>()) : std::floor(value.get<double>());
    if (std::fabs(seconds) > static_cast<double>(limit)) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

// The registered claims have their types; their times go into `into`.
inline bool well_typed(reading const& said, answer& into) {
    auto const& claims = said.value;
    for (auto const* name : {"iss", "sub", "jti"})
        if (claims.contains(name) && !claims[name].is_string()) return false;
    for (auto const& [name, time] : {std::pair{"exp", &into.exp}, {"nbf", &into.nbf}, {"iat", &into.iat}})
        if (claims.contains(name)) {
            *time = date(claims[name], std::string{name} == "nbf");
            if (!*time || said.vanished.count(name) != 0) return false;
        }
    if (!claims.contains("aud")) return true;
    if (claims["aud"].is_string()) return true;
    if (!claims["aud"].is_array()) return false;
    for (auto const& one : claims["aud"])
        if (!one.is_string()) return false;
    return true;
}

inline bool wanted(answer const& of, rules const& by) {
    auto const& claims = of.claims;
    for (auto const& name : by.required)
        if (!claims.contains(name)) return false;
    if (of.exp && by.now >= *of.exp + by.leeway) return false;
    if (of.nbf && by.now + by.leeway < *of.nbf) return false;
    auto const among = [](std::vector<std::string> const& all, json const& one) {
        for (auto const& each : all)
            if (one == each) return true;
        return false;
    };
    if (!by.issuers.empty() && !(claims.contains("iss") && among(by.issuers, claims["iss"]))) return false;
    if (!claims.contains("aud")) return by.audiences.empty();
    if (by.audiences.empty()) return by.any_audience;
    if (claims["aud"].is_string()) return among(by.audiences, claims["aud"]);
    for (auto const& one : claims["aud"])
        if (among(by.audiences, one)) return true;
    return false;
}

inline answer judge(std::string const& token, std::vector<key> const& keys, rules const& by) {
    answer found;
    if (token.size() > 16'384) return found;
    std::vector<std::string> segments(1);
    for (char const c : token) {
        if (c == '.') segments.emplace_back();
        else segments.back() += c;
    }
    if (segments.size() != 3) return found;
    auto const header = base64url(segments[0]), payload = base64url(segments[1]), signature = base64url(segments[2]);
    if (!header || !payload || !signature) return found;
    auto const head = read(*header);
    if (head.what != reading::verdict::good) {
        if (head.what == reading::verdict::unknown) found.what = answer::verdict::unknown;
        return found;
    }
    auto const* const with = chosen_key(head.value, keys);
    if (!with || !signature_is_good(*with, segments[0] + "." + segments[1], *signature)) return found;
    found.is_signed = true;
    found.payload = *payload;

    auto type = head.value.contains("typ") ? lower(head.value["typ"].get<std::string>()) : "";
    auto const short_form = [](std::string const& of) { return of.substr(0, 12) == "application/" && of.size() > 12 && of.find('/', 12) == of.npos ? of.substr(12) : of; };
    if (by.type.empty() ? head.value.contains("typ") && short_form(type) != "jwt" : short_form(type) != short_form(lower(by.type))) return found;
    auto const said = read(*payload);
    if (said.what == reading::verdict::unknown) found.what = answer::verdict::unknown;
    if (said.what != reading::verdict::good) return found;
    found.claims = said.value;
    if (well_typed(said, found) && wanted(found, by)) found.what = answer::verdict::accepted;
    return found;
}

}  // namespace reference
