#include <muster/adapt/redis.hpp>

#include "catch.hpp"
#include "adapt/redis_server.hpp"
#include "forked.hpp"

#include <atomic>
#include <chrono>
#include <climits>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <muster/policy/cached.hpp>
#include <muster/route/hash_ring.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {

using texts = redis_node<std::string, std::string>;
using numbers = redis_node<int, int>;

struct point {
    int x = 0;
    std::vector<std::string> names{};
    friend bool operator==(point const&, point const&) = default;
};

// Long beside what a machine under load takes; calls that are to run into the timeout say a short one.
redis_options at(std::string const& socket, std::chrono::nanoseconds timeout = 30s) { return {.socket = socket, .timeout = timeout}; }

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

// Asks until it is so, for a minute at most.
template <class Condition>
bool comes_true(Condition const& condition) {
    for (auto const end = now() + 60s; now() < end; std::this_thread::yield())
        if (condition()) return true;
    return false;
}

// A port of this machine that nobody else takes as long as this lives; nobody listens at it.
class taken_port {
public:
    taken_port() {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof place;
        REQUIRE(::bind(taken_.get(), reinterpret_cast<sockaddr const*>(&place), size) == 0);
        REQUIRE(::getsockname(taken_.get(), reinterpret_cast<sockaddr*>(&place), &size) == 0);
        number_ = ::ntohs(place.sin_port);
    }
    std::uint16_t number() const { return number_; }

private:
    fd taken_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::uint16_t number_ = 0;
};

std::string refused_options(redis_options options) {
    try {
        texts const made{std::move(options)};
    } catch (std::invalid_argument const& why) {
        return why.what();
    }
    return "they are taken";
}

// A value that nobody can write.
struct unwritable {
    int number = 0;
};

// A value of which no more copies can be made after so many.
struct rare {
    static inline std::atomic<int> copies_left{1'000'000};
    int number = 0;
    explicit rare(int n = 0) : number(n) {}
    rare(rare const& other) : number(other.number) {
        if (--copies_left < 0) throw std::runtime_error{"no more copies"};
    }
    rare(rare&& other) noexcept : number(other.number) {}
    rare& operator=(rare other) noexcept { return number = other.number, *this; }
};

}  // namespace

template <>
struct muster::wire<rare> {
    static void write(wire_writer& to, rare const& value) { to.put(value.number); }
    static rare read(wire_reader& from) { return rare{from.get<int>()}; }
};
template <>
struct muster::wire<unwritable> {
    static void write(wire_writer&, unwritable const&) { throw std::runtime_error{"cannot be written"}; }
    static unwritable read(wire_reader&) { return {}; }
};

static_assert(cache<texts> && cache<redis_node<int, point>>);
static_assert(detail::can_fail<texts> && detail::can_fail_to_put<texts> && detail::can_fail_to_erase<texts>);

// Without a server

TEST_CASE("redis: options that make no sense are refused", "[adapt][redis]") {
    std::string const rule = "muster: redis_node needs a timeout and a ttl above 0, 1 to 1,024 connections, a largest of 1 byte to 512 MiB "
                             "and a prefix without a colon";
    CHECK(refused_options({.host = "h", .timeout = 0s}) == rule);
    CHECK(refused_options({.host = "h", .ttl = -1s}) == rule);
    CHECK(refused_options({.host = "h", .connections = 0}) == rule);
    CHECK(refused_options({.host = "h", .connections = 1'025}) == rule);
    CHECK(refused_options({.host = "h", .largest = 0}) == rule);
    CHECK(refused_options({.host = "h", .largest = 512 * MiB + 1}) == rule);
    CHECK(refused_options({.host = "h", .prefix = "a:b"}) == rule);
    std::string const place = "muster: redis_node needs a host and a port of 1 to 65535, or the path of a socket";
    CHECK(refused_options({}) == place);
    CHECK(refused_options({.host = "h", .socket = "/s"}) == place);
    CHECK(refused_options({.host = "h", .port = 0}) == place);
    auto const path = '/' + std::string(107, 'x');
    CHECK(refused_options({.socket = path}) == "muster: the path of a socket has 107 characters at most: " + path);
    CHECK(refused_options({.host = "256.1.1.1"}).starts_with("muster: no address for the cache node 256.1.1.1:6379: "));
    CHECK(refused_options({.host = "127.0.0.1"}) == "they are taken");
}

TEST_CASE("redis: a node of a list has its place and everybody's options", "[adapt][redis]") {
    auto const made = redis_options{.host = "old", .port = 1, .ttl = 3s}.at({.name = "a", .socket = "/s"});
    CHECK(made == redis_options{.port = 0, .socket = "/s", .ttl = 3s});
    CHECK(made.at({.name = "a", .host = "h", .port = 5}) == redis_options{.host = "h", .port = 5, .ttl = 3s});
}

TEST_CASE("redis: where nobody listens a call fails at once, and says where", "[adapt][redis]") {
    temporary_folder const folder;
    numbers node{at(folder / "none")};
    CHECK(node.try_get(1).error() == failure{cause::unavailable, "cannot connect to " + folder / "none" + ": No such file or directory"});
    CHECK(node.try_put(1, 1).error().is(cause::unavailable));
    CHECK(node.try_erase(1).error().is(cause::unavailable));
    CHECK(node.try_get_each(std::vector<int>{1, 2}).error().is(cause::unavailable));
    CHECK(node.get(1) == std::nullopt);

    taken_port const port;
    numbers by_address{{.host = "127.0.0.1", .port = port.number(), .timeout = 30s}};
    CHECK(by_address.try_get(1).error() ==
          failure{cause::unavailable, "cannot connect to 127.0.0.1:" + std::to_string(port.number()) + ": Connection refused"});
}

TEST_CASE("redis: an IPv6 address is told apart from its port", "[adapt][redis]") {
    taken_port const port;
    numbers node{{.host = "::1", .port = port.number(), .timeout = 30s}};
    CHECK(node.try_get(1).error().text().starts_with("cannot connect to [::1]:" + std::to_string(port.number()) + ": "));
}

TEST_CASE("redis: get_or_compute computes where no server is", "[adapt][redis]") {
    temporary_folder const folder;
    numbers node{at(folder / "none")};
    context cx;
    int computed = 0;
    for (int i = 0; i < 2; ++i) CHECK(*node.get_or_compute(7, cx, [&](context&) -> outcome<int> { return ++computed, 49; }) == 49);
    CHECK(computed == 2);
    CHECK(node.get_or_compute(7, cx, [](context&) -> outcome<int> { return failure{cause::exited, "no"}; }).error() ==
          failure{cause::exited, "no"});
}

TEST_CASE("redis: get_or_compute answers also what it cannot store", "[adapt][redis]") {
    fake_server server{"$-1\r\n"};
    redis_node<int, unwritable> node{at(server.socket())};
    context cx;
    auto const got = node.get_or_compute(7, cx, [](context&) -> outcome<unwritable> { return unwritable{49}; });
    REQUIRE(got);
    CHECK(got->number == 49);
    CHECK_THROWS_AS(node.try_put(7, {}), std::runtime_error);
}

TEST_CASE("redis: what a call could not give to those who waited with it is not remembered in this process", "[adapt][redis]") {
    fake_server server{[](int, int client) {
        char request[1024];
        while (::recv(client, request, sizeof request, 0) > 0)
            fake_server::say(client, std::string_view{request, 2} == "*2" ? "$-1\r\n" : "+OK\r\n");    // GET misses
    }};
    redis_node<int, rare> node{at(server.socket())};
    manual_time time;
    auto const ask = [&](auto const& compute) {
        return guarded<outcome<rare>>([&] {
            context cx{time};
            return node.get_or_compute(7, cx, compute);
        });
    };
    std::jthread other;
    auto const failed = ask([&](context&) -> outcome<rare> {
        other = std::jthread{[&] { (void)ask([](context&) -> outcome<rare> { return rare{2}; }); }};
        time.until_waiting(1);
        rare::copies_left = 1;    // that which is put where the others find it
        return rare{1};
    });
    CHECK(failed.error().text() == "no more copies");
    other.join();
    rare::copies_left = 1'000'000;
    CHECK(ask([](context&) -> outcome<rare> { return rare{3}; })->number == 3);
}

TEST_CASE("redis: what goes over the wire is the prefix, the layout, the key as it is, and milliseconds rounded up", "[adapt][redis]") {
    fake_server server{"+OK\r\n"};
    redis_node<std::string, std::uint8_t> node{{.socket = server.socket(), .timeout = 30s, .prefix = "app"}};
    REQUIRE(node.try_put("a b\r\n", 7));
    REQUIRE(node.try_put("a b\r\n", 8, 1'000'001ns));
    auto const heard = server.heard();
    auto const name_at = heard.find("app:");
    REQUIRE(name_at != std::string::npos);
    auto const layout = heard.substr(name_at + 4, 16);
    CHECK(layout.find_first_not_of("0123456789abcdef") == std::string::npos);
    auto const begin = "\r\n$3\r\nSET\r\n$27\r\napp:" + layout + ":\5a b\r\n\r\n$1\r\n";
    CHECK(heard == "*3" + begin + "\7\r\n*5" + begin + "\10\r\n$2\r\nPX\r\n$1\r\n2\r\n");
    CHECK(node.try_put("k", 1, 0ns).error() == failure{cause::invalid_input, "muster: redis_node: an entry needs a ttl above 0"});
}

TEST_CASE("redis: keys and values that are too large are refused before anybody is asked", "[adapt][redis]") {
    temporary_folder const folder;
    texts node{{.socket = folder / "none", .largest = 100}};
    auto const fits = std::string(99, 'x'), large = std::string(100, 'x');    // and a byte for the length
    failure const key{cause::invalid_input, "muster: a key of 101 bytes is larger than the 100 that redis_options::largest allows"};
    CHECK(node.try_get(large).error() == key);
    CHECK(node.try_put(large, "v").error() == key);
    CHECK(node.try_erase(large).error() == key);
    CHECK(node.try_get_each(std::vector<std::string>{"k", large}).error() == key);
    CHECK(node.try_put("k", large).error() ==
          failure{cause::invalid_input, "muster: a value of 101 bytes is larger than the 100 that redis_options::largest allows"});
    CHECK(node.try_put(fits, fits).error().is(cause::unavailable));
}

TEST_CASE("redis: a socket that takes no more connections just now is tried again until the timeout", "[adapt][redis]") {
    temporary_folder const folder;
    auto const path = folder / "busy.sock";
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    path.copy(place.sun_path, sizeof place.sun_path - 1);
    auto const* const there = reinterpret_cast<sockaddr const*>(&place);
    fd const listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::bind(listening.get(), there, sizeof place) == 0);
    REQUIRE(::listen(listening.get(), 0) == 0);
    std::vector<fd> waiting;    // fills the line
    do waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    while (waiting.size() < 100 && ::connect(waiting.back().get(), there, sizeof place) == 0);
    REQUIRE(errno == EAGAIN);
    CHECK(numbers{at(path, 30ms)}.try_get(1).error() == failure{cause::timed_out, "cannot connect to " + path + " in time"});

    numbers node{at(path)};
    std::jthread const serving{[&] {
        for (std::size_t i = 1; i <= waiting.size(); ++i) {    // one of them was not let in: the node is
            fd const one{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!one) return;
            char request[1024];
            if (i == waiting.size() && ::recv(one.get(), request, sizeof request, 0) > 0) fake_server::say(one.get(), "$-1\r\n");
        }
    }};
    auto const got = node.try_get(1);
    ::shutdown(listening.get(), SHUT_RDWR);
    CHECK(got);
}

// Of a server that is none

TEST_CASE("redis: an answer that no Redis server gives is a failure", "[adapt][redis]") {
    std::map<std::string, std::string> const answers{
        {"HTTP/1.1 400 Bad Request\r\n", "does not answer as a Redis server does: "},
        {std::string("\0\0\0\0", 4), "does not answer as a Redis server does: "},
        {"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "does not answer as a Redis server does: with a list, or there is no memory"},
        {"*2147483647\r\n", "does not answer as a Redis server does: "},
        {"*99999999999999999999\r\n", "does not answer as a Redis server does: "},
        {"$-7\r\n", "does not answer as a Redis server does: "},
        {"$9223372036854775807\r\n" + std::string(2'000'000, 'x'), "does not answer as a Redis server does: "},
        {"$2000000\r\n" + std::string(2'000'000, 'x'), "does not answer as a Redis server does: with more bytes than any answer has"},
        {'+' + std::string(2'000'000, 'x'), "does not answer as a Redis server does: with more bytes than any answer has"},
        {"$1\r\na\r\n$1\r\nb\r\n", "does not answer as a Redis server does: with more than it was asked for"},
        {"$-1\r\n$-1\r\n", "does not answer as a Redis server does: with more than it was asked for"},
        {":1\r\n", "answers something else than it was asked"},
        {"+OK\r\n", "answers something else than it was asked"},
        {"-LOADING Redis is loading\r\n", "refuses: LOADING Redis is loading"},
    };
    for (auto const& [answer, why] : answers) {
        fake_server server{answer};
        numbers node{at(server.socket())};
        for (int twice = 0; twice < 2; ++twice) {
            auto const got = node.try_get(1);
            REQUIRE_FALSE(got);
            INFO(answer.substr(0, 30));
            CHECK(got.error().is(cause::unavailable));
            CHECK(got.error().text().starts_with(server.socket() + ' ' + why));
        }
    }
    fake_server list{"$-1\r\n"};
    numbers node{at(list.socket())};
    CHECK(node.try_put(1, 1).error().text() == list.socket() + " answers something else than it was asked");
    CHECK(node.try_erase(1).error().text() == list.socket() + " answers something else than it was asked");
}

TEST_CASE("redis: bytes that are no such value are a miss", "[adapt][redis]") {
    for (std::string const answer : {"$3\r\nabc\r\n", "$0\r\n\r\n", "$5\r\nabcde\r\n",
                                     "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"}) {
        fake_server server{answer};
        numbers node{at(server.socket())};
        auto const got = node.try_get(1);
        REQUIRE(got);
        CHECK(*got == std::nullopt);
    }
}

TEST_CASE("redis: a server that does not answer, or not to the end, costs the timeout", "[adapt][redis]") {
    for (std::string const answer : {"", "$5\r\nab", "$-", "+OK"}) {
        fake_server server{answer};
        numbers node{at(server.socket(), 30ms)};
        auto const begin = now();
        auto const got = node.try_get(1);
        CHECK(now() - begin >= 30ms);
        CHECK(now() - begin < 20s);
        REQUIRE_FALSE(got);
        CHECK(got.error() == failure{cause::timed_out, server.socket() + " did not answer in time"});
    }
}

TEST_CASE("redis: a byte now and then does not put the end off", "[adapt][redis]") {
    fake_server server{[&](int, int client) {
        char request[1024];
        if (::recv(client, request, sizeof request, 0) <= 0) return;
        for (fake_server::say(client, "$100000\r\n"); fake_server::quiet(client, 5) && fake_server::say(client, "x");) {}
    }};
    numbers node{at(server.socket(), 100ms)};
    auto const begin = now();
    CHECK(node.try_get(1).error().is(cause::timed_out));
    CHECK(now() - begin < 20s);
}

TEST_CASE("redis: what comes too late is not taken for the next answer", "[adapt][redis]") {
    fake_server server{[&](int connection, int client) {
        char request[1024];
        if (::recv(client, request, sizeof request, 0) <= 0) return;
        if (connection == 0) {    // waits for the client to give up, and answers then
            while (fake_server::quiet(client, 10)) {}
            fake_server::say(client, std::string("$4\r\n\1\0\0\0\r\n", 10));
        } else {
            fake_server::say(client, std::string("$4\r\n\2\0\0\0\r\n", 10));
        }
    }};
    numbers node{at(server.socket(), 200ms)};
    CHECK(node.try_get(1).error().is(cause::timed_out));
    std::optional<int> got;
    CHECK(comes_true([&] { return (got = node.get(2)).has_value(); }));    // a machine under load may take longer than the timeout
    CHECK(got == 2);
}

TEST_CASE("redis: what nobody asked for is not taken for the next answer", "[adapt][redis]") {
    std::atomic<bool> said{false};
    fake_server server{[&](int connection, int client) {
        char request[1024];
        if (::recv(client, request, sizeof request, 0) <= 0) return;
        fake_server::say(client, std::string("$4\r\n\1\0\0\0\r\n", 10));
        if (connection != 0) return;
        fake_server::say(client, std::string("$4\r\n\2\0\0\0\r\n", 10));
        said = true;
        said.notify_all();
        while (fake_server::quiet(client, 10)) {}
    }};
    numbers node{at(server.socket())};
    (void)node.try_get(1);    // fails where both are there by then
    said.wait(false);
    CHECK(node.get(2) == 1);
}

TEST_CASE("redis: a kept connection that the server has closed is opened again, unseen", "[adapt][redis]") {
    std::atomic<int> connections{0};
    fake_server server{[&](int, int client) {    // one answer, and it closes
        ++connections;
        char request[1024];
        if (::recv(client, request, sizeof request, 0) > 0) fake_server::say(client, std::string("$4\r\n\1\0\0\0\r\n", 10));
    }};
    numbers node{at(server.socket())};
    for (int i = 0; i < 5; ++i) CHECK(node.get(1) == 1);
    CHECK(connections == 5);
}

TEST_CASE("redis: a connection that is lost before it has answered once is a failure", "[adapt][redis]") {
    fake_server server{[](int, int client) {
        char request[1024];
        (void)!::recv(client, request, sizeof request, 0);
    }};
    numbers node{at(server.socket())};
    CHECK(node.try_get(1).error() == failure{cause::unavailable, "lost the connection to " + server.socket()});
}

TEST_CASE("redis: connections are kept up to the number that was asked for", "[adapt][redis]") {
    std::atomic<int> connections{0};
    fake_server server{[&](int, int client) {
        ++connections;
        char request[1024];
        while (::recv(client, request, sizeof request, 0) > 0) fake_server::say(client, "$-1\r\n");
    }};
    numbers node{at(server.socket())};
    for (int i = 0; i < 100; ++i) CHECK(node.try_get(i));
    CHECK(connections == 1);
}

TEST_CASE("redis: no failure says the password", "[adapt][redis]") {
    // What Redis answers where AUTH was renamed: it repeats what it was sent.
    for (std::string const answer : {"-ERR unknown command 'AUTH', with args beginning with: 'open sesame' ", "-ERR no open sesame here"}) {
        fake_server server{answer + "\r\n"};
        auto options = at(server.socket());
        options.password = "open sesame";
        auto const got = numbers{options}.try_get(1);
        REQUIRE_FALSE(got);
        CHECK(got.error().text().starts_with(server.socket() + " does not take the password: "));
        CHECK(got.error().text().find("sesame") == std::string::npos);
    }
    for (std::string const host : {"redis://:sesame@10.0.0.1", "sesame@10.0.0.1"})
        CHECK(refused_options({.host = host}) ==
              "muster: the host of a redis_node is a name or an address, without an @; a password is redis_options::password");
}

TEST_CASE("redis: a connection that answers after another one has failed is kept", "[adapt][redis]") {
    std::atomic<int> connections{0};
    std::atomic<bool> asked{false}, failed{false};
    std::vector<std::jthread> serving;    // more than one connection at a time
    fake_server server{[&](int connection, int client) {
        ++connections;
        serving.emplace_back([&, connection, one = fd{::fcntl(client, F_DUPFD_CLOEXEC, 0)}] {
            char request[1024];
            while (::recv(one.get(), request, sizeof request, 0) > 0) {
                if (connection == 0 && !asked.exchange(true)) {
                    asked.notify_all();
                    failed.wait(false);
                }
                fake_server::say(one.get(), connection == 1 ? "what?\r\n" : "$-1\r\n");
            }
        });
    }};
    {
        numbers node{at(server.socket())};
        outcome<std::optional<int>> slow;
        {
            std::jthread const first{[&] { slow = node.try_get(1); }};
            asked.wait(false);
            CHECK_FALSE(node.try_get(2));
            failed = true;
            failed.notify_all();
        }
        CHECK(slow);
        CHECK(node.try_get(3));
        CHECK(connections == 2);
    }    // the connections are closed: those who serve them come back
}

TEST_CASE("redis: a server that closes before it is asked is heard for the reason", "[adapt][redis]") {
    for (std::string const said : {"-ERR max number of clients reached\r\n", "$-1\r\n", ""}) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        std::string const whom = "it";
        detail::redis_connection client{fd{ends[0]}, whom, 0};
        {
            fd const server{ends[1]};
            REQUIRE(fake_server::say(server.get(), said));
        }
        detail::redis_answer answer;
        auto const asked = client.ask("*1\r\n$4\r\nPING\r\n", {&answer, 1}, 1'000, now() + 30s);
        if (said.starts_with('-')) {
            CHECK(asked);
            CHECK(answer.text == "ERR max number of clients reached");
        } else {    // no answer to what was not sent
            CHECK(asked.error() == failure{cause::unavailable, "lost the connection to it: Broken pipe"});
        }
    }
}

// With a server

TEST_CASE("redis: what was put is found, until it is erased", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    redis_node<std::string, point> node{at(server.socket())};
    CHECK(*node.try_get("a") == std::nullopt);
    point const there{-1, {"x", "", std::string("\0\r\n\xff", 4)}};
    REQUIRE(node.try_put("a", there));
    CHECK(*node.try_get("a") == there);
    CHECK(node.get("a") == there);
    REQUIRE(node.try_put("a", {2}));
    CHECK(node.get("a") == point{2});
    CHECK(*node.try_erase("a"));
    CHECK_FALSE(*node.try_erase("a"));
    CHECK(node.get("a") == std::nullopt);
}

TEST_CASE("redis: no two keys are taken for one, whatever bytes and lengths they have", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    texts node{at(server.socket())};
    std::vector<std::string> keys{"", "a", "a ", " a", "a\n", "a\r\n", "a b", "A", std::string("a\0", 2), std::string("a\0b", 3), "*1\r\n",
                                  "muster:", ":", "\xc3\xa4", "a\xcc\x88"};
    for (std::size_t n : {249u, 250u, 251u, 254u, 255u, 256u, 100'000u})
        for (char last : {'x', 'y'}) keys.push_back(std::string(n, 'k') + last);
    for (auto const& key : keys) REQUIRE(node.try_put(key, '<' + key + '>'));
    for (auto const& key : keys) CHECK(node.get(key) == '<' + key + '>');
    auto const all = node.try_get_each(keys);
    REQUIRE(all);
    for (std::size_t i = 0; i < keys.size(); ++i) CHECK((*all)[i] == '<' + keys[i] + '>');
}

TEST_CASE("redis: entries of another layout or prefix are not seen", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    redis_node<int, int> ints{at(server.socket())};
    redis_node<int, unsigned> unsigneds{at(server.socket())};
    redis_node<unsigned, int> of_unsigned{at(server.socket())};
    auto elsewhere = at(server.socket());
    elsewhere.prefix = "other";
    redis_node<int, int> others{elsewhere};
    REQUIRE(ints.try_put(1, -1));
    CHECK(unsigneds.get(1) == std::nullopt);
    CHECK(of_unsigned.get(1) == std::nullopt);
    CHECK(others.get(1) == std::nullopt);
    CHECK(redis_node<int, int>{at(server.socket())}.get(1) == -1);
}

TEST_CASE("redis: an entry goes when its time is over", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    auto soon = at(server.socket());
    soon.ttl = 1h;
    numbers node{soon};
    REQUIRE(node.try_put(1, 1));
    REQUIRE(node.try_put(2, 2, 1ns));                                  // a millisecond
    REQUIRE(node.try_put(3, 3, std::chrono::hours{24 * 365}));         // more than 30 days is no date here
    REQUIRE(node.try_put(4, 4, std::chrono::nanoseconds::max() - 1ns));
    CHECK(comes_true([&] { return *node.try_get(2) == std::nullopt; }));
    CHECK(node.get(1) == 1);
    CHECK(node.get(3) == 3);
    CHECK(node.get(4) == 4);
}

TEST_CASE("redis: values up to the largest go through whole", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    texts node{at(server.socket())};
    std::string large(MiB - 9, '\0');    // 9 bytes of length
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 % 251);
    REQUIRE(node.try_put("large", large));
    CHECK(node.get("large") == large);
    CHECK(node.try_put("large", large + 'x').error().is(cause::invalid_input));
    CHECK(node.get("large") == large);
}

TEST_CASE("redis: many keys are one round trip, also when more goes either way than sockets hold", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    texts node{at(server.socket())};
    CHECK(node.try_get_each({})->empty());
    auto const key = [](int i) { return std::to_string(i) + std::string(1'000, 'k'); };
    auto const value = [](int i) { return std::to_string(i) + std::string(5'000, 'v'); };
    std::vector<std::string> keys;
    for (int i = 0; i < 2'000; ++i) {
        keys.push_back(key(i));
        if (i % 2 == 0) REQUIRE(node.try_put(keys.back(), value(i)));
    }
    auto const all = node.try_get_each(keys);
    REQUIRE(all);
    REQUIRE(all->size() == keys.size());
    for (int i = 0; i < 2'000; ++i)
        CHECK((*all)[static_cast<std::size_t>(i)] == (i % 2 == 0 ? std::optional{value(i)} : std::nullopt));
}

TEST_CASE("redis: threads share a node, more of them than it keeps connections", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    auto two = at(server.socket());
    two.connections = 2;
    numbers node{two};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 300; ++i) {
                    auto const key = t * 1'000 + i;
                    if (!node.try_put(key, -key) || node.get(key) != -key) ++wrong;
                }
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("redis: a server that was killed is a failure, and served again from the first call after its restart", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    numbers node{at(server.socket())};
    {    // several connections are kept, and will be of no use
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) threads.emplace_back([&] { (void)node.try_put(1, 1); });
    }
    server.kill();
    CHECK(node.try_get(1).error().is(cause::unavailable));
    server.start();
    for (int i = 0; i < 10; ++i) REQUIRE(node.try_get(1));
    REQUIRE(node.try_put(2, 2));
    server.kill();
    server.start();    // nobody called in between: what is kept is of the other server
    CHECK(*node.try_get(2) == std::nullopt);
}

TEST_CASE("redis: a server that hangs costs the timeout, and mixes up nothing when it goes on", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    numbers hasty{at(server.socket(), 50ms)}, patient{at(server.socket())};
    for (int i = 0; i < 3; ++i) REQUIRE(patient.try_put(i, i));
    (void)hasty.get(0);
    server.signal(SIGSTOP);
    for (int i = 0; i < 3; ++i) {
        auto const begin = now();
        auto const got = hasty.try_get(i);
        auto const took = now() - begin;
        REQUIRE_FALSE(got);
        CHECK(got.error().is(cause::timed_out));
        CHECK(took >= 50ms);
        CHECK(took < 20s);
    }
    server.signal(SIGCONT);
    for (int i = 2; i >= 0; --i) CHECK(patient.get(i) == i);
    CHECK(comes_true([&] { return hasty.get(2) == 2; }));
}

TEST_CASE("redis: a full server says so", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server{{"--maxmemory", "100kb", "--maxmemory-policy", "noeviction"}};
    numbers node{at(server.socket())};
    auto const put = node.try_put(1, 1);
    REQUIRE_FALSE(put);
    CHECK(put.error().is(cause::exhausted));
    CHECK(put.error().text().starts_with(server.socket() + " refuses: OOM "));
    CHECK(node.try_get(1));
}

TEST_CASE("redis: a password is given where one is asked for", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server{{"--requirepass", "open sesame"}};
    auto options = at(server.socket());
    CHECK(numbers{options}.try_get(1).error().text().starts_with(server.socket() + " refuses: NOAUTH "));
    options.password = "wrong";
    CHECK(numbers{options}.try_get(1).error().text().starts_with(server.socket() + " does not take the password: WRONGPASS "));
    options.password = "open sesame";
    CHECK(numbers{options}.try_put(1, 1));
}

TEST_CASE("redis: a server is reached by its address", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    std::uint16_t port = 0;
    std::optional<redis_server> server;
    for (int tries = 0; !server && tries < 10; ++tries) {
        port = taken_port{}.number();
        try {
            server.emplace(std::vector<std::string>{"--port", std::to_string(port), "--bind", "127.0.0.1"});
        } catch (std::runtime_error const&) {    // somebody else has taken it since
        }
    }
    REQUIRE(server);
    for (std::string const host : {"127.0.0.1", "localhost"}) {
        numbers node{{.host = host, .port = port, .timeout = 30s}};
        REQUIRE(node.try_put(1, 2));
        CHECK(node.get(1) == 2);
    }
}

TEST_CASE("redis: of callers of one key at a time one computes", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    numbers node{at(server.socket())};
    std::atomic<int> computed{0}, wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                context cx;
                for (int key = 0; key < 50; ++key) {
                    auto const got = node.get_or_compute(key, cx, [&, key](context&) -> outcome<int> { return ++computed, key * key; });
                    if (!got || *got != key * key) ++wrong;
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(computed == 50);
    CHECK(node.get(7) == 49);
}

TEST_CASE("redis: a stage is remembered on another machine", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    numbers node{at(server.socket())};
    std::atomic<int> called{0};
    auto const square = cached{node} | [&](int n) { return ++called, n * n; };
    CHECK(*square(3) == 9);
    CHECK(*square(3) == 9);
    CHECK(called == 1);
}

TEST_CASE("redis: a child and its parent do not read each other's answers", "[adapt][redis][forks]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    redis_server server;
    numbers node{at(server.socket())};
    for (int i = 0; i < 100; ++i) REQUIRE(node.try_put(i, i));
    auto const ask_all = [&](int rounds) {
        for (int round = 0; round < rounds; ++round)
            for (int i = 0; i < 100; ++i)
                if (node.get(i) != i) return 1;
        return 0;
    };
    std::vector<::pid_t> children;
    for (int c = 0; c < 3; ++c) {
        auto const child = ::fork();
        if (child == 0) ::_exit(ask_all(20));
        children.push_back(child);
    }
    CHECK(ask_all(20) == 0);
    for (auto const child : children) {
        int status = -1;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        CHECK(status == 0);
    }
}

// As nodes of a ring

namespace {

struct farm {
    explicit farm(hash_ring_options how, std::chrono::nanoseconds timeout = 30s) : ring(how) {
        for (auto const* name : {"a", "b", "c"}) {
            servers.emplace_back();
            nodes.emplace_back(at(servers.back().socket(), timeout));
            REQUIRE(ring.add(name, nodes.back()));
        }
    }
    node_health health(std::size_t i) const { return ring.health()[i]; }
    int key_of(std::string const& name) const {
        int key = 0;
        while (ring.order_of(key).front() != name) ++key;
        return key;
    }

    std::deque<redis_server> servers;
    std::deque<numbers> nodes;
    hash_ring<numbers> ring;
};

}  // namespace

TEST_CASE("redis: a ring goes round a node that was killed, and uses it again at the first probe after its restart", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    farm three{{}};
    manual_time time;
    auto const key = three.key_of("a");
    REQUIRE(three.ring.put(key, 5, time));
    three.servers[0].kill();
    for (int i = 0; i < 5; ++i) CHECK(three.ring.get(key, time) == std::nullopt);
    CHECK(three.health(0).state == ring_node_state::down);
    CHECK(three.health(0).failures == 3);
    CHECK(three.ring.put(key, 6, time));
    CHECK(three.ring.get(key, time) == 6);

    three.servers[0].start();
    time.advance(500ms);
    CHECK(three.ring.get(key, time) == std::nullopt);    // it is back, and has lost all
    CHECK(three.health(0).state == ring_node_state::up);
    CHECK(three.ring.put(key, 7, time));
    CHECK(three.nodes[0].get(key) == 7);
}

TEST_CASE("redis: a node of a ring that hangs costs a probe its timeout, and no more", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    farm three{{}, 50ms};
    manual_time time;
    auto const key = three.key_of("b");
    three.servers[1].signal(SIGSTOP);
    CHECK(comes_true([&] { return (void)three.ring.get(key, time), three.health(1).state == ring_node_state::down; }));
    auto const failed = three.health(1).failures;
    for (int i = 0; i < 100; ++i) (void)three.ring.get(key, time);
    CHECK(three.health(1).failures == failed);
    time.advance(500ms);
    for (int i = 0; i < 100; ++i) (void)three.ring.get(key, time);
    CHECK(three.health(1).failures == failed + 1);
    three.servers[1].signal(SIGCONT);
    CHECK(comes_true([&] {
        time.advance(500ms);
        return (void)three.ring.get(key, time), three.health(1).state == ring_node_state::up;
    }));
}

TEST_CASE("redis: no failure reaches the callers of a ring while one node is killed and comes back", "[adapt][redis]") {
    if (!redis_server::available()) SKIP(redis_server::missing);
    farm three{{.probe_every = 20ms}};
    std::atomic<bool> over{false};
    std::atomic<int> calls{0}, wrong{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            context cx;
            for (int i = t; !over; i += 7) {
                auto const key = i % 500;
                auto const got = three.ring.get_or_compute(key, cx, [&](context&) -> outcome<int> { return -key; });
                if (!got || *got != -key) ++wrong;
                ++calls;
            }
        });
    CHECK(comes_true([&] { return calls > 2'000; }));
    three.servers[2].kill();
    CHECK(comes_true([&] { return three.health(2).state == ring_node_state::down; }));
    auto const then = calls.load();
    CHECK(comes_true([&] { return calls > then + 2'000; }));
    three.servers[2].start();
    CHECK(comes_true([&] { return three.health(2).state == ring_node_state::up; }));
    auto const hits = three.health(2).hits;
    CHECK(comes_true([&] { return three.health(2).hits > hits + 100; }));
    over = true;
    threads.clear();
    CHECK(wrong == 0);
}
