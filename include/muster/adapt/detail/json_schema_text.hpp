#pragma once

#include <algorithm>        // all_of, any_of, find_if, max
#include <array>            // formats, types
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <iterator>         // begin, end
#include <map>              // places
#include <optional>         // what is wrong
#include <string>           // places
#include <string_view>      // keywords
#include <utility>          // move
#include <vector>           // schemas

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/detail/json_place.hpp>    // cut_and_quoted, json_place
#include <muster/adapt/pcre2.hpp>                // pcre2_pattern
#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/outcome.hpp>               // outcome

namespace muster::detail {

// What a text is matched against, and how the rule is called.
struct json_pattern {
    pcre2_pattern pattern;
    std::string rule;
};

// Keywords that the validator is taught here; no schema of a user has them.
inline constexpr char schema_step[] = "muster:step", schema_pattern[] = "muster:pattern", schema_unique[] = "muster:unique";

enum class schema_kind {
    remark, any, schema, schema_list, schema_map, schema_or_list, count, number, positive, flag, type, values, names, dependencies, pattern, format, reference
};
struct schema_keyword {
    std::string_view name;
    schema_kind what;
    bool same_value = false;    // the schemas in it judge the same value
};

inline constexpr schema_keyword schema_keywords[] = {
    {"$schema", schema_kind::remark}, {"$comment", schema_kind::remark}, {"title", schema_kind::remark},
    {"description", schema_kind::remark}, {"default", schema_kind::remark}, {"examples", schema_kind::remark},
    {"readOnly", schema_kind::remark}, {"writeOnly", schema_kind::remark}, {"deprecated", schema_kind::remark},
    {"contentEncoding", schema_kind::remark}, {"contentMediaType", schema_kind::remark}, {"const", schema_kind::any},
    {"enum", schema_kind::values}, {"type", schema_kind::type}, {"required", schema_kind::names},
    {"additionalProperties", schema_kind::schema}, {"additionalItems", schema_kind::schema}, {"contains", schema_kind::schema},
    {"propertyNames", schema_kind::schema}, {"not", schema_kind::schema, true}, {"if", schema_kind::schema, true},
    {"then", schema_kind::schema, true}, {"else", schema_kind::schema, true}, {"allOf", schema_kind::schema_list, true},
    {"anyOf", schema_kind::schema_list, true}, {"oneOf", schema_kind::schema_list, true}, {"properties", schema_kind::schema_map},
    {"$defs", schema_kind::schema_map}, {"definitions", schema_kind::schema_map}, {"items", schema_kind::schema_or_list},
    {"dependencies", schema_kind::dependencies, true}, {"minLength", schema_kind::count}, {"maxLength", schema_kind::count},
    {"minItems", schema_kind::count}, {"maxItems", schema_kind::count}, {"minProperties", schema_kind::count},
    {"maxProperties", schema_kind::count}, {"minimum", schema_kind::number}, {"maximum", schema_kind::number},
    {"exclusiveMinimum", schema_kind::number}, {"exclusiveMaximum", schema_kind::number}, {"multipleOf", schema_kind::positive},
    {"uniqueItems", schema_kind::flag}, {"pattern", schema_kind::pattern}, {"format", schema_kind::format},
    {"$ref", schema_kind::reference}};

// Makes of a schema one that says the same and that the validator reads without surprises: every keyword is known and well formed, every
// schema in it stands in one list and is referred to by its number, so that no name is part of a reference. What can take more time than
// the size of an answer allows (patterns, formats, unique items) is replaced by keywords of our own, and each schema counts a step
// before it does anything else.
//
// Measured with valijson 1.0 as it is: "^(a|b)*$" takes the stack of std::regex at 20,000 letters; a list of 20,000 different numbers
// takes 9.5 s to be found unique, 0.01 s here; 10,000 texts of 2 KB, with a pattern and a date in each entry of a list, take 89 s, for
// the regexes are compiled at every look, and 1.9 s here.
class json_schema_text {
public:
    using json = nlohmann::json;

    outcome<json> rewrite(json const& schema) {
        auto const root = number(schema, "");
        for (auto const& each : references_) {
            if (why_) break;
            auto const at = places_.find(each.target);
            if (at == places_.end()) {
                wrong(each.place, "$ref refers to no schema in this text: " + cut_and_quoted(each.target.empty() ? "#" : each.target));
                break;
            }
            schemas_[each.from]["allOf"].push_back(reference(at->second));
            same_value_[each.from].push_back(at->second);
        }
        if (!why_) check_circles();
        if (why_) return std::move(*why_);
        json out = reference(root);
        out["d"] = std::move(schemas_);
        return out;
    }
    [[nodiscard]] std::vector<json_pattern> take_patterns() && { return std::move(patterns_); }

private:
    struct known_format {
        std::string_view name;
        std::string_view regex;
    };
    struct waiting {
        std::size_t from;
        std::string target;
        std::string place;
    };

    static constexpr std::array types{"array", "boolean", "integer", "null", "number", "object", "string"};

    // The formats that are checked; others are remarks, as the specification has them.
    static constexpr std::array formats{
        known_format{"date", "^[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|[12][0-9]))$"},
        known_format{"time", "^(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]{1,12})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"},
        known_format{"date-time", "^[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
                                  "02-(?:0[1-9]|[12][0-9]))[Tt]"
                                  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]{1,12})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"},
        known_format{"uuid", "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
        known_format{"email", "^(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
                              "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"},
        known_format{"hostname", "^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"},
        known_format{"ipv4", "^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\\.(?!$)|$)){4}$"}};

    static constexpr std::size_t most_schemas = 10'000;
    static constexpr std::size_t longest_chain = 32;    // schemas that judge one value, one in another

    static json reference(std::size_t to) { return {{"$ref", "#/d/" + std::to_string(to)}}; }
    void wrong(std::string const& place, std::string const& what) {
        if (!why_) why_ = failure{cause::invalid_input, "no JSON schema: " + json_place(place) + ": " + what};
    }

    std::size_t number(json const& schema, std::string const& place) {
        auto const mine = schemas_.size();
        schemas_.push_back(true);
        places_[place] = mine;
        same_value_.emplace_back();
        if (why_) return mine;
        if (schemas_.size() > most_schemas) return wrong(place, "there are more than " + std::to_string(most_schemas) + " schemas"), mine;
        if (schema.is_boolean()) return schemas_[mine] = schema, mine;
        if (!schema.is_object()) return wrong(place, "a schema is an object, true or false"), mine;
        json rules = json::object();
        for (auto const& [name, value] : schema.items()) {
            if (why_) return mine;
            take(name, value, place + '/' + pointer_part(name), mine, rules);
        }
        schemas_[mine] = {{"allOf", json::array({{{schema_step, true}}, std::move(rules)})}};
        return mine;
    }

    void take(std::string const& name, json const& value, std::string const& place, std::size_t mine, json& rules) {
        if (name.starts_with("x-") || (name == "$id" && mine == 0)) return;
        auto const* const known = std::find_if(std::begin(schema_keywords), std::end(schema_keywords), [&](auto const& each) { return each.name == name; });
        if (known == std::end(schema_keywords)) return wrong(place, "the keyword " + cut_and_quoted(name) + " is not known here");
        auto const child = [&](json const& of, std::string const& at) {
            auto const made = number(of, at);
            if (known->same_value) same_value_[mine].push_back(made);
            return reference(made);
        };
        auto const list = [&] {
            json out = json::array();
            for (std::size_t i = 0; i < value.size(); ++i) out.push_back(child(value[i], place + '/' + std::to_string(i)));
            rules[name] = std::move(out);
        };
        switch (known->what) {
            case schema_kind::remark: return;
            case schema_kind::any: rules[name] = value; return;
            case schema_kind::schema:
                if (value.is_boolean() && name.starts_with("additional")) rules[name] = value;
                else rules[name] = child(value, place);
                return;
            case schema_kind::schema_list:
                if (!value.is_array() || value.empty()) return wrong(place, "a list of schemas, not empty");
                return list();
            case schema_kind::schema_or_list:
                if (value.is_array()) return list();
                rules[name] = child(value, place);
                return;
            case schema_kind::schema_map: {
                if (!value.is_object()) return wrong(place, "an object of schemas");
                json out = json::object();
                for (auto const& [key, each] : value.items()) {
                    if (!check_name(key, place)) return;
                    out[key] = child(each, place + '/' + pointer_part(key));
                }
                if (name == "properties") rules[name] = std::move(out);    // the others are there to be referred to
                return;
            }
            case schema_kind::dependencies: {
                if (!value.is_object()) return wrong(place, "an object of schemas and lists of names");
                json out = json::object();
                for (auto const& [key, each] : value.items()) {
                    auto const at = place + '/' + pointer_part(key);
                    if (!check_name(key, place) || (each.is_array() && !check_names(each, at))) return;
                    out[key] = each.is_array() ? each : child(each, at);
                }
                rules[name] = std::move(out);
                return;
            }
            case schema_kind::count:
                if (!value.is_number_unsigned() || value.get<std::uint64_t>() > (std::uint64_t{1} << 53)) return wrong(place, "a whole number from 0");
                rules[name] = value;
                return;
            case schema_kind::number:
                if (!value.is_number()) return wrong(place, "a number");
                rules[name] = value;
                return;
            case schema_kind::positive:
                if (!value.is_number() || value <= 0) return wrong(place, "a number above 0");
                rules[name] = value;
                return;
            case schema_kind::flag:
                if (!value.is_boolean()) return wrong(place, "true or false");
                if (value.get<bool>()) rules[schema_unique] = true;
                return;
            case schema_kind::type: return take_type(value, place, rules);
            case schema_kind::values:
                if (!value.is_array() || value.empty()) return wrong(place, "a list of values, not empty");
                rules[name] = value;
                return;
            case schema_kind::names:
                if (!check_names(value, place)) return;
                if (!value.empty()) rules[name] = value;
                return;
            case schema_kind::pattern:
                if (!value.is_string()) return wrong(place, "a regex");
                return take_pattern(value.get_ref<std::string const&>(), "pattern " + cut_and_quoted(value.get_ref<std::string const&>()), place, rules);
            case schema_kind::format:
                if (!value.is_string()) return wrong(place, "the name of a format");
                for (auto const& each : formats)
                    if (value == each.name) return take_pattern(each.regex, "format " + std::string{each.name}, place, rules);
                return;
            case schema_kind::reference:
                if (!value.is_string()) return wrong(place, "a text");
                return take_reference(value.get_ref<std::string const&>(), place, mine);
        }
    }

    void take_type(json const& value, std::string const& place, json& rules) {
        auto const is_type = [](json const& of) {
            return of.is_string() && std::any_of(types.begin(), types.end(), [&](auto const* each) { return of == each; });
        };
        if (!is_type(value) && !(value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), is_type)))
            return wrong(place, "one of array, boolean, integer, null, number, object, string, or a list of them");
        rules["type"] = value;
    }

    void take_pattern(std::string_view regex, std::string rule, std::string const& place, json& rules) {
        auto made = pcre2_pattern::compile(regex, {.unicode = true});
        if (!made) return wrong(place, "no regex: " + made.error().text());
        // A schema may have both a pattern and a format.
        rules[schema_pattern].push_back(patterns_.size());
        patterns_.push_back({std::move(*made), std::move(rule)});
    }

    void take_reference(std::string const& to, std::string const& place, std::size_t mine) {
        if (!to.starts_with('#')) return wrong(place, "a schema refers to places in itself alone, \"#/...\": nothing is fetched");
        std::string target;
        for (std::size_t i = 1; i < to.size(); ++i) {
            auto const digit = [&](std::size_t at) {
                auto const c = at < to.size() ? to[at] : '?';
                return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
            };
            if (to[i] == '%' && digit(i + 1) >= 0 && digit(i + 2) >= 0) {
                target += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
                i += 2;
            } else target += to[i];
        }
        references_.push_back({mine, std::move(target), place});
    }

    // The validator takes names for C's strings.
    bool check_name(std::string const& name, std::string const& place) {
        if (name.find('\0') != name.npos) wrong(place, "a name has no zero byte");
        return !why_;
    }
    bool check_names(json const& value, std::string const& place) {
        if (!value.is_array() || std::any_of(value.begin(), value.end(), [](auto const& each) { return !each.is_string(); })) wrong(place, "a list of names");
        if (why_) return false;
        for (auto const& each : value)
            if (!check_name(each.template get_ref<std::string const&>(), place)) return false;
        return true;
    }

    // A schema that comes back to itself at the same value would never end; a long chain would need much stack.
    void check_circles() {
        std::vector<std::size_t> length(schemas_.size(), 0);    // 0: not seen
        std::vector<bool> open(schemas_.size(), false);
        struct frame {
            std::size_t at;
            std::size_t next = 0;
        };
        for (std::size_t first = 0; first < schemas_.size(); ++first) {
            if (length[first] != 0) continue;
            std::vector<frame> stack{{first}};
            open[first] = true;
            while (!stack.empty()) {
                auto& top = stack.back();
                auto const& below = same_value_[top.at];
                if (top.next == below.size()) {
                    std::size_t longest = 0;
                    for (auto const each : below) longest = std::max(longest, length[each]);
                    length[top.at] = longest + 1;
                    if (length[top.at] > longest_chain)
                        return wrong(place_of(top.at), "more than " + std::to_string(longest_chain) + " schemas stand in each other for one value");
                    open[top.at] = false;
                    stack.pop_back();
                    continue;
                }
                auto const next = below[top.next++];
                if (open[next]) return wrong(place_of(next), "the schema comes back to itself for the same value");
                if (length[next] != 0) continue;
                open[next] = true;
                stack.push_back({next});
            }
        }
    }
    std::string place_of(std::size_t of) const {
        for (auto const& [place, at] : places_)
            if (at == of) return place;
        return {};
    }

    json schemas_ = json::array();
    std::map<std::string, std::size_t> places_;    // JSON pointers of schemas
    std::vector<std::vector<std::size_t>> same_value_;
    std::vector<waiting> references_;
    std::vector<json_pattern> patterns_;
    std::optional<failure> why_;
};

}  // namespace muster::detail
