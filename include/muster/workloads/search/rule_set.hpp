#pragma once

#include <algorithm>        // find
#include <cstddef>          // size_t
#include <cstdint>          // uint32_t
#include <memory>           // shared_ptr
#include <set>              // names
#include <span>             // patterns
#include <string>           // names
#include <utility>          // move
#include <vector>           // rules

#include <muster/adapt/pcre2.hpp>                          // pcre2_pattern
#include <muster/core/json.hpp>                            // json_text
#include <muster/workloads/search/collected_system.hpp>    // collected_system
#include <muster/workloads/search/engine.hpp>              // line_pattern
#include <muster/workloads/search/rule.hpp>                // rule

namespace muster::searching {

/// Why a rule cannot be used.
struct rule_fault {
    std::size_t rule = 0;    ///< its index among those that were given
    std::string text{};
    friend bool operator==(rule_fault const&, rule_fault const&) = default;
};

/// Rules that can be used: checked and compiled.
///
/// Shape      rules are numbered in their order. Their regexes are numbered apart, as `patterns`: of each rule its delimiter, where it has one,
///            and then its own.
/// Threads    any number: it never changes.
/// Lifetime   copies share what they hold.
class rule_set {
public:
    struct checked;

    rule_set() : made_(std::make_shared<parts const>()) {}
    /// Keeps the rules that are right, in their order, and says of each other what is wrong: no name or one that another rule has,
    /// a regex that PCRE2 refuses, a field that is no named group of it, records without a named group or with more than 64 fields, a
    /// delimiter without records.
    [[nodiscard]] static checked check(std::vector<rule> rules);

    [[nodiscard]] std::size_t size() const noexcept { return made_->rules.size(); }
    [[nodiscard]] rule const& operator[](std::size_t rule) const noexcept { return made_->rules[rule]; }
    [[nodiscard]] std::vector<rule> const& rules() const noexcept { return made_->rules; }
    /// The names of a rule's fields: those it asks for, else all its named groups in their order.
    [[nodiscard]] std::vector<std::string> const& columns(std::size_t rule) const noexcept { return made_->columns[rule].names; }
    /// Whether a rule is tried on the files of a system.
    [[nodiscard]] bool applies(std::size_t rule, collected_system const& system) const;

    struct pattern_use {
        std::size_t rule = 0;
        bool is_delimiter = false;
    };
    /// What engines are made for.
    [[nodiscard]] std::vector<line_pattern> const& patterns() const noexcept { return made_->patterns; }
    [[nodiscard]] pattern_use pattern(std::size_t pattern) const noexcept { return made_->uses[pattern]; }
    [[nodiscard]] pcre2_pattern const& compiled(std::size_t pattern) const noexcept { return made_->compiled[pattern]; }
    /// The groups of a rule's regex for each of its columns: several where a name is given twice.
    [[nodiscard]] std::vector<std::vector<std::uint32_t>> const& groups(std::size_t rule) const noexcept { return made_->columns[rule].groups; }

private:
    struct columns_of {
        std::vector<std::string> names;
        std::vector<std::vector<std::uint32_t>> groups;
    };
    struct parts {
        std::vector<rule> rules;
        std::vector<columns_of> columns;
        std::vector<line_pattern> patterns;
        std::vector<pattern_use> uses;
        std::vector<pcre2_pattern> compiled;
    };
    static outcome<columns_of> columns_from(rule const& of, pcre2_pattern const& regex);

    std::shared_ptr<parts const> made_;
};

struct rule_set::checked {
    rule_set rules{};
    std::vector<std::size_t> kept{};      ///< for each rule of the set its index among those that were given
    std::vector<rule_fault> faults{};
};

// Implementation

inline outcome<rule_set::columns_of> rule_set::columns_from(rule const& of, pcre2_pattern const& regex) {
    columns_of made{.names = of.fields, .groups = {}};
    auto const has = [](std::vector<std::string> const& names, std::string const& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (made.names.empty())
        for (auto const& named : regex.names())
            if (!has(made.names, named.name)) made.names.push_back(named.name);
    for (auto const& name : made.names) {
        auto& groups = made.groups.emplace_back();
        for (auto const& named : regex.names())
            if (named.name == name) groups.push_back(named.group);
        if (groups.empty()) return failure{cause::invalid_input, "the field " + json_text(name) + " is no named group of the regex"};
    }
    if (of.records && made.names.empty()) return failure{cause::invalid_input, "records are made of named groups, and the regex has none"};
    if (of.records && made.names.size() > 64)
        return failure{cause::invalid_input, "records have at most 64 fields, and this one " + std::to_string(made.names.size())};
    return made;
}

inline rule_set::checked rule_set::check(std::vector<rule> rules) {
    parts made;
    checked out;
    std::set<std::string> names;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        auto& each = rules[i];
        auto const fault = [&](std::string text) { out.faults.push_back({i, std::move(text)}); };
        if (each.name.empty()) {
            fault("a rule needs a name");
            continue;
        }
        if (names.contains(each.name)) {
            fault("the name is that of another rule");
            continue;
        }
        if (!each.records && (!each.record_delimiter.empty() || each.merge_fields)) {
            fault("a record delimiter and merged fields are for a rule of records");
            continue;
        }
        pcre2_options const how{.ignore_case = each.ignore_case};
        auto regex = pcre2_pattern::compile(each.regex, how);
        if (!regex) {
            fault("the regex is wrong " + regex.error().text());
            continue;
        }
        auto columns = columns_from(each, *regex);
        if (!columns) {
            fault(columns.error().text());
            continue;
        }
        if (!each.record_delimiter.empty()) {
            auto delimiter = pcre2_pattern::compile(each.record_delimiter, how);
            if (!delimiter) {
                fault("the record delimiter is wrong " + delimiter.error().text());
                continue;
            }
            made.patterns.push_back({each.record_delimiter, each.ignore_case});
            made.uses.push_back({made.rules.size(), true});
            made.compiled.push_back(std::move(*delimiter));
        }
        made.patterns.push_back({each.regex, each.ignore_case});
        made.uses.push_back({made.rules.size(), false});
        made.compiled.push_back(std::move(*regex));
        made.columns.push_back(std::move(*columns));
        names.insert(each.name);
        out.kept.push_back(i);
        made.rules.push_back(std::move(each));
    }
    out.rules.made_ = std::make_shared<parts const>(std::move(made));
    return out;
}

inline bool rule_set::applies(std::size_t rule, collected_system const& system) const {
    for (auto const& condition : made_->rules[rule].systems)
        if (!condition.holds(system)) return false;
    return true;
}

}  // namespace muster::searching
