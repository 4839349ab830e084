#include <muster/cache/file_cache.hpp>

#include "catch.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <random>       // mixed work
#include <semaphore>    // calls that wait
#include <thread>       // jthread

#include <sys/resource.h>    // setrlimit

#include <muster/os/pipe_ends.hpp>    // children that wait for each other

using namespace muster;
using namespace std::chrono_literals;

static_assert(cache<file_cache>);

namespace {

std::atomic<std::int64_t> hours_later{0};
std::chrono::system_clock::time_point clock_by_hand() { return std::chrono::system_clock::now() + hours_later.load() * 1h; }
struct hour_hand {
    hour_hand() { hours_later = 0; }
    ~hour_hand() { hours_later = 0; }
    void advance(int hours) const { hours_later += hours; }
};

auto const never_runs = [](context&) -> outcome<std::string> { throw std::logic_error{"this must not run"}; };

// A value that tells whether it is whole: a letter again and again, as many as the first number says.
std::string self_checking(unsigned seed) {
    auto const size = 10 + seed * 7919 % 3'000;
    return std::to_string(size) + ':' + std::string(size, static_cast<char>('a' + seed % 26));
}
bool is_whole(std::string const& value) {
    auto const colon = value.find(':');
    if (colon == value.npos) return false;
    auto const body = std::string_view{value}.substr(colon + 1);
    return body.size() == std::stoul(value) && body.find_first_not_of(body[0]) == body.npos;
}

std::vector<std::string> entries_in(temporary_folder const& in) {
    std::vector<std::string> out;
    for (auto const& file : std::filesystem::recursive_directory_iterator{in.path()})
        if (file.path().extension() == ".entry") out.push_back(file.path().string());
    return out;
}

template <class Work>
pid_t in_child(Work work) {
    auto const child = ::fork();
    if (child == 0) ::_exit(work());
    return child;
}
int result_of_child(pid_t child) {
    int status = -1;
    while (::waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Time passes as fast as somebody waits for it.
struct clock_that_runs {
    instant time{};
    instant now() const { return time; }
    bool wait_until(wait_point& point, instant until) {
        if (until == never) return thread_waiter{}.wait_until(point, until);
        time = std::max(time, until);
        return point.woken();
    }
};

}  // namespace

// Remembering

TEST_CASE("file_cache: remembers any bytes under any key, for whoever opens the folder next", "[cache][file_cache]") {
    temporary_folder const in;
    std::string const key{"a/../b\0\n*", 9}, value{"\0\xff value\n", 9};
    {
        file_cache here{in / "cache"};
        CHECK_FALSE(here.get(key));
        CHECK(here.put(key, value));
        CHECK(here.put("", "empty key"));
        CHECK(here.put("empty value", ""));
        CHECK(here.get(key) == value);
    }
    file_cache again{in / "cache"};
    CHECK(again.get(key) == value);
    CHECK(again.get("") == "empty key");
    CHECK(again.get("empty value") == "");
    CHECK(again.put(key, "new"));
    CHECK(again.get(key) == "new");
    CHECK(again.usage().entries == 3);
}

TEST_CASE("file_cache: erase and clear forget", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    for (int i = 0; i < 10; ++i) CHECK(here.put(std::to_string(i), "v"));
    CHECK(here.erase("3"));
    CHECK_FALSE(here.erase("3"));
    CHECK_FALSE(here.get("3"));
    CHECK(here.get("4"));
    here.clear();
    CHECK_FALSE(here.get("4"));
    CHECK(here.usage() == file_cache::contents{0, 0});
}

TEST_CASE("file_cache: nobody else may read the folder or an entry", "[cache][file_cache]") {
    temporary_folder const in;
    auto const before = ::umask(0);
    file_cache here{in / "deep/down/cache"};
    CHECK(here.put("k", "v"));
    ::umask(before);
    for (auto const& at : std::filesystem::recursive_directory_iterator{in / "deep/down"}) {
        auto const others = at.status().permissions() & std::filesystem::perms{077};
        CHECK(others == std::filesystem::perms::none);
    }
}

TEST_CASE("file_cache: refuses options that make no sense, and a folder that is none", "[cache][file_cache]") {
    temporary_folder const in;
    CHECK_THROWS_AS(file_cache(in / "c", {.ttl = 0ns}), std::invalid_argument);
    CHECK_THROWS_AS(file_cache(in / "c", {.bytes = 0}), std::invalid_argument);
    in.put("file", "x");
    CHECK_THROWS_AS(file_cache(in / "file"), std::system_error);
}

TEST_CASE("file_cache: counts hits, misses, what it stored and what was too old", "[cache][file_cache]") {
    temporary_folder const in;
    hour_hand const time;
    file_cache here{in / "cache", {.ttl = 1h, .clock = clock_by_hand}};
    context cx;
    auto const make = [](context&) -> outcome<std::string> { return "v"; };
    CHECK(here.get_or_compute("a", cx, make) == "v");          // miss, stored
    CHECK(here.get_or_compute("a", cx, never_runs) == "v");    // hit
    CHECK(here.get("a"));                                      // hit
    CHECK_FALSE(here.get("b"));                                // miss
    time.advance(2);
    CHECK_FALSE(here.get("a"));    // miss, expired
    CHECK(here.stats() == cache_stats{.hits = 2, .misses = 3, .stored = 1, .expired = 1});
}

// Age

TEST_CASE("file_cache: an entry is good for its ttl, the shorter of the writer's and the reader's", "[cache][file_cache]") {
    temporary_folder const in;
    hour_hand const time;
    file_cache day{in / "cache", {.ttl = 24h, .clock = clock_by_hand}}, hour{in / "cache", {.ttl = 1h, .clock = clock_by_hand}};
    CHECK(day.put("long", "v"));
    CHECK(hour.put("short", "v"));
    CHECK(hour.get("long"));
    time.advance(2);
    CHECK(day.get("long"));
    CHECK_FALSE(hour.get("long"));
    CHECK_FALSE(day.get("short"));
    time.advance(24);
    CHECK_FALSE(day.get("long"));
    context cx;
    CHECK(day.get_or_compute("long", cx, [](context&) -> outcome<std::string> { return "new"; }) == "new");
    CHECK(day.get("long") == "new");
}

TEST_CASE("file_cache: an entry from the future is too old: the clock was set back", "[cache][file_cache]") {
    temporary_folder const in;
    hour_hand const time;
    file_cache here{in / "cache", {.ttl = 1h, .clock = clock_by_hand}};
    time.advance(10'000);
    CHECK(here.put("k", "v"));
    time.advance(-10'000);
    CHECK_FALSE(here.get("k"));
}

// Size

TEST_CASE("file_cache: the bound holds after every put, and what was not used for longest goes first", "[cache][file_cache]") {
    temporary_folder const in;
    hour_hand const time;
    file_cache here{in / "cache", {.bytes = 100'000, .clock = clock_by_hand}};
    std::string const value(1'000, 'x');
    CHECK(here.put("precious", value));
    for (int i = 0; i < 300; ++i) {
        time.advance(1);
        CHECK(here.get("precious"));
        CHECK(here.put("k" + std::to_string(i), value));
        CHECK(here.usage().bytes <= 100'000);
    }
    CHECK(here.get("precious"));
    CHECK_FALSE(here.get("k0"));
    CHECK(here.get("k299"));
    auto const left = here.usage();
    CHECK(left.bytes > 80'000);
    CHECK(here.stats().evicted == 301 - left.entries);
}

TEST_CASE("file_cache: the bound counts what other processes stored", "[cache][file_cache][forks]") {
    temporary_folder const in;
    file_cache here{in / "cache", {.bytes = 50'000}};
    std::vector<pid_t> children;
    for (int c = 0; c < 4; ++c)
        children.push_back(in_child([&] {
            file_cache mine{in / "cache", {.bytes = 50'000}};
            for (int i = 0; i < 100; ++i)
                if (!mine.put(std::to_string(c * 100 + i), std::string(500, 'x'))) return 1;
            return 0;
        }));
    for (auto const child : children) CHECK(result_of_child(child) == 0);
    CHECK(here.usage().bytes <= 50'000);
    CHECK(here.usage().bytes > 25'000);
}

TEST_CASE("file_cache: the same key again and again does not fill it", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache", {.bytes = 10'000}};
    CHECK(here.put("other", "v"));
    for (int i = 0; i < 200; ++i) CHECK(here.put("k", std::string(1'000, 'x')));
    CHECK(here.get("other"));
    CHECK(here.stats().evicted == 0);
}

TEST_CASE("file_cache: what was there before counts, also when the shared counter is lost", "[cache][file_cache]") {
    temporary_folder const in;
    std::string const value(1'000, 'x');
    {
        file_cache here{in / "cache"};
        for (int i = 0; i < 50; ++i) CHECK(here.put(std::to_string(i), value));
    }
    std::filesystem::remove(in / "cache/shared");
    file_cache here{in / "cache", {.bytes = 20'000}};
    CHECK(here.put("one more", value));
    CHECK(here.usage().bytes <= 20'000);
}

TEST_CASE("file_cache: a value larger than the cache is answered, not kept", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache", {.bytes = 1'000}};
    context cx;
    std::string const huge(5'000, 'x');
    CHECK(here.put("other", "v"));
    CHECK(here.put("k", huge).error().is(cause::exhausted));
    CHECK(here.get_or_compute("k", cx, [&](context&) -> outcome<std::string> { return huge; }) == huge);
    CHECK(here.get("other"));
    CHECK(here.stats().unstored == 2);
}

TEST_CASE("file_cache: when the disk is full the value is answered all the same, and the old entry stands", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    context cx;
    CHECK(here.put("old", "v"));
    auto* const handled = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto small = before;
    small.rlim_cur = 5'000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    std::string const huge(50'000, 'x');
    auto const answer = here.get_or_compute("k", cx, [&](context&) -> outcome<std::string> { return huge; });
    auto const stored = here.put("old", huge);
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handled);
    CHECK(answer == huge);
    CHECK(stored.error().is(cause::exhausted));
    CHECK(here.get("old") == "v");
    CHECK(here.stats().unstored == 2);
    CHECK(in.count() == 2);    // the entry and what is shared: nothing half written
}

// Damage

TEST_CASE("file_cache: an entry cut off at any length is a miss, and is written anew", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("key", "some value"));
    auto const file = entries_in(in).at(0);
    auto const whole = in.read(file);
    std::uint64_t damaged = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::ofstream{file, std::ios::binary} << whole.substr(0, size);
        CHECK_FALSE(here.get("key"));
        CHECK(here.stats().damaged == ++damaged);
    }
    std::ofstream{file, std::ios::binary} << whole << 'x';
    CHECK_FALSE(here.get("key"));
    context cx;
    CHECK(here.get_or_compute("key", cx, [](context&) -> outcome<std::string> { return "new"; }) == "new");
    CHECK(here.get("key") == "new");
}

TEST_CASE("file_cache: an entry with any bit flipped is a miss", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("key", "some value"));
    auto const file = entries_in(in).at(0);
    auto const whole = in.read(file);
    std::uint64_t misses = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        auto bytes = whole;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        std::ofstream{file, std::ios::binary} << bytes;
        misses += !here.get("key");
    }
    CHECK(misses == 8 * whole.size());
    CHECK(here.stats().damaged == misses);
    std::ofstream{file, std::ios::binary} << whole;
    CHECK(here.get("key"));
}

TEST_CASE("file_cache: bytes that moved are a miss", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("key", std::string(64, 'a') + std::string(64, 'b') + std::string(64, '\0')));
    auto const file = entries_in(in).at(0);
    auto const whole = in.read(file);
    auto swapped = whole;
    std::swap_ranges(swapped.end() - 64, swapped.end(), swapped.end() - 128);
    std::ofstream{file, std::ios::binary} << swapped;
    CHECK_FALSE(here.get("key"));
    auto zeroed = whole;
    std::fill(zeroed.begin(), zeroed.end(), '\0');
    std::ofstream{file, std::ios::binary} << zeroed;
    CHECK_FALSE(here.get("key"));
}

TEST_CASE("file_cache: an entry that lies under another key's name is not taken for it", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("a", "of a"));
    auto const of_a = entries_in(in).at(0);
    auto const bytes = in.read(of_a);
    CHECK(here.erase("a"));
    CHECK(here.put("b", "of b"));
    std::ofstream{entries_in(in).at(0), std::ios::binary} << bytes;    // as if both keys had one hash
    CHECK_FALSE(here.get("b"));
    CHECK(here.stats().damaged == 0);
    CHECK(here.put("b", "of b"));
    CHECK(here.get("b") == "of b");
}

TEST_CASE("file_cache: reads entries of format version 1, and discards those of others", "[cache][file_cache]") {
    // Kept byte for byte as version 1 was written, on a machine of this byte order: key "fixture", value "of version 1".
    static constexpr unsigned char fixture[] = {
#include "file_cache_v1.inc"
    };
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("fixture", "x"));
    auto const file = entries_in(in).at(0);
    std::string bytes{reinterpret_cast<char const*>(fixture), sizeof fixture};
    std::ofstream{file, std::ios::binary} << bytes;
    CHECK(here.get("fixture") == "of version 1");
    bytes[8] = 2;
    std::ofstream{file, std::ios::binary} << bytes;
    CHECK_FALSE(here.get("fixture"));
    CHECK(here.stats().damaged == 1);
}

TEST_CASE("file_cache: a link in the place of an entry is not followed", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    CHECK(here.put("k", "v"));
    auto const file = entries_in(in).at(0);
    std::filesystem::rename(file, in / "elsewhere");
    std::filesystem::create_symlink(in / "elsewhere", file);
    CHECK_FALSE(here.get("k"));
}

// One computes, the others wait

TEST_CASE("file_cache: concurrent misses in one process compute once", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    std::atomic<int> ran{0}, right{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                context cx;
                right += here.get_or_compute("k", cx, [&](context&) -> outcome<std::string> {
                    ++ran;
                    return "v";
                }) == "v";
            });
    }
    CHECK(ran == 1);
    CHECK(right == 8);
}

TEST_CASE("file_cache: 16 processes that ask for one missing key compute it exactly once", "[cache][file_cache][forks]") {
    temporary_folder const in;
    for (int round = 0; round < 5; ++round) {
        auto const key = "k" + std::to_string(round);
        auto const log = in / ("log" + std::to_string(round));
        auto asking = pipe_ends::open(), go_on = pipe_ends::open();
        std::vector<pid_t> children;
        for (int c = 0; c < 16; ++c)
            children.push_back(in_child([&] {
                go_on.write.reset();
                file_cache mine{in / "cache"};
                context cx;
                if (::write(asking.write.get(), "x", 1) != 1) return 2;
                auto const answer = mine.get_or_compute(key, cx, [&](context&) -> outcome<std::string> {
                    char nothing = 0;
                    (void)!::read(go_on.read.get(), &nothing, 1);    // until all have asked
                    auto const to = fd::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
                    (void)!::write(to.get(), "x", 1);
                    return "v";
                });
                return answer == "v" ? 0 : 1;
            }));
        char one = 0;
        for (int c = 0; c < 16; ++c) REQUIRE(::read(asking.read.get(), &one, 1) == 1);
        go_on.write.reset();
        for (auto const child : children) CHECK(result_of_child(child) == 0);
        CHECK(in.read(log) == "x");
    }
}

TEST_CASE("file_cache: when the one that computes is killed, the next goes on", "[cache][file_cache][forks]") {
    temporary_folder const in;
    auto computing = pipe_ends::open();
    auto const child = in_child([&] {
        file_cache mine{in / "cache"};
        context cx;
        (void)mine.get_or_compute("k", cx, [&](context&) -> outcome<std::string> {
            (void)!::write(computing.write.get(), "x", 1);
            for (;;) ::pause();
        });
        return 1;
    });
    char one = 0;
    REQUIRE(::read(computing.read.get(), &one, 1) == 1);

    struct kills_when_waiting {
        pid_t child;
        instant now() const { return thread_waiter{}.now(); }
        bool wait_until(wait_point& point, instant until) {
            if (child) ::kill(std::exchange(child, 0), SIGKILL);
            return thread_waiter{}.wait_until(point, until);
        }
    } kills{child};
    file_cache here{in / "cache"};
    context cx{kills};
    CHECK(here.get_or_compute("k", cx, [](context&) -> outcome<std::string> { return "mine"; }) == "mine");
    CHECK(here.stats().waited == 1);
    CHECK(result_of_child(child) == -1);
}

TEST_CASE("file_cache: the wait for another process ends at the deadline and at a stop", "[cache][file_cache][forks]") {
    temporary_folder const in;
    auto computing = pipe_ends::open();
    auto const child = in_child([&] {
        file_cache mine{in / "cache"};
        context cx;
        (void)mine.get_or_compute("k", cx, [&](context&) -> outcome<std::string> {
            (void)!::write(computing.write.get(), "x", 1);
            for (;;) ::pause();
        });
        return 1;
    });
    char one = 0;
    REQUIRE(::read(computing.read.get(), &one, 1) == 1);
    file_cache here{in / "cache"};

    clock_that_runs clock;
    context late{clock};
    auto const limit = late.change_deadline(clock.now() + 5s);
    CHECK(here.get_or_compute("k", late, never_runs).error().is(cause::timed_out));
    CHECK(clock.now() == instant{} + 5s);

    struct stops_when_waiting {
        std::stop_source stop;
        instant now() const { return thread_waiter{}.now(); }
        bool wait_until(wait_point& point, instant until) {
            stop.request_stop();
            return thread_waiter{}.wait_until(point, until);
        }
    } stops;
    context stopped{stops.stop.get_token(), stops};
    CHECK(here.get_or_compute("k", stopped, never_runs).error().is(cause::cancelled));
    ::kill(child, SIGKILL);
    CHECK(result_of_child(child) == -1);
}

TEST_CASE("file_cache: two processes that wait for each other's keys do not hang", "[cache][file_cache][forks]") {
    temporary_folder const in;
    auto to_child = pipe_ends::open(), to_parent = pipe_ends::open();
    auto const cross = [&](std::string const& mine, std::string const& theirs, fd const& say, fd const& hear) {
        file_cache here{in / "cache"};
        clock_that_runs clock;
        context cx{clock};
        int computed_theirs = 0;
        auto const answer = here.get_or_compute(mine, cx, [&](context& inner) -> outcome<std::string> {
            char one = 0;
            if (::write(say.get(), "x", 1) != 1 || ::read(hear.get(), &one, 1) != 1) return failure{cause::threw, "pipe"};
            auto part = here.get_or_compute(theirs, inner, [&](context& deeper) -> outcome<std::string> {
                ++computed_theirs;
                auto const again = here.get_or_compute(mine, deeper, never_runs);
                CHECK((again.has_value() || again.error().is(cause::would_deadlock)));    // the other process may have stored it
                return "theirs";
            });
            if (!part) return part;
            return "mine, " + *part;
        });
        return answer == "mine, theirs" && computed_theirs == 1;
    };
    auto const child = in_child([&] { return cross("b", "a", to_parent.write, to_child.read) ? 0 : 1; });
    auto const here = cross("a", "b", to_child.write, to_parent.read);
    auto const there = result_of_child(child) == 0;
    CHECK((here || there));    // one of them may find what the other has stored meanwhile
}

TEST_CASE("file_cache: a failure is not remembered", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    context cx;
    auto const fails = [](context&) -> outcome<std::string> { return failure{cause::unavailable, "no server"}; };
    CHECK(here.get_or_compute("k", cx, fails).error().is(cause::unavailable));
    CHECK(here.get_or_compute("k", cx, [](context&) -> outcome<std::string> { return "v"; }) == "v");
}

TEST_CASE("file_cache: a key entered again below its own computation fails with would_deadlock", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"};
    context cx;
    auto const answer = here.get_or_compute("k", cx, [&](context& inner) -> outcome<std::string> {
        return here.get_or_compute("other", inner, [&](context& deeper) { return here.get_or_compute("k", deeper, never_runs); });
    });
    CHECK(answer.error().is(cause::would_deadlock));
}

TEST_CASE("file_cache: a computation that throws leaves the key free", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache"}, also{in / "cache"};
    context cx;
    CHECK_THROWS_AS((void)here.get_or_compute("k", cx, never_runs), std::logic_error);
    CHECK(also.get_or_compute("k", cx, [](context&) -> outcome<std::string> { return "v"; }) == "v");
}

// Under fire

TEST_CASE("file_cache: many threads, mixed gets and puts: no value is torn", "[cache][file_cache]") {
    temporary_folder const in;
    file_cache here{in / "cache", {.bytes = 30'000}};    // evicts all the while
    std::atomic<int> torn{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                std::mt19937 random{t};
                for (int i = 0; i < 400; ++i) {
                    auto const key = std::to_string(random() % 40);
                    if (random() % 3 == 0) (void)here.put(key, self_checking(static_cast<unsigned>(random() % 10'000)));
                    else if (auto const value = here.get(key); value && !is_whole(*value)) ++torn;
                }
            });
    }
    CHECK(torn == 0);
    CHECK(here.stats().damaged == 0);
    CHECK(here.usage().bytes <= 30'000);
}

TEST_CASE("file_cache: 8 processes, mixed gets and puts: no value is torn", "[cache][file_cache][forks][soak]") {
    temporary_folder const in;
    auto const turns = soak() ? 10'000 : 500;
    std::vector<pid_t> children;
    for (unsigned c = 0; c < 8; ++c)
        children.push_back(in_child([&] {
            file_cache mine{in / "cache", {.bytes = 60'000}};
            std::mt19937 random{c};
            for (int i = 0; i < turns; ++i) {
                auto const key = std::to_string(random() % 60);
                if (random() % 3 == 0) {
                    if (!mine.put(key, self_checking(static_cast<unsigned>(random() % 10'000)))) return 2;
                } else if (auto const value = mine.get(key); value && !is_whole(*value)) {
                    return 3;
                }
            }
            return mine.stats().damaged == 0 && mine.stats().hits > 0 ? 0 : 4;
        }));
    for (auto const child : children) CHECK(result_of_child(child) == 0);
    file_cache here{in / "cache", {.bytes = 60'000}};
    CHECK(here.usage().bytes <= 60'000);
}

TEST_CASE("file_cache: a writer killed at any moment leaves every entry whole or absent", "[cache][file_cache][forks][soak]") {
    temporary_folder const in;
    std::mt19937 random{11};
    std::uniform_int_distribution<long> moment{20'000, 4'000'000};
    unsigned turn = 0;
    int survived = 0, wrong = 0, seen = 0;
    for (int i = 0; i < (soak() ? 1'000 : 100); ++i) {
        turn += 1'000;
        auto at = turn;
        std::optional<file_cache> mine;
        survived += !run_until_killed(moment(random), [&] {
            if (!mine) mine.emplace(in / "cache", file_cache_options{.bytes = 40'000});
            ++at;
            return mine->put(std::to_string(at % 50), self_checking(at)).has_value();
        });
        file_cache here{in / "cache", {.bytes = 40'000}};
        for (int k = 0; k < 50; ++k)
            if (auto const value = here.get(std::to_string(k))) {
                ++seen;
                wrong += !is_whole(*value);
            }
        wrong += static_cast<int>(here.stats().damaged);
    }
    CHECK(survived == 0);
    CHECK(wrong == 0);
    CHECK(seen > 0);
    file_cache here{in / "cache", {.bytes = 40'000}};
    for (unsigned i = 0; i < 60; ++i) CHECK(here.put("after" + std::to_string(i), self_checking(i)));
    CHECK(here.usage().bytes <= 40'000);    // also with a count that the kills have spoilt
}
