#pragma once

#include <algorithm>        // find, any_of
#include <array>            // names
#include <charconv>         // from_chars
#include <cstddef>          // size_t
#include <cstdint>          // int64_t
#include <functional>       // what to do at an include
#include <optional>         // values
#include <span>             // names
#include <string>           // texts
#include <string_view>      // text
#include <type_traits>      // type_identity
#include <unordered_map>    // names that are taken
#include <utility>          // move
#include <vector>           // rules, flaws

#include <muster/workloads/search/detail/nearest_name.hpp>    // did_you_mean
#include <muster/workloads/search/detail/yaml_tree.hpp>       // yaml_tree
#include <muster/workloads/search/rule.hpp>                   // rule
#include <muster/workloads/search/rule_flaw.hpp>              // rule_flaw, rule_place

namespace muster::searching::detail {

struct rules_include {
    std::string path{};
    text_place at{};
    std::string name{};    // what it stands below
};

struct found_rules {
    std::vector<rule> rules{};
    std::vector<rule_place> places{};
    std::vector<rule_flaw> flaws{};
    std::size_t more_flaws = 0;
};

// Takes rules from texts, one after the other, and from one within another where that one includes it.
class rules_reader {
public:
    using at_include = std::function<void(rules_include const&)>;

    explicit rules_reader(std::size_t most_flaws) : most_flaws_(most_flaws) {}

    void read(std::string_view text, std::string const& file, at_include const& include);
    void say(std::string const& file, text_place at, std::string_view rule, std::string text) {
        if (found_.flaws.size() >= most_flaws_) ++found_.more_flaws;
        else found_.flaws.push_back({{file, at.line, at.column}, std::string{rule}, std::move(text)});
    }
    [[nodiscard]] found_rules take() && { return std::move(found_); }

private:
    class document;
    std::size_t most_flaws_;
    found_rules found_;
    std::unordered_map<std::string, rule_place> names_;    // also of rules that were left out
};

// Implementation

// A name and what it stands for; the first of equal meaning is the one that is told.
template <class T>
struct named {
    std::string_view name;
    T is;
};

enum class rule_option : std::uint8_t {
    regex, comment, ignore_case, only_matching, fields, records, record_delimiter, merge_fields, unique, max_results, full_scan, show_missing, systems
};

inline constexpr std::array<named<rule_option>, 17> rule_options{{
    {"regex", rule_option::regex}, {"comment", rule_option::comment}, {"ignore_case", rule_option::ignore_case},
    {"only_matching", rule_option::only_matching}, {"field_list", rule_option::fields}, {"fields", rule_option::fields},
    {"multiline", rule_option::records}, {"records", rule_option::records}, {"rs_delimiter", rule_option::record_delimiter},
    {"record_delimiter", rule_option::record_delimiter}, {"merge_fields", rule_option::merge_fields}, {"unique", rule_option::unique},
    {"max_results", rule_option::max_results}, {"full_scan", rule_option::full_scan}, {"show_missing", rule_option::show_missing},
    {"sys_filter", rule_option::systems}, {"systems", rule_option::systems}}};

inline constexpr std::array<named<system_attribute>, 12> attributes{{
    {"os_family", system_attribute::family}, {"family", system_attribute::family}, {"os_version", system_attribute::version},
    {"version", system_attribute::version}, {"os_product", system_attribute::product}, {"product", system_attribute::product},
    {"distro_family", system_attribute::distribution}, {"distribution", system_attribute::distribution},
    {"producer", system_attribute::producer}, {"producer_version", system_attribute::producer_version},
    {"name", system_attribute::name}, {"host_name", system_attribute::name}}};

inline constexpr std::array<named<comparison>, 7> comparisons{{
    {"eq", comparison::equal}, {"ne", comparison::not_equal}, {"lt", comparison::less}, {"le", comparison::less_or_equal},
    {"gt", comparison::greater}, {"ge", comparison::greater_or_equal}, {"in", comparison::among}}};

enum class condition_part : std::uint8_t { attribute, comparison, value };
inline constexpr std::array<named<condition_part>, 3> condition_parts{{
    {"attr", condition_part::attribute}, {"comp", condition_part::comparison}, {"value", condition_part::value}}};

template <class T>
std::optional<T> meaning_of(std::string_view name, std::span<named<T> const> of) {
    for (auto const& each : of)
        if (each.name == name) return each.is;
    return std::nullopt;
}

// "there is no option "regx"; did you mean "regex"?"
template <class T>
std::string no_such(std::string_view what, std::string_view name, std::span<named<T> const> of) {
    std::vector<std::string_view> known;
    for (auto const& each : of) known.push_back(each.name);
    return "there is no " + std::string{what} + ' ' + in_quotes(name) + did_you_mean(name, known);
}

// One text: its rules go to the reader.
class rules_reader::document {
public:
    document(rules_reader& to, yaml_tree const& tree, std::string const& file, at_include const& include)
        : to_(to), tree_(tree), file_(file), include_(include) {}

    void read();

private:
    void say(text_place at, std::string text) {
        sound_ = false;
        to_.say(file_, at, rule_, std::move(text));
    }
    void say(std::size_t node, std::string text) { say(tree_[node].at, std::move(text)); }

    // A key's text; none where it is no text, which is a flaw.
    std::string_view key_of(std::size_t node);
    std::string_view kind_of(std::size_t node) const;

    void read_rule(std::size_t key, std::size_t value);
    void read_includes(std::size_t key, std::size_t value);
    void read_options(std::size_t mapping, rule& into, bool global);
    void read_option(rule_option which, std::string_view name, std::size_t value, rule& into);
    void read_text(std::string_view name, std::size_t value, std::string& into);
    void read_flag(std::string_view name, std::size_t value, bool& into);
    void read_count(std::string_view name, std::size_t value, std::size_t& into);
    void read_fields(std::string_view name, std::size_t value, std::vector<std::string>& into);
    void read_systems(std::string_view name, std::size_t value, std::vector<system_condition>& into);
    void read_condition(std::size_t node, std::vector<system_condition>& into);
    void read_values(std::size_t node, system_condition& into);

    rules_reader& to_;
    yaml_tree const& tree_;
    std::string const& file_;
    at_include const& include_;
    rule defaults_{};
    std::string rule_{};     // the one that is read
    bool sound_ = true;      // no flaw since it was set
};

inline void rules_reader::read(std::string_view text, std::string const& file, at_include const& include) {
    yaml_tree tree;
    if (auto flaw = yaml_tree::read(text, tree)) return say(file, flaw->at, {}, std::move(flaw->text));
    document{*this, tree, file, include}.read();
}

inline std::string_view rules_reader::document::kind_of(std::size_t node) const {
    switch (tree_[node].kind) {
        case yaml_kind::none: return "nothing";
        case yaml_kind::scalar: return "a text";
        case yaml_kind::list: return "a list";
        case yaml_kind::mapping: return "a mapping";
        case yaml_kind::alias: return "an alias, which rules have none of";
    }
    return "nothing";
}

inline std::string_view rules_reader::document::key_of(std::size_t node) {
    if (tree_[node].kind != yaml_kind::scalar) {
        say(node, "a name is a text, not " + std::string{kind_of(node)});
        return {};
    }
    auto const& name = tree_[node].text;
    auto const control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (name.empty() || name.size() > 128 || std::any_of(name.begin(), name.end(), control)) {
        say(node, "a name has 1 to 128 bytes, no control characters among them, not " + in_quotes(name));
        return {};
    }
    return name;
}

inline void rules_reader::document::read() {
    if (tree_[0].kind == yaml_kind::none) return;
    if (tree_[0].kind != yaml_kind::mapping)
        return say(0, "a file of rules is a mapping of names to rules, not " + std::string{kind_of(0)});
    auto const is_include = [](std::string_view name) { return name == "include" || name == "includes" || name.starts_with("include_"); };
    // Wherever it stands, global holds for the rules before it, too.
    std::optional<std::size_t> global;
    tree_.each_pair(0, [&](std::size_t key, std::size_t value) {
        if (tree_[key].kind != yaml_kind::scalar || tree_[key].text != "global") return;
        rule_.clear();
        if (global) return say(key, "\"global\" is there twice; first in line " + std::to_string(tree_[*global].at.line));
        global = key;
        if (tree_[value].kind == yaml_kind::mapping) read_options(value, defaults_, true);
        else if (tree_[value].kind != yaml_kind::none) say(value, "\"global\" is a mapping of options, not " + std::string{kind_of(value)});
    });
    std::unordered_map<std::string_view, std::size_t> includes;
    tree_.each_pair(0, [&](std::size_t key, std::size_t value) {
        rule_.clear();
        auto const name = key_of(key);
        if (name.empty() || name == "global") return;
        if (!is_include(name)) return read_rule(key, value);
        rule_ = name;
        if (auto const [first, fresh] = includes.emplace(name, key); !fresh)
            return say(key, in_quotes(name) + " is there twice; first in line " + std::to_string(tree_[first->second].at.line));
        read_includes(key, value);
    });
}

inline void rules_reader::document::read_includes(std::size_t key, std::size_t value) {
    auto const file = [&](std::size_t node) {
        auto const& each = tree_[node];
        auto const control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
        if (each.kind != yaml_kind::scalar) return say(node, "a file to include is a text, not " + std::string{kind_of(node)});
        if (each.text.empty() || each.text.size() > 4'096 || std::any_of(each.text.begin(), each.text.end(), control))
            return say(node, "a path has 1 to 4096 bytes, no control characters among them, not " + in_quotes(each.text));
        include_({each.text, each.at, rule_});
    };
    auto const files = [&](std::size_t node) {
        if (tree_[node].kind == yaml_kind::list) tree_.each_item(node, file);
        else file(node);
    };
    if (tree_[value].kind != yaml_kind::mapping) return files(value);
    bool named = false;
    tree_.each_pair(value, [&](std::size_t part, std::size_t below) {
        auto const name = key_of(part);
        if (name.empty()) return;
        if (name != "files") {
            constexpr std::array<std::string_view, 1> known{"files"};
            return say(part, "there is no option " + in_quotes(name) + " here, as " + in_quotes(rule_) + " names files to include" + did_you_mean(name, known));
        }
        if (std::exchange(named, true)) return say(part, "\"files\" is there twice");
        files(below);
    });
    if (!named) say(key, in_quotes(rule_) + " includes nothing: it needs \"files\", a list of paths");
}

inline void rules_reader::document::read_rule(std::size_t key, std::size_t value) {
    sound_ = true;
    rule_ = tree_[key].text;
    rule_place const place{file_, tree_[key].at.line, tree_[key].at.column};
    if (auto const [first, fresh] = to_.names_.emplace(rule_, place); !fresh) {
        auto const& at = first->second;
        say(key, "a rule of this name is there already, in " + (at.file == file_ ? std::string{} : json_text(at.file) + ", ") + "line " + std::to_string(at.line));
    }
    if (tree_[value].kind != yaml_kind::mapping) return say(value, "a rule is a mapping of options, not " + std::string{kind_of(value)});
    auto made = defaults_;
    made.name = rule_;
    read_options(value, made, false);
    if (!sound_) return;
    to_.found_.rules.push_back(std::move(made));
    to_.found_.places.push_back(place);
}

inline void rules_reader::document::read_options(std::size_t mapping, rule& into, bool global) {
    std::vector<std::pair<rule_option, std::size_t>> seen;    // with their keys
    auto const written = [&](rule_option which) -> std::optional<std::size_t> {
        for (auto const& [option, key] : seen)
            if (option == which && tree_[tree_[key].next].kind != yaml_kind::none) return key;
        return std::nullopt;
    };
    tree_.each_pair(mapping, [&](std::size_t key, std::size_t value) {
        auto const name = key_of(key);
        if (name.empty()) return;
        auto const which = meaning_of<rule_option>(name, rule_options);
        if (!which) return say(key, no_such<rule_option>("option", name, rule_options));
        if (global && (*which == rule_option::regex || *which == rule_option::comment))
            return say(key, in_quotes(name) + " is for one rule: \"global\" has none");
        for (auto const& [option, first] : seen)
            if (option == *which)
                return say(key, in_quotes(name) + (tree_[first].text == name ? " is there twice; first" : " means what " + in_quotes(tree_[first].text) + " says") +
                                    " in line " + std::to_string(tree_[first].at.line));
        seen.emplace_back(*which, key);
        if (tree_[value].kind != yaml_kind::none) read_option(*which, name, value, into);    // nothing written is nothing said
    });
    if (global) return;
    if (!written(rule_option::regex)) say(mapping, "there is no regex, and a rule needs one");
    if (into.records) return;
    if (auto const key = written(rule_option::record_delimiter)) say(*key, in_quotes(tree_[*key].text) + " is for a rule of records: it needs multiline: true");
    if (auto const key = written(rule_option::merge_fields); key && into.merge_fields)
        say(*key, in_quotes(tree_[*key].text) + " is for a rule of records: it needs multiline: true");
    into.record_delimiter.clear();    // what is left is of global, for the rules of records
    into.merge_fields = false;
}

inline void rules_reader::document::read_option(rule_option which, std::string_view name, std::size_t value, rule& into) {
    switch (which) {
        case rule_option::regex: return read_text(name, value, into.regex);
        case rule_option::comment: return read_text(name, value, into.comment);
        case rule_option::ignore_case: return read_flag(name, value, into.ignore_case);
        case rule_option::only_matching: return read_flag(name, value, into.only_matching);
        case rule_option::fields: return read_fields(name, value, into.fields);
        case rule_option::records: return read_flag(name, value, into.records);
        case rule_option::record_delimiter: return read_text(name, value, into.record_delimiter);
        case rule_option::merge_fields: return read_flag(name, value, into.merge_fields);
        case rule_option::unique: return read_flag(name, value, into.unique);
        case rule_option::max_results: return read_count(name, value, into.max_results);
        case rule_option::full_scan: return read_flag(name, value, into.full_scan);
        case rule_option::show_missing: return read_flag(name, value, into.show_missing);
        case rule_option::systems: return read_systems(name, value, into.systems);
    }
}

inline void rules_reader::document::read_text(std::string_view name, std::size_t value, std::string& into) {
    auto const& node = tree_[value];
    if (node.kind != yaml_kind::scalar) return say(value, in_quotes(name) + " is a text, not " + std::string{kind_of(value)});
    if (name != "comment" && node.text.empty()) return say(value, in_quotes(name) + " is empty, and would match every line");
    if (name != "comment" && node.text.ends_with('\n'))
        return say(value, in_quotes(name) + " ends with a line feed, which is in no line: write |- or >- for | or >");
    into = node.text;
}

inline void rules_reader::document::read_flag(std::string_view name, std::size_t value, bool& into) {
    constexpr std::array<named<bool>, 6> flags{{{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}}};
    auto const& node = tree_[value];
    auto const wrong = [&](std::string const& what) { say(value, in_quotes(name) + " is true or false, not " + what); };
    if (node.kind != yaml_kind::scalar) return wrong(std::string{kind_of(value)});
    if (node.quoted) return wrong("the text " + in_quotes(node.text));
    for (auto const& each : flags) {
        if (!same_but_for_case(node.text, each.name)) continue;
        into = each.is;
        return;
    }
    wrong(in_quotes(node.text));
}

inline void rules_reader::document::read_count(std::string_view name, std::size_t value, std::size_t& into) {
    auto const& node = tree_[value];
    auto const wrong = [&](std::string const& what) {
        say(value, in_quotes(name) + " is a whole number up to 1000000000, 0 or -1 for no limit, not " + what);
    };
    if (node.kind != yaml_kind::scalar) return wrong(std::string{kind_of(value)});
    if (node.quoted) return wrong("the text " + in_quotes(node.text));
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
    if (error != std::errc{} || end != node.text.data() + node.text.size() || number < -1 || number > 1'000'000'000) return wrong(in_quotes(node.text));
    into = number < 0 ? 0 : static_cast<std::size_t>(number);
}

inline void rules_reader::document::read_fields(std::string_view name, std::size_t value, std::vector<std::string>& into) {
    constexpr std::size_t most = 256;
    into.clear();
    auto const field = [&](std::size_t node) {
        auto const& each = tree_[node];
        if (each.kind != yaml_kind::scalar || each.text.empty()) return say(node, "a field is the name of a group, not " + (each.kind == yaml_kind::scalar ? "an empty text" : std::string{kind_of(node)}));
        if (std::find(into.begin(), into.end(), each.text) != into.end()) return say(node, "the field " + in_quotes(each.text) + " is there twice");
        if (into.size() < most) into.push_back(each.text);
    };
    if (tree_[value].kind == yaml_kind::scalar) return field(value);
    if (tree_[value].kind != yaml_kind::list) return say(value, in_quotes(name) + " is a list of the names of groups, not " + std::string{kind_of(value)});
    std::size_t count = 0;
    tree_.each_item(value, [&](std::size_t) { ++count; });
    if (count > most) return say(value, in_quotes(name) + " has " + std::to_string(count) + " fields, more than " + std::to_string(most));
    tree_.each_item(value, field);
}

inline void rules_reader::document::read_systems(std::string_view name, std::size_t value, std::vector<system_condition>& into) {
    into.clear();    // in place of those of global
    if (tree_[value].kind == yaml_kind::mapping) return read_condition(value, into);
    if (tree_[value].kind != yaml_kind::list) return say(value, in_quotes(name) + " is a list of conditions, not " + std::string{kind_of(value)});
    tree_.each_item(value, [&](std::size_t node) { read_condition(node, into); });
}

inline void rules_reader::document::read_condition(std::size_t node, std::vector<system_condition>& into) {
    if (tree_[node].kind != yaml_kind::mapping)
        return say(node, "a condition is a mapping, {attr: os_family, comp: eq, value: Linux}, not " + std::string{kind_of(node)});
    std::array<std::optional<std::size_t>, 3> parts;    // the values
    tree_.each_pair(node, [&](std::size_t key, std::size_t value) {
        auto const name = key_of(key);
        if (name.empty()) return;
        auto const which = meaning_of<condition_part>(name, condition_parts);
        if (!which) return say(key, no_such<condition_part>("part of a condition", name, condition_parts));
        auto& part = parts[static_cast<std::size_t>(*which)];
        if (part) return say(key, in_quotes(name) + " is there twice");
        part = value;
    });
    system_condition made;
    auto const chosen = [&]<class T>(condition_part which, std::string_view what, std::span<named<std::type_identity_t<T>> const> of, T& to) {
        auto const part = parts[static_cast<std::size_t>(which)];
        if (!part) return say(node, "a condition needs \"attr\", \"comp\" and \"value\"; this one has no " + in_quotes(condition_parts[static_cast<std::size_t>(which)].name));
        if (tree_[*part].kind != yaml_kind::scalar) return say(*part, std::string{what} + " is a text, not " + std::string{kind_of(*part)});
        if (auto const found = meaning_of<T>(tree_[*part].text, of)) to = *found;
        else say(*part, no_such<T>(what, tree_[*part].text, of));
    };
    // Whether this condition is sound so far is its own affair: another one's flaw hides nothing here.
    auto const before = std::exchange(sound_, true);
    chosen(condition_part::attribute, "attribute", attributes, made.attribute);
    chosen(condition_part::comparison, "comparison", comparisons, made.by);
    if (auto const value = parts[2]) {
        if (sound_) read_values(*value, made);
    } else {
        say(node, "a condition needs \"attr\", \"comp\" and \"value\"; this one has no \"value\"");
    }
    if (sound_) into.push_back(std::move(made));
    sound_ = sound_ && before;
}

inline void rules_reader::document::read_values(std::size_t node, system_condition& into) {
    auto const take = [&](std::size_t each) {
        auto const& value = tree_[each];
        if (value.kind != yaml_kind::scalar || value.text.empty())
            return say(each, "a value is a text, not " + (value.kind == yaml_kind::scalar ? "an empty one" : std::string{kind_of(each)}));
        constexpr std::array<std::string_view, 3> families{"Windows", "Linux", "Darwin"};
        auto const same = [&](std::string_view family) { return same_but_for_case(family, value.text); };
        if (into.attribute == system_attribute::family && std::none_of(families.begin(), families.end(), same))
            return say(each, in_quotes(value.text) + " is no family of systems: those are Windows, Linux and Darwin" + did_you_mean(value.text, families));
        auto const is_version = into.attribute == system_attribute::version || into.attribute == system_attribute::producer_version;
        if (is_version && (value.text.front() < '0' || value.text.front() > '9')) return say(each, in_quotes(value.text) + " is no version: it starts with no number");
        into.values.push_back(value.text);
    };
    auto const is_list = tree_[node].kind == yaml_kind::list;
    if (into.by == comparison::among) {
        if (!is_list) return say(node, "\"in\" compares with a list, not " + std::string{kind_of(node)} + ": write [" + (tree_[node].kind == yaml_kind::scalar ? std::string{cut(tree_[node].text, 64)} : "a, b") + "]");
        tree_.each_item(node, take);
        if (tree_[node].next == node + 1) say(node, "\"in\" compares with a list of 1 value or more, not an empty one");
        return;
    }
    if (is_list) return say(node, "this comparison is with one value, not a list: that is for \"in\"");
    take(node);
}

}  // namespace muster::searching::detail
