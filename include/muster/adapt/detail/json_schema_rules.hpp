#pragma once

#include <algorithm>      // all_of, sort
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <memory>         // unique_ptr
#include <new>            // placement
#include <optional>       // a matcher
#include <string>         // places
#include <string_view>    // parts of places
#include <utility>        // move
#include <vector>         // numbers

#include <nlohmann/json.hpp>    // json

// Without it valijson ends the process where it would throw.
#ifndef VALIJSON_USE_EXCEPTIONS
#define VALIJSON_USE_EXCEPTIONS 1
#endif

#include <valijson/internal/adapter.hpp>                      // Adapter
#include <valijson/constraint_builder.hpp>                   // ConstraintBuilder
#include <valijson/constraints/concrete_constraints.hpp>     // PolyConstraint
#include <valijson/validation_results.hpp>                   // ValidationResults

#include <muster/adapt/detail/json_place.hpp>          // pointer_part
#include <muster/adapt/detail/json_schema_text.hpp>    // json_pattern
#include <muster/adapt/pcre2.hpp>                      // pcre2_matcher
#include <muster/core/failure.hpp>                     // cause, failure

namespace muster::detail {

// What the rules of our own know of the judgement that a thread is at: the validator tells them of the value alone.
struct json_judgement {
    nlohmann::json const& value;
    std::vector<json_pattern> const& patterns;
    std::size_t max_steps;
    std::size_t steps = 0;
    std::optional<pcre2_matcher> matcher{};

    static json_judgement*& now() noexcept {
        static thread_local json_judgement* current = nullptr;
        return current;
    }
};

// Ends a judgement from within the validator.
struct json_judgement_ends {
    failure why;
};

// Of the validator's names of a place: "<root>", then "[name]" or "[number]".
using json_context = std::vector<std::string>;

// The value there, and its place as a JSON pointer; the last that there is.
struct json_spot {
    nlohmann::json const* value;
    std::string pointer{};
};
inline json_spot spot_of(nlohmann::json const& root, json_context const& context) {
    json_spot out{&root};
    for (std::size_t i = 1; i < context.size(); ++i) {
        std::string_view const part = context[i];
        if (part.size() < 2) break;
        auto const name = part.substr(1, part.size() - 2);
        if (out.value->is_object()) {
            auto const found = out.value->find(std::string{name});
            if (found == out.value->end()) break;
            out.value = &*found;
        } else if (out.value->is_array() && !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos) {
            auto const at = static_cast<std::size_t>(std::stoul(std::string{name}));
            if (at >= out.value->size()) break;
            out.value = &(*out.value)[at];
        } else break;
        (out.pointer += '/') += pointer_part(name);
    }
    return out;
}

template <class Rule>
class json_rule : public valijson::constraints::PolyConstraint {
private:
    Constraint* cloneInto(void* memory) const override { return ::new (memory) Rule(static_cast<Rule const&>(*this)); }
    std::size_t sizeOf() const override { return sizeof(Rule); }
};

// A schema is about to judge a value. Schemas that refer to themselves may do so very often.
class json_step_rule : public json_rule<json_step_rule> {
public:
    bool validate(valijson::adapters::Adapter const&, json_context const&, valijson::ValidationResults* results) const override {
        auto& judged = *json_judgement::now();
        if (++judged.steps > judged.max_steps)
            throw json_judgement_ends{{cause::exhausted, "the value takes more than " + std::to_string(judged.max_steps) + " steps to judge"}};
        if (results && results->numErrors() > 1'000) throw json_judgement_ends{};    // one is told
        return true;
    }
};

class json_pattern_rule : public json_rule<json_pattern_rule> {
public:
    explicit json_pattern_rule(std::vector<std::size_t> numbers) : numbers_(std::move(numbers)) {}

    bool validate(valijson::adapters::Adapter const& target, json_context const& context, valijson::ValidationResults* results) const override {
        if (!target.isString()) return true;
        auto& judged = *json_judgement::now();
        if (!judged.matcher) judged.matcher.emplace();
        auto const text = target.asString();
        for (auto const each : numbers_) {
            auto const& by = judged.patterns[each];
            auto const matches = judged.matcher->match(by.pattern, text);
            if (!matches) {
                auto const where = json_place(spot_of(judged.value, context).pointer);
                throw json_judgement_ends{{cause::exhausted, where + ": " + by.rule + ": " + matches.error().text()}};
            }
            if (*matches) continue;
            if (results) results->pushError(context, "the text does not match the " + by.rule);
            return false;
        }
        return true;
    }

private:
    std::vector<std::size_t> numbers_;
};

// In order, so that equal ones are neighbours: comparing each with each takes the square.
class json_unique_rule : public json_rule<json_unique_rule> {
public:
    bool validate(valijson::adapters::Adapter const& target, json_context const& context, valijson::ValidationResults* results) const override {
        if (!target.isArray()) return true;
        auto const& items = *spot_of(json_judgement::now()->value, context).value;
        std::vector<nlohmann::json const*> sorted;
        for (auto const& each : items) sorted.push_back(&each);
        std::sort(sorted.begin(), sorted.end(), [](auto const* a, auto const* b) { return *a < *b; });
        auto const same = std::adjacent_find(sorted.begin(), sorted.end(), [](auto const* a, auto const* b) { return *a == *b; });
        if (same == sorted.end()) return true;
        if (results) results->pushError(context, "the array has two items that are equal, against uniqueItems");
        return false;
    }
};

// Makes rules from the keywords that stand for them; the parser of schemas owns it.
template <class Make>
class json_rule_builder : public valijson::ConstraintBuilder {
public:
    explicit json_rule_builder(Make how) : make_(how) {}
    valijson::constraints::Constraint* make(valijson::adapters::Adapter const& from) const override { return make_(from); }

private:
    Make make_;
};

}  // namespace muster::detail
