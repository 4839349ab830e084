// The readers of keys, JWK, JWK set and PEM, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/jwk.cpp -lcrypto -lsodium -o jwk_fuzz
//     python3 tests/fuzz/jwt_seeds.py corpus && ./jwk_fuzz corpus/jwk
//
// The first byte says which reader, and which algorithm a key has that does not say. A key that is taken signs what it verifies, where it
// may do both; it stands in a set as it stands alone; and nothing of its text is in what it says of itself.
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jwks.hpp>
#include <muster/workloads/jwt/jws.hpp>

namespace {

using namespace muster::jwt;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "jwk: %s\n", what);
    std::abort();
}

// What is refused has a fault, and never one of a token.
template <class Outcome>
bool taken(Outcome const& read) {
    if (read) return true;
    require(read.error().code().category() == fault_category(), "refused with something that is no fault");
    require(!read.error().text().empty() || read.error().code().value() != 0, "refused without a reason");
    return false;
}

void use(key const& by) {
    require(by.describe().size() < 64 + 6 * by.id().size(), "says too much of itself");
    auto const token = sign(by, "payload", {.with_key_id = false});
    require(token.has_value() == by.can_sign(), "signs otherwise than it says");
    if (!token || !by.can_verify()) return;
    auto const payload = verify(by, *token);
    require(payload.has_value() && *payload == "payload", "does not verify what it signed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    auto const by = static_cast<algorithm>(data[0] / 4 % 11);
    jwk_options const options{.when_unsaid = data[0] >= 128 ? std::nullopt : std::optional{by}};
    std::string const input{reinterpret_cast<char const*>(data) + 1, size - 1};
    switch (data[0] % 4) {
        case 0:
        case 1: {
            auto const one = parse_jwk(input, options);
            if (taken(one)) use(*one);
            auto const several = parse_jwks("{\"keys\":[" + input + "]}", options);
            if (one && one->can_verify()) require(several && several->keys().size() == 1 && several->keys()[0].id() == one->id(), "stands in no set");
            break;
        }
        case 2: {
            auto const several = parse_jwks(input, options);
            if (!taken(several)) break;
            require(!several->keys().empty(), "a set of none");
            for (auto const& one : several->keys()) {
                use(one);
                require(several->find(one.id()) == &one, "is not found by its name");
            }
            break;
        }
        default: {
            auto const one = key::from_pem(by, input, {.id = "k"});
            if (taken(one)) use(*one);
        }
    }
    return 0;
}
