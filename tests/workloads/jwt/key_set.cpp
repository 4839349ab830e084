#include <muster/workloads/jwt/key_set.hpp>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

TEST_CASE("key_set: finds a key by its kid, which is compared and never looked into", "[jwt][key_set]") {
    auto const set = *key_set::of({signing_key("a"), signing_key("../../etc/passwd"), signing_key("' OR 1=1 --"), signing_key()});
    CHECK(set.keys().size() == 4);
    for (auto const* id : {"a", "../../etc/passwd", "' OR 1=1 --", ""}) {
        REQUIRE(set.find(id));
        CHECK(set.find(id)->id() == id);
    }
    for (auto const* id : {"A", "a ", "passwd", "/etc/passwd"}) CHECK(set.find(id) == nullptr);
    CHECK(set.describe() == "4 keys");
}

TEST_CASE("key_set: two keys of one kid, or two without, are refused", "[jwt][key_set]") {
    CHECK(fault_of(key_set::of({signing_key("a"), signing_key("b"), signing_key("a")})) == "duplicate key id");
    CHECK(fault_of(key_set::of({signing_key(), signing_key()})) == "duplicate key id");
}

TEST_CASE("key_set: symmetric and public keys in one set are refused", "[jwt][key_set]") {
    CHECK(fault_of(key_set::of({hmac_key("a"), signing_key("b")})) == "mixed key set");
    CHECK(fault_of(key_set::of({signing_key("a"), hmac_key("b")})) == "mixed key set");
}

TEST_CASE("key_set: a set that could verify nothing is refused", "[jwt][key_set]") {
    CHECK(fault_of(key_set::of({})) == "empty key set");
    CHECK(fault_of(key_set::of({*key::hmac(algorithm::hs256, std::string(32, 'k'), {.use = "enc"})})) == "empty key set");
}
