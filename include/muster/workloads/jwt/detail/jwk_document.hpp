#pragma once

#include <array>          // names of RSA parts
#include <cstddef>        // size_t
#include <memory>         // allocator
#include <optional>       // members that are not there
#include <string>         // basic_string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // members

#include <openssl/crypto.h>    // OPENSSL_cleanse

#include <muster/core/outcome.hpp>                      // outcome
#include <muster/workloads/jwt/algorithm.hpp>           // algorithm
#include <muster/workloads/jwt/base64url.hpp>           // base64url
#include <muster/workloads/jwt/detail/json_scan.hpp>    // json_scan
#include <muster/workloads/jwt/detail/json_text.hpp>    // says, unescape
#include <muster/workloads/jwt/fault.hpp>               // refusal
#include <muster/workloads/jwt/key.hpp>                 // key

namespace muster::jwt::detail {

// Texts of keys are read where they lie, by the scan that reads tokens: a JSON library keeps copies of what it reads, in memory that
// nobody wipes (the lexer of nlohmann-json one of each token).

// Wipes what it gives back: so nothing that was decoded from such a text is left behind.
template <class T>
struct wiping_allocator {
    using value_type = T;
    wiping_allocator() noexcept = default;
    template <class U>
    wiping_allocator(wiping_allocator<U> const&) noexcept {}
    T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        OPENSSL_cleanse(memory, count * sizeof(T));
        std::allocator<T>{}.deallocate(memory, count);
    }
    friend bool operator==(wiping_allocator const&, wiping_allocator const&) noexcept { return true; }
};

using secret_text = std::basic_string<char, std::char_traits<char>, wiping_allocator<char>>;

// Where the members of an object stand in its text, which has to stay.
class jwk_object {
public:
    // An object without two members of one name, nested at most 8 deep, of at most 1 MiB.
    static outcome<jwk_object> read(std::string_view text) {
        constexpr std::size_t longest = 1'048'576;
        if (text.size() > longest) return refusal(fault::bad_key, "keys have at most 1 MiB, these " + std::to_string(text.size()) + " bytes");
        jwk_object made;
        auto const flaw = json_scan{text, deepest}.object([&](std::string_view name, json_value const& value) { made.members_.push_back({name, value}); });
        if (!flaw) return made;
        if (*flaw == fault::too_deep) return refusal(fault::too_deep, "keys are nested at most 8 deep, and have at most 256 members");
        return refusal(*flaw == fault::duplicate_member ? fault::duplicate_member : fault::bad_json);
    }

    // Null where there is none of that name.
    [[nodiscard]] json_value const* find(std::string_view name) const noexcept {
        for (auto const& one : members_)
            if (says(one.name, name)) return &one.value;
        return nullptr;
    }

private:
    static constexpr unsigned deepest = 8;
    struct member {
        std::string_view name;
        json_value value;
    };
    std::vector<member> members_{};
};

// What a string says, escapes resolved.
[[nodiscard]] inline secret_text text_of(json_value const& value) {
    if (!value.has_escapes) return secret_text{value.raw};
    secret_text clean(value.raw.size(), '\0');
    clean.resize(unescape(value.raw, clean.data()).size());
    return clean;
}

// A JWK, as it is read. Members that are there have to be of their type; those that it does not know are passed over.
class jwk_reader {
public:
    jwk_reader(jwk_object const& from, std::optional<algorithm> when_unsaid) : from_(&from), unsaid_(when_unsaid) {}

    // False where `use` says that it is for something else than signatures: then nothing else of it matters.
    [[nodiscard]] bool may_be_for_signatures() const {
        auto const use = text("use");
        return !use || use->empty() || *use == "sig";
    }

    [[nodiscard]] outcome<key> read() {
        auto const type = text("kty");
        if (!type) return refusal(fault::bad_key, "kty is missing, or no string");
        key_options options;
        if (auto wrong = said(options)) return std::move(*wrong);
        if (*type == "oct") return symmetric(std::move(options));
        if (*type == "RSA") return rsa(std::move(options));
        if (*type == "EC") return elliptic(std::move(options));
        if (*type == "OKP") return edwards(std::move(options));
        return refusal(fault::unsupported_key);
    }

private:
    [[nodiscard]] bool has(char const* name) const { return from_->find(name) != nullptr; }
    [[nodiscard]] std::optional<secret_text> text(char const* name) const {
        auto const* const found = from_->find(name);
        if (!found || found->kind != json_kind::string) return std::nullopt;
        return text_of(*found);
    }
    // Bytes that are written as base64url; nothing where they are missing, empty or not.
    [[nodiscard]] std::optional<secret_text> bytes(char const* name) const {
        auto const letters = text(name);
        if (!letters || letters->empty()) return std::nullopt;
        secret_text room(base64url::decoded_size(letters->size()) + 1, '\0');
        auto const decoded = base64url::decode(*letters, room);
        if (!decoded) return std::nullopt;
        room.resize(decoded->size());
        return room;
    }
    static failure part_missing(char const* name) {
        return refusal(fault::bad_key, std::string{name} + " is missing, or not the base64url that it should be");
    }

    [[nodiscard]] std::optional<failure> said(key_options& options) const {
        for (auto const& [name, into] : {std::pair{"kid", &options.id}, {"use", &options.use}}) {
            if (!has(name)) continue;
            auto const found = text(name);
            if (!found) return refusal(fault::bad_key, std::string{name} + " is no string");
            into->assign(found->data(), found->size());
        }
        if (has("use") && options.use.empty()) return refusal(fault::bad_key, "use is empty");
        auto const* const found = from_->find("key_ops");
        if (!found) return std::nullopt;
        if (found->kind != json_kind::array) return refusal(fault::bad_key, "key_ops is no array");
        auto& operations = options.operations.emplace();
        bool strings = true, twice = false;
        (void)json_scan{found->raw}.array([&](json_value const& one) {    // found well formed before
            strings = strings && one.kind == json_kind::string;
            if (!strings) return;
            auto const operation = text_of(one);
            for (auto const& before : operations) twice = twice || std::string_view{operation} == before;
            operations.emplace_back(operation.data(), operation.size());
        });
        if (!strings) return refusal(fault::bad_key, "key_ops holds something that is no string");
        if (twice) return refusal(fault::bad_key, "key_ops lists an operation twice");
        return std::nullopt;
    }

    // The algorithm that the key says, or has by its type, or for want of both is told.
    [[nodiscard]] outcome<algorithm> algorithm_for(std::optional<algorithm> by_type) const {
        if (!has("alg")) {
            if (by_type && unsaid_ && *by_type != *unsaid_) return refusal(fault::algorithm_mismatch, "the key is for " + std::string{name_of(*by_type)});
            if (by_type) return *by_type;
            if (!unsaid_) return refusal(fault::missing_algorithm, "of the key");
            return *unsaid_;
        }
        auto const name = text("alg");
        if (!name) return refusal(fault::bad_key, "alg is no string");
        auto const known = algorithm_of(*name);
        if (!known) return refusal(fault::unsupported_algorithm, "of the key");
        if (by_type && *by_type != *known) return refusal(fault::bad_key, "alg is not of this kind of key");
        return *known;
    }

    [[nodiscard]] outcome<key> symmetric(key_options&& options) const {
        auto const by = algorithm_for(std::nullopt);
        if (!by) return by.error();
        if (!is_hmac(*by)) return refusal(fault::bad_key, "alg is not of this kind of key");
        if (auto const letters = text("k"); letters && letters->empty()) return refusal(fault::short_key, "this key has 0 bytes");
        auto const secret = bytes("k");
        if (!secret) return part_missing("k");
        return key::hmac(*by, *secret, std::move(options));
    }

    [[nodiscard]] outcome<key> rsa(key_options&& options) const {
        auto const by = algorithm_for(std::nullopt);
        if (!by) return by.error();
        if (!is_rsa(*by)) return refusal(fault::bad_key, "alg is not of this kind of key");
        if (has("oth")) return refusal(fault::unsupported_key, "RSA of more than two primes");
        key_parts parts;
        constexpr std::array<std::pair<char const*, char const*>, 8> names{
            {{"n", OSSL_PKEY_PARAM_RSA_N}, {"e", OSSL_PKEY_PARAM_RSA_E}, {"d", OSSL_PKEY_PARAM_RSA_D}, {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
             {"q", OSSL_PKEY_PARAM_RSA_FACTOR2}, {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1}, {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2},
             {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}}};
        auto const is_private = has("d");
        bool has_primes = false;
        for (std::size_t i = 3; i < names.size(); ++i) has_primes = has_primes || has(names[i].first);
        if (has_primes && !is_private) return part_missing("d");
        for (std::size_t i = 0; i < (has_primes ? 8u : is_private ? 3u : 2u); ++i) {
            auto const value = bytes(names[i].first);
            if (!value || value->size() > 2 * longest_signature) return part_missing(names[i].first);
            parts.number(names[i].second, *value, i >= 2);
        }
        return from_parts(parts, "RSA", *by, is_private, std::move(options));
    }

    [[nodiscard]] outcome<key> elliptic(key_options&& options) const {
        auto const curve = text("crv");
        if (!curve) return refusal(fault::bad_key, "crv is missing, or no string");
        if (*curve != "P-256") return refusal(fault::unsupported_key);
        auto const by = algorithm_for(algorithm::es256);
        if (!by) return by.error();
        key_parts parts;
        parts.text(OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1");
        secret_text point = "\x04";
        for (auto const* name : {"x", "y"}) {
            auto const value = bytes(name);
            if (!value || value->size() != 32) return part_missing(name);
            point += *value;
        }
        parts.point(OSSL_PKEY_PARAM_PUB_KEY, point);
        auto const is_private = has("d");
        if (is_private) {
            auto const value = bytes("d");
            if (!value || value->size() != 32) return part_missing("d");
            if (!in_p256_order(reinterpret_cast<unsigned char const*>(value->data()))) return refusal(fault::bad_key, "d is out of range");
            parts.number(OSSL_PKEY_PARAM_PRIV_KEY, *value, true);
        }
        return from_parts(parts, "EC", *by, is_private, std::move(options));
    }

    [[nodiscard]] outcome<key> edwards(key_options&& options) const {
        auto const curve = text("crv");
        if (!curve) return refusal(fault::bad_key, "crv is missing, or no string");
        if (*curve != "Ed25519") return refusal(fault::unsupported_key);
        if (auto const by = algorithm_for(algorithm::eddsa); !by) return by.error();
        auto const point = bytes("x");
        if (!point) return part_missing("x");
        auto verifies = key::ed25519_public(*point, options);
        if (!verifies || !has("d")) return verifies;
        auto const seed = bytes("d");
        if (!seed) return part_missing("d");
        auto signs = key::ed25519_private(*seed, std::move(options));
        if (!signs) return signs;
        auto const part = [](key const& of) { return std::get_if<ed25519_key>(&of.record().material)->public_part(); };
        if (part(*signs) != part(*verifies)) return refusal(fault::key_mismatch);
        return signs;
    }

    static outcome<key> from_parts(key_parts& parts, char const* type, algorithm by, bool is_private, key_options&& options) {
        ERR_clear_error();
        auto made = parts.key(type, is_private);
        if (!made) {
            ERR_clear_error();
            return by == algorithm::es256 ? refusal(fault::weak_point) : refusal(fault::bad_key, "OpenSSL does not take it");
        }
        return key::from_openssl(by, std::move(made), is_private, std::move(options));
    }

    jwk_object const* from_;
    std::optional<algorithm> unsaid_;
};

}  // namespace muster::jwt::detail
