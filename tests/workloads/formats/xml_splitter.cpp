#include <muster/workloads/formats/xml_splitter.hpp>

#include <cstdio>
#include <iterator>
#include <stdexcept>

#include <malloc.h>          // malloc_trim
#include <sys/resource.h>    // getrusage

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"
#include "xml_texts.hpp"

using namespace muster;
using namespace muster::xml;
using names = std::vector<std::string>;

static_assert(std::is_nothrow_move_constructible_v<splitter> && !std::is_copy_constructible_v<splitter>);
static_assert(std::input_iterator<splitter::iterator>);

namespace {

names paths(std::vector<node> const& of) {
    names out;
    for (auto const& each : of) out.push_back(each.path);
    return out;
}
names ids(std::vector<node> const& of) {
    names out;
    for (auto const& each : of) out.push_back(each.id);
    return out;
}

// 15.2 to 17.2, in an envelope of SOAP.
std::string const older = R"(<?xml version="1.0" encoding="UTF-8"?>
<!-- synthetic -->
<soap:Envelope xmlns:soap="urn:soap"><soap:Header><Passengers><No/></Passengers></soap:Header><soap:Body>
<o:OrderViewRS xmlns:o="urn:edist"><o:Response>
 <o:Passengers><o:Passenger ObjectKey="PAX1"/><o:Passenger ObjectKey="PAX2"/></o:Passengers>
 <o:Order OrderID="ORD"><o:OrderItems><o:OrderItem OrderItemID="I1"/><o:OrderItem OrderItemID="I2"><o:OrderItem/></o:OrderItem></o:OrderItems></o:Order>
 <o:DataLists><o:SegmentList><o:Segment SegmentKey="S1"/></o:SegmentList><o:Other><o:Entry ObjectKey="E1"/></o:Other></o:DataLists>
</o:Response></o:OrderViewRS></soap:Body></soap:Envelope>)";

// Later, with two namespaces.
std::string const later = R"(<IATA_OrderViewRS xmlns="urn:message" xmlns:c="urn:types"><Response>
 <DataLists><PaxList><Pax><c:Individual><c:GivenName>Zoë</c:GivenName></c:Individual><c:PaxID>PAX1</c:PaxID></Pax></PaxList><Remark><c:Text/></Remark></DataLists>
 <Order><c:OrderID>ORD</c:OrderID><OrderItem><c:OrderItemID>I1</c:OrderItemID><c:Service><c:PaxRefID>PAX1</c:PaxRefID></c:Service></OrderItem></Order>
</Response></IATA_OrderViewRS>)";

}  // namespace

TEST_CASE("xml::splitter: the natural nodes of the older shape stand in an envelope, with prefixes", "[xml][splitter]") {
    auto const found = nodes_of(older);
    std::string const in = "Envelope/Body/OrderViewRS/Response/";
    CHECK(paths(found) == names{in + "Passengers/Passenger", in + "Passengers/Passenger", in + "Order/OrderItems/OrderItem", in + "Order/OrderItems/OrderItem",
                                in + "DataLists/SegmentList/Segment", in + "DataLists/Other/Entry"});
    CHECK(ids(found) == names{"PAX1", "PAX2", "I1", "I2", "S1", "E1"});
    CHECK(found[0].text == R"(<o:Passenger xmlns:o="urn:edist" ObjectKey="PAX1"/>)");
    CHECK(found[3].text == R"(<o:OrderItem xmlns:o="urn:edist" OrderItemID="I2"><o:OrderItem/></o:OrderItem>)");
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].position == i);
    CHECK(found[0].line == 5);
    CHECK(found[5].line == 7);
    CHECK(found[5].name == "Entry");
}

TEST_CASE("xml::splitter: the natural nodes of the later shape have ids and references in elements", "[xml][splitter]") {
    auto const found = nodes_of(later);
    CHECK(paths(found) == names{"IATA_OrderViewRS/Response/DataLists/PaxList/Pax", "IATA_OrderViewRS/Response/Order/OrderItem"});
    CHECK(ids(found) == names{"PAX1", "I1"});
    CHECK(found[1].refs == names{"PAX1"});
    CHECK(found[0].text == R"(<Pax xmlns="urn:message" xmlns:c="urn:types"><c:Individual><c:GivenName>Zoë</c:GivenName></c:Individual><c:PaxID>PAX1</c:PaxID></Pax>)");
}

TEST_CASE("xml::splitter: a document of neither shape fails at its end, and says what to do", "[xml][splitter]") {
    auto const why = end_of(of_text("<a><Passengers><b/></Passengers></a>"), {}, {});
    CHECK(why.is(cause::invalid_input));
    CHECK(why.text() == "the text holds neither OrderViewRS nor IATA_OrderViewRS, whose nodes the natural rule knows: name the paths of its nodes");
    CHECK(nodes_of("<OrderViewRS/>").empty());    // nothing in it is no mistake
}

TEST_CASE("xml::splitter: each node is well-formed alone, and means the same", "[xml][splitter]") {
    CHECK(text_at("<a><b>x<![CDATA[<i>&]]]><![CDATA[]>]]></b></a>", "b") == "<b>x&lt;i&gt;&amp;]]&gt;</b>");
    CHECK(text_at("<a><b t='&quot;&#9;&#10;&lt;>'>&lt;&gt;&amp;&quot;&apos;&#13;&#x10FFFF;</b></a>", "b") ==
          "<b t=\"&quot;&#9;&#10;&lt;&gt;\">&lt;&gt;&amp;\"'&#13;\xf4\x8f\xbf\xbf</b>");
    CHECK(text_at("<a>\r\n<b>\r\nx\ry</b></a>", "b") == "<b>\nx\ny</b>");    // ends of lines are LF for every reader of XML
    CHECK(text_at("<a><b><!-- no --><?no thing?><c></c></b></a>", "b") == "<b><c/></b>");
    CHECK(text_at("<größe><π ñ='é'>日本</π></größe>", "π") == "<π ñ=\"é\">日本</π>");
    // Whatever came out goes in again as itself.
    for (auto const* each : {R"(<a><b x="1" y="&lt;">t<c/>&amp;</b></a>)", R"(<a xmlns="u" xmlns:p="v"><b p:x="1"><p:c xmlns=""><d/></p:c></b></a>)"}) {
        auto const once = text_at(each, "b");
        CHECK(text_at(once, "/b") == once);
    }
}

TEST_CASE("xml::splitter: a node declares the namespaces that it needs and no others", "[xml][splitter]") {
    CHECK(text_at(R"(<a xmlns="u" xmlns:p="v" xmlns:q="w"><b p:x="1"><c/></b></a>)", "b") == R"(<b xmlns="u" xmlns:p="v" p:x="1"><c/></b>)");
    CHECK(text_at(R"(<p:a xmlns:p="v&amp;&quot;"><b><c p:x="1"/></b></p:a>)", "b") == R"(<b xmlns:p="v&amp;&quot;"><c p:x="1"/></b>)");
    CHECK(text_at(R"(<a xmlns="u"><b xmlns="w"><c xmlns=""><d/></c></b></a>)", "b") == R"(<b xmlns="w"><c xmlns=""><d/></c></b>)");
    CHECK(text_at(R"(<a xmlns="u"><x xmlns=""><b/></x></a>)", "b") == "<b/>");
    CHECK(text_at(R"(<p:a xmlns:p="1"><p:b><p:c xmlns:p="2"/><p:d/></p:b></p:a>)", "b") == R"(<p:b xmlns:p="1"><p:c xmlns:p="2"/><p:d/></p:b>)");
    CHECK(text_at(R"(<a xmlns:t="u" xmlns:i="urn:i"><b i:type="t:Kind" other="no:such"/></a>)", "b") ==
          R"(<b xmlns:i="urn:i" xmlns:t="u" i:type="t:Kind" other="no:such"/>)");
    CHECK(text_at(R"(<a><b xml:lang="de"/></a>)", "b") == R"(<b xml:lang="de"/>)");
}

TEST_CASE("xml::splitter: paths name nodes anywhere or from the root, with letters left open", "[xml][splitter]") {
    std::string const text = "<r><Order><OrderItem/></Order><x><Order><OrderItem n='2'/></Order></x><DataLists><PaxList><Pax/></PaxList><Other><Y/></Other></DataLists></r>";
    CHECK(paths(nodes_of(text, by_paths({"Order/OrderItem"}))) == names{"r/Order/OrderItem", "r/x/Order/OrderItem"});
    CHECK(paths(nodes_of(text, by_paths({"/r/Order/OrderItem"}))) == names{"r/Order/OrderItem"});
    CHECK(paths(nodes_of(text, by_paths({"DataLists/*List/*", "x"}))) == names{"r/x", "r/DataLists/PaxList/Pax"});
    CHECK(paths(nodes_of(text, by_paths({"/*"}))) == names{"r"});
    CHECK(paths(nodes_of(text, split_rule::elements({1}))) == names{"r"});
    CHECK(paths(nodes_of(text, split_rule::elements({3, 8}))) == names{"r/Order/OrderItem", "r/DataLists/PaxList"});
    CHECK(nodes_of(text, split_rule::nothing()).empty());
}

TEST_CASE("xml::splitter: chosen nodes keep their positions among all", "[xml][splitter]") {
    splitter all{of_text(older), split_rule{}.only({"OrderItem", "Segment"})};
    std::vector<std::size_t> positions;
    for (auto& each : all) positions.push_back(each->position);
    CHECK(positions == std::vector<std::size_t>{2, 3, 4});
    CHECK(all.stats().nodes == 6);
    CHECK(all.is_complete());
    CHECK(all.ids().find("PAX1"));    // what is not chosen may be referred to
}

TEST_CASE("xml::splitter: references stand in attributes and elements of many names", "[xml][splitter]") {
    auto const found = nodes_of(R"(<a><b ObjectKey="own" refs=" A B  A own"><c ref="C"/><d SegmentRef="D" PaxRefID="E" XReferences="F"/>
        <PaxRefID>G</PaxRefID><SegmentReferences> H I
        J</SegmentReferences><x:MktRefId xmlns:x="u">K</x:MktRefId><Reference><No/>L</Reference><Ref/><preferences>no</preferences></b></a>)", by_paths({"b"}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].refs == names{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"});
    CHECK(found[0].id == "own");
    CHECK(found[0].more_refs == 0);
}

TEST_CASE("xml::splitter: references past the limit are counted", "[xml][splitter]") {
    std::string refs;
    for (int i = 0; i < 50; ++i) refs += " R" + std::to_string(i);
    auto const found = nodes_of("<a refs='" + refs + "'/>", by_paths({"a"}), {.max_refs = 20});
    CHECK(found[0].refs.size() == 20);
    CHECK(found[0].more_refs == 30);
    CHECK(nodes_of("<a refs='" + std::string(1'000, 'x') + "'/>", by_paths({"a"}))[0].refs.empty());    // no id is so long
}

TEST_CASE("xml::splitter: a node that is too large fails alone, with its path and line", "[xml][splitter]") {
    std::string const text = "<r>\n<n>1</n>\n<n>" + std::string(200, 'x') + "</n>\n<n>3</n></r>";
    splitter all{of_text(text), by_paths({"n"}), {.max_node = 100}};
    auto const first = all.next(), second = all.next(), third = all.next();
    CHECK(first->value().text == "<n>1</n>");
    CHECK(second->error().is(cause::exhausted));
    CHECK(second->error().text() == R"(the text, line 3: the node "r/n" has more than 100 bytes)");
    CHECK(third->value().text == "<n>3</n>");
    CHECK(third->value().position == 2);
    CHECK(!all.next());
    CHECK(all.is_complete());
    // Declarations of namespaces count, for they are bytes like others.
    splitter declared{of_text("<r xmlns:p='" + std::string(200, 'u') + "'><p:n/></r>"), by_paths({"n"}), {.max_node = 100}};
    CHECK(declared.next()->error().is(cause::exhausted));
}

TEST_CASE("xml::splitter: a DOCTYPE is refused at once, whatever it would declare", "[xml][splitter][hostile]") {
    std::string const bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;\">]><a>&c;</a>";
    CHECK(why_not(bomb) == "invalid input: the text, line 2, column 13: a DOCTYPE is refused: documents declare no entities here");
    for (auto const* each : {"<!DOCTYPE a><a/>", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "<!DOCTYPE a PUBLIC 'x' 'http://127.0.0.1/x'><a/>",
                             "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>", "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"})
        CHECK(has(why_not(each), "a DOCTYPE is refused"));
    CHECK(has(why_not(utf16("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", true)), "a DOCTYPE is refused"));
    // A DOCTYPE that is begun and never ends takes no more than others.
    CHECK(has(why_not("<!DOCTYPE a [" + repeated("<!ENTITY a 'b'>", 1'000'000)), "a DOCTYPE is refused"));
}

TEST_CASE("xml::splitter: what is not well-formed ends the document at its line and column", "[xml][splitter][hostile]") {
    CHECK(why_not("<a>\n <b></c></a>") == "invalid input: the text, line 2, column 7: mismatched tag");
    CHECK(why_not("<a>&nothing;</a>") == "invalid input: the text, line 1, column 4: undefined entity");
    CHECK(why_not("<p:a/>") == "invalid input: the text, line 1, column 1: unbound prefix");
    CHECK(why_not("<a p:x='1'/>") == "invalid input: the text, line 1, column 1: unbound prefix");
    CHECK(why_not("<a x='1' x='2'/>") == "invalid input: the text, line 1, column 10: duplicate attribute");
    CHECK(has(why_not("<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>"), "duplicate attribute"));
    CHECK(why_not("<a/><b/>") == "invalid input: the text, line 1, column 5: junk after document element");
    CHECK(why_not("<a/>x") == "invalid input: the text, line 1, column 5: junk after document element");
    CHECK(why_not("") == "invalid input: the text, line 1, column 1: no element found");
    CHECK(why_not("<a><b>") == "invalid input: the text, line 1, column 7: no element found");
    CHECK(why_not("<a><b x='1") == "invalid input: the text, line 1, column 4: unclosed token");
    CHECK(has(why_not("<a><![CDATA[x"), "unclosed CDATA section"));
    CHECK(has(why_not("<a>]]></a>"), "not well-formed"));
    CHECK(has(why_not("<a x='<'/>"), "not well-formed"));
    CHECK(has(why_not("<a>&#0;</a>"), "reference to invalid character number"));
    CHECK(has(why_not(std::string{"<a>\0</a>", 8}), "not well-formed"));
    CHECK(has(why_not("<a>\x01</a>"), "not well-formed"));
    CHECK(has(why_not(std::string(1'000'000, '\0')), "not well-formed"));
}

TEST_CASE("xml::splitter: bytes that are not in the encoding that was said are refused", "[xml][splitter][hostile]") {
    for (auto const* each : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
        CHECK(has(why_not("<a>" + std::string{each} + "</a>"), "not well-formed"));
    CHECK(has(why_not("<?xml version='1.0' encoding='US-ASCII'?><a>\xc3\xa4</a>"), "not well-formed"));
    CHECK(has(why_not("<?xml version='1.0' encoding='UTF-16'?><a/>"), "encoding specified in XML declaration is incorrect"));
    CHECK(why_not("<?xml version='1.0' encoding='Shift_JIS'?><a/>") ==
          "invalid input: the text, line 1, column 31: the encoding \"Shift_JIS\" is not known: UTF-8, UTF-16, ISO-8859-1, US-ASCII and windows-1252 are");
    CHECK(has(why_not("<?xml version='1.0' encoding='UTF-7'?><a>+ADw-script+AD4-</a>"), "is not known"));
    CHECK(has(why_not("<?xml version='1.0' encoding='windows-1252'?><a>\x81</a>"), "not well-formed"));    // no character
}

TEST_CASE("xml::splitter: every encoding that is known gives UTF-8", "[xml][splitter]") {
    CHECK(text_at("\xef\xbb\xbf<a>ä</a>", "a") == "<a>ä</a>");
    CHECK(text_at("<?xml version='1.0' encoding='ISO-8859-1'?><a x='\xe9'>\xe4\x80</a>", "a") == "<a x=\"é\">ä\xc2\x80</a>");
    CHECK(text_at("<?xml version='1.0' encoding='Windows-1252'?><a>\x80\x93\xe4</a>", "a") == "<a>€“ä</a>");
    CHECK(text_at(utf16("<a x='1'>y</a>", true), "a") == "<a x=\"1\">y</a>");
    CHECK(text_at(utf16("<?xml version='1.0' encoding='UTF-16'?><a>y</a>", false), "a") == "<a>y</a>");
}

TEST_CASE("xml::splitter: limits end a document with the rule that it broke", "[xml][splitter][hostile]") {
    CHECK(why_not(repeated("<a>", 128) + repeated("</a>", 128)) == "cancelled: was read to its end");
    CHECK(why_not(repeated("<a>", 129)) == "exhausted: the text, line 1, column 385: elements stand deeper than 128 levels");
    auto const with = [](int attributes) {
        std::string out = "<a";
        for (int i = 0; i < attributes; ++i) out += " a" + std::to_string(i) + "=''";
        return out + "/>";
    };
    CHECK(why_not(with(256)) == "cancelled: was read to its end");
    CHECK(why_not(with(257)) == R"(exhausted: the text, line 1, column 1: the element "a" has more than 256 attributes)");
    CHECK(has(why_not("<" + std::string(1'025, 'n') + "/>"), "a name has more than 1024 bytes"));
    CHECK(has(why_not("<a " + std::string(1'025, 'n') + "=''/>"), "a name has more than 1024 bytes"));
    CHECK(has(why_not("<a xmlns:" + std::string(1'025, 'n') + "='u'/>"), "a name has more than 1024 bytes"));
    std::string many = "<r>";
    for (int i = 0; i < 20'000; ++i) many += "<n" + std::to_string(i) + "/>";
    CHECK(has(why_not(many), "there are more than 20000 different names"));
    CHECK(has(why_not("<a/>", {.max_document = 3}), "the text has more than 3 bytes"));
    CHECK(has(why_not("<a><b/><b/></a>", {.max_elements = 2}), "there are more than 2 elements"));
    std::string declared = "<r>";
    for (int i = 0; i < 200; ++i) declared += "<n xmlns:p='" + std::string(100'000, 'u') + std::to_string(i) + "'/>";
    CHECK(has(why_not(declared), "bytes of different declarations of namespaces"));
    CHECK_THROWS_AS((splitter{of_text("<a/>"), {}, {.max_node = 0}}), std::invalid_argument);
}

TEST_CASE("xml::splitter: one tag, comment or instruction is as large as a limit, floods of small ones are read over", "[xml][splitter][hostile]") {
    std::string const much(3 * MiB, 'x');
    for (auto const& each : {"<a x='" + much + "'/>", "<a><!--" + much + "--></a>", "<a><?p " + much + "?></a>", "<" + much + "/>", "<a><!--" + much + much, "<a x='" + much + much})
        CHECK(has(why_not(each), "a tag, comment or processing instruction has more than 1048576 bytes"));
    CHECK(why_not("<a>" + much + much + "</a>") == "cancelled: was read to its end");    // text is no token
    CHECK(why_not("<a><![CDATA[" + much + much + "]]></a>") == "cancelled: was read to its end");
    CHECK(why_not(std::string(5 * MiB, ' ') + "<a/>") == "cancelled: was read to its end");
    CHECK(why_not("<a>" + repeated("<!--x-->", 300'000) + repeated("<?p x?>", 300'000) + "</a>") == "cancelled: was read to its end");
    CHECK(why_not("<a>" + repeated("&lt;", 1'000'000) + "</a>") == "cancelled: was read to its end");
}

TEST_CASE("xml::splitter: a failure names the file, and a path that cannot be read says why", "[xml][splitter]") {
    temporary_folder const folder;
    auto const file = folder.put("order.xml", "<a><b></a>");
    CHECK(end_of(document::open(file).value()).text() == "\"" + file + "\", line 1, column 9: mismatched tag");
    CHECK(document::open(folder / "absent").error().is(cause::unavailable));
    CHECK(document::open(folder.path()).error().text() == "cannot read \"" + folder.path() + "\": it is a folder");
    CHECK(document::open(std::string{"a\0b", 3}).error().is(cause::invalid_input));
}

TEST_CASE("xml::splitter: a range of blocks gives the same as one", "[xml][splitter]") {
    // Nodes of all lengths lie over the ends of blocks.
    std::string text = "<r xmlns='u'>";
    for (int i = 0; i < 3'000; ++i) text += "<n ObjectKey='K" + std::to_string(i) + "'>" + std::string(static_cast<std::size_t>(i % 200), 'x') + "</n>\n";
    text += "</r>";
    temporary_folder const folder;
    auto const in_file = nodes_of(document::open(folder.put("r.xml", text)).value(), by_paths({"n"}));
    REQUIRE(in_file.size() == 3'000);
    CHECK(in_file == nodes_of(text, by_paths({"n"})));
    for (std::size_t i = 0; i < in_file.size(); ++i) {
        auto const& each = in_file[i];
        CHECK(each.line == i + 1);
        CHECK(text.substr(each.begin, each.end - each.begin) == "<n ObjectKey='K" + std::to_string(i) + "'>" + std::string(i % 200, 'x') + "</n>");
    }
}

TEST_CASE("xml::splitter: 200 MB take no more memory than a block, a node and the ids", "[xml][splitter][forks]") {
    if (sanitized) SKIP("a sanitizer keeps memory of its own");
    temporary_folder const folder;
    auto const write = [&](std::string_view name, std::string_view head, std::string_view piece, std::size_t bytes, std::string_view tail) {
        auto const path = folder / name;
        auto* const file = std::fopen(path.c_str(), "wb");
        std::string block;
        while (block.size() < MiB) block += piece;
        std::fwrite(head.data(), 1, head.size(), file);
        for (std::size_t had = 0; had < bytes; had += block.size()) std::fwrite(block.data(), 1, block.size(), file);
        std::fwrite(tail.data(), 1, tail.size(), file);
        std::fclose(file);
        return path;
    };
    // The peak of a process that reads it.
    auto const takes = [&](std::string const& path, std::string const& wanted) {
        return in_child([&] {
            ::malloc_trim(0);
            auto const most = [] {
                rusage used{};
                ::getrusage(RUSAGE_SELF, &used);
                return used.ru_maxrss;    // KiB
            };
            auto const before = most();
            splitter all{document::open(path).value(), by_paths({"n"})};
            std::string ended = "all";
            for (auto& each : all)
                if (!each) ended = each.error().text();
            if (ended.find(wanted) == ended.npos) return std::fprintf(stderr, "%s: %s\n", path.c_str(), ended.c_str()), 1;
            if (most() - before < 16 * 1'024) return 0;
            return std::fprintf(stderr, "%s: %ld KiB\n", path.c_str(), most() - before), 2;
        });
    };
    constexpr std::size_t much = 200 * 1'000 * 1'000;
    std::string const entry = "<n ObjectKey='K1' refs='A B'><x>some text &amp; more, <![CDATA[<raw>]]></x></n>\n" + std::string(400, ' ');
    CHECK(takes(write("nodes.xml", "<r>", entry, much, "</r>"), "all") == exits(0));
    CHECK(takes(write("deep.xml", "", "<a><a>", much, ""), "deeper than 128") == exits(0));
    CHECK(takes(write("text.xml", "<r><n>", std::string(1'000, 'x'), much, "</n></r>"), "has more than 1048576 bytes") == exits(0));
    CHECK(takes(write("attribute.xml", "<r><n x='", std::string(1'000, 'x'), much, "'/></r>"), "has more than 1048576 bytes") == exits(0));
    CHECK(takes(write("comment.xml", "<r><!--", std::string(1'000, 'x'), much, "--></r>"), "has more than 1048576 bytes") == exits(0));
}
