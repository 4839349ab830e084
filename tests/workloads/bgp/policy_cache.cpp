#include <muster/workloads/bgp/policy_cache.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <muster/cache/file_cache.hpp>
#include <muster/cache/memory_cache.hpp>
#include <muster/core/concepts.hpp>

#include "catch.hpp"
#include "folder.hpp"

using namespace muster;
using namespace muster::bgp;
using namespace std::chrono_literals;

static_assert(cache<policy_cache<file_cache>>);
static_assert(cache<policy_cache<memory_cache<std::string, std::string>>>);

namespace {
policy_text list(std::string text, std::size_t entries) {
    return {.text = std::move(text), .entries = entries, .made_by = 7, .ran_for = 5ms};
}
}  // namespace

TEST_CASE("policy_cache: what one run made another one reads, and neither takes the other's for its own",
          "[bgp][policy_cache]") {
    test::folder folder;
    context cx;
    for (auto const& made : {list("a\nb\n", 2), list("", 0), list(std::string("x\0y\n", 4), 1)}) {
        auto const key = "key " + made.text;
        {
            file_cache files{folder.path()};
            policy_cache cache{files};
            CHECK(!cache.get(key));
            auto const first = cache.get_or_compute(key, cx, [&](context&) -> outcome<policy_text> { return made; });
            CHECK(*first == made);
            CHECK(first->made_by == 7);            // made for this call
        }
        file_cache files{folder.path()};
        policy_cache cache{files};
        auto const again = cache.get_or_compute(key, cx, [](context&) -> outcome<policy_text> {
            return failure{cause::threw, "not called"}; });
        REQUIRE(again);
        CHECK(*again == made);
        CHECK(again->made_by == 0);                // remembered
        CHECK(again->ran_for == 5ms);
        CHECK(cache.get(key)->entries == made.entries);
    }
}

TEST_CASE("policy_cache: failures are not remembered, bytes that are no policy are replaced", "[bgp][policy_cache]") {
    memory_cache<std::string, std::string> bytes;
    policy_cache cache{bytes};
    context cx;
    CHECK(!cache.get_or_compute("k", cx, [](context&) -> outcome<policy_text> { return failure{cause::unavailable,
            "down"}; }));
    CHECK(cache.get_or_compute("k", cx, [](context&) -> outcome<policy_text> { return list("x\n", 1); })->entries == 1);
    for (auto const* const damaged : {"", "nonsense", "muster policy 1 ", "muster policy 1 x 5\n",
                                      "muster policy 1 3 5", "muster policy 2 3 5\nx\n"}) {
        CAPTURE(damaged);
        bytes.put("d", damaged);
        CHECK(!cache.get("d"));
        CHECK(cache.get_or_compute("d", cx, [](context&) -> outcome<policy_text> { return list("y\n", 1);
                })->text == "y\n");
    }
}

TEST_CASE("policy_cache: of many calls that miss one key at once a single one runs", "[bgp][policy_cache]") {
    test::folder folder;
    file_cache files{folder.path()};
    policy_cache cache{files};
    std::atomic<int> runs{0}, own{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 1; i <= 8; ++i)
        threads.emplace_back([&, i] {
            context cx;
            auto const got = cache.get_or_compute("k", cx, [&](context&) -> outcome<policy_text> {
                ++runs;
                return policy_text{.text = "x\n", .entries = 1, .made_by = i};
            });
            own += got->made_by == i;
        });
    threads.clear();
    CHECK(runs == 1);
    CHECK(own == 1);
}
