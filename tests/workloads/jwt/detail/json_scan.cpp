#include <muster/workloads/jwt/detail/json_scan.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace muster::jwt;

namespace {

std::optional<fault> scanned(std::string_view text) {
    return detail::json_scan{text}.object([](std::string_view, detail::json_value const&) {});
}

std::string nested(std::size_t depth, char const* open, char const* close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

}  // namespace

TEST_CASE("json_scan: tells the members of an object, as they are written", "[jwt][json]") {
    std::vector<std::pair<std::string, std::string>> seen;
    std::string kinds;
    auto const flaw = detail::json_scan{" {\"a\" : \"x\\n\" ,\n\"b\":[1,{\"a\":2}],\"\":-0.5e+3,\"t\":true,\"f\":false,\"n\":null,\"o\":{}} \r\n"}
                          .object([&](std::string_view name, detail::json_value const& value) {
                              seen.emplace_back(name, value.raw);
                              kinds += std::to_string(static_cast<int>(value.kind));
                          });
    CHECK_FALSE(flaw);
    CHECK(seen == std::vector<std::pair<std::string, std::string>>{{"a", "x\\n"}, {"b", "[1,{\"a\":2}]"}, {"", "-0.5e+3"},
                                                                   {"t", "true"}, {"f", "false"}, {"n", "null"}, {"o", "{}"}});
    CHECK(kinds == "2134450");
}

TEST_CASE("json_scan: what is no JSON object is refused", "[jwt][json]") {
    for (auto const* text : {"", " ", "[]", "1", "null", "\"a\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}",
                             "{'a':1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":NaN}",
                             "{\"a\":Infinity}", "{\"a\":tru}", "{\"a\":True}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\t\"}",
                             "{\"a\":\"b}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{/**/\"a\":1}", "\xef\xbb\xbf{}", "{\"a\":[1,]}", "{\"a\":[1}"})
        CHECK(scanned(text) == fault::bad_json);
    CHECK(scanned(std::string_view{"{\"a\":\"\0\"}", 9}) == fault::bad_json);
}

TEST_CASE("json_scan: bytes after the end are refused, white space is not", "[jwt][json]") {
    CHECK(scanned("{}x") == fault::trailing_bytes);
    CHECK(scanned("{}{}") == fault::trailing_bytes);
    CHECK(scanned(std::string_view{"{}\0", 3}) == fault::trailing_bytes);
    CHECK_FALSE(scanned("{} \t\r\n"));
}

TEST_CASE("json_scan: two members of one name are refused at any depth, however they are written", "[jwt][json]") {
    for (auto const* text : {R"({"a":1,"a":1})", R"({"a":1,"b":2,"\u0061":3})", R"({"x":{"a":1,"a":2}})", R"({"x":[{"a":1,"a":2}]})",
                             R"({"\/":1,"/":2})", R"({"é":1,"\u00e9":2})", R"({"😀":1,"\ud83d\ude00":2})", R"({"":1,"":2})"})
        CHECK(scanned(text) == fault::duplicate_member);
    for (auto const* text : {R"({"a":{"a":{"a":1}}})", R"({"x":{"a":1},"y":{"a":1},"a":2})", R"({"a":1,"A":2,"a ":3})"}) CHECK_FALSE(scanned(text));
}

TEST_CASE("json_scan: a name is found again at every length and wherever an escape stands in it", "[jwt][json]") {
    for (std::size_t size = 0; size < 40; ++size) {
        std::string name, escaped;
        for (std::size_t i = 0; i < size; ++i) name += static_cast<char>('a' + i % 26);
        for (std::size_t at = 0; at < size; ++at) {
            escaped = name.substr(0, at) + "\\u00" + "67"[(name[at] >> 4) - 6] + "0123456789abcdef"[name[at] & 15] + name.substr(at + 1);
            CHECK(scanned("{\"" + name + "\":1,\"" + escaped + "\":2}") == fault::duplicate_member);
            auto other = name;
            other[at] = '_';
            CHECK_FALSE(scanned("{\"" + other + "\":1,\"" + escaped + "\":2}"));
            CHECK_FALSE(scanned("{\"" + other + "\":1,\"" + name + "\":2}"));
        }
        CHECK(scanned("{\"" + name + "\":1,\"" + name + "\":2}") == fault::duplicate_member);
        CHECK_FALSE(scanned("{\"" + name + "\":1,\"" + name + "\\u0000\":2}"));
        CHECK_FALSE(scanned("{\"" + name + "\":1,\"" + name + "a\":2}"));
    }
}

TEST_CASE("json_scan: strings that are no UTF-8, or half a surrogate pair, are refused", "[jwt][json]") {
    for (auto const* text : {"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xe2\x82\"}", "{\"\x80\":1}",
                             "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\ud800\"}", "{\"a\":\"\\ud800x\"}", "{\"a\":\"\xf5\x80\x80\x80\"}"})
        CHECK(scanned(text) == fault::bad_utf8);
    CHECK_FALSE(scanned("{\"a\":\"é€😀\\ud83d\\ude00\\u0000\"}"));
}

TEST_CASE("json_scan: depth and members are bounded", "[jwt][json]") {
    CHECK_FALSE(scanned("{\"a\":" + nested(31, "[", "]") + "}"));
    CHECK(scanned("{\"a\":" + nested(32, "[", "]") + "}") == fault::too_deep);
    CHECK(scanned("{\"a\":" + std::string(100'000, '[')) == fault::too_deep);
    auto const members = [](int count) {
        std::string text = "{";
        for (int i = 0; i < count; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":1";
        return text + "}";
    };
    CHECK_FALSE(scanned(members(256)));
    CHECK(scanned(members(257)) == fault::too_deep);
    CHECK_FALSE(scanned("{\"a\":[" + members(200) + "," + members(200) + "]}"));    // one after the other
}

TEST_CASE("json_scan: names that were made to look alike have marks of their own: headers are read before anybody signed them", "[jwt][json][attack]") {
    // 256 names that differ in two bytes at some place, as they are written; how many pairs of them would be compared byte by byte.
    auto const compared = [](std::string const& before, std::string const& after) {
        std::vector<std::uint32_t> marks;
        for (int i = 0; i < 256; ++i) {
            auto const written = before + static_cast<char>('a' + i % 16) + static_cast<char>('a' + i / 16) + after;
            bool const has_escapes = written.find('\\') != written.npos;
            marks.push_back(has_escapes ? detail::mark_of_escaped(written) : detail::mark_of(written));
        }
        std::sort(marks.begin(), marks.end());
        std::size_t pairs = 0;
        for (std::size_t i = 1; i < marks.size(); ++i) pairs += marks[i] == marks[i - 1];
        return pairs;
    };
    // Of 32,640 pairs that chance makes 0.00001 are alike.
    std::string const xs(34, 'x');
    std::string lines;
    for (int i = 0; i < 17; ++i) lines += "\\n";
    CHECK(compared("", xs) <= 1);
    CHECK(compared(xs.substr(17), xs.substr(17)) <= 1);
    CHECK(compared(xs.substr(4), "xxxx") <= 1);
    CHECK(compared(lines, "") <= 1);
    CHECK(compared("\\u0078" + xs.substr(6), "") <= 1);
    CHECK(detail::mark_of_escaped("a\\u0062c") == detail::mark_of("abc"));
}

TEST_CASE("json_scan: strings are the same however they are escaped", "[jwt][json]") {
    CHECK(detail::same_text(R"(a\u0062c)", "abc"));
    CHECK(detail::same_text(R"(\ud83d\ude00\u20ac\u00e9)", "😀€é"));
    CHECK(detail::same_text(R"(\"\\\/\b\f\n\r\t)", R"(\u0022\u005c\u002f\u0008\u000C\u000a\u000D\u0009)"));
    CHECK_FALSE(detail::same_text(R"(\u0061)", "ab"));
    CHECK_FALSE(detail::same_text("ab", R"(\u0061)"));
    std::string room(64, '\0');
    CHECK(detail::unescape(R"(a\u0062\ud83d\ude00\n)", room.data()) == "ab😀\n");
}

TEST_CASE("json_bytes: nothing behind a text is read, and nothing written behind its room, also where it is not well formed", "[jwt][json][attack]") {
    std::string const whole = R"(ab\u0041\ud83d\ude00\"\ud83dxx\u004)" "\\";
    for (std::size_t first = 0; first < whole.size(); ++first)
        for (std::size_t size = 0; first + size <= whole.size(); ++size) {
            auto const text = std::string_view{whole}.substr(first, size);
            std::vector<char> const alone(text.begin(), text.end());    // exactly as much memory: a sanitizer sees what is behind it
            std::vector<char> room(size), again(size);
            auto const said = detail::unescape({alone.data(), size}, room.data());
            CHECK(said.size() <= size);
            CHECK(said == detail::unescape(text, again.data()));    // whatever stands behind it
            CHECK(detail::says({alone.data(), size}, said));
        }
}

TEST_CASE("json_scan: agrees with nlohmann-json on mutated texts, but for what is refused on purpose", "[jwt][json]") {
    std::mt19937 random{11};
    std::string const seed = R"({"iss":"joe","exp":1300819380,"http://x/y":true,"n":[1,-2.5e3,{"a":null}],"s":"\u00e9\ud83d\ude00é€ \"q\\"})";
    std::string const letters = "{}[]:,\"\\0123456789.eE+-truefalsn u\n\t\x01\x80\xc3\xa9";
    int accepted = 0;
    for (int round = 0; round < 40'000; ++round) {
        auto text = seed;
        for (auto changes = 1 + random() % 3; changes != 0; --changes) {
            auto const at = random() % text.size();
            switch (random() % 3) {
                case 0: text[at] = letters[random() % letters.size()]; break;
                case 1: text.erase(at, 1 + random() % 3); break;
                default: text.insert(at, 1, letters[random() % letters.size()]);
            }
            if (text.empty()) text = "{";
        }
        auto const flaw = scanned(text);
        if (flaw == fault::duplicate_member) continue;
        bool is_object = false;
        try {
            is_object = nlohmann::json::parse(text).is_object();
        } catch (nlohmann::json::parse_error const&) {
        } catch (nlohmann::json::out_of_range const&) {
            continue;    // a number that no double holds: well formed all the same
        }
        CAPTURE(text);
        if (flaw.has_value() == is_object) FAIL("they disagree");
        accepted += !flaw;
    }
    CHECK(accepted > 1'000);
}
