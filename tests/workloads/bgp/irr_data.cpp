#include <muster/workloads/bgp/irr_data.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace muster::bgp;

namespace {

std::string prefixes(irr_data const& of, std::uint32_t number, bool v6 = false) {
    std::string out;
    CHECK(of.append_prefixes(number, v6, out));
    return out;
}
bool knows(irr_data const& data, std::uint32_t number) {
    std::string out;
    return data.append_prefixes(number, false, out);
}

}  // namespace

TEST_CASE("irr_data: empty it knows four sources and nobody", "[bgp][irr_data]") {
    irr_data const data;
    CHECK(data.sources() == std::vector<std::string>{"RIPE", "RADB", "ARIN", "APNIC"});
    CHECK(!knows(data, 13335));
    CHECK(!knows(data, irr_data::first_generated));
    CHECK(data.members("AS-EXAMPLE-NESTED") == nullptr);
    CHECK(data.expanded("AS-EXAMPLE-NESTED").empty());
}

TEST_CASE("irr_data: sources are known by name in any case, and by the whole of it", "[bgp][irr_data]") {
    irr_data data;
    CHECK(data.has_source("RIPE"));
    CHECK(data.has_source("ripe"));
    CHECK(!data.has_source("RIP"));
    CHECK(!data.has_source("RIPE2"));
    CHECK(!data.has_source(""));
    data.sources({"MINE"});
    CHECK(data.has_source("MINE"));
    CHECK(!data.has_source("RIPE"));
}

TEST_CASE("irr_data: a network's prefixes stand in order with a space between, behind what was there", "[bgp][irr_data]") {
    irr_data data;
    data.add(13335, {"1.1.1.0/24", "1.0.0.0/24"}, {"2606:4700::/32"}).add(39998, {});
    CHECK(prefixes(data, 13335) == "1.1.1.0/24 1.0.0.0/24");
    CHECK(prefixes(data, 13335, true) == "2606:4700::/32");
    CHECK(prefixes(data, 39998).empty());    // there, without prefixes
    std::string out = "A";
    CHECK(data.append_prefixes(13335, false, out));
    CHECK(out == "A1.1.1.0/24 1.0.0.0/24");
    CHECK(!data.append_prefixes(1, false, out));
    CHECK(out == "A1.1.1.0/24 1.0.0.0/24");
    data.add(13335, {"9.9.9.0/24"});
    CHECK(prefixes(data, 13335) == "9.9.9.0/24");    // the last word counts
}

TEST_CASE("irr_data: a set expands to each number below it once, through nesting, cycles and any case",
          "[bgp][irr_data]") {
    irr_data data;
    data.add_set("AS-TOP", {"AS1", "as-sub", "AS1:AS-SUB", "AS2", "as1"});
    data.add_set("AS-SUB", {"AS3", "AS-TOP", "AS-SUB"});
    data.add_set("AS1:AS-SUB", {"AS4", "AS3"});
    auto found = data.expanded("as-Top");
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{"AS1", "AS2", "AS3", "AS4"});
    CHECK(*data.members("AS-TOP") == std::vector<std::string>{"AS1", "as-sub", "AS1:AS-SUB", "AS2", "as1"});    // as given
    data.add_set("RS-TEST", {"192.0.2.0/24^25-28", "198.51.100.0/24", "192.0.2.0/24^25-28"});
    CHECK(data.expanded("RS-TEST") == std::vector<std::string>{"192.0.2.0/24^25-28", "198.51.100.0/24"});
}

TEST_CASE("irr_data: members that nobody registered are no numbers", "[bgp][irr_data]") {
    irr_data data;
    data.add_set("AS-TOP", {"AS-GONE", "AS1:AS-GONE", "AS-GONE:AS2", "RS-GONE", "AS1:RS-GONE", "AS1"});
    CHECK(data.expanded("AS-TOP") == std::vector<std::string>{"AS1"});
}

TEST_CASE("irr_data: sets nested a hundred thousand deep cost no stack", "[bgp][irr_data]") {
    irr_data data;
    for (int i = 0; i < 100'000; ++i) data.add_set("AS-" + std::to_string(i), {"AS-" + std::to_string(i + 1)});
    data.add_set("AS-100000", {"AS1"});
    CHECK(data.expanded("AS-0") == std::vector<std::string>{"AS1"});
}

TEST_CASE("irr_data: generated networks have twenty and five prefixes each, shared with nobody", "[bgp][irr_data]") {
    irr_data data;
    data.generate(100'000);
    CHECK(!knows(data, irr_data::first_generated - 1));
    CHECK(!knows(data, irr_data::first_generated + 100'000));
    for (auto const& [v6, count] : {std::pair{false, 20u}, std::pair{true, 5u}}) {
        std::set<std::string> all;
        std::uint32_t networks = 0;
        for (std::uint32_t i = 0; i < 100'000; i += i < 500 || i >= 99'500 ? 1 : 97, ++networks) {
            std::istringstream words{prefixes(data, irr_data::first_generated + i, v6)};
            for (std::string prefix; words >> prefix;) all.insert(prefix);
        }
        CHECK(all.size() == std::size_t{networks} * count);
    }
    CHECK(prefixes(data, 100000) == prefixes(irr_data::bundled(), 100000));    // computed: the same in every registry
    data.add(100000, {"9.9.9.0/24"});
    CHECK(prefixes(data, 100000) == "9.9.9.0/24");                             // unless somebody says otherwise
}

TEST_CASE("irr_data: well-known data hold networks alone; bundled ones examples and 10,000 generated too",
          "[bgp][irr_data]") {
    auto const known = irr_data::well_known();
    CHECK(prefixes(known, 13335).find("1.1.1.0/24") != std::string::npos);
    CHECK(prefixes(known, 15169).find("8.8.8.0/24") != std::string::npos);
    CHECK(!knows(known, irr_data::first_generated));
    CHECK(!known.members("AS-EXAMPLE-NESTED"));
    auto const data = irr_data::bundled();
    auto const cloudflare = prefixes(data, 13335);
    CHECK(std::count(cloudflare.begin(), cloudflare.end(), ' ') == 16);
    CHECK(knows(data, irr_data::first_generated + 9'999));
    CHECK(!knows(data, irr_data::first_generated + 10'000));
    CHECK(data.expanded("AS-EXAMPLE-NESTED").size() == 11);
    CHECK(data.expanded("as-example-cycle").size() == 2);    // ends
    CHECK(data.members("AS6939:AS-EXAMPLE-CUSTOMERS")->size() == 3);
    CHECK(data.members("AS-EXAMPLE-EMPTY")->empty());
    for (auto const* set : {"AS-EXAMPLE-NESTED", "AS-EXAMPLE-CYCLE", "AS6939:AS-EXAMPLE-CUSTOMERS"})
        for (auto const& member : data.expanded(set))        // examples are invented over networks that are there
            CHECK(knows(data, static_cast<std::uint32_t>(std::stoul(member.substr(2)))));
}
