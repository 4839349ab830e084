// The rules and the collection in examples/data/audit, which whoever writes rules reads first.
#include <muster/workloads/search/rules_file.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <muster/workloads/search/collected_system.hpp>

#include "catch.hpp"

using namespace muster::searching;

TEST_CASE("audit_rules: the bundled rules are read without a flaw", "[search][audit_rules]") {
    auto const read = read_rules(MUSTER_AUDIT_DIR "/rules/audit.yaml").value();
    for (auto const& flaw : read.flaws) UNSCOPED_INFO(to_string(flaw));
    CHECK(read.flawless());
    CHECK(read.rules.size() == 60);
    auto const with = [&](auto has) { return std::count_if(read.rules.begin(), read.rules.end(), has); };
    CHECK(with([](rule const& each) { return each.records; }) == 11);
    CHECK(with([](rule const& each) { return each.systems.empty(); }) == 5);
    CHECK(with([](rule const& each) { return each.regex.find("(?!") != std::string::npos; }) >= 15);
}

TEST_CASE("audit_rules: each collected file tells its system", "[search][audit_rules]") {
    std::map<std::string, int> told;
    for (auto const& each : std::filesystem::recursive_directory_iterator{MUSTER_AUDIT_DIR "/collection"}) {
        if (!each.is_regular_file()) continue;
        std::ifstream in{each.path(), std::ios::binary};
        std::string text{std::istreambuf_iterator<char>{in}, {}};
        if (text.starts_with("\xff\xfe")) {    // all that tells the system is ASCII
            text.erase(0, 2);
            std::string narrow;
            for (std::size_t i = 0; i < text.size(); i += 2) narrow += text[i];
            text = narrow;
        }
        auto const system = system_of(text);
        CAPTURE(each.path().string());
        CHECK(detail::same_but_for_case(system.name, each.path().stem().string()));
        CHECK(detail::same_but_for_case(name_of(system.family), each.path().parent_path().filename().string()));
        CHECK(!system.version.empty());
        CHECK(!system.product.empty());
        CHECK(!system.producer_version.empty());
        CHECK(system.distribution.empty() == (system.family != system_family::gnu_linux));
        ++told[std::string{name_of(system.family)}];
    }
    CHECK(told == std::map<std::string, int>{{"Darwin", 12}, {"Linux", 12}, {"Windows", 12}});
}
