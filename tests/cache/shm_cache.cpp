#include <muster/cache/shm_cache.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <array>         // children
#include <atomic>        // what processes tell each other
#include <csignal>       // kill
#include <cstring>       // memcpy
#include <functional>    // function
#include <map>           // what ought to be there
#include <random>        // keys
#include <thread>        // jthread
#include <vector>        // children

#include <fcntl.h>           // open
#include <sys/resource.h>    // setrlimit
#include <sys/stat.h>    // stat
#include <sys/wait.h>    // waitpid

#include <muster/cache/memory_cache.hpp>       // two levels
#include <muster/core/concepts.hpp>            // cache
#include <muster/os/file_lock.hpp>             // file_lock
#include <muster/os/shared_memory.hpp>         // shared_memory
#include <muster/policy/cached.hpp>            // cached
#include <muster/testing/manual_time.hpp>      // manual_time

using namespace muster;
using namespace std::chrono_literals;

namespace {

using texts = shm_cache<std::string, std::string>;

struct page {
    std::uint32_t number = 0;
    std::vector<std::string> lines;
    friend bool operator==(page const&, page const&) = default;
};
static_assert(cache<texts> && cache<shm_cache<std::uint64_t, page>>);

// A name that no other test has, and that is gone in the end.
class named {
public:
    named() : name_("muster-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count)) {}
    named(named const&) = delete;
    named& operator=(named const&) = delete;
    ~named() { (void)texts::unlink(name_); }
    operator std::string const&() const noexcept { return name_; }
    [[nodiscard]] std::string path() const { return "/dev/shm/" + name_; }

private:
    static inline int count = 0;
    std::string name_;
};

std::string why_not(std::string const& name, shm_cache_options const& options = {}) {
    try {
        texts const refused{name, options};
        return {};
    } catch (std::runtime_error const& thrown) {
        return thrown.what();
    }
}
bool says(std::string const& text, std::string const& part) { return text.find(part) != text.npos; }

// A child that does one thing and stays until it is told, or killed.
class child {
public:
    template <class Work>
    explicit child(Work work) : pid_(::fork()) {
        if (pid_ != 0) return;
        int code = 98;
        try {
            code = work();
        } catch (...) {
        }
        ::_exit(code);
    }
    child(child const&) = delete;
    child& operator=(child const&) = delete;
    ~child() {
        if (pid_ > 0 && !ended_) {
            ::kill(pid_, SIGKILL);
            (void)wait();
        }
    }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    child_end wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        ended_ = true;
        return WIFSIGNALED(status) ? dies_of(WTERMSIG(status)) : exits(WEXITSTATUS(status));
    }
    void kill() {
        ::kill(pid_, SIGKILL);
        (void)wait();
    }
    /// Until it has stopped itself.
    void wait_for_stop() {
        int status = 0;
        while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {}
    }

private:
    pid_t pid_;
    bool ended_ = false;
};

struct notes {
    std::atomic<int> at{0}, more{0};
    void wait(int until) const {
        while (at < until) ::sched_yield();
    }
};
class shared_notes {
public:
    notes* operator->() const noexcept { return reinterpret_cast<notes*>(memory_.data()); }

private:
    shared_memory memory_{sizeof(notes)};
};

/// Begins to compute "a", says so, and does not end.
child computes_for_ever(std::string const& name, shared_notes const& told) {
    return child{[&] {
        texts mine{name};
        context cx;
        (void)mine.get_or_compute("a", cx, [&](context&) -> outcome<std::string> {
            told->at = 1;
            for (;;) ::pause();
        });
        return 0;
    }};
}

detail::segment_plan plan_of(shm_cache_options const& options) {    // of one set, as the tests below open it
    detail::segment_plan plan;
    plan.fingerprint = wire_fingerprint<std::string> * 31 + wire_fingerprint<std::string>;
    plan.shape.units = static_cast<std::uint32_t>(33 * plan.shape.units_for(options.entry_bytes, 8));
    return plan;
}

}  // namespace

// What it remembers

TEST_CASE("shm_cache: remembers what was put, for everybody who opens the name", "[cache][shm_cache]") {
    named const name;
    texts one{name};
    REQUIRE(one.put("router", "198.51.100.7"));
    CHECK(one.get("router") == "198.51.100.7");
    texts other{name};
    CHECK(other.get("router") == "198.51.100.7");
    REQUIRE(other.put("router", "203.0.113.9"));
    CHECK(one.get("router") == "203.0.113.9");
    CHECK_FALSE(one.get("switch"));
    CHECK(other.erase("router"));
    CHECK_FALSE(one.get("router"));
    CHECK_FALSE(one.erase("router"));
    CHECK(one.size() == 0);
}

TEST_CASE("shm_cache: a text is read into one that is there, which keeps its memory", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 100, .entry_bytes = 300}};
    REQUIRE(all.put("short", "no longer than this"));
    std::string into(200, 'x');
    auto const* const memory = into.data();
    CHECK(all.get_to("short", into));
    CHECK(into == "no longer than this");
    CHECK(into.data() == memory);
    CHECK_FALSE(all.get_to("missing", into));
    CHECK(into.empty());
    CHECK(all.stats_of_process().hits == 1);
    CHECK(all.stats_of_process().misses == 1);
}

TEST_CASE("shm_cache: of text each length is told from each other, also where words are filled up", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 2'000, .entry_bytes = 300}};
    for (std::size_t length = 0; length <= 140; ++length) {    // beyond what a key has room for without memory of its own
        REQUIRE(all.put(std::string(length, '\0'), std::string(length, 'v')));
        REQUIRE(all.put(std::string(length, 'k'), std::string(length, '\0')));
    }
    for (std::size_t length = 0; length <= 140; ++length) {
        CHECK(all.get(std::string(length, '\0')) == std::string(length, length == 0 ? '\0' : 'v'));
        CHECK(all.get(std::string(length, 'k')) == std::string(length, '\0'));
    }
}

TEST_CASE("shm_cache: keys and values are whatever travels", "[cache][shm_cache]") {
    named const name;
    shm_cache<std::uint64_t, page> pages{name};
    page const first{1, {"a", "", std::string(300, 'b')}};
    REQUIRE(pages.put(7, first));
    CHECK(pages.get(7) == first);
    CHECK_FALSE(pages.get(8));
    REQUIRE(pages.put(0, {}));
    CHECK(pages.get(0) == page{});
}

TEST_CASE("shm_cache: keys of every length are told apart by all of their bytes", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 8'192, .entry_bytes = 256}};
    auto const key = [](std::size_t length, char last) { return std::string(length, 'k') + last; };
    for (std::size_t length = 0; length < 200; ++length)
        for (char const last : {'\0', 'a', '\xff'}) REQUIRE(all.put(key(length, last), std::to_string(length) + last));
    for (std::size_t length = 0; length < 200; ++length)
        for (char const last : {'\0', 'a', '\xff'}) CHECK(all.get(key(length, last)) == std::to_string(length) + last);
}

TEST_CASE("shm_cache: values of any size come and go, and never as another one", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 500, .entry_bytes = 300, .largest = 20'000}};
    std::mt19937 chance{5};
    std::map<std::string, std::string> last;
    for (int i = 0; i < 20'000; ++i) {
        auto const key = std::to_string(chance() % 800);
        if (chance() % 8 == 0) {
            all.erase(key);
            last.erase(key);
        } else {
            auto& value = last[key] = std::string(chance() % (chance() % 50 == 0 ? 19'000 : 400), static_cast<char>('a' + i % 26));
            REQUIRE(all.put(key, value));
        }
        auto const asked = std::to_string(chance() % 800);
        if (auto const found = all.get(asked)) CHECK(*found == last[asked]);
    }
    CHECK(all.size() > 200);
    std::size_t there = 0;
    for (auto const& [key, value] : last) there += all.get(key) == value;
    CHECK(there == all.size());
}

TEST_CASE("shm_cache: what is asked for twice outlives what is asked for once", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 320}};
    for (int i = 0; i < 100; ++i) {
        auto const key = "often" + std::to_string(i);
        REQUIRE(all.put(key, "x"));
        for (int k = 0; k < 3; ++k) CHECK(all.get(key));
    }
    for (int i = 0; i < 5'000; ++i) REQUIRE(all.put("once" + std::to_string(i), "y"));
    int left = 0;
    for (int i = 0; i < 100; ++i) left += all.get("often" + std::to_string(i)).has_value();
    CHECK(left > 90);
    CHECK(all.stats().evicted > 4'000);
    CHECK(all.size() <= 2 * 320);
}

TEST_CASE("shm_cache: takes the memory that it was made with, and no more", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 1'000, .entry_bytes = 200}};
    struct stat before {}, after {};
    REQUIRE(::stat(name.path().c_str(), &before) == 0);
    for (int i = 0; i < 20'000; ++i) REQUIRE(all.put(std::to_string(i), std::string(static_cast<std::size_t>(i % 600), 'x')));
    REQUIRE(::stat(name.path().c_str(), &after) == 0);
    CHECK(before.st_blocks == after.st_blocks);
    CHECK(static_cast<std::size_t>(after.st_size) == all.bytes());
    CHECK((after.st_mode & 0777) == 0600);
}

// Time

TEST_CASE("shm_cache: an entry is good for the cache's time to live, or for its own", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.ttl = 10s}};
    instant const now{1'000s};
    REQUIRE(all.put("a", "1", now));
    REQUIRE(all.put("short", "2", 1s, now));
    REQUIRE(all.put("long", "3", 100s, now));
    CHECK(all.get("a", now + 10s - 1ns) == "1");
    CHECK_FALSE(all.get("short", now + 1s));
    CHECK_FALSE(all.get("a", now + 10s));
    CHECK(all.get("long", now + 10s) == "3");
    CHECK(all.stats().expired == 2);
    CHECK(all.size() == 1);    // who looks at one that is too old takes it away
    auto const none = all.put("never", "4", 0s, now);
    REQUIRE_FALSE(none);
    CHECK(none.error().is(cause::invalid_input));
}

TEST_CASE("shm_cache: a sweep by any process takes away what is too old", "[cache][shm_cache][forks]") {
    named const name;
    texts all{name, {.ttl = 10s}};
    instant const now{1'000s};
    for (int i = 0; i < 100; ++i) REQUIRE(all.put(std::to_string(i), "x", i % 2 == 0 ? 5s : 50s, now));
    CHECK(in_child([&] { return static_cast<int>(texts{name, {.ttl = 10s}}.sweep(now + 6s)); }) == exits(50));
    CHECK(all.size() == 50);
    CHECK(all.sweep(now + 6s) == 0);
    CHECK(all.stats().expired == 50);
}

TEST_CASE("shm_cache: sweeps by itself where that is asked for", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.ttl = 1ns, .sweep_every = 1ms}};
    REQUIRE(all.put("a", "1"));
    for (int i = 0; i < 100'000 && all.stats().expired == 0; ++i) ::usleep(100);
    CHECK(all.size() == 0);
    CHECK(all.stats().expired == 1);
}

TEST_CASE("shm_cache: what does not fit, or is not good for any time, is refused and forgotten", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "small"));
    auto const out = all.put("a", std::string(all.largest(), 'x'));
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::invalid_input));
    CHECK(says(out.error().text(), "too large"));
    CHECK(says(out.error().text(), std::to_string(all.largest())));
    CHECK_FALSE(all.get("a"));    // not the older one
    CHECK(all.stats().unstored == 1);
    auto const longest = all.largest() - 1 - 2 - 1;    // key and lengths on the wire
    CHECK(all.put("a", std::string(longest - 8, 'y')));
    CHECK(all.get("a") == std::string(longest - 8, 'y'));
    CHECK_FALSE(all.put(std::string(all.largest(), 'k'), "v"));
}

// Changing

TEST_CASE("shm_cache: updates from several processes are all there", "[cache][shm_cache][forks]") {
    named const name;
    using numbers = shm_cache<int, std::uint64_t>;
    numbers all{name};
    constexpr int processes = 4, times = 500;
    auto const add = [&] {
        numbers mine{name};
        for (int i = 0; i < times; ++i) {
            auto const sum = mine.update(1, [](std::optional<std::uint64_t> const& old) { return old.value_or(0) + 1; });
            if (!sum) return sum.error().is(cause::unavailable) ? 1 : 2;
        }
        return 0;
    };
    // Where one of them had no processor for 10 ms while it held the set, the others forget the key: such a round says nothing.
    bool said = false;
    for (int round = 0; round < 50 && !said; ++round) {
        (void)all.erase(1);
        std::vector<std::unique_ptr<child>> others;
        for (int i = 0; i < processes; ++i) others.push_back(std::make_unique<child>(add));
        bool forgot = false;
        for (auto& each : others) {
            auto const end = each->wait();
            if (end == exits(1)) forgot = true;
            else CHECK(end == exits(0));
        }
        if (forgot) continue;
        CHECK(all.get(1) == std::uint64_t{processes} * times);
        said = true;
    }
    CHECK(said);
}

TEST_CASE("shm_cache: an update of what was erased meanwhile begins with nothing", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "1"));
    int calls = 0;
    auto const out = all.update("a", [&](std::optional<std::string> const& old) {
        if (calls++ == 0) all.erase("a");
        return old.value_or("nothing") + "+";
    });
    CHECK(out == std::string{"nothing+"});
    CHECK(calls == 2);
    CHECK(all.get("a") == "nothing+");
}

TEST_CASE("shm_cache: what is erased while it is updated stays away", "[cache][shm_cache]") {
    named const name;
    shm_cache<int, int> all{name, {.entries = 32}};
    std::atomic<bool> over{false};
    std::uint64_t erased = 0, began_anew = 0;
    {
        std::jthread const erases{[&] {
            while (!over) erased += all.erase(1);
        }};
        for (int i = 0; i < 30'000; ++i) {
            bool nothing = false;
            REQUIRE(all.update(1, [&](std::optional<int> const& old) {
                nothing = !old;
                return old.value_or(0) + 1;
            }));
            began_anew += nothing;
        }
        over = true;
    }
    CHECK(erased + all.get(1).has_value() == began_anew);    // each of them is either erased, or the one that is there
}

TEST_CASE("shm_cache: what is erased while it is updated stays away, also where there is room for one alone", "[cache][shm_cache]") {
    named const name;
    using numbers = std::vector<std::uint64_t>;    // of a life, which begins where nothing was
    shm_cache<int, numbers> all{name, {.entries = 32}};
    std::atomic<bool> over{false};
    std::jthread const updates{[&] {
        std::uint64_t life = 0;
        while (!over)
            (void)all.update(1, [&](std::optional<numbers> const& old) {
                auto next = old ? *old : numbers(600, 1);
                if (!old) next[0] = ++life;
                ++next[1];
                return next;
            });
    }};
    int wrong = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto const before = all.get(1);
        all.erase(1);
        auto const after = all.get(1);
        wrong += before && after && (*before)[0] == (*after)[0];
    }
    over = true;
    CHECK(wrong == 0);
}

TEST_CASE("shm_cache: an update is not made of what another place in memory held before", "[cache][shm_cache]") {
    named const name;
    texts all{name, {.entries = 32}};
    auto const size = all.largest() - 200;    // nearly all of a set
    REQUIRE(all.put("a", std::string(size, 'a')));
    int calls = 0;
    auto const out = all.update("a", [&](std::optional<std::string> const& old) {
        if (++calls == 1) {    // meanwhile, somebody else: the same versions, in other slots
            all.erase("a");
            CHECK(all.put("small", "x"));
            CHECK(all.put("a", std::string(size, 'b')));
        }
        return (old ? old->substr(0, 1) : std::string{}) + "+";
    });
    CHECK(out == std::string{"b+"});
}

namespace {
struct curious {    // looks into the cache while it is made from its bytes
    int number = 0;
    std::string text;
    static inline std::function<void(int)> looks;

    std::pair<int, std::string> to_wire() const { return {number, text}; }
    static curious from_wire(std::pair<int, std::string> const& from) {
        if (looks) looks(from.first);
        return {from.first, from.second};
    }
};
}  // namespace

TEST_CASE("shm_cache: a value may look into the cache while it is made", "[cache][shm_cache]") {
    named const name;
    shm_cache<int, curious> all{name, {.entries = 32, .largest = 10'000}};
    REQUIRE(all.put(1, {1, "one"}));
    REQUIRE(all.put(2, {2, std::string(5'000, '2')}));
    int looked = 0;
    curious::looks = [&](int which) {
        if (which == 1) looked += all.get(2)->number;
    };
    auto const found = all.get(1);
    REQUIRE(found);
    CHECK(found->number == 1);
    CHECK(found->text == "one");
    CHECK(looked == 2);
    curious::looks = nullptr;
}

// Computing

TEST_CASE("shm_cache: computes what is not there once, and remembers no failure", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    context cx;
    int calls = 0;
    auto const compute = [&](context&) -> outcome<std::string> {
        if (++calls == 1) return failure{cause::unavailable, "not yet"};
        return std::string{"there"};
    };
    CHECK_FALSE(all.get_or_compute("a", cx, compute));
    CHECK(all.get_or_compute("a", cx, compute) == std::string{"there"});
    CHECK(all.get_or_compute("a", cx, compute) == std::string{"there"});
    CHECK(calls == 2);
    auto const counts = all.stats_of_process();
    CHECK(counts.hits == 1);
    CHECK(counts.misses == 2);
    CHECK(counts.stored == 1);
}

TEST_CASE("shm_cache: what cannot be stored is answered all the same", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    context cx;
    std::string const large(all.largest() + 1, 'x');
    CHECK(all.get_or_compute("a", cx, [&](context&) { return outcome<std::string>{large}; }) == large);
    CHECK(all.stats().unstored == 1);
    CHECK_FALSE(all.get("a"));
}

TEST_CASE("shm_cache: a call that asks for its own key is refused", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    context cx;
    auto const out = all.get_or_compute("a", cx, [&](context& inner) { return all.get_or_compute("a", inner, [](context&) { return outcome<std::string>{"x"}; }); });
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::would_deadlock));
}

TEST_CASE("shm_cache: of several processes one computes, and the others have its answer", "[cache][shm_cache][forks]") {
    named const name;
    shared_notes const told;
    texts all{name};
    child first{[&] {
        texts mine{name};
        context cx;
        return mine.get_or_compute("a", cx, [&](context&) -> outcome<std::string> {
            told->at = 1;
            told->wait(2);
            return std::string{"by the child"};
        })
            .has_value()
                   ? 0
                   : 1;
    }};
    told->wait(1);
    testing::manual_time clock;
    child_end end;
    std::jthread const lets_go{[&] {
        clock.until_waiting(1);
        told->at = 2;
        end = first.wait();
        clock.advance(1s);
    }};
    context cx{std::stop_token{}, waiter_ref{clock}};
    auto const out = all.get_or_compute("a", cx, [](context&) -> outcome<std::string> { return std::string{"by us"}; });
    CHECK(out == std::string{"by the child"});
    CHECK(end == exits(0));
    CHECK(all.stats().stored == 1);
    CHECK(all.stats_of_process().waited == 1);
}

TEST_CASE("shm_cache: who waits for a process that dies over it computes", "[cache][shm_cache][forks]") {
    named const name;
    shared_notes const told;
    texts all{name};
    auto first = computes_for_ever(name, told);
    told->wait(1);
    testing::manual_time clock;
    std::jthread const kills{[&] {
        clock.until_waiting(1);
        first.kill();
        clock.advance(1s);
    }};
    context cx{std::stop_token{}, waiter_ref{clock}};
    CHECK(all.get_or_compute("a", cx, [](context&) -> outcome<std::string> { return std::string{"by us"}; }) == std::string{"by us"});
}

TEST_CASE("shm_cache: waits for another process as long as its patience, deadline or stop allows", "[cache][shm_cache][forks]") {
    named const name;
    shared_notes const told;
    auto first = computes_for_ever(name, told);
    told->wait(1);
    auto const ours = [](context&) -> outcome<std::string> { return std::string{"by us"}; };
    testing::manual_time clock{testing::manual_time::jumping};
    SECTION("deadline") {
        texts all{name};
        context cx{std::stop_token{}, waiter_ref{clock}};
        auto const until = cx.change_deadline(later(cx.now(), 1s));
        auto const out = all.get_or_compute("a", cx, ours);
        REQUIRE_FALSE(out);
        CHECK(out.error().is(cause::timed_out));
    }
    SECTION("patience") {
        texts all{name, {.patience = 1s}};
        context cx{std::stop_token{}, waiter_ref{clock}};
        CHECK(all.get_or_compute("a", cx, ours) == std::string{"by us"});
    }
    SECTION("inside of another computation it does not wait at all") {
        texts all{name};
        context cx;
        auto const out = all.get_or_compute("b", cx, [&](context& inner) { return all.get_or_compute("a", inner, ours); });
        CHECK(out == std::string{"by us"});
    }
}

TEST_CASE("shm_cache: stands in a stage, and behind a nearer cache", "[cache][shm_cache]") {
    named const name;
    texts far{name};
    memory_cache<std::string, std::string> near;
    int calls = 0;
    auto const ask = cached{near} | cached{far} | [&](std::string const& key) {
        ++calls;
        return key + "!";
    };
    CHECK(ask(std::string{"a"}) == std::string{"a!"});
    CHECK(ask(std::string{"a"}) == std::string{"a!"});
    CHECK(near.stats().hits == 1);
    CHECK(far.stats().hits == 0);
    near.clear();
    CHECK(ask(std::string{"a"}) == std::string{"a!"});
    CHECK(far.stats().hits == 1);
    CHECK(calls == 1);
}

// Processes

TEST_CASE("shm_cache: processes that make it at once agree", "[cache][shm_cache][forks]") {
    for (int round = 0; round < 20; ++round) {
        named const name;
        shared_notes const told;
        std::vector<std::unique_ptr<child>> all;
        for (int i = 0; i < 6; ++i)
            all.push_back(std::make_unique<child>([&, i] {
                told->wait(1);
                texts mine{name};
                if (!mine.put(std::to_string(i), "x")) return 1;
                ++told->more;
                while (told->more < 6) ::sched_yield();
                for (int k = 0; k < 6; ++k)
                    if (!mine.get(std::to_string(k))) return 2;
                return 0;
            }));
        told->at = 1;
        for (auto& each : all) CHECK(each->wait() == exits(0));
    }
}

TEST_CASE("shm_cache: entries and counts outlive the processes that made them", "[cache][shm_cache][forks]") {
    named const name;
    REQUIRE(in_child([&] {
                texts mine{name};
                if (!mine.put("a", "1") || !mine.get("a")) return 1;
                ::kill(::getpid(), SIGKILL);    // no destructor
                return 0;
            }) == dies_of(SIGKILL));
    texts all{name};
    CHECK(all.get("a") == "1");
    CHECK(all.stats().stored == 1);
    CHECK(all.stats().hits == 2);
    CHECK(all.stats_of_process().stored == 0);
    CHECK(all.stats_of_process().hits == 1);
}

TEST_CASE("shm_cache: a child of fork goes on with the cache of its parent", "[cache][shm_cache][forks]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "1"));
    CHECK(in_child([&] { return all.get("a") == "1" && all.put("b", "2") && all.stats_of_process().stored == 1 ? 0 : 1; }) == exits(0));
    CHECK(all.get("b") == "2");
    CHECK(all.stats_of_process().stored == 1);
    CHECK(all.stats().stored == 2);
}

TEST_CASE("shm_cache: a child of fork has none of the computations and sweeps that its parent was about", "[cache][shm_cache][forks]") {
    named const name;
    std::atomic<bool> computes{false}, over{false};
    {
        texts all{name, {.patience = 1ms, .sweep_every = 1h}};
        std::jthread const other{[&] {
            context cx;
            (void)all.get_or_compute("a", cx, [&](context&) -> outcome<std::string> {
                computes = true;
                while (!over) ::sched_yield();
                return std::string{"by the parent"};
            });
        }};
        while (!computes) ::sched_yield();
        auto const forked = ::fork();
        if (forked == 0) {
            ::alarm(60);
            auto* const mine = new texts{name, {.sweep_every = 1h}};    // and one of its own goes as well
            context cx;
            auto const out = all.get_or_compute("a", cx, [](context&) -> outcome<std::string> { return std::string{"by the child"}; });
            delete mine;
            all.~texts();
            ::_exit(out == std::string{"by the child"} ? 0 : 1);
        }
        int status = -1;
        ::waitpid(forked, &status, 0);
        over = true;
        CHECK(status == 0);
    }
}

TEST_CASE("shm_cache: a joiner that is stopped over it keeps a child of fork from storing, and nobody from reading", "[cache][shm_cache][forks]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "1"));
    child joiner{[&] {
        context cx;
        fd const file{::open(name.path().c_str(), O_RDWR | O_CLOEXEC)};
        auto const held = file_lock::acquire(file, cx, {.at = std::uint64_t{1} << 40, .size = 1});
        ::raise(SIGSTOP);
        return held ? 0 : 1;
    }};
    joiner.wait_for_stop();
    CHECK(in_child([&] {
              ::alarm(60);
              return all.get("a") == "1" && !all.put("b", "2") ? 0 : 1;
          }) == exits(0));
    CHECK(all.put("b", "2"));
    ::kill(joiner.pid(), SIGCONT);
    CHECK(joiner.wait() == exits(0));
    CHECK(in_child([&] { return all.put("c", "3") ? 0 : 1; }) == exits(0));
}

TEST_CASE("shm_cache: without descriptors left nothing is made, and nothing is lost", "[cache][shm_cache][forks]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "1"));
    CHECK(in_child([&] {
              struct rlimit const few {3, 3};
              if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 2;
              context cx;    // without a throw: AddressSanitizer opens a file for each
              if (detail::cache_segment::open(name, plan_of({}), cx)) return 3;
              return all.get("a") == "1" ? 0 : 4;
          }) == exits(0));
    CHECK(all.get("a") == "1");
    CHECK(all.stats().damaged == 0);
}

TEST_CASE("shm_cache: what a process holds that dies is taken over, and the set is whole", "[cache][shm_cache][forks]") {
    named const name;
    shm_cache_options const options{.entries = 32};    // one set
    texts all{name, options};
    REQUIRE(all.put("a", "1"));
    REQUIRE(in_child([&] {
                context cx;
                auto const mine = detail::cache_segment::open(name, plan_of(options), cx);
                if (!mine) return 1;
                (void)(*mine)->with_claim((*mine)->set(0), [](detail::set_events&) { ::kill(::getpid(), SIGKILL); });
                return 2;
            }) == dies_of(SIGKILL));
    CHECK(all.get("a") == "1");    // readers ask nobody
    CHECK(all.put("b", "2"));
    CHECK(all.get("b") == "2");
    CHECK(all.stats().stolen == 1);
    CHECK(all.stats().unstored == 0);
}

TEST_CASE("shm_cache: a process that is stopped with a set in its hand blocks nobody", "[cache][shm_cache][forks]") {
    named const name;
    shm_cache_options const options{.entries = 32};
    texts all{name, options};
    REQUIRE(all.put("a", "1"));
    REQUIRE(all.put("b", "1"));
    child holder{[&] {
        context cx;
        auto const mine = detail::cache_segment::open(name, plan_of(options), cx);
        if (!mine) return 1;
        return (*mine)->with_claim((*mine)->set(0), [](detail::set_events&) { ::raise(SIGSTOP); }) == detail::cache_segment::claimed::done ? 0 : 2;
    }};
    holder.wait_for_stop();
    CHECK(all.get("a") == "1");
    auto const out = all.put("a", "2");
    REQUIRE_FALSE(out);
    CHECK(out.error().is(cause::unavailable));
    CHECK_FALSE(all.get("a"));    // and not the older one
    CHECK(all.erase("b"));
    CHECK_FALSE(all.get("b"));
    context cx;
    CHECK(all.get_or_compute("c", cx, [](context&) { return outcome<std::string>{"3"}; }) == std::string{"3"});
    CHECK(all.stats().unstored == 2);
    for (int i = 0; i < 1'000; ++i) CHECK_FALSE(all.put("a", "2"));    // known by now: it waits no more
    SECTION("and that goes on") {
        ::kill(holder.pid(), SIGCONT);
        CHECK(holder.wait() == exits(0));
        CHECK(all.put("a", "4"));
        CHECK(all.get("a") == "4");
        CHECK(all.stats().stolen == 0);
    }
    SECTION("and that is killed") {
        holder.kill();
        CHECK(all.put("a", "4"));
        CHECK(all.get("a") == "4");
        CHECK(all.stats().stolen == 1);
    }
}

TEST_CASE("shm_cache: a name that is taken away is another cache when it is opened again", "[cache][shm_cache]") {
    named const name;
    texts one{name};
    REQUIRE(one.put("a", "1"));
    CHECK(texts::unlink(name) == true);
    CHECK(texts::unlink(name) == false);
    texts other{name};
    CHECK_FALSE(other.get("a"));
    CHECK(one.get("a") == "1");
}

TEST_CASE("shm_cache: threads of one process may do everything at once", "[cache][shm_cache]") {
    named const name;
    using numbers = shm_cache<std::uint32_t, std::vector<std::uint32_t>>;
    numbers all{name, {.entries = 200, .entry_bytes = 100, .largest = 2'000}};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                std::mt19937 chance{t};
                for (int i = 0; i < 5'000; ++i) {
                    auto const key = static_cast<std::uint32_t>(chance() % 300);
                    switch (chance() % 8) {
                        case 0: all.erase(key); break;
                        case 1:
                        case 2: (void)all.put(key, std::vector<std::uint32_t>(1 + chance() % 200, key)); break;
                        case 3: (void)all.sweep(); break;
                        default:
                            if (auto const found = all.get(key))
                                for (auto const each : *found) wrong += each != key;
                    }
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(all.stats().damaged == 0);
}

// In a file

TEST_CASE("shm_cache: a name with a slash is a file, which is found warm", "[cache][shm_cache][forks]") {
    temporary_folder const folder;
    auto const path = folder / "entries.cache";
    {
        texts all{path};
        REQUIRE(all.put("a", "1"));
    }
    REQUIRE(in_child([&] { return texts{path}.get("a") == "1" ? 0 : 1; }) == exits(0));
    CHECK(texts{path}.get("a") == "1");
    CHECK(texts::unlink(path) == true);
}

namespace {
// As if the machine had been started anew.
void restart_machine(std::string const& path) {
    auto bytes = temporary_folder::read(path);
    std::ifstream file{"/proc/sys/kernel/random/boot_id"};
    std::string boot;
    std::getline(file, boot);
    auto const at = bytes.find(boot);
    REQUIRE(at != bytes.npos);
    bytes[at] = bytes[at] == 'z' ? 'y' : 'z';
    std::fstream{path, std::ios::in | std::ios::out | std::ios::binary}.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
}  // namespace

TEST_CASE("shm_cache: after the machine was started again hits are hits, and what was half written is gone", "[cache][shm_cache]") {
    temporary_folder const folder;
    auto const path = folder / "entries.cache";
    auto const value = [](int i) { return std::string(static_cast<std::size_t>(i), 'x') + std::to_string(i); };
    {
        texts all{path, {.entries = 2'000}};
        for (int i = 0; i < 100; ++i) REQUIRE(all.put(std::to_string(i), value(i), i % 2 == 0 ? std::chrono::nanoseconds::max() : std::chrono::nanoseconds{1h}));
    }
    restart_machine(path);
    auto bytes = temporary_folder::read(path);
    auto const at = bytes.find(value(50));
    REQUIRE(at != bytes.npos);
    bytes[at + 20] = 'Y';
    std::fstream{path, std::ios::in | std::ios::out | std::ios::binary}.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    texts all{path, {.entries = 2'000}};
    for (int i = 0; i < 100; ++i) CHECK(all.get(std::to_string(i)) == (i == 50 ? std::nullopt : std::optional{value(i)}));
    CHECK(all.stats().damaged == 1);
    CHECK_FALSE(all.get("1", thread_waiter{}.now() + 2h));
    CHECK(all.put("50", "new"));
    CHECK(all.get("50") == "new");
}

TEST_CASE("shm_cache: whatever bytes are in its file, it neither crashes nor lies", "[cache][shm_cache]") {
    temporary_folder const folder;
    auto const path = folder / "entries.cache";
    std::mt19937 chance{11};
    for (int round = 0; round < 60; ++round) {
        (void)texts::unlink(path);
        texts all{path, {.entries = 64, .entry_bytes = 64}};
        for (int i = 0; i < 64; ++i) REQUIRE(all.put(std::to_string(i), std::to_string(i * i)));
        auto bytes = temporary_folder::read(path);
        restart_machine(path);    // so that sums are looked at
        std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
        for (int i = 0; i < 40; ++i) {    // sets alone: who may write the header may do anything
            file.seekp(static_cast<std::streamoff>(45'056 + chance() % (bytes.size() - 45'056)));
            file.put(static_cast<char>(chance()));
        }
        file.close();
        texts again{path, {.entries = 64, .entry_bytes = 64}};
        for (int i = 0; i < 64; ++i)
            if (auto const found = again.get(std::to_string(i))) CHECK(*found == std::to_string(i * i));
        for (int i = 0; i < 64; ++i) CHECK(again.put(std::to_string(i), "new"));
        for (int i = 0; i < 64; ++i)
            if (auto const found = again.get(std::to_string(i))) CHECK(*found == "new");
        again.clear();
        CHECK(again.size() == 0);
    }
}

TEST_CASE("shm_cache: whatever bytes somebody writes into its memory, it ends each call", "[cache][shm_cache][forks]") {
    CHECK(in_child([] {
              ::alarm(250);    // instead of hanging
              temporary_folder const folder;
              auto const path = folder / "entries.cache";
              std::mt19937 chance{13};
              texts all{path, {.entries = 64, .entry_bytes = 64}};
              std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
              for (int round = 0; round < 300; ++round) {
                  for (int i = 0; i < 64; ++i) (void)all.put(std::to_string(i), std::string(chance() % 300, 'x'));
                  for (int i = 0; i < 100; ++i) {    // but for who holds it: that is a process which does not end
                      auto const at = 45'056 + chance() % (all.bytes() - 45'056);
                      auto const in_set = (at - 45'056) % ((all.bytes() - 45'056) / 2);
                      if (in_set < 8) continue;
                      file.seekp(static_cast<std::streamoff>(at));
                      file.put(static_cast<char>(chance()));
                  }
                  file.flush();
                  for (int i = 0; i < 64; ++i) {
                      (void)all.get(std::to_string(i));
                      if (i % 4 == 0) all.erase(std::to_string(i));
                  }
                  (void)all.sweep();
              }
              all.clear();
              return all.size() == 0 && all.put("a", "1") && all.get("a") == "1" ? 0 : 1;
          }) == exits(0));
}

// What is wrong

TEST_CASE("shm_cache: says what is wrong with a name", "[cache][shm_cache]") {
    for (std::string const name : {"", ".", "..", "a b", "a\n", "\xff", "folder/"}) CHECK(says(why_not(name), "is no name for a shared cache"));
    CHECK(says(why_not(std::string(251, 'a')), "is no name for a shared cache"));
    CHECK(says(why_not(std::string("a\0/b", 4)), "is no name for a shared cache"));
    CHECK(says(why_not("/nowhere/at/all"), "cannot open the shared cache /nowhere/at/all"));
    CHECK_FALSE(texts::unlink("a b"));
}

TEST_CASE("shm_cache: says what is wrong with its options", "[cache][shm_cache]") {
    named const name;
    for (shm_cache_options const& wrong : {shm_cache_options{.entries = 0}, {.entry_bytes = 0}, {.ttl = 0ns}, {.patience = -1ns}, {.sweep_every = -1ns}})
        CHECK(says(why_not(name, wrong), "shm_cache needs"));
    CHECK(says(why_not(name, {.entry_bytes = std::size_t{1} << 40}), "4 MiB"));
    CHECK(says(why_not(name, {.entry_bytes = 1'000'000}), "in a set"));
    CHECK(says(why_not(name, {.entries = ~std::size_t{0}}), "64 TiB"));
    CHECK(texts::unlink(name) == false);    // nothing was made
}

TEST_CASE("shm_cache: what was made otherwise is refused, and left as it is", "[cache][shm_cache]") {
    named const name;
    texts all{name};
    REQUIRE(all.put("a", "1"));
    CHECK(says(why_not(name, {.entries = 10'000}), "other sets"));
    CHECK(says(why_not(name, {.entry_bytes = 1'000}), "other memory in a set"));
    using others = shm_cache<std::string, std::uint64_t>;
    CHECK_THROWS_WITH((others{name}), Catch::Matchers::Contains("other types"));
    CHECK(why_not(name, {.ttl = 5s}).empty());    // everybody's own
    CHECK(all.get("a") == "1");
}

TEST_CASE("shm_cache: a foreign file under its name is refused, and left as it is", "[cache][shm_cache]") {
    temporary_folder const folder;
    auto const refused = [&](std::string const& bytes) {
        auto const path = folder.put("file", bytes);
        auto const why = why_not(path);
        CHECK(temporary_folder::read(path) == bytes);
        return why;
    };
    CHECK(says(refused("a letter to a friend"), "it is something else"));
    CHECK(says(refused("x"), "it is something else"));
    CHECK(says(refused(std::string(100'000, '\0')), "it is something else"));
    auto const path = folder / "cache";
    { texts const made{path}; }
    auto whole = temporary_folder::read(path);
    CHECK(says(refused(whole.substr(0, 1'000)), "cut off"));
    CHECK(says(refused(whole.substr(0, whole.size() - 1)), "other bytes"));
    CHECK(says(refused(whole + "x"), "other bytes"));
    auto newer = whole;
    ++newer[8];
    CHECK(says(refused(newer), "another version"));
    CHECK(says(why_not(folder.path()), "cannot open the shared cache"));
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    CHECK(says(why_not(folder / "fifo"), "it is no file"));
    REQUIRE(::symlink(path.c_str(), (folder / "link").c_str()) == 0);
    CHECK(says(why_not(folder / "link"), "cannot open the shared cache"));
}

TEST_CASE("shm_cache: one that was left half made is made anew", "[cache][shm_cache]") {
    temporary_folder const folder;
    auto const path = folder / "cache";
    {
        texts made{path};
        REQUIRE(made.put("a", "1"));
    }
    auto bytes = temporary_folder::read(path);
    std::memset(bytes.data() + 12, 0, 4);    // not ready
    for (auto const size : {std::size_t{16}, std::size_t{5'000}, bytes.size()}) {
        (void)texts::unlink(path);
        folder.put("cache", bytes.substr(0, size));
        texts again{path};
        CHECK_FALSE(again.get("a"));
        CHECK(again.put("a", "2"));
        CHECK(again.get("a") == "2");
    }
}

TEST_CASE("shm_cache: who may not, or has no room, is told so, and leaves nothing", "[cache][shm_cache][forks]") {
    temporary_folder const folder;
    auto const path = folder / "cache";
    CHECK(in_child([&] {    // a limit of the file's size is a full disk to whoever asks for room
              ::signal(SIGXFSZ, SIG_IGN);
              struct rlimit const small {1 << 20, 1 << 20};
              if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
              auto const why = why_not(path, {.entries = 100'000});
              return says(why, "it takes ") && says(why, " bytes") ? 0 : 2;
          }) == exits(0));
    CHECK(folder.count() == 0);
    if (::getuid() != 0) SKIP("only root can become somebody else");
    texts const ours{path};
    ::chmod(folder.path().c_str(), 0755);
    CHECK(in_child([&] { return ::setuid(65'534) == 0 && says(why_not(path), "ermission denied") ? 0 : 1; }) == exits(0));
    ::chmod(path.c_str(), 0666);
    CHECK(in_child([&] { return ::setuid(65'534) == 0 && says(why_not(path), "it belongs to user 0") ? 0 : 1; }) == exits(0));
    CHECK(in_child([&] { return ::setuid(65'534) == 0 && why_not(path, {.mode = 0666}).empty() ? 0 : 1; }) == exits(0));
}
