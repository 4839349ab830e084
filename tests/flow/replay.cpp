#include <muster/flow/replay.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <iterator>    // input_iterator
#include <ranges>      // input_range
#include <string>      // items
#include <vector>      // items

#include <muster/exec/thread_pool.hpp>       // thread_pool
#include <muster/flow/dead_letters.hpp>      // dead_letters
#include <muster/flow/map.hpp>               // map
#include <muster/policy/on.hpp>              // on

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

static_assert(std::input_iterator<replay<int>::iterator>);
static_assert(std::ranges::input_range<replay<int>&>);
static_assert(std::same_as<std::ranges::range_value_t<replay<int>&>, replayed<int>>);

namespace {

std::chrono::system_clock::time_point clock_now{};
std::chrono::system_clock::time_point now() { return clock_now; }
constexpr std::chrono::system_clock::time_point start{1'700'000'000s};

struct fixture {
    temporary_folder folder;
    std::string path = folder / "failed.jsonl";
    dead_letters dead{path, {.clock = now}};

    void fail(int item, std::string_view stage, cause why, std::chrono::seconds after = 0s) {
        clock_now = start + after;
        dead.put(failure{why, "item " + std::to_string(item)}.stamp(stage, {}, 1), item);
    }
};

std::vector<int> taken(std::string const& path, replay_filter filter = {}) {
    std::vector<int> out;
    replay<int> all{path, std::move(filter)};
    for (auto const& each : all) out.push_back(each.item);
    return out;
}

}  // namespace

TEST_CASE("replay: chosen by stage, cause, time and predicate", "[flow][replay]") {
    fixture at;
    at.fail(1, "parse", cause::invalid_input, 1s);
    at.fail(2, "fetch", cause::timed_out, 2s);
    at.fail(3, "fetch", cause::unavailable, 3s);
    at.fail(4, "fetch", cause::timed_out, 4s);
    CHECK(taken(at.path) == std::vector{1, 2, 3, 4});
    CHECK(taken(at.path, {.stage = "fetch"}) == std::vector{2, 3, 4});
    CHECK(taken(at.path, {.stage = "fetch", .kind = cause::timed_out}) == std::vector{2, 4});
    CHECK(taken(at.path, {.from = start + 2s, .until = start + 4s}) == std::vector{2, 3});
    CHECK(taken(at.path, {.accepts = [](dead_letter const& each) { return each.text == "item 3"; }}) == std::vector{3});
    CHECK(taken(at.path, {.stage = "none"}).empty());
}

TEST_CASE("replay: what is done is not replayed again, unless it is asked for", "[flow][replay]") {
    fixture at;
    for (int i = 0; i < 6; ++i) at.fail(i, "fetch", cause::timed_out);
    {
        replay<int> first{at.path};
        for (auto const& each : first)
            if (each.item % 2 == 0) CHECK(first.done(each));
        CHECK(first.stats() == replay_stats{.given = 6});
    }
    CHECK(taken(at.path) == std::vector{1, 3, 5});
    CHECK(taken(at.path, {.again = true}) == std::vector{0, 1, 2, 3, 4, 5});

    // Notes about another file of that name are not about this one.
    at.folder.put("failed.jsonl", "");
    dead_letters fresh{at.path, {.clock = now}};
    fresh.put(failure{cause::timed_out, "new"}, 42);
    CHECK(taken(at.path) == std::vector{42});
}

TEST_CASE("replay: a verb takes it, and what fails again is for the next time", "[flow][replay]") {
    fixture at;
    for (int i = 0; i < 100; ++i) at.fail(i, "fetch", cause::timed_out);
    thread_pool pool;
    replay<int> again{at.path};
    auto const results = map(again, on{pool} | [&](replayed<int> const& each) -> outcome<int> {
        if (each.item % 10 == 0) {
            at.dead.put(failure{cause::timed_out, "once more"}, each.item);
            return failure{cause::timed_out, "once more"};
        }
        if (auto const noted = again.done(each); !noted) return noted.error();
        return each.item;
    });
    CHECK(results.size() == 100);
    CHECK(taken(at.path).size() == 20);    // those that were not done, and what they left
    CHECK(taken(at.path, {.accepts = [](dead_letter const& each) { return each.text == "once more"; }}).size() == 10);
}

TEST_CASE("replay: wrong lines are told with file and line, and the others used", "[flow][replay]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    auto good = detail::dead_letter_line(dead_letter::of(failure{cause::timed_out, ""}, "good"s, start), 1'000);
    std::pair<std::string, std::string> const wrong[]{
        {"no JSON", "an object was expected, at byte 1"},
        {"[]", "an object was expected"},
        {"{", "a name was expected"},
        {"{}", "no member \"time\""},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\"} x", "bytes follow the object"},
        {"{\"time\":\"yesterday\"}", "the member \"time\" is no such value"},
        {"{\"time\":\"2023-02-30T22:13:20.000000Z\"}", "the member \"time\" is no such value"},
        {"{\"time\":\"9999-01-01T00:00:00.000000Z\"}", "the member \"time\" is no such value"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"time\":\"2023-11-14T22:13:20.000000Z\"}", "a second member"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"offset\":-1}", "the member \"offset\" is no such value"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"offset\":18446744073709551616}", "a whole number"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"code\":4294967296}", "the member \"code\" is no such value"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"payload_base64\":\"?\"}", "the member \"payload_base64\" is no such value"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"text\":\"\xff\"}", "was expected"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"text\":\"\\ud800\"}", "was expected"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"text\":\"\\u12\"}", "was expected"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"text\":\""s + '\0' + "\"}", "was expected"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"cause\":\"bad luck\"}", "the member \"cause\" is no such value"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"payload\":\"a\",\"payload_wire\":\"\"}", "the member \"payload_wire\" is no such value"},
        {"{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", "was expected, at byte 7"},
        {"{\"a\":" + std::string(10'000'000, '{'), "the line has more than 3000000 bytes"},
        {std::string(10'000'000, '\0'), "the line has more than 3000000 bytes"},
        {"{\"time\":\"2023-11-14T22:13:20.000000Z\",\"whole\":1,\"payload\":\"abc\"}", "fewer bytes than it has"}};
    std::string all = good + "\n";
    for (auto const& each : wrong) all += each.first + '\n';
    all += good;
    folder.put("failed.jsonl", all);

    kept_lines told;
    replay<std::string> found{path, {.complaints = told, .longest_line = 3'000'000}};
    std::size_t count = 0;
    for (auto const& each : found) count += each.item == "good";
    CHECK(count == 2);
    auto const lines = told.lines();
    REQUIRE(lines.size() == std::size(wrong));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        INFO(lines[i].substr(0, 300));
        CHECK(lines[i].starts_with(path + ':' + std::to_string(i + 3) + ": "));
        CHECK(lines[i].find(wrong[i].second) != std::string::npos);
        CHECK(lines[i].size() < 300 + path.size());
    }
}

TEST_CASE("replay: members that a later version adds are passed over", "[flow][replay]") {
    auto const record = detail::dead_letter_in("{ \"time\" : \"2023-11-14T22:13:20.000000Z\", \"trace\":\"a\\u00fc\\ud83d\\udc0b\",\t\"more\":[1, 2],\"none\":null}");
    REQUIRE(record);
    CHECK(record->time == start);
}

TEST_CASE("replay: a file that is not there is an exception", "[flow][replay]") {
    temporary_folder const folder;
    CHECK_THROWS_AS(replay<int>{folder / "none"}, std::system_error);
}
