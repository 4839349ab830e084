#include <muster/workloads/llm/detail/http_request.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using namespace muster::llm::detail;

namespace {

http_reading read(std::string_view text, http_request& out, std::size_t most = 1'000) {
    std::size_t looked = 0;
    return read_http(text, looked, out, most);
}

}  // namespace

TEST_CASE("http_request: reads what the endpoint needs of a head", "[llm][http_request]") {
    http_request out;
    std::string const text = "POST /v1/x?api-version=1 HTTP/1.1\r\nhost: a\r\nCONTENT-Length:  12 \r\nAuthorization: Bearer k e y\r\n"
                             "Idempotency-Key: i\r\nExpect: 100-Continue\r\nX: \t\r\n\r\nBODY";
    REQUIRE(read(text, out).status == 1);
    CHECK(out.method == "POST");
    CHECK(out.target == "/v1/x?api-version=1");
    CHECK(out.body == 12);
    CHECK(out.head == text.size() - 4);
    CHECK(out.key == "k e y");
    CHECK(out.idempotency_key == "i");
    CHECK(out.keep_alive);
    CHECK(out.expects_continue);
    REQUIRE(read("GET / HTTP/1.0\r\napi-key: k\r\n\r\n", out).status == 1);
    CHECK(out.key == "k");
    CHECK_FALSE(out.keep_alive);
    CHECK(out.body == 0);
    REQUIRE(read("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", out).status == 1);
    CHECK_FALSE(out.keep_alive);
}

TEST_CASE("http_request: a head in pieces is read when its end is there", "[llm][http_request]") {
    std::string const text = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
    std::size_t looked = 0;
    http_request out;
    for (std::size_t size = 0; size < text.size(); ++size) {
        CHECK(read_http(std::string_view{text}.substr(0, size), looked, out, 1'000).status == 0);
        CHECK(looked == size);
    }
    CHECK(read_http(text, looked, out, 1'000).status == 1);
}

TEST_CASE("http_request: whatever two readers could take for different things is refused", "[llm][http_request]") {
    struct row {
        std::string text;
        int status;
    };
    std::string const start = "POST / HTTP/1.1\r\nHost: a\r\n";
    std::string many = start;
    for (int i = 0; i < 101; ++i) many += "A: b\r\n";
    for (auto const& [text, status] : std::vector<row>{
             {"\r\n\r\n", 400},
             {"POST /\r\n\r\n", 400},
             {"POST  HTTP/1.1\r\n\r\n", 400},
             {"POST x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
             {"P(ST / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
             {"POST /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
             {std::string{"POST /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"}, 400},
             {"POST /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
             {"POST / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
             {"POST / http/1.1\r\nHost: a\r\n\r\n", 505},
             {"POST / HTTP/1.1\r\n\r\n", 400},
             {start + "Host: b\r\n\r\n", 400},
             {start + "No colon\r\n\r\n", 400},
             {start + " folded: x\r\n\r\n", 400},
             {start + "Blank : x\r\n\r\n", 400},
             {start + "A: b\nC: d\r\n\r\n", 400},
             {start + std::string{"A: b\0c\r\n\r\n", 10}, 400},
             {start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
             {start + "Content-Length: +1\r\n\r\n", 400},
             {start + "Content-Length: 1, 1\r\n\r\n", 400},
             {start + "Content-Length: \r\n\r\n", 400},
             {start + "Content-Length: 0x1\r\n\r\n", 400},
             {start + "Content-Length: 9999999999999\r\n\r\n", 400},
             {start + "Transfer-Encoding: chunked\r\n\r\n", 411},
             {start + "Expect: a miracle\r\n\r\n", 417},
             {many + "\r\n", 431},
             {start + "A: " + std::string(1'000, 'x'), 431},
             {start + "A: " + std::string(1'000, 'x') + "\r\n\r\n", 431},
         }) {
        http_request out;
        INFO(text);
        auto const reading = read(text, out);
        CHECK(reading.status == status);
        CHECK_FALSE(reading.why.empty());
    }
}
