#include <muster/workloads/jwt/detail/earned_table.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sodium.h>

#include <muster/adapt/sodium.hpp>

#include "catch.hpp"

using namespace muster::jwt::detail;

namespace {

ed25519_table::public_key key_number(unsigned char number) {
    muster::start_sodium();
    std::array<unsigned char, 32> const seed{number};
    std::array<unsigned char, 64> secret;
    ed25519_table::public_key key;
    crypto_sign_seed_keypair(key.data(), secret.data(), seed.data());
    return key;
}

ed25519_table const* used(earned_table const& table, ed25519_table::public_key const& key, std::uint64_t times) {
    ed25519_table const* last = nullptr;
    for (; times > 0; --times) last = table.use(key);
    return last;
}

}  // namespace

TEST_CASE("earned_table: is built by the 256th use, stays, and goes with its owner", "[jwt][earned_table]") {
    auto const key = key_number(1);
    auto const before = earned_table::in_process();
    {
        earned_table const table;
        CHECK(used(table, key, 255) == nullptr);
        CHECK(earned_table::in_process() == before);
        auto const* const made = table.use(key);
        CHECK(made != nullptr);
        CHECK(used(table, key, 1'000) == made);
        CHECK(table.use(key, 64) == made);
        CHECK(earned_table::in_process() == before + 1);
    }
    CHECK(earned_table::in_process() == before);
}

TEST_CASE("earned_table: batches count as many uses as they have items", "[jwt][earned_table]") {
    auto const key = key_number(1);
    earned_table const table, other;
    CHECK(table.use(key, 0) == nullptr);
    for (int i = 0; i < 3; ++i) CHECK(table.use(key, 64) == nullptr);
    CHECK(table.use(key, 63) == nullptr);
    CHECK(table.use(key, 0) == nullptr);
    CHECK(table.use(key, 2) != nullptr);
    CHECK(other.use(key, 1'000) != nullptr);
}

TEST_CASE("earned_table: a copy earns its own", "[jwt][earned_table]") {
    auto const key = key_number(1);
    earned_table const table;
    auto const* const made = used(table, key, 256);
    auto const copy = table;
    CHECK(used(copy, key, 255) == nullptr);
    auto const* const own = copy.use(key);
    CHECK(own != nullptr);
    CHECK(own != made);
}

TEST_CASE("earned_table: a process has so many and no more, until one goes", "[jwt][earned_table]") {
    auto const key = key_number(1);
    std::vector<std::unique_ptr<earned_table>> all;
    while (earned_table::in_process() < earned_table::most) {
        all.push_back(std::make_unique<earned_table>());
        REQUIRE(used(*all.back(), key, 256) != nullptr);
    }
    earned_table const late;
    CHECK(used(late, key, 512) == nullptr);
    CHECK(earned_table::in_process() == earned_table::most);
    all.pop_back();
    CHECK(earned_table::in_process() == earned_table::most - 1);
    CHECK(used(late, key, 255) == nullptr);    // it asks every 256 uses
    CHECK(late.use(key) != nullptr);
    CHECK(earned_table::in_process() == earned_table::most);
}

TEST_CASE("earned_table: a key that is none never has one, and takes nobody's place", "[jwt][earned_table]") {
    auto const before = earned_table::in_process();
    earned_table const table;
    CHECK(used(table, ed25519_table::public_key{1}, 1'024) == nullptr);    // of order 1
    CHECK(earned_table::in_process() == before);
}

TEST_CASE("earned_table: threads that use a key at once all come to one table", "[jwt][earned_table]") {
    auto const key = key_number(1);
    auto const before = earned_table::in_process();
    for (int round = 0; round < 8; ++round) {
        earned_table const table;
        std::array<ed25519_table const*, 4> seen{};
        std::atomic<bool> two = false;
        {
            std::vector<std::jthread> threads;
            for (auto& first : seen)
                threads.emplace_back([&] {
                    for (int i = 0; i < 2'000 || !first; ++i) {    // whoever builds may be slower than the uses of the others
                        auto const* const now = table.use(key);
                        if (first && now != first) two = true;
                        if (now) first = now;
                    }
                });
        }
        CHECK_FALSE(two);
        for (auto const* const each : seen) CHECK(each == seen[0]);
        CHECK(seen[0] != nullptr);
        CHECK(earned_table::in_process() == before + 1);
    }
    CHECK(earned_table::in_process() == before);
}
