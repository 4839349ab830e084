#include <muster/adapt/http_status.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>
#include <utility>

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("require_ok: an answer of 2xx passes, any other is a failure with its status", "[adapt][http]") {
    http_request const asked{.url = "http://a/"};
    CHECK(require_ok(http_response{.status = 204, .body = "x"}, asked)->body == "x");
    auto const busy = require_ok(http_response{.status = 429, .headers = {{"Retry-After", "3"}}, .body = "slow\ndown"}, asked);
    REQUIRE_FALSE(busy);
    CHECK(busy.error().code().value() == 429);
    CHECK(busy.error().code().category() == http_status_category());
    CHECK(busy.error().is(cause::rejected));
    CHECK(busy.error().retry_after() == 3s);
    CHECK(to_string(busy.error()) == "HTTP status 429: slow down");
    auto const none = require_ok(failure{cause::cancelled, "stopped"}, asked);
    CHECK(none.error().text() == "stopped");
}

TEST_CASE("require_ok: each status amounts to a cause", "[adapt][http]") {
    auto const of = [](int status) { return status_failure({.status = status}, {}); };
    for (int const late : {408, 425, 504}) CHECK(of(late).is(cause::timed_out));
    CHECK(of(429).is(cause::rejected));
    for (int const down : {500, 502, 503, 529, 599}) CHECK(of(down).is(cause::unavailable));
    for (int const wrong : {301, 304, 400, 401, 403, 404, 422, 451, 600}) CHECK(of(wrong).is(cause::invalid_input));
    CHECK_FALSE(of(503).retry_after());
    CHECK(travelling_category::named("http status") == &http_status_category());
}

TEST_CASE("status_failure: a body is quoted without what could harm, and not for long", "[adapt][http]") {
    auto const shown = [](std::string body) { return status_failure({.status = 500, .body = std::move(body)}, {}).text(); };
    CHECK(shown("a\x1b[2Jb\x01\x7f\r\n\r\n\td") == "a\\x1b[2Jb\\x01\\x7f d");
    CHECK(shown("\xc2\x9b\x9b\xff\xc3 \xe2\x82") == "\\xc2\\x9b\\x9b\\xff\\xc3 \\xe2\\x82");    // control characters beyond ASCII, and no UTF-8
    CHECK(shown("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80") == "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80");
    CHECK(shown(std::string(5'000, 'x')) == std::string(200, 'x') + "... (5000 bytes)");
    // Not in the middle of a letter.
    CHECK(shown(std::string(199, 'x') + "\xc3\xa4\xc3\xa4") == std::string(199, 'x') + "... (203 bytes)");
}

TEST_CASE("status_failure: keys that the server repeats are not shown", "[adapt][http]") {
    http_request const asked{.url = "http://a/",
                             .headers = {{"Authorization", "Bearer sk-12345"}, {"api-key", "azure-67890"}, {"Cookie", "id=abcdef"},
                                         {"X-Custom-Token", "token-abc"}, {"Content-Type", "application/json"}}};
    std::string const body = "bad key sk-12345 or azure-67890, sent Bearer sk-12345 with id=abcdef token-abc as application/json";
    auto const text = status_failure({.status = 401, .body = body}, asked).text();
    CHECK(text == "bad key *** or ***, sent *** with *** *** as application/json");
    // Also where it would be cut in half.
    auto const long_text = status_failure({.status = 401, .body = std::string(196, 'x') + "sk-12345"}, asked).text();
    CHECK(long_text.find("sk-") == std::string::npos);
}
