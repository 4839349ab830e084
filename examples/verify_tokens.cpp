// Cookbook: tokens signed and judged by the batch. Each is answered by itself: its claims, or which rule it breaks.
// ctest:

#include <cstdio>        // printf
#include <fstream>       // keys
#include <iterator>      // istreambuf_iterator
#include <string>        // tokens
#include <utility>       // move
#include <vector>        // drafts

#include <muster/muster.hpp>
#include <muster/workloads/jwt/jwks.hpp>        // parse_jwks
#include <muster/workloads/jwt/signer.hpp>      // signer
#include <muster/workloads/jwt/verifier.hpp>    // verifier

using namespace muster;

namespace {

std::string text_of(char const* path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

int main() {
    std::string const jwks = text_of("examples/data/tokens/keys.jwks"), pem = text_of("examples/data/tokens/ed25519.pem");
    std::vector<jwt::draft> const drafts{{.subject = "alice"}, {.subject = "bob", .audience = {"billing"}}, {.subject = "carol"}};

    // [verify_tokens]
    auto const key = jwt::key::from_pem(jwt::algorithm::eddsa, pem, {.id = "ed"}).value();    // parsed and checked once
    jwt::signer const sign{key, {.issuer = "https://idp.example", .audience = {"gateway"}}};

    auto const keys = jwt::parse_jwks(jwks).value();    // a key says its algorithm, a token never does
    jwt::verifier const verify{keys, {.issuers = {"https://idp.example"}, .audiences = {"gateway"}}};

    thread_pool pool;
    std::vector<std::string> tokens;
    for (auto& token : map(drafts, on{pool} | sign)) tokens.push_back(std::move(token).value());
    tokens.push_back(tokens[0] + "=");

    for (auto const& said : map(tokens, on{pool} | verify))
        if (said) std::printf("%s\n", std::string{said->subject().value()}.c_str());
        else if (said.error().code() == jwt::fault::wrong_audience) std::puts("for somebody else");    // each rule has its fault
        else std::printf("%s\n", to_string(said.error()).c_str());
    // [end]
}
