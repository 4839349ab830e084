#include <muster/workloads/jwt/detail/ed25519.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace muster::jwt::detail;
using muster::jwt::fault;

namespace {

std::string signed_by(ed25519_key const& key, std::string_view message) {
    std::string signature(ed25519_key::signature_size, '\0');
    key.sign(message, signature.data());
    return signature;
}

}  // namespace

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

TEST_CASE("ed25519_key: says the same of a signature before it has a table and after", "[jwt][ed25519]") {
    muster::start_sodium();
    auto const whole = ed25519_key::from_seed("0123456789abcdef0123456789abcdef");
    ed25519_key const key{whole.public_part()};
    std::string const message = "what is signed";
    auto const good = signed_by(whole, message);
    auto const judge_all = [&](bool with_table) {
        CHECK((key.table(0) != nullptr) == with_table);
        CHECK(key.verify(message, good) == std::nullopt);
        CHECK(key.verify(message + '.', good) == fault::bad_signature);
        CHECK(key.verify(message, good + '.') == fault::wrong_signature_length);
        CHECK(key.verify(message, std::string_view{good}.substr(1)) == fault::wrong_signature_length);
        CHECK(key.verify(message, {}) == fault::wrong_signature_length);
        for (std::size_t i = 0; i < 64; i += 5) {
            auto wrong = good;
            wrong[i] = static_cast<char>(wrong[i] ^ 1);
            CHECK(key.verify(message, wrong) == fault::bad_signature);
        }
        auto out_of_range = good;
        out_of_range[63] = static_cast<char>(out_of_range[63] | 0x20);
        CHECK(key.verify(message, out_of_range) == fault::signature_out_of_range);
        auto of_small_order = good;
        of_small_order.replace(0, 32, std::string(32, '\0'));
        CHECK(key.verify(message, of_small_order) == fault::bad_signature);
    };
    judge_all(false);
    for (std::uint64_t i = 0; i < earned_table::uses_before; ++i) REQUIRE(key.verify(message, good) == std::nullopt);
    judge_all(true);
}

TEST_CASE("ed25519_key: threads that verify while the table is built find what is right", "[jwt][ed25519]") {
    muster::start_sodium();
    auto const key = ed25519_key::from_seed("0123456789abcdef0123456789abcdef");
    std::string const message = "what is signed";
    auto const good = signed_by(key, message);
    auto bad = good;
    bad[5] = static_cast<char>(bad[5] ^ 4);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&] {
                for (int i = 0; i < 150; ++i) wrong += key.verify(message, good).has_value() + (key.verify(message, bad) != fault::bad_signature);
            });
    }
    CHECK(wrong == 0);
    CHECK(key.table(0) != nullptr);
}
