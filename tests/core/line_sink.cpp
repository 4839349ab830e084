#include <muster/core/line_sink.hpp>

#include "catch.hpp"

#include <memory>
#include <set>
#include <sstream>
#include <thread>

using namespace muster;

namespace {

struct only_numbers { void put(int); };
struct closer { void operator()(std::FILE* file) const { std::fclose(file); } };
using file = std::unique_ptr<std::FILE, closer>;

std::string content_of(std::FILE* from) {
    std::string out(static_cast<std::size_t>(std::ftell(from)), '\0');
    std::rewind(from);
    out.resize(std::fread(out.data(), 1, out.size(), from));
    return out;
}

}  // namespace

static_assert(!line_sink<only_numbers> && !line_sink<std::string> && !line_sink<int>);
static_assert(!std::constructible_from<line_sink_ref, kept_lines>);    // a temporary does not bind

TEST_CASE("line sink: eight threads write a thousand lines each, and none is mixed or lost", "[core][line_sink]") {
    file const out{std::tmpfile()};
    REQUIRE(out);
    stream_lines lines{out.get()};
    {
        std::vector<std::jthread> writers;
        for (int w = 0; w < 8; ++w)
            writers.emplace_back([&, w] {
                for (int n = 0; n < 1000; ++n)
                    lines.put("writer " + std::to_string(w) + " line " + std::to_string(n) + ' '
                              + std::string(60, static_cast<char>('a' + w)));
            });
    }
    CHECK(lines.lost() == 0);
    std::istringstream in{content_of(out.get())};
    std::set<std::string> seen;
    std::vector<int> next(8, 0);
    for (std::string line; std::getline(in, line);) {
        int w = -1, n = -1;
        REQUIRE(std::sscanf(line.c_str(), "writer %d line %d ", &w, &n) == 2);
        REQUIRE(line.substr(line.size() - 60) == std::string(60, static_cast<char>('a' + w)));
        REQUIRE(next[static_cast<std::size_t>(w)]++ == n);    // one writer's lines stay in order
        seen.insert(line);
    }
    CHECK(seen.size() == 8000);
}

TEST_CASE("line sink: a line end in the text does not make a line of its own", "[core][line_sink]") {
    file const out{std::tmpfile()};
    REQUIRE(out);
    stream_lines lines{out.get()};
    lines.put("one\ntwo\r\nthree");
    lines.put("");
    CHECK(content_of(out.get()) == "one\\ntwo\\r\\nthree\n\n");
}

TEST_CASE("line sink: what cannot be written is counted", "[core][line_sink]") {
    file const full{std::fopen("/dev/full", "w")};
    if (!full) SKIP("no /dev/full here");
    stream_lines lines{full.get()};
    lines.put("lost");
    CHECK(lines.lost() == 1);
}

TEST_CASE("line sink: kept lines can be asked for", "[core][line_sink]") {
    kept_lines kept;
    kept.put("first of all");
    kept.put("second");
    CHECK(kept.lines() == std::vector<std::string>{"first of all", "second"});
    CHECK(kept.contains("of all"));
    CHECK_FALSE(kept.contains("third"));
}

TEST_CASE("line sink: a reference passes lines on, and an empty one listens to nobody", "[core][line_sink]") {
    kept_lines kept;
    line_sink_ref const to = kept;
    CHECK(static_cast<bool>(to));
    to.put("through");
    line_sink_ref const copy = to;
    copy.put("again");
    line_sink_ref const nobody;
    CHECK_FALSE(static_cast<bool>(nobody));
    nobody.put("dropped");
    CHECK(kept.lines() == std::vector<std::string>{"through", "again"});
}
