#include <muster/workloads/jwt/detail/ed25519.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::jwt::detail;

TEST_CASE("ed25519_key: nothing of the private part is left when it goes", "[jwt][ed25519]") {
    muster::start_sodium();
    std::string const seed = "0123456789abcdef0123456789abcdef";
    alignas(ed25519_key) char room[sizeof(ed25519_key)] = {};
    auto* const key = new (room) ed25519_key{ed25519_key::from_seed(seed)};
    std::string_view const bytes{room, sizeof room};
    CHECK(bytes.find(seed) != bytes.npos);
    std::destroy_at(key);
    CHECK(bytes.find(seed.substr(0, 8)) == bytes.npos);
}
