#include <muster/workloads/bgp/write_policy.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "folder.hpp"

using namespace muster::bgp;
using muster::cause;
using file = written_policy::file;

namespace {

router_policy made(std::string_view object, std::string text, std::size_t entries) {
    return {.asked = {.object = irr_object::parse(object).value()}, .list = {.text = std::move(text),
            .entries = entries}};
}
std::string content(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}
void put(std::string const& path, std::string_view text) { std::ofstream{path, std::ios::binary} << text; }

}  // namespace

TEST_CASE("write_policy: writes the text, leaves an equal one alone, replaces another", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder.path(), {.format = output_format::junos}};
    auto const first = write(made("AS13335", "one\n", 1)).value();
    CHECK(first.what == file::written);
    CHECK(first.path == folder / "AS13335-v4.junos");
    CHECK(content(first.path) == "one\n");
    CHECK(write(made("AS13335", "one\n", 1))->what == file::unchanged);
    CHECK(write(made("AS13335", "two\n", 1))->what == file::written);
    CHECK(content(first.path) == "two\n");
    CHECK(folder.files() == 1);    // no temporary left
}

TEST_CASE("write_policy: an empty answer never takes the place of a file, and makes none", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder.path(), {.format = output_format::bird}};
    CHECK(write(made("AS13335", "", 0))->what == file::none);
    CHECK(folder.files() == 0);
    put(folder / "AS13335-v4.bird", "good\n");
    CHECK(write(made("AS13335", "", 0))->what == file::kept);
    CHECK(content(folder / "AS13335-v4.bird") == "good\n");
}

TEST_CASE("write_policy: names of files come from an allow-list and differ where requests differ",
          "[bgp][write_policy]") {
    write_policy const write{"/out", {.format = output_format::json}};
    CHECK(write.path_of({.object = irr_object::parse("AS1:AS-X").value(),
                         .family = address_family::ipv6}) == "/out/AS1+AS-X-v6.json");
    write_policy const paths{"/out", {.format = output_format::ios, .kind = list_kind::path_from}};
    CHECK(paths.path_of({.object = irr_object::parse("AS1").value()}) == "/out/AS1-path-from.ios");
}

TEST_CASE("write_policy: a folder that is not there is a failure, and the run goes on", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder / "nowhere", {}};
    auto const failed = write(made("AS13335", "x\n", 1));
    REQUIRE(!failed);
    CHECK(failed.error().is(cause::unavailable));
}
