// The reader of JSON and the judge by a schema, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/json_schema.cpp -lpcre2-8 -o json_schema_fuzz
//     mkdir found && ./json_schema_fuzz found tests/fuzz/corpus/json_schema
//
// A text before the first zero byte is a schema, what follows is judged by it; without one the text is judged by a schema that has every
// keyword. What is taken is JSON to another reader, too; what is refused has a reason that is UTF-8, short, and has no control characters.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <muster/adapt/json_schema.hpp>

namespace {

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "json_schema: %s\n", what);
    std::abort();
}

void check(muster::failure const& why) {
    auto const& text = why.text();
    require(!text.empty() && text.size() < 3'000, "refused with no reason, or a long one");
    for (char const c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a control character is shown");
    require(nlohmann::json::accept('"' + [&] {
        std::string out;
        for (char const c : text) (c == '"' || c == '\\' ? out += '\\' : out) += c;
        return out;
    }() + '"'), "a reason is no UTF-8");
}

muster::json_schema const& every_keyword() {
    static auto const made = muster::json_schema::parse(R"({"$defs":{"t":{"type":["object","array","string","number","null"],"properties":{"a":{"$ref":"#/$defs/t"},
        "b":{"enum":[1,"x",null]},"c":{"const":[1]},"d":{"format":"date"},"e":{"pattern":"^(a|b)*$"}},"required":[],"additionalProperties":{"anyOf":[{"$ref":"#/$defs/t"},{"type":"boolean"}]},
        "items":{"oneOf":[{"$ref":"#/$defs/t"},{"type":"boolean"}]},"uniqueItems":true,"minItems":0,"maxItems":9,"contains":{"not":{"const":2}},"propertyNames":{"maxLength":9},
        "minimum":-5,"exclusiveMaximum":100,"multipleOf":0.5,"maxLength":20,"if":{"minProperties":2},"then":{"dependencies":{"a":["b"]}},"else":{"maxProperties":3}}},"$ref":"#/$defs/t"})",
        {.text = {.max_bytes = 65'536, .max_depth = 20}, .max_steps = 20'000}).value();
    return made;
}

void judge(muster::json_schema const& by, std::string_view text) {
    auto const judged = by.validate(text);
    if (!judged) return check(judged.error());
    require(nlohmann::json::accept(text.begin(), text.end()), "takes what another reader refuses");
    require(by.validate(judged->dump()).has_value(), "refuses what it has taken");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    auto const zero = input.find('\0');
    if (zero == input.npos) return judge(every_keyword(), input), 0;
    auto const made = muster::json_schema::parse(input.substr(0, zero), {.text = {.max_bytes = 65'536, .max_depth = 20}, .max_steps = 20'000});
    if (made) judge(*made, input.substr(zero + 1));
    else check(made.error());
    return 0;
}
