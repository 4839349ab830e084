#include <muster/workloads/llm/chat_reply.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::llm;

namespace {

json_schema schema() { return json_schema::parse(R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}})").value(); }

chat_reply reply_of(std::string content) {
    chat_reply out;
    out.content = std::move(content);
    out.has_content = true;
    return out;
}

}  // namespace

TEST_CASE("chat_reply: content that is whole is given, and no other") {
    CHECK(content_of(reply_of("text")) == "text");
    auto cut = reply_of("tex");
    cut.end = finish::length;
    CHECK(content_of(cut).error().code() == fault::cut_short);
    auto filtered = reply_of("");
    filtered.end = finish::content_filter;
    CHECK(content_of(filtered).error().code() == fault::filtered);
    auto refused = reply_of("");
    refused.refusal = "I cannot \x01 help";
    CHECK(content_of(refused).error().code() == fault::refused_by_model);
    CHECK(content_of(refused).error().text().find('\x01') == std::string::npos);
    CHECK(content_of({}).error().code() == fault::bad_answer);
}

TEST_CASE("chat_reply: JSON is told from none, and from JSON of another shape") {
    auto const by = schema();
    CHECK(json_of(reply_of(R"({"a":1})"), by)->at("a") == 1);
    CHECK(json_of(reply_of("no JSON"), by).error().code() == fault::no_json);
    CHECK(json_of(reply_of(R"({"a":)"), by).error().code() == fault::no_json);
    CHECK(json_of(reply_of(R"({"a":"1"})"), by).error().code() == fault::wrong_shape);
    CHECK(json_of(reply_of("{}"), by).error().code() == fault::wrong_shape);
}
