#include <muster/workloads/llm/detail/chat_request.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::llm::detail;

namespace {

bool well_formed(std::string_view text) {
    json_walk walk{text};
    return walk.any() && walk.at_end();
}

}  // namespace

TEST_CASE("chat_request: reads the model, the last message, and what is asked of the answer", "[llm][chat_request]") {
    chat_request out;
    REQUIRE(read_chat(R"( {"temperature": -0.5e+1, "model":"m", "messages" : [{"role":"system","content":"first"},
        {"role":"user","content":"\u00e4\ud83d\ude00\n\"x"}], "max_tokens": 7, "other":[true,false,null,{"a":[]}],
        "response_format":{"json_schema":{"type":"object"},"type":"json_schema"}} )", out) == nullptr);
    CHECK(out.model == "m");
    CHECK(out.prompt == "\xc3\xa4\xf0\x9f\x98\x80\n\"x");
    CHECK(out.bytes == 5 + 9);
    CHECK(out.most_tokens == 7);
    CHECK(out.wants_json);

    chat_request parts;
    REQUIRE(read_chat(R"({"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}},{"text":"b"}]}],
        "max_completion_tokens":9,"response_format":{"type":"text"},"stream":false})", parts) == nullptr);
    CHECK(parts.prompt == "ab");
    CHECK(parts.most_tokens == 9);
    CHECK_FALSE(parts.wants_json);
}

TEST_CASE("chat_request: says what is wrong with a body that is none", "[llm][chat_request]") {
    chat_request out;
    auto const flaw = [&](std::string_view text) {
        out = {};
        auto const* const said = read_chat(text, out);
        return std::string{said ? said : ""};
    };
    CHECK(flaw(R"({"model":"m"})") == "the request has no messages");
    CHECK(flaw(R"({"messages":[]})") == "the request has no messages");
    CHECK(flaw(R"({"messages":"x"})") == "the request has no messages");
    CHECK(flaw(R"({"messages":[{}],"stream":true})") == "streams are not spoken here");
    for (auto const* text : {"", "[]", "null", "{", R"({"messages":[1]})", R"({"messages":[{}]} x)", R"({"messages":[{}],"max_tokens":-1})",
                             R"({"messages":[{}],"max_tokens":1.5})", R"({"messages":[{}],"max_tokens":99999999999999999999})"}) {
        INFO(text);
        CHECK(flaw(text) == "the body is not the JSON object of a request");
    }
}

TEST_CASE("chat_request: JSON is read to the letter", "[llm][chat_request]") {
    for (auto const* text : {"0", "-0", "1.5e-3", "[]", "{}", "[1,2]", R"({"a":{"b":[null]}})", R"("\u0000\/")", "\"\xf0\x9f\x98\x80\""}) {
        INFO(text);
        CHECK(well_formed(text));
    }
    for (auto const* text : {"01", "+1", "1.", ".5", "1e", "-", "[1,]", "{,}", "{\"a\"}", "{a:1}", "[1 2]", "tru", "nul", "\"", "\"\\", "\"\\u12",
                             "\"\\u12g4\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"\xff\"", "\"\xc0\xaf\"",
                             "\"\xed\xa0\x80\"", "[[]", "]", "1 1"}) {
        INFO(text);
        CHECK_FALSE(well_formed(text));
    }
    CHECK(well_formed(std::string(64, '[') + std::string(64, ']')));
    CHECK_FALSE(well_formed(std::string(65, '[') + std::string(65, ']')));
    CHECK_FALSE(well_formed(std::string(1'000'000, '[')));
}
