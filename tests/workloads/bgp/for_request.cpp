#include <muster/workloads/bgp/for_request.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/policy/cached.hpp>
#include <muster/workloads/bgp/cache_key.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {

request const asked{.object = irr_object::parse("AS112").value(), .family = address_family::ipv6, .exclusive = true};

// As bgpq4 would: each text knows which plan it was made for.
policy_text answer(planned_policy const& planned) {
    return {.text = "x\n", .entries = 1, .made_by = planned.call, .ran_for = 3ms};
}

}  // namespace

static_assert(task_for<for_request<policy_text (*)(planned_policy const&)>, planned_policy const&>);

TEST_CASE("for_request: the text comes out beside the request that it was made for", "[bgp][for_request]") {
    context cx;
    auto const made = for_request{&answer}(plan{}(asked).value(), cx);
    REQUIRE(made);
    CHECK(made->asked == asked);
    CHECK(made->asked.exclusive);
    CHECK(made->list.text == "x\n");
    CHECK(made->list.ran_for == 3ms);
    CHECK(!made->remembered);
}

TEST_CASE("for_request: remembered is what was made for another plan, of the same request too", "[bgp][for_request]") {
    context cx;
    memory_cache<std::string, policy_text> cache;
    int runs = 0;
    auto const counting = [&runs](planned_policy const& planned) {
        ++runs;
        return answer(planned);
    };
    auto const flow = pipeline{plan{}, for_request{cached{cache, cache_key{"1.9"}} | counting}};
    CHECK(!flow(asked, cx)->remembered);
    auto const again = flow(asked, cx);
    CHECK(again->remembered);
    CHECK(again->asked == asked);
    CHECK(runs == 1);
    auto const from_file = [](planned_policy const&) { return policy_text{.text = "x\n", .entries = 1}; };
    CHECK(for_request{from_file}(plan{}(asked).value(), cx)->remembered);    // made by no call of this process
}

TEST_CASE("for_request: fails with what it asks fails with, a throw included", "[bgp][for_request]") {
    context cx;
    auto const planned = plan{}(asked).value();
    auto const failing = [](planned_policy const&) -> outcome<policy_text> {
        return failure{make_error_code(fault::refused), "nobody there"};
    };
    auto const failed = for_request{failing}(planned, cx);
    REQUIRE(!failed);
    CHECK(failed.error().code() == fault::refused);
    CHECK(failed.error().text() == "nobody there");
    auto const throwing = [](planned_policy const&) -> policy_text { throw std::runtime_error{"odd"}; };
    CHECK(for_request{throwing}(planned, cx).error().is(cause::threw));
}

TEST_CASE("for_request: what it asks sees the caller's context", "[bgp][for_request]") {
    context cx;
    context const* seen = nullptr;
    auto const looking = [&seen](planned_policy const& planned, context& inner) {
        seen = &inner;
        return answer(planned);
    };
    CHECK(for_request{looking}(plan{}(asked).value(), cx));
    CHECK(seen == &cx);
}
