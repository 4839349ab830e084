#include <muster/workloads/llm/event.hpp>

#include "catch.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace muster::llm;

TEST_CASE("event: numbers and names stand, for alarms hang on them") {
    struct known {
        event which;
        std::string_view id, name;
    };
    std::set<std::string> ids;
    for (auto const& [which, id, name] : std::vector<known>{
             {event::run_started, "LLM-100", "run_started"},           {event::run_ended, "LLM-101", "run_ended"},
             {event::ran_sequentially, "LLM-102", "ran_sequentially"}, {event::run_resumed, "LLM-103", "run_resumed"},
             {event::run_stopped, "LLM-104", "run_stopped"},           {event::had_errors, "LLM-105", "had_errors"},
             {event::in_flight_changed, "LLM-106", "in_flight_changed"}, {event::node_done, "LLM-110", "node_done"},
             {event::node_failed, "LLM-120", "node_failed"},           {event::paused, "LLM-130", "paused"},
             {event::pause_over, "LLM-131", "pause_over"}}) {
        CHECK(id_of(which) == id);
        CHECK(name_of(which) == name);
        CHECK(ids.insert(id_of(which)).second);
    }
}
