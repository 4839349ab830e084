#include <muster/flow/run.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"
#include "temporary_folder.hpp"

#include <algorithm>    // sort
#include <cstdint>      // offsets
#include <fstream>      // what is appended
#include <memory>       // values that only move
#include <optional>     // filters
#include <stdexcept>    // what a task throws
#include <string>       // records
#include <vector>       // records

#include <muster/core/pipeline.hpp>          // pipeline
#include <muster/exec/thread_pool.hpp>       // thread_pool
#include <muster/flow/file_lines.hpp>        // file_lines
#include <muster/policy/deadline.hpp>        // deadline
#include <muster/policy/named.hpp>           // named
#include <muster/policy/on.hpp>              // on
#include <muster/policy/retry.hpp>           // retry
#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;
using muster::testing::manual_time;

namespace {

std::chrono::system_clock::time_point fixed() { return std::chrono::system_clock::time_point{1'700'000'000s}; }

int number_of(std::string_view line) { return std::stoi(std::string{line}); }

// The numbers 0 to n-1, in several partitions: number i is in partition i % parts. Offsets are 100, 101, ...
class numbers {
public:
    using value_type = int;
    numbers(int n, int parts = 1) : n_(n), parts_(parts) {}
    static constexpr std::uint64_t first = 100;

    std::string_view name() const { return "numbers"; }
    std::uint64_t partitions() const { return static_cast<std::uint64_t>(parts_); }
    outcome<void> resume(context&, std::uint64_t partition, source_position const& at) {
        begun.push_back({static_cast<int>(partition), at});
        if (at.offset != 0 && at.mark != "mark " + std::to_string(at.offset)) return failure{cause::invalid_input, "not what was read"};
        return {};
    }
    outcome<void> read(context&, std::uint64_t partition, std::uint64_t offset, read_bounds const& bounds, source_batch<int>& into) {
        if (broken_at && offset >= *broken_at) return failure{cause::unavailable, "the disk is gone"};
        for (auto at = std::max(offset, first); into.records.size() < bounds.records; ++at) {
            auto const number = static_cast<int>(partition) + static_cast<int>(at - first) * parts_;
            into.ended = number >= n_;
            if (into.ended) break;
            if (number == unreadable) into.records.push_back({at, failure{cause::exhausted, "too long"}});
            else into.records.push_back({at, number});
            into.next = at + 1;
        }
        return {};
    }
    outcome<std::string> mark(std::uint64_t, std::uint64_t offset) { return "mark " + std::to_string(offset); }

    std::vector<std::pair<int, source_position>> begun;
    std::optional<std::uint64_t> broken_at;
    int unreadable = -1;

private:
    int n_, parts_;
};

std::vector<int> up_to(int n) {
    std::vector<int> out;
    for (int i = 0; i < n; ++i) out.push_back(i);
    return out;
}

auto const same = [](int number) { return number; };

struct no_name {
    using value_type = int;
    std::uint64_t partitions() const;
    outcome<void> resume(context&, std::uint64_t, source_position const&);
    outcome<void> read(context&, std::uint64_t, std::uint64_t, read_bounds const&, source_batch<int>&);
    outcome<std::string> mark(std::uint64_t, std::uint64_t);
};

}  // namespace

static_assert(record_source<numbers>);
static_assert(!record_source<no_name>);
static_assert(!record_source<std::vector<int>>);
static_assert(journal_for<memory_journal<int>, int>);
static_assert(!journal_for<memory_journal<int>, std::string>);

TEST_CASE("run: every record goes through the flow once, and its origin with it", "[flow][run]") {
    numbers from{10};
    memory_journal<std::string> to;
    auto const done = run(from, [](int number, context& cx) {
        CHECK(cx.from() == origin{.source = "numbers", .partition = 0, .offset = 100 + static_cast<std::uint64_t>(number), .part = 0, .epoch = 1});
        CHECK(cx.index() == static_cast<std::size_t>(number));
        return "n" + std::to_string(number);
    }, to, {.records = 4}).value();
    CHECK(to.values() == std::vector{"n0"s, "n1"s, "n2"s, "n3"s, "n4"s, "n5"s, "n6"s, "n7"s, "n8"s, "n9"s});
    for (std::size_t i = 0; i < 10; ++i) CHECK(to.outputs[i].from == origin{.source = {}, .partition = 0, .offset = 100 + i, .part = 0, .epoch = 1});
    CHECK(to.sources.front() == "numbers");
    CHECK(to.log == std::vector{"work 4, to 104"s, "work 4, to 108"s, "work 2, to 110"s});
    CHECK(done.in == 10);
    CHECK(done.out == 10);
    CHECK(done.commits == 3);
    CHECK(done.resumed == std::vector<std::uint64_t>{0});
    CHECK(done.reached == std::vector<std::uint64_t>{110});
    CHECK_FALSE(done.stopped);
}

TEST_CASE("run: it begins where the last one was committed, and says so", "[flow][run]") {
    memory_journal<int> to;
    numbers from{10};
    REQUIRE(run(numbers{6}, same, to));
    auto const more = run(from, same, to).value();
    CHECK(to.values() == up_to(10));
    CHECK(more.resumed == std::vector<std::uint64_t>{106});
    CHECK(more.epoch == 2);
    CHECK(more.in == 4);
    CHECK(from.begun.at(0).second == source_position{106, "mark 106"});
    CHECK(run(from, same, to).value().in == 0);
    CHECK(to.values() == up_to(10));

    to.positions.begin()->second.mark = "another";
    CHECK(run(from, same, to).error().is(cause::invalid_input));
}

TEST_CASE("run: partitions take turns, each with its own offset", "[flow][run]") {
    memory_journal<int> to;
    auto const done = run(numbers{100, 3}, same, to, {.records = 5}).value();
    CHECK(done.in == 100);
    CHECK(done.reached == std::vector<std::uint64_t>{134, 133, 133});
    auto values = to.values();
    CHECK(std::vector<int>(values.begin(), values.begin() + 15) == std::vector{0, 3, 6, 9, 12, 1, 4, 7, 10, 13, 2, 5, 8, 11, 14});
    std::sort(values.begin(), values.end());
    CHECK(values == up_to(100));
    CHECK(run(numbers{100, 3}, same, to).value().in == 0);
}

TEST_CASE("run: a record becomes none, one or several outputs, or is only worked on", "[flow][run]") {
    memory_journal<int> even, many;
    memory_journal<no_output> nothing;
    CHECK(run(numbers{10}, [](int number) { return number % 2 == 0 ? std::optional{number} : std::nullopt; }, even).value().out == 5);
    CHECK(even.values() == std::vector{0, 2, 4, 6, 8});
    CHECK(run(numbers{4}, [](int number) { return std::vector<int>(static_cast<std::size_t>(number), number); }, many).value().out == 6);
    CHECK(many.values() == std::vector{1, 2, 2, 3, 3, 3});
    CHECK(many.outputs[2].from == origin{.source = {}, .partition = 0, .offset = 102, .part = 1, .epoch = 1});
    int sum = 0;
    auto const done = run(numbers{10}, [&](int number) { sum += number; }, nothing).value();
    CHECK(sum == 45);
    CHECK(done.in == 10);
    CHECK(done.out == 0);
    CHECK(nothing.log == std::vector{"to 110"s});
}

TEST_CASE("run: values that only move go through", "[flow][run]") {
    struct holder {
        std::unique_ptr<int> value;
    };
    struct {
        outcome<journal_start> begin(context&, std::string_view, std::uint64_t) { return journal_start{1, {{}}}; }
        outcome<void> commit(context&, journal_entry<holder> const& entry) {
            for (auto const& each : entry.outputs) sum += *each.value.value;
            return {};
        }
        int sum = 0;
    } to;
    REQUIRE(run(numbers{10}, [](int number) { return holder{std::make_unique<int>(number)}; }, to));
    CHECK(to.sum == 45);
}

TEST_CASE("run: a record that fails is a dead letter of the same commit, with its payload and its place", "[flow][run]") {
    memory_journal<int> to;
    auto const flow = named{"check"} | retry{.attempts = 2, .delay = 0s} | [](int number) -> outcome<int> {
        if (number == 4) return failure{cause::unavailable, "not four"};
        return number;
    };
    auto const done = run(numbers{6}, flow, to, {.records = 3, .clock = fixed}).value();
    CHECK(to.values() == std::vector{0, 1, 2, 3, 5});
    CHECK(to.log == std::vector{"work 3, to 103"s, "work 3, to 106"s});
    REQUIRE(to.dead.size() == 1);
    auto const& dead = to.dead[0];
    CHECK(dead.item<int>() == 4);
    CHECK(dead.stage == "check");
    CHECK(dead.attempts == 2);
    CHECK(dead.kind == cause::unavailable);
    CHECK(dead.text == "not four");
    CHECK(dead.path == std::vector<std::size_t>{4});
    CHECK(dead.source == "numbers");
    CHECK(dead.offset == 104);
    CHECK(dead.epoch == 1);
    CHECK(dead.time == fixed());
    CHECK(done.in == 6);
    CHECK(done.out == 5);
    CHECK(done.dead == 1);
}

TEST_CASE("run: a record that throws, or cannot be read, is a dead letter too", "[flow][run]") {
    memory_journal<int> to;
    numbers from{6};
    from.unreadable = 2;
    auto const done = run(from, [](int number) { return number == 4 ? throw std::runtime_error{"four"} : number; }, to).value();
    CHECK(to.values() == std::vector{0, 1, 3, 5});
    CHECK(done.dead == 2);
    CHECK(to.dead.at(0).form == payload_form::none);
    CHECK(to.dead.at(0).text == "too long");
    CHECK(to.dead.at(0).offset == 102);
    CHECK(to.dead.at(1).kind == cause::threw);
    CHECK(to.dead.at(1).text == "four");
}

TEST_CASE("run: failed records may be skipped, and are counted", "[flow][run]") {
    memory_journal<int> to;
    auto const odd = [](int number) -> outcome<int> { return number % 2 != 0 ? outcome<int>{number} : failure{cause::invalid_input, "even"}; };
    auto const done = run(numbers{10}, odd, to, {.on_failure = failed_record::skip}).value();
    CHECK(to.values() == std::vector{1, 3, 5, 7, 9});
    CHECK(to.dead.empty());
    CHECK(done.skipped == 5);
    CHECK(done.failed() == 5);
    CHECK(done.in == done.out + done.failed());
}

TEST_CASE("run: a failed record may end the run; what came before it is committed, and the next run begins with it", "[flow][run]") {
    thread_pool pool{{.workers = 2}};
    for (bool const parallel : {false, true}) {
        memory_journal<int> to;
        bool bad = true;
        auto const flow = [&](int number) -> outcome<int> { return number == 7 && bad ? outcome<int>{failure{cause::unavailable, "seven"}} : number; };
        run_options const options{.records = 5, .on_failure = failed_record::stop};
        auto const done = parallel ? run(numbers{10}, on{pool} | flow, to, options) : run(numbers{10}, flow, to, options);
        CHECK(done.error().text() == "seven");
        CHECK(to.values() == up_to(7));
        bad = false;
        CHECK(run(numbers{10}, flow, to, options).value().resumed == std::vector<std::uint64_t>{107});
        CHECK(to.values() == up_to(10));
        CHECK(to.dead.empty());
    }
}

TEST_CASE("run: with a place, the records of a batch run at once, and are committed in order", "[flow][run]") {
    thread_pool pool{{.workers = 3}};
    memory_journal<int> to;
    auto const flow = pipeline{named{"twice"} | on{pool} | [](int number) { return 2 * number; }, [](int number) { return number / 2; }};
    auto const done = run(numbers{5'000}, on{pool} | flow, to, {.records = 300}).value();
    CHECK(to.values() == up_to(5'000));
    CHECK(done.commits == 17);
}

TEST_CASE("run: a stop commits what is finished of the open batch, and the next run does the rest", "[flow][run]") {
    for (int at = 0; at < 12; ++at) {
        memory_journal<int> to;
        std::stop_source stop;
        context cx{stop.get_token()};
        auto const flow = [&](int number) {
            if (number == at) stop.request_stop();
            return number;
        };
        auto const done = run(numbers{12}, flow, to, {.records = 5}, cx).value();
        CHECK(to.values() == up_to(at + 1));
        CHECK(to.dead.empty());
        CHECK(done.in == static_cast<std::uint64_t>(at) + 1);
        CHECK(done.stopped == (at != 11));    // then the source has ended as well
        CHECK(run(numbers{12}, same, to).value().in == static_cast<std::uint64_t>(11 - at));
        CHECK(to.values() == up_to(12));
    }
}

TEST_CASE("run: a record that a stop or the deadline interrupts is no dead letter, and is read again", "[flow][run]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const until = cx.change_deadline(cx.now() + 10s);
    memory_journal<int> to;
    auto const flow = [](int number, context& inside) -> outcome<int> {
        if (auto const waited = inside.pause(3s); !waited) return waited.error();
        return number;
    };
    auto const done = run(numbers{6}, flow, to, {}, cx).value();
    CHECK(done.stopped);
    CHECK(to.values() == up_to(3));
    CHECK(to.dead.empty());
    CHECK(done.reached == std::vector<std::uint64_t>{103});
    CHECK(done.took == 10s);
}

TEST_CASE("run: a deadline of the record's own makes a dead letter", "[flow][run]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    memory_journal<int> to;
    auto const flow = deadline{1s} | [](int number, context& inside) -> outcome<int> {
        if (auto const waited = inside.pause(number == 2 ? 3s : 0s); !waited) return waited.error();
        return number;
    };
    CHECK(run(numbers{6}, flow, to, {}, cx).value().dead == 1);
    CHECK(to.dead.at(0).kind == cause::timed_out);
    CHECK(to.values() == std::vector{0, 1, 3, 4, 5});
}

TEST_CASE("run: what is asked for is when the offset is committed: before the work, after it, or with it", "[flow][run]") {
    auto const log = [](delivery which) {
        memory_journal<int> to;
        std::vector<std::string> all;
        run_options options{.guarantee = which, .records = 3};
        options.at = [&](run_point where, run_result const& so_far) {
            static constexpr char const* names[]{"read", "process", "before", "after"};
            all.push_back(names[static_cast<int>(where)] + (" " + std::to_string(so_far.commits)));
        };
        to.answer = [&](context&, journal_entry<int> const& entry) -> outcome<void> {
            all.push_back((entry.outputs.empty() ? "" : "output ") + (entry.next ? "offset "s : ""s));
            return {};
        };
        auto const done = run(numbers{3}, same, to, options).value();
        CHECK(done.in == 3);
        CHECK(done.out == 3);
        return all;
    };
    CHECK(log(delivery::exactly_once) == std::vector{"read 0"s, "process 0"s, "before 0"s, "output offset "s, "after 1"s});
    CHECK(log(delivery::at_least_once) ==
          std::vector{"read 0"s, "process 0"s, "before 0"s, "output "s, "after 1"s, "before 1"s, "offset "s, "after 2"s});
    CHECK(log(delivery::at_most_once) ==
          std::vector{"read 0"s, "before 0"s, "offset "s, "after 1"s, "process 1"s, "before 1"s, "output "s, "after 2"s});
}

TEST_CASE("run: a commit that fails ends the run, and what was not committed is done again", "[flow][run]") {
    memory_journal<int> to;
    int commits = 0;
    to.answer = [&](context&, journal_entry<int> const&) -> outcome<void> {
        if (++commits == 3) return failure{cause::exhausted, "the disk is full"};
        return {};
    };
    auto const done = run(numbers{20}, same, to, {.records = 4});
    CHECK(done.error().text() == "the disk is full");
    CHECK(to.values() == up_to(8));
    CHECK(run(numbers{20}, same, to, {.records = 4}).value().in == 12);
    CHECK(to.values() == up_to(20));
}

TEST_CASE("run: a commit is not cut short by the stop of the run", "[flow][run]") {
    memory_journal<int> to;
    std::stop_source stop;
    context cx{stop.get_token()};
    auto const until = cx.change_deadline(cx.now() + 1h);
    to.answer = [&](context& inside, journal_entry<int> const&) -> outcome<void> {
        CHECK_FALSE(inside.stop_requested());
        CHECK(inside.deadline() == never);
        return {};
    };
    CHECK(run(numbers{3}, [&](int number) { return stop.request_stop(), number; }, to, {}, cx).value().in == 1);
    CHECK(to.values() == up_to(1));
}

TEST_CASE("run: whoever begins later takes over, and the earlier one writes nothing more", "[flow][run]") {
    memory_journal<int> to;
    bool first = true;
    run_options options{.records = 4};
    options.at = [&](run_point where, run_result const& so_far) {
        if (where != run_point::after_process || so_far.commits != 1 || !std::exchange(first, false)) return;
        CHECK(run(numbers{20}, same, to).value().resumed == std::vector<std::uint64_t>{104});
    };
    CHECK(run(numbers{20}, same, to, options).error().is(cause::rejected));
    CHECK(to.values() == up_to(20));
}

TEST_CASE("run: a source that fails ends the run with what was committed before", "[flow][run]") {
    memory_journal<int> to;
    numbers from{20};
    from.broken_at = 108;
    CHECK(run(from, same, to, {.records = 4}).error().text() == "the disk is gone");
    CHECK(to.values() == up_to(8));
}

TEST_CASE("run: at most once, a stop reads again only what was not begun", "[flow][run]") {
    memory_journal<int> to;
    std::stop_source stop;
    context cx{stop.get_token()};
    std::vector<int> begun;
    auto const flow = [&](int number, context& inside) -> outcome<int> {
        begun.push_back(number);
        if (number != 5) return number;
        stop.request_stop();
        return inside.interruption();    // it gave up in the middle
    };
    run_options const options{.guarantee = delivery::at_most_once, .records = 4};
    CHECK(run(numbers{12}, flow, to, options, cx).value().stopped);
    CHECK(to.values() == up_to(5));
    CHECK(run(numbers{12}, flow, to, options).value().in == 6);
    CHECK(begun == up_to(12));    // nothing twice
    CHECK(to.values() == std::vector{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11});
}

TEST_CASE("run: it follows a file of lines as it grows, and a stop ends it", "[flow][run][file_lines]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "1\n2\n3\n");
    memory_journal<int> to;
    std::stop_source stop;
    manual_time time{manual_time::jumping};
    context cx{stop.get_token(), time};
    run_options options{.records = 100, .linger = 50ms};
    options.at = [&](run_point where, run_result const& so_far) {
        if (where != run_point::after_commit) return;
        if (so_far.commits == 1) std::ofstream{path, std::ios::app} << "4\n5";
        if (so_far.commits == 2) std::ofstream{path, std::ios::app} << "0\n6\n7";
        if (so_far.commits == 3) stop.request_stop();
    };
    auto const done = run(file_lines{path, {.follow = true}}, number_of, to, options, cx).value();
    CHECK(done.stopped);
    CHECK(to.values() == std::vector{1, 2, 3, 4, 50, 6});
    CHECK(run(file_lines{path}, number_of, to).value().resumed == std::vector<std::uint64_t>{13});
    CHECK(to.values() == std::vector{1, 2, 3, 4, 50, 6, 7});

    folder.put("in", "1\n");
    CHECK(run(file_lines{path}, number_of, to).error().text().find("is shorter than the offset 14") != std::string::npos);
}

TEST_CASE("run: nothing to do commits nothing, and a batch of no records is refused", "[flow][run]") {
    memory_journal<int> to;
    CHECK(run(numbers{0}, same, to).value().commits == 0);
    CHECK(run(numbers{5}, same, to, {.records = 0}).error().is(cause::invalid_input));
    CHECK(to.log.empty());
}
