#include <muster/workloads/bgp/event.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace muster::bgp;

TEST_CASE("event: the numbers stand, for alarms hang on them", "[bgp][event]") {
    std::set<std::string> ids;
    for (auto const& [which, id] : std::vector<std::pair<event, std::string>>{
             {event::run_started, "BGP-100"}, {event::run_ended, "BGP-101"}, {event::ran_sequentially, "BGP-102"},
             {event::policy_made, "BGP-110"}, {event::policy_remembered, "BGP-111"}, {event::no_prefixes, "BGP-112"},
             {event::file_kept, "BGP-113"}, {event::policy_failed, "BGP-120"}, {event::policy_refused, "BGP-121"},
             {event::policy_invalid, "BGP-122"}, {event::policy_timed_out, "BGP-123"},
             {event::policy_cancelled, "BGP-124"}, {event::times_not_saved, "BGP-130"}}) {
        CHECK(id_of(which) == id);
        CHECK(ids.insert(id).second);
    }
}
