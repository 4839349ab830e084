#include <muster/workloads/hash/sha256.hpp>

#include "promises.hpp"

#include <openssl/evp.h>

#include <muster/core/transportable_callable.hpp>
#include <muster/workloads/hash/hex.hpp>

using namespace muster::hashing;
using route = detail::sha256_route;

static_assert(muster::transportable_callable<sha256>);    // a task for other processes

namespace {
digest<32> by_evp(std::string_view message) {
    digest<32> out;
    unsigned size = 0;
    if (EVP_Digest(message.data(), message.size(), out.bytes.data(), &size, EVP_sha256(), nullptr) != 1) out = {};
    return out;
}
}  // namespace

TEST_CASE("sha256: the examples of FIPS 180-4 and the long messages of NIST, by every route", "[hash][sha256]") {
    struct example {
        std::string message;
        char const* digest;
    };
    std::vector<example> const examples{
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (auto const& each : examples) CHECK(to_hex(sha256{}(each.message)) == each.digest);
    for (auto const way : {route::openssl, route::pairs}) {
        if (!has(way)) continue;
        for (auto const& a : examples)
            for (auto const& b : examples) {    // in both places of a pair, beside each other message
                std::array<std::string_view, 2> const two{a.message, b.message};
                std::array<digest<32>, 2> out{};
                CHECK(sha256{}.each(two, out, way).has_value());
                CHECK(to_hex(out[0]) == a.digest);
                CHECK(to_hex(out[1]) == b.digest);
            }
    }
}

TEST_CASE("sha256: keeps what every hash promises", "[hash][sha256]") { check_promises(sha256{}); }

TEST_CASE("sha256: every route agrees with one message at a time, and that with what OpenSSL advises", "[hash][sha256]") {
    for (auto const& message : keys_of_all_lengths(300, 0)) CHECK(sha256{}(message) == by_evp(message));
    for (auto const way : {route::openssl, route::pairs}) {
        if (!has(way)) continue;
        CAPTURE(static_cast<int>(way));
        check_each(sha256{}, [way](auto const& keys, std::span<digest<32>> out) { return sha256{}.each(keys, out, way); });
    }
    CHECK(has(detail::sha256_best()));
    CHECK(has(route::openssl));
}
