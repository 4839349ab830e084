#include <muster/adapt/pcre2.hpp>

#include "catch.hpp"

#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace muster;
using namespace std::string_literals;

namespace {

pcre2_pattern compiled(std::string_view regex, pcre2_options options = {}) { return pcre2_pattern::compile(regex, options).value(); }

bool found(std::string_view regex, std::string_view subject, pcre2_options options = {}) {
    pcre2_matcher by;
    return by.match(compiled(regex, options), subject).value();
}

std::string refused(std::string_view regex) {
    auto const made = pcre2_pattern::compile(regex);
    if (made) return "taken";
    CHECK(made.error().is(cause::invalid_input));
    return made.error().text();
}

}  // namespace

static_assert(std::is_nothrow_move_constructible_v<pcre2_pattern> && !std::is_copy_constructible_v<pcre2_pattern>);
static_assert(std::is_nothrow_move_constructible_v<pcre2_matcher>);

TEST_CASE("pcre2: a match tells what its groups hold", "[adapt][pcre2]") {
    auto const rule = compiled("^(?<user>[a-z]+):(?:(x)|(?<uid>\\d+)):(?<rest>.*)$");
    CHECK(rule.groups() == 4);
    CHECK(rule.names() == std::vector<pcre2_name>{{"user", 1}, {"uid", 3}, {"rest", 4}});
    CHECK(rule.is_anchored());
    CHECK(!rule.matches_empty());
    pcre2_matcher by;
    REQUIRE(by.match(rule, "root:0:") == true);
    CHECK(by.group(0) == "root:0:");
    CHECK(by.group(1) == "root");
    CHECK(!by.group(2));
    CHECK(by.group(3) == "0");
    CHECK(by.group(4) == "");
    CHECK(!by.group(5));
    CHECK(!by.group(4'000'000'000));
    REQUIRE(by.match(rule, "root") == false);
    CHECK(!by.group(0));
}

TEST_CASE("pcre2: a match may begin later, and looks behind see what is before", "[adapt][pcre2]") {
    auto const digits = compiled("(?<=a)\\d+");
    pcre2_matcher by;
    REQUIRE(by.match(digits, "a12 a34", 2) == true);
    CHECK(by.group(0) == "34");
    CHECK(by.match(digits, "a1", 1) == true);
    CHECK(by.match(digits, "a1", 2) == false);
    auto const beyond = by.match(digits, "a1", 3);
    REQUIRE(!beyond);
    CHECK(beyond.error().is(cause::invalid_input));
    CHECK(beyond.error().text() == "a match from offset 3 of a subject of 2 bytes");
    CHECK(!by.group(0));
}

TEST_CASE("pcre2: options say how letters and lines are read", "[adapt][pcre2]") {
    CHECK(!found("permit", "PermitRootLogin"));
    CHECK(found("permit", "PermitRootLogin", {.ignore_case = true}));
    CHECK(!found("^b$", "a\nb\nc"));
    CHECK(found("^b$", "a\nb\nc", {.multi_line = true}));
    CHECK(!found("^b$", "a\rb\rc", {.multi_line = true}));    // lines end with LF, whatever the library was built with
    CHECK(!found("a.b", "a\nb"));
}

TEST_CASE("pcre2: bytes are the characters", "[adapt][pcre2]") {
    CHECK(found("^.{2}$", "\xc3\xa9"));
    CHECK(found("^[\\x80-\\xff]+$", "\xff\xfe\x80"));
    CHECK(!found("\xc3\xa9", "\xc3\x89", {.ignore_case = true}));
    CHECK(refused("(*UTF)a") == "at offset 6: using UTF is disabled by the application");
    CHECK(refused("(*UCP)a") == "at offset 6: using UCP is disabled by the application");
    CHECK(refused("a\\Cb") == "at offset 3: using \\C is disabled by the application");
    CHECK(refused("(*UTF8)a") != "taken");
}

TEST_CASE("pcre2: a regex that is wrong is refused with the place", "[adapt][pcre2]") {
    CHECK(refused("a(b") == "at offset 3: missing closing parenthesis");
    CHECK(refused("[b-a]") == "at offset 3: range out of order in character class");
    CHECK(refused("*") == "at offset 0: quantifier does not follow a repeatable item");
    CHECK(refused(std::string(100'000, '(')) == "at offset 251: parentheses are too deeply nested");
    CHECK(refused("(((a{1,1000}){1,1000}){1,1000})") != "taken");
    CHECK(refused("a{65536}") == "at offset 7: number too big in {} quantifier");
    CHECK(refused(std::string(1'000'000, 'a')) != "taken");
}

TEST_CASE("pcre2: empty regexes and subjects, and bytes of 0, are like others", "[adapt][pcre2]") {
    CHECK(found("", ""));
    CHECK(found("", std::string_view{}));
    CHECK(found(std::string_view{}, "a"));
    CHECK(compiled("").matches_empty());
    CHECK(!found("a", std::string_view{}));
    CHECK(found("a\0b"s, "xa\0b"s));
    CHECK(!found("a\0b"s, "xa\0c"s));
    CHECK(found("[\0]"s, "\0"s));
    pcre2_matcher by;
    auto const ends_with_0 = "a\0"s;
    REQUIRE(by.match(compiled("(.)$"), ends_with_0) == true);
    CHECK(by.group(1) == "\0"s);
}

TEST_CASE("pcre2: what backtracks without end is given up, and the limit is named", "[adapt][pcre2]") {
    pcre2_matcher by;
    auto const check = [&](std::string_view regex, std::string const& subject, std::string_view what) {
        INFO(regex);
        auto const got = by.match(compiled(regex), subject);
        REQUIRE(!got);
        CHECK(got.error().is(cause::exhausted));
        CHECK(got.error().text().find(what) != std::string::npos);
        CHECK(!by.group(0));
    };
    check("(a+)+$", std::string(60, 'a') + 'b', "1000000 steps back from one start, in a subject of 61 bytes");
    check("(a|aa)+$", std::string(60, 'a') + 'b', "steps");
    check("^(([a-z])+.)+[A-Z]([a-z])+$", std::string(60, 'a'), "steps");
    check("(?:a)+\\d", std::string(100'000, 'a'), "9999 steps back from one start, in a subject of 100000 bytes");    // else 12 s
    check("(a|b)*c", std::string(1'000'000, 'a'), "");
    check("(?R)?a|b(?R)", "bbbb", "");
    check("(*NO_JIT)(a+)+$", std::string(60, 'a') + 'b', "steps");
    check("(*NO_JIT)(a(?R)?b|(?R)c)", std::string(5'000, 'a'), "given up: ");
    CHECK(by.match(compiled("(a+)+$"), "aaa") == true);    // it is as good as before
}

TEST_CASE("pcre2: limits are those that were asked for", "[adapt][pcre2]") {
    auto const deep = compiled("^(?:a|b)*c");
    auto const text = std::string(1'000'000, 'a') + 'c';
    CHECK(!pcre2_matcher{}.match(deep, text));
    CHECK(pcre2_matcher{{.steps = 10'000'000, .stack = 64 * MiB}}.match(deep, text) == true);
    CHECK(!pcre2_matcher{{.steps = 100}}.match(compiled("(?:a|b)*\\d"), std::string(1'000, 'a')));
    CHECK_THROWS_AS(pcre2_matcher{{.steps = 0}}, std::invalid_argument);
    CHECK_THROWS_AS((pcre2_matcher{{.total_steps = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((pcre2_matcher{{.stack = 1}}), std::invalid_argument);
    CHECK_THROWS_AS((pcre2_matcher{{.stack = 2 * GiB}}), std::invalid_argument);
}

TEST_CASE("pcre2: one matcher takes patterns with few and with many groups", "[adapt][pcre2]") {
    pcre2_matcher by;
    std::string regex, subject;
    for (int i = 0; i < 500; ++i) regex += "(.)", subject += static_cast<char>('a' + i % 26);
    auto const wide = compiled(regex);
    REQUIRE(by.match(compiled("b"), subject) == true);
    REQUIRE(by.match(wide, subject) == true);
    CHECK(by.group(500) == subject.substr(499));
    REQUIRE(by.match(compiled("b"), subject) == true);
    CHECK(by.group(0) == "b");
    CHECK(!by.group(1));
}

TEST_CASE("pcre2: threads share a pattern", "[adapt][pcre2]") {
    auto const rule = compiled("(\\d+)$");
    std::vector<std::jthread> threads;
    std::vector<int> good(4);
    for (std::size_t t = 0; t < good.size(); ++t)
        threads.emplace_back([&, t] {
            pcre2_matcher by;
            for (int i = 0; i < 1'000; ++i) {
                auto const line = "line " + std::to_string(i);
                good[t] += by.match(rule, line) == true && by.group(1) == std::to_string(i);
            }
        });
    threads.clear();
    CHECK(good == std::vector<int>(4, 1'000));
}

TEST_CASE("pcre2: tells of itself what those who choose an engine ask", "[adapt][pcre2]") {
    CHECK(compiled("(a)(b)\\2").back_reference() == 2);
    CHECK(compiled("(a)").back_reference() == 0);
    CHECK(compiled("a*").matches_empty());
    CHECK(!compiled("(*NO_JIT)a").is_jit());
    CHECK(!compiled("a").is_anchored());
    CHECK(compiled("(?<b>x)(?<a>y)").names() == std::vector<pcre2_name>{{"b", 1}, {"a", 2}});
    CHECK(compiled("(?J)(?<n>x)|(?<n>y)").names() == std::vector<pcre2_name>{{"n", 1}, {"n", 2}});
    CHECK(compiled("a").names().empty());
}

TEST_CASE("pcre2: with Unicode's characters a regex is read as ECMAScript reads it", "[adapt][pcre2]") {
    pcre2_options const unicode{.unicode = true};
    CHECK(found("^.$", "\u00e4", unicode));
    CHECK(!found("^.$", "\u00e4"));
    CHECK(found("^\\u00e4\\p{L}$", "\u00e4\u65e5", unicode));
    CHECK(!found("^a$", "a\n", unicode));
    CHECK(found("^a$", "a\n"));
    CHECK(!found("[]", "a", unicode));
    CHECK(found("^\\u{1f600}$", "\U0001f600", unicode));
    auto const wrong = pcre2_pattern::compile("\xff", unicode);
    CHECK(wrong.error().is(cause::invalid_input));
}
