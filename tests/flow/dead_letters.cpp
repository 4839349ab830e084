#include <muster/flow/dead_letters.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <csignal>         // SIGXFSZ
#include <string>          // lines
#include <system_error>    // system_error
#include <thread>          // writers
#include <vector>          // records

#include <sys/resource.h>    // RLIMIT_FSIZE

#include <muster/flow/replay.hpp>    // replay

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

std::chrono::system_clock::time_point fixed() { return std::chrono::system_clock::time_point{1'700'000'000s}; }

failure refused(std::string text = "too long") { return {cause::invalid_input, std::move(text)}; }

std::vector<std::string> items_in(std::string const& path) {
    std::vector<std::string> out;
    replay<std::string> all{path};
    for (auto const& each : all) out.push_back(each.item);
    CHECK(all.stats().wrong == 0);
    return out;
}

}  // namespace

TEST_CASE("dead_letters: a record is one line of flat JSON that people can read", "[flow][dead_letters]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    dead_letters dead{path, {.clock = fixed}};
    std::vector<std::size_t> const at{3};
    dead.put(refused().stamp("parse", at, 2), "a \"b\"\n"s);
    CHECK(temporary_folder::read(path) ==
          "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"stage\":\"parse\",\"path\":[3],\"attempts\":2,\"cause\":\"invalid input\","
          "\"category\":\"muster\",\"code\":9,\"text\":\"too long\",\"payload\":\"a \\\"b\\\"\\n\"}\n");
    CHECK(dead.stats() == dead_letters_stats{.written = 1});
    CHECK(dead.state());
}

TEST_CASE("dead_letters: all that a record holds comes back from its line", "[flow][dead_letters]") {
    std::string all_bytes;
    for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
    origin const from{.source = "in\xc3\xbc", .partition = 1, .offset = ~0ULL, .part = 2, .epoch = 3};
    failure const what = refused("\x01 \"\\/ \xf0\x9f\x90\x8b");
    dead_letter const records[]{dead_letter::of(what, fixed()), dead_letter::of(what, all_bytes, fixed(), from),
                                dead_letter::of(what, "plain"s, fixed() + 1us, from), dead_letter::of(what, 42, fixed() - 60 * 24h, from),
                                dead_letter::of(failure{{-7, std::system_category()}, ""}, std::vector<double>{1, 2}, fixed())};
    for (auto const& each : records) {
        auto line = detail::dead_letter_line(each, 1 * MiB);
        REQUIRE(line.back() == '\n');
        line.pop_back();
        INFO(line);
        CHECK(line.find('\n') == line.npos);
        CHECK(detail::dead_letter_in(line).value() == each);
    }
}

TEST_CASE("dead_letters: a line that was written before records had a trace is one without", "[flow][dead_letters]") {
    auto record = dead_letter::of(refused(), "item"s, fixed(), {.source = "in", .offset = 7});
    auto line = detail::dead_letter_line(record, 1 * MiB);
    line.pop_back();
    auto const member = ",\"trace\":\"" + record.trace + '"';
    auto const at = line.find(member);
    REQUIRE(record.trace.size() == 32);
    REQUIRE(at != line.npos);
    record.trace.clear();
    CHECK(detail::dead_letter_in(line.erase(at, member.size())).value() == record);
}

TEST_CASE("dead_letters: lines are appended to those of earlier runs, and a torn last one costs no other", "[flow][dead_letters]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    dead_letters{path}.put(refused(), "one"s);
    dead_letters{path}.put(refused(), "two"s);
    CHECK(items_in(path) == std::vector{"one"s, "two"s});

    auto const whole = temporary_folder::read(path);
    folder.put("failed.jsonl", whole.substr(0, whole.size() - 10));    // its writer was killed
    dead_letters{path}.put(refused(), "three"s);
    kept_lines told;
    replay<std::string> all{path, {.complaints = told}};
    std::vector<std::string> items;
    for (auto const& each : all) items.push_back(each.item);
    CHECK(items == std::vector{"one"s, "three"s});
    CHECK(all.stats() == replay_stats{.given = 2, .wrong = 1});
    CHECK(told.contains(path + ":2: "));
}

TEST_CASE("dead_letters: a payload above the bound is cut, and the record says so", "[flow][dead_letters]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    dead_letters dead{path, {.largest_payload = 1'000}};
    dead.put(refused(std::string(10'000'000, 'x')), std::string(999, 'a') + "\xc3\xbc" + std::string(10'000'000, 'b'));
    dead.put(refused(), std::vector<int>(1'000));
    dead.put(refused(), "short"s);
    CHECK(dead.stats() == dead_letters_stats{.written = 3, .cut = 2});
    CHECK(temporary_folder::read(path).size() < 7'000);
    CHECK(temporary_folder::read(path).find(std::string(999, 'a') + '"') != std::string::npos);    // no half of a character
    kept_lines told;
    replay<std::string> all{path, {.complaints = told}};
    std::vector<std::string> items;
    for (auto const& each : all) items.push_back(each.item);
    CHECK(items == std::vector{"short"s});
    CHECK(told.contains(":1: muster: this dead letter holds 999 of the 10001001 bytes of its item: it was cut"));
    CHECK(told.contains(":2: "));
}

TEST_CASE("dead_letters: a full disk is told and counted, and what fits later is kept", "[flow][dead_letters][forks]") {
    dead_letters full{"/dev/full"};
    full.put(refused(), "item"s);
    CHECK(full.stats() == dead_letters_stats{.lost = 1});
    CHECK(full.state().error().is(cause::exhausted));
    CHECK(full.state().error().text().find("/dev/full") != std::string::npos);

    // The disk ends within a line.
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    CHECK(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              dead_letters dead{path};
              dead.put(refused(), "first"s);
              rlimit limit{};
              ::getrlimit(RLIMIT_FSIZE, &limit);
              limit.rlim_cur = temporary_folder::read(path).size() + 20;
              ::setrlimit(RLIMIT_FSIZE, &limit);
              dead.put(refused(), "second"s);
              if (dead.stats() != dead_letters_stats{.written = 1, .lost = 1} || !dead.state().error().is(cause::exhausted)) return 1;
              limit.rlim_cur = RLIM_INFINITY;
              ::setrlimit(RLIMIT_FSIZE, &limit);
              dead.put(refused(), "third"s);
              return dead.stats() == dead_letters_stats{.written = 2, .lost = 1} ? 0 : 2;
          }) == exits(0));
    replay<std::string> all{path};
    std::vector<std::string> items;
    for (auto const& each : all) items.push_back(each.item);
    CHECK(items == std::vector{"first"s, "third"s});
    CHECK(all.stats().wrong == 1);
}

TEST_CASE("dead_letters: a file that cannot be opened is an exception that names it", "[flow][dead_letters]") {
    temporary_folder const folder;
    CHECK_THROWS_AS(dead_letters{folder.path()}, std::system_error);
    CHECK_THROWS_AS(dead_letters{folder / "none/failed.jsonl"}, std::system_error);
    try {
        dead_letters const none{folder / "none/failed.jsonl"};
    } catch (std::system_error const& thrown) {
        CHECK(std::string{thrown.what()}.find("none/failed.jsonl") != std::string::npos);
    }
}

TEST_CASE("dead_letters: threads and several writers never mix lines", "[flow][dead_letters]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    dead_letters one{path}, two{path};
    {
        std::vector<std::jthread> writers;
        for (int w = 0; w < 4; ++w)
            writers.emplace_back([&, w] {
                for (int i = 0; i < 250; ++i) (w % 2 == 0 ? one : two).put(refused(), std::string(static_cast<std::size_t>(i * 13 % 3'000), 'x'));
            });
    }
    CHECK(items_in(path).size() == 1'000);
    CHECK(one.stats().written + two.stats().written == 1'000);
}

TEST_CASE("dead_letters: whoever is killed while writing leaves whole lines, and at most a torn last one", "[flow][dead_letters][forks]") {
    temporary_folder const folder;
    auto const path = folder / "failed.jsonl";
    for (int kill = 0; kill < 5; ++kill)
        CHECK(in_child([&] {
                  dead_letters dead{path};
                  for (int i = 0; i < 100 + kill; ++i) dead.put(refused(), std::string(1'000, 'y'));
                  ::raise(SIGKILL);
                  return 0;
              }) == dies_of(SIGKILL));
    CHECK(items_in(path).size() == 510);
}
