#include <muster/adapt/hyperscan.hpp>

#include "catch.hpp"

#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>    // a text of 4 GiB of which nothing is read

using namespace muster;
using namespace std::string_literals;

namespace {

using matches = std::set<std::pair<std::uint32_t, std::uint64_t>>;

hyperscan_set compiled(std::vector<hyperscan_pattern> const& patterns, hyperscan_options options = {}) {
    return hyperscan_set::compile(patterns, options).value();
}

matches scanned(hyperscan_set const& set, std::string_view text) {
    auto const scratch = set.make_scratch().value();
    matches out;
    set.scan(text, scratch, [&](std::uint32_t index, std::uint64_t end) { out.emplace(index, end); }).value();
    return out;
}

std::vector<std::uint32_t> refused_by(hyperscan_set const& set) {
    std::vector<std::uint32_t> out;
    for (auto const& one : set.refused()) out.push_back(one.pattern);
    return out;
}

std::string fault(outcome<hyperscan_set> const& made) {
    if (made) return "it is taken";
    CHECK(made.error().is(cause::invalid_input));
    return made.error().text();
}

// A frame whose checksum is right, so that what is behind it is looked at.
std::string with_checksum(std::string bytes) {
    std::uint64_t sum = 0xcbf29ce484222325u;
    for (char const byte : bytes.substr(8)) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(sum >> 8 * i);
    return bytes;
}

}  // namespace

static_assert(std::is_nothrow_move_constructible_v<hyperscan_set> && !std::is_copy_constructible_v<hyperscan_set>);

TEST_CASE("hyperscan: tells of every pattern where it ends", "[adapt][hyperscan]") {
    REQUIRE(hyperscan_set::is_supported());
    CHECK(!hyperscan_set::version().empty());
    auto const set = compiled({{"abc"}, {"^b.*c$"}, {"PERMIT", true}, {"permit"}});
    CHECK(set.size() == 4);
    CHECK(set.refused().empty());
    CHECK(set.bytes() > 0);
    CHECK(scanned(set, "xabc\nb c\nPermit") == matches{{0, 4}, {1, 8}, {2, 15}});
    CHECK(scanned(set, "") == matches{});
    CHECK(scanned(set, std::string_view{}) == matches{});
    CHECK(scanned(set, "b\nc") == matches{});    // a dot takes no LF
}

TEST_CASE("hyperscan: bytes of 0 and above 127 are like others", "[adapt][hyperscan]") {
    auto const set = compiled({{"a\\x00b"}, {"\xff+$"}, {"^.$"}});
    CHECK(scanned(set, "xa\0b\n\xff\n"s) == matches{{0, 4}, {1, 6}, {2, 6}});
}

TEST_CASE("hyperscan: what it does not understand in full is a prefilter, which loses nothing", "[adapt][hyperscan]") {
    auto const set = compiled({{"plain"}, {"a(?!b)c"}, {"(x|y)\\1z"}, {"(?<=q)r"}});
    CHECK(set.is_exact(0));
    CHECK(!set.is_exact(1));
    CHECK(!set.is_exact(2));
    CHECK(!set.is_exact(3));
    CHECK(set.refused().empty());
    auto const found = scanned(set, "ac xxz qr plain");
    CHECK(found.contains({1, 2}));
    CHECK(found.contains({2, 6}));
    CHECK(found.contains({3, 9}));
    CHECK(found.contains({0, 15}));
}

TEST_CASE("hyperscan: what it takes in no way is listed, and the others are looked for all the same", "[adapt][hyperscan]") {
    auto const set = compiled({{"a(b"}, {"x*"}, {"good"}, {""}, {"a\0b"s}, {"(*UTF8)a"}, {"a\\Kb"}, {"[b-a]"}});
    CHECK(refused_by(set) == std::vector<std::uint32_t>{0, 1, 3, 4, 5, 6, 7});
    CHECK(set.refused()[0].why == "Missing close parenthesis for group started at index 1.");
    CHECK(set.refused()[1].why.starts_with("Pattern matches empty buffer"));
    CHECK(set.refused()[3].why.starts_with("a byte of 0"));
    CHECK(set.refused()[4].why.starts_with("a verb at the begin"));
    CHECK(!set.is_exact(0));
    CHECK(scanned(set, "a good a") == matches{{2, 6}});
}

TEST_CASE("hyperscan: a set of no pattern finds nothing", "[adapt][hyperscan]") {
    auto const set = compiled({});
    CHECK(set.bytes() == 0);
    CHECK(scanned(set, "abc") == matches{});
    auto const lone = compiled({{"("}});
    CHECK(scanned(lone, "(") == matches{});
    CHECK(scanned(hyperscan_set::deserialize(lone.serialize().value()).value(), "(") == matches{});
    CHECK(lone.make_scratch().value().copy());
}

TEST_CASE("hyperscan: repetitions beyond its means are refused soon", "[adapt][hyperscan]") {
    auto const set = compiled({{"(a{1000}){1000}"}, {"a{30000}"}, {std::string(1'000, '(') + 'a' + std::string(1'000, ')')},
        {std::string(100'000, 'a')}, {"a{99999999999}"}, {"good"}, {"(a+)+$"}});
    CHECK(refused_by(set) == std::vector<std::uint32_t>{0, 1, 3, 4});
    CHECK(scanned(set, "aab good") == matches{{2, 1}, {2, 2}, {5, 8}});
}

TEST_CASE("hyperscan: a thousand patterns, the wrong among them, are one pass", "[adapt][hyperscan]") {
    std::vector<hyperscan_pattern> patterns;
    for (int i = 0; i < 1'000; ++i) patterns.push_back({i % 100 == 7 ? "(" : "^key" + std::to_string(i) + "=\\w$"});
    auto const set = compiled(patterns);
    CHECK(set.refused().size() == 10);
    CHECK(scanned(set, "key1=a\nkey7=b\nkey999=c\n") == matches{{1, 6}, {999, 22}});
}

TEST_CASE("hyperscan: where matches begin can be kept, for versions that need it", "[adapt][hyperscan]") {
    auto const set = compiled({{"^([a-z_][a-z0-9_-]*):[^:]*:(\\d+)$"}, {"a(?!b)"}, {"good"}}, {.leftmost = true});
    CHECK(set.options().leftmost);
    CHECK(refused_by(set) == std::vector<std::uint32_t>{1});
    CHECK(scanned(set, "root:x:0\ngood") == matches{{0, 8}, {2, 13}});
}

TEST_CASE("hyperscan: who hears of matches may end the scan", "[adapt][hyperscan]") {
    auto const set = compiled({{"a"}});
    auto const scratch = set.make_scratch().value();
    int heard = 0;
    CHECK(set.scan("aaaa", scratch, [&](std::uint32_t, std::uint64_t) { return ++heard < 2; }));
    CHECK(heard == 2);
    CHECK(set.scan("aaaa", scratch, [&](std::uint32_t, std::uint64_t) noexcept { ++heard; }));
    CHECK(heard == 6);
}

TEST_CASE("hyperscan: what is thrown while a match is told ends the scan, and the scratch is good again", "[adapt][hyperscan]") {
    auto const set = compiled({{"a"}});
    auto const scratch = set.make_scratch().value();
    int heard = 0;
    auto const got = set.scan("aaaa", scratch, [&](std::uint32_t, std::uint64_t) {
        if (++heard == 2) throw std::runtime_error{"full"};
    });
    REQUIRE(!got);
    CHECK(got.error().is(cause::threw));
    CHECK(got.error().text() == "full");
    CHECK(heard == 2);
    CHECK(set.scan("a", scratch, [&](std::uint32_t, std::uint64_t) { ++heard; }));
    CHECK(heard == 3);
}

TEST_CASE("hyperscan: a scratch is of one set, and of one scan at a time", "[adapt][hyperscan]") {
    auto const small = compiled({{"a"}});
    std::vector<hyperscan_pattern> many;
    for (int i = 0; i < 300; ++i) many.push_back({"k" + std::to_string(i) + ".*[xy]{3,40}z\\d+$"});
    auto const large = compiled(many);
    auto const scratch = small.make_scratch().value();
    auto const ignore = [](std::uint32_t, std::uint64_t) {};
    auto const foreign = large.scan("k1 xxxz1", scratch, ignore);
    REQUIRE(!foreign);
    CHECK(foreign.error().text() == "a scan: the scratch is of another set");
    CHECK(!small.scan("a", compiled({}).make_scratch().value(), ignore));

    outcome<void> inner;
    CHECK(small.scan("a", scratch, [&](std::uint32_t, std::uint64_t) { inner = small.scan("a", scratch, ignore); }));
    REQUIRE(!inner);
    CHECK(inner.error().is(cause::would_deadlock));

    auto const other = scratch.copy().value();
    CHECK(small.scan("a", scratch, [&](std::uint32_t, std::uint64_t) { inner = small.scan("a", other, ignore); }));
    CHECK(inner);
}

TEST_CASE("hyperscan: threads share a set", "[adapt][hyperscan]") {
    auto const set = compiled({{"\\d+$"}, {"^x"}});
    std::vector<std::jthread> threads;
    std::vector<int> good(4);
    for (std::size_t t = 0; t < good.size(); ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) good[t] += scanned(set, "x 12\ny 3") == matches{{1, 1}, {0, 4}, {0, 8}};
        });
    threads.clear();
    CHECK(good == std::vector<int>(4, 200));
}

TEST_CASE("hyperscan: a text of 4 GiB is refused before it is read", "[adapt][hyperscan]") {
    auto const size = std::size_t{1} << 32;
    void* const room = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(room != MAP_FAILED);
    auto const set = compiled({{"a"}});
    auto const got = set.scan({static_cast<char const*>(room), size}, set.make_scratch().value(), [](std::uint32_t, std::uint64_t) {});
    ::munmap(room, size);
    REQUIRE(!got);
    CHECK(got.error().is(cause::invalid_input));
    CHECK(got.error().text().starts_with("a text of 4294967296 bytes: "));
}

TEST_CASE("hyperscan: a set comes back from its bytes", "[adapt][hyperscan]") {
    auto const set = compiled({{"abc"}, {"("}, {"a(?!b)c"}, {"^x+$", true}});
    auto const bytes = set.serialize().value();
    auto const again = hyperscan_set::deserialize(bytes).value();
    CHECK(again.size() == 4);
    CHECK(again.bytes() == set.bytes());
    CHECK(again.is_exact(0));
    CHECK(!again.is_exact(2));
    CHECK(std::vector(again.refused().begin(), again.refused().end()) == std::vector(set.refused().begin(), set.refused().end()));
    CHECK(again.options() == set.options());
    auto const text = "abc\nXX\nac";
    CHECK(scanned(again, text) == scanned(set, text));
    CHECK(scanned(again, text).size() == 3);
}

TEST_CASE("hyperscan: bytes that are damaged are refused, wherever they are", "[adapt][hyperscan]") {
    auto const bytes = compiled({{"abc"}, {"("}, {"a(?!b)c"}}).serialize().value();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
        REQUIRE(fault(hyperscan_set::deserialize(damaged)).ends_with("they are damaged, or something else"));
        REQUIRE(!hyperscan_set::deserialize(std::string_view{bytes}.substr(0, i)));
    }
    CHECK(!hyperscan_set::deserialize(bytes + '\0'));
    CHECK(!hyperscan_set::deserialize(""));
}

TEST_CASE("hyperscan: bytes that are wrong under a right checksum are refused too", "[adapt][hyperscan]") {
    auto const bytes = compiled({{"abc"}, {"("}}).serialize().value();
    CHECK(hyperscan_set::deserialize(with_checksum(bytes)));
    CHECK(!hyperscan_set::deserialize(with_checksum(std::string(8, '\0'))));
    for (std::size_t size = 8; size < bytes.size(); ++size) REQUIRE(!hyperscan_set::deserialize(with_checksum(bytes.substr(0, size))));

    auto other = bytes;
    other[other.find("5.")] = '4';
    CHECK(fault(hyperscan_set::deserialize(with_checksum(other))).starts_with("a set as bytes: it is of 4."));

    // Any byte of the front, which is muster's own: the rest is under a checksum of Hyperscan's.
    auto const front = bytes.find("abc") == std::string::npos ? std::min<std::size_t>(bytes.size(), 200) : bytes.find("abc");
    for (std::size_t i = 8; i < front; ++i) {
        auto wrong = bytes;
        wrong[i] = static_cast<char>(wrong[i] ^ 0x41);
        if (auto const made = hyperscan_set::deserialize(with_checksum(wrong))) CHECK(scanned(*made, "abc").size() <= 1);
    }
}
