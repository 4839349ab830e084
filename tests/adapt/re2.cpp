#include <muster/adapt/re2.hpp>

#include "catch.hpp"

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::string_literals;

namespace {

re2_set compiled(std::vector<re2_pattern> const& patterns, re2_options options = {}) {
    return re2_set::compile(patterns, options).value();
}

// "line:index,index " for each line that is told of.
std::string told(re2_set const& set, std::string_view text) {
    std::string out;
    set.lines(text, [&](std::size_t begin, std::size_t end, std::span<int const> indices) {
        out += text.substr(begin, end - begin);
        char before = ':';
        for (auto const index : indices) (out += before) += std::to_string(index), before = ',';
        out += ' ';
    }).value();
    return out;
}

std::vector<std::uint32_t> refused_by(re2_set const& set) {
    std::vector<std::uint32_t> out;
    for (auto const& one : set.refused()) out.push_back(one.pattern);
    return out;
}

}  // namespace

static_assert(std::is_nothrow_move_constructible_v<re2_set> && !std::is_copy_constructible_v<re2_set>);

TEST_CASE("re2: tells of each line which patterns match on it", "[adapt][re2]") {
    auto const set = compiled({{"b"}, {"^a"}, {"C", true}, {"C"}, {"e$"}});
    CHECK(set.size() == 5);
    CHECK(set.refused().empty());
    CHECK(told(set, "abc\nd\nxe\nbe\n\nC") == "abc:0,1,2 xe:4 be:0,4 C:2,3 ");
    CHECK(told(set, "") == "");
    CHECK(told(set, std::string_view{}) == "");
    CHECK(told(set, "x\ny\n\n") == "");
}

TEST_CASE("re2: a line is matched as if there were no others", "[adapt][re2]") {
    auto const set = compiled({{"a\\s+b"}, {"x[^q]*y"}, {"^$"}, {"(?s)m.n"}, {"k(?:\n)?l"}});
    CHECK(told(set, "a\nb\nx1\n2y\na b\nx y\nm\nn\nkl\nk\nl\n") == "a b:0 x y:1 kl:4 ");
    CHECK(told(set, "x1\nx2y\n\nz\n") == "x2y:1 :2 ");
    CHECK(told(set, "z\n") == "");    // what is behind the last LF is no line
    CHECK(told(set, "\n") == ":2 ");
}

TEST_CASE("re2: bytes are the characters, of 0 and above 127 too", "[adapt][re2]") {
    auto const set = compiled({{"a\0b"s}, {"^.\xff$"}, {"^..$"}, {"\\x00$"}});
    CHECK(told(set, "a\0b\nq\xff\n\0\n"s) == "a\0b:0 q\xff:1,2 \0:3 "s);
}

TEST_CASE("re2: patterns that match nothing at all match on every line", "[adapt][re2]") {
    auto const set = compiled({{""}, {"x*"}, {"z"}});
    CHECK(told(set, "a\n\nz\n") == "a:0,1 :0,1 z:0,1,2 ");
    CHECK(told(set, "a") == "a:0,1 ");
}

TEST_CASE("re2: what it does not take is listed, and the others are looked for all the same", "[adapt][re2]") {
    auto const set = compiled({{"a(b"}, {"good"}, {"a(?!b)"}, {"(a)\\1"}, {"a)|(b"}, {"a++"}, {"\\Aa"}, {"a\\z"}, {"a\\Cb"}, {"(?-m)^a"},
        {"(?i-sm:^a)"}, {"(?i-s)fine"}, {"(?P<n>x)"}, {"(?P<n>y)"}, {"(?P<n>y"}});
    CHECK(refused_by(set) == std::vector<std::uint32_t>{0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14});
    CHECK(set.refused()[0].why == "missing ): (?m)a(b");
    CHECK(set.refused()[5].why == "may mean something else among others: \\A");
    CHECK(told(set, "good\nfine\na\nb\nx\ny\n") == "good:1 fine:11 x:12 y:13 ");
}

TEST_CASE("re2: a set of no pattern finds nothing", "[adapt][re2]") {
    CHECK(told(compiled({}), "a\n") == "");
    CHECK(told(compiled({{"("}}), "(\n") == "");
}

TEST_CASE("re2: what backtracks without end elsewhere ends here", "[adapt][re2]") {
    auto const set = compiled({{"(a+)+$"}, {"(a|aa)+c$"}, {"^(([a-z])+.)+[A-Z]([a-z])+$"}, {"(?:a?){40}a{40}"}});
    CHECK(told(set, std::string(100'000, 'a') + "b\n") == std::string(100'000, 'a') + "b:3 ");
}

TEST_CASE("re2: repetitions beyond its means are refused, and take nothing from the others", "[adapt][re2]") {
    auto const nested = std::string(2'000, '(') + 'a' + std::string(2'000, ')');
    auto const set = compiled({{"a{1001}"}, {"(a{1000}){1000}"}, {"(([a-c]|de|f){30}){30}"}, {nested}, {std::string(1'000'000, 'a')}, {"good"}},
        {.memory = 2 * MiB});
    CHECK(refused_by(set) == std::vector<std::uint32_t>{0, 1, 2, 4});
    CHECK(set.refused()[2].why.starts_with("too large: "));
    CHECK(told(set, "good\n") == "good:5 ");
}

TEST_CASE("re2: a thousand patterns are two passes", "[adapt][re2]") {
    std::vector<re2_pattern> patterns;
    for (int i = 0; i < 1'000; ++i) patterns.push_back({i % 100 == 7 ? "(" : "^key" + std::to_string(i) + "=(?P<value>\\w+)$"});
    auto const set = compiled(patterns);
    CHECK(set.refused().size() == 10);
    CHECK(told(set, "key1=a\nkey7=b\nkey999=c\nkey1000=d\n") == "key1=a:1 key999=c:999 ");
}

TEST_CASE("re2: memory that is too little is said, and no line is lost in silence", "[adapt][re2]") {
    CHECK(!re2_set::compile({}, {.memory = MiB - 1}));
    CHECK(!re2_set::compile({}, {.memory = 17 * GiB}));

    // The states that these make of a text are two to the power of 60.
    std::vector<re2_pattern> patterns;
    for (int i = 0; i < 60; ++i) patterns.push_back({"[a-m][a-z]{" + std::to_string(i) + "}q"});
    std::string text, last;
    std::uint32_t seed = 7;
    for (int line = 0; line < 20; ++line, text += '\n') {
        for (std::uint32_t i = 0; i < 200; ++i) {
            seed = seed * 1'664'525 + 1'013'904'223;
            text += static_cast<char>('a' + (seed >> 28) + i % 3);
        }
    }
    std::size_t in_little = 0, in_much = 0;
    auto const count = [&](re2_set const& set, std::size_t& into) {
        return set.lines(text, [&](std::size_t, std::size_t, std::span<int const> indices) { into += indices.size(); });
    };
    REQUIRE(count(compiled(patterns), in_much));
    REQUIRE(count(compiled(patterns, {.memory = MiB}), in_little));
    CHECK(in_much > 0);
    CHECK(in_little == in_much);

    // Each is small enough, and together they leave no room for what is learnt.
    std::vector<re2_pattern> const large{{"a{900}"}, {"b{900}"}, {"c{900}"}, {"d{900}"}, {"e{900}"}, {"f{900}"}, {"g{900}"}, {"h{900}"}};
    auto const none = re2_set::compile(large, {.memory = MiB});
    REQUIRE(!none);
    CHECK(none.error().is(cause::exhausted));
    CHECK(none.error().text() == "a set of 8 patterns needs more memory than 1048576 bytes");
    CHECK(told(compiled(large), std::string(900, 'h')) == std::string(900, 'h') + ":7 ");
}

TEST_CASE("re2: who hears of lines may end it, or throw", "[adapt][re2]") {
    auto const set = compiled({{"a"}});
    int heard = 0;
    CHECK(set.lines("a\na\na\n", [&](std::size_t, std::size_t, std::span<int const>) { return ++heard < 2; }));
    CHECK(heard == 2);
    CHECK_THROWS_AS((void)set.lines("a\n", [](std::size_t, std::size_t, std::span<int const>) { throw std::runtime_error{"full"}; }),
        std::runtime_error);
}

TEST_CASE("re2: threads share a set", "[adapt][re2]") {
    auto const set = compiled({{"\\d+$"}, {"^x"}});
    std::vector<std::jthread> threads;
    std::vector<int> good(4);
    for (std::size_t t = 0; t < good.size(); ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) good[t] += told(set, "x 12\ny 3\nz\n") == "x 12:0,1 y 3:0 ";
        });
    threads.clear();
    CHECK(good == std::vector<int>(4, 200));
}
