// What the tests of XML share. Every document here is synthetic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <muster/workloads/formats/xml_splitter.hpp>

#include "catch.hpp"

inline muster::xml::split_rule by_paths(std::vector<std::string> const& at) { return muster::xml::split_rule::paths(at).value(); }
inline muster::xml::document of_text(std::string text) { return muster::xml::document::of(std::move(text)); }

// Nodes of a document that has nothing wrong.
inline std::vector<muster::xml::node> nodes_of(muster::xml::document const& from, muster::xml::split_rule rule = {}, muster::xml::limits by = {}) {
    std::vector<muster::xml::node> out;
    muster::xml::splitter all{from, std::move(rule), by};
    while (auto each = all.next()) {
        if (!*each) INFO(each->error().text());
        REQUIRE(each->has_value());
        out.push_back(std::move(**each));
    }
    REQUIRE(all.is_complete());
    return out;
}
inline std::vector<muster::xml::node> nodes_of(std::string text, muster::xml::split_rule rule = {}, muster::xml::limits by = {}) {
    return nodes_of(of_text(std::move(text)), std::move(rule), by);
}

// The only node at a path, as text.
inline std::string text_at(std::string text, std::string const& path) {
    auto const found = nodes_of(std::move(text), by_paths({path}));
    REQUIRE(found.size() == 1);
    return found[0].text;
}

// How a document ends that is not read to its end.
inline muster::failure end_of(muster::xml::document const& from, muster::xml::limits by = {}, muster::xml::split_rule rule = muster::xml::split_rule::nothing()) {
    muster::xml::splitter all{from, std::move(rule), by};
    while (auto each = all.next())
        if (!*each && !all.next()) {
            CHECK(!all.is_complete());
            return std::move(*each).error();
        }
    return {muster::cause::cancelled, "was read to its end"};
}
inline std::string why_not(std::string text, muster::xml::limits by = {}) { return to_string(end_of(of_text(std::move(text)), by)); }

inline std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    out.reserve(what.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}
inline bool has(std::string_view in, std::string_view part) { return in.find(part) != in.npos; }

inline std::string utf16(std::string_view ascii, bool big) {
    std::string out = big ? "\xfe\xff" : "\xff\xfe";
    for (char const c : ascii) out += big ? std::string{'\0', c} : std::string{c, '\0'};
    return out;
}
