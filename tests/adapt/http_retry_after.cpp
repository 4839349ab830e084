#include <muster/adapt/http_retry_after.hpp>

#include "catch.hpp"

#include <chrono>
#include <optional>
#include <string>

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
auto const then = std::chrono::system_clock::time_point{784'111'777s};

std::optional<std::chrono::nanoseconds> said(std::string value) { return retry_after_of({{"Retry-After", std::move(value)}}, then); }

}  // namespace

TEST_CASE("retry_after_of: seconds, whole or not", "[adapt][http]") {
    CHECK(said("120") == 120s);
    CHECK(said("0") == 0s);
    CHECK(said(" 1.5 ") == 1'500ms);
    CHECK(said("0.02") == 20ms);
    CHECK(retry_after_of({{"retry-AFTER", "7"}}, then) == 7s);
}

TEST_CASE("retry_after_of: milliseconds go first, where they are a number", "[adapt][http]") {
    CHECK(retry_after_of({{"retry-after-ms", "250"}, {"Retry-After", "9"}}, then) == 250ms);
    CHECK(retry_after_of({{"retry-after-ms", "soon"}, {"Retry-After", "9"}}, then) == 9s);
    CHECK(retry_after_of({{"retry-after-ms", "20.5"}}, then) == 20'500us);
}

TEST_CASE("retry_after_of: the three forms of a date", "[adapt][http]") {
    CHECK(said("Sun, 06 Nov 1994 08:50:37 GMT") == 60s);
    CHECK(said("Sunday, 06-Nov-94 08:50:37 GMT") == 60s);
    CHECK(said("Sun Nov  6 08:50:37 1994") == 60s);
    CHECK(said("Sun, 06 Nov 1994 08:49:37 GMT") == 0s);
    CHECK(said("Sun, 06 Nov 1994 08:40:00 GMT") == 0s);
    CHECK(said("Sun, 06 Nov 1989 08:40:00 GMT") == 0s);
}

TEST_CASE("retry_after_of: a date is compared with the server's own clock where it says that", "[adapt][http]") {
    CHECK(retry_after_of({{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}, {"Date", "Sun, 06 Nov 1994 08:50:07 GMT"}}, then) == 30s);
    CHECK(retry_after_of({{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}, {"Date", "today"}}, then) == 60s);
}

TEST_CASE("retry_after_of: what cannot be read is nothing", "[adapt][http]") {
    CHECK_FALSE(retry_after_of({}, then));
    for (std::string const& value :
         {""s, " "s, "-1"s, "+1"s, "1e3"s, "1s"s, "0x10"s, "nan"s, "inf"s, "1.2.3"s, "."s, "tomorrow"s, "Sun"s, "06 Nov 1994 08:50:37 GMT"s,
          "Sun, 99 Nov 1994 08:50:37 GMT"s, "Sun, 06 Xxx 1994 08:50:37 GMT"s, std::string(100'000, 'S'),
          "Sun, 06 Nov 1994\0 08:50:37 GMT"s}) {
        INFO(value.substr(0, 40));
        CHECK_FALSE(said(value));
    }
}

TEST_CASE("retry_after_of: what is out of all proportion is ten years", "[adapt][http]") {
    for (std::string const& value : {std::string(400, '9'), std::string{"99999999999999999999"}, std::string{"Fri, 06 Nov 2492 08:50:37 GMT"}}) {
        INFO(value);
        auto const wait = said(value);
        REQUIRE(wait);
        CHECK(*wait == 320'000'000s);
    }
}
