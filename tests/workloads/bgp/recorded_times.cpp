#include <muster/workloads/bgp/recorded_times.hpp>

#include <chrono>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "folder.hpp"

using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {
request asked(std::string_view object) { return {.object = irr_object::parse(object).value()}; }
}  // namespace

TEST_CASE("recorded_times: what is learnt is there after saving and loading", "[bgp][recorded_times]") {
    test::folder folder;
    recorded_times times;
    times.learn(asked("AS1"), 10ms);
    times.learn(asked("AS1"), 30ms);
    times.learn(asked("AS1:AS-X"), 1s);
    REQUIRE(times.save(folder / "times"));
    auto const again = recorded_times::load(folder / "times");
    CHECK(again.size() == 2);
    CHECK(again.of(asked("AS1")) == std::chrono::nanoseconds{20ms});
    CHECK(again.of(asked("AS1:AS-X")) == std::chrono::nanoseconds{1s});
    CHECK(!again.of(asked("AS2")));
}

TEST_CASE("recorded_times: a missing or damaged file costs its bad lines only", "[bgp][recorded_times]") {
    test::folder folder;
    CHECK(recorded_times::load(folder / "none").size() == 0);
    std::ofstream{folder / "bad"} << "AS1 ipv4\t5\nnonsense\nAS2 ipv4\t-5\nAS3 ipv4\t99999999999999999999\n\t7\nAS4 ipv4\t8";
    auto const times = recorded_times::load(folder / "bad");
    CHECK(times.size() == 2);
    CHECK(times.of(asked("AS4")) == 8ns);
}
