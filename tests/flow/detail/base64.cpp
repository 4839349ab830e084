#include <muster/flow/detail/base64.hpp>

#include "catch.hpp"

#include <string>    // bytes

using namespace muster::detail;

TEST_CASE("base64: the vectors of RFC 4648 go there and come back", "[flow][base64]") {
    std::pair<std::string, std::string> const vectors[]{{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (auto const& [bytes, text] : vectors) {
        CHECK(to_base64(bytes) == text);
        CHECK(from_base64(text) == bytes);
    }
}

TEST_CASE("base64: all bytes come back", "[flow][base64]") {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    for (std::size_t size = 250; size <= 256; ++size) CHECK(from_base64(to_base64(all.substr(0, size))) == all.substr(0, size));
}

TEST_CASE("base64: what would not have been written so is none", "[flow][base64]") {
    for (auto const* text : {"Z", "Zg", "Zg=", "Zm9", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm-v", "Zg=a", "\xff\xff\xff\xff"}) {
        INFO(text);
        CHECK_FALSE(from_base64(text));
    }
}
