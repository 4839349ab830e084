#pragma once

#include <cctype>         // tolower
#include <cstddef>        // size_t
#include <exception>      // exception
#include <memory>         // shared_ptr
#include <new>            // bad_alloc
#include <string>         // what is wrong
#include <string_view>    // text
#include <utility>        // exchange, move
#include <vector>         // patterns

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/detail/json_place.hpp>           // cut_and_quoted
#include <muster/adapt/detail/json_schema_rules.hpp>    // rules of our own; before what else is valijson's
#include <muster/adapt/detail/json_schema_text.hpp>     // json_schema_text

#include <valijson/adapters/nlohmann_json_adapter.hpp>    // NlohmannJsonAdapter
#include <valijson/schema.hpp>                            // Schema
#include <valijson/schema_parser.hpp>                     // SchemaParser
#include <valijson/validator.hpp>                         // Validator

#include <muster/adapt/parse_json.hpp>    // json_limits, parse_json
#include <muster/core/failure.hpp>        // cause, failure
#include <muster/core/outcome.hpp>        // outcome

namespace muster {

/// What one judgement by a `json_schema` may cost.
struct json_schema_options {
    json_limits text{};                   ///< of the texts that are judged
    std::size_t max_steps = 1'000'000;    ///< a schema judging a value is one; 1 us each
    friend bool operator==(json_schema_options const&, json_schema_options const&) = default;
};

/// A JSON schema, parsed once, by which texts are judged that nobody trusts: answers of models, say.
///
/// The keywords of draft 7 and `$defs`. Others are refused rather than passed over, among them `patternProperties`, `prefixItems`
/// and `unevaluatedProperties`; names that begin with `x-` are remarks. `$ref` refers to places in the schema itself: nothing is fetched.
///
/// Shape      patterns are regexes as ECMAScript has them, of Unicode's characters. The formats date, time, date-time, uuid, email,
///            hostname and ipv4 are checked, others are remarks; every year may have a 29th of February. 1.0 is no integer.
/// Fails      `parse` with cause::invalid_input, with the place in the schema and what belongs there, or what `parse_json` fails with.
///            `validate` with what `parse_json` fails with; invalid_input where a rule is broken, with the place as a JSON pointer, the
///            rule and what is there, 200 bytes of it at most; exhausted where a pattern goes too far back, or for too many steps.
/// Threads    any number: it never changes. Copies share it.
/// Cost       memory and time by the length of the text: no pattern, list or schema that refers to itself takes more than its limit.
///            0.1 us a byte, a third of it for reading; a text that is refused is judged twice.
/// Source     JSON Schema, draft 7; places: RFC 6901.
class json_schema {
public:
    [[nodiscard]] static outcome<json_schema> parse(std::string_view schema, json_schema_options options = {});

    /// The value of the text.
    [[nodiscard]] outcome<nlohmann::json> validate(std::string_view text) const;

private:
    struct content {
        valijson::Schema schema{};
        std::vector<detail::json_pattern> patterns{};
        json_schema_options options{};
    };
    explicit json_schema(std::shared_ptr<content const> of) noexcept : of_(std::move(of)) {}

    bool judge(nlohmann::json const& value, valijson::ValidationResults* results, failure& ended) const;
    failure refusal(nlohmann::json const& value) const;

    std::shared_ptr<content const> of_;
};

// Implementation

inline outcome<json_schema> json_schema::parse(std::string_view schema, json_schema_options options) {
    auto text = parse_json(schema, {.max_bytes = 4 * MiB, .max_depth = 64});
    if (!text) return std::move(text).error().note(", in the text of a JSON schema");
    try {
        detail::json_schema_text rewritten;
        auto const plain = rewritten.rewrite(*text);
        if (!plain) return plain.error();
        auto made = std::make_shared<content>();
        made->options = options;
        made->patterns = std::move(rewritten).take_patterns();

        valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
        auto const teach = [&](char const* keyword, auto how) { parser.addConstraintBuilder(keyword, new detail::json_rule_builder{how}); };    // it owns them
        teach(detail::schema_step, [](valijson::adapters::Adapter const&) { return new detail::json_step_rule; });
        teach(detail::schema_unique, [](valijson::adapters::Adapter const&) { return new detail::json_unique_rule; });
        teach(detail::schema_pattern, [](valijson::adapters::Adapter const& numbers) {
            std::vector<std::size_t> all;
            numbers.applyToArray([&](valijson::adapters::Adapter const& each) { return all.push_back(static_cast<std::size_t>(each.asInteger())), true; });
            return new detail::json_pattern_rule{std::move(all)};
        });
        parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{*plain}, made->schema);
        return json_schema{std::move(made)};
    } catch (std::bad_alloc const&) {
        return failure{cause::out_of_memory, "no memory is left for a JSON schema"};
    } catch (std::exception const& why) {
        return failure{cause::invalid_input, "no JSON schema: " + detail::cleaned(why.what())};
    }
}

inline bool json_schema::judge(nlohmann::json const& value, valijson::ValidationResults* results, failure& ended) const {
    detail::json_judgement mine{.value = value, .patterns = of_->patterns, .max_steps = of_->options.max_steps};
    struct scope {    // judgements are not nested, but a handler of memory might do anything
        detail::json_judgement* before;
        ~scope() { detail::json_judgement::now() = before; }
    } const restore{std::exchange(detail::json_judgement::now(), &mine)};
    try {
        valijson::Validator validator;
        return validator.validate(of_->schema, valijson::adapters::NlohmannJsonAdapter{value}, results);
    } catch (detail::json_judgement_ends const& how) {
        ended = how.why;
        return false;
    }
}

inline outcome<nlohmann::json> json_schema::validate(std::string_view text) const {
    auto value = parse_json(text, of_->options.text);
    if (!value) return value;
    try {
        failure ended;
        if (judge(*value, nullptr, ended)) return value;
        if (!ended.is(cause::cancelled)) return ended;
        return refusal(*value);
    } catch (std::bad_alloc const&) {
        return failure{cause::out_of_memory, "no memory is left to judge a JSON text of " + std::to_string(text.size()) + " bytes"};
    } catch (std::exception const& why) {
        return failure{cause::invalid_input, "the value breaks the schema: " + detail::cleaned(why.what())};
    }
}

// Once more, to know why: the first look stops at what is wrong and keeps nothing.
inline failure json_schema::refusal(nlohmann::json const& value) const {
    valijson::ValidationResults results;
    failure ended;
    judge(value, &results, ended);
    // The innermost place says most; of alternatives it is the one that came furthest.
    valijson::ValidationResults::Error const* told = nullptr;
    for (auto const& each : results)
        if (!told || each.context.size() > told->context.size()) told = &each;
    if (!told) return {cause::invalid_input, "the value breaks the schema"};
    auto const spot = detail::spot_of(value, told->context);
    auto rule = detail::cleaned(told->description);
    if (!rule.empty()) rule[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(rule[0])));
    if (rule.ends_with('.')) rule.pop_back();
    auto const shown = spot.value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    auto const some = detail::cut(shown);
    return {cause::invalid_input, "the value breaks the schema " + detail::json_place(spot.pointer) + ": " + rule + "; it is " + std::string{some} +
                                      (some.size() < shown.size() ? "..." : "")};
}

}  // namespace muster
