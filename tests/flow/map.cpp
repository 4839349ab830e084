#include <muster/flow/map.hpp>

#include "catch.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::meeting;

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> out;
    for (int i = 0; i < n; ++i) out.push_back(i);
    return out;
}

// A sized range of its own making: no container, no view of the library, values made on the way.
class countdown {
public:
    class iterator {
    public:
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        iterator() = default;
        explicit iterator(int at) : at_(at) {}
        int operator*() const { return at_; }
        iterator& operator++() { --at_; return *this; }
        iterator operator++(int) { auto const old = *this; --at_; return old; }
        friend bool operator==(iterator, iterator) = default;

    private:
        int at_ = 0;
    };
    explicit countdown(int from) : from_(from) {}
    [[nodiscard]] iterator begin() const { return iterator{from_}; }
    [[nodiscard]] iterator end() const { return iterator{0}; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(from_); }

private:
    int from_;
};
static_assert(std::ranges::sized_range<countdown>);

// A view: it refers to strings that are somebody else's.
struct strings_of_others {
    std::vector<std::string>* of;
    [[nodiscard]] auto begin() const { return of->begin(); }
    [[nodiscard]] auto end() const { return of->end(); }
    [[nodiscard]] auto size() const { return of->size(); }
};

auto const doubled = [](int n) { return 2 * n; };

}  // namespace

template <>
inline constexpr bool std::ranges::enable_view<strings_of_others> = true;

TEST_CASE("map: an outcome for each item, in the order of the range, on every width", "[flow]") {
    auto const items = numbers(1'000);
    for (std::size_t const width : {1u, 2u, 64u}) {
        thread_pool pool{width};
        auto const answers = map(items, on{pool} | doubled);
        static_assert(std::same_as<decltype(answers), std::vector<outcome<int>> const>);
        REQUIRE(answers.size() == items.size());
        for (std::size_t i = 0; i < items.size(); ++i) REQUIRE(answers[i] == 2 * items[i]);
    }
    CHECK(map(items, doubled).size() == 1'000);
}

TEST_CASE("map: the order of the answers does not depend on the order in which they come", "[flow]") {
    // Each item waits until all are there, then answers: whoever answers first, the order stands.
    thread_pool pool{8};
    meeting all{8};
    auto const answers = map(numbers(8), on{pool} | [&](int n) { return all.arrive() ? n : -1; });
    for (std::size_t i = 0; i < 8; ++i) CHECK(answers[i] == static_cast<int>(i));
}

TEST_CASE("map: no items, no answers, no call", "[flow]") {
    thread_pool pool{4};
    bool called = false;
    auto const task = [&](int n) { called = true; return n; };
    CHECK(map(std::vector<int>{}, on{pool} | task).empty());
    CHECK(map(std::vector<int>{}, task).empty());
    CHECK(map(std::vector<int>{}, on{pool, automatic{}} | task).empty());
    CHECK(map(std::list<int>{}, task).empty());
    CHECK_FALSE(called);
    CHECK(pool.started() == 0);
}

TEST_CASE("map: one item's failure leaves the others alone", "[flow]") {
    thread_pool pool{4};
    auto const answers = map(numbers(10), named{"halve"} | on{pool} | [](int n) {
        if (n == 3) throw std::runtime_error{"three"};
        return n;
    });
    for (std::size_t i = 0; i < 10; ++i) {
        if (i == 3) continue;
        CHECK(answers[i] == static_cast<int>(i));
    }
    REQUIRE_FALSE(answers[3].has_value());
    auto const& error = answers[3].error();
    CHECK(error.is(cause::threw));
    CHECK(error.text() == "three");
    CHECK(error.index() == 3);
    CHECK(error.stage() == "halve");
    CHECK(error.attempts() == 1);
    CHECK(to_string(error) == "stage \"halve\", item 3: threw: three");
}

TEST_CASE("map: a failure says which item of which item, how often it was tried, in which stage", "[flow]") {
    thread_pool pool{2};
    testing::manual_time time{testing::manual_time::jumping};
    context const parent{time};
    auto const outer = [&](int n, context& cx) {
        auto inner = map(numbers(3), on{pool} | named{"inner"} | retry{.attempts = 4} | [&](int m) -> outcome<int> {
            if (m == n) return failure{cause::unavailable, "no"};
            return m;
        }, cx);
        return outcome<int>{inner[static_cast<std::size_t>(n)].error()};
    };
    auto const answers = map(numbers(3), on{pool} | named{"outer"} | outer, parent);
    for (std::size_t n = 0; n < 3; ++n) {
        REQUIRE_FALSE(answers[n].has_value());
        auto const& error = answers[n].error();
        CHECK(std::vector<std::size_t>(error.path().begin(), error.path().end()) == std::vector{n, n});
        CHECK(error.index() == n);
        CHECK(error.stage() == "inner");
        CHECK(error.attempts() == 4);
    }
}

TEST_CASE("map: a failure that went through another item is numbered as the item that it is given for", "[flow]") {
    failure shared{cause::unavailable, "for all"};
    auto const kept = map(numbers(3), [&](int) -> outcome<int> { return shared; });
    auto const again = map(numbers(3), [&](int n) -> outcome<int> { return kept[static_cast<std::size_t>(2 - n)].error(); });
    for (std::size_t i = 0; i < 3; ++i) CHECK(again[i].error().index() == i);
}

TEST_CASE("map: the task asks the context for its index", "[flow]") {
    thread_pool pool{3};
    auto const answers = map(numbers(50), on{pool} | [](int n, context& cx) {
        return cx.index() == static_cast<std::size_t>(n) && cx.path().size() == 1 && cx.run()->items == 50 && cx.run()->width == 3;
    });
    for (auto const& answer : answers) CHECK(answer == true);
}

// Ranges

TEST_CASE("map: takes any sized range: array, span, list, one without random access that makes its items", "[flow]") {
    thread_pool pool{3};
    int const plain[]{1, 2, 3};
    CHECK(map(plain, on{pool} | doubled)[2] == 6);
    std::array const array{1, 2, 3};
    CHECK(map(array, on{pool} | doubled)[2] == 6);
    CHECK(map(std::span<int const>{array}, on{pool} | doubled)[2] == 6);
    std::list const list{1, 2, 3};
    CHECK(map(list, on{pool} | doubled)[2] == 6);
    auto const down = map(countdown{100}, on{pool} | doubled);
    REQUIRE(down.size() == 100);
    CHECK(down[0] == 200);
    CHECK(down[99] == 2);
    CHECK(map(std::vector<bool>{true, false}, on{pool} | [](bool b) { return !b; })[1] == true);
}

TEST_CASE("map: elements of an lvalue are not moved, those of an rvalue container are", "[flow]") {
    std::vector<std::unique_ptr<int>> owned;
    for (int i = 0; i < 5; ++i) owned.push_back(std::make_unique<int>(i));
    auto const look = [](std::unique_ptr<int> const& at) { return *at; };
    auto const take = [](std::unique_ptr<int> at) { return at; };
    CHECK(map(owned, look)[4] == 4);
    CHECK(owned[4]);
    thread_pool pool{2};
    auto taken = map(std::move(owned), on{pool} | take);    // an answer that only moves as well
    static_assert(std::same_as<decltype(taken), std::vector<outcome<std::unique_ptr<int>>>>);
    for (int i = 0; i < 5; ++i) CHECK(**taken[static_cast<std::size_t>(i)] == i);

    std::vector<std::string> words{"a word that is long enough to be allocated", "b"};
    auto const length = [](std::string word) { return word.size(); };
    (void)map(words, length);
    CHECK(words[1] == "b");
    (void)map(std::span{words}, length);    // an rvalue, but no owner
    CHECK(words[0].size() == 42);
}

TEST_CASE("map: a view that goes out of scope owns nothing: its elements are not moved", "[flow]") {
    std::vector<std::string> words{"a word that is long enough to be allocated", "another one that is long enough for it"};
    auto const length = [](std::string word) { return word.size(); };
    CHECK(map(strings_of_others{&words}, length)[0] == 42u);
    CHECK(words[0].size() == 42);
}

TEST_CASE("map: an item that cannot be read fails alone", "[flow]") {
    struct shy {
        int n = 0;
        shy(int value) : n(value) {}
        shy(shy const& other) : n(other.n) {
            if (n == 1) throw std::runtime_error{"not me"};
        }
        shy& operator=(shy const&) = delete;
    };
    std::list<shy> items;
    for (int i = 0; i < 3; ++i) items.emplace_back(i);
    auto const answers = map(items, [](shy const one) { return one.n; });
    CHECK(answers[0] == 0);
    CHECK(answers[1].error().is(cause::threw));
    CHECK(answers[2] == 2);

    auto const batches = map(items, batched{2} | [](std::span<shy const> of) { return std::vector<outcome<int>>(of.size(), 1); });
    CHECK(batches[0].error().is(cause::threw));
    CHECK(batches[0].error().index() == 0);
    CHECK(batches[1].error().index() == 1);
    CHECK(batches[2] == 1);
}

// Stop and deadline

TEST_CASE("map: what was not started because of a stop is cancelled, with its index and 0 attempts", "[flow]") {
    for (std::size_t const width : {1u, 2u, 16u}) {
        thread_pool pool{width};
        std::stop_source stop;
        std::atomic<int> calls{0};
        auto const answers = map(numbers(500), on{pool} | [&](int n) {
            if (++calls == 100) stop.request_stop();
            return n;
        }, context{stop.get_token()});
        REQUIRE(answers.size() == 500);
        int done = 0;
        for (std::size_t i = 0; i < 500; ++i) {
            if (answers[i].has_value()) {
                ++done;
                CHECK(answers[i] == static_cast<int>(i));
                continue;
            }
            CHECK(answers[i].error().is(cause::cancelled));
            CHECK(answers[i].error().index() == i);
            CHECK(answers[i].error().attempts() == 0);
        }
        CHECK(done == calls);
        CHECK(done < 500);
    }
}

TEST_CASE("map: at the deadline of its context it gives what is done, and the rest as timed out", "[flow]") {
    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 1s));
    auto const answers = map(numbers(100), [&](int n) {
        time.advance(100ms);
        return n;
    }, parent);
    for (std::size_t i = 0; i < 100; ++i) {
        if (i < 10) {
            CHECK(answers[i] == static_cast<int>(i));
        } else {
            CHECK(answers[i].error().is(cause::timed_out));
            CHECK(answers[i].error().index() == i);
            CHECK(answers[i].error().attempts() == 0);
        }
    }
}

TEST_CASE("map: a task that waits through its context is woken by the stop of the run", "[flow]") {
    thread_pool pool{3};
    std::stop_source stop;
    meeting three{3};
    auto const answers = map(numbers(3), on{pool} | [&](int n, context& cx) -> outcome<int> {
        if (!three.arrive()) return failure{cause::threw, "alone"};
        if (n == 0) stop.request_stop();
        wait_point nobody;
        (void)cx.wait(nobody);
        return cx.interruption();
    }, context{stop.get_token()});
    for (auto const& answer : answers) CHECK(answer.error().is(cause::cancelled));
}

// into

TEST_CASE("map: into writes the values, and gives the failures alone, sorted by index", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::vector<int> out(1'000, -1);
        auto const failures = map(numbers(1'000), on{pool} | [](int n) -> outcome<int> {
            if (n % 100 == 7) return failure{cause::unavailable, "seven"};
            return n;
        }, into{out});
        REQUIRE(failures.size() == 10);
        for (std::size_t i = 0; i < 10; ++i) CHECK(failures[i].index() == 100 * i + 7);
        for (int i = 0; i < 1'000; ++i) CHECK(out[static_cast<std::size_t>(i)] == (i % 100 == 7 ? -1 : i));
    }
}

TEST_CASE("map: into with too little room throws before anything runs", "[flow]") {
    std::vector<int> out(2);
    bool called = false;
    CHECK_THROWS_AS(map(numbers(3), [&](int n) { called = true; return n; }, into{out}), std::length_error);
    CHECK_FALSE(called);
    std::vector<int> wide(9, -1);
    CHECK(map(numbers(3), doubled, into{wide}).empty());
    CHECK(wide[3] == -1);
}

TEST_CASE("map: a value that cannot be written is a failure of its item", "[flow]") {
    struct picky {
        int n = 0;
        picky& operator=(int value) {
            if (value == 2) throw std::runtime_error{"no twos"};
            n = value;
            return *this;
        }
    };
    std::vector<picky> out(4);
    auto const failures = map(numbers(4), [](int n) { return n; }, into{out});
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].index() == 2);
    CHECK(failures[0].is(cause::threw));
    CHECK(out[3].n == 3);
}

// batched

TEST_CASE("map: batched hands over views of a contiguous range, the last one may be smaller", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        auto const items = numbers(250);
        std::mutex mutex;
        std::vector<std::size_t> sizes(3);
        auto const answers = map(items, on{pool} | batched{100} | [&](std::span<int const> batch) {
            std::vector<outcome<int>> out;
            for (auto const& one : batch) out.push_back(&one == &items[static_cast<std::size_t>(one)] ? one : -1);
            std::lock_guard const lock(mutex);
            sizes[static_cast<std::size_t>(batch.front()) / 100] = batch.size();
            return out;
        });
        REQUIRE(answers.size() == 250);
        for (std::size_t i = 0; i < 250; ++i) CHECK(answers[i] == static_cast<int>(i));
        CHECK(sizes == std::vector<std::size_t>{100, 100, 50});
    }
}

TEST_CASE("map: batched copies the items of other ranges together", "[flow]") {
    auto const sum = [](std::span<int const> batch) { return std::vector<outcome<int>>(batch.size(), batch[0]); };
    auto const from_list = map(std::list{1, 2, 3, 4, 5}, batched{2} | sum);
    CHECK(from_list[4] == 5);
    CHECK(from_list[3] == 3);
    auto const down = map(countdown{5}, batched{2} | sum);
    CHECK(down[1] == 5);
    CHECK(down[2] == 3);
    CHECK(map(std::vector<int>{}, batched{2} | sum).empty());
}

TEST_CASE("map: a batch whose call fails fails each of its items, under its own index", "[flow]") {
    auto const answers = map(numbers(6), batched{3} | [](std::span<int const> batch) -> std::vector<outcome<int>> {
        if (batch[0] == 3) throw std::runtime_error{"second batch"};
        return {batch.begin(), batch.end()};
    });
    CHECK(answers[2] == 2);
    for (std::size_t i = 3; i < 6; ++i) {
        CHECK(answers[i].error().text() == "second batch");
        CHECK(answers[i].error().index() == i);
        CHECK(answers[i].error().attempts() == 1);
    }
}

TEST_CASE("map: the failures of elements pass through, under their own index, and are not tried again", "[flow]") {
    int calls = 0;
    auto const task = [&](std::span<int const> batch) {
        ++calls;
        std::vector<outcome<int>> out(batch.begin(), batch.end());
        out[1] = failure{cause::unavailable, "second of the batch"};
        return out;
    };
    auto const answers = map(numbers(6), batched{3} | retry{.attempts = 5} | task);
    CHECK(calls == 2);
    CHECK(answers[1].error().index() == 1);
    CHECK(answers[4].error().index() == 4);
    CHECK(answers[5] == 5);
}

TEST_CASE("map: an answer of another length fails the batch as wrong_shape", "[flow]") {
    for (std::size_t const length : {0u, 2u, 4u}) {
        auto const answers = map(numbers(3), batched{3} | [&](std::span<int const>) { return std::vector<outcome<int>>(length, 1); });
        REQUIRE(answers.size() == 3);
        for (auto const& answer : answers) CHECK(answer.error().is(cause::wrong_shape));
    }
}

TEST_CASE("map: batches that were not started because of a stop or a deadline say 0 attempts", "[flow]") {
    std::stop_source stop;
    auto const answers = map(numbers(4), batched{2} | [&](std::span<int const> batch) {
        stop.request_stop();
        return std::vector<outcome<int>>(batch.begin(), batch.end());
    }, context{stop.get_token()});
    CHECK(answers[1] == 1);
    for (std::size_t i = 2; i < 4; ++i) {
        CHECK(answers[i].error().is(cause::cancelled));
        CHECK(answers[i].error().index() == i);
        CHECK(answers[i].error().attempts() == 0);
    }
}

// scratch

TEST_CASE("map: as many scratch states as calls at once, leased by one call at a time", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        struct state {
            std::atomic<int> users{0};
            int uses = 0;
        };
        std::atomic<int> made{0};
        auto const make = [&] { ++made; return std::make_unique<state>(); };
        meeting all{width};
        auto const task = [&](int n, context&, std::unique_ptr<state>& mine) {
            auto const alone = ++mine->users == 1;
            ++mine->uses;
            if (static_cast<std::size_t>(n) < width && !all.arrive()) return false;
            --mine->users;
            return alone;
        };
        auto const answers = map(numbers(200), on{pool} | scratch{make} | task);
        for (auto const& answer : answers) CHECK(answer == true);
        CHECK(made == static_cast<int>(width));
    }
}

TEST_CASE("map: a scratch state that cannot be made fails the item that needed it", "[flow]") {
    int asked = 0;
    auto const make = [&] {
        if (++asked == 1) throw std::runtime_error{"no room"};
        return 0;
    };
    auto const answers = map(numbers(3), scratch{make} | [](int n, int& uses) { return n + 10 * ++uses; });
    CHECK(answers[0].error().text() == "no room");
    CHECK(answers[1] == 11);
    CHECK(answers[2] == 22);
}

// Placement

TEST_CASE("map: one or two items run on the caller's thread under the automatic rule, and no thread is started", "[flow]") {
    thread_pool pool{8};
    auto const before = testing::threads_of_process();
    auto const caller = std::this_thread::get_id();
    for (int const n : {1, 2}) {
        auto const answers = map(numbers(n), on{pool, automatic{}} | [&](int, context& cx) {
            return std::this_thread::get_id() == caller && cx.run()->why == sequential_reason::too_few_items;
        });
        for (auto const& answer : answers) CHECK(answer == true);
    }
    auto const one = map(numbers(100), on{pool, 1} | [&](int, context& cx) {
        return std::this_thread::get_id() == caller && cx.run()->why == sequential_reason::asked_for;
    });
    for (auto const& answer : one) CHECK(answer == true);
    CHECK(pool.started() == 0);
    CHECK(testing::threads_of_process() == before);
}

TEST_CASE("map: no more calls at once than the width that was written", "[flow]") {
    thread_pool pool{8};
    testing::crowd inside;
    (void)map(numbers(300), on{pool, 3} | [&](int) {
        testing::crowd::visit const here(inside);
        std::this_thread::yield();
    });
    CHECK(inside.most() <= 3);
}

TEST_CASE("map: nested on the same pool it never deadlocks, also under a lock, also on one worker", "[flow]") {
    for (std::size_t const width : {1u, 2u, 8u}) {
        thread_pool pool{width};
        std::mutex one_at_a_time;
        auto const answers = map(numbers(20), on{pool} | [&](int n, context& cx) {
            std::lock_guard const lock(one_at_a_time);
            int sum = 0;
            for (auto const& inner : map(numbers(10), on{pool} | [&](int m, context& deeper) {
                     return *map(numbers(2), on{pool} | doubled, deeper)[1] + m;
                 }, cx))
                sum += *inner;
            return sum + n;
        });
        for (std::size_t i = 0; i < 20; ++i) CHECK(answers[i] == 65 + static_cast<int>(i));
    }
}

TEST_CASE("map: from more callers than the pool has workers", "[flow]") {
    thread_pool pool{2};
    std::atomic<int> right{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 16; ++c)
            callers.emplace_back([&] {
                auto const answers = map(numbers(40), on{pool} | doubled);
                right += answers[39] == 78;
            });
    }
    CHECK(right == 16);
}

TEST_CASE("map: a batch may be larger than any range", "[flow]") {
    std::vector<int> const numbers{1, 2, 3};
    auto const same = [](std::span<int const> some) { return std::vector<outcome<int>>(some.begin(), some.end()); };
    auto const answers = map(numbers, batched{std::numeric_limits<std::size_t>::max()} | same);
    REQUIRE(answers.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(answers[i] == numbers[i]);
}

namespace {
struct moves_badly {    // as values that hold const members do: a move is a copy, which may find no memory
    int n = 0;
    int moved = 0;
    explicit moves_badly(int which) : n(which) {}
    moves_badly(moves_badly&& other) : n(other.n), moved(other.moved + 1) {
        if (n == 1 && moved == 1) throw std::runtime_error{"cannot move"};    // to its place
        if (n == 2 && moved == 2) throw std::runtime_error{"cannot move"};    // to its place, once it was moved to an outcome
    }
    moves_badly& operator=(moves_badly&&) = default;
};
}  // namespace

TEST_CASE("map: an answer that cannot be moved to its place is a failure of that item", "[flow]") {
    std::vector<int> const numbers{0, 1, 2};
    thread_pool pool{2};
    auto const plain = map(numbers, on{pool} | [](int n) { return moves_badly{n}; });
    auto const called = map(numbers, on{pool} | [](int n, context&) { return moves_badly{n}; });
    for (auto const* answers : {&plain, &called}) {
        REQUIRE(answers->size() == 3);
        CHECK((*answers)[0].has_value());
        REQUIRE(!(*answers)[1].has_value());
        CHECK((*answers)[1].error().code() == cause::threw);
        CHECK((*answers)[1].error().index() == 1);
    }
    CHECK(plain[2].has_value());
    REQUIRE(!called[2].has_value());
    CHECK(called[2].error().index() == 2);
}

// Plain tasks: nothing is around them and they take the item alone, so they are called in a bare loop

TEST_CASE("map: plain tasks answer what they always did: values, references, members, nothing", "[flow]") {
    struct person {
        std::string name;
        int age;
    };
    std::vector<person> const people{{"Ada", 36}, {"Grace", 85}};
    thread_pool pool{2};
    auto const names = map(people, on{pool} | &person::name);
    static_assert(std::same_as<decltype(names), std::vector<outcome<std::string>> const>);
    CHECK(names[1] == "Grace");
    CHECK(people[1].name == "Grace");
    auto const older = map(people, +[](person const& who) noexcept { return who.age + 1; });
    CHECK(older[0] == 37);
    auto const first = [](person const& who) -> char const& { return who.name[0]; };
    CHECK(map(people, first)[1] == 'G');
    auto const nothing = map(people, [](person const&) {});
    static_assert(std::same_as<decltype(nothing), std::vector<outcome<void>> const>);
    CHECK(nothing[0].has_value());
    CHECK(nothing[1].has_value());
    std::vector<std::string> written(2);
    CHECK(map(people, &person::name, into{written}).empty());
    CHECK(written[0] == "Ada");
}

TEST_CASE("map: values of every size reach their places, however many there are", "[flow]") {
    struct wide {
        std::size_t a, b, c;
    };
    for (std::size_t const n : {0u, 1u, 15u, 16u, 17u, 255u, 256u, 257u, 2'000u}) {
        std::vector<std::uint8_t> bytes(n);
        std::vector<std::uint32_t> words(n);
        std::vector<double> reals(n);
        std::vector<wide> wides(n);
        std::vector<std::string> texts(n);
        auto const answers = map(indices{n}, [](std::size_t i) noexcept { return 3 * i; });
        CHECK(map(indices{n}, [](std::size_t i) { return static_cast<std::uint8_t>(i); }, into{bytes}).empty());
        CHECK(map(indices{n}, [](std::size_t i) noexcept { return static_cast<std::uint32_t>(7 * i); }, into{words}).empty());
        CHECK(map(indices{n}, [](std::size_t i) { return static_cast<double>(i) / 2; }, into{reals}).empty());
        CHECK(map(indices{n}, [](std::size_t i) noexcept { return wide{i, i + 1, i + 2}; }, into{wides}).empty());
        CHECK(map(indices{n}, [](std::size_t i) { return std::to_string(i); }, into{texts}).empty());
        REQUIRE(answers.size() == n);
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(answers[i] == 3 * i);
            REQUIRE(bytes[i] == static_cast<std::uint8_t>(i));
            REQUIRE(words[i] == 7 * i);
            REQUIRE(reals[i] == Approx(static_cast<double>(i) / 2));
            REQUIRE(wides[i].c == i + 2);
            REQUIRE(texts[i] == std::to_string(i));
        }
    }
}

TEST_CASE("map: into writes the values before and after one that throws, whatever group it is in", "[flow]") {
    std::vector<int> const items = numbers(1'000);
    for (int const bad : {0, 1, 15, 16, 17, 300, 998, 999}) {
        std::vector<int> out(1'000, -1);
        auto const failures = map(items, [bad](int n) {
            if (n == bad) throw std::runtime_error{"bad"};
            return n;
        }, into{out});
        REQUIRE(failures.size() == 1);
        CHECK(failures[0].index() == static_cast<std::size_t>(bad));
        for (int i = 0; i < 1'000; ++i) REQUIRE(out[static_cast<std::size_t>(i)] == (i == bad ? -1 : i));
        auto const answers = map(items, [bad](int n) {
            if (n == bad) throw std::runtime_error{"bad"};
            return n;
        });
        for (int i = 0; i < 1'000; ++i) REQUIRE(answers[static_cast<std::size_t>(i)].has_value() == (i != bad));
    }
}

TEST_CASE("map: into the range itself puts each answer in the place of its item", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        auto items = numbers(5'000);
        CHECK(map(items, on{pool} | doubled, into{items}).empty());
        for (int i = 0; i < 5'000; ++i) REQUIRE(items[static_cast<std::size_t>(i)] == 2 * i);
    }
}

TEST_CASE("map: unsized ranges and those that can be read once give an answer for each item", "[flow]") {
    thread_pool pool{3};
    auto const upper = map(testing::counted_by_walking{"abc"}, on{pool} | [](char c) { return static_cast<char>(c - 32); });
    REQUIRE(upper.size() == 3);
    CHECK(upper[2] == 'C');
    auto const words = map(testing::read_once{100}, on{pool} | [](std::string word) { return word + '!'; });
    REQUIRE(words.size() == 100);
    CHECK(words[99] == "99!");
    auto const batches = map(testing::read_once{5}, batched{2} | [](std::span<std::string const> of) {
        return std::vector<outcome<std::string>>(of.size(), of.front());
    });
    REQUIRE(batches.size() == 5);
    CHECK(batches[3] == "2");
    std::vector<std::string> few(2);
    CHECK_THROWS_AS(map(testing::read_once{3}, [](std::string word) { return word; }, into{few}), std::length_error);
}
