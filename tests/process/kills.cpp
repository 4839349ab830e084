// Workers, and the fork server, die from outside at moments that chance chooses. What is checked holds whatever the moment: each item
// ends once, with its answer or with the death of the worker that had begun it, and nothing is left behind.
//
// The pauses between two kills are real time, as no fake clock reaches the kernel; no check depends on how long they were.
#include <muster/process/process_pool.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <muster/core/bytes.hpp>
#include <muster/core/line_sink.hpp>
#include <muster/flow/map.hpp>
#include <muster/os/shared_memory.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/shm/shared_span.hpp>

#include "catch.hpp"
#include "killed_child.hpp"    // soak
#include "kin.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

// What tasks note about an item, in memory that outlives them.
struct notes {
    std::atomic<std::uint32_t> begun{0}, ended{0};
    std::atomic<std::int32_t> worker{0};    // who began it last
};

// A worker finds them by the number of the program's descriptor.
notes* notes_of_program(int file) {
    static int known = -1;
    static shared_memory memory;
    if (known != file) {
        memory = shared_memory{fd::open("/proc/" + std::to_string(::getppid()) + "/fd/" + std::to_string(file), O_RDWR)};
        known = file;
    }
    return reinterpret_cast<notes*>(memory.data());
}

class notebook {
public:
    explicit notebook(std::size_t items) : memory_(items * sizeof(notes), "muster-test-notes") {}
    [[nodiscard]] notes& operator[](std::size_t i) const { return reinterpret_cast<notes*>(memory_.data())[i]; }
    [[nodiscard]] int file() const { return memory_.file().get(); }
    void clear(std::size_t i) const {
        (*this)[i].begun = 0;
        (*this)[i].ended = 0;
        (*this)[i].worker = 0;
    }

private:
    shared_memory memory_;
};

struct order {
    std::int32_t file = -1;
    std::uint32_t place = 0;     // in the notes
    std::uint32_t number = 0;    // what it is about: no two items have the same
    std::uint32_t size = 0;      // of the answer
    std::uint32_t turns = 0;     // of work
};
struct parcel {
    order what;
    shared_span<std::uint32_t> numbers;
};

notes& begins(order const& what) {
    auto& mine = notes_of_program(what.file)[what.place];
    mine.worker = ::getpid();
    ++mine.begun;
    for (std::atomic<std::uint32_t> i{0}; i < what.turns; ++i) {}
    return mine;
}

std::string text_of(order const& what) { return std::string(what.size, static_cast<char>('a' + what.number % 26)); }
std::string writes(order const& what) {
    auto& mine = begins(what);
    auto answer = text_of(what);
    ++mine.ended;
    return answer;
}
std::uint32_t sum_of(shared_span<std::uint32_t> const& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0u); }
shared_span<std::uint32_t> adds(parcel const& it) {
    auto& mine = begins(it.what);
    auto answer = shared_span<std::uint32_t>::make(*arena::find(it.numbers.handle().arena), it.numbers.size()).value();
    for (std::size_t i = 0; i < answer.size(); ++i) answer[i] = it.numbers[i] + it.what.number;
    ++mine.ended;
    return answer;
}
// In place: the program sees it in what it has lent.
std::uint32_t doubles(parcel& it) {
    auto& mine = begins(it.what);
    for (auto& each : it.numbers) each *= 2;
    ++mine.ended;
    return sum_of(it.numbers);
}

// From many threads: the assertions of Catch are for one.
class complaints {
public:
    void add(std::string text) {
        std::lock_guard const lock(mutex_);
        if (texts_.size() < 20) texts_.push_back(std::move(text));
        any_ = true;
    }
    [[nodiscard]] bool any() const { return any_; }
    [[nodiscard]] std::string text() const {
        std::lock_guard const lock(mutex_);
        std::string all;
        for (auto const& each : texts_) all += each + '\n';
        return all;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> texts_;
    std::atomic<bool> any_{false};
};

// Who was signalled: noted before it happens, so that nobody sees the effect first.
class victims {
public:
    void add(pid_t pid) {
        std::lock_guard const lock(mutex_);
        pids_.insert(pid);
        ++count_;
    }
    [[nodiscard]] bool has(pid_t pid) const {
        std::lock_guard const lock(mutex_);
        return pids_.contains(pid);
    }
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    mutable std::mutex mutex_;
    std::set<pid_t> pids_;
    std::atomic<std::size_t> count_{0};
};

// Ends the process, with a word about it, when the test hangs.
class watchdog {
public:
    explicit watchdog(std::chrono::seconds within)
        : thread_([within](std::stop_token stop) {
              auto const end = std::chrono::steady_clock::now() + within;
              while (!stop.stop_requested()) {
                  if (std::chrono::steady_clock::now() > end) {
                      std::cerr << "kills: this hangs\n";
                      std::abort();
                  }
                  std::this_thread::sleep_for(20ms);
              }
          }) {}

private:
    std::jthread thread_;
};

unsigned seed_of_run() {
    auto const* const said = std::getenv("MUSTER_TEST_SEED");
    return said ? static_cast<unsigned>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
}

// A way to wait that a pool does not know: it is then woken through its own thread.
struct other_waiter {
    [[nodiscard]] instant now() const { return std::chrono::steady_clock::now(); }
    bool wait_until(wait_point& point, instant until) const { return point.block_until(until); }
};

// What callers do until they are told to end, and what they find.
class callers {
public:
    callers(process_pool& cells, victims const& killed, unsigned seed, bool stops) : cells_(cells), killed_(killed), stops_(stops) {
        for (unsigned t = 0; t < threads; ++t)
            running_.emplace_back([this, t, seed](std::stop_token stop) {
                try {
                    run(t, seed + t, stop);
                } catch (std::exception const& thrown) {
                    wrong_.add(std::string{"thrown: "} + thrown.what());
                }
            });
    }
    void end() { running_.clear(); }
    [[nodiscard]] complaints const& wrong() const { return wrong_; }
    [[nodiscard]] std::size_t items() const { return items_; }
    [[nodiscard]] std::size_t failed() const { return failed_; }

private:
    static constexpr unsigned threads = 4;
    static constexpr std::uint32_t most = 96;    // items of a run

    template <class Items, class Call>
    static auto each_of(Items& items, Call const& call) {
        std::vector<decltype(call(items[0]))> out;
        for (auto& each : items) out.push_back(call(each));
        return out;
    }

    void run(unsigned thread, unsigned seed, std::stop_token const& stop) {
        std::mt19937 chance{seed};
        for (std::uint32_t number = thread << 28; !stop.stop_requested() && !wrong_.any(); number += most) {
            auto const kind = chance() % 8;
            auto const big = kind == 1 || kind == 2;
            auto const n = kind == 7 ? 8 : big ? 1 + chance() % 6 : 1 + chance() % most;
            std::vector<order> orders(n);
            for (std::uint32_t i = 0; i < n; ++i) {
                constexpr std::uint32_t sizes[] = {0, 1u << 10, 200u << 10, 2u << 20};
                orders[i] = {book_.file(), thread * most + i, number + i, big ? sizes[chance() % 4] : sizes[chance() % 64 == 0], static_cast<std::uint32_t>(chance() % 3'000)};
                book_.clear(orders[i].place);
            }
            std::stop_source asked;
            std::jthread asks;
            if (stops_ && chance() % 2 == 0)
                asks = std::jthread{[&asked, after = std::chrono::microseconds{chance() % 20'000}] {
                    std::this_thread::sleep_for(after);
                    asked.request_stop();
                }};
            context cx = chance() % 3 == 0 ? context{asked.get_token(), waiter_ref{waiter_}} : context{asked.get_token()};
            auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 120s);    // instead of hanging
            auto const since = std::chrono::steady_clock::now();
            if (kind < 3) texts(orders, map(orders, on{cells_} | &writes, cx));
            else if (kind == 3) texts(orders, each_of(orders, [&](order const& one) { return (isolate{cells_} | &writes)(one, cx); }));
            else if (kind < 6) spans(orders, chance, [&](std::vector<parcel>& all) { return map(all, on{cells_} | &adds, cx); });
            else if (kind == 6) spans(orders, chance, [&](std::vector<parcel>& all) {
                return each_of(all, [&](parcel& one) { return (isolate{cells_} | &adds)(one, cx); });
            });
            else in_place(orders, cx);
            // An answer that was there is taken at the deadline at last: a hang all the same.
            if (std::chrono::steady_clock::now() - since > 100s) wrong_.add("a run of " + std::to_string(n) + " items slept until its deadline");
        }
    }

    std::vector<parcel> pack(std::vector<order> const& orders, std::mt19937& chance) {
        std::vector<parcel> all;
        for (auto const& each : orders) {
            all.push_back({each, shared_span<std::uint32_t>::make(cells_.arena(), 1 + chance() % 20'000).value()});
            for (auto& number : all.back().numbers) number = each.number;
        }
        return all;
    }

    template <class Outcomes>
    void texts(std::vector<order> const& orders, Outcomes const& out) {
        check(orders, out, [](order const& what, std::size_t, std::string const& answer) { return answer == text_of(what); });
    }
    template <class Call>
    void spans(std::vector<order> const& orders, std::mt19937& chance, Call const& call) {
        auto all = pack(orders, chance);
        auto const out = call(all);
        check(orders, out, [&](order const& what, std::size_t i, shared_span<std::uint32_t> const& answer) {
            return answer.owns() && all[i].numbers.owns() && answer.size() == all[i].numbers.size() &&
                   std::all_of(answer.begin(), answer.end(), [&](std::uint32_t each) { return each == 2 * what.number; });
        });
    }
    void in_place(std::vector<order> const& orders, context& cx) {
        std::mt19937 chance{orders[0].number};
        auto all = pack(orders, chance);
        auto const out = each_of(all, [&](parcel& one) { return (isolate{cells_} | &doubles)(one, cx); });
        check(orders, out, [&](order const& what, std::size_t i, std::uint32_t answer) {
            auto const& numbers = all[i].numbers;
            return std::all_of(numbers.begin(), numbers.end(), [&](std::uint32_t each) { return each == 2 * what.number; }) && sum_of(numbers) == answer;
        });
    }

    template <class Outcomes, class Right>
    void check(std::vector<order> const& orders, Outcomes const& out, Right const& right) {
        if (out.size() != orders.size()) return wrong_.add("not as many outcomes as items");
        for (std::size_t i = 0; i < orders.size(); ++i) {
            auto const& noted = book_[orders[i].place];
            auto const begun = noted.begun.load();
            auto const about = "item " + std::to_string(orders[i].number) + ", begun " + std::to_string(begun) + " times, ended " +
                               std::to_string(noted.ended.load()) + " times: ";
            ++items_;
            if (out[i]) {
                if (!right(orders[i], i, *out[i])) wrong_.add(about + "a wrong answer");
                if (begun != 1 || noted.ended != 1) wrong_.add(about + "an answer");
                continue;
            }
            auto const& why = out[i].error();
            if (stops_ && why.is(cause::cancelled)) {
                if (begun != 0) wrong_.add(about + "begun, and yet: " + to_string(why));
                continue;
            }
            ++failed_;
            if (!why.is(cause::crashed) || why.signal() != SIGKILL) wrong_.add(about + to_string(why));
            // Not begun: it was being claimed. Whoever was killed for that is to be the only item of this worker.
            if (begun > 1) wrong_.add(about + "more than once: " + to_string(why));
            if (begun == 1 && !killed_.has(noted.worker)) wrong_.add(about + "its worker was not killed: " + to_string(why));
            std::lock_guard const lock(mutex_);
            auto const from = why.text().find("worker ");
            if (from == std::string::npos || !blamed_.insert(std::strtol(why.text().c_str() + from + 7, nullptr, 10)).second)
                wrong_.add(about + "a second item of one death: " + to_string(why));
        }
    }

    process_pool& cells_;
    victims const& killed_;
    bool const stops_;    // some runs are asked to stop
    other_waiter waiter_{};
    notebook book_{threads * most};
    complaints wrong_;
    std::mutex mutex_;
    std::set<long> blamed_;    // workers, by their numbers in the pool
    std::atomic<std::size_t> items_{0}, failed_{0};
    std::vector<std::jthread> running_;
};

process_pool_options for_kills(std::size_t workers) {
    process_pool_options options;
    options.workers = workers;
    options.restarts = {1'000'000, 1s};
    options.poison_after = 0;
    return options;
}

void pause_by(std::mt19937& chance, unsigned most_microseconds) {
    auto const part = static_cast<double>(chance() % 1'000) / 1'000;
    std::this_thread::sleep_for(std::chrono::microseconds{static_cast<long>(part * part * most_microseconds)});    // short ones more often
}

struct killing {
    start_method start = start_method::automatic;
    std::size_t kills = 100;
    unsigned pause = 8'000;                          // between two, at the most
    std::chrono::milliseconds server_every{0};       // 0: the fork server is left alone
    bool stops = false;                              // runs are stopped as well
};

void kill_under_load(killing const& how) {
    auto const seed = seed_of_run();
    INFO("MUSTER_TEST_SEED=" << seed);
    watchdog const dog{how.kills > 1'000 ? 6'000s : 280s};
    auto const known = children();
    auto const files = count_of_open_files();
    std::size_t servers = 0;
    {
        auto options = for_kills(3);
        options.start = how.start;
        options.drain = 60s;
        process_pool cells{options};
        REQUIRE((isolate{cells} | [](int i) { return i; })(1) == 1);
        auto const in_use = cells.arena().stats().in_use;
        victims killed;
        callers load{cells, killed, seed, how.stops};
        std::mt19937 chance{seed + 1'000};
        auto next_server = std::chrono::steady_clock::now() + how.server_every;
        while (killed.count() < how.kills && !load.wrong().any()) {
            pause_by(chance, how.pause);
            if (how.server_every > 0ms && std::chrono::steady_clock::now() > next_server) {
                next_server = std::chrono::steady_clock::now() + how.server_every;
                for (auto const& each : children_but(known, "muster-server")) servers += signal_child(each, SIGKILL);
            }
            auto const workers = children_but(known, "muster-worker");
            if (workers.empty()) continue;
            auto const& one = workers[chance() % workers.size()];
            (void)signal_child(one, SIGKILL, [&] { killed.add(one.pid); });
        }
        load.end();
        INFO(load.items() << " items, " << load.failed() << " failed, " << killed.count() << " kills, " << servers << " of servers");
        if (soak()) WARN(load.items() << " items, " << load.failed() << " failed, " << killed.count() << " kills, " << servers << " of servers");
        CHECK(load.wrong().text() == "");
        CHECK(load.failed() <= killed.count());
        CHECK(load.items() > killed.count());
        CHECK(eventually([&] { return cells.arena().stats().in_use == in_use; }));
        CHECK(cells.arena().stats().in_use == in_use);
        CHECK(cells.health().busy == 0);
        for (int i = 0; i < 100; ++i) CHECK((isolate{cells} | [](int n) { return n; })(i) == i);
    }
    if (how.server_every > 0ms) CHECK(servers > 0);
    CHECK(count_of_open_files() == files);
    auto const left = children_but(known);
    for (auto const& each : left) UNSCOPED_INFO("left: " << each.name << ' ' << each.pid << ' ' << each.state);
    CHECK(left.empty());
}

}  // namespace

TEST_CASE("process_pool: a process stands by, and is no worker until one is needed", "[process][process_pool][forks]") {
    auto const others = children();
    kept_lines lines;
    process_pool_options options;
    options.workers = 1;
    options.lines = lines;
    options.warm_up = [] { std::puts("warm"); };
    process_pool cells{options};
    auto const worker = (isolate{cells} | [](int) { return ::getpid(); })(0).value();
    auto const standby = [&] {
        auto mine = children_but(others, "muster-worker");
        std::erase_if(mine, [&](kin const& each) { return each.pid == worker; });
        return mine;
    };
    REQUIRE(eventually([&] { return cells.health().standby == 1 && standby().size() == 1; }));    // it takes its name a moment later
    auto const first = standby();
    CHECK(cells.health().alive == 1);
    CHECK(cells.health().started == 1);

    // Who is killed before he was needed is nobody's loss.
    REQUIRE(signal_child(first[0], SIGKILL));
    REQUIRE(eventually([&] { return cells.health().standby == 1 && standby().size() == 1 && standby()[0].pid != first[0].pid; }));
    CHECK(cells.health().crashed == 0);
    CHECK(cells.health().restarts == 0);
    CHECK(cells.health().started == 1);

    CHECK((isolate{cells} | [](int) -> int { std::abort(); })(0).error().is(cause::crashed));
    auto const next = (isolate{cells} | [](int) { return ::getpid(); })(0);
    REQUIRE(next);
    CHECK(*next != worker);
    CHECK(cells.health().started == 2);
    REQUIRE(eventually([&] { return lines.lines().size() == 2; }));    // nobody else is warm
}

TEST_CASE("process_pool: a pool that ends while it makes a process leaves none", "[process][process_pool][forks]") {
    auto const others = children();
    std::mt19937 chance{seed_of_run()};
    for (int round = 0; round < 100; ++round) {
        INFO("round " << round);
        {
            process_pool_options options;
            options.workers = 1;
            process_pool const cells{options};
            if (round % 2 == 0) REQUIRE(eventually([&] { return cells.health().standby == 1; }));
            for (auto const& each : children_but(others, "muster-worker")) (void)signal_child(each, SIGKILL);
            pause_by(chance, 2'500);
        }
        REQUIRE(children_but(others).empty());
    }
}

TEST_CASE("process_pool: that nobody can stand by is no failure of a pool whose workers live", "[process][process_pool][forks]") {
    auto const others = children();
    process_pool_options options;
    options.workers = 1;
    process_pool cells{options};
    auto const worker = (isolate{cells} | [](int) { return ::getpid(); })(0).value();
    for (int round = 0; round < 8; ++round) {
        INFO("round " << round);
        auto standby = std::vector<kin>{};
        REQUIRE(eventually([&] {    // it makes none for a second, once too many have ended at once
            standby = children_but(others, "muster-worker");
            std::erase_if(standby, [&](kin const& each) { return each.pid == worker || each.state == 'Z'; });
            return !standby.empty();
        }));
        (void)signal_child(standby[0], SIGTERM);
        CHECK((isolate{cells} | [](int) { return ::getpid(); })(0) == worker);
    }
    CHECK(cells.health().crashed == 0);
}

TEST_CASE("process_pool: workers killed at any moment take along what they had begun, and nothing else", "[process][process_pool][forks][soak]") {
    kill_under_load({.kills = soak() ? 10'000u : 400u});
}

TEST_CASE("process_pool: kills in quick succession, few of which find a worker at work", "[process][process_pool][forks][soak]") {
    kill_under_load({.kills = soak() ? 3'000u : 300u, .pause = 300});
}

TEST_CASE("process_pool: workers killed in runs that are stopped cost no more than in others", "[process][process_pool][forks][soak]") {
    kill_under_load({.kills = soak() ? 3'000u : 200u, .pause = 5'000, .stops = true});
}

TEST_CASE("process_pool: a fork server that is killed now and then costs no item, and no worker", "[process][process_pool][forks][soak]") {
    kill_under_load({.start = start_method::anew, .kills = soak() ? 3'000u : 400u, .server_every = 400ms});
}

TEST_CASE("process_pool: retry left of isolate outlives a worker that is killed again and again", "[process][process_pool][forks][soak]") {
    auto const seed = seed_of_run();
    INFO("MUSTER_TEST_SEED=" << seed);
    watchdog const dog{280s};
    auto const known = children();
    {
        process_pool cells{for_kills(1)};
        victims killed;
        std::jthread const killer{[&](std::stop_token stop) {
            std::mt19937 chance{seed};
            while (!stop.stop_requested()) {
                pause_by(chance, 3'000);
                for (auto const& each : children_but(known, "muster-worker")) (void)signal_child(each, SIGKILL, [&] { killed.add(each.pid); });
            }
        }};
        notebook const book{1};
        auto const end = std::chrono::steady_clock::now() + (soak() ? 60s : 1s);
        std::size_t good = 0, bad = 0, attempts = 0;
        std::chrono::steady_clock::duration longest{};
        for (std::uint32_t i = 0; std::chrono::steady_clock::now() < end; ++i) {
            book.clear(0);
            order const item{book.file(), 0, i, i % 64 == 0 ? 2u << 20 : 100u, 20'000};
            context cx;
            auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 120s);
            auto const since = std::chrono::steady_clock::now();
            auto const out = (retry{.attempts = 3, .delay = 0ns} | isolate{cells} | &writes)(item, cx);
            longest = std::max(longest, std::chrono::steady_clock::now() - since);
            attempts += book[0].begun;
            if (out) {
                ++good;
                REQUIRE(*out == text_of(item));
                REQUIRE(book[0].ended >= 1);
                REQUIRE(book[0].begun <= 3);
            } else {
                ++bad;
                INFO(to_string(out.error()));
                REQUIRE(out.error().is(cause::crashed));
                REQUIRE(out.error().signal() == SIGKILL);
                REQUIRE(out.error().attempts() == 3);
                REQUIRE(book[0].begun <= 3);
                REQUIRE(killed.has(book[0].worker));
            }
        }
        if (soak()) WARN(good << " good, " << bad << " bad, " << attempts << " begun, " << killed.count() << " kills, the longest call took " << longest / 1ms << " ms");
        CHECK(longest < 100s);    // an answer that was there is taken at the deadline at last: a hang all the same
        CHECK(good > 0);
        CHECK(killed.count() > 0);
    }
    CHECK(children_but(known).empty());
}

TEST_CASE("process_pool: workers stopped at any moment cost at most what they had begun, once its time is up", "[process][process_pool][forks][soak]") {
    auto const seed = seed_of_run();
    INFO("MUSTER_TEST_SEED=" << seed);
    watchdog const dog{280s};
    auto const known = children();
    {
        auto options = for_kills(3);
        options.grace = 10ms;
        process_pool cells{options};
        REQUIRE((isolate{cells} | [](int i) { return i; })(1) == 1);
        victims stopped;
        std::jthread stopper{[&](std::stop_token stop) {
            std::mt19937 chance{seed};
            while (!stop.stop_requested() && stopped.count() < (soak() ? 100u : 6u)) {
                pause_by(chance, 100'000);
                auto const workers = children_but(known, "muster-worker");
                if (workers.empty()) continue;
                auto const& one = workers[chance() % workers.size()];
                if (one.state == 'T' || !signal_child(one, SIGSTOP, [&] { stopped.add(one.pid); })) continue;
                if (chance() % 4 == 0) {    // some only for a moment
                    pause_by(chance, 50'000);
                    (void)signal_child(one, SIGCONT);
                }
            }
        }};
        constexpr std::uint32_t n = 200;
        notebook const book{n};
        std::size_t failed = 0;
        std::set<pid_t> blamed;
        for (std::uint32_t round = 0; stopped.count() < (soak() ? 100u : 6u); ++round) {
            std::vector<order> orders(n);
            for (std::uint32_t i = 0; i < n; ++i) {
                book.clear(i);
                orders[i] = {book.file(), i, round * n + i, i % 50 == 0 ? 200u << 10 : 100u, 20'000};
            }
            context cx;
            auto const until = cx.change_deadline(std::chrono::steady_clock::now() + 40s);    // instead of hanging
            auto const out = round % 2 == 0 ? map(orders, on{cells} | deadline{500ms} | &writes, cx) : [&] {
                std::vector<outcome<std::string>> all;
                for (auto const& each : orders) all.push_back((isolate{cells} | deadline{500ms} | &writes)(each, cx));
                return all;
            }();
            for (std::uint32_t i = 0; i < n; ++i) {
                INFO("item " << i << " of round " << round << ", begun " << book[i].begun << " times");
                REQUIRE(book[i].begun <= 1);
                if (out[i]) {
                    REQUIRE(*out[i] == text_of(orders[i]));
                    REQUIRE(book[i].ended == 1);
                    continue;
                }
                ++failed;
                INFO(to_string(out[i].error()));
                REQUIRE(out[i].error().is(cause::timed_out));
                REQUIRE(out[i].error().text().find("no answer within 500ms") == 0);
                REQUIRE(out[i].error().signal() == SIGSTOP);
                if (book[i].begun == 1) {
                    REQUIRE(stopped.has(book[i].worker));
                    REQUIRE(blamed.insert(book[i].worker).second);
                }
            }
        }
        stopper.join();
        CHECK(failed <= stopped.count());
    }
    CHECK(children_but(known).empty());
}
