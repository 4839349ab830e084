#include <muster/flow/dead_letter.hpp>

#include "catch.hpp"

#include <string>    // payloads
#include <vector>    // payloads

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr std::chrono::system_clock::time_point when{1'700'000'000'123'456'789ns};

struct order {
    int number = 0;
    std::vector<std::string> lines;
    friend bool operator==(order const&, order const&) = default;
};
struct other {
    double number = 0;
};

failure stamped() {
    failure what{cause::timed_out, "no answer within 2 s"};
    std::vector<std::size_t> const path{4, 2};
    what.stamp("fetch", path, 3);
    return what.leave(path);
}

}  // namespace

TEST_CASE("dead_letter: it says what went wrong, where, how often and when", "[flow][dead_letter]") {
    auto const record = dead_letter::of(stamped(), "item"s, when, {.source = "in", .partition = 1, .offset = 20, .part = 3, .epoch = 7});
    CHECK(record.payload == "item");
    CHECK(record.form == payload_form::text);
    CHECK(record.stage == "fetch");
    CHECK(record.path == std::vector<std::size_t>{4, 2});
    CHECK(record.source == "in");
    CHECK(record.partition == 1);
    CHECK(record.offset == 20);
    CHECK(record.part == 3);
    CHECK(record.epoch == 7);
    CHECK(record.trace == trace_id({.source = "in", .partition = 1, .offset = 20}));    // the same in the next run
    CHECK(record.attempts == 3);
    CHECK(record.kind == cause::timed_out);
    CHECK(record.category == "muster");
    CHECK(record.code == static_cast<int>(cause::timed_out));
    CHECK(record.text == "no answer within 2 s");
    CHECK(record.time == std::chrono::system_clock::time_point{1'700'000'000'123'456us});
}

TEST_CASE("dead_letter: the failure comes back as it was", "[flow][dead_letter]") {
    auto const before = stamped();
    auto const after = dead_letter::of(before, when).why();
    CHECK(after == before);
    CHECK(after.stage() == "fetch");
    CHECK(after.attempts() == 3);
    CHECK(after.index() == 2);
    CHECK(dead_letter::of(failure{{ECONNRESET, std::system_category()}, "reset"}, when).why().code() == std::errc::connection_reset);
    CHECK_FALSE(dead_letter::of(failure{{ECONNRESET, std::system_category()}, "reset"}, when).kind);
}

TEST_CASE("dead_letter: strings are kept as they are, and come back", "[flow][dead_letter]") {
    auto const text = dead_letter::of(stamped(), std::string_view{"gr\xc3\xbc\xc3\x9f\0e"}, when);
    CHECK(text.form == payload_form::text);
    CHECK(text.item<std::string>() == "gr\xc3\xbc\xc3\x9f\0e");
    auto const bytes = dead_letter::of(stamped(), "\xff\xfe"s, when);
    CHECK(bytes.form == payload_form::bytes);
    CHECK(bytes.item<std::string>() == "\xff\xfe");
}

TEST_CASE("dead_letter: other values come back as their own type, and as no other", "[flow][dead_letter]") {
    order const item{7, {"a", "b"}};
    auto const record = dead_letter::of(stamped(), item, when);
    CHECK(record.form == payload_form::wire);
    CHECK(record.item<order>() == item);
    CHECK(record.item<other>().error().is(cause::invalid_input));
    CHECK(record.item<std::string>().error().is(cause::invalid_input));
    CHECK(dead_letter::of(stamped(), "text"s, when).item<order>().error().is(cause::invalid_input));
}

TEST_CASE("dead_letter: an item that was not kept, or was cut, is none", "[flow][dead_letter]") {
    CHECK(dead_letter::of(stamped(), when).item<std::string>().error().is(cause::invalid_input));
    auto record = dead_letter::of(stamped(), "item"s, when);
    record.payload = "it";
    CHECK(record.cut());
    CHECK(record.item<std::string>().error().text().find("2 of the 4 bytes") != std::string::npos);
}
