#include <muster/workloads/jwt/base64url.hpp>

#include <random>
#include <string>

#include "catch.hpp"

using muster::jwt::base64url;

namespace {

std::string encoded(std::string_view bytes) {
    std::string room(base64url::encoded_size(bytes.size()), '\0');
    return std::string{base64url::encode(bytes, room)};
}

std::optional<std::string> decoded(std::string_view text) {
    std::string room(base64url::decoded_size(text.size()), '\0');
    auto const bytes = base64url::decode(text, room);
    if (!bytes) return std::nullopt;
    return std::string{*bytes};
}

}  // namespace

TEST_CASE("base64url: the examples of RFC 4648 and of RFC 7515, appendix C, without padding", "[jwt][base64url]") {
    for (auto const& [bytes, text] : {std::pair{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"},
                                      {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\x03\xec\xff\xe0\xc1", "A-z_4ME"}}) {
        CHECK(encoded(bytes) == text);
        CHECK(decoded(text) == bytes);
    }
}

TEST_CASE("base64url: what was encoded decodes to the same bytes, at every length", "[jwt][base64url]") {
    std::mt19937 random{7};
    for (std::size_t size = 0; size < 300; ++size) {
        std::string bytes(size, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        auto const text = encoded(bytes);
        CHECK(text.size() == base64url::encoded_size(size));
        CHECK(base64url::decoded_size(text.size()) == size);
        CHECK(decoded(text) == bytes);
    }
}

TEST_CASE("base64url: any letter that is none of the 64 is refused, wherever it stands", "[jwt][base64url]") {
    for (int value = 0; value < 256; ++value) {
        auto const letter = static_cast<char>(value);
        auto const one_of_them = muster::jwt::detail::base64url_letters.find(letter) != std::string_view::npos;
        for (std::size_t at = 0; at < 8; ++at) {
            std::string text = "AAAAAAAA";
            text[at] = letter;
            CHECK(decoded(text).has_value() == one_of_them);
        }
        for (std::size_t at = 0; at < 2; ++at) {    // in what is left over; the last may have spare bits
            std::string text = "AAAAAAA";
            text[4 + at] = letter;
            CHECK(decoded(text).has_value() == one_of_them);
        }
        if (!one_of_them) {
            CHECK_FALSE(decoded("AAA" + std::string{letter} + "AA"));
            CHECK_FALSE(decoded(std::string{"AAAAA"} + letter));
            CHECK_FALSE(decoded(std::string{"AAAAAA"} + letter));
        }
    }
}

TEST_CASE("base64url: padding, white space, + and / are refused", "[jwt][base64url]") {
    for (auto const* text : {"Zg==", "Zm8=", "Zm9v=", "=", "Zm 9v", "Zm9v\n", " Zm9v", "Zm9v\r\n", "A+z/", "Zm9+", "Zm9/", "Zm9v."})
        CHECK_FALSE(decoded(text));
}

TEST_CASE("base64url: spare bits that are not zero are refused, so that no bytes have two texts", "[jwt][base64url]") {
    auto const letters = muster::jwt::detail::base64url_letters;
    for (std::size_t last = 0; last < 64; ++last) {
        CHECK(decoded(std::string{"A"} + letters[last]).has_value() == (last % 16 == 0));
        CHECK(decoded(std::string{"AA"} + letters[last]).has_value() == (last % 4 == 0));
    }
}

TEST_CASE("base64url: no text has a length of 1 mod 4", "[jwt][base64url]") {
    CHECK_FALSE(decoded("A"));
    CHECK_FALSE(decoded("AAAAA"));
    CHECK_FALSE(decoded("AAAAAAAAA"));
}

TEST_CASE("base64url: works while compiling", "[jwt][base64url]") {
    static_assert([] {
        std::array<char, 8> room{};
        return base64url::encode("foobar", room) == "Zm9vYmFy" && !base64url::decode("Zh", room);
    }());
    SUCCEED();
}
