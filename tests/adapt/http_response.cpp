#include <muster/adapt/http_response.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("http_response: 200 to 299 is well", "[adapt][http]") {
    for (int const status : {200, 204, 299}) CHECK(http_response{.status = status}.ok());
    for (int const status : {0, 100, 199, 300, 404, 500}) CHECK_FALSE(http_response{.status = status}.ok());
}
