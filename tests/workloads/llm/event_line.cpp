#include <muster/workloads/llm/event_line.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>

using namespace muster::llm;
using namespace std::chrono_literals;

TEST_CASE("event_line: id, name, and what is known, in the order in which it was added") {
    event_line line{event::node_failed};
    line.add("node", 3u).add("name", "Order/3").add("partial", false).add("seconds", 1'234'567us).add("more", std::string{"x"}).add("big", ~0ull);
    CHECK(line.text() == R"(LLM-120 node_failed node=3 name="Order/3" partial=false seconds=1.234 more="x" big=18446744073709551615)");
}

TEST_CASE("event_line: seconds have three decimals, rounded down, and are not below 0") {
    auto const written = [](std::chrono::nanoseconds time) { return event_line{event::paused}.add("seconds", time).text(); };
    CHECK(written(0s) == "LLM-130 paused seconds=0.000");
    CHECK(written(999'999ns) == "LLM-130 paused seconds=0.000");
    CHECK(written(21ms) == "LLM-130 paused seconds=0.021");
    CHECK(written(100h) == "LLM-130 paused seconds=360000.000");
    CHECK(written(-1s) == "LLM-130 paused seconds=0.000");
    CHECK(written(std::chrono::nanoseconds::min()) == "LLM-130 paused seconds=0.000");
}

TEST_CASE("event_line: a text neither ends the line nor feigns a member, and is bounded") {
    auto const written = [](std::string const& text) {
        return event_line{event::paused}.add("kind", text).text().substr(std::string{"LLM-130 paused kind="}.size());
    };
    CHECK(written("a\"b\\c node=7") == R"("a\"b\\c node=7")");
    CHECK(written("a\r\nLLM-101 run_ended") == R"("a\r\nLLM-101 run_ended")");
    CHECK(written("\x1b[2J\x7f") == "\"\\u001b[2J\\u007f\"");
    CHECK(written("\xc2\x85|\xc2\x9b|\xe2\x80\xa8|\xe2\x80\xa9") == R"("\u0085|\u009b|\u2028|\u2029")");
    CHECK(written("\xc2\xa0\xe2\x82\xac") == "\"\xc2\xa0\xe2\x82\xac\"");    // what is no control character stands
    CHECK(written("\x80\xff") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(written(std::string(1'000, 'x')) == '"' + std::string(200, 'x') + '"');
    CHECK(written(std::string(199, 'x') + "\xc3\xa4") == '"' + std::string(199, 'x') + '"');    // no half of a character
}
