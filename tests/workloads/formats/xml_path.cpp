#include <muster/workloads/formats/xml_path.hpp>

#include "catch.hpp"
#include "xml_texts.hpp"

using namespace muster;
using namespace muster::xml;
using names = std::vector<std::string>;

namespace {

names found(std::string const& text, std::string const& xpath) {
    auto const from = of_text(text);
    names out;
    for (auto const& each : nodes_of(from, rule_of_xpath(from, xpath).value())) out.push_back(each.text);
    return out;
}
std::string refused(std::string const& text, std::string const& xpath, path_options options = {}, limits by = {}) {
    auto const made = rule_of_xpath(of_text(text), xpath, options, by);
    return made ? "taken" : to_string(made.error());
}

}  // namespace

TEST_CASE("xml::rule_of_xpath: elements that an XPath finds are the nodes, whatever their namespace", "[xml][path]") {
    std::string const text = R"(<?xml version="1.0"?><!-- synthetic --><p:r xmlns:p="u" xmlns="v"><a k="1"><b/></a><![CDATA[<a/>]]><p:a k="2"/><c><a k="3">x</a></c></p:r>)";
    CHECK(found(text, "//a") == names{R"(<a xmlns="v" k="1"><b/></a>)", R"(<p:a xmlns:p="u" k="2"/>)", R"(<a xmlns="v" k="3">x</a>)"});
    CHECK(found(text, "/r/a[@k > 1]") == names{R"(<p:a xmlns:p="u" k="2"/>)"});
    CHECK(found(text, "//a[text() = 'x'] | //b") == names{"<b xmlns=\"v\"/>", R"(<a xmlns="v" k="3">x</a>)"});
    CHECK(found(text, "//*[last()]").size() == 1);    // an element in a node is no node
}

TEST_CASE("xml::rule_of_xpath: every element has the number that the splitter counts", "[xml][path]") {
    std::string text = "<r>";
    for (int i = 0; i < 300; ++i) text += "<!-- c -->" + repeated("<x>", static_cast<std::size_t>(i % 7)) + "t<n i='" + std::to_string(i) + "'/>" + repeated("</x>", static_cast<std::size_t>(i % 7)) + "<?p i?>\n";
    text += "</r>";
    for (int i = 0; i < 300; i += 37) CHECK(found(text, "//n[@i = " + std::to_string(i) + "]") == names{"<n i=\"" + std::to_string(i) + "\"/>"});
}

TEST_CASE("xml::rule_of_xpath: what is no XPath, or finds no elements, is refused and named", "[xml][path]") {
    CHECK(refused("<a/>", "//[") == "invalid input: the XPath \"//[\" is none: at offset 2: Unrecognized node test");
    CHECK(refused("<a/>", "count(//a)") == "invalid input: the XPath \"count(//a)\" gives no elements");
    CHECK(refused("<a x='1'/>", "//@x") == "invalid input: the XPath \"//@x\" finds what is no element");
    CHECK(refused("<a>t</a>", "//text()") == "invalid input: the XPath \"//text()\" finds what is no element");
    CHECK(refused("<a/>", "/") == "invalid input: the XPath \"/\" finds what is no element");
    CHECK(refused("<a/>", "//b") == "invalid input: the XPath \"//b\" finds nothing in the text");
    CHECK(has(refused("<a/>", ""), "is none"));
    CHECK(has(refused("<a/>", std::string{"//a\0]", 5}), "zero byte"));
    CHECK(has(refused("<a/>", repeated("(", 100'000)), "is none"));
}

TEST_CASE("xml::rule_of_xpath: a hostile document is refused before a tree is made of it", "[xml][path][hostile]") {
    CHECK(has(refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "//a"), "a DOCTYPE is refused"));
    CHECK(has(refused(repeated("<a>", 200), "//a"), "deeper than 128 levels"));
    CHECK(has(refused("<a>" + repeated("<b/>", 100) + "</a>", "//b", {.max_elements = 100}), "more than 100 elements"));
    CHECK(has(refused("<a>" + std::string(1'000, 'x') + "</a>", "//a", {.max_document = 1'000}), "has more than 1000 bytes"));
    // Escaped it would be larger than what is allowed.
    CHECK(has(refused("<a><![CDATA[" + std::string(900, '<') + "]]></a>", "//a", {.max_document = 1'000}), "has more than 1000 bytes"));
    CHECK(has(refused("<a>\xff</a>", "//a"), "not well-formed"));
    CHECK(has(refused("<a></b>", "//a"), "mismatched tag"));
    CHECK(has(refused("<a b='1'", "//a"), "unclosed token"));
}
