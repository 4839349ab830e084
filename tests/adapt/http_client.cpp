#include <muster/adapt/http_client.hpp>

#include "catch.hpp"
#include "adapt/scripted_server.hpp"
#include "adapt/tls_server.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <latch>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/adapt/http_status.hpp>
#include <muster/adapt/openssl.hpp>    // whose library the servers need: this file is left out without it
#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::manual_time;

namespace {

// No proxy that this machine has: the servers are on loopback.
http_options direct() {
    http_options out;
    out.environment_proxy = false;
    return out;
}

failure fails(http_client& client, http_request request) {
    auto answer = client.send(std::move(request));
    REQUIRE_FALSE(answer);
    return answer.error();
}

// How a call ends with a server that serves so, in its text without the port.
failure fails_with(scripted_server& server, http_options options = direct()) {
    http_client client{std::move(options)};
    return fails(client, {.url = server.url("/secret-path?key=secret-query")});
}

std::string refused_options(http_options options) {
    try {
        http_client const made{std::move(options)};
    } catch (std::invalid_argument const& why) {
        return why.what();
    }
    return "they are taken";
}

// A port at which nobody listens.
std::uint16_t free_port() { return scripted_server{[](scripted_connection&) {}}.port(); }

bool comes_true(auto const& condition) {
    for (auto const end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end; std::this_thread::yield())
        if (condition()) return true;
    return false;
}

}  // namespace

static_assert(poller<http_client>);
static_assert(!std::copy_constructible<http_client>);

// What is sent and what comes

TEST_CASE("http_client: a request goes as it was said, and the answer comes whole", "[adapt][http]") {
    scripted_server server{http_answer("{\"a\":1}", "201 Created", "Content-Type: application/json\r\nX-Two: one\r\nx-two:  two \r\n")};
    http_client client{direct()};
    auto const answer = client.send({.method = "POST",
                                     .url = server.url("/v1/chat?x=1"),
                                     .headers = {{"Content-Type", "application/json"}, {"api-key", "k"}, {"X-Empty", ""}},
                                     .body = "{\"q\":\"\\u0000\"}"});
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(answer->version == 11);
    CHECK(answer->ok());
    CHECK(answer->body == "{\"a\":1}");
    CHECK(answer->headers.find("content-type") == "application/json");
    CHECK(answer->headers.find_all("X-TWO") == std::vector<std::string_view>{"one", "two"});
    CHECK(answer->times.total >= answer->times.first_byte);
    CHECK(answer->times.first_byte >= answer->times.connect);
    CHECK(answer->times.connect > 0ns);
    auto const asked = server.requests().at(0);
    CHECK(asked.starts_with("POST /v1/chat?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    CHECK(asked.ends_with("\r\n\r\n{\"q\":\"\\u0000\"}"));
    for (auto const* const line : {"\r\nContent-Type: application/json\r\n", "\r\napi-key: k\r\n", "\r\nX-Empty:\r\n",
                                   "\r\nUser-Agent: muster\r\n",
                                   "\r\nContent-Length: 14\r\n", "\r\nAccept: */*\r\n"}) {
        INFO(line);
        CHECK(asked.find(line) != std::string::npos);
    }
    CHECK(asked.find("Expect") == std::string::npos);
    CHECK(asked.find("Accept-Encoding") == std::string::npos);
}

TEST_CASE("http_client: each method sends its body or none, one after the other on one handle", "[adapt][http]") {
    scripted_server server{[&](scripted_connection& with) {
        while (auto const asked = with.hear()) {
            server.keep(*asked);
            with.say(asked->starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" : http_answer("x"));
        }
    }};
    auto options = direct();
    options.largest_body = 1'000;
    http_client client{options};
    auto const said = [&](std::string method, std::string body) -> std::string {
        auto const answer = client.send({.method = std::move(method), .url = server.url(), .body = std::move(body)});
        REQUIRE(answer);
        CHECK(answer->body == (server.requests().back().starts_with("HEAD") ? "" : "x"));
        auto const asked = server.requests().back();
        auto const length = asked.find("Content-Length");
        return asked.substr(0, asked.find(' ')) + ' ' +
               (length == asked.npos ? "none" : asked.substr(length + 16, asked.find('\r', length) - length - 16)) + ' ' +
               asked.substr(asked.find("\r\n\r\n") + 4);
    };
    CHECK(said("POST", "abc") == "POST 3 abc");
    CHECK(said("GET", "") == "GET none ");
    CHECK(said("HEAD", "") == "HEAD none ");
    CHECK(said("PUT", "") == "PUT 0 ");
    CHECK(said("DELETE", "") == "DELETE none ");
    CHECK(said("DELETE", "d") == "DELETE 1 d");
    CHECK(said("HEAD", "") == "HEAD none ");
    CHECK(said("GET", "") == "GET none ");
    CHECK(said("POST", "") == "POST 0 ");
    CHECK(said("PATCH", "pp") == "PATCH 2 pp");
    CHECK(said("OPTIONS", "") == "OPTIONS none ");
    CHECK(said("GET", "g") == "GET 1 g");
    CHECK(said("POST", std::string(300'000, 'z')) == "POST 300000 " + std::string(300'000, 'z'));
    CHECK(said("GET", "") == "GET none ");
    CHECK(server.connections() == 1);
}

TEST_CASE("http_client: any status is an answer, and a redirection is one that is not followed", "[adapt][http]") {
    for (auto const* const status : {"204 No Content", "301 Moved", "404 Not Found", "429 Too Many Requests", "500 Oops", "599 What"}) {
        scripted_server server{http_answer("", status, "Location: /other\r\n")};
        http_client client{direct()};
        auto const answer = client.send({.url = server.url()});
        REQUIRE(answer);
        CHECK(answer->status == std::stoi(status));
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("http_client: redirections are followed where that is asked for, on the same server alone", "[adapt][http]") {
    scripted_server elsewhere{http_answer("elsewhere")};
    scripted_server server{[&](scripted_connection& with) {
        while (auto const asked = with.hear()) {
            server.keep(asked->substr(0, asked->find(" HTTP")) + ' ' + asked->substr(asked->find("\r\n\r\n") + 4));
            if (asked->find(" /a ") != std::string::npos) with.say(http_answer("", "303 See Other", "Location: b/../c?x#y\r\n"));
            else if (asked->find(" /t") != std::string::npos) with.say(http_answer("", "307 Temporary",
                "Location: " + server.url("/last") + "\r\n"));
            else if (asked->find(" /away") != std::string::npos) with.say(http_answer("", "302 Found",
                "Location: " + elsewhere.url() + "\r\n"));
            else if (asked->find(" /file") != std::string::npos) with.say(http_answer("", "302 Found", "Location: file:///etc/passwd\r\n"));
            else if (asked->find(" /loop") != std::string::npos) with.say(http_answer("", "302 Found", "Location: /loop\r\n"));
            else with.say(http_answer("there"));
        }
    }};
    auto options = direct();
    options.redirects = 3;
    http_client client{options};
    CHECK(client.send({.method = "POST", .url = server.url("/a"), .body = "b"})->body == "there");
    CHECK(server.requests() == std::vector<std::string>{"POST /a b", "GET /c?x "});
    CHECK(client.send({.method = "POST", .url = server.url("/t"), .body = "b"})->body == "there");
    CHECK(server.requests().back() == "POST /last b");
    CHECK(client.send({.url = server.url("/away")})->status == 302);
    CHECK(client.send({.url = server.url("/file")})->status == 302);
    CHECK(elsewhere.connections() == 0);
    auto const before = server.requests().size();
    CHECK(client.send({.url = server.url("/loop")})->status == 302);
    CHECK(server.requests().size() == before + 4);
}

TEST_CASE("http_client: interim answers and trailers are no part of the answer", "[adapt][http]") {
    scripted_server server{"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\nX-Now: a\r\n  b\r\n\r\n"
                           "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: 1\r\nHTTP/1.1 500: no\r\n\r\n"};
    http_client client{direct()};
    for (int i = 0; i < 2; ++i) {
        auto const answer = client.send({.url = server.url()});
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == "abcde");
        CHECK(answer->headers.find("X-Now") == "a b");
        CHECK_FALSE(answer->headers.find("X-Early"));
        CHECK_FALSE(answer->headers.find("Link"));
        CHECK_FALSE(answer->headers.find("X-Late"));
    }
    CHECK(server.connections() == 1);
}

TEST_CASE("http_client: what a server sends in place of JSON comes as it is", "[adapt][http]") {
    scripted_server server{http_answer("<html>\xff\x01</html>", "502 Bad Gateway", "Content-Type: text/html\r\n")};
    http_client client{direct()};
    auto const answer = client.send({.url = server.url()});
    REQUIRE(answer);
    CHECK(answer->status == 502);
    CHECK(answer->body == "<html>\xff\x01</html>");
}

TEST_CASE("http_client: a body without a length ends with the connection", "[adapt][http]") {
    scripted_server server{[](scripted_connection& with) {
        with.hear();
        with.say("HTTP/1.0 200 OK\r\n\r\nall of it");
    }};
    http_client client{direct()};
    auto const answer = client.send({.url = server.url()});
    REQUIRE(answer);
    CHECK(answer->body == "all of it");
    CHECK(answer->version == 10);
}

TEST_CASE("http_client: bodies of any size follow each other whole on one handle", "[adapt][http]") {
    // What the last one was decides how much is read at once.
    std::size_t const sizes[] = {0, 1, 100'000, 10, 3'000'000, 2'000'000, 0, 2'047, 2'048, 2'049, 40'000};
    scripted_server server{[&](scripted_connection& with) {
        for (auto const size : sizes) {
            if (!with.hear()) return;
            with.say(http_answer(std::string(size, 'a')));
        }
    }};
    http_client client{direct()};
    for (auto const size : sizes) {
        auto const answer = client.send({.url = server.url()});
        REQUIRE(answer);
        CHECK(answer->body.size() == size);
        CHECK(answer->body.find_first_not_of('a') == std::string::npos);
    }
    CHECK(server.connections() == 1);
}

// Each fault, and its kind

TEST_CASE("http_client: a server that is not there is no connection", "[adapt][http]") {
    http_client client{direct()};
    auto const port = std::to_string(free_port());
    auto const what = fails(client, {.url = "http://127.0.0.1:" + port + "/secret?secret", .headers = {{"api-key", "secret"}}});
    CHECK(what.code() == http_fault::connect);
    CHECK(what.is(cause::unavailable));
    CHECK(what.text().starts_with("http://127.0.0.1:" + port + ": "));
    CHECK(to_string(what).find("secret") == std::string::npos);
}

TEST_CASE("http_client: a name without an address is unresolved", "[adapt][http]") {
    http_client client{direct()};
    // A label of more than 63 letters is in no zone, so nobody is asked.
    auto const what = fails(client, {.url = "http://" + std::string(70, 'a') + ".invalid/"});
    CHECK(what.code() == http_fault::resolve);
    CHECK(what.is(cause::unavailable));
}

TEST_CASE("http_client: a server that takes no connection in time is no connection", "[adapt][http]") {
    scripted_server server{[](scripted_connection&) {}};
    // A line of listeners that is full: nothing is answered, not even a refusal.
    muster::fd const listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr const*>(&place), size) == 0);
    REQUIRE(::listen(listening.get(), 0) == 0);
    REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&place), &size) == 0);
    std::vector<muster::fd> line;
    for (int i = 0; i < 4; ++i) {
        line.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        (void)::connect(line.back().get(), reinterpret_cast<sockaddr const*>(&place), size);
    }
    auto options = direct();
    options.connect_timeout = 50ms;
    http_client client{options};
    auto const what = fails(client, {.url = "http://127.0.0.1:" + std::to_string(::ntohs(place.sin_port))});
    CHECK(what.code() == http_fault::connect);
}

TEST_CASE("http_client: a connection that is lost before the answer's headers are here is disconnected", "[adapt][http]") {
    SECTION("closed at once") {
        scripted_server server{[](scripted_connection& with) { with.hear(); }};
        CHECK(fails_with(server).code() == http_fault::disconnected);
    }
    SECTION("reset before a byte") {
        scripted_server server{[](scripted_connection& with) { with.hear(), with.reset(); }};
        CHECK(fails_with(server).code() == http_fault::disconnected);
    }
    SECTION("closed amid the status") {
        scripted_server server{[](scripted_connection& with) { with.hear(), with.say("HTTP/1."), with.half_close(), with.until_closed(); }};
        CHECK(fails_with(server).is(cause::unavailable));
    }
    SECTION("reset amid the headers") {
        scripted_server server{[](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Le");
            with.reset();
        }};
        CHECK(fails_with(server).code() == http_fault::disconnected);
    }
    SECTION("closed amid the headers") {
        scripted_server server{[](scripted_connection& with) { with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"); }};
        auto const what = fails_with(server);
        CHECK(what.code() == http_fault::disconnected);
    }
    SECTION("closed after an interim answer") {
        scripted_server server{[](scripted_connection& with) { with.hear(), with.say("HTTP/1.1 100 Continue\r\n\r\n"); }};
        CHECK(fails_with(server).code() == http_fault::disconnected);
    }
}

TEST_CASE("http_client: a body that ends too early is truncated", "[adapt][http]") {
    SECTION("closed before its length") {
        scripted_server server{[](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        }};
        auto const what = fails_with(server);
        CHECK(what.code() == http_fault::truncated);
        CHECK(what.is(cause::unavailable));
    }
    SECTION("reset before its length") {
        std::latch told{1};
        scripted_server server{[&](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            told.wait();
            with.reset();
        }};
        http_client client{direct()};
        std::jthread teller{[&] { told.count_down(); }};
        auto const what = fails(client, {.url = server.url()});
        // Bytes that were not read yet are gone with a reset, the headers among them.
        CHECK((what.code() == http_fault::truncated || what.code() == http_fault::disconnected));
    }
    SECTION("a chunk that is cut") {
        scripted_server server{[](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
        }};
        CHECK(fails_with(server).code() == http_fault::truncated);
    }
    SECTION("no last chunk") {
        scripted_server server{[](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        }};
        CHECK(fails_with(server).code() == http_fault::truncated);
    }
}

TEST_CASE("http_client: what is no HTTP is said to be none", "[adapt][http]") {
    for (std::string const garbage : {"SSH-2.0-OpenSSH_9.2\r\n", "\x01\x02\x03\x04 not at all", "{\"error\":\"no\"}\r\n\r\n",
        "HTTP/9.9 999\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "HTTP/1.1 20x Y\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nno colon here\r\n\r\na"}) {
        INFO(garbage);
        scripted_server server{[&](scripted_connection& with) { with.hear(), with.say(garbage); }};
        auto const what = fails_with(server);
        CHECK(what.code() == http_fault::protocol);
        CHECK(what.is(cause::unavailable));
        for (char const c : what.text()) CHECK(static_cast<unsigned char>(c) >= ' ');
    }
}

TEST_CASE("http_client: headers and bodies that are too large end the call", "[adapt][http]") {
    auto options = direct();
    options.largest_body = 1'000;
    options.largest_headers = 4'000;
    auto const forever = [](scripted_connection& with, std::string_view begin, std::string_view part) {
        with.hear();
        with.say(begin);
        while (with.say(part)) {}
    };
    SECTION("a length that is too large ends it before a byte") {
        scripted_server server{[](scripted_connection& with) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\nx");
            with.until_closed();
        }};
        auto const what = fails_with(server, options);
        CHECK(what.code() == http_fault::too_large);
        CHECK(what.is(cause::exhausted));
        CHECK(what.text().ends_with(": the body has more than the 1000 bytes that http_options::largest_body allows"));
    }
    SECTION("a body that just fits") {
        scripted_server server{http_answer(std::string(1'000, 'x'))};
        http_client client{options};
        CHECK(client.send({.url = server.url()})->body.size() == 1'000);
    }
    SECTION("a body without an end") {
        scripted_server server{[&](scripted_connection& with) { forever(with, "HTTP/1.1 200 OK\r\n\r\n", std::string(500, 'x')); }};
        CHECK(fails_with(server, options).code() == http_fault::too_large);
    }
    SECTION("chunks without an end") {
        scripted_server server{
            [&](scripted_connection& with) { forever(with, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n"); }};
        CHECK(fails_with(server, options).code() == http_fault::too_large);
    }
    SECTION("headers without an end") {
        scripted_server server{[&](scripted_connection& with) { forever(with, "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"); }};
        auto const what = fails_with(server, options);
        CHECK(what.code() == http_fault::too_large);
        CHECK(what.text().ends_with("largest_headers allows"));
    }
    SECTION("interim answers without an end") {
        scripted_server server{[&](scripted_connection& with) { forever(with, "", "HTTP/1.1 100 Continue\r\n\r\n"); }};
        CHECK(fails_with(server, options).code() == http_fault::too_large);
    }
    SECTION("trailers without an end") {
        scripted_server server{[&](scripted_connection& with) {
            forever(with, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-More: and more\r\n");
        }};
        CHECK(fails_with(server, options).code() == http_fault::too_large);
    }
    SECTION("one header without an end") {
        scripted_server server{[&](scripted_connection& with) { forever(with, "HTTP/1.1 200 OK\r\nX: ", std::string(1'000, 'x')); }};
        CHECK(fails_with(server, options).code() == http_fault::too_large);
    }
}

TEST_CASE("http_client: compressed answers are asked for only where that is said, and counted as they grow", "[adapt][http]") {
    // 100,000 zeros by gzip.
    auto const packed = std::string{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\x4a\xeb\x9f\xce\x1a\x1e\x40\x01", 27} +
                        std::string(96, '\x00') +
                        std::string{"\xaf\x06\x85\xc2\x4d\xc5\xa0\x86\x01\x00", 10};
    scripted_server server{http_answer(packed, "200 OK", "Content-Encoding: gzip\r\n")};
    http_client plain{direct()};
    CHECK(plain.send({.url = server.url()})->body == packed);
    auto options = direct();
    options.decompress = true;
    http_client wide{options};
    CHECK(wide.send({.url = server.url()})->body == std::string(100'000, '0'));
    CHECK(server.requests().back().find("Accept-Encoding: ") != std::string::npos);
    options.largest_body = 99'999;
    http_client narrow{options};
    CHECK(fails(narrow, {.url = server.url()}).code() == http_fault::too_large);
    scripted_server broken{http_answer("no gzip", "200 OK", "Content-Encoding: gzip\r\n")};
    CHECK(fails(wide, {.url = broken.url()}).code() == http_fault::protocol);
}

// TLS

TEST_CASE("http_client: a server's certificate is trusted by its CA alone", "[adapt][http][tls]") {
    test_certificate const mine, other, of_another_host{"DNS:other.example"};
    auto const serve = [](test_certificate const& by) {
        return [&by](scripted_connection& with) {
            tls_end end{by, with};
            while (end.hear()) end.say(http_answer("secure"));
        };
    };
    scripted_server server{serve(mine)};
    SECTION("the system does not know it") {
        auto const what = fails_with(server);    // it speaks no plain HTTP
        CHECK(what.is(cause::unavailable));
        http_client client{direct()};
        CHECK(fails(client, {.url = server.url("/", "https")}).code() == http_fault::certificate);
    }
    SECTION("its CA is named") {
        auto options = direct();
        options.ca_file = mine.file();
        http_client client{options};
        for (int i = 0; i < 3; ++i) CHECK(client.send({.url = server.url("/", "https")})->body == "secure");
        CHECK(server.connections() == 1);
        options.http2 = false;
        http_client old{options};
        auto const answer = old.send({.url = server.url("/", "https")});
        REQUIRE(answer);
        CHECK(answer->version == 11);
    }
    SECTION("another CA is named") {
        auto options = direct();
        options.ca_file = other.file();
        http_client client{options};
        CHECK(fails(client, {.url = server.url("/", "https")}).code() == http_fault::certificate);
    }
    SECTION("it is another host's") {
        auto options = direct();
        options.ca_file = of_another_host.file();
        http_client client{options};
        scripted_server imposter{serve(of_another_host)};
        CHECK(fails(client, {.url = imposter.url("/", "https")}).code() == http_fault::certificate);
    }
    SECTION("the file holds none") {
        temporary_folder folder;
        auto options = direct();
        options.ca_file = folder.put("ca.pem", "nothing");
        http_client client{options};
        auto const what = fails(client, {.url = server.url("/", "https")});
        CHECK((what.code() == http_fault::tls || what.code() == http_fault::certificate));
    }
}

TEST_CASE("http_client: TLS to a port that does not speak it fails as such", "[adapt][http][tls]") {
    scripted_server server{[](scripted_connection& with) {
        with.more(), with.say("HTTP/1.1 400 Bad Request\r\n\r\n"), with.half_close();
        with.until_closed();
    }};
    http_client client{direct()};
    CHECK(fails(client, {.url = server.url("/", "https")}).code() == http_fault::tls);
    scripted_server silent{[](scripted_connection& with) { with.more(); }};
    CHECK(fails(client, {.url = silent.url("/", "https")}).code() == http_fault::tls);
}

TEST_CASE("http_client: TLS that is cut amid a body is truncated", "[adapt][http][tls]") {
    test_certificate const mine;
    auto options = direct();
    options.ca_file = mine.file();
    scripted_server server{[&](scripted_connection& with) {
        tls_end end{mine, with};
        if (end.hear()) end.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    }};
    http_client client{options};
    CHECK(fails(client, {.url = server.url("/", "https")}).code() == http_fault::truncated);
}

TEST_CASE("http_client: over TLS calls do not wait for each other's answers, whatever the server says of HTTP/2", "[adapt][http][tls]") {
    test_certificate const mine;
    auto options = direct();
    options.ca_file = mine.file();
    std::latch all{20};
    scripted_server server{[&](scripted_connection& with) {
        tls_end end{mine, with};
        if (!end.hear()) return;
        all.arrive_and_wait();    // every call is here before any is answered
        end.say(http_answer("x"));
        end.farewell();
    }};
    http_client client{options};
    std::vector<std::jthread> callers;
    std::atomic<int> good{0};
    for (int i = 0; i < 20; ++i) callers.emplace_back([&] { good += client.send({.url = server.url("/", "https")})->body == "x"; });
    callers.clear();
    CHECK(good == 20);
}

// Time, stops

TEST_CASE("http_client: a body that trickles ends at the deadline", "[adapt][http]") {
    std::latch begun{1};
    scripted_server server{[&](scripted_connection& with) {
        with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        begun.count_down();
        while (!with.closed(1) && with.say("x")) {}
    }};
    http_client client{direct()};
    manual_time time;
    context cx{time};
    auto const limited = cx.change_deadline(later(time.now(), 2s));
    std::optional<outcome<http_response>> answer;
    std::jthread caller{[&] { answer.emplace(client.send({.url = server.url("/secret")}, cx)); }};
    begun.wait();
    time.until_waiting(1);
    time.advance(2s);
    caller.join();
    REQUIRE_FALSE(*answer);
    CHECK(answer->error().code() == http_fault::timeout);
    CHECK(answer->error().is(cause::timed_out));
    CHECK(answer->error().text() == server.url("") + ": no answer before the deadline");
}

TEST_CASE("http_client: without a deadline the client's own timeout ends a call", "[adapt][http]") {
    scripted_server server{[&](scripted_connection& with) { with.hear(), with.until_closed(); }};
    auto options = direct();
    options.timeout = 90s;
    http_client client{options};
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const answer = client.send({.url = server.url()}, cx);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == http_fault::timeout);
    CHECK(answer.error().text() == server.url("") + ": no answer within 90s");
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>{90s});
}

TEST_CASE("http_client: a deadline of the context is never made longer or shorter by the client's", "[adapt][http]") {
    scripted_server server{[&](scripted_connection& with) { with.hear(), with.until_closed(); }};
    auto options = direct();
    options.timeout = 90s;
    http_client client{options};
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const limited = cx.change_deadline(later(time.now(), 200s));
    CHECK_FALSE(client.send({.url = server.url()}, cx));
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>{200s});
}

TEST_CASE("http_client: a stop answers the caller and ends the transfer, whose connection is not used again", "[adapt][http]") {
    std::stop_source stop;
    std::latch gone{1};
    scripted_server server{[&](scripted_connection& with) {
        if (with.number() == 0) {
            with.hear(), with.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
            stop.request_stop();
            with.until_closed();    // the client lets go of it
            gone.count_down();
            return;
        }
        while (with.hear()) with.say(http_answer("fresh"));
    }};
    http_client client{direct()};
    context cx{stop.get_token()};
    auto const answer = client.send({.method = "POST", .url = server.url(), .body = std::string(100'000, 'x')}, cx);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().is(cause::cancelled));
    gone.wait();
    CHECK(client.send({.url = server.url()})->body == "fresh");
    CHECK(server.connections() == 2);
    CHECK(client.stats().left == 1);
    CHECK(client.stats().answered == 1);
}

TEST_CASE("http_client: a call that was stopped or is late before it begins sends nothing", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client client{direct()};
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token()};
    auto const none = client.send({.url = server.url()}, stopped);
    CHECK(none.error().is(cause::cancelled));
    manual_time time;
    context late{time};
    auto const limited = late.change_deadline(time.now());
    CHECK(client.send({.url = server.url()}, late).error().is(cause::timed_out));
    CHECK(server.connections() == 0);
}

TEST_CASE("http_client: a large body that the server does not read is given up at the deadline, and no byte of it dangles",
    "[adapt][http]") {
    std::latch here{1};
    scripted_server server{[&](scripted_connection& with) {
        with.more();
        here.count_down();
        while (!with.closed(0)) std::this_thread::yield();    // never read
        with.until_closed();
    }};
    http_client client{direct()};
    manual_time time;
    context cx{time};
    auto const limited = cx.change_deadline(later(time.now(), 1s));
    std::optional<outcome<http_response>> answer;
    std::jthread caller{[&] {
        answer.emplace(client.send({.method = "PUT", .url = server.url(), .body = std::string(64'000'000, 'x')}, cx));
    }};
    here.wait();
    time.until_waiting(1);
    time.advance(1s);
    caller.join();
    CHECK(answer->error().code() == http_fault::timeout);
}

TEST_CASE("http_client: a server that goes while a body is sent raises no signal", "[adapt][http][tls]") {
    test_certificate const mine;
    auto options = direct();
    options.ca_file = mine.file();
    http_client client{options};
    client.begin_polling();
    client.end_polling();
    scripted_server plain{[](scripted_connection& with) { with.more(), with.reset(); }};
    scripted_server secure{[&](scripted_connection& with) {
        tls_end end{mine, with};
        with.reset();
    }};
    for (int i = 0; i < 5; ++i) {
        auto const one = fails(client, {.method = "POST", .url = plain.url(), .body = std::string(8'000'000, 'x')});
        CHECK(one.code() == http_fault::disconnected);
        auto const two = fails(client, {.method = "POST", .url = secure.url("/", "https"), .body = std::string(8'000'000, 'x')});
        CHECK(two.is(cause::unavailable));
    }
}

// Connections

TEST_CASE("http_client: a connection is kept and used again", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client client{direct()};
    for (int i = 0; i < 10; ++i) {
        auto const answer = client.send({.url = server.url()});
        REQUIRE(answer);
        if (i > 0) CHECK(answer->times.connect == 0ns);
    }
    CHECK(server.connections() == 1);
    CHECK(client.stats() == http_client_stats{.sent = 10, .answered = 10, .connections = 1});
}

TEST_CASE("http_client: what a kept connection loses is sent again where it may be, and once where it may not", "[adapt][http]") {
    scripted_server server{[&](scripted_connection& with) {
        for (int i = 0; auto const asked = with.hear(); ++i) {
            server.keep(asked->substr(0, asked->find(' ')));
            if (with.number() < 4 && i == 1) return;    // took it, and says nothing
            with.say(http_answer("x"));
        }
    }};
    http_client client{direct()};
    CHECK(client.send({.url = server.url()}));
    CHECK(client.send({.url = server.url()}));
    CHECK(server.requests() == std::vector<std::string>{"GET", "GET", "GET"});
    CHECK(server.connections() == 2);
    auto const lost = fails(client, {.method = "POST", .url = server.url(), .body = "paid"});
    CHECK(lost.code() == http_fault::disconnected);
    CHECK(lost.text().ends_with(": the kept connection was lost; a POST is not sent again by itself"));
    CHECK(server.requests() == std::vector<std::string>{"GET", "GET", "GET", "POST"});
    CHECK(client.send({.url = server.url()}));
    CHECK(client.send({.method = "POST", .url = server.url(), .headers = {{"idempotency-key", "1"}}, .body = "once"}));
    CHECK(server.requests().size() == 7);
}

TEST_CASE("http_client: no more connections are opened than are allowed, and calls wait for a free one", "[adapt][http]") {
    auto options = direct();
    SECTION("to a host") { options.connections_per_host = 2; }
    SECTION("in all") { options.connections = 2; }
    std::latch two{2};
    std::atomic<int> at_once{0}, most{0};
    scripted_server server{[&](scripted_connection& with) {
        for (bool first = true; with.hear(); first = false) {
            auto const now = ++at_once;
            for (auto before = most.load(); before < now && !most.compare_exchange_weak(before, now);) {}
            if (first) two.arrive_and_wait();
            --at_once;
            with.say(http_answer("x"));
        }
    }};
    http_client client{options};
    std::vector<std::jthread> callers;
    std::atomic<int> good{0};
    for (int i = 0; i < 20; ++i) callers.emplace_back([&] { good += client.send({.url = server.url()}).has_value(); });
    callers.clear();
    CHECK(good == 20);
    CHECK(most == 2);
    CHECK(server.connections() == 2);
}

TEST_CASE("http_client: 500 calls from 500 threads are all answered, each with its own answer", "[adapt][http]") {
    scripted_server server{[](scripted_connection& with) {
        while (auto const asked = with.hear()) {
            auto const path = asked->find(' ') + 1;
            with.say(http_answer(asked->substr(path, asked->find(" HTTP") - path)));
        }
    }};
    http_client client{direct()};
    std::atomic<int> good{0};
    std::vector<std::jthread> callers;
    for (int i = 0; i < 500; ++i)
        callers.emplace_back([&, i] {
            auto const path = '/' + std::to_string(i);
            auto const answer = client.send({.url = server.url(path)});
            good += answer && answer->body == path;
        });
    callers.clear();
    CHECK(good == 500);
    CHECK(client.stats().answered == 500);
    CHECK(client.stats().under_way == 0);
}

TEST_CASE("http_client: two clients share nothing", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client one{direct()}, other{direct()};
    CHECK(one.send({.url = server.url()}));
    CHECK(other.send({.url = server.url()}));
    CHECK(server.connections() == 2);
    CHECK(one.stats().sent == 1);
}

TEST_CASE("http_client: it reads as any task in a chain", "[adapt][http]") {
    std::atomic<int> asked{0};
    scripted_server server{[&](scripted_connection& with) {
        while (with.hear()) with.say(asked++ % 3 == 0 ? http_answer("busy", "503 Busy", "retry-after-ms: 1\r\n") : http_answer("x"));
    }};
    http_client client{direct()};
    blocking_pool io;
    std::vector<int> const items(30);
    auto const get = [&](int, context& cx) {
        http_request request{.url = server.url()};
        return require_ok(client.send(request, cx), request);
    };
    for (auto const& each : map(items, on{io, 8} | retry{.attempts = 20, .delay = 1us} | deadline{60s} | get)) CHECK(each->body == "x");
}

// Refusals

TEST_CASE("http_client: URLs that are none are refused before anything is looked up", "[adapt][http]") {
    http_client client{direct()};
    std::string const with_zero{"http://a/\0b", 11};
    for (std::string const& url : {""s, "a.example/"s, "/path"s, "ftp://a/"s, "file:///etc/passwd"s,
                                   "gopher://a/"s, "http://"s, "http:///x"s, "http://a b/"s,
                                   "http://a/ b"s, "http://a/\r\nX: y"s, "http://a/\t"s, "http://user:secret@a/"s,
                                   "http://user@a/"s, "http://:secret@a/"s, "http://a:99999/"s, "http://a:x/"s,
                                   "http://[::1/"s, "http://\xc3\xa4/"s, with_zero, "http://a/" + std::string(70'000, 'x')}) {
        INFO(url.substr(0, 100));
        auto const what = fails(client, {.url = url});
        CHECK(what.code() == http_fault::refused_url);
        CHECK(what.is(cause::invalid_input));
        CHECK(what.text().find("secret") == std::string::npos);
    }
    CHECK(fails(client, {.url = "http://user:secret@a/"}).text().find("a URL holds no user and password") != std::string::npos);
    CHECK(client.stats().sent == 0);
}

TEST_CASE("http_client: headers and methods that would write more than themselves are refused", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client client{direct()};
    auto const refused = [&](http_request request) {
        request.url = server.url();
        auto const what = fails(client, std::move(request));
        CHECK(what.code() == http_fault::refused_request);
        CHECK(what.is(cause::invalid_input));
        CHECK(what.text().find("secret") == std::string::npos);
        return what.text().substr(server.url("").size() + 2);
    };
    for (std::string const& value : {"secret\r\nX: y"s, "secret\n"s, "\rsecret"s, std::string{"secret\0", 7}})
        CHECK(refused({.headers = {{"api-key", value}}}) == "the value of the header api-key holds CR, LF or NUL");
    for (std::string const& name : {""s, "a b"s, "a:"s, "a\r\nb"s, std::string{"a\0b", 3}, "\xc3\xa4"s})
        CHECK(refused({.headers = {{name, "secret"}}}).starts_with("the name of a header is a token"));
    CHECK(refused({.headers = {{"content-length", "0"}}}) == "the header content-length is not the caller's to send");
    CHECK(refused({.headers = {{"Transfer-Encoding", "chunked"}}}) == "the header Transfer-Encoding is not the caller's to send");
    for (std::string const& method : {""s, "get"s, "GET /x"s, "G\r\nT"s, std::string{"GET\0", 4}, std::string(33, 'A')})
        CHECK(refused({.method = method}).starts_with("a method is 1 to 32 capital letters and hyphens"));
    CHECK(refused({.method = "CONNECT"}) == "the method CONNECT is not sent");
    CHECK(refused({.method = "HEAD", .body = "b"}) == "a HEAD has no body");
    CHECK(server.connections() == 0);
    // The handle that was refused serves the next call as if nothing had been.
    CHECK(client.send({.url = server.url()})->body == "x");
    CHECK(server.requests().at(0).starts_with("GET / "));
}

TEST_CASE("http_client: options that make no sense are refused", "[adapt][http]") {
    CHECK(refused_options({.timeout = 0s}) == "muster: http_options: the timeouts are more than 0");
    CHECK(refused_options({.connect_timeout = -1s}) == "muster: http_options: the timeouts are more than 0");
    CHECK(refused_options({.largest_body = 0}).starts_with("muster: http_options: largest_body is 1 byte or more"));
    CHECK(refused_options({.largest_headers = 2 * MiB}).starts_with("muster: http_options: largest_body is 1 byte or more"));
    CHECK(refused_options({.connections = 100'001}) == "muster: http_options: there are at most 100,000 connections");
    CHECK(refused_options({.redirects = 21}) == "muster: http_options: at most 20 redirects are followed");
    CHECK(refused_options({.user_agent = "a\r\nb"}).starts_with("muster: http_options: a user agent has no control characters"));
    CHECK(refused_options({.ca_file = "/nowhere/at/all"}) == "muster: http_options: the ca_file cannot be read: /nowhere/at/all");
    for (auto const* const proxy : {"proxy.example", "ftp://p/", "http://", "file:///x"})
        CHECK(refused_options({.proxy = proxy}).starts_with("muster: http_options: a proxy is http, https, socks5 or socks5h"));
    for (auto const* const proxy : {"http://proxy.example:3128", "socks5h://user:word@127.0.0.1:1080"})
        CHECK(refused_options({.proxy = proxy}) == "they are taken");
    CHECK(refused_options({.timeout = std::chrono::nanoseconds::max(),
        .connect_timeout = std::chrono::nanoseconds::max()}) == "they are taken");
}

// Proxies

TEST_CASE("http_client: a proxy is asked where one is named, and its refusals are told apart", "[adapt][http]") {
    scripted_server proxy{[&](scripted_connection& with) {
        while (auto const asked = with.hear()) {
            proxy.keep(*asked);
            if (asked->starts_with("CONNECT")) with.say("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
            else with.say(http_answer("by proxy"));
        }
    }};
    auto options = direct();
    options.proxy = "http://user:secret@127.0.0.1:" + std::to_string(proxy.port());
    http_client client{options};
    CHECK(client.send({.url = "http://nowhere.invalid/a"})->body == "by proxy");
    CHECK(proxy.requests().at(0).starts_with("GET http://nowhere.invalid/a HTTP/1.1\r\n"));
    CHECK(proxy.requests().at(0).find("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=") != std::string::npos);
    auto const refused = fails(client, {.url = "https://nowhere.invalid/", .headers = {{"Authorization", "Bearer secret"}}});
    CHECK(refused.code() == http_fault::proxy);
    CHECK(to_string(refused).find("secret") == std::string::npos);
    CHECK(proxy.requests().back().find("Bearer") == std::string::npos);
    options.proxy = "http://user:secret@127.0.0.1:" + std::to_string(free_port());
    http_client nowhere{options};
    auto const none = fails(nowhere, {.url = "http://nowhere.invalid/"});
    CHECK(none.code() == http_fault::proxy);
    CHECK(to_string(none).find("secret") == std::string::npos);
}

TEST_CASE("http_client: the environment's proxy is used unless that is switched off", "[adapt][http]") {
    scripted_server proxy{http_answer("by proxy")};
    auto const url = "http://127.0.0.1:" + std::to_string(proxy.port());
    struct variable {
        explicit variable(std::string const& value) { ::setenv("http_proxy", value.c_str(), 1); }
        ~variable() { ::unsetenv("http_proxy"); }
    } const set{url};
    http_client client;
    CHECK(client.send({.url = "http://nowhere.invalid/"})->body == "by proxy");
    scripted_server server{http_answer("directly")};
    http_client without{direct()};
    CHECK(without.send({.url = server.url()})->body == "directly");
}

// Lives

TEST_CASE("http_client: a client that is destroyed answers the calls that are under way", "[adapt][http]") {
    std::latch here{10};
    scripted_server server{[&](scripted_connection& with) {
        with.hear();
        here.count_down();
        with.until_closed();
    }};
    std::optional<http_client> client{direct()};
    std::vector<std::jthread> callers;
    std::atomic<int> closed{0};
    for (int i = 0; i < 10; ++i)
        callers.emplace_back([&] {
            auto const answer = client->send({.url = server.url()});
            closed += !answer && answer.error().code() == http_fault::closed && answer.error().is(cause::cancelled);
        });
    here.wait();
    REQUIRE(comes_true([&] { return client->stats().under_way == 10; }));
    client.reset();
    callers.clear();
    CHECK(closed == 10);
}

TEST_CASE("http_client: a thread that polls makes calls of its own and of others", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client client{direct()};
    CHECK(client.send({.url = server.url()}));    // by the thread of its own
    client.begin_polling();
    CHECK_THROWS_AS(client.begin_polling(), std::logic_error);
    // A waiter as an executor's that polls while its calls wait.
    struct polling {
        http_client& at;
        instant now() const { return std::chrono::steady_clock::now(); }
        bool wait_until(wait_point& point, instant until) const {
            while (!point.woken() && now() < until) at.poll(std::chrono::milliseconds{100});
            return point.woken();
        }
    } waits{client};
    context cx{waits};
    for (int i = 0; i < 5; ++i) CHECK(client.send({.url = server.url()}, cx)->body == "x");
    std::atomic<bool> done{false};
    std::jthread other{[&] {
        CHECK(client.send({.url = server.url()})->body == "x");
        done = true;
        client.wake();
    }};
    while (!done) client.poll(10s);
    other.join();
    // A deadline ends a call of the polling thread at once.
    scripted_server silent{[](scripted_connection& with) { with.hear(), with.until_closed(); }};
    auto const limited = cx.change_deadline(later(waits.now(), 1ms));
    CHECK(client.send({.url = silent.url()}, cx).error().is(cause::timed_out));
    CHECK(client.stats().under_way == 0);
    std::jthread stranger{[&] { CHECK_THROWS_AS(client.end_polling(), std::logic_error); }};
    stranger.join();
    client.end_polling();
    CHECK(client.send({.url = server.url()})->body == "x");
    CHECK(server.connections() <= 2);
}

TEST_CASE("http_client: what is under way goes on where the polling ends or begins", "[adapt][http]") {
    std::latch go{1};
    scripted_server server{[&](scripted_connection& with) {
        while (with.hear()) {
            go.wait();
            with.say(http_answer("x"));
        }
    }};
    http_client client{direct()};
    client.begin_polling();
    std::atomic<int> good{0};
    std::vector<std::jthread> callers;
    for (int i = 0; i < 5; ++i) callers.emplace_back([&] { good += client.send({.url = server.url()}).has_value(); });
    while (client.stats().under_way < 5) client.poll(10ms);
    client.end_polling();
    client.begin_polling();
    client.end_polling();
    go.count_down();
    callers.clear();
    CHECK(good == 5);
}

TEST_CASE("http_client: what the polling thread calls starts with its next turn, and not when it was left before", "[adapt][http]") {
    scripted_server server{http_answer("x")};
    http_client client{direct()};
    client.begin_polling();
    enum class then { nothing, poll, end };
    struct waiting {
        http_client& at;
        then what;
        instant now() const { return std::chrono::steady_clock::now(); }
        bool wait_until(wait_point& point, instant until) const {
            if (what == then::end) {
                at.end_polling();    // its own thread goes on with what waited for a turn
                return point.block_until(until);
            }
            while (!point.woken() && now() < until)
                if (what == then::poll) at.poll(std::chrono::milliseconds{100});
            return point.woken();
        }
    } waits{client, then::nothing};
    context cx{waits};
    {
        auto const limited = cx.change_deadline(later(waits.now(), 1ms));
        auto const late = client.send({.url = server.url("/secret-path")}, cx);
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == http_fault::timeout);
        CHECK(late.error().text() == server.url("") + ": no answer before the deadline");
    }
    client.poll(0ns);
    CHECK(client.stats().sent == 0);
    waits.what = then::poll;
    CHECK(client.send({.url = "ftp://host/"}, cx).error().code() == http_fault::refused_url);
    CHECK(client.send({.method = "CONNECT", .url = server.url()}, cx).error().code() == http_fault::refused_request);
    CHECK(client.send({.url = server.url()}, cx)->body == "x");
    waits.what = then::end;
    CHECK(client.send({.url = server.url()}, cx)->body == "x");
    CHECK(client.stats().sent == 2);
}

TEST_CASE("http_client: a wake-up ends the poll that is going on or the next one", "[adapt][http]") {
    http_client client{direct()};
    client.wake();
    client.begin_polling();
    client.wake();
    client.poll(std::chrono::hours{1});
    std::latch polls{1};
    std::jthread waker{[&] {
        polls.wait();
        client.wake();
    }};
    polls.count_down();
    client.poll(std::chrono::nanoseconds::max());
    client.poll(0ns);
    client.end_polling();
}

TEST_CASE("http_client: a child process does not touch its parent's connections", "[adapt][http][forks]") {
    scripted_server server{http_answer("x")};
    http_client used{direct()}, unused{direct()};
    REQUIRE(used.send({.url = server.url()}));
    auto const url = server.url();
    CHECK(in_child([&] {
              auto const answer = used.send({.url = url});
              if (answer || answer.error().code() != http_fault::forked) return 1;
              if (!unused.send({.url = url})) return 2;
              std::optional<http_client> made{direct()};
              return made->send({.url = url}) ? 0 : 3;
          }) == exits(0));
    CHECK(used.send({.url = url})->body == "x");
    CHECK(unused.send({.url = url})->body == "x");
    CHECK(server.connections() == 4);    // the parent's first is good still
}

TEST_CASE("http_client: destroyed in a child, it leaves the parent's connection as it is", "[adapt][http][forks]") {
    scripted_server server{http_answer("x")};
    std::optional<http_client> client{direct()};
    REQUIRE(client->send({.url = server.url()}));
    CHECK(in_child([&] {
              client.reset();
              return 0;
          }) == exits(0));
    CHECK(client->send({.url = server.url()})->body == "x");
    CHECK(server.connections() == 1);
}

// HTTP/2

namespace {

// nghttpd, on a port of its own, killed at the end.
class http2_server {
public:
    static constexpr char const* program = "/usr/sbin/nghttpd";    // where Debian has it, and not everybody's PATH
    static bool available() { return ::access(program, X_OK) == 0 && ::access("/usr/bin/setpriv", X_OK) == 0; }
    explicit http2_server(test_certificate const& by) {
        folder_.put("hello", "over HTTP/2");
        port_ = free_port();
        // It dies with the thread that started it, however that one ends.
        std::vector<std::string> words{"setpriv", "--pdeathsig", "KILL", program, "-a", "127.0.0.1", "-d", folder_.path(),
            std::to_string(port_), by.key_file(), by.file()};
        std::vector<char*> pointers;
        for (auto& word : words) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t what;
        ::posix_spawn_file_actions_init(&what);
        for (int const said : {1, 2}) ::posix_spawn_file_actions_addopen(&what, said, "/dev/null", O_WRONLY, 0);
        REQUIRE(::posix_spawn(&process_, "/usr/bin/setpriv", &what, nullptr, pointers.data(), environ) == 0);
        ::posix_spawn_file_actions_destroy(&what);
    }
    ~http2_server() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    std::string url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/hello"; }

private:
    temporary_folder folder_;
    std::uint16_t port_ = 0;
    ::pid_t process_ = 0;
};

}  // namespace

TEST_CASE("http_client: over HTTP/2 many calls share a connection", "[adapt][http][tls]") {
    if (!http2_server::available()) SKIP("no nghttpd (Debian: apt-get install nghttp2-server)");
    test_certificate const mine;
    http2_server const server{mine};
    auto options = direct();
    options.ca_file = mine.file();
    http_client client{options};
    REQUIRE(comes_true([&] { return client.send({.url = server.url()}).has_value(); }));
    auto const before = client.stats().connections;
    std::atomic<int> good{0};
    std::vector<std::jthread> callers;
    for (int i = 0; i < 50; ++i)
        callers.emplace_back([&] {
            auto const answer = client.send({.url = server.url()});
            good += answer && answer->version == 20 && answer->body == "over HTTP/2";
        });
    callers.clear();
    CHECK(good == 50);
    CHECK(client.stats().connections == before);
}
