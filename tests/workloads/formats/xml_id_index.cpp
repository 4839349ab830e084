#include <muster/workloads/formats/xml_id_index.hpp>

#include "catch.hpp"
#include "xml_texts.hpp"

using namespace muster::xml;

TEST_CASE("xml::id_index: ids stand in attributes, in a child of the element's name, or in a first child", "[xml][id_index]") {
    std::string const text = R"(<r><a ObjectKey="A"/><b ID="B"/><c id="C"/><Passenger PassengerID="D"/><s SegmentKey="E"/><f xml:id="F"/>
<Pax><Name>x</Name><PaxID>G</PaxID></Pax><Thing><OtherID> H </OtherID></Thing><Mkt><MktId>I</MktId></Mkt>
<no PassengerID="J"/><no><x/><OtherID>K</OtherID></no><no><PaxRefID>L</PaxRefID></no><no refKey="two words"/><no><OtherID>two words</OtherID></no></r>)";
    auto const ids = read_ids(of_text(text)).value();
    for (auto const* each : {"A", "B", "C", "D", "E", "F", "G", "H", "I"}) {
        INFO(each);
        CHECK(ids.find(each));
    }
    for (auto const* each : {"J", "K", "L", "two words", ""}) CHECK(!ids.find(each));
    CHECK(ids.size() == 9);
    auto const at = ids.find("G").value();
    CHECK(text.substr(at.begin, at.end - at.begin) == "<Pax><Name>x</Name><PaxID>G</PaxID></Pax>");
    CHECK(at.line == 2);
}

TEST_CASE("xml::id_index: the first of two counts, and the other is told", "[xml][id_index]") {
    std::string const text = "<r>\n<a ID='X' n='1'/>\n<a ID='X' n='2'/>\n<a ID='Y'><b ID='Y'/></a></r>";
    auto const ids = read_ids(of_text(text)).value();
    auto const at = ids.find("X").value();
    CHECK(text.substr(at.begin, at.end - at.begin) == "<a ID='X' n='1'/>");
    CHECK(ids.duplicates() == std::vector<id_duplicate>{{"X", 2, 3}, {"Y", 4, 4}});
    CHECK(ids.duplicate_count() == 2);
    auto const outer = ids.find("Y").value();
    CHECK(text.substr(outer.begin, outer.end - outer.begin) == "<a ID='Y'><b ID='Y'/></a>");    // begun first
}

TEST_CASE("xml::id_index: what may mean something else gives way and is no duplicate", "[xml][id_index]") {
    std::string const text = "<r><Carrier><AirlineID>XX</AirlineID></Carrier><Carrier><AirlineID>XX</AirlineID></Carrier><Airline ObjectKey='XX'/><Carrier><AirlineID>XX</AirlineID></Carrier></r>";
    auto const ids = read_ids(of_text(text)).value();
    auto const at = ids.find("XX").value();
    CHECK(text.substr(at.begin, at.end - at.begin) == "<Airline ObjectKey='XX'/>");
    CHECK(ids.duplicates().empty());
}

TEST_CASE("xml::id_index: ids past the limit are counted, and duplicates past a thousand", "[xml][id_index]") {
    std::string text = "<r>", same = "<r>";
    for (int i = 0; i < 100; ++i) text += "<a ID='X" + std::to_string(i) + "'/>";
    for (int i = 0; i < 1'500; ++i) same += "<a ID='X'/>";
    auto const ids = read_ids(of_text(text + "</r>"), {.max_ids = 30}).value();
    CHECK(ids.size() == 30);
    CHECK(ids.left_out() == 70);
    auto const one = read_ids(of_text(same + "</r>")).value();
    CHECK(one.duplicates().size() == 1'000);
    CHECK(one.duplicate_count() == 1'499);
}

TEST_CASE("xml::id_index: the namespaces around an element are those of its ancestors", "[xml][id_index]") {
    auto const ids = read_ids(of_text("<r xmlns='u'><a xmlns:p='v'><b ID='X'/></a><a xmlns:p='v'><b ID='Y'/></a><b ID='Z'/></r>")).value();
    CHECK(ids.scope(ids.find("X")->scope) == std::vector<std::string_view>{" xmlns=\"u\"", " xmlns:p=\"v\""});
    CHECK(ids.find("X")->scope == ids.find("Y")->scope);
    CHECK(ids.scope(ids.find("Z")->scope) == std::vector<std::string_view>{" xmlns=\"u\""});
    CHECK(ids.scope(0).empty());
}
