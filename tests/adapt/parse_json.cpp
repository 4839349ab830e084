#include <muster/adapt/parse_json.hpp>

#include <limits>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster;
using nlohmann::json;

namespace {

std::string refused(std::string_view text, json_limits limits = {}) {
    auto const read = parse_json(text, limits);
    return read ? "taken" : to_string(read.error());
}
std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}
bool has(std::string_view in, std::string_view part) { return in.find(part) != in.npos; }

}  // namespace

TEST_CASE("parse_json: gives the value of a text", "[adapt][parse_json]") {
    auto const value = parse_json(R"( {"a":[1,-2,2.5,true,false,null,{"b":{}},[]],"":"x\u00e9\ud83d\ude00\n"} )");
    REQUIRE(value);
    CHECK(*value == json{{"a", {1, -2, 2.5, true, false, nullptr, {{"b", json::object()}}, json::array()}}, {"", "xé😀\n"}});
    CHECK(parse_json("18446744073709551615")->is_number_unsigned());
    CHECK(parse_json("-9223372036854775808")->is_number_integer());
    CHECK(parse_json("18446744073709551616")->is_number_float());
    CHECK(parse_json("\"\\u0000\"")->get<std::string>() == std::string(1, '\0'));
    CHECK(parse_json("\xef\xbb\xbf" "1") == json(1));    // a mark of byte order is no part of it
}

TEST_CASE("parse_json: what is no JSON is refused with its byte", "[adapt][parse_json][hostile]") {
    CHECK(refused("") == "invalid input: no JSON: at byte 1: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal");
    CHECK(refused("{\"a\":1,}") == "invalid input: no JSON: at byte 8: syntax error while parsing object key - unexpected '}'; expected string literal");
    for (auto const* each : {"NaN", "Infinity", "-", "01", "1.", ".5", "+1", "1e", "0x1", "[1,]", "{a:1}", "{'a':1}", "nul", "truex", "1 2", "{} {}", "[1", "{\"a\"", "\"", "\"\\x\"",
                             "\"a\nb\"", "/* */1", "1//", "[1 2]", "{\"a\" 1}", "\xff\xfe\x31", "\xef\xbb", "\v1", "```json\n{}\n```"})
        CHECK(has(refused(each), "invalid input: no JSON: at byte "));
    CHECK(refused(std::string_view{"1\0", 2}) == "invalid input: no JSON: at byte 2: a zero byte");
    CHECK(has(refused(std::string_view{"{}\0[", 4}), "a zero byte"));
    CHECK(has(refused(std::string_view{"\"a\0b\"", 5}), "a zero byte"));
}

TEST_CASE("parse_json: texts are good Unicode, and what is shown of others is clean", "[adapt][parse_json][hostile]") {
    for (auto const* each : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud80")"}) {
        auto const why = refused(each);
        CHECK(has(why, "no JSON"));
        CHECK(parse_json(json(why).dump()).has_value());    // it can be written as JSON: it is UTF-8
    }
    auto const long_one = refused("\"" + std::string(100'000, 'x') + "\x01\"");
    CHECK(has(long_one, "..."));
    CHECK(long_one.size() < 400);
    CHECK(!has(refused("\"\x1b[31m\x01"), "\x1b"));
}

TEST_CASE("parse_json: numbers that no double holds are refused", "[adapt][parse_json][hostile]") {
    CHECK(refused("1e999") == "invalid input: no JSON: at byte 5: number overflow parsing '1e999'");
    CHECK(has(refused("-1e99999999999999999999"), "number overflow"));
    CHECK(has(refused("1" + std::string(400, '0')), "number overflow"));
    CHECK(refused("1" + std::string(500'000, '0')).size() < 400);
    CHECK(parse_json("1e-999") == json(0.0));
    CHECK(parse_json("0." + std::string(500'000, '3')).has_value());
}

TEST_CASE("parse_json: two members of one name are refused, with their place", "[adapt][parse_json][hostile]") {
    CHECK(refused(R"({"a":1,"a":1})") == R"(invalid input: at the root: the object has two members "a")");
    CHECK(refused(R"({"x":[0,{"a/b":{"c":1},"~":{"d":1,"d":2}}]})") == R"(invalid input: at /x/1/~0: the object has two members "d")");
    CHECK(refused(R"({"\u0061":1,"a":1})") == R"(invalid input: at the root: the object has two members "a")");
    CHECK(refused("{\"" + std::string(1'000, 'n') + "\":1,\"" + std::string(1'000, 'n') + "\":1}").size() < 400);
}

TEST_CASE("parse_json: depth and size are bounded", "[adapt][parse_json][hostile]") {
    CHECK(parse_json(repeated("[", 64) + repeated("]", 64)).has_value());
    CHECK(has(refused(repeated("[", 65) + repeated("]", 65)), ": values stand deeper than 64 levels"));
    CHECK(has(refused(repeated("[", 100'000)), "deeper than 64"));
    CHECK(has(refused(repeated("{\"a\":", 100'000)), "at /a/a/a/a/"));
    CHECK(refused(repeated("{\"" + std::string(1'000, 'k') + "\":", 100)).size() < 400);
    CHECK(refused(repeated("[", 4), {.max_depth = 3}) == "exhausted: at /0/0: values stand deeper than 3 levels");
    std::string const large(100 * 1'000 * 1'000, ' ');
    CHECK(refused(large) == "exhausted: the JSON text has 100000000 bytes, more than 1048576");
    CHECK(refused("123", {.max_bytes = 2}) == "exhausted: the JSON text has 3 bytes, more than 2");
}

TEST_CASE("parse_json: a deep value that is allowed is read and let go of without recursion", "[adapt][parse_json][hostile]") {
    auto const deep = parse_json(repeated("[", 500'000) + repeated("]", 500'000), {.max_bytes = 2 * MiB, .max_depth = 1'000'000});
    CHECK(deep.has_value());
}
