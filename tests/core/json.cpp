#include <muster/core/json.hpp>

#include "catch.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {

template <class T>
std::string json_of(T const& what, std::size_t indent = 0) {
    std::string text;
    json_writer{text, indent}.value(what);
    return text;
}

struct point {
    int x, y;
    void write_json(json_writer& to) const {
        to.object([&] { to.member("x", x).member("y", y); });
    }
};

std::string const mark = "\xef\xbf\xbd";

}  // namespace

TEST_CASE("json: plain values", "[core][json]") {
    CHECK(json_of(nullptr) == "null");
    CHECK(json_of(true) == "true");
    CHECK(json_of(-3) == "-3");
    CHECK(json_of(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(json_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(json_of(std::uint8_t{200}) == "200");
    CHECK(json_of("text") == "\"text\"");
    CHECK(json_of(std::string{"s"}) == "\"s\"");
    CHECK(json_of(std::optional<int>{}) == "null");
    CHECK(json_of(std::optional{4}) == "4");
    CHECK(json_of(1500ms) == "1.5");
    CHECK(json_of(point{1, 2}) == R"({"x":1,"y":2})");
    CHECK(json_of(std::vector{1, 2, 3}) == "[1,2,3]");
    CHECK(json_of(std::vector{point{1, 2}, point{3, 4}}) == R"([{"x":1,"y":2},{"x":3,"y":4}])");
}

TEST_CASE("json: what JSON cannot say is null", "[core][json]") {
    CHECK(json_of(std::numeric_limits<double>::quiet_NaN()) == "null");
    CHECK(json_of(std::numeric_limits<double>::infinity()) == "null");
    CHECK(json_of(-std::numeric_limits<float>::infinity()) == "null");
}

TEST_CASE("json: numbers come back as they were", "[core][json]") {
    std::mt19937_64 random{7};
    for (int i = 0; i < 2000; ++i) {
        auto const bits = random();
        double number;
        static_assert(sizeof bits == sizeof number);
        std::memcpy(&number, &bits, sizeof number);
        if (number - number != 0) continue;    // NaN or an infinity
        REQUIRE(std::strtod(json_of(number).c_str(), nullptr) == number);
    }
    CHECK(json_of(0.1) == "0.1");
    CHECK(json_of(4.29) == "4.29");
    CHECK(json_of(-0.0) == "-0");
    CHECK(std::strtod(json_of(std::numeric_limits<double>::denorm_min()).c_str(), nullptr) ==
          std::numeric_limits<double>::denorm_min());
}

TEST_CASE("json: every control character, quote and backslash is escaped", "[core][json]") {
    CHECK(json_text("say \"hi\" \\ now") == R"("say \"hi\" \\ now")");
    CHECK(json_text("\b\f\n\r\t") == R"("\b\f\n\r\t")");
    CHECK(json_text(std::string_view{"\0\x01\x1f\x7f", 4}) == R"("\u0000\u0001\u001f\u007f")");
    for (int c = 0; c < 0x20; ++c) {
        auto const text = json_text(std::string(1, static_cast<char>(c)));
        CHECK(text.size() > 3);
        for (char const out : text) CHECK(static_cast<unsigned char>(out) >= 0x20);
    }
}

TEST_CASE("json: well-formed UTF-8 passes unchanged", "[core][json]") {
    for (std::string const text : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "gr\xc3\xbc\xc3\x9f"})
        CHECK(json_text(text) == '"' + text + '"');
}

TEST_CASE("json: bytes that are no UTF-8 become replacement characters", "[core][json]") {
    CHECK(json_text("\x80") == '"' + mark + '"');                          // a continuation alone
    CHECK(json_text("\xff\xfe") == '"' + mark + mark + '"');
    CHECK(json_text("\xc0\xaf") == '"' + mark + mark + '"');               // '/' in two bytes: overlong
    CHECK(json_text("\xe0\x80\xaf") == '"' + mark + mark + mark + '"');    // in three
    CHECK(json_text("\xed\xa0\x80") == '"' + mark + mark + mark + '"');    // a surrogate
    CHECK(json_text("\xf4\x90\x80\x80") == '"' + mark + mark + mark + mark + '"');    // past the last character
    CHECK(json_text("\xe2\x82") == '"' + mark + '"');                      // cut short: one mark
    CHECK(json_text("\xe2\x82" "a") == '"' + mark + "a\"");
    CHECK(json_text("\xf0\x9f\x98\"") == '"' + mark + "\\\"\"");           // the quote after it is escaped all the same
    CHECK(json_text("\xe2\n") == '"' + mark + "\\n\"");
}

TEST_CASE("json: any bytes at all give a string that stays inside its quotes", "[core][json]") {
    std::mt19937 random{11};
    for (int round = 0; round < 2000; ++round) {
        std::string bytes(random() % 20, '\0');
        for (auto& b : bytes) b = static_cast<char>(random());
        auto const text = json_text(bytes);
        REQUIRE(text.front() == '"');
        REQUIRE(text.back() == '"');
        std::size_t bad = 0;
        for (std::size_t at = 1; at + 1 < text.size();) {
            auto const length = detail::utf8_length(text, at, bad);
            REQUIRE(length > 0);
            REQUIRE(static_cast<unsigned char>(text[at]) >= 0x20);
            REQUIRE(text[at] != '"');
            if (text[at] == '\\') {
                auto const after = text[at + 1];
                REQUIRE(std::string_view{"\"\\bfnrtu"}.find(after) != std::string_view::npos);
                at += after == 'u' ? 6 : 2;
                continue;
            }
            at += length;
        }
    }
}

TEST_CASE("json: objects and arrays nest, empty ones too", "[core][json]") {
    std::string text;
    json_writer out{text};
    out.object([&] {
        out.member("none", [&] { out.array([] {}); });
        out.member("empty", [&] { out.object([] {}); });
        out.member("rows", [&] {
            out.array([&] {
                out.value(1);
                out.array([&] { out.value(2).value("three"); });
                out.object([&] { out.member("k\"ey", nullptr); });
            });
        });
        out.member("last", std::vector<std::optional<int>>{1, {}, 3});
    });
    CHECK(text == R"({"none":[],"empty":{},"rows":[1,[2,"three"],{"k\"ey":null}],"last":[1,null,3]})");
}

TEST_CASE("json: indented for people", "[core][json]") {
    CHECK(json_of(std::vector{point{1, 2}}, 2) == "[\n  {\n    \"x\": 1,\n    \"y\": 2\n  }\n]");
    CHECK(json_of(std::vector<int>{}, 2) == "[]");
}

TEST_CASE("json: a writer appends to what the string holds", "[core][json]") {
    std::string text = "report ";
    json_writer{text}.object([] {});
    CHECK(text == "report {}");
}
