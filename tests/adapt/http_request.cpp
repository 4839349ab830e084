#include <muster/adapt/http_request.hpp>

#include "catch.hpp"

#include <ostream>

using namespace muster;

namespace {
template <class T>
concept printable = requires(std::ostream& to, T const& it) { to << it; };
}  // namespace

// Keys are in it: nothing prints it by accident.
static_assert(!printable<http_request>);

TEST_CASE("http_request: a request is a GET without headers and body until something else is said", "[adapt][http]") {
    http_request const request{.url = "http://a/"};
    CHECK(request.method == "GET");
    CHECK(request.headers.empty());
    CHECK(request.body.empty());
    CHECK(request == http_request{.url = "http://a/"});
    CHECK_FALSE(request == http_request{.url = "http://b/"});
}
