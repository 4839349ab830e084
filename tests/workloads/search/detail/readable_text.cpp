#include <muster/workloads/search/detail/readable_text.hpp>

#include "catch.hpp"

#include <string>

#include "../models.hpp"

using namespace muster::searching::detail;
using namespace std::string_literals;

TEST_CASE("readable_text: every character that there is is UTF-8, and what is none is not", "[search][readable_text]") {
    for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
        std::string text;
        models::append(text, point);
        bool const surrogate = point >= 0xd800 && point <= 0xdfff;
        if (is_utf8(text) == surrogate || is_utf8("12345678" + text) == surrogate) FAIL(point);
        if (text.size() > 1 && (is_utf8(std::string_view{text}.substr(1)) || is_utf8(std::string_view{text}.substr(0, text.size() - 1)))) FAIL(point);
    }
    for (auto const& wrong : {"\xc0\x80"s, "\xc1\xbf"s, "\xe0\x9f\xbf"s, "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "a\x80"s, "\xc3" "a"s, "\xe2\x82"s})
        for (std::size_t before = 0; before < 20; ++before) {
            CHECK(!is_utf8(std::string(before, 'x') + wrong));
            CHECK(!is_utf8(std::string(before, 'x') + wrong + "xxxxxxxxxx"));
        }
    CHECK(is_utf8(""));
    CHECK(is_utf8("a\0b"s));
}

TEST_CASE("readable_text: what is no UTF-8, or of a line that is none, is read as Latin-1", "[search][readable_text]") {
    CHECK(readable_text("caf\xc3\xa9", true) == "caf\xc3\xa9");
    CHECK(readable_text("caf\xe9", true) == "caf\xc3\xa9");
    CHECK(readable_text("caf\xc3\xa9", false) == "caf\xc3\x83\xc2\xa9");
    CHECK(readable_text("\x80\xff\0"s, true) == "\xc2\x80\xc3\xbf\0"s);
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(static_cast<unsigned char>(i));
    CHECK(is_utf8(readable_text(all, true)));
}
