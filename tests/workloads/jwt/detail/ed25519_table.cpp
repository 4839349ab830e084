#include <muster/workloads/jwt/detail/ed25519_table.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sodium.h>

#include <muster/adapt/sodium.hpp>

#include "catch.hpp"
#include "small_order.hpp"

using namespace muster::jwt::detail;

namespace {

using signature = std::array<unsigned char, 64>;
using random_source = std::mt19937_64;

unsigned char const* bytes(std::string const& of) { return reinterpret_cast<unsigned char const*>(of.data()); }

scalar25519 drawn_scalar(random_source& random) {
    std::array<unsigned char, 64> wide;
    for (auto& byte : wide) byte = static_cast<unsigned char>(random());
    return reduced(wide);
}

std::string drawn_message(random_source& random) {
    std::string message(random() % 300, '\0');
    for (auto& letter : message) letter = static_cast<char>(random());
    return message;
}

text32 times_base(scalar25519 const& by) {
    text32 point;
    if (crypto_scalarmult_ed25519_base_noclamp(point.data(), by.data()) != 0) return small_order::points()[0];    // 0 times
    return point;
}

text32 sum(text32 const& a, text32 const& b) {
    text32 to;
    if (crypto_core_ed25519_add(to.data(), a.data(), b.data()) != 0) std::abort();
    return to;
}

// Keys whose secret number is known, so that what no honest signer makes can be signed too. `torsion` is added to the public part.
struct signer {
    scalar25519 secret;
    std::size_t torsion;
    text32 public_part;
    std::shared_ptr<ed25519_table const> table;

    signer(scalar25519 const& number, std::size_t which)
        : secret(number), torsion(which), public_part(sum(times_base(number), small_order::points()[which])),
          table(ed25519_table::of(public_part)) {}

    // With r for R = r B plus a point of small order. Holds the equation where the parts of small order cancel out.
    [[nodiscard]] signature sign(std::string const& message, scalar25519 const& r, std::size_t torsion_of_r = 0) const {
        auto const first = sum(times_base(r), small_order::points()[torsion_of_r]);
        std::array<unsigned char, 64> hash;
        crypto_hash_sha512_state state;
        crypto_hash_sha512_init(&state);
        crypto_hash_sha512_update(&state, first.data(), first.size());
        crypto_hash_sha512_update(&state, public_part.data(), public_part.size());
        crypto_hash_sha512_update(&state, bytes(message), message.size());
        crypto_hash_sha512_final(&state, hash.data());
        auto const h = reduced(hash);
        scalar25519 product, second;
        crypto_core_ed25519_scalar_mul(product.data(), h.data(), secret.data());
        crypto_core_ed25519_scalar_add(second.data(), product.data(), r.data());
        signature made;
        std::memcpy(made.data(), first.data(), 32);
        std::memcpy(made.data() + 32, second.data(), 32);
        return made;
    }
};

bool sodium_takes(text32 const& key, std::string const& message, signature const& by) {
    return crypto_sign_verify_detached(by.data(), bytes(message), message.size(), key.data()) == 0;
}

void flip(signature& of, std::size_t bit) { of[bit / 8] = static_cast<unsigned char>(of[bit / 8] ^ 1 << bit % 8); }

void add_order(signature& to) {
    constexpr scalar25519 order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    unsigned carry = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        carry += unsigned{to[32 + i]} + order[i];
        to[32 + i] = static_cast<unsigned char>(carry);
        carry >>= 8;
    }
}

// Those that this processor has.
std::vector<point_route> routes() {
    std::vector<point_route> all{point_route::portable};
    if (has(point_route::lanes)) all.push_back(point_route::lanes);
    return all;
}

// Judged by libsodium, alone, and 64 together: counts where they differ.
class judges {
public:
    ~judges() { settle(); }

    bool judge(signer const& by, std::string message, signature const& what) {
        auto const expected = sodium_takes(by.public_part, message, what);
        for (auto const route : routes()) different += by.table->verify(message, what.data(), route) != expected;
        (expected ? taken : refused) += 1;
        cases_.push_back({by.table.get(), std::move(message), what, expected});
        if (cases_.size() == 64) settle();
        return expected;
    }
    void settle() {
        std::vector<ed25519_job> jobs;
        for (auto const& each : cases_) jobs.push_back({each.table, each.message, each.what.data()});
        for (auto const route : routes()) {
            verify_each(jobs, route);
            for (std::size_t i = 0; i < jobs.size(); ++i) different += jobs[i].good != cases_[i].expected;
        }
        cases_.clear();
    }

    int different = 0, taken = 0, refused = 0;

private:
    struct one {
        ed25519_table const* table;
        std::string message;
        signature what;
        bool expected;
    };
    std::vector<one> cases_;
};

}  // namespace

TEST_CASE("ed25519_table: sums of multiples are libsodium's products", "[jwt][ed25519_table]") {
    muster::start_sodium();
    random_source random{1};
    auto const of_base = std::make_unique<multiples_table>(base_point);
    auto const secret = drawn_scalar(random);
    auto const other = times_base(secret);
    auto const of_other = std::make_unique<multiples_table>(*point_of(other));
    std::vector<scalar25519> numbers;
    for (std::size_t place = 0; place < 32; ++place)
        for (auto const byte : {1, 2, 15, 16, 127, 128, 129, 255}) {
            scalar25519 number{};
            number[place] = static_cast<unsigned char>(byte);
            if (below_order(number.data())) numbers.push_back(number);
        }
    for (auto const byte : {0x01, 0x7f, 0x80, 0x81, 0xff}) {
        scalar25519 number;
        number.fill(static_cast<unsigned char>(byte));
        number[31] = 0x0f;
        numbers.push_back(number);
    }
    scalar25519 const one{1};
    scalar25519 greatest;    // L - 1
    crypto_core_ed25519_scalar_negate(greatest.data(), one.data());
    numbers.push_back(greatest);
    for (int i = 0; i < 200; ++i) numbers.push_back(drawn_scalar(random));
    for (auto const& number : numbers) {
        auto const digits = signed_digits(number);
        text32 expected;
        REQUIRE(crypto_scalarmult_ed25519_noclamp(expected.data(), number.data(), other.data()) == 0);
        for (auto const route : routes()) {
            auto a = neutral_point, b = neutral_point;
            of_base->add(digits, a, route);
            of_other->add(digits, b, route);
            CHECK(bytes_of(a, inverse(a.z)) == times_base(number));
            CHECK(bytes_of(b, inverse(b.z)) == expected);
        }
    }
    for (auto const route : routes()) {
        auto none = neutral_point;
        of_base->add(signed_digits(scalar25519{}), none, route);
        CHECK(bytes_of(none, inverse(none.z)) == small_order::points()[0]);
    }
}

TEST_CASE("ed25519_table: what libsodium signs is good, and with any bit flipped it is not", "[jwt][ed25519_table]") {
    muster::start_sodium();
    random_source random{2};
    for (int round = 0; round < 2; ++round) {
        std::array<unsigned char, 32> seed, key;
        std::array<unsigned char, 64> secret;
        for (auto& byte : seed) byte = static_cast<unsigned char>(random());
        crypto_sign_seed_keypair(key.data(), secret.data(), seed.data());
        auto const table = ed25519_table::of(key);
        REQUIRE(table);
        auto const message = drawn_message(random);
        signature by;
        crypto_sign_detached(by.data(), nullptr, bytes(message), message.size(), secret.data());
        CHECK(table->verify(message, by.data()));
        CHECK_FALSE(table->verify(message + ' ', by.data()));
        bool refused = true;
        for (std::size_t bit = 0; bit < 512; ++bit) {
            auto wrong = by;
            flip(wrong, bit);
            refused = refused && !table->verify(message, wrong.data()) && !sodium_takes(key, message, wrong);
        }
        CHECK(refused);
    }
}

TEST_CASE("ed25519_table: every signature is judged as libsodium judges it", "[jwt][ed25519_table][soak]") {
    muster::start_sodium();
    auto const rounds = std::getenv("MUSTER_SOAK") ? 1'000'000 : 20'000;
    random_source random{3};
    std::vector<signer> honest, mixed;
    for (int i = 0; i < 8; ++i) honest.emplace_back(drawn_scalar(random), 0);
    for (std::size_t torsion = 1; torsion < 8; ++torsion) {
        mixed.emplace_back(drawn_scalar(random), torsion);
        mixed.emplace_back(drawn_scalar(random), torsion);
    }
    for (auto const& each : honest) REQUIRE(each.table);
    for (auto const& each : mixed) REQUIRE(each.table);
    auto const careful = small_order::texts(), not_canonical = small_order::not_canonical();
    scalar25519 const zero{};
    constexpr int kinds = 14;
    judges by[kinds];

    for (int i = 0; i < rounds; ++i) {
        auto const kind = i % kinds;
        auto const turn = static_cast<std::size_t>(i / kinds);
        auto& now = by[kind];
        auto const& key = honest[random() % honest.size()];
        auto const& odd = mixed[random() % mixed.size()];
        auto const r = drawn_scalar(random);
        auto const which = static_cast<std::size_t>(random() % 8);
        auto message = drawn_message(random);
        auto good = key.sign(message, r);
        switch (kind) {
        case 0: now.judge(key, message, good); break;
        case 1:
            flip(good, turn % 512);
            now.judge(key, message, good);
            break;
        case 2:
            for (auto more = turn % 15 + 1; more > 0; --more) add_order(good);    // 2^256 is nearly 16 times the order
            now.judge(key, message, good);
            break;
        case 3: now.judge(key, message, key.sign(message, r, 1 + turn % 7)); break;    // R of mixed order
        case 4: now.judge(odd, message, odd.sign(message, r, which)); break;           // and A
        case 5: {    // the R for which it is good, where one is
            for (std::size_t torsion = 0; torsion < 8; ++torsion)
                if (now.judge(odd, message, odd.sign(message, r, torsion))) break;
            break;
        }
        case 6: now.judge(odd, message, odd.sign(message, zero, which)); break;    // R of small order
        case 7: now.judge(key, message, key.sign(message, zero, which)); break;
        case 8: {
            std::memcpy(good.data(), careful[turn % careful.size()].data(), 32);
            now.judge(turn % 2 ? key : odd, message, good);
            break;
        }
        case 9: {
            std::memcpy(good.data(), not_canonical[turn % not_canonical.size()].data(), 32);
            now.judge(turn % 2 ? key : odd, message, good);
            break;
        }
        case 10:
            message += 'x';
            now.judge(key, message, good);
            break;
        case 11: now.judge(honest[(turn + 1) % honest.size()], message, good); break;    // somebody else's, or not
        case 12:
            for (auto& byte : good) byte = static_cast<unsigned char>(random());
            good[63] = static_cast<unsigned char>(good[63] & 0x1f);    // about half below L
            now.judge(key, message, good);
            break;
        default: {    // S at its edges
            constexpr scalar25519 order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
            auto s = turn % 3 == 0 ? order : scalar25519{};
            s[0] = static_cast<unsigned char>(s[0] + turn % 5 - 2);
            std::memcpy(good.data() + 32, s.data(), s.size());
            now.judge(key, message, good);
        }
        }
    }
    for (int kind = 0; kind < kinds; ++kind) {
        by[kind].settle();
        CAPTURE(kind, by[kind].taken, by[kind].refused);
        CHECK(by[kind].different == 0);
    }
    CHECK(by[0].refused == 0);
    for (auto const all_bad : {1, 2, 3, 6, 7, 8, 9, 10, 12, 13}) {
        CAPTURE(all_bad);
        CHECK(by[all_bad].taken == 0);
    }
    CHECK(by[4].taken > by[4].refused / 14);    // one in eight
    CHECK(by[4].taken < by[4].refused / 3);
    CHECK(by[5].taken > rounds / kinds / 3);    // with one R of the eight, two times of three: its hash changes as well
    CHECK(by[11].taken > 0);
}

TEST_CASE("ed25519_table: keys that are not canonical, no point or of small order have none", "[jwt][ed25519_table]") {
    muster::start_sodium();
    random_source random{4};
    auto const refused = [&](text32 const& key) {
        // S B = R: good for a key of order 1, and one time of its order for the others.
        auto const r = drawn_scalar(random);
        signature forged;
        std::memcpy(forged.data(), times_base(r).data(), 32);
        std::memcpy(forged.data() + 32, r.data(), 32);
        CHECK_FALSE(ed25519_table::of(key));
        CHECK_FALSE(sodium_takes(key, "message", forged));
    };
    for (auto const& key : small_order::texts()) refused(key);
    for (auto const& key : small_order::not_canonical()) refused(key);
    int none = 0;
    for (int i = 0; i < 64; ++i) {
        text32 key;
        for (auto& byte : key) byte = static_cast<unsigned char>(random());
        if (point_of(key)) continue;
        ++none;
        refused(key);
    }
    CHECK(none > 16);
}

TEST_CASE("verify_each: each is judged as alone, with a bad one at any place, and any number of them", "[jwt][ed25519_table]") {
    muster::start_sodium();
    random_source random{5};
    signer const keys[2] = {{drawn_scalar(random), 0}, {drawn_scalar(random), 0}};
    struct signed_message {
        std::string text;
        signature by;
    };
    std::vector<signed_message> all;
    for (std::size_t i = 0; i < 130; ++i) {
        auto text = drawn_message(random);
        auto const by = keys[i % 2].sign(text, drawn_scalar(random));
        all.push_back({std::move(text), by});
    }
    auto const judged = [&](std::size_t count, auto&& is_bad) {
        std::vector<signature> copies;
        for (auto const& each : all) copies.push_back(each.by);
        std::vector<ed25519_job> jobs;
        for (std::size_t i = 0; i < count; ++i) {
            if (is_bad(i)) {
                if (i % 3 == 0) flip(copies[i], 7);             // R
                else if (i % 3 == 1) flip(copies[i], 300);      // S
                else add_order(copies[i]);                      // S, out of range
            }
            jobs.push_back({keys[i % 2].table.get(), all[i].text, copies[i].data(), is_bad(i)});    // what stood there is no answer
        }
        verify_each(jobs);
        for (std::size_t i = 0; i < count; ++i)
            if (jobs[i].good == is_bad(i)) return false;
        return true;
    };
    auto const none = [](std::size_t) { return false; };
    for (auto const count : {0U, 1U, 2U, 3U, 63U, 64U, 65U, 127U, 128U, 129U, 130U}) CHECK(judged(count, none));
    for (std::size_t place = 0; place < 66; ++place) CHECK(judged(66, [&](std::size_t i) { return i == place; }));
    CHECK(judged(130, [](std::size_t) { return true; }));
    CHECK(judged(130, [](std::size_t i) { return i % 64 == 0 || i % 64 == 63; }));
    CHECK(judged(64, [](std::size_t i) { return i != 17; }));
}
