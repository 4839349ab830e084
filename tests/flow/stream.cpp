#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"
#include "flow/kept_failures.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <atomic>
#include <forward_list>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::answers_of;
using testing::check_sums;
using testing::numbers;
using testing::some;

namespace {


int plus_one(int n) { return n + 1; }
int no_sevens(int n) {
    if (n % 10 == 7) throw std::runtime_error{"a seven"};
    return 2 * n;
}

// Counts how far it was read.
class counted_source {
public:
    explicit counted_source(int end) : end_(end) {}
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        counted_source* of = nullptr;
        int operator*() const { return of->read_.load() - 1; }
        iterator& operator++() { return ++of->read_, *this; }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return of->read_.load() > of->end_; }
    };
    iterator begin() {
        ++read_;
        return {this};
    }
    static std::default_sentinel_t end() { return {}; }
    [[nodiscard]] int read() const { return read_.load(); }

private:
    int end_;
    std::atomic<int> read_{0};
};

struct failure_count {
    std::atomic<int> count{0};
    void put(failure const&) { ++count; }
};

// Two items make one; who is left over at the end is a failure.
struct pairs {
    using operator_concept = operator_tag;
    template <class Item>
    using output = int;
    template <class Item>
    auto make_state() const { return std::vector<int>{}; }
    void push(std::vector<int>& state, int item, auto& emit) const {
        state.push_back(item);
        if (state.size() < 2) return;
        emit(state[0] + state[1]);
        state.clear();
    }
    void flush(std::vector<int>& state, auto& emit) const {
        if (!state.empty()) emit(failure{cause::invalid_input, "alone: " + std::to_string(state[0])});
    }
};
// Each item so many times.
struct times {
    using operator_concept = operator_tag;
    int n;
    template <class Item>
    using output = int;
    template <class Item>
    int make_state() const { return 0; }
    void push(int& state, int item, auto& emit) const {
        ++state;
        for (int i = 0; i < n; ++i) emit(int{item});
    }
    void flush(int& state, auto& emit) const { emit(int{-state}); }
};

// An executor whose threads cannot be started.
struct no_thread {
    static std::size_t width() { return 2; }
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) const { body(std::size_t{0}, n); }
    template <class Job>
    void post(Job) const { throw std::system_error{std::make_error_code(std::errc::resource_unavailable_try_again)}; }
};

template <class Stream>
std::vector<int> values_of(Stream&& from) {
    std::vector<int> out;
    for (auto& one : from) out.push_back(one);
    return out;
}
std::vector<int> sorted(std::vector<int> some) {
    std::sort(some.begin(), some.end());
    return some;
}


}  // namespace

TEST_CASE("stream: without a place it is a loop on the consumer's thread, in order, an outcome for each item", "[flow][stream]") {
    auto const here = std::this_thread::get_id();
    bool elsewhere = false;
    auto answers = stream(numbers(20), pipeline{no_sevens, [&](int n) {
                              elsewhere = elsewhere || std::this_thread::get_id() != here;
                              return n + 1;
                          }});
    int i = 0;
    for (auto& answer : answers) {
        if (i % 10 == 7) {
            REQUIRE_FALSE(answer.has_value());
            CHECK(answer.error().is(cause::threw));
            CHECK(answer.error().index() == static_cast<std::size_t>(i));
            CHECK(answer.error().attempts() == 1);
        } else {
            CHECK(answer == 2 * i + 1);
        }
        ++i;
    }
    CHECK(i == 20);
    CHECK_FALSE(elsewhere);
    auto const report = answers.report();
    CHECK(report.read == 20);
    CHECK(report.yielded == 20);
    CHECK(report.failed == 2);
    CHECK(report.over);
    CHECK_FALSE(report.stopped);
    REQUIRE(report.stages.size() == 2);
    CHECK(report.stages[0].name == "stage 1");
    CHECK(report.stages[0].failed == 2);
    CHECK(report.stages[1].in == 18);
    check_sums(report);
}

TEST_CASE("stream: without a place the source is read when the next item is asked for, and not before", "[flow][stream]") {
    counted_source source{1'000'000};
    auto answers = stream(source, plus_one);
    CHECK(source.read() == 0);
    auto at = answers.begin();
    CHECK(source.read() == 1);
    CHECK(*at == 1);
    ++at;
    CHECK(source.read() == 2);
    CHECK(*at == 2);
}

TEST_CASE("stream: stages with workers give each item an outcome, and fail with their names", "[flow][stream]") {
    thread_pool pool{3};
    blocking_pool waits{8};
    for (int round = 0; round < 20; ++round) {
        auto answers = stream(numbers(500), pipeline{named{"double"} | on{pool} | no_sevens, on{waits, 8} | buffer{4} | plus_one, plus_one});
        std::vector<int> seen;
        std::set<std::size_t> failed;
        for (auto& answer : answers) {
            if (answer) {
                seen.push_back(*answer);
            } else {
                CHECK(answer.error().stage() == "double");
                failed.insert(answer.error().index());
            }
        }
        CHECK(seen.size() == 450);
        CHECK(failed.size() == 50);
        CHECK(*failed.begin() == 7);
        std::sort(seen.begin(), seen.end());
        CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
        auto const report = answers.report();
        CHECK(report.read == 500);
        CHECK(report.yielded == 500);
        CHECK(report.failed == 50);
        CHECK(report.stages[0].name == "double");
        CHECK(report.stages[1].width == 8);
        check_sums(report);
    }
}

TEST_CASE("stream: a stage one wide keeps the order, and one with in_order as wide as it is", "[flow][stream]") {
    thread_pool pool{4};
    for (int round = 0; round < 20; ++round) {
        std::vector<int> expected;
        for (int i = 0; i < 300; ++i) expected.push_back(i % 10 == 7 ? -1 : 2 * i + 1);
        CHECK(answers_of(stream(numbers(300), pipeline{on{pool, 1} | no_sevens, on{pool, 1} | buffer{1} | plus_one})) == expected);
        CHECK(answers_of(stream(numbers(300), pipeline{on{pool} | in_order{} | no_sevens, on{pool, 3} | in_order{} | buffer{2} | plus_one})) == expected);
        failure_count failed;
        std::erase(expected, -1);
        CHECK(values_of(stream(numbers(300), pipeline{on{pool} | in_order{} | no_sevens, on{pool, 3} | in_order{} | buffer{2} | plus_one}, failed)) == expected);
        CHECK(failed.count == 30);
    }
}

TEST_CASE("stream: no more calls at once than a stage is wide, whatever its items take", "[flow][stream]") {
    blocking_pool pool{8};
    for (std::size_t const width : {1u, 2u, 5u}) {
        std::atomic<std::size_t> inside{0}, most{0};
        auto const watched = [&](int n) {
            auto const now = ++inside;
            for (auto seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) {}
            if (n % 64 == 0) std::this_thread::yield();
            --inside;
            return n;
        };
        CHECK(sorted(answers_of(stream(numbers(5'000), pipeline{plus_one, on{pool, width} | watched, on{pool} | plus_one}))).size() == 5'000);
        CHECK(most <= width);
    }
}

TEST_CASE("stream: all of a wide stage can be inside at once, whatever the buffer behind it holds", "[flow][stream]") {
    blocking_pool pool{8};
    std::atomic<int> inside{0};
    testing::event all_there;
    auto const meets = [&](int n) {
        if (++inside == 6) all_there.set();
        return all_there.wait() ? n : -1;
    };
    CHECK(answers_of(stream(numbers(6), pipeline{on{pool, 6} | meets, on{pool, 1} | buffer{1} | plus_one})).size() == 6);
}

TEST_CASE("stream: a consumer that does not ask holds the source back, within what the buffers hold", "[flow][stream]") {
    thread_pool pool{2};
    counted_source source{1'000'000};
    auto answers = stream(source, pipeline{on{pool, 2} | buffer{4} | plus_one, on{pool, 1} | buffer{3} | plus_one});
    auto at = answers.begin();
    for (int asked = 1; asked < 200; ++asked, ++at) {
        // In front: 4 and the reader's own, 3 and 2 that are inside, 64 and 1; a handful that the consumer holds.
        CHECK(source.read() <= asked + 5 + 5 + 65 + 32 + 2);
    }
}

TEST_CASE("stream: with a sink the values come alone, and the sink has what the failing stage was given", "[flow][stream]") {
    thread_pool pool{3};
    auto const check = [](auto&& flow) {
        testing::kept_failures<int> dead;
        auto answers = stream(numbers(100), flow, dead);
        std::vector<int> expected;
        for (int i = 0; i < 100; ++i)
            if (i % 10 != 6) expected.push_back(2 * (i + 1));
        CHECK(sorted(values_of(answers)) == expected);
        REQUIRE(dead.all.size() == 10);
        for (auto const& [what, item] : dead.all) {
            CHECK(what.stage() == "double");
            CHECK(item.value() % 10 == 7);    // what came from the stage before it
            CHECK(what.index() + 1 == static_cast<std::size_t>(*item));
        }
        CHECK(answers.report().failed == 10);
        CHECK(answers.report().yielded == 90);
        check_sums(answers.report());
    };
    check(pipeline{plus_one, named{"double"} | no_sevens});
    check(pipeline{plus_one, named{"double"} | on{pool} | no_sevens});
    check(pipeline{on{pool} | plus_one, named{"double"} | no_sevens});
    check(pipeline{on{pool} | plus_one, named{"double"} | on{pool} | in_order{} | no_sevens});
}

TEST_CASE("stream: what the sink throws comes to the consumer, and ends the stream", "[flow][stream]") {
    struct full {
        void put(failure const&) { throw std::runtime_error{"no room for letters"}; }
    } sink;
    thread_pool pool{2};
    CHECK_THROWS_WITH(values_of(stream(numbers(100), no_sevens, sink)), "no room for letters");
    CHECK_THROWS_WITH(values_of(stream(numbers(100), pipeline{on{pool} | no_sevens, on{pool} | plus_one}, sink)), "no room for letters");
}

TEST_CASE("stream: what reading the source throws comes to the consumer after what was read before", "[flow][stream]") {
    thread_pool pool{2};
    auto const check = [](auto flow) {
        std::vector<int> seen;
        auto answers = stream(testing::torn_numbers{50}, flow);
        CHECK_THROWS_WITH([&] {
            for (auto& answer : answers) seen.push_back(*answer);
        }(), "torn at 50");
        CHECK(sorted(seen).size() == 50);
    };
    check(pipeline{plus_one});
    check(pipeline{on{pool} | plus_one});
    check(pipeline{on{pool} | plus_one, on{pool} | plus_one});
}

TEST_CASE("stream: what was read comes out while the source waits, on an executor whose only worker waits with it", "[flow][stream]") {
    // Gives its next item when the one before it has come out.
    struct in_step {
        testing::event* seen;
        struct iterator {
            using iterator_concept = std::input_iterator_tag;
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            testing::event* seen = nullptr;
            int at = 0;
            int operator*() const { return at; }
            iterator& operator++() {
                if (!seen[at++].wait()) throw std::runtime_error{"it did not come out"};
                return *this;
            }
            void operator++(int) { ++*this; }
            bool operator==(std::default_sentinel_t) const { return at == 5; }
        };
        iterator begin() const { return {seen}; }
        static std::default_sentinel_t end() { return {}; }
    };
    thread_pool pool{1};
    std::vector<testing::event> seen(5);
    std::vector<int> out;
    for (auto& answer : stream(in_step{seen.data()}, pipeline{on{pool} | plus_one, on{pool} | plus_one})) {
        out.push_back(*answer);
        seen[out.size() - 1].set();
    }
    CHECK(out == std::vector{2, 3, 4, 5, 6});
}

TEST_CASE("stream: the consumer reads no source that may wait for it, however long its executor is busy", "[flow][stream]") {
    struct reads {
        std::vector<std::thread::id>* by;
        struct iterator {
            using iterator_concept = std::input_iterator_tag;
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            std::vector<std::thread::id>* by = nullptr;
            int at = 0;
            int operator*() const { return at; }
            iterator& operator++() {
                by->push_back(std::this_thread::get_id());
                return ++at, *this;
            }
            void operator++(int) { ++*this; }
            bool operator==(std::default_sentinel_t) const { return at == 100; }
        };
        [[nodiscard]] iterator begin() const { return {by}; }
        static std::default_sentinel_t end() { return {}; }
    };
    testing::manual_time time;
    thread_pool pool{1};
    testing::event free;
    pool.post([&] { (void)free.wait(); });
    std::vector<std::thread::id> by;
    std::thread::id consumer;
    some seen;
    {
        std::jthread const loop([&] {
            consumer = std::this_thread::get_id();
            context const cx{time};
            seen = answers_of(stream(reads{&by}, pipeline{on{pool} | plus_one, on{pool} | plus_one}, cx));
        });
        for (int hour = 0; hour < 3; ++hour) {
            (void)time.until_waiting(1);
            time.advance(1h);
        }
        free.set();
    }
    CHECK(seen.size() == 100);
    CHECK(by.size() == 100);
    CHECK(std::count(by.begin(), by.end(), consumer) == 0);
}

TEST_CASE("stream: a result is told while its worker is in the next item, however long the consumer has slept", "[flow][stream]") {
    struct quick_then_two {    // waits in between, and with its end
        testing::event *more, *told;
        struct iterator {
            using iterator_concept = std::input_iterator_tag;
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            testing::event *more = nullptr, *told = nullptr;
            int at = 0;
            int operator*() const { return at; }
            iterator& operator++() {
                if (++at == 500) (void)more->wait();
                if (at == 502) (void)told->wait();
                return *this;
            }
            void operator++(int) { ++*this; }
            bool operator==(std::default_sentinel_t) const { return at == 502; }
        };
        [[nodiscard]] iterator begin() const { return {more, told}; }
        static std::default_sentinel_t end() { return {}; }
    };
    for (int round = 0; round < 5; ++round) {
        testing::manual_time time;
        thread_pool pool{2};
        testing::event more, first_is_told, quick_ones;
        std::atomic<bool> in_time{false};
        std::jthread loop([&] {
            context const cx{time};
            auto const wait = [&, consumer = std::this_thread::get_id()](int n) {
                if (n == 501) in_time.store(std::this_thread::get_id() == consumer || first_is_told.wait());    // it may take the last one itself
                return n;
            };
            for (auto& one : stream(quick_then_two{&more, &first_is_told}, on{pool} | in_order{} | wait, cx)) {
                if (*one == 499) quick_ones.set();
                if (*one == 500) first_is_told.set();
            }
        });
        CHECK(quick_ones.wait());
        for (int hour = 0; hour < 3; ++hour) {    // it has looked what there is, in vain
            (void)time.until_waiting(1);
            time.advance(1h);
        }
        more.set();
        loop.join();
        CHECK(in_time);
    }
}

TEST_CASE("stream: the consumer takes over what was posted to workers that have gone on with what waits for it", "[flow][stream]") {
    testing::manual_time time;
    testing::event got, busy, begun;
    std::atomic<int> in_time{0};
    {
        thread_pool pool{2};
        auto const foreign = [&] {
            busy.set();
            in_time += got.wait();
        };
        pool.post(foreign);
        REQUIRE(busy.wait());
        std::jthread const clock([&](std::stop_token const& over) {
            (void)begun.wait();
            for (; !over.stop_requested(); std::this_thread::yield()) time.advance(1h);
        });
        auto const reads = [&](int n) {    // on the other worker
            if (n == 0) {
                pool.post(foreign);
                begun.set();
            } else {
                for (int still = 0; still < 10'000; std::this_thread::yield()) still = time.waiting() != 0 ? still + 1 : 0;    // it waits without end
            }
            return n;
        };
        context const cx{time};
        std::vector<int> const two{0, 1};
        for (auto& one : stream(two, pipeline{reads, on{pool, 1} | testing::same}, cx)) {
            CHECK(one.has_value());
            got.set();
        }
    }
    CHECK(in_time == 2);
}

TEST_CASE("stream: what was read is worked on while the source waits and the consumer stays away", "[flow][stream]") {
    struct silent {    // after its last item, until it is told to end
        int n;
        testing::event* end_now;
        struct iterator {
            using iterator_concept = std::input_iterator_tag;
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            silent const* of = nullptr;
            int at = 0;
            int operator*() const { return at; }
            iterator& operator++() {
                if (++at == of->n) (void)of->end_now->wait();
                return *this;
            }
            void operator++(int) { ++*this; }
            bool operator==(std::default_sentinel_t) const { return at == of->n; }
        };
        [[nodiscard]] iterator begin() const { return {this}; }
        static std::default_sentinel_t end() { return {}; }
    };
    thread_pool pool{2};
    for (int round = 0; round < 40; ++round) {
        constexpr int n = 1'000;
        testing::event all_ran, end_now;
        std::atomic<int> ran{0};
        int got = 0;
        auto const some_work = [&](int item) {
            std::atomic<unsigned> value{0};
            for (int i = 0; i < 4'000; ++i) value.fetch_add(1, std::memory_order_relaxed);
            if (++ran == n) all_ran.set();
            return item;
        };
        for (auto& one : stream(silent{n, &end_now}, on{pool} | some_work)) {
            CHECK(one.has_value());
            if (++got == n - 20 - round % 7) {
                CHECK(all_ran.wait());
                end_now.set();
            }
        }
        CHECK(got == n);
    }
}

TEST_CASE("stream: what runs one at a time keeps the order", "[flow][stream]") {
    thread_pool one{1}, two{2};
    auto const items = numbers(20'000);
    CHECK(answers_of(stream(items, pipeline{on{one} | testing::same, on{one} | testing::same})) == items);
    CHECK(answers_of(stream(items, pipeline{on{two, 1} | testing::same, on{two, 1} | testing::same})) == items);
    CHECK(answers_of(stream(items, pipeline{on{two, 1} | testing::same, on{one} | testing::same, on{two, 1} | testing::same})) == items);
}

TEST_CASE("stream: nothing of it is left when it has gone out of scope", "[flow][stream]") {
    static std::atomic<int> living{0};
    struct counted {
        int n = 0;
        explicit counted(int number) : n(number) { ++living; }
        counted(counted&& other) noexcept : n(other.n) { ++living; }
        counted(counted const&) = delete;
        ~counted() { --living; }
    };
    thread_pool pool{2};
    for (int leave_at = 0; leave_at < 4'000; ++leave_at) {
        {
            auto answers = stream(indices{300}, pipeline{[](std::size_t n) { return counted{static_cast<int>(n)}; }, on{pool} | [](counted one) { return one; },
                                                         on{pool} | [](counted one) { return one; }});
            int seen = 0;
            for (auto& one : answers) {
                (void)one;
                if (++seen > leave_at % 40) break;
            }
        }
        REQUIRE(living == 0);
    }
}

TEST_CASE("stream: leaving the loop stops every stage, and waits for the calls that are on", "[flow][stream]") {
    thread_pool pool{2};
    blocking_pool waits{4};
    for (int leave_at = 0; leave_at < 50; ++leave_at) {
        std::atomic<int> inside{0};
        {
            auto answers = stream(indices{1'000'000'000'000}, pipeline{on{pool} | [&](std::size_t n, context& cx) {
                                      ++inside;
                                      if (n > 40) (void)cx.pause(1h);    // until it is stopped
                                      --inside;
                                      return n;
                                  },
                                  on{waits, 4} | [](std::size_t n) { return n; }});
            int seen = 0;
            if (leave_at != 0)
                for (auto& answer : answers) {
                    (void)answer;
                    if (++seen >= std::min(leave_at, 30)) break;
                }
        }
        CHECK(inside == 0);
    }
}

TEST_CASE("stream: a stop ends it, and a last failure says how far the source was read", "[flow][stream]") {
    thread_pool pool{2};
    auto const check = [](auto flow) {
        std::stop_source stop;
        auto answers = stream(indices{1'000'000'000'000}, flow, context{stop.get_token()});
        std::size_t seen = 0, cancelled = 0;
        std::string last;
        for (auto& answer : answers) {
            if (++seen == 100) stop.request_stop();
            if (answer) continue;
            CHECK(answer.error().is(cause::cancelled));
            CHECK(answer.error().attempts() == 0);
            ++cancelled;
            if (answer.error().text().find("was read up to item") != std::string::npos) last = answer.error().text();
        }
        CHECK(cancelled >= 1);
        auto const report = answers.report();
        CHECK(report.stopped);
        CHECK(report.over);
        CHECK(last == "the run was asked to stop; the source was read up to item " + std::to_string(report.read));
        CHECK(seen == report.read + 1);    // nothing is lost
        check_sums(report);
    };
    auto const same = [](std::size_t n) { return n; };
    check(pipeline{same});
    check(pipeline{on{pool} | same, on{pool} | buffer{8} | same});
    check(pipeline{on{pool, 1} | in_order{} | same, same});
}

TEST_CASE("stream: a deadline ends it as a stop does", "[flow][stream]") {
    testing::manual_time time;
    context parent{time};
    auto const until = parent.change_deadline(time.now() + 10s);
    auto answers = stream(numbers(100), [&](int n) {
        time.advance(1s);
        return n;
    }, parent);
    auto const seen = answers_of(answers);
    REQUIRE(seen.size() == 11);
    CHECK(seen[9] == 9);
    CHECK(seen[10] == -1);
    CHECK(answers.report().stopped);
}

TEST_CASE("stream: elements of an lvalue range are lent, of an rvalue moved, of one that can be read once taken out", "[flow][stream]") {
    thread_pool pool{2};
    struct no_copy {
        int n;
        explicit no_copy(int number) : n(number) {}
        no_copy(no_copy&&) = default;
        no_copy& operator=(no_copy&&) = default;
    };
    auto const make = [] {
        std::vector<no_copy> out;
        for (int i = 0; i < 50; ++i) out.emplace_back(i);
        return out;
    };
    auto const lent = make();
    auto const number = [](no_copy const& one) { return one.n; };
    CHECK(sorted(answers_of(stream(lent, number))) == numbers(50));
    CHECK(sorted(answers_of(stream(lent, on{pool} | number))) == numbers(50));
    auto const own = [](no_copy&& one) { return no_copy{std::move(one)}.n; };
    CHECK(sorted(answers_of(stream(make(), own))) == numbers(50));
    CHECK(sorted(answers_of(stream(make(), on{pool} | own))) == numbers(50));

    std::forward_list<int> written(10);
    CHECK(stream(written, on{pool} | [](int& n) { n = 3; }).drain().yielded == 10);
    CHECK(std::all_of(written.begin(), written.end(), [](int n) { return n == 3; }));

    auto const read = [](std::string&& word) { return std::stoi(word); };
    CHECK(answers_of(stream(testing::read_once{30}, read)) == numbers(30));
    CHECK(sorted(answers_of(stream(testing::read_once{30}, on{pool} | read))) == numbers(30));

    auto moved = stream(numbers(30), pipeline{[](int n) { return std::make_unique<int>(n); }, on{pool} | [](std::unique_ptr<int> n) { return n; }});
    int sum = 0;
    for (auto& one : moved) sum += **one;
    CHECK(sum == 435);
}

TEST_CASE("stream: a last stage that answers nothing is drained", "[flow][stream]") {
    thread_pool pool{2};
    std::atomic<int> sum{0};
    auto const adds = [&](int n) {
        if (n == 5) throw std::runtime_error{"five"};
        sum += n;
    };
    auto here = stream(numbers(10), adds);
    int failed = 0;
    for (outcome<void>& one : here) failed += !one;
    CHECK(failed == 1);
    CHECK(sum == 40);
    auto const report = stream(numbers(10), pipeline{on{pool} | plus_one, on{pool} | adds}).drain();
    CHECK(report.over);
    CHECK(report.yielded == 10);
    CHECK(report.failed == 1);
    failure_count sink;
    CHECK(stream(numbers(10), adds, sink).drain().yielded == 9);
    CHECK(sink.count == 1);
}

TEST_CASE("stream: operators turn m items into n, one thread at a time, and are flushed at the end", "[flow][stream]") {
    thread_pool pool{3};
    std::vector<int> const sums{1, 5, 9, 13};
    auto const check = [&](auto flow) {
        std::vector<int> seen;
        std::string alone;
        for (auto& one : stream(numbers(9), flow)) {
            if (one) seen.push_back(*one);
            else alone = one.error().text();
        }
        CHECK(seen == sums);
        CHECK(alone == "alone: 8");
    };
    auto const same = [](int n) { return n; };
    check(pipeline{pairs{}});
    check(pipeline{same, pairs{}, same});
    check(pipeline{on{pool, 1} | same, pairs{}, on{pool, 1} | same});
    check(pipeline{pairs{}, on{pool} | in_order{} | same});
    check(pipeline{on{pool} | in_order{} | same, pairs{}, same});
}

TEST_CASE("stream: an operator may give more than the buffer behind it takes", "[flow][stream]") {
    thread_pool pool{2};
    auto const check = [&](auto flow) {
        auto const seen = answers_of(stream(numbers(10), flow));
        REQUIRE(seen.size() == 10'001);
        for (std::size_t i = 0; i < 10'000; ++i) REQUIRE(seen[i] == static_cast<int>(i / 1'000));
        CHECK(seen.back() == -10);
    };
    auto const same = [](int n) { return n; };
    check(pipeline{times{1'000}});
    check(pipeline{times{1'000}, on{pool, 1} | buffer{3} | same});
    check(pipeline{on{pool, 1} | buffer{1} | same, times{1'000}, on{pool, 1} | buffer{2} | same});
}

TEST_CASE("stream: a stage retries, and its failure says how often", "[flow][stream]") {
    thread_pool pool{2};
    std::atomic<int> calls{0};
    for (auto& one : stream(numbers(3), pipeline{named{"odd"} | on{pool} | retry{.attempts = 3, .delay = 0ms} | [&](int n) {
                                if (++calls, n == 1) throw std::runtime_error{"one"};
                                return n;
                            }})) {
        if (one) continue;
        CHECK(one.error().attempts() == 3);
        CHECK(one.error().index() == 1);
    }
    CHECK(calls == 5);
}

TEST_CASE("stream: on an executor that runs at once, on one thread, and where no thread is to be had", "[flow][stream]") {
    inline_executor here;
    CHECK(answers_of(stream(numbers(1'000), pipeline{on{here} | plus_one, on{here} | buffer{2} | plus_one})).size() == 1'000);
    thread_pool one{1};
    CHECK(answers_of(stream(numbers(1'000), pipeline{on{one} | plus_one, on{one} | buffer{2} | plus_one, on{one} | plus_one})).size() == 1'000);
    no_thread nobody;
    CHECK(answers_of(stream(numbers(100), pipeline{on{nobody} | plus_one, on{nobody} | plus_one})).size() == 100);
}

TEST_CASE("stream: in tasks of the same pool, on all its workers at once, it never deadlocks", "[flow][stream]") {
    for (std::size_t const workers : {1u, 2u}) {
        thread_pool pool{workers};
        blocking_pool waits{workers};
        auto const inner = [&](int n, context& cx) {
            auto const sum = [&](auto& where) {
                int all = 0;
                for (auto& one : stream(numbers(20), pipeline{on{where} | plus_one, on{where} | plus_one}, cx)) all += *one;
                counted_source once{20};
                for (auto& one : stream(once, pipeline{on{where} | plus_one, on{where} | plus_one}, cx)) all += *one;
                return all;
            };
            return n + sum(pool) + sum(waits);
        };
        for (auto const& one : map(numbers(6), on{pool} | inner)) CHECK(one.has_value());
        for (auto const& one : map(numbers(6), on{waits} | inner)) CHECK(one.has_value());
    }
}

TEST_CASE("stream: an empty source ends at once, and operators are flushed all the same", "[flow][stream]") {
    thread_pool pool{2};
    CHECK(answers_of(stream(std::vector<int>{}, plus_one)).empty());
    CHECK(answers_of(stream(std::vector<int>{}, pipeline{on{pool} | plus_one, on{pool} | plus_one})).empty());
    CHECK(answers_of(stream(std::vector<int>{}, pipeline{on{pool} | plus_one, times{5}})) == std::vector<int>{0});
}

TEST_CASE("stream: is an input range that can be read on after a break", "[flow][stream]") {
    auto answers = stream(numbers(10), plus_one);
    static_assert(std::ranges::input_range<decltype(answers)>);
    int seen = 0;
    for (auto& one : answers) {
        (void)one;
        if (++seen == 4) break;
    }
    for (auto& one : answers) {
        CHECK(one == seen + 1);
        ++seen;
    }
    CHECK(seen == 10);
}
