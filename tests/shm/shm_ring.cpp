// Where processes are killed from outside the moments are real time, as no fake clock reaches the kernel; no check depends on them.
#include <muster/shm/shm_ring.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/shm/detail/arena_words.hpp>
#include <muster/testing/manual_time.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "killed_child.hpp"

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {

constexpr auto spsc = ring_kind::spsc;
constexpr auto mpmc = ring_kind::mpmc;

template <ring_kind Kind>
using kind = std::integral_constant<ring_kind, Kind>;

fd again(fd const& file) { return fd{::fcntl(file.get(), F_DUPFD_CLOEXEC, 3)}; }

// A value that shows when it is torn: each word follows from the number.
template <std::size_t Words>
struct parcel {
    std::uint64_t number = 0;
    std::array<std::uint64_t, Words> rest{};

    static std::uint64_t word(std::uint64_t number, std::size_t i) { return (number + i + 1) * 0x9e37'79b9'7f4a'7c15; }
    static parcel of(std::uint64_t number) {
        parcel made{.number = number, .rest = {}};
        for (std::size_t i = 0; i < Words; ++i) made.rest[i] = word(number, i);
        return made;
    }
    [[nodiscard]] bool whole() const {
        for (std::size_t i = 0; i < Words; ++i)
            if (rest[i] != word(number, i)) return false;
        return true;
    }
};

struct odd_size {
    char text[13];
};

template <class Ring>
std::vector<int> all_of(Ring& ring) {
    std::vector<int> all;
    while (auto const one = ring.try_pop()) all.push_back(*one);
    return all;
}

template <class T, ring_kind Kind>
std::string refused(fd file) {
    try {
        auto const ring = shm_ring<T, Kind>::attach(std::move(file));
    } catch (std::system_error const& error) {
        return error.what();
    }
    return "";
}

}  // namespace

static_assert(!std::is_copy_constructible_v<shm_ring<int, spsc>> && !std::is_move_constructible_v<shm_ring<int, mpmc>>);

TEMPLATE_TEST_CASE("shm_ring: what goes in comes out, in that order and once", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(4);
    CHECK_FALSE(ring.try_pop());
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 1 + round % 4; ++i) REQUIRE(ring.try_push(10 * round + i));
        for (int i = 0; i < 1 + round % 4; ++i) REQUIRE(ring.try_pop() == 10 * round + i);
        REQUIRE_FALSE(ring.try_pop());
    }
}

TEMPLATE_TEST_CASE("shm_ring: has room for as many as it says, a power of two, and no more", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    for (auto const& [wanted, got] : {std::pair{1, 1}, {2, 2}, {3, 4}, {1'000, 1'024}}) {
        auto ring = shm_ring<int, TestType::value>::make(static_cast<std::size_t>(wanted));
        CHECK(ring.capacity() == static_cast<std::size_t>(got));
        for (int round = 0; round < 3; ++round) {
            int count = 0;
            while (ring.try_push(count)) ++count;
            CHECK(count == got);
            CHECK(ring.try_pop() == 0);
            CHECK(ring.try_push(count));
            CHECK_FALSE(ring.try_push(count + 1));
            for (int i = 1; i <= got; ++i) CHECK(ring.try_pop() == i);
            CHECK_FALSE(ring.try_pop());
        }
    }
}

TEMPLATE_TEST_CASE("shm_ring: values of any size stay whole", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto bytes = shm_ring<char, TestType::value>::make(4);
    CHECK(bytes.try_push('a'));
    CHECK(bytes.try_push('b'));
    CHECK(bytes.try_pop() == 'a');
    CHECK(bytes.try_pop() == 'b');

    auto odd = shm_ring<odd_size, TestType::value>::make(2);
    CHECK(odd.try_push({"twelve chars"}));
    CHECK(std::string{odd.try_pop().value().text} == "twelve chars");

    auto large = shm_ring<parcel<511>, TestType::value>::make(3);
    for (std::uint64_t i = 0; i < 20; ++i) {
        REQUIRE(large.try_push(parcel<511>::of(i)));
        auto const got = large.try_pop();
        REQUIRE(got);
        CHECK((got->number == i && got->whole()));
    }
}

TEMPLATE_TEST_CASE("shm_ring: a batch goes in as far as there is room, and comes out as far as there is something", "[shm][shm_ring]", kind<spsc>,
                   kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(8);
    std::vector<int> in(20), out(20);
    std::iota(in.begin(), in.end(), 0);
    for (int round = 0; round < 10; ++round) {
        CHECK(ring.try_push(std::span<int const>{in}.first(5)) == 5);
        CHECK(ring.try_push(in) == 3);
        CHECK(ring.try_push(in) == 0);
        CHECK(ring.try_pop(std::span{out}.first(3)) == 3);
        CHECK((out[0] == 0 && out[2] == 2));
        CHECK(ring.try_pop(out) == 5);
        CHECK((out[0] == 3 && out[1] == 4 && out[2] == 0 && out[4] == 2));
        CHECK(ring.try_pop(out) == 0);
        CHECK(ring.try_push(std::span<int const>{}) == 0);
    }
}

TEMPLATE_TEST_CASE("shm_ring: a closed one takes nothing more, and gives what it has", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(4);
    auto other = shm_ring<int, TestType::value>::attach(again(ring.file()));
    context cx;
    REQUIRE(ring.try_push(1));
    REQUIRE(ring.push(2, cx));
    CHECK_FALSE(ring.closed());
    other.close();
    CHECK(ring.closed());
    CHECK_FALSE(ring.try_push(3));
    auto const pushed = ring.push(3, cx);
    REQUIRE_FALSE(pushed);
    CHECK(pushed.error().is(cause::unavailable));
    CHECK(pushed.error().text() == "the ring is closed");
    CHECK(ring.pop(cx) == 1);
    CHECK(other.try_pop() == 2);
    CHECK(ring.pop(cx).error().is(cause::unavailable));
    CHECK_FALSE(ring.try_pop());
}

TEMPLATE_TEST_CASE("shm_ring: a wait ends at the deadline", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(1);
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const until = cx.change_deadline(time.now() + 1s);
    auto const none = ring.pop(cx);
    REQUIRE_FALSE(none);
    CHECK(none.error().is(cause::timed_out));
    REQUIRE(ring.push(1, cx));    // what need not wait is done whatever the time
    CHECK(ring.push(2, cx).error().is(cause::timed_out));
    CHECK(ring.pop(cx) == 1);

    context by_the_clock;
    auto const past = by_the_clock.change_deadline(std::chrono::steady_clock::now());
    CHECK(ring.pop(by_the_clock).error().is(cause::timed_out));
}

TEMPLATE_TEST_CASE("shm_ring: a wait ends at a stop", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(1);
    for (int round = 0; round < 20; ++round) {
        std::stop_source stop;
        std::array<cause, 2> ends{};
        {
            std::jthread const popper{[&] {
                context cx{stop.get_token()};
                auto const none = ring.pop(cx);
                if (!none && none.error().is(cause::cancelled)) ends[0] = cause::cancelled;
            }};
            stop.request_stop();
        }
        CHECK(ends[0] == cause::cancelled);
        REQUIRE(ring.try_push(1));
        stop = std::stop_source{};
        {
            std::jthread const pusher{[&] {
                context cx{stop.get_token()};
                auto const full = ring.push(2, cx);
                if (!full && full.error().is(cause::cancelled)) ends[1] = cause::cancelled;
            }};
            stop.request_stop();
        }
        CHECK(ends[1] == cause::cancelled);
        REQUIRE(ring.try_pop() == 1);
    }
}

TEMPLATE_TEST_CASE("shm_ring: who waits is woken by what he waits for, or by the end", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    auto there = shm_ring<int, TestType::value>::make(1);
    auto back = shm_ring<int, TestType::value>::make(1);
    bool closed = false;
    {
        std::jthread const echo{[&] {
            context cx;
            auto one = there.pop(cx);
            for (; one; one = there.pop(cx)) (void)back.push(*one + 1, cx);
            closed = one.error().is(cause::unavailable);
        }};
        context cx;
        for (int i = 0; i < 2'000; ++i) {
            REQUIRE(there.push(i, cx));
            REQUIRE(back.pop(cx) == i + 1);
        }
        there.close();
    }
    CHECK(closed);
}

TEMPLATE_TEST_CASE("shm_ring: a file that is no such ring is refused", "[shm][shm_ring]", kind<spsc>, kind<mpmc>) {
    constexpr auto of = TestType::value;
    using ring = shm_ring<int, of>;
    CHECK(refused<int, of>(fd{}) != "");
    CHECK(refused<int, of>(fd::open("/dev/null", O_RDWR)) != "");
    CHECK_THAT((refused<int, of>(again(shared_memory{1 << 20}.file()))), Catch::Contains("this is no shm_ring"));

    auto const made = ring::make(1'000);
    CHECK(refused<int, of>(again(made.file())) == "");
    CHECK_THAT((refused<long, of>(again(made.file()))), Catch::Contains("values of another size"));
    CHECK_THAT((refused<int, of == spsc ? mpmc : spsc>(again(made.file()))), Catch::Contains("another kind"));

    // What it says of itself must fit into the file.
    shared_memory const cut{shared_memory::page() * 2};
    std::memcpy(cut.data(), shared_memory{again(made.file())}.data(), cut.size());
    auto& capacity = *reinterpret_cast<std::uint64_t*>(cut.data() + 16);
    REQUIRE(capacity == 1'024);
    for (std::uint64_t const wrong : {std::uint64_t{0}, std::uint64_t{1'023}, std::uint64_t{1} << 20, std::uint64_t{1} << 63, UINT64_MAX}) {
        capacity = wrong;
        CHECK_THAT((refused<int, of>(again(cut.file()))), Catch::Contains("cut off"));
    }

    // A file that can still be cut off would kill whoever reads behind its end.
    fd loose{::memfd_create("loose", MFD_CLOEXEC)};
    REQUIRE(::ftruncate(loose.get(), 1 << 20) == 0);
    REQUIRE(::pwrite(loose.get(), shared_memory{again(made.file())}.data(), 4'096, 0) == 4'096);
    CHECK_THAT((refused<int, of>(std::move(loose))), Catch::Contains("this is no shm_ring"));

    CHECK_THROWS_AS(ring::make(0), std::length_error);
    CHECK_THROWS_AS(ring::make(SIZE_MAX), std::length_error);
    CHECK_THROWS_AS((shm_ring<parcel<511>, of>::make(std::size_t{1} << 31)), std::length_error);
}

namespace {

// Producers push the numbers below `each`, each marked with who he is; consumers look whether all came, once and in order.
template <ring_kind Kind>
struct crowd {
    using value = parcel<2>;

    shm_ring<value, Kind>& ring;
    std::size_t producers;
    std::uint64_t each;

    [[nodiscard]] bool produce(std::uint64_t who) const {
        context cx;
        auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 300s);    // instead of hanging
        for (std::uint64_t i = 0; i < each; ++i)
            if (!ring.push(value::of(who << 32 | i), cx)) return false;
        return true;
    }
    struct tally {
        std::uint64_t count = 0, sum = 0, wrong = 0;
        bool drained = false;
    };
    [[nodiscard]] tally consume() const {
        context cx;
        auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 300s);
        tally seen;
        std::vector<std::uint64_t> next(producers);
        for (;;) {
            auto const got = ring.pop(cx);
            if (!got) {
                seen.drained = got.error().is(cause::unavailable);
                return seen;
            }
            auto const who = got->number >> 32;
            auto const number = got->number & 0xffff'ffff;
            ++seen.count;
            seen.sum += number;
            seen.wrong += !got->whole() || who >= producers || number < next[who % producers];
            next[who % producers] = number + 1;
        }
    }
    void check(std::span<tally const> all) const {
        std::uint64_t count = 0, sum = 0, wrong = 0;
        for (auto const& one : all) {
            CHECK(one.drained);
            count += one.count;
            sum += one.sum;
            wrong += one.wrong;
        }
        CHECK(count == producers * each);
        CHECK(sum == producers * (each * (each - 1) / 2));
        CHECK(wrong == 0);
    }
};

template <ring_kind Kind>
void between_threads(std::size_t producers, std::size_t consumers, std::size_t capacity, std::uint64_t each) {
    auto ring = shm_ring<parcel<2>, Kind>::make(capacity);
    crowd<Kind> const all{ring, producers, each};
    std::vector<typename crowd<Kind>::tally> seen(consumers);
    std::atomic<int> failed{0};
    {
        std::vector<std::jthread> threads;
        for (auto& one : seen) threads.emplace_back([&] { one = all.consume(); });
        {
            std::vector<std::jthread> pushing;
            for (std::uint64_t who = 0; who < producers; ++who) pushing.emplace_back([&, who] { failed += !all.produce(who); });
        }
        ring.close();
    }
    CHECK(failed == 0);
    all.check(seen);
}

// A child that does one thing: it exits with 0 when that was true.
pid_t child_that(std::function<bool()> const& work) {
    auto const child = ::fork();
    if (child == 0) ::_exit(work() ? 0 : 1);
    return child;
}
bool ended_well(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <ring_kind Kind>
void between_processes(std::size_t producers, std::size_t consumers, std::size_t capacity, std::uint64_t each) {
    using tally = typename crowd<Kind>::tally;
    auto ring = shm_ring<parcel<2>, Kind>::make(capacity);
    crowd<Kind> const all{ring, producers, each};
    shared_memory const notes{consumers * sizeof(tally), "muster-test-notes"};
    std::span const seen{reinterpret_cast<tally*>(notes.data()), consumers};
    std::vector<pid_t> pushing, popping;
    for (auto& one : seen) popping.push_back(child_that([&] { return (one = all.consume()).drained; }));
    for (std::uint64_t who = 0; who < producers; ++who)
        pushing.push_back(child_that([&] {
            auto mine = shm_ring<parcel<2>, Kind>::attach(again(ring.file()));    // mapped elsewhere
            return crowd<Kind>{mine, producers, each}.produce(who);
        }));
    for (auto const child : pushing) CHECK(ended_well(child));
    ring.close();
    for (auto const child : popping) CHECK(ended_well(child));
    all.check(seen);
}

}  // namespace

TEST_CASE("shm_ring: between two threads a million values come once and in order", "[shm][shm_ring]") {
    between_threads<spsc>(1, 1, 1'024, 1'000'000);
    between_threads<spsc>(1, 1, 1, 10'000);
    between_threads<mpmc>(1, 1, 1'024, 1'000'000);
    between_threads<mpmc>(1, 1, 1, 10'000);
}

TEST_CASE("shm_ring: between many threads a million values come once, those of each producer in order", "[shm][shm_ring]") {
    between_threads<mpmc>(2, 2, 1'024, 500'000);
    between_threads<mpmc>(4, 3, 4, 20'000);
}

TEST_CASE("shm_ring: between processes a million values come once and in order", "[shm][shm_ring][forks]") {
    between_processes<spsc>(1, 1, 1'024, 1'000'000);
    between_processes<mpmc>(1, 1, 1'024, 1'000'000);
    between_processes<mpmc>(2, 2, 1'024, 500'000);
    between_processes<mpmc>(3, 2, 4, 20'000);
}

TEST_CASE("shm_ring: a hundred million values come once and in order", "[shm][shm_ring][forks][soak]") {
    between_processes<spsc>(1, 1, 4'096, soak() ? 100'000'000 : 2'000'000);
    between_processes<mpmc>(2, 2, 4'096, soak() ? 20'000'000 : 500'000);
}

namespace {

// Which numbers came, in memory that outlives who notes it.
class bits {
public:
    explicit bits(std::uint64_t many) : memory_(many / 8, "muster-test-bits") {}
    /// False when it had come before.
    [[nodiscard]] bool set(std::uint64_t i) const { return (word(i).fetch_or(mask(i)) & mask(i)) == 0; }
    [[nodiscard]] bool has(std::uint64_t i) const { return (word(i).load() & mask(i)) != 0; }
    [[nodiscard]] std::uint64_t most() const { return memory_.size() * 8; }

private:
    static std::uint64_t mask(std::uint64_t i) { return std::uint64_t{1} << i % 64; }
    [[nodiscard]] std::atomic<std::uint64_t>& word(std::uint64_t i) const {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(memory_.data())[i / 64];
    }
    shared_memory memory_;
};

// Producers and consumers of which one after the other is killed at random, and replaced.
template <ring_kind Kind, std::size_t Words>
class mortals {
    using value = parcel<Words>;
    struct counts {
        std::atomic<std::uint64_t> next{0};    // the number that is pushed next
        std::atomic<std::uint64_t> torn{0}, twice{0}, unordered{0}, last{0}, waited{0};
    };

public:
    mortals(std::size_t capacity, std::size_t producers, std::size_t consumers)
        : ring_(shm_ring<value, Kind>::make(capacity)), producers_(producers) {
        for (std::size_t i = 0; i < producers + consumers; ++i) children_.push_back(begin(i));
    }
    mortals(mortals const&) = delete;
    ~mortals() {
        for (auto const child : children_) end(child);
    }

    void kill(std::size_t which) {
        end(children_[which]);
        ++kills_;
        children_[which] = begin(which);
    }
    [[nodiscard]] std::size_t size() const { return children_.size(); }

    void check() {
        ring_.close();
        for (auto const child : children_) CHECK(ended_well(child));
        children_.clear();
        CHECK_FALSE(ring_.try_pop());
        auto const pushed = counts_.next.load();
        std::uint64_t lost = 0;
        for (std::uint64_t i = 1; i <= pushed; ++i) lost += !seen_.has(i);
        INFO(pushed << " values, " << kills_ << " kills, " << lost << " lost");
        if (soak()) WARN(pushed << " values, " << kills_ << " kills, " << lost << " lost");
        CHECK(counts_.torn == 0);
        CHECK(counts_.twice == 0);
        CHECK(counts_.unordered == 0);
        CHECK(counts_.waited == 0);
        CHECK(lost <= kills_ + producers_);    // who sees that it is closed has a number, too
        CHECK(pushed > kills_);
    }

private:
    static void end(pid_t child) {
        ::kill(child, SIGKILL);
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    }
    pid_t begin(std::size_t which) {
        return child_that([this, which] { return which < producers_ ? produce() : consume(); });
    }

    bool over(failure const& why) const {
        counts_.waited += why.is(cause::timed_out);
        return why.is(cause::unavailable);
    }
    bool produce() {
        context cx;
        auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 100s);    // instead of hanging
        for (;;) {
            auto const number = ++counts_.next;
            if (number >= seen_.most()) ::pause();
            if (auto const pushed = ring_.push(value::of(number), cx); !pushed) return over(pushed.error());
        }
    }
    bool consume() {
        context cx;
        auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 100s);
        for (;;) {
            auto const got = ring_.pop(cx);
            if (!got) return over(got.error());
            if (!got->whole()) {
                ++counts_.torn;
                continue;
            }
            if (!seen_.set(got->number)) ++counts_.twice;
            if (Kind == spsc && counts_.last.exchange(got->number) >= got->number) ++counts_.unordered;
        }
    }

    shared_memory notes_{sizeof(counts), "muster-test-notes"};
    counts& counts_ = *::new (notes_.data()) counts;
    bits seen_{std::uint64_t{1} << 31};
    shm_ring<value, Kind> ring_;
    std::size_t producers_;
    std::vector<pid_t> children_;
    std::uint64_t kills_ = 0;
};

template <ring_kind Kind, std::size_t Words>
void kill_at_random(std::size_t capacity, std::size_t producers, std::size_t consumers, int kills) {
    mortals<Kind, Words> all{capacity, producers, consumers};
    std::minstd_rand random{static_cast<unsigned>(kills)};
    for (int round = 0; round < kills; ++round) {
        auto const part = static_cast<double>(random() % 1'000) / 1'000;
        std::this_thread::sleep_for(std::chrono::microseconds{static_cast<long>(part * part * 5'000)});    // short ones more often
        all.kill(random() % all.size());
    }
    all.check();
}

}  // namespace

TEST_CASE("shm_ring: a process killed at any moment costs one value at most, and holds nobody up", "[shm][shm_ring][forks][soak]") {
    int const kills = soak() ? 10'000 : 200;
    kill_at_random<spsc, 6>(64, 1, 1, kills);
    kill_at_random<spsc, 511>(2, 1, 1, kills);      // always full, or empty; most of the time is spent on copying
    kill_at_random<mpmc, 6>(64, 2, 2, kills);
    kill_at_random<mpmc, 30>(2, 2, 2, kills);
    kill_at_random<mpmc, 511>(16, 2, 1, kills);
}

namespace {

// A child that stands still after so many instructions of `work()`.
class stopped_child {
public:
    template <class Prepare, class Work>
    stopped_child(long instructions, Prepare prepare, Work work) : child_(::fork()) {
        if (child_ == 0) {
            prepare();
            if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
            ::kill(::getpid(), SIGSTOP);
            work();
            ::_exit(0);
        }
        ::waitpid(child_, &status_, 0);
        for (long n = 0; n < instructions && WIFSTOPPED(status_); ++n) {
            if (::ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0) break;
            ::waitpid(child_, &status_, 0);
        }
    }
    stopped_child(stopped_child const&) = delete;
    ~stopped_child() { kill(); }

    /// True when it had come to the end of its work before.
    [[nodiscard]] bool ended() const { return !WIFSTOPPED(status_); }
    void kill() {
        if (ended()) return;
        ::kill(child_, SIGKILL);
        while (::waitpid(child_, &status_, 0) == child_ && !WIFSIGNALED(status_)) {}
    }
    /// Lets it come to the end; what it exits with, 0 unless the work says otherwise.
    [[nodiscard]] int goes_on() {
        if (!ended() && ::ptrace(PTRACE_CONT, child_, nullptr, nullptr) == 0) ::waitpid(child_, &status_, 0);
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
    }

private:
    pid_t child_;
    int status_ = 0;
};

// The next number of instructions after which to look: all of them, or fewer the longer it takes, as it does without optimisation.
long next_moment(long n) { return n + 1 + (soak() ? 0 : n / (sanitized ? 8 : 32)); }    // under AddressSanitizer a fork takes long

// Calls `round(n)` for numbers of instructions n, until it says that the child had ended.
template <class Round>
void after_any_number_of_instructions(Round round) {
    long n = 0;
    while (!round(n) && n < 100'000) n = next_moment(n);
    CHECK(n > 20);
    CHECK(n < 100'000);
}

constexpr std::size_t cells = 4;

template <ring_kind Kind>
int room_of(shm_ring<int, Kind>& ring) {
    int room = 0;
    while (ring.try_push(room)) ++room;
    auto const all = all_of(ring);
    return static_cast<int>(all.size()) == room && std::is_sorted(all.begin(), all.end()) ? room : -1;
}

}  // namespace

TEMPLATE_TEST_CASE("shm_ring: a producer killed after any number of instructions loses its value alone", "[shm][shm_ring][forks][soak]", kind<spsc>,
                   kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(cells);
    after_any_number_of_instructions([&](long n) {
        INFO(n << " instructions");
        REQUIRE(ring.try_push(1));
        stopped_child child{n, [&] { (void)(ring.try_push(2) && ring.try_pop()); }, [&] { (void)ring.try_push(3); }};
        auto const ended = child.ended();
        child.kill();
        REQUIRE(ring.try_push(4));
        auto const all = all_of(ring);
        REQUIRE((all == std::vector{2, 3, 4} || (!ended && all == std::vector{2, 4})));
        REQUIRE(room_of(ring) == cells);
        return ended;
    });
}

TEMPLATE_TEST_CASE("shm_ring: a consumer killed after any number of instructions takes one value along at most", "[shm][shm_ring][forks][soak]",
                   kind<spsc>, kind<mpmc>) {
    auto ring = shm_ring<int, TestType::value>::make(cells);
    after_any_number_of_instructions([&](long n) {
        INFO(n << " instructions");
        for (int i = 1; i <= 3; ++i) REQUIRE(ring.try_push(i));
        stopped_child child{n, [] {}, [&] { (void)ring.try_pop(); }};
        auto const ended = child.ended();
        child.kill();
        REQUIRE(ring.try_push(4));
        auto const all = all_of(ring);
        REQUIRE((all == std::vector{2, 3, 4} || (!ended && all == std::vector{1, 2, 3, 4})));
        REQUIRE(room_of(ring) == cells);
        return ended;
    });
}

TEST_CASE("shm_ring: a producer that stands still holds nobody up, and loses nothing", "[shm][shm_ring][forks][soak]") {
    auto ring = shm_ring<int, mpmc>::make(cells);
    bool late = false;
    after_any_number_of_instructions([&](long n) {
        INFO(n << " instructions");
        REQUIRE(ring.try_push(1));
        stopped_child child{n, [&] { (void)(ring.try_push(2) && ring.try_pop()); }, [&] { (void)ring.try_push(3); }};
        auto const ended = child.ended();
        REQUIRE(ring.try_push(4));
        auto all = all_of(ring);
        auto const came = all == std::vector{2, 3, 4};
        REQUIRE((came || (!ended && all == std::vector{2, 4})));
        for (int round = 0; round < 20; ++round) {    // 20 laps and more
            auto const room = room_of(ring);
            REQUIRE((room == cells || (!came && room == cells - 1)));
            late |= room == cells - 1;
        }
        // It may also die now.
        if (n % 3 == 0) {
            child.kill();
            REQUIRE(all_of(ring).empty());
            int room = 0;
            for (int round = 0; round < 20; ++round) room = room_of(ring);
            REQUIRE(room == cells);
            return ended;
        }
        REQUIRE(child.goes_on() == 0);
        REQUIRE(all_of(ring) == (came ? std::vector<int>{} : std::vector{3}));
        REQUIRE(room_of(ring) == cells);
        return ended;
    });
    CHECK(late);
}

TEMPLATE_TEST_CASE("shm_ring: whatever the moment at which it is closed, who finds it empty then misses nothing", "[shm][shm_ring][forks][soak]",
                   kind<spsc>, kind<mpmc>) {
    after_any_number_of_instructions([&](long n) {
        INFO(n << " instructions");
        auto ring = shm_ring<int, TestType::value>::make(cells);
        REQUIRE(ring.try_push(1));
        stopped_child child{n, [&] { (void)(ring.try_push(2) && ring.try_pop()); }, [&] { ::_exit(ring.try_push(3) ? 1 : 0); }};
        auto const ended = child.ended();
        ring.close();
        auto const all = all_of(ring);
        auto const pushed = child.goes_on();
        REQUIRE((pushed == 0 || pushed == 1));
        REQUIRE(all == (pushed == 1 ? std::vector{2, 3} : std::vector{2}));
        REQUIRE(all_of(ring).empty());
        return ended;
    });
}

TEST_CASE("shm_ring: a ring all of whose cells are held by producers that stand still is full until one of them dies", "[shm][shm_ring][forks]") {
    auto ring = shm_ring<int, mpmc>::make(2);
    std::vector<std::unique_ptr<stopped_child>> children;
    // Children that stand still somewhere in a push, until no room is left: those who have not claimed a cell go on.
    for (long n = 0; n < 20'000 && room_of(ring) != 0; n = next_moment(n)) {
        auto one = std::make_unique<stopped_child>(n, [&] { (void)(ring.try_push(2) && ring.try_pop()); }, [&] { (void)ring.try_push(3); });
        auto const before = children.size();
        (void)all_of(ring);
        if (room_of(ring) == 1 - static_cast<int>(before)) children.push_back(std::move(one));
        else REQUIRE(one->goes_on() == 0);
        (void)all_of(ring);
    }
    REQUIRE(children.size() == 2);
    CHECK_FALSE(ring.try_push(1));
    CHECK_FALSE(ring.try_pop());
    children[0]->kill();
    CHECK(ring.try_push(1));
    CHECK_FALSE(ring.try_push(2));
    CHECK(ring.try_pop() == 1);
    CHECK(children[1]->goes_on() == 0);
    CHECK(ring.try_pop() == 3);
    CHECK(room_of(ring) == 2);
}

TEST_CASE("shm_ring: more processes push one after the other than it has places for", "[shm][shm_ring][forks]") {
    auto ring = shm_ring<int, mpmc>::make(cells);
    int wrong = 0;
    for (int i = 0; i < 1'100; ++i) {
        wrong += in_child([&] { return ring.try_push(i) ? 0 : 1; }) != exits(0);
        wrong += ring.try_pop() != i;
    }
    CHECK(wrong == 0);
}

TEST_CASE("shm_ring: where there are too many living producers one more is told so, and takes the place of a dead one", "[shm][shm_ring][forks]") {
    using detail::owner_word, detail::ring_head, detail::ring_owners;
    auto ring = shm_ring<int, mpmc>::make(cells);
    shared_memory const view{again(ring.file())};
    auto& table = *reinterpret_cast<ring_owners::table*>(view.data() + sizeof(ring_head));
    auto const me = process_identity::of_this();
    for (auto& one : table)
        one = owner_word{.pid = static_cast<std::uint32_t>(me.pid), .start_time = owner_word::low(me.start_time)}.word();
    context cx;
    CHECK_FALSE(ring.try_push(1));
    auto const none = ring.push(1, cx);
    REQUIRE_FALSE(none);
    CHECK(none.error().is(cause::exhausted));
    CHECK(none.error().text() == "1,023 living processes push into this ring, which is all it has room for");
    // The same number, another start: who had it is dead.
    table[77] = owner_word{.pid = static_cast<std::uint32_t>(me.pid), .start_time = owner_word::low(me.start_time) - 1}.word();
    CHECK(ring.push(1, cx));
    CHECK(ring.pop(cx) == 1);
    CHECK(owner_word::of(table[77]).generation == 1);
}
