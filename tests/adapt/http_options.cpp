#include <muster/adapt/http_options.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("http_options: what is not said is bounded and follows nobody", "[adapt][http]") {
    http_options const options;
    CHECK(options.timeout == 10min);
    CHECK(options.connect_timeout == 5s);
    CHECK(options.largest_body == 16 * MiB);
    CHECK(options.largest_headers == 64 * KiB);
    CHECK(options.redirects == 0);
    CHECK_FALSE(options.decompress);
    CHECK(options == http_options{});
}
