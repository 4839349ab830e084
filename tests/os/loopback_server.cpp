#include <muster/os/loopback_server.hpp>

#include "catch.hpp"
#include "loopback_client.hpp"

#include <atomic>        // what the thread has seen
#include <functional>    // what a wake-up does
#include <memory>        // clients
#include <mutex>         // mutex
#include <string>        // texts
#include <thread>        // yield
#include <vector>        // clients

#include <sys/resource.h>    // setrlimit
#include <unistd.h>          // dup

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct nothing {};

// Says what it hears, but for words: "late" is answered by a timer, "never" by one that is cleared, "go" closes everybody else.
struct echo {
    using server = loopback_server<nothing>;
    using connection = server::connection;

    explicit echo(std::size_t most = 100, std::uint16_t port = 0) : by("echo", port, most) { by.start(*this); }

    void opened(connection&) { ++opened_ones; }
    void serve(connection& of, bool readable) {
        if (readable && !by.receive(of)) return drop(of);
        if (of.in == "late") by.set_timer(of, server::clock::now() + 1ms);
        else if (of.in == "never") {
            by.set_timer(of, server::clock::now());
            by.clear_timer(of);
        } else if (of.in == "go") {
            by.for_each([&](connection& each) {
                if (&each != &of) drop(each);
            });
            of.out += "gone";
        } else of.out += of.in;
        of.in.clear();
        if (!by.send(of)) return drop(of);
        if (of.ended && of.unsent() == 0) return drop(of);
        by.expect(of, of.unsent() == 0);
    }
    void due(connection& of) {
        of.out += "due";
        serve(of, false);
    }
    void drop(connection& of) {
        ++dropped;
        by.drop(of);
    }
    void woken() {
        std::lock_guard lock(mutex);
        if (then) std::exchange(then, nullptr)();
        done = true;
    }
    // On the server's thread; returns when it is done.
    void there(std::function<void()> what) {
        {
            std::lock_guard lock(mutex);
            then = std::move(what);
            done = false;
        }
        by.wake();
        while (!done) std::this_thread::yield();
    }
    bool answers() { return loopback_client{by.port()}.ask("hello", "hello") == "hello"; }

    std::atomic<int> opened_ones{0}, dropped{0};
    std::atomic<bool> done{false};
    std::mutex mutex;
    std::function<void()> then;
    server by;
};

}  // namespace

TEST_CASE("loopback_server: answers each client, and counts them", "[os][loopback_server]") {
    echo server;
    {
        loopback_client one{server.by.port()}, two{server.by.port()};
        CHECK(one.ask("one", "one") == "one");
        CHECK(two.ask("two", "two") == "two");
        CHECK(one.ask("again", "again") == "again");
        CHECK(server.by.seen().open == 2);
        one.say_no_more();
        CHECK(one.hear_all().empty());
    }
    while (server.by.seen().open != 0) std::this_thread::yield();
    auto const seen = server.by.seen();
    CHECK(seen.peak == 2);
    CHECK(seen.all == 2);
    CHECK(seen.refused == 0);
    CHECK(server.opened_ones == 2);
    CHECK(server.dropped == 2);
}

TEST_CASE("loopback_server: more than goes into a socket is sent as the client takes it", "[os][loopback_server]") {
    echo server;
    loopback_client slow{server.by.port()};
    std::string const much(8 << 20, 'x');
    std::jthread const says{[&] { slow.say(much); }};
    CHECK(slow.hear(much.size()) == much);
}

TEST_CASE("loopback_server: a connection too many is closed at once", "[os][loopback_server]") {
    echo server{1};
    loopback_client first{server.by.port()};
    CHECK(first.ask("a", "a") == "a");
    loopback_client second{server.by.port()};
    CHECK(second.hear_all().empty());
    CHECK(server.by.seen().refused == 1);
    CHECK(server.opened_ones == 1);
    CHECK(first.ask("b", "b") == "b");
}

TEST_CASE("loopback_server: a timer goes off once, and not when it was cleared", "[os][loopback_server]") {
    echo server;
    loopback_client one{server.by.port()}, other{server.by.port()};
    other.say("never");
    CHECK(one.ask("late", "due") == "due");
    CHECK(one.ask("late", "due") == "due");
    CHECK(other.ask("x", "x") == "x");
    CHECK(one.ask("y", "y") == "y");
}

TEST_CASE("loopback_server: who drops others while they speak hears no more of them", "[os][loopback_server]") {
    echo server;
    for (int round = 0; round < 50; ++round) {
        std::vector<std::unique_ptr<loopback_client>> all;
        for (int i = 0; i < 5; ++i) {
            all.push_back(std::make_unique<loopback_client>(server.by.port()));
            REQUIRE(all.back()->ask("a", "a") == "a");
        }
        std::size_t gone = 0;
        server.there([&] {    // all of it is one batch
            for (auto& each : all) each->say("go");
        });
        for (auto& each : all) gone += each->hear(4) == "gone";
        CHECK(gone == 1);
    }
    CHECK(server.answers());
}

TEST_CASE("loopback_server: hears no more of a connection that was dropped, though a child of a fork holds it still", "[os][loopback_server]") {
    echo server;
    loopback_client one{server.by.port()};
    CHECK(one.ask("one", "one") == "one");
    fd held;    // what a fork that has not become another program has
    server.there([&] { server.by.for_each([&](echo::connection& each) { held = fd{::dup(each.socket.get())}; }); });
    server.there([&] { server.by.for_each([&](echo::connection& each) { server.drop(each); }); });
    one.say("is anybody there?");
    for (int i = 0; i < 10; ++i) CHECK(server.answers());    // a batch of events each
    CHECK(server.opened_ones == 11);
}

TEST_CASE("loopback_server: refuses, leaves in the queue, and listens again at the same port", "[os][loopback_server]") {
    echo server;
    auto const port = server.by.port();
    server.there([&] { server.by.close_listener(); });
    CHECK(!loopback_client{port}.connected());
    server.there([&] {
        server.by.listen();
        server.by.accept(false);
    });
    loopback_client waiting{port};
    CHECK(waiting.connected());
    waiting.say("a");
    CHECK(!waiting.something_within(50ms));
    server.there([&] { server.by.accept(true); });
    CHECK(waiting.hear(1) == "a");
    CHECK(server.by.port() == port);
}

TEST_CASE("loopback_server: out of descriptors it accepts when there are some again", "[os][loopback_server]") {
    echo server;
    server.there([&] { server.by.accept(false); });
    loopback_client waiting{server.by.port()};
    CHECK(waiting.connected());
    waiting.say("a");
    struct rlimit before {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    auto none = before;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
    server.there([&] { server.by.accept(true); });
    bool const too_soon = waiting.something_within(20ms);
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(!too_soon);
    CHECK(waiting.hear(1) == "a");
}

TEST_CASE("loopback_server: ends with connections open and timers set", "[os][loopback_server]") {
    for (int round = 0; round < 20; ++round) {
        echo server;
        loopback_client one{server.by.port()}, two{server.by.port()};
        one.say("late");
        two.say("x");
    }
}

TEST_CASE("loopback_server: a port that is taken is said at once, and by whom", "[os][loopback_server]") {
    echo server;
    try {
        echo second{1, server.by.port()};
        FAIL("it was free");
    } catch (std::system_error const& taken) {
        CHECK(taken.code() == std::errc::address_in_use);
        CHECK(std::string{taken.what()}.find("echo: bind") == 0);
    }
}
