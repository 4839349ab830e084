// What every hash promises, checked for one of them.
#pragma once

#include "catch.hpp"

#include <array>          // pieces
#include <string>         // keys
#include <string_view>    // keys
#include <vector>         // keys

#include <muster/workloads/hash/hasher.hpp>

#include "keys.hpp"

/// `each(keys, out)` answers what the hash answers one at a time: for all lengths, mixed, and for batches of every small size.
template <muster::hashing::hasher H, class Each>
void check_each(H const& hash, Each const& each) {
    using digest = typename H::digest_type;
    auto const agrees = [&](std::vector<std::string> const& keys, std::size_t count) {
        std::span<std::string const> const some{keys.data(), count};
        std::vector<digest> out(count + 1, digest{});
        bool good = each(some, std::span<digest>{out}.first(count)).has_value();
        for (std::size_t i = 0; i < count; ++i) good = good && out[i] == hash(keys[i]);
        return good && out[count] == digest{};    // nothing behind the end is written
    };
    for (std::size_t size = 0; size <= 300; ++size) {
        CAPTURE(size);
        CHECK(agrees(keys_of_one_length(size, 70), 70));
    }
    auto const mixed = keys_of_all_lengths(300, 700);
    CHECK(agrees(mixed, mixed.size()));
    for (std::size_t count = 0; count <= 70; ++count) {
        CAPTURE(count);
        CHECK(agrees(keys_of_one_length(21, count), count));
        CHECK(agrees(mixed, count));
        CHECK(agrees({mixed.rbegin(), mixed.rend()}, count));
    }
    auto lopsided = keys_of_one_length(1, 64);    // a long one beside short ones, in every place of a block
    for (std::size_t at = 0; at < 64; ++at) {
        CAPTURE(at);
        auto const before = lopsided[at];
        lopsided[at] = mixed[299];
        CHECK(agrees(lopsided, 64));
        lopsided[at] = before;
    }
}

template <muster::hashing::hasher H>
void check_promises(H const& hash) {
    using digest = typename H::digest_type;
    check_each(hash, [&](auto const& keys, std::span<digest> out) { return hash.each(keys, out); });

    // too little room
    std::array<std::string_view, 5> const five{"a", "b", "c", "d", "e"};
    std::vector<digest> four(4, hash("untouched"));
    auto const refused = hash.each(five, four);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(muster::cause::invalid_input));
    CHECK(refused.error().text() == "muster: there is room for 4 digests of 5 keys");
    CHECK(four == std::vector<digest>(4, hash("untouched")));

    // more room than keys, no keys, no data
    std::vector<digest> six(6, hash("untouched"));
    CHECK(hash.each(five, six).has_value());
    CHECK(six[4] == hash("e"));
    CHECK(six[5] == hash("untouched"));
    CHECK(hash.each(std::vector<std::string>{}, std::span<digest>{}).has_value());
    std::vector<std::string_view> const without(40);
    std::vector<digest> of_nothing(40, hash("untouched"));
    CHECK(hash.each(without, of_nothing).has_value());
    CHECK(of_nothing == std::vector<digest>(40, hash("")));

    // what converts to a string_view
    char const* const words[] = {"one", "", "three"};
    std::array<digest, 3> of_words{};
    CHECK(hash.each(words, of_words).has_value());
    CHECK(of_words == std::array{hash("one"), hash(""), hash("three")});

    // in pieces
    std::mt19937_64 random{11};
    for (std::size_t size : {0u, 1u, 63u, 64u, 65u, 240u, 241u, 256u, 1'000u, 5'000u}) {
        auto const whole = random_key(random, size);
        for (std::size_t const piece : {1u, 3u, 64u, 1'024u}) {
            CAPTURE(size, piece);
            auto state = hash.start();
            for (std::size_t at = 0; at < size; at += piece) state.add(std::string_view{whole}.substr(at, piece));
            auto copy = state;
            copy.add("more");
            CHECK(state.finish() == hash(whole));
            CHECK(copy.finish() == hash(whole + "more"));
        }
    }
}
