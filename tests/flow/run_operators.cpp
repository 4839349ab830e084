#include <muster/flow/run.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"
#include "temporary_folder.hpp"

#include <chrono>      // event time
#include <cstdint>     // numbers
#include <optional>    // what is forgotten
#include <random>      // readings
#include <set>         // origins
#include <string>      // records
#include <tuple>       // origins
#include <vector>      // readings

#include <muster/core/pipeline.hpp>       // pipeline
#include <muster/exec/thread_pool.hpp>    // thread_pool
#include <muster/flow/file_lines.hpp>     // file_lines
#include <muster/flow/flatten.hpp>        // flatten
#include <muster/flow/session.hpp>        // session
#include <muster/flow/stream.hpp>         // stream
#include <muster/flow/tumbling.hpp>       // tumbling
#include <muster/flow/with_state.hpp>     // with_state
#include <muster/policy/named.hpp>        // named
#include <muster/policy/on.hpp>           // on
#include <muster/policy/retry.hpp>        // retry

// Flows with operators in them: what these remember is committed with the offset, so that a run that ends anywhere and is begun again gives
// what one that goes through gives.

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct reading {
    std::chrono::sys_time<std::chrono::seconds> at;
    std::string sensor;
    int value = 0;
    friend bool operator==(reading const&, reading const&) = default;
};
outcome<reading> parsed(std::string_view line) {
    auto const first = line.find(' '), second = line.find(' ', first + 1);
    if (second == line.npos) return failure{cause::invalid_input, "no reading: " + std::string{line}};
    return reading{std::chrono::sys_time<std::chrono::seconds>{std::chrono::seconds{std::stoll(std::string{line.substr(0, first)})}},
                   std::string{line.substr(first + 1, second - first - 1)}, std::stoi(std::string{line.substr(second + 1)})};
}
std::string written(reading const& one) { return std::to_string(one.at.time_since_epoch().count()) + ' ' + one.sensor + ' ' + std::to_string(one.value) + '\n'; }

// Mostly on the way up, a little out of order, some too late; some lines are no readings.
std::string some_readings(std::size_t n, unsigned seed) {
    std::mt19937 dice{seed};
    std::string out;
    std::int64_t at = 1'700'000'000;
    for (std::size_t i = 0; i < n; ++i) {
        at += static_cast<std::int64_t>(dice() % 4);
        auto const back = static_cast<std::int64_t>(dice() % 8);
        auto const sensor = std::string(1, static_cast<char>('a' + dice() % 5));
        out += dice() % 50 == 0 ? "nothing\n"s : written({std::chrono::sys_time<std::chrono::seconds>{std::chrono::seconds{at - back}}, sensor, static_cast<int>(dice() % 10)});
    }
    return out;
}

auto const count_of = with_state{&reading::sensor, 0, [](int& n, reading const& one) { return one.sensor + std::to_string(++n); }};
auto const sums = tumbling{{.size = 10s, .out_of_order = 4s}, &reading::at, &reading::sensor, 0, [](int sum, reading const& one) { return sum + one.value; }};
using sum = windowed<std::string, int, std::chrono::sys_time<std::chrono::seconds>>;
auto const shown = [](sum const& one) { return one.key + '@' + std::to_string(one.from.time_since_epoch().count()) + '=' + std::to_string(one.value); };

// The number of texts in each window, which is 10 s of their lengths.
auto sums_of_texts(std::chrono::seconds size = 10s) {
    return tumbling{{.size = size}, [](std::string const& text) { return std::chrono::seconds{text.size()}; }, ""s,
                    [](std::string all, std::string const& text) { return all + text; }};
}

struct letters {
    std::vector<std::string> texts;
    void put(failure const& what) { texts.push_back(what.text()); }
};

/// What a stream gives, and what fails in it: the run is to give the same.
template <class Flow>
auto streamed(std::string const& text, Flow const& flow, letters& dead) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    std::vector<std::string> out;
    for (auto& each : stream(lines, flow, dead)) out.push_back(std::move(each));
    return out;
}

template <class Journal>
void check_origins(Journal const& to) {
    std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>> seen;
    for (auto const& each : to.outputs) CHECK(seen.insert({each.from.partition, each.from.offset, each.from.part}).second);
}

int all_lives = 0;

template <class Flow, class Serial>
void goes_on_as_a_stream(Flow const& flow, Serial const& serial, unsigned seed) {
    temporary_folder const folder;
    auto const text = some_readings(400, seed);
    auto const path = folder.put("in", text);
    letters dead;
    auto const wanted = streamed(text, serial, dead);
    std::mt19937 dice{seed};
    for (auto const guarantee : {delivery::exactly_once, delivery::at_least_once}) {
        memory_journal<std::string> to;
        int lives = 0;
        for (bool over = false; !over; ++lives) {
            REQUIRE(lives < 1'000);
            std::stop_source stop;
            context cx{stop.get_token()};
            run_options options{.guarantee = guarantee, .records = 1 + dice() % 60};
            auto const how = dice() % 3;
            auto last = dice() % 6;
            to.answer = [&](context&, journal_entry<std::string> const&) -> outcome<void> {
                if (how == 0 && last-- == 0 && guarantee == delivery::exactly_once) return failure{cause::unavailable, "the disk is gone"};
                if (how == 1 && last-- == 0) stop.request_stop();
                return {};
            };
            auto const done = run(file_lines{path}, flow, to, options, cx);
            over = done && !done->stopped;
            if (over) CHECK(done->reached == std::vector<std::uint64_t>{text.size()});
        }
        all_lives += lives;
        CHECK(to.values() == wanted);
        CHECK(to.dead.size() == dead.texts.size());
        check_origins(to);
        to.answer = {};
        auto const again = run(file_lines{path}, flow, to).value();
        CHECK(again.in == 0);
        CHECK(again.commits == 0);
        CHECK(to.values() == wanted);
    }
}

template <class Flow>
void goes_on_as_a_stream(Flow const& flow, unsigned seed) {
    goes_on_as_a_stream(flow, flow, seed);
}

}  // namespace

TEST_CASE("run: operators go on where they were, whenever the run is ended and begun again", "[flow][run][operators]") {
    thread_pool pool{{.workers = 2}};
    auto const burst = session{{.gap = 6s, .out_of_order = 4s}, &reading::at, &reading::sensor, 0, [](int n, reading const&) { return n + 1; }, std::plus<>{}};
    for (unsigned seed = 0; seed < 8; ++seed) {
        goes_on_as_a_stream(pipeline{parsed, count_of}, seed);
        goes_on_as_a_stream(pipeline{parsed, sums, shown}, seed);
        goes_on_as_a_stream(pipeline{on{pool} | parsed, sums, on{pool} | retry{.delay = 0s} | shown}, pipeline{parsed, sums, shown}, seed);
        goes_on_as_a_stream(pipeline{parsed, burst, shown}, seed);
        // One behind the other: the readings that are the first of their sensor in a window of its sums.
        goes_on_as_a_stream(pipeline{parsed, with_state{&reading::sensor, std::optional<int>{}, [](std::optional<int>& before, reading const& one) {
                                         auto const grown = one.value > before.value_or(0);
                                         before = one.value == 9 ? std::nullopt : std::optional{one.value};
                                         return grown ? std::optional{one} : std::nullopt;
                                     }},
                                     sums, shown},
                            seed);
        goes_on_as_a_stream(pipeline{with_state{[](std::string_view line) { return line.size(); }, 0,
                                                [](int& n, std::string_view line) { return std::string{line} + std::to_string(++n); }}},
                            seed);
    }
    CHECK(all_lives > 200);
}

TEST_CASE("run: what an operator remembers is committed with the offset, and of keys no more than what has changed", "[flow][run][operators]") {
    temporary_folder const folder;
    std::string text;
    for (auto const* sensor : {"a", "b", "c", "a", "a", "a", "b", "a", "d"}) text += "1 "s + sensor + " 1\n";
    memory_journal<std::string> to;
    std::vector<std::vector<std::size_t>> said;    // keys, and which are gone
    to.answer = [&](context&, journal_entry<std::string> const& entry) -> outcome<void> {
        CHECK((entry.next != nullptr) == !entry.states.empty());
        std::size_t keys = 0, heads = 0, gone = 0;
        for (auto const& each : entry.states) ++(each.key.empty() ? heads : each.bytes ? keys : gone);
        said.push_back({heads, keys, gone});
        return {};
    };
    auto const thrice = with_state{&reading::sensor, std::optional<int>{}, [](std::optional<int>& n, reading const& one) {
                                       n = n.value_or(0) + 1;
                                       if (*n == 3) n.reset();
                                       return one.sensor;
                                   }};
    REQUIRE(run(file_lines{folder.put("in", text)}, pipeline{parsed, thrice}, to, {.records = 3}));
    using row = std::vector<std::size_t>;
    CHECK(said == std::vector<row>{{1, 3, 0}, {0, 1, 0}, {1, 3, 0}});
    CHECK(to.states.size() == 5);
    folder.put("in", text + "1 a 1\n");
    said.clear();
    REQUIRE(run(file_lines{folder / "in"}, pipeline{parsed, thrice}, to));
    CHECK(said == std::vector<row>{{1, 0, 1}});    // the third of a: it is forgotten
    CHECK(to.states.size() == 4);
}

TEST_CASE("run: what fails in an operator or behind it is a dead letter with what it was given", "[flow][run][operators]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "1 a 1\n1 b 2\n1 c 3\nnothing\n1 a 4\n");
    auto const few = with_state{&reading::sensor, 0, [](int& n, reading const& one) { return n += one.value; }, {.most = 2}};
    auto const odd = named{"odd"} | retry{.attempts = 2, .delay = 0s} | [](int n) -> outcome<int> {
        if (n % 2 == 0) return failure{cause::unavailable, "even"};
        return n;
    };
    memory_journal<int> to;
    auto const done = run(file_lines{path, {.name = "in"}}, pipeline{parsed, few, odd}, to).value();
    CHECK(to.values() == std::vector{1, 5});
    CHECK(done.in == 5);
    CHECK(done.out == 2);
    CHECK(done.dead == 3);
    CHECK(done.retried == 1);
    REQUIRE(to.dead.size() == 3);
    CHECK(to.dead[0].item<std::string>() == "nothing");
    CHECK(to.dead[1].item<reading>() == reading{std::chrono::sys_time<std::chrono::seconds>{1s}, "c", 3});
    CHECK(to.dead[1].kind == cause::exhausted);
    CHECK(to.dead[1].offset == 12);
    CHECK(to.dead[2].item<int>() == 2);
    CHECK(to.dead[2].stage == "odd");
    CHECK(to.dead[2].attempts == 2);
    CHECK(to.dead[2].offset == 6);
    CHECK(to.dead[2].path == std::vector<std::size_t>{1});

    memory_journal<int> counted;
    CHECK(run(file_lines{path}, pipeline{parsed, few, odd}, counted, {.on_failure = failed_record::skip}).value().skipped == 3);
    CHECK(counted.dead.empty());
}

TEST_CASE("run: a failure that ends the run, in an operator or behind it, takes its batch back as a whole", "[flow][run][operators]") {
    temporary_folder const folder;
    std::string text;
    for (int i = 0; i < 20; ++i) text += "1 a 1\n";
    auto const path = folder.put("in", text);
    bool bad = true;
    auto const limited = [&](std::string const& one) -> outcome<std::string> {
        if (bad && one == "a8") return failure{cause::unavailable, "not eight"};
        return one;
    };
    memory_journal<std::string> to;
    run_options const options{.records = 5, .on_failure = failed_record::stop};
    auto const flow = pipeline{parsed, count_of, limited};
    CHECK(run(file_lines{path}, flow, to, options).error().text() == "not eight");
    CHECK(to.values() == std::vector{"a1"s, "a2"s, "a3"s, "a4"s, "a5"s});
    bad = false;
    CHECK(run(file_lines{path}, flow, to, options).value().in == 15);
    CHECK(to.values().size() == 20);
    CHECK(to.values().back() == "a20");
}

TEST_CASE("run: a stop behind an operator takes the batch back, and the next run does it", "[flow][run][operators]") {
    temporary_folder const folder;
    std::string text;
    for (int i = 0; i < 20; ++i) text += "1 a 1\n";
    auto const path = folder.put("in", text);
    memory_journal<std::string> to;
    std::stop_source stop;
    context cx{stop.get_token()};
    auto const flow = pipeline{parsed, count_of, [&](std::string const& one) {
                                   if (one == "a8") stop.request_stop();
                                   return one;
                               }};
    auto const done = run(file_lines{path}, flow, to, {.records = 5}, cx).value();
    CHECK(done.stopped);
    CHECK(done.in == 5);
    CHECK(to.values().size() == 5);
    CHECK(run(file_lines{path}, flow, to, {.records = 5}).value().in == 15);
    CHECK(to.values().back() == "a20");
}

TEST_CASE("run: a flow that remembers something else than the journal is refused, and nothing is read", "[flow][run][operators]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "1 a 1\n2 b 2\n");
    memory_journal<std::string> to, plain;
    auto const text_of = [](windowed<std::monostate, std::string, std::chrono::seconds> const& one) { return one.value; };
    REQUIRE(run(file_lines{path, {.name = "in"}}, pipeline{parsed, count_of, sums_of_texts(), text_of}, to, {.records = 1}));
    auto const before = to.positions;
    auto const said = [&](auto const& flow) {
        folder.put("in", "1 a 1\n2 b 2\n3 c 3\n");
        auto const done = run(file_lines{path, {.name = "in"}}, flow, to);
        REQUIRE(!done);
        CHECK(done.error().is(cause::invalid_input));
        CHECK(to.positions == before);
        return done.error().text();
    };
    CHECK(said([](std::string_view line) { return std::string{line}; }) ==
          "muster: the journal has what operator 2 of a flow remembers of \"in\", and this flow has 0: the flow was changed");
    CHECK(said(pipeline{parsed, count_of}) == "muster: the journal has what operator 2 of a flow remembers of \"in\", and this flow has 1: the flow was changed");
    CHECK(said(pipeline{parsed, with_state{&reading::value, 0, [](int&, reading const& one) { return one.sensor; }}, sums_of_texts(), text_of}) ==
          "muster: what the journal has of operator 1 is of another type: the flow was changed, or its types were");
    CHECK(said(pipeline{parsed, count_of, sums_of_texts(20s), text_of}) == "muster: what the journal has of operator 2 is of other windows: the flow was changed");
    to.states.begin()->second.bytes->resize(3);
    CHECK(said(pipeline{parsed, count_of, sums_of_texts(), text_of}).find("muster: what the journal has of operator 1 cannot be read") == 0);
    to.states.erase(to.states.begin());
    CHECK(said(pipeline{parsed, count_of, sums_of_texts(), text_of}) == "muster: what the journal has of operator 1 is of 2 keys, and should be of 0");
    to.states.erase(std::prev(to.states.end()));
    CHECK(said(pipeline{parsed, count_of, sums_of_texts(), text_of}).find("operator 1 is of 2 keys") != std::string::npos);

    folder.put("in", "1 a 1\n2 b 2\n");
    REQUIRE(run(file_lines{path, {.name = "in"}}, [](std::string_view line) { return std::string{line}; }, plain));
    CHECK(run(file_lines{path, {.name = "in"}}, pipeline{parsed, count_of}, plain).error().text().find("was read by a flow without operators") != std::string::npos);
    CHECK(run(file_lines{path}, pipeline{parsed, count_of}, to, {.guarantee = delivery::at_most_once}).error().is(cause::invalid_input));
}
