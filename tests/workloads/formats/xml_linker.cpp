#include <muster/workloads/formats/xml_linker.hpp>

#include <atomic>
#include <thread>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include "xml_texts.hpp"

using namespace muster;
using namespace muster::xml;
using names = std::vector<std::string>;

namespace {

// The nodes at "n" with what they refer to.
struct linked_text {
    explicit linked_text(std::string text, link_options options = {}, limits by = {})
        : from(of_text(std::move(text))), ids(read_ids(from, by).value()), by_ids(from, ids, options, by) {}
    linked_node first() const { return by_ids.link(nodes_of(from, by_paths({"n"})).at(0)).value(); }

    document from;
    id_index ids;
    linker by_ids;
};

names texts(linked_node const& of) {
    names out;
    for (auto const& each : of.attached) out.push_back(each.text);
    return out;
}

}  // namespace

TEST_CASE("xml::linker: attaches what is referred to, and what that refers to, each once", "[xml][linker]") {
    linked_text const all{R"(<r><n refs="A B A"/>
<x ID="A"><y ref="C"/></x><x ID="B" refs="A C D"/>
<x ID="C"/><x ID="D" refs="E"/><x ID="E"/></r>)"};
    auto const one = all.first();
    CHECK(texts(one) == names{R"(<x ID="A"><y ref="C"/></x>)", R"(<x ID="B" refs="A C D"/>)", R"(<x ID="C"/>)", R"(<x ID="D" refs="E"/>)"});
    CHECK(one.attached[0] == attachment{.id = "A", .name = "x", .depth = 1, .line = 2, .text = R"(<x ID="A"><y ref="C"/></x>)"});
    CHECK(one.attached[3].depth == 2);
    CHECK(one.dangling.empty());
    CHECK(one.left_out.empty());
    CHECK(one.text() == "<n refs=\"A B A\"/>\n<x ID=\"A\"><y ref=\"C\"/></x>\n<x ID=\"B\" refs=\"A C D\"/>\n<x ID=\"C\"/>\n<x ID=\"D\" refs=\"E\"/>");
}

TEST_CASE("xml::linker: the depth is how far references are followed", "[xml][linker]") {
    std::string text = "<r><n ref='X0'/>";
    for (int i = 0; i < 20; ++i) text += "<x ID='X" + std::to_string(i) + "' ref='X" + std::to_string(i + 1) + "'/>";
    text += "</r>";
    CHECK(linked_text{text, {.depth = 0}}.first().attached.empty());
    CHECK(linked_text{text, {.depth = 1}}.first().attached.size() == 1);
    CHECK(linked_text{text, {.depth = 7}}.first().attached.size() == 7);
    auto const all = linked_text{text, {.depth = 100}}.first();
    CHECK(all.attached.size() == 20);
    CHECK(all.dangling == names{"X20"});
}

TEST_CASE("xml::linker: a circle ends where it began", "[xml][linker]") {
    auto const one = linked_text{"<r><n ID='N' ref='A'/><x ID='A' ref='B'/><x ID='B' refs='A N B'/></r>", {.depth = 50}}.first();
    CHECK(texts(one) == names{"<x ID=\"A\" ref=\"B\"/>", "<x ID=\"B\" refs=\"A N B\"/>"});
}

TEST_CASE("xml::linker: what lies in the node, or in what is attached, is not attached again", "[xml][linker]") {
    auto const one = linked_text{"<r><n refs='IN OUT INOUT'><x ID='IN'/></n><x ID='OUT'><x ID='INOUT'/></x></r>"}.first();
    CHECK(texts(one) == names{"<x ID=\"OUT\"><x ID=\"INOUT\"/></x>"});
}

TEST_CASE("xml::linker: ids that nobody has are listed once", "[xml][linker]") {
    auto const one = linked_text{"<r><n refs='A NO'/><x ID='A' refs='NEITHER NO'/></r>"}.first();
    CHECK(one.dangling == names{"NO", "NEITHER"});
}

TEST_CASE("xml::linker: what has no room is left out, and marked", "[xml][linker]") {
    std::string const text = "<r><n refs='A B C'/><x ID='A'>" + std::string(100, 'a') + "</x><x ID='B'>" + std::string(100, 'b') + "</x><x ID='C'/></r>";
    auto const one = linked_text{text, {.max_bytes = 150}}.first();
    REQUIRE(one.attached.size() == 2);
    CHECK(one.attached[1].id == "C");    // the smaller still fits
    CHECK(one.left_out == names{"B"});
    CHECK(one.text().ends_with("\n<!-- 1 more elements that it refers to are left out: there was no room -->"));
    CHECK(linked_text{text, {.max_elements = 1}}.first().left_out == names{"B", "C"});
    CHECK(linked_text{text, {}, {.max_node = 60}}.first().left_out == names{"A", "B"});
}

TEST_CASE("xml::linker: what is attached declares its namespaces, in every encoding", "[xml][linker]") {
    std::string const body = "<r xmlns='u&#233;' xmlns:p='v'><q xmlns:p='w'><p:x ID='A'><y>&#8364;</y></p:x></q><n ref='A'/></r>";
    names const wanted{"<p:x xmlns:p=\"w\" xmlns=\"ué\" ID=\"A\"><y>€</y></p:x>"};
    CHECK(texts(linked_text{body}.first()) == wanted);
    CHECK(texts(linked_text{"\xef\xbb\xbf" + body}.first()) == wanted);
    for (auto const* each : {"UTF-8", "ISO-8859-1", "US-ASCII", "windows-1252"}) CHECK(texts(linked_text{"<?xml version='1.0' encoding='" + std::string{each} + "'?>" + body}.first()) == wanted);
    for (bool const big : {false, true}) {
        CHECK(texts(linked_text{utf16(body, big)}.first()) == wanted);
        CHECK(texts(linked_text{utf16("<?xml version='1.0' encoding='UTF-16'?>" + body, big)}.first()) == wanted);
    }
    // Prefixes cannot be escaped.
    CHECK(texts(linked_text{"<r xmlns:\xc3\xa9='u'><\xc3\xa9:x ID='A'/><n ref='A'/></r>"}.first()) == names{"<é:x xmlns:é=\"u\" ID=\"A\"/>"});
    CHECK(texts(linked_text{"<?xml version='1.0' encoding='iso-8859-1'?><r xmlns:\xe9='u'><\xe9:x ID='A'/><n ref='A'/></r>"}.first()) == names{"<é:x xmlns:é=\"u\" ID=\"A\"/>"});
    CHECK(texts(linked_text{"<?xml version='1.0' encoding='cp1252'?><r xmlns:\x8a='u'><\x8a:x ID='A'/><n ref='A'/></r>"}.first()) == names{"<Š:x xmlns:Š=\"u\" ID=\"A\"/>"});
    CHECK(texts(linked_text{"<?xml version='1.0' encoding='windows-1252'?><r><x ID='A'>\x80</x><n ref='A'/></r>"}.first()) == names{"<x ID=\"A\">€</x>"});
}

TEST_CASE("xml::linker: an element of any length is read whole", "[xml][linker]") {
    for (std::size_t const length : {1u, 65'000u, 65'530u, 65'536u, 200'000u}) {
        auto const one = linked_text{"<r xmlns='u'><n ref='A'/><x ID='A'>" + std::string(length, 'x') + "</x></r>"}.first();
        REQUIRE(one.attached.size() == 1);
        CHECK(one.attached[0].text == "<x xmlns=\"u\" ID=\"A\">" + std::string(length, 'x') + "</x>");
    }
}

TEST_CASE("xml::linker: a file that has changed is no longer what was read", "[xml][linker]") {
    temporary_folder const folder;
    auto const path = folder.put("r.xml", "<r><n ref='A'/><x ID='A'/></r>");
    auto const from = document::open(path).value();
    auto const ids = read_ids(from).value();
    auto const of = nodes_of(from, by_paths({"n"})).at(0);
    linker const by{from, ids};
    CHECK(by.link(of).has_value());
    folder.put("r.xml", "<r><n ref='A'/><x ID='B'/></r>");
    auto const why = by.link(of).error();
    CHECK(why.is(cause::unavailable));
    CHECK(has(why.text(), "the document has changed since it was read"));
    folder.put("r.xml", "<r>");
    CHECK(by.link(of).error().is(cause::unavailable));
}

TEST_CASE("xml::linker: any number of threads link at once", "[xml][linker]") {
    std::string text = "<r>";
    for (int i = 0; i < 50; ++i) text += "<n refs='X" + std::to_string(i) + " X" + std::to_string((i + 1) % 50) + "'/><x ID='X" + std::to_string(i) + "'/>";
    auto const from = of_text(text + "</r>");
    auto const ids = read_ids(from).value();
    auto const all = nodes_of(from, by_paths({"n"}));
    linker const by{from, ids};
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (auto const& each : all) {
                    auto const one = by.link(each);
                    wrong += !one || one->attached.size() != 2;
                }
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("xml::linker: references and ids without number take bounded time", "[xml][linker][hostile]") {
    // Each refers to all others: followed without a bound this would be the square of them.
    std::string every;
    for (int i = 0; i < 1'000; ++i) every += " X" + std::to_string(i);
    std::string text = "<r><n refs='" + every + "'/>";
    for (int i = 0; i < 1'000; ++i) text += "<x ID='X" + std::to_string(i) + "' refs='" + every + "'/>";
    auto const one = linked_text{text + "</r>", {.depth = 100}}.first();
    CHECK(one.attached.size() + one.left_out.size() == 1'000);
    CHECK(one.text().size() < 400 * KiB);
}
