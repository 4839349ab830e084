#pragma once

// What every engine promises, checked against PCRE2 line by line.

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <muster/adapt/pcre2.hpp>
#include <muster/workloads/search/engine.hpp>

#include "catch.hpp"

namespace engine_promises {

using muster::searching::candidate;
using muster::searching::engine;
using muster::searching::line_pattern;

using pairs = std::set<std::pair<std::uint32_t, std::size_t>>;    // a pattern, and a line by its number

inline std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        auto const end = text.find('\n');
        out.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

/// Where PCRE2 matches; lines on which it gives up are left out.
inline pairs truth(std::vector<line_pattern> const& patterns, std::string_view text) {
    pairs out;
    muster::pcre2_matcher by;
    auto const lines = lines_of(text);
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
        auto const pattern = muster::pcre2_pattern::compile(patterns[i].regex, {.ignore_case = patterns[i].ignore_case}).value();
        for (std::size_t line = 0; line < lines.size(); ++line)
            if (by.match(pattern, lines[line]) == true) out.emplace(i, line);
    }
    return out;
}

/// The candidates of an engine, by line; what it leaves alone is on every line.
inline pairs told(engine const& by, std::vector<line_pattern> const& patterns, std::string_view text) {
    std::vector<candidate> found;
    by.scan(text, found).value();
    auto const alone = by.alone();
    REQUIRE(std::is_sorted(alone.begin(), alone.end()));
    pairs out;
    for (auto const& one : found) {
        REQUIRE(one.pattern < patterns.size());
        REQUIRE(one.at < text.size());
        REQUIRE(!std::binary_search(alone.begin(), alone.end(), one.pattern));
        out.emplace(one.pattern, static_cast<std::size_t>(std::count(text.begin(), text.begin() + one.at, '\n')));
    }
    auto const count = lines_of(text).size();
    for (auto const one : alone)
        for (std::size_t line = 0; line < count; ++line) out.emplace(one, line);
    return out;
}

/// Small regexes and lines of few letters, so that they often meet.
class generator {
public:
    explicit generator(std::uint32_t seed) : seed_(seed) {}

    line_pattern pattern() {
        for (;;) {
            line_pattern out{regex(3), next(3) == 0};
            if (muster::pcre2_pattern::compile(out.regex)) return out;
        }
    }
    std::string text() {
        std::string out;
        for (auto lines = next(30); lines > 0; --lines) {
            for (auto size = next(next(4) ? 8 : 80); size > 0; --size) out += letter();
            out += '\n';
        }
        if (!out.empty() && next(3) == 0) out.pop_back();
        return out;
    }
    std::uint32_t next(std::uint32_t below) { return (seed_ = seed_ * 1'664'525 + 1'013'904'223) / 65'536 % below; }

private:
    std::string pick(std::vector<std::string> const& from) { return from[next(static_cast<std::uint32_t>(from.size()))]; }
    char letter() {
        static constexpr char letters[] = "aaabbbccAB12_:: \t\v\r\0\xe9\xc9-";
        return letters[next(sizeof letters - 1)];
    }
    std::string regex(int depth) {
        std::string out;
        if (next(6) == 0) out += pick({"^", "\\b", "^\\s*", "(?i)", ".*", "(?<![ab])"});
        for (auto parts = 1 + next(4); parts > 0; --parts) out += part(depth);
        if (next(6) == 0) out += pick({"$", "\\b", ".*$", "(.*)$", "\\s*$", "\\s*", "(?!a)", "[^:]*$"});
        if (depth > 0 && next(8) == 0) out += '|' + regex(depth - 1);
        return out;
    }
    std::string part(int depth) {
        std::string out;
        auto const kind = next(depth > 0 ? 10 : 6);
        if (kind < 3) {
            out = pick({"a", "b", "c", "ab", "A", "1", "_", ":", "-", "\\t", "\\x41", "\xe9", "\\xe9"});
        } else if (kind < 6) {
            out = pick({".", "\\s", "\\S", "\\w", "\\W", "\\d", "\\D", "[ab]", "[^a]", "[^:]", "[a-c1]", "[\\s:]", "[^\\s]", "[^\\S]", "[^\\W]", "[[:space:]]",
                "[[:^alpha:]]", "[^\xe9]", "\\h", "\\v", "[\\v]", "\\V", "[\\D]", "[^]a]", "[]a]", "[^-a]", "[a-]", "[\\x00-\\x20]", "\\r", "\\n"});
        } else {
            out = pick({"(", "(", "(?:", "(?:", "(?<n>", "(?>", "(?i:", "(?=", "(?!", "(?<=", "(?<!"});
            auto const inner = regex(depth - 1);
            if (out == "(?<n>" && named_++ > 0) out = "(";
            auto const is_look = out[1] == '?' && (out[2] == '=' || out[2] == '!' || out == "(?<=" || out == "(?<!");
            out += inner + ')';
            if (is_look) return out;
        }
        if (next(3) == 0) out = (out.size() > 1 && kind < 3 && out[0] != '\\' ? "(?:" + out + ')' : out) +
                                pick({"*", "+", "?", "*?", "+?", "??", "*+", "++", "{2}", "{1,3}", "{2,}", "{0,2}?"});
        if (depth == 3 && next(25) == 0) out += "(a|b)\\1";
        return out;
    }

    std::uint32_t seed_;
    int named_ = 0;
};

/// No line is missed, whatever the regexes and the text are.
template <class Make>
void misses_nothing(Make const& make, int rounds) {
    std::size_t matches = 0, candidates = 0, alone = 0, all = 0;
    for (int round = 0; round < rounds; ++round) {
        generator from{static_cast<std::uint32_t>(round)};
        std::vector<line_pattern> patterns;
        for (int i = 0; i < 20; ++i) patterns.push_back(generator{static_cast<std::uint32_t>(1'000 * round + i)}.pattern());
        engine const by = make(patterns).value();
        alone += by.alone().size();
        all += patterns.size();
        for (int i = 0; i < 4; ++i) {
            auto const text = from.text();
            auto const expected = truth(patterns, text);
            auto const got = told(by, patterns, text);
            matches += expected.size();
            candidates += got.size();
            for (auto const& one : expected)
                if (!got.contains(one)) {
                    CAPTURE(round, patterns[one.first].regex, patterns[one.first].ignore_case, std::string{lines_of(text)[one.second]}, text);
                    FAIL("a line is missed");
                }
        }
    }
    // Else nothing was tried.
    CHECK(matches > 1'000);
    CHECK(alone * 2 < all);
    CHECK(candidates < 10 * matches);
}

template <class Make>
void keeps_its_promises(Make const& make) {
    SECTION("each line on which a pattern matches is told of, and which pattern") {
        std::vector<line_pattern> const patterns{{"^root:"}, {"permitrootlogin\\s+(yes|no)", true}, {"PERMIT"}, {"(\\d+)$"}};
        engine const by = make(patterns).value();
        CHECK(by.alone().empty());
        std::string_view const text = "root:x:0\n\n  PermitRootLogin yes\nPERMIT\nlast 7";
        CHECK(told(by, patterns, text) == pairs{{0, 0}, {3, 0}, {1, 2}, {2, 3}, {3, 4}});
        CHECK(truth(patterns, text) == told(by, patterns, text));
        CHECK(told(by, patterns, "").empty());
        CHECK(told(by, patterns, "\n").empty());
        CHECK(told(by, patterns, "root:") == pairs{{0, 0}});
    }
    SECTION("no line hides another") {
        std::vector<line_pattern> const patterns{{"a[^x]*b"}, {"a(?![^x]*q)"}, {"k\\s+l"}, {"(?>a[^x]*)b"}, {"[^\\s]\\W+z"}, {"[\\D]z"}};
        engine const by = make(patterns).value();
        std::string_view const text = "a\na b\nb q\naq\na1b\nk\n  l\nk l\nn\nz\n?z\n?-z\n";
        auto const got = told(by, patterns, text);
        for (auto const& one : truth(patterns, text)) CHECK(got.contains(one));
    }
    SECTION("what may match nothing, or is not read alike everywhere, is left alone") {
        std::vector<line_pattern> const patterns{{"x*"}, {"good"}, {"^$"}, {"(?s)a.b"}, {"\\Aab"}, {"\\Qa\\E"}, {"a\\Kb"}, {"(*CRLF)a"}, {"(?-m)^a"},
            {"(?x) a b"}, {"\\bx?\\b"}, {""}, {"ab\\z"}, {"(?R)?a"}, {"(?:a{1,1000}){1,30}b"}, {"also"}, {std::string("a\0b", 3)}};
        engine const by = make(patterns).value();
        CHECK(std::vector(by.alone().begin(), by.alone().end()) == std::vector<std::uint32_t>{0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16});
        std::string_view const text = "good\nalso\nab\n";
        auto const got = told(by, patterns, text);
        CHECK(got.contains({1, 0}));
        CHECK(!got.contains({1, 1}));
        for (auto const& one : truth(patterns, text)) CHECK(got.contains(one));
    }
    SECTION("a regex that is wrong is said") {
        std::vector<line_pattern> const patterns{{"good"}, {"b(ad"}};
        auto const made = make(patterns);
        REQUIRE(!made);
        CHECK(made.error().is(muster::cause::invalid_input));
        CHECK(made.error().text() == "the regex of pattern 1 is wrong at offset 4: missing closing parenthesis");
    }
    SECTION("no patterns are no candidates") {
        engine const by = make(std::vector<line_pattern>{}).value();
        CHECK(told(by, {}, "a\nb\n").empty());
    }
    SECTION("what is hostile costs little") {
        std::vector<line_pattern> const patterns{{"(a+)+$"}, {"^(([a-z])+.)+[A-Z]([a-z])+$"}, {"(?:a?){40}a{40}"}, {"(x+x+)+y"}};
        engine const by = make(patterns).value();
        auto const text = std::string(2'000, 'a') + "b\n" + std::string(100'000, 'x') + "\naaa\n";
        auto const got = told(by, patterns, text);
        CHECK(got.contains({0, 2}));
        CHECK(got.contains({2, 0}));
    }
    SECTION("threads share it, and a copy is the same") {
        std::vector<line_pattern> const patterns{{"^a"}, {"b$"}};
        engine const by = make(patterns).value();
        std::vector<std::jthread> threads;
        std::vector<int> good(4);
        for (std::size_t t = 0; t < good.size(); ++t)
            threads.emplace_back([&good, t, copy = by] {
                for (int i = 0; i < 100; ++i) {
                    std::vector<candidate> found;
                    good[t] += copy.scan("ab\nxx\nb\n", found) && found.size() == 3;
                }
            });
        threads.clear();
        CHECK(good == std::vector<int>(4, 100));
    }
}

}  // namespace engine_promises
