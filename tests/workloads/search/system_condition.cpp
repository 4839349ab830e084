#include <muster/workloads/search/system_condition.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace muster::searching;

namespace {

collected_system const server{.family = system_family::windows,
                              .name = "WEB-01",
                              .product = "Microsoft Windows Server 2019 Standard",
                              .version = "10.0.17763",
                              .producer = "KPWINVERSION",
                              .producer_version = "0.4.10"};

bool holds(system_attribute what, comparison by, std::vector<std::string> values, collected_system const& of = server) {
    return system_condition{what, by, std::move(values)}.holds(of);
}
bool version(comparison by, std::string const& than, std::string const& has = "10.0.17763") {
    return holds(system_attribute::version, by, {than}, {.version = has});
}

}  // namespace

TEST_CASE("system_condition: each attribute is what the system tells", "[search][system_condition]") {
    CHECK(holds(system_attribute::family, comparison::equal, {"Windows"}));
    CHECK(holds(system_attribute::version, comparison::equal, {"10.0.17763"}));
    CHECK(holds(system_attribute::product, comparison::equal, {server.product}));
    CHECK(holds(system_attribute::distribution, comparison::equal, {"debian"}, {.distribution = "debian"}));
    CHECK(holds(system_attribute::producer, comparison::equal, {"KPWINVERSION"}));
    CHECK(holds(system_attribute::producer_version, comparison::equal, {"0.4.10"}));
    CHECK(holds(system_attribute::name, comparison::equal, {"WEB-01"}));
    CHECK(!holds(system_attribute::name, comparison::equal, {"WEB-0"}));
    CHECK(!holds(system_attribute::name, comparison::equal, {"WEB-011"}));
}

TEST_CASE("system_condition: text is compared without regard to the case of ASCII letters", "[search][system_condition]") {
    CHECK(holds(system_attribute::family, comparison::equal, {"wINDOWS"}));
    CHECK(holds(system_attribute::name, comparison::less, {"web-02"}));
    CHECK(holds(system_attribute::name, comparison::greater, {"Web-00"}));
    CHECK(!holds(system_attribute::name, comparison::equal, {"\xc3\x84"}, {.name = "\xc3\xa4"}));
}

TEST_CASE("system_condition: versions are compared number by number, and what is missing counts as 0", "[search][system_condition]") {
    CHECK(version(comparison::equal, "10", "10.0"));
    CHECK(version(comparison::less, "10.0.1", "10.0"));
    CHECK(version(comparison::greater, "9.9", "10"));
    CHECK(version(comparison::equal, "010.00", "10.0"));
    CHECK(version(comparison::equal, "10.0rc1", "10.0"));
    CHECK(version(comparison::less_or_equal, "10.0.17763"));
    CHECK(version(comparison::greater_or_equal, "10.0.17763"));
    CHECK(!version(comparison::less, "10.0.17763"));
    CHECK(!version(comparison::greater, "10.0.17763"));
    CHECK(version(comparison::not_equal, "10.0.17764"));
    CHECK(version(comparison::less, "99999999999999999999999999", "99999999999999999999999998"));
    CHECK(holds(system_attribute::producer_version, comparison::greater, {"0.4.9"}));    // as text it would be less
    CHECK(holds(system_attribute::version, comparison::among, {"6.1", "10.0.17763.0"}));
}

TEST_CASE("system_condition: among is equal to one of the values", "[search][system_condition]") {
    CHECK(holds(system_attribute::family, comparison::among, {"linux", "windows"}));
    CHECK(!holds(system_attribute::family, comparison::among, {"linux", "darwin"}));
    CHECK(!holds(system_attribute::family, comparison::among, {}));
}

TEST_CASE("system_condition: a system that does not tell meets no condition but not_equal", "[search][system_condition]") {
    for (auto const what : {system_attribute::family, system_attribute::version, system_attribute::name}) {
        for (auto const by : {comparison::equal, comparison::less, comparison::less_or_equal, comparison::greater, comparison::greater_or_equal,
                              comparison::among})
            CHECK(!holds(what, by, {"0", ""}, {}));
        CHECK(holds(what, comparison::not_equal, {"0"}, {}));
    }
    CHECK(!holds(system_attribute::family, comparison::equal, {"unknown"}, {}));
}
