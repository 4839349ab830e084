// The splitter of XML and the linker, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/xml.cpp -lexpat -lpugixml -o xml_fuzz
//     mkdir found && ./xml_fuzz -dict=tests/fuzz/xml.dict found tests/fuzz/corpus/xml
//
// A node is well-formed alone, is read again as itself, refers to the same, and lies where it says. What is attached is well-formed,
// too, and each is there once. An XPath for all elements finds as many as the splitter counts.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <muster/workloads/formats/xml_linker.hpp>
#include <muster/workloads/formats/xml_path.hpp>
#include <muster/workloads/formats/xml_splitter.hpp>

namespace {

using namespace muster::xml;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "xml: %s\n", what);
    std::abort();
}

// The one node that a text is.
node alone(std::string const& text) {
    splitter all{document::of(text), split_rule::elements({1}), {.max_depth = 200}};
    auto found = all.next();
    require(found && found->has_value(), "a node is not well-formed alone");
    require(!all.next() && all.is_complete(), "a node is more than one");
    return std::move(**found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    auto const from = document::of({reinterpret_cast<char const*>(data) + 1, size - 1});
    limits const by{.max_node = 4'096, .max_names = 500, .max_token = 8'192, .max_refs = 20, .max_ids = 50};
    auto const rule = data[0] % 3 == 0 ? split_rule{} : data[0] % 3 == 1 ? *split_rule::paths({"n", "*List/*"}) : split_rule::elements({2, 3, 5, 8});
    splitter all{from, rule, by};
    std::vector<node> nodes;
    std::size_t seen = 0;
    while (auto each = all.next()) {
        if (!*each) {
            require(!each->error().text().empty(), "failed without a reason");
            continue;
        }
        auto const& one = **each;
        require(one.position >= seen, "out of order");
        seen = one.position + 1;
        require(one.text.size() <= by.max_node && one.refs.size() <= by.max_refs, "larger than the limit");
        require(one.end > one.begin && one.end <= size - 1, "lies elsewhere");
        auto const again = alone(one.text);
        require(again.text == one.text, "is read again as another");
        require(again.id == one.id && again.name == one.name, "has another id");
        if (one.more_refs == 0) require(again.refs == one.refs, "refers to others");
        nodes.push_back(one);
    }
    auto const ids = all.take_ids();
    require(ids.size() <= by.max_ids, "remembers more ids than it may");
    linker const links{from, ids, {.depth = 3, .max_bytes = 16'384, .max_elements = 20}, by};
    for (auto const& each : nodes) {
        auto const linked = links.link(each);
        require(linked.has_value(), "cannot be linked");
        std::set<std::string> once;
        for (auto const& other : linked->attached) {
            require(once.insert(other.id).second, "attached twice");
            require(alone(other.text).id == other.id, "attached with another id");
        }
    }
    if (all.is_complete()) {
        auto const found = rule_of_xpath(from, "//*", {.max_document = 1 << 20}, by);
        if (found) {
            splitter again{from, *found, by};
            while (auto each = again.next()) require(*each || each->error().is(muster::cause::exhausted), "is no longer read");
        } else require(found.error().is(muster::cause::exhausted), "is read by one parser and not by the other");
    }
    return 0;
}
