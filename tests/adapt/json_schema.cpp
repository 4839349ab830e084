#include <muster/adapt/json_schema.hpp>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace muster;
using nlohmann::json;

namespace {

json_schema schema(std::string_view text, json_schema_options options = {}) {
    auto made = json_schema::parse(text, options);
    if (!made) INFO(made.error().text());
    REQUIRE(made);
    return *made;
}
bool good(std::string_view rules, std::string_view text) { return schema(rules).validate(text).has_value(); }
std::string refused(json_schema const& by, std::string_view text) {
    auto const judged = by.validate(text);
    return judged ? "taken" : to_string(judged.error());
}
std::string refused(std::string_view rules, std::string_view text) { return refused(schema(rules), text); }
std::string no_schema(std::string_view text) {
    auto const made = json_schema::parse(text);
    return made ? "taken" : to_string(made.error());
}
std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}
bool has(std::string_view in, std::string_view part) { return in.find(part) != in.npos; }

// As a model is asked for facts.
std::string const facts = R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"facts","type":"object","properties":{
    "summary":{"type":"string","maxLength":20,"description":"one sentence"},
    "kind":{"enum":["order","passenger",null]},
    "facts":{"type":"array","minItems":1,"uniqueItems":true,"items":{"$ref":"#/$defs/fact"}}},
    "required":["summary","facts"],"additionalProperties":false,
    "$defs":{"fact":{"type":"object","properties":{"name":{"type":"string","pattern":"^[a-z_]+$"},"when":{"type":"string","format":"date"},"parts":{"type":"array","items":{"$ref":"#/$defs/fact"}}},
        "required":["name"],"additionalProperties":false}}})";

}  // namespace

TEST_CASE("json_schema: a good text gives its value", "[adapt][json_schema]") {
    auto const judged = schema(facts).validate(R"({"summary":"ä","kind":null,"facts":[{"name":"a","when":"2031-02-28","parts":[{"name":"b"}]}]})");
    REQUIRE(judged);
    CHECK((*judged)["facts"][0]["parts"][0]["name"] == "b");
}

TEST_CASE("json_schema: what breaks a rule is told with its place, the rule and what is there", "[adapt][json_schema]") {
    auto const by = schema(facts);
    CHECK(refused(by, "{}") == "invalid input: the value breaks the schema at the root: missing required property 'facts'; it is {}");
    CHECK(refused(by, R"({"summary":1,"facts":[{"name":"a"}]})") == "invalid input: the value breaks the schema at /summary: value type not permitted by 'type' constraint; it is 1");
    CHECK(refused(by, R"({"summary":"","facts":[{"name":"a"},{"name":"B"}]})") == R"(invalid input: the value breaks the schema at /facts/1/name: the text does not match the pattern "^[a-z_]+$"; it is "B")");
    CHECK(refused(by, R"({"summary":"","facts":[{"name":"a","when":"2031-02-30"}]})") == R"(invalid input: the value breaks the schema at /facts/0/when: the text does not match the format date; it is "2031-02-30")");
    CHECK(refused(by, R"({"summary":"","facts":[{"name":"a","parts":[{"name":"b"},{"name":"c","parts":[{}]}]}]})") ==
          "invalid input: the value breaks the schema at /facts/0/parts/1/parts/0: missing required property 'name'; it is {}");
    CHECK(has(refused(by, R"({"summary":"","facts":[{"name":"a"}],"more":1})"), "'more'"));
    CHECK(has(refused(by, R"({"summary":"","kind":"other","facts":[{"name":"a"}]})"), "at /kind: failed to match against any enum values; it is \"other\""));
    CHECK(has(refused(by, R"({"summary":"","facts":[{"name":"a"},{"name":"a"}]})"), "at /facts: the array has two items that are equal, against uniqueItems"));
    CHECK(has(refused(by, R"({"summary":"","facts":[]})"), "at /facts: array should contain no fewer than 1 elements"));
    CHECK(refused(by, R"({"summary":"","facts":[{"name":"a")") == "invalid input: no JSON: at byte 35: syntax error while parsing object - unexpected end of input; expected '}'");
}

TEST_CASE("json_schema: of alternatives the one that came furthest is told", "[adapt][json_schema]") {
    auto const why = refused(R"({"anyOf":[{"type":"null"},{"type":"object","properties":{"a":{"properties":{"b":{"type":"string"}}}}}]})", R"({"a":{"b":1}})");
    CHECK(has(why, "at /a/b: value type not permitted"));
}

TEST_CASE("json_schema: names in places are escaped, and what is shown is cut and clean", "[adapt][json_schema]") {
    CHECK(has(refused(R"({"properties":{"a/b~c":{"items":{"type":"null"}}}})", R"({"a/b~c":[null,1]})"), "at /a~1b~0c/1: "));
    CHECK(has(refused(R"({"additionalProperties":{"type":"null"}})", R"({"[0]":1})"), "at /[0]: "));
    auto const much = refused(R"({"type":"null"})", "\"" + std::string(10'000, 'x') + "\"");
    CHECK(has(much, "xxx..."));
    CHECK(much.size() < 400);
    auto const name = refused(R"({"additionalProperties":false})", "{\"" + repeated("ä", 5'000) + "\\u001b\":1}");
    CHECK(name.size() < 700);
    CHECK(parse_json(json(name).dump()).has_value());
    CHECK(!has(refused(R"({"additionalProperties":false})", "{\"\\u001b[31m\\n\":1}"), "\x1b"));
    CHECK(!has(refused(R"({"required":["\u001b"]})", "{}"), "\x1b"));
}

TEST_CASE("json_schema: every keyword of draft 7 that is taken does what it says", "[adapt][json_schema]") {
    struct row {
        char const* rules;
        char const* taken;
        char const* refused;
    };
    for (auto const& each : {
             row{R"({"type":"integer"})", "3", "3.5"}, row{R"({"type":["string","null"]})", "null", "1"}, row{R"({"type":"number"})", "1", "\"1\""}, row{R"({"type":"boolean"})", "true", "0"},
             row{R"({"const":{"a":[1]}})", R"({"a":[1]})", R"({"a":[2]})"}, row{R"({"enum":[1,"a"]})", "\"a\"", "2"},
             row{R"({"minimum":1,"maximum":3})", "3", "3.5"}, row{R"({"exclusiveMinimum":1})", "1.5", "1"}, row{R"({"exclusiveMaximum":1})", "0", "1"}, row{R"({"multipleOf":3})", "9", "10"},
             row{R"({"minLength":2,"maxLength":3})", "\"äöü\"", "\"ä\""}, row{R"({"maxLength":3})", "\"äöü\"", "\"abcd\""},
             row{R"({"items":{"type":"null"}})", "[null]", "[1]"}, row{R"({"items":[{"type":"null"}],"additionalItems":false})", "[null]", "[null,null]"},
             row{R"({"minItems":1,"maxItems":2})", "[1]", "[]"}, row{R"({"uniqueItems":true})", "[1,2,[1],\"1\"]", "[{\"a\":1},2,{\"a\":1}]"}, row{R"({"uniqueItems":false})", "[1,1]", "]"},
             row{R"({"contains":{"const":1}})", "[0,1]", "[0]"}, row{R"({"contains":false})", "1", "[0]"},
             row{R"({"properties":{"a":{"type":"null"},"b":false}})", R"({"a":null})", R"({"b":1})"}, row{R"({"required":["a"]})", R"({"a":1})", "{}"}, row{R"({"required":[]})", "{}", "}"},
             row{R"({"minProperties":1,"maxProperties":1})", R"({"a":1})", "{}"}, row{R"({"propertyNames":{"pattern":"^a"}})", R"({"ab":1})", R"({"b":1})"},
             row{R"({"additionalProperties":{"type":"null"}})", R"({"a":null})", R"({"a":1})"},
             row{R"({"dependencies":{"a":["b"],"c":{"required":["d"]}}})", R"({"a":1,"b":1})", R"({"c":1})"}, row{R"({"dependencies":{"a":["b"]}})", R"({"b":1})", R"({"a":1})"},
             row{R"({"allOf":[{"minimum":1},{"maximum":2}]})", "2", "3"}, row{R"({"anyOf":[{"const":1},{"const":2}]})", "2", "3"}, row{R"({"oneOf":[{"minimum":1},{"minimum":2}]})", "1", "3"},
             row{R"({"not":{"type":"null"}})", "1", "null"}, row{R"({"if":{"minimum":5},"then":{"maximum":7},"else":{"const":1}})", "6", "2"},
             row{R"({"definitions":{"a":{"const":1}},"$ref":"#/definitions/a"})", "1", "2"},
             row{R"({"properties":{"a":{"$ref":"#/properties/b","description":"with more beside it","minimum":3},"b":{"maximum":5}}})", R"({"a":4})", R"({"a":2})"},
             row{R"({"properties":{"a b/c%":{"const":1},"x":{"$ref":"#/properties/a%20b~1c%25"}}})", R"({"x":1})", R"({"x":2})"},
             row{R"({"properties":{"$ref":{"const":1}}})", R"({"$ref":1})", R"({"$ref":2})"}, row{R"({"properties":{"pattern":{"const":1},"muster:step":{"const":1}}})", R"({"muster:step":1})", R"({"pattern":2})"},
             row{R"({"pattern":"^.$"})", "\"ä\"", "\"ab\""}, row{R"({"pattern":"^[0-9]+$"})", "\"12\"", "\"12\\n\""}, row{R"({"pattern":"^\\u00e4$"})", "\"ä\"", "\"a\""},
             row{R"({"pattern":"b"})", "\"abc\"", "\"\""}, row{R"({"pattern":"^\\p{L}+$"})", "\"éa\"", "\"1\""}, row{R"({"pattern":"x","format":"uuid"})", "1", "\"x\""},
             row{R"({"format":"date-time"})", "\"2031-01-31T23:59:60.5+01:00\"", "\"2031-01-31 10:00\""}, row{R"({"format":"time"})", "\"10:00:00Z\"", "\"24:00:00Z\""},
             row{R"({"format":"ipv4"})", "\"127.0.0.1\"", "\"1.2.3.256\""}, row{R"({"format":"email"})", "\"a.b@c.de\"", "\"a b@c\""}, row{R"({"format":"hostname"})", "\"a-b.c\"", "\"-a\""},
             row{R"({"format":"uuid"})", "\"00000000-0000-4000-8000-00000000000a\"", "\"0\""}, row{R"({"format":"colour"})", "\"x\"", "x"},
             row{"true", "1", ""}, row{"{}", "1", ""}, row{R"({"x-more":[1],"$id":"urn:x","deprecated":true,"default":1,"examples":[1]})", "1", ""}}) {
        INFO(each.rules);
        CHECK(good(each.rules, each.taken));
        CHECK(!good(each.rules, each.refused));
    }
    CHECK(!good("false", "1"));
}

TEST_CASE("json_schema: a schema that is none is refused, with the place in it", "[adapt][json_schema]") {
    CHECK(no_schema("{\"type\":") == "invalid input: no JSON: at byte 9: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal, in the text of a JSON schema");
    CHECK(no_schema("1") == "invalid input: no JSON schema: at the root: a schema is an object, true or false");
    CHECK(no_schema(R"({"properties":{"a":{"typ":"string"}}})") == R"(invalid input: no JSON schema: at /properties/a/typ: the keyword "typ" is not known here)");
    CHECK(has(no_schema(R"({"type":"strin"})"), "at /type: one of array, "));
    CHECK(has(no_schema(R"({"pattern":"("})"), "at /pattern: no regex: at offset 1: missing closing parenthesis"));
    CHECK(has(no_schema(R"({"items":{"$ref":"http://127.0.0.1:1/x"}})"), "at /items/$ref: a schema refers to places in itself alone, \"#/...\": nothing is fetched"));
    CHECK(has(no_schema(R"({"$ref":"other.json#/a"})"), "nothing is fetched"));
    CHECK(has(no_schema(R"({"$ref":"file:///etc/passwd"})"), "nothing is fetched"));
    CHECK(has(no_schema(R"({"$ref":"#/nowhere"})"), "at /$ref: $ref refers to no schema in this text: \"/nowhere\""));
    CHECK(has(no_schema(R"({"properties":{"a":{"enum":[{"b":1}]},"b":{"$ref":"#/properties/a/enum/0"}}})"), "refers to no schema"));
    for (auto const* each : {R"({"minLength":-1})", R"({"minLength":1.5})", R"({"maxItems":"1"})", R"({"maxLength":1e300})", R"({"minimum":"1"})", R"({"multipleOf":0})", R"({"multipleOf":-1})", R"({"required":"a"})",
                             R"({"required":[1]})", R"({"enum":[]})", R"({"enum":1})", R"({"allOf":[]})", R"({"anyOf":{}})", R"({"properties":[]})", R"({"properties":{"a":1}})", R"({"items":1})", R"({"not":[]})",
                             R"({"uniqueItems":1})", R"({"pattern":1})", R"({"format":1})", R"({"$ref":1})", R"({"type":[]})", R"({"dependencies":{"a":[1]}})", R"({"dependencies":1})", R"({"additionalProperties":1})",
                             R"({"patternProperties":{}})", R"({"prefixItems":[]})", R"({"unevaluatedProperties":false})", R"({"$dynamicRef":"#"})", R"({"muster:step":true})", R"({"properties":{"a\u0000b":{}}})",
                             R"({"required":["a\u0000b"]})", R"({"properties":{"a":{"$id":"x"}}})", R"({"exclusiveMinimum":true,"minimum":1})"})
        CHECK(has(no_schema(each), "no JSON schema: at /"));
}

TEST_CASE("json_schema: a schema that comes back to itself at the same value is refused", "[adapt][json_schema][hostile]") {
    for (auto const* each : {R"({"$ref":"#"})", R"({"anyOf":[{"$ref":"#"}]})", R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"allOf":[{"$ref":"#/definitions/a"}]}},"$ref":"#/definitions/a"})",
                             R"({"if":{"not":{"$ref":"#"}}})", R"({"dependencies":{"a":{"$ref":"#"}}})"})
        CHECK(has(no_schema(each), "the schema comes back to itself for the same value"));
    std::string chain = R"({"definitions":{)";
    for (int i = 0; i < 40; ++i) chain += "\"" + std::to_string(i) + "\":{\"$ref\":\"#/definitions/" + std::to_string(i + 1) + "\"},";
    CHECK(has(no_schema(chain + "\"40\":{}}}"), "more than 32 schemas stand in each other for one value"));
    CHECK(has(no_schema(repeated("{\"not\":", 100'000)), "deeper than 64"));
    std::string wide = "{\"properties\":{";
    for (int i = 0; i < 10'000; ++i) wide += "\"" + std::to_string(i) + "\":{},";
    CHECK(has(no_schema(wide + "\"x\":{}}}"), "more than 10000 schemas"));
}

TEST_CASE("json_schema: no text makes a pattern take the stack, or for ever", "[adapt][json_schema][hostile]") {
    auto const grouped = schema(R"({"items":{"pattern":"^(a|b)*$"}})", {.text = {.max_bytes = 4 * MiB}});
    CHECK(grouped.validate("[\"" + repeated("ab", 1'000) + "\"]").has_value());
    auto const why = refused(grouped, "[\"\",\"" + std::string(1'000'000, 'a') + "\"]");
    CHECK((why == "taken" || has(why, "exhausted: at /1: pattern \"^(a|b)*$\": the match took more ")));
    auto const nested = schema(R"({"pattern":"^(a+)+$"})");
    CHECK(has(refused(nested, "\"" + std::string(60, 'a') + "b\""), "exhausted: at the root: pattern \"^(a+)+$\": the match took more than "));
    for (auto const* each : {"date", "date-time", "time", "email", "hostname", "ipv4", "uuid"})
        for (char const c : {'0', 'a', '.', '-', '@'})
            CHECK(!schema(R"({"format":")" + std::string{each} + "\"}").validate("\"" + std::string(500'000, c) + "\""));
}

TEST_CASE("json_schema: lists of any length are compared in little more than their length", "[adapt][json_schema][hostile]") {
    std::string text = "[0";
    for (int i = 1; i < 100'000; ++i) text += ',' + std::to_string(i);
    auto const by = schema(R"({"uniqueItems":true})");
    CHECK(by.validate(text + "]").has_value());
    CHECK(has(refused(by, text + ",5]"), "two items that are equal"));
    CHECK(has(refused(R"({"items":{"uniqueItems":true}})", "[[1],[[1],[1]]]"), "at /1: the array has two items"));
}

TEST_CASE("json_schema: a schema that doubles at each level stops at the bound of steps", "[adapt][json_schema][hostile]") {
    auto const doubling = schema(R"({"anyOf":[{"required":["no"],"properties":{"a":{"$ref":"#"}}},{"required":["a"],"properties":{"a":{"$ref":"#"}}}]})", {.max_steps = 50'000});
    CHECK(has(refused(doubling, repeated("{\"a\":", 60) + "1" + repeated("}", 60)), "the value takes more than 50000 steps to judge"));
    CHECK(doubling.validate(repeated("{\"a\":", 3) + "1" + repeated("}", 3)).has_value());
}

TEST_CASE("json_schema: a text with much that is wrong is told of in little memory and time", "[adapt][json_schema][hostile]") {
    auto const by = schema(R"({"type":"array","items":{"type":"string"}})");
    auto const why = refused(by, "[1" + repeated(",1", 400'000) + "]");
    CHECK(has(why, "value type not permitted"));
    CHECK(has(why, "at /"));
    std::string members = "{\"m\":1";
    for (int i = 0; i < 50'000; ++i) members += ",\"" + std::to_string(i) + "\":1";
    CHECK(has(refused(R"({"additionalProperties":{"type":"null"}})", members + "}"), "value type not permitted"));
    CHECK(has(refused(by, repeated("[", 100'000)), "deeper than 64"));
    CHECK(has(refused(by, std::string(2 * MiB, ' ')), "more than 1048576"));
}

TEST_CASE("json_schema: the deepest text that is allowed needs no more stack than a thread has", "[adapt][json_schema][hostile]") {
    auto const by = schema(R"({"$defs":{"t":{"allOf":[{"anyOf":[{"not":{"not":{"items":{"$ref":"#/$defs/t"},"properties":{"a":{"$ref":"#/$defs/t"}}}}}]}]}},"$ref":"#/$defs/t"})", {.text = {.max_depth = 64}});
    std::jthread{[&] { CHECK(by.validate(repeated("[", 64) + repeated("]", 64)).has_value()); }}.join();
}

TEST_CASE("json_schema: any number of threads judge by one", "[adapt][json_schema]") {
    auto const by = schema(facts);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&wrong, mine = by] {
                for (int i = 0; i < 200; ++i) {
                    wrong += !mine.validate(R"({"summary":"a","facts":[{"name":"a","when":"2031-02-28"}]})");
                    wrong += has(refused(mine, R"({"summary":"a","facts":[{"name":"A"}]})"), "at /facts/0/name") ? 0 : 1;
                }
            });
    }
    CHECK(wrong == 0);
}
