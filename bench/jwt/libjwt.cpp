#include "problem.hpp"

#include <cstdlib>    // abort, free
#include <cstring>    // strcmp
#include <ctime>      // time
#include <memory>     // shared_ptr

#include <jwt.h>

// Debian 12's 1.10: it knows neither EdDSA nor PS256, and reads a key's PEM for each token.

namespace bench::tokens {

namespace {

void must(bool done) {
    if (!done) std::abort();
}
unsigned char const* bytes(std::string const& of) { return reinterpret_cast<unsigned char const*>(of.data()); }

struct state {
    jwt_alg_t by;
    std::string secret, shown;
    problem const* of;

    void sign(muster::jwt::draft const& what) const {
        jwt_t* token = nullptr;
        auto const now = static_cast<long>(std::time(nullptr));
        must(jwt_new(&token) == 0 && jwt_add_grant(token, "iss", issuer.data()) == 0 && jwt_add_grant(token, "sub", what.subject.c_str()) == 0 &&
             jwt_add_grant(token, "aud", audience.data()) == 0 && jwt_add_grant_int(token, "exp", now + 900) == 0 &&
             jwt_add_grant_int(token, "iat", now) == 0 && jwt_add_grant(token, "jti", what.id.c_str()) == 0 &&
             jwt_set_alg(token, by, bytes(secret), static_cast<int>(secret.size())) == 0);
        auto* const text = jwt_encode_str(token);
        must(text != nullptr);
        std::free(text);
        jwt_free(token);
    }
    void verify(std::string const& text) const {
        jwt_t* token = nullptr;
        must(jwt_decode(&token, text.c_str(), bytes(shown), static_cast<int>(shown.size())) == 0 && jwt_get_alg(token) == by);
        auto const is = [&](char const* name, std::string_view wanted) {
            auto const* const found = jwt_get_grant(token, name);
            return found && wanted == found;
        };
        must(is("iss", issuer) && is("aud", audience) && jwt_get_grant(token, "sub") && jwt_get_grant(token, "jti") &&
             jwt_get_grant_int(token, "iat") != 0 && jwt_get_grant_int(token, "exp") > static_cast<long>(std::time(nullptr)));
        jwt_free(token);
    }
};

work make(problem const& of) {
    using muster::jwt::algorithm;
    auto const hmac = of.by == algorithm::hs256;
    if (!hmac && of.by != algorithm::rs256 && of.by != algorithm::es256) return {};
    auto const mine = std::make_shared<state>(state{hmac ? JWT_ALG_HS256 : of.by == algorithm::rs256 ? JWT_ALG_RS256 : JWT_ALG_ES256,
                                                    hmac ? of.secret : of.private_pem, hmac ? of.secret : of.public_pem, &of});
    return {.sign = [mine] {
                return seconds([&] {
                    for (auto const& each : mine->of->drafts) mine->sign(each);
                });
            },
            .verify = [mine] {
                return seconds([&] {
                    for (auto const& each : mine->of->tokens) mine->verify(each);
                });
            }};
}

entered<rival> const it{{"libjwt", make}};

}  // namespace

}  // namespace bench::tokens
