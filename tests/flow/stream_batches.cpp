// Batches in streams: a file beside stream.cpp, which is long enough.
#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"
#include "flow/kept_failures.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/flatten.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::answers_of;
using testing::check_sums;
using testing::numbers;

namespace {


// Answers each item with itself, and notes how many came at once.
struct noting {
    struct notes {
        std::mutex mutex;
        std::vector<std::size_t> sizes;
        [[nodiscard]] std::size_t most() {
            std::lock_guard lock(mutex);
            return sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end());
        }
        [[nodiscard]] std::size_t sum() {
            std::lock_guard lock(mutex);
            return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
        }
    };
    notes* to;
    std::vector<outcome<int>> operator()(std::span<int const> some) const {
        std::lock_guard lock(to->mutex);
        to->sizes.push_back(some.size());
        return {some.begin(), some.end()};
    }
};
std::vector<outcome<int>> no_sevens(std::span<int const> some) {
    std::vector<outcome<int>> out;
    for (int const n : some) {
        if (n % 10 == 7) out.emplace_back(failure{cause::invalid_input, "a seven"});
        else out.emplace_back(2 * n);
    }
    return out;
}

// Gives `n` numbers in all, `first` of them at once, and the others when it is let go on.
class halting_source {
public:
    halting_source(int first, int n) : first_(first), n_(n) {}
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        halting_source* of = nullptr;
        int operator*() const { return of->at_; }
        iterator& operator++() {
            if (++of->at_ == of->first_) {
                of->halted.set();
                (void)of->go_on.wait();
            }
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return of->at_ >= of->n_; }
    };
    iterator begin() { return {this}; }
    static std::default_sentinel_t end() { return {}; }
    testing::event halted, go_on;

private:
    int first_, n_, at_ = 0;
};

std::vector<int> sorted(std::vector<int> some) {
    std::sort(some.begin(), some.end());
    return some;
}

}  // namespace

TEST_CASE("stream: batched without workers fills each batch, and the last one is what is left", "[flow][stream][batched]") {
    noting::notes seen;
    auto answers = stream(numbers(10), pipeline{[](int n) { return n + 1; }, named{"four"} | batched{4} | noting{&seen}, [](int n) { return n - 1; }});
    CHECK(answers_of(answers) == numbers(10));
    CHECK(seen.sizes == std::vector<std::size_t>{4, 4, 2});
    auto const report = answers.report();
    check_sums(report);
    CHECK(report.stages[1] == stream_stage_report{.name = "four", .in = 10, .out = 10, .batches = 3});
    CHECK(report.stages[2].in == 10);
}

TEST_CASE("stream: batched in front of workers and behind them gives each item its outcome under its own index", "[flow][stream][batched]") {
    thread_pool pool{3};
    blocking_pool waits{4};
    auto const check = [](auto&& answers) {
        std::vector<int> seen;
        for (auto& one : answers) {
            if (one) seen.push_back(*one);
            else {
                CHECK(one.error().index() % 10 == 7);
                CHECK(one.error().text() == "a seven");
                CHECK(one.error().stage() == "twice");
                CHECK(one.error().attempts() == 1);
                seen.push_back(-1);
            }
        }
        std::vector<int> should;
        for (int n = 0; n < 1'000; ++n) should.push_back(n % 10 == 7 ? -1 : 2 * n);
        CHECK(sorted(seen) == sorted(should));
        check_sums(answers.report());
    };
    auto const same = [](int n) { return n; };
    auto const few = named{"twice"} | batched{7} | no_sevens;
    check(stream(numbers(1'000), few));
    check(stream(numbers(1'000), pipeline{few, on{pool} | same}));
    check(stream(numbers(1'000), named{"twice"} | on{pool} | batched{7} | no_sevens));
    check(stream(numbers(1'000), pipeline{on{pool} | same, few}));
    check(stream(numbers(1'000), pipeline{on{pool} | same, few, [](int n) { return n; }}));
    check(stream(numbers(1'000), pipeline{on{pool} | same, named{"twice"} | on{waits, 3} | batched{7} | no_sevens, on{pool} | same}));
    check(stream(numbers(1'000), pipeline{on{pool} | same, named{"twice"} | on{waits, 3} | in_order{} | batched{7} | no_sevens, on{pool} | same}));
    check(stream(numbers(1'000), pipeline{on{pool} | buffer{1} | same, named{"twice"} | on{pool} | buffer{1} | batched{.size = 5} | no_sevens, on{pool} | buffer{1} | same}));
    inline_executor here;
    check(stream(numbers(1'000), pipeline{on{here} | same, named{"twice"} | on{here} | batched{7} | no_sevens, on{here} | same}));
}

TEST_CASE("stream: a batch takes what waits, at once, and is full under load", "[flow][stream][batched]") {
    blocking_pool pool{4};
    noting::notes seen;
    testing::event inside, go_on;
    std::atomic<bool> first{true};
    auto const slow_first = [&](std::span<int const> some) {
        if (first.exchange(false)) {
            inside.set();
            (void)go_on.wait();
        }
        return noting{&seen}(some);
    };
    halting_source source{1, 61};
    auto answers = stream(source, on{pool, 1} | batched{20} | slow_first);
    std::jthread const other{[&] {
        (void)inside.wait();    // one item, which waited for no other
        source.go_on.set();
        while (answers.report().stages[0].waiting < 60) std::this_thread::yield();
        go_on.set();
    }};
    CHECK(answers_of(answers) == numbers(61));
    CHECK(seen.sizes.front() == 1);
    CHECK(seen.sizes == std::vector<std::size_t>{1, 20, 20, 20});
    CHECK(answers.report().stages[0].batches == seen.sizes.size());
}

TEST_CASE("stream: with in_order batches keep the order, whoever is over first", "[flow][stream][batched]") {
    thread_pool pool{4};
    blocking_pool waits{4};
    for (int round = 0; round < 20; ++round) {
        noting::notes seen;
        auto const with_failures = [](int n) -> outcome<int> {
            if (n % 5 == 3) return failure{cause::invalid_input, "three"};
            return n;
        };
        std::vector<int> should = numbers(500);
        for (auto& n : should)
            if (n % 5 == 3) n = -1;
        CHECK(answers_of(stream(numbers(500), pipeline{on{waits, 1} | with_failures, on{pool, 4} | in_order{} | batched{6} | noting{&seen}})) == should);
        CHECK(seen.most() <= 6);
        CHECK(seen.sum() == 400);
    }
}

TEST_CASE("stream: a batch whose call fails fails each of its items, and one of the wrong length with wrong_shape", "[flow][stream][batched]") {
    blocking_pool pool{2};
    auto const run = [&](auto flow, cause of, unsigned attempts) {
        testing::kept_failures<int> kept;
        auto answers = stream(numbers(10), flow, kept);
        std::vector<int> seen;
        for (auto& one : answers) seen.push_back(one);
        CHECK(sorted(seen) == std::vector<int>{0, 1, 2, 3, 8, 9});
        std::vector<std::size_t> failed;
        for (auto const& [what, item] : kept.all) {
            CHECK(what.is(of));
            CHECK(what.attempts() == attempts);
            CHECK(item == static_cast<int>(what.index()));
            failed.push_back(what.index());
        }
        std::sort(failed.begin(), failed.end());
        CHECK(failed == std::vector<std::size_t>{4, 5, 6, 7});
        check_sums(answers.report());
    };
    auto const throws = [](std::span<int const> some) -> std::vector<outcome<int>> {
        if (some[0] == 4) throw std::runtime_error{"the second"};
        return {some.begin(), some.end()};
    };
    auto const refuses = [](std::span<int const> some) -> outcome<std::vector<outcome<int>>> {
        if (some[0] == 4) return failure{cause::unavailable, "the second"};
        return std::vector<outcome<int>>(some.begin(), some.end());
    };
    auto const shorter = [](std::span<int const> some) {
        std::vector<outcome<int>> out(some.begin(), some.end());
        if (some[0] == 4) out.pop_back();
        return out;
    };
    run(batched{4} | throws, cause::threw, 1);
    run(batched{4} | refuses, cause::unavailable, 1);
    run(batched{4} | shorter, cause::wrong_shape, 1);
    // Lingering long makes the batches full.
    run(on{pool, 1} | batched{.size = 4, .linger = 24h} | throws, cause::threw, 1);
    run(on{pool, 2} | batched{.size = 4, .linger = 24h} | refuses, cause::unavailable, 1);
    run(pipeline{on{pool, 1} | [](int n) { return n; }, on{pool, 1} | batched{.size = 4, .linger = 24h} | shorter}, cause::wrong_shape, 1);

    for (auto& one : stream(numbers(3), batched{4} | shorter)) CHECK(one);
    int count = 0;
    for (auto& one : stream(numbers(10), batched{4} | shorter))
        if (!one) {
            ++count;
            CHECK(one.error().text() == "the task answered 3 results for a batch of 4 items");
        }
    CHECK(count == 4);
}

TEST_CASE("stream: retry right of batched repeats the batch when the call failed, not when items did", "[flow][stream][batched]") {
    blocking_pool pool{2};
    testing::manual_time time{testing::manual_time::jumping};
    std::atomic<int> calls{0};
    auto const second_time = [&](std::span<int const> some, context& cx) -> outcome<std::vector<outcome<int>>> {
        ++calls;
        if (cx.attempt() == 1) return failure{cause::unavailable, "not yet"};
        std::vector<outcome<int>> out(some.begin(), some.end());
        out[1] = failure{cause::invalid_input, "second of the batch"};
        return out;
    };
    auto const never_well = [](std::span<int const>) -> outcome<std::vector<outcome<int>>> { return failure{cause::unavailable, "never"}; };
    context cx{time};
    auto alone = stream(numbers(6), batched{3} | retry{.attempts = 4} | second_time, cx);
    CHECK(answers_of(alone) == std::vector<int>{0, -1, 2, 3, -1, 5});
    CHECK(calls == 4);
    CHECK(alone.report().stages[0].retried == 2);
    CHECK(answers_of(stream(numbers(6), on{pool, 1} | batched{.size = 3, .linger = 24h} | retry{.attempts = 4} | second_time, cx)) == std::vector<int>{0, -1, 2, 3, -1, 5});
    for (auto& one : stream(numbers(4), batched{3} | retry{.attempts = 3} | never_well, cx)) {
        CHECK(one.error().attempts() == 3);
        CHECK(one.error().is(cause::unavailable));
    }
}

TEST_CASE("stream: a batch that lingers waits for more until then, and no thread waits with it", "[flow][stream][batched]") {
    blocking_pool pool{2};    // one for the source, one for both stages
    testing::manual_time time;
    halting_source source{3, 5};
    noting::notes seen;
    std::atomic<instant::rep> called_at{0};
    auto const noted = [&](std::span<int const> some) {
        instant::rep none = 0;
        called_at.compare_exchange_strong(none, time.now().time_since_epoch().count());
        return noting{&seen}(some);
    };
    auto const began = time.now();
    auto answers = stream(source, pipeline{on{pool, 1} | [](int n) { return n; }, on{pool, 1} | batched{.size = 10, .linger = 10ms} | noted}, context{time});
    std::jthread const other{[&] {
        (void)source.halted.wait();
        while (answers.report().stages[1].waiting != 3) std::this_thread::yield();
        CHECK(answers.report().stages[1].in == 0);
        while (called_at == 0) {
            time.advance(1ms);
            std::this_thread::yield();
        }
        source.go_on.set();
    }};
    CHECK(answers_of(answers) == numbers(5));
    CHECK(seen.sizes == std::vector<std::size_t>{3, 2});    // the end of the source closes the second
    CHECK(instant{instant::duration{called_at.load()}} - began >= 10ms);
}

TEST_CASE("stream: a batch that lingers waits for nothing once the source is over", "[flow][stream][batched]") {
    blocking_pool pool{2};
    testing::manual_time time;    // stands still
    auto const same = [](int n) { return n; };
    for (int round = 0; round < 300; ++round) {
        noting::notes seen;
        auto const how = batched{.size = 10, .linger = 1h};
        CHECK(answers_of(stream(numbers(5), pipeline{on{pool, 1} | same, on{pool, 1} | how | noting{&seen}}, context{time})) == numbers(5));
        CHECK(seen.sizes == std::vector<std::size_t>{5});
        CHECK(sorted(answers_of(stream(numbers(5), pipeline{on{pool, 2} | same, on{pool, 2} | how | noting{&seen}, on{pool, 2} | same}, context{time}))) == numbers(5));
    }
}

TEST_CASE("stream: a batch that lingers goes at once when it is full, by items or by bytes", "[flow][stream][batched]") {
    blocking_pool pool{2};
    testing::manual_time time;    // stands still
    noting::notes seen;
    CHECK(answers_of(stream(numbers(12), on{pool, 1} | batched{.size = 4, .linger = 1h} | noting{&seen}, context{time})) == numbers(12));
    CHECK(seen.sizes == std::vector<std::size_t>{4, 4, 4});

    std::vector<std::string> const words{"four", "four", "eight is", "a", "b", "c", "much more than eight", "d"};
    for (bool const threads : {false, true}) {
        std::mutex mutex;
        std::vector<std::vector<std::string>> batches;
        auto const noted = [&](std::span<std::string const> some) {
            std::lock_guard lock(mutex);
            batches.emplace_back(some.begin(), some.end());
            return std::vector<outcome<void>>(some.size());
        };
        auto const how = batched{.size = 100, .bytes = 8, .linger = 1h};
        if (threads) CHECK(stream(words, on{pool, 1} | how | noted, context{time}).drain().stages[0].out == 8);
        else CHECK(stream(words, how | noted, context{time}).drain().stages[0].out == 8);
        CHECK(batches == std::vector<std::vector<std::string>>{{"four", "four"}, {"eight is"}, {"a", "b", "c", "much more than eight"}, {"d"}});
    }
}

TEST_CASE("stream: a stop closes what lingers, and its items say 0 attempts", "[flow][stream][batched]") {
    blocking_pool pool{2};
    testing::manual_time time;
    for (bool const by_deadline : {false, true}) {
        halting_source source{3, 5};
        std::stop_source stop;
        context cx{stop.get_token(), time};
        noting::notes seen;
        auto const until = later(time.now(), 5ms);
        auto const limited = cx.change_deadline(by_deadline ? until : never);
        auto answers = stream(source, pipeline{[](int n) { return n; }, on{pool, 1} | batched{.size = 10, .linger = 1h} | noting{&seen}}, cx);
        std::jthread const other{[&] {
            (void)source.halted.wait();
            while (answers.report().stages[1].waiting != 3) std::this_thread::yield();
            if (by_deadline) time.advance(5ms);
            else stop.request_stop();
        }};
        int count = 0;
        for (auto& one : answers) {
            REQUIRE_FALSE(one);
            CHECK(one.error().is(by_deadline ? cause::timed_out : cause::cancelled));
            CHECK(one.error().attempts() == 0);
            if (++count == 3) source.go_on.set();    // they came while the source still waited
        }
        CHECK(count >= 4);
        CHECK(seen.sizes.empty());
    }
}

TEST_CASE("stream: without workers a stop closes the batch that is gathered", "[flow][stream][batched]") {
    std::stop_source stop;
    noting::notes seen;
    auto const stops = [&](int n) {
        if (n == 5) stop.request_stop();
        return n;
    };
    std::vector<std::size_t> indices_seen;
    for (auto& one : stream(numbers(100), pipeline{stops, batched{4} | noting{&seen}}, context{stop.get_token()})) {
        if (one) continue;
        CHECK(one.error().is(cause::cancelled));
        CHECK(one.error().attempts() == 0);
        indices_seen.push_back(one.error().index());
    }
    CHECK(indices_seen == std::vector<std::size_t>{4, 5, 6});    // the last says how far the source was read
    CHECK(seen.sizes == std::vector<std::size_t>{4});
}

TEST_CASE("stream: leaving the loop leaves what is gathered, and waits for nothing", "[flow][stream][batched]") {
    blocking_pool pool{3};
    for (int leave = 0; leave < 20; ++leave) {
        noting::notes seen;
        int count = 0;
        for (auto& one : stream(indices{1'000'000}, pipeline{on{pool, 2} | [](std::size_t n) { return static_cast<int>(n); }, on{pool, 2} | batched{.size = 7, .linger = 1h} | noting{&seen}})) {
            (void)one;
            if (++count > leave) break;
        }
        CHECK(count == leave + 1);
    }
}

TEST_CASE("stream: what reading the source throws comes after the answers of the batch before it", "[flow][stream][batched]") {
    blocking_pool pool{2};
    auto const sizes = [](std::span<std::string const> some) { return std::vector<outcome<std::size_t>>(some.size(), some.size()); };
    auto const check = [](auto&& answers) {
        std::size_t count = 0;
        CHECK_THROWS_WITH(
            [&] {
                for (auto& one : answers) count += one.has_value();
            }(),
            "torn at 6");
        CHECK(count == 6);
    };
    check(stream(testing::read_once{10, 6}, batched{4} | sizes));
    check(stream(testing::read_once{10, 6}, on{pool} | batched{4} | sizes));
    check(stream(testing::read_once{10, 6}, pipeline{batched{4} | sizes, on{pool} | [](std::size_t n) { return n; }}));
}

TEST_CASE("stream: items that cannot be copied are moved into a batch, bools lie side by side", "[flow][stream][batched]") {
    blocking_pool pool{2};
    auto const boxed = [](int n) { return std::make_unique<int>(n); };
    auto const open = [](std::span<std::unique_ptr<int> const> some) {
        std::vector<outcome<int>> out;
        for (auto const& one : some) out.emplace_back(*one);
        return out;
    };
    CHECK(answers_of(stream(numbers(9), pipeline{boxed, batched{4} | open})) == numbers(9));
    CHECK(answers_of(stream(numbers(9), pipeline{boxed, on{pool, 1} | batched{4} | open})) == numbers(9));
    CHECK(answers_of(stream(numbers(9), pipeline{on{pool, 1} | boxed, batched{4} | open})) == numbers(9));
    std::list<std::unique_ptr<int>> given;
    for (int n = 0; n < 9; ++n) given.push_back(std::make_unique<int>(n));
    CHECK(answers_of(stream(std::move(given), on{pool, 1} | batched{4} | open)) == numbers(9));

    auto const as_number = [](std::span<bool const> some) { return std::vector<outcome<int>>(some.begin(), some.end()); };
    CHECK(answers_of(stream(numbers(5), pipeline{[](int n) { return n % 2 == 1; }, batched{3} | as_number})) == std::vector<int>{0, 1, 0, 1, 0});
    CHECK(answers_of(stream(numbers(5), pipeline{on{pool, 1} | [](int n) { return n % 2 == 1; }, on{pool, 1} | batched{3} | as_number})) == std::vector<int>{0, 1, 0, 1, 0});
    std::vector<bool> const bits{true, false, true};
    CHECK(answers_of(stream(bits, batched{2} | as_number)) == std::vector<int>{1, 0, 1});
}

TEST_CASE("stream: an item that cannot be put into a batch fails alone, or its batch with it", "[flow][stream][batched]") {
    struct shy {
        int n = 0;
        shy(int of) : n(of) {}
        shy(shy const& other) : n(other.n) {
            if (n == 2) throw std::runtime_error{"shy"};
        }
        shy(shy&&) noexcept = default;
    };
    std::vector<shy> items;
    items.reserve(6);
    for (int n = 0; n < 6; ++n) items.emplace_back(n);
    auto const open = [](std::span<shy const> some) {
        std::vector<outcome<int>> out;
        for (auto const& one : some) out.emplace_back(one.n);
        return out;
    };
    CHECK(answers_of(stream(items, batched{3} | open)) == std::vector<int>{-1, 0, 1, 3, 4, 5});
    blocking_pool pool{2};
    auto answers = stream(items, on{pool, 1} | batched{.size = 3, .linger = 24h} | open);
    CHECK(answers_of(answers) == std::vector<int>{-1, -1, -1, 3, 4, 5});
    check_sums(answers.report());
}

TEST_CASE("stream: sizes from nothing to everything", "[flow][stream][batched]") {
    blocking_pool pool{2};
    auto const most = std::numeric_limits<std::size_t>::max();
    for (std::size_t const size : {std::size_t{1}, std::size_t{2}, std::size_t{10'000}, most}) {
        noting::notes seen;
        CHECK(sorted(answers_of(stream(numbers(300), batched{size} | noting{&seen}))) == numbers(300));
        CHECK(seen.most() == std::min<std::size_t>(size, 300));
        if (size != most) CHECK(sorted(answers_of(stream(numbers(300), on{pool} | batched{size} | noting{&seen}))) == numbers(300));
        CHECK(sorted(answers_of(stream(numbers(300), batched{.size = size, .bytes = most, .linger = std::chrono::nanoseconds::max()} | noting{&seen}))) == numbers(300));
    }
    CHECK(answers_of(stream(std::vector<int>{}, batched{3} | no_sevens)).empty());
    CHECK(answers_of(stream(std::vector<int>{}, on{pool} | batched{.size = 3, .linger = 1h} | no_sevens)).empty());
}

TEST_CASE("stream: operators stand before and behind batches", "[flow][stream][batched]") {
    blocking_pool pool{2};
    auto const twice = [](int n) { return std::vector<int>{n, n}; };
    noting::notes seen;
    auto const run = [&](auto flow) {
        auto const answers = sorted(answers_of(stream(numbers(50), flow)));
        CHECK(answers.size() == 100);
        for (std::size_t i = 0; i < answers.size(); ++i) CHECK(answers[i] == static_cast<int>(i / 2));
    };
    auto const pairs = [&](std::span<int const> some) {
        std::vector<outcome<std::vector<int>>> out;
        for (int const n : some) out.emplace_back(std::vector<int>{n, n});
        return out;
    };
    run(pipeline{twice, flatten{}, batched{7} | noting{&seen}});
    run(pipeline{batched{7} | pairs, flatten{}});
    run(pipeline{on{pool} | twice, flatten{}, batched{7} | noting{&seen}});
    run(pipeline{on{pool} | twice, flatten{}, on{pool} | batched{7} | noting{&seen}});
    run(pipeline{on{pool} | batched{7} | pairs, flatten{}});
    run(pipeline{on{pool} | [](int n) { return n; }, batched{7} | pairs, flatten{}, on{pool} | [](int n) { return n; }});
}

TEST_CASE("stream: that the source was not read on passes a stage that takes batches of what it gives", "[flow][stream][batched]") {
    blocking_pool pool{2};
    std::vector<int> const items(1'000, 1);
    std::stop_source stop;
    noting::notes seen;
    auto answers = stream(items, on{pool, 1} | batched{5} | noting{&seen}, context{stop.get_token()});
    std::size_t count = 0, of_source = 0;
    for (auto& one : answers) {
        if (++count == 3) stop.request_stop();
        of_source += !one && one.error().text().find("the source was read up to") != std::string::npos;
    }
    CHECK(of_source == 1);
    CHECK(count == answers.report().read + 1);
}
