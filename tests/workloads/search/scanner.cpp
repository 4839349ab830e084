#include <muster/workloads/search/scanner.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <muster/core/bytes.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/search/look_at.hpp>

#include "../../temporary_folder.hpp"
#include "live_bytes.hpp"
#include "models.hpp"

using namespace models;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

// Rules of every kind; the regexes match short words, so that random text has them.
rule_set mixed_rules() {
    return checked({
        {.name = "word", .regex = "ab+(?<tail>[c-e]*)"},
        {.name = "empty", .regex = "^$"},
        {.name = "ends", .regex = "^(?<first>[!-~]).*(?<last>[!-~])$", .fields = {"last", "first"}},
        {.name = "only", .regex = "[0-9]+(?=x)", .only_matching = true},
        {.name = "record", .regex = "^k(?<key>[0-9])|v(?<value>[0-9])", .records = true, .record_delimiter = "^--"},
        {.name = "case", .regex = "Q", .ignore_case = false},
        {.name = "return", .regex = "\\r"},
        {.name = "zero", .regex = "\\x00"},
    });
}

std::string random_text(std::mt19937_64& random, std::size_t lines, std::vector<std::string> const& ends, bool last_has_end) {
    static std::vector<std::string> const words{"abb", "cde", "12x", "k1",  "v2", "--",  "Q",     "q", " ", " ",
                                                "ab",  "\t",  "k2",  "9",   "x",  "\rz", "end\r", "\xc3\xa9"};
    std::string out;
    for (std::size_t i = 0; i < lines; ++i) {
        for (auto count = random() % 6; count != 0; --count) out += words[random() % words.size()];
        if (i + 1 < lines || last_has_end) out += ends[random() % ends.size()];
    }
    return out;
}

void compare(whole_file const& found, whole_file const& expected) {
    REQUIRE(found.lines == expected.lines);
    REQUIRE(found.bytes == expected.bytes);
    REQUIRE(found.long_lines == expected.long_lines);
    REQUIRE(found.hits.size() == expected.hits.size());
    auto const [at, other] = std::mismatch(found.hits.begin(), found.hits.end(), expected.hits.begin());
    if (at != found.hits.end())
        FAIL("line " << at->line << " for " << other->line << ", pattern " << at->pattern << " for " << other->pattern << ": " << at->text.substr(0, 80));
}

}  // namespace

TEST_CASE("scanner: pieces of any size give each line once, with its number", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = mixed_rules();
    scanner const plain = scanner_of(rules), loose{rules, make_loose(rules.patterns()).value()};
    std::mt19937_64 random{1};
    std::vector<std::vector<std::string>> const kinds{{"\n"}, {"\r\n"}, {"\n", "\r\n"}, {"\n", "\r\r\n", "\n\n", "\r\n\r\n"}};
    for (auto const& ends : kinds)
        for (bool const last_has_end : {false, true})
            for (std::size_t const count : {1u, 2u, 40u}) {
                auto const text = random_text(random, count, ends, last_has_end);
                auto const file = folder.put("file", text);
                auto const expected = naive(rules, text);
                for (std::uint64_t const size : {1u, 2u, 3u, 5u, 16u, 61u, 1'000'000u}) {
                    INFO("pieces of " << size << " of " << text.size() << " bytes");
                    compare(in_pieces(plain, file, text.size(), size), expected);
                    compare(in_pieces(loose, file, text.size(), size), expected);
                }
            }
}

TEST_CASE("scanner: pieces of a large file give each line once, also where lines are longer than blocks", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = mixed_rules();
    auto const plain = scanner_of(rules);
    std::mt19937_64 random{2};
    std::string text;
    for (std::size_t const length : {0u, 70'000u, 262'143u, 262'144u, 262'145u, 10u, 300'000u, 900'000u, 0u, 1'048'576u, 262'144u}) {
        text += random_text(random, 300, {"\n", "\r\n"}, true);
        text += std::string(length, 'x') + "abbc\n";
        text += std::string(length / 2, '-') + "k3v4" + std::string(length / 3, 'y') + "\r\n";
    }
    auto const file = folder.put("file", text);
    auto const expected = naive(rules, text);
    REQUIRE(expected.long_lines == 1);
    for (std::uint64_t const size : {65'536u, 100'003u, 262'144u, 1'048'576u, 2'097'152u, 100'000'000u}) {
        INFO("pieces of " << size);
        compare(in_pieces(plain, file, text.size(), size), expected);
    }
}

TEST_CASE("scanner: a line of 1 MiB is whole, a longer one comes in the same parts whatever the piece", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "all", .regex = "^.*$"}, {.name = "none", .regex = "^$"}});
    auto const plain = scanner_of(rules, {.most_found = 64 * MiB});
    for (std::size_t const parts : {1u, 2u, 3u})
        for (int const more : {-64, -1, 0, 1, 2, 3, 64, 128})
            for (auto const& end : {"\n"s, "\r\n"s, ""s, "\r\n\r\n"s}) {
                if (parts > 1 && (more < -1 || more > 2)) continue;
                auto const text = "first\n" + std::string(parts * MiB + static_cast<std::size_t>(more), 'x') + end;
                auto const file = folder.put("file", text);
                auto const expected = naive(rules, text);
                CHECK(expected.long_lines == (parts > 1 || more > 0));
                INFO(parts << " MiB and " << more);
                compare(in_pieces(plain, file, text.size(), 4 * text.size()), expected);
                compare(in_pieces(plain, file, text.size(), 1'000'000), expected);
                if (more == 1) compare(in_pieces(plain, file, text.size(), 65'536), expected);
            }
}

TEST_CASE("scanner: a part of a long line ends with a whole character", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "all", .regex = "^.*$"}});
    auto const plain = scanner_of(rules, {.most_found = 64 * MiB});
    for (auto const& character : {"\xc3\xa9"s, "\xe2\x82\xac"s, "\xf0\x9f\x98\x80"s})
        for (std::size_t shift = 0; shift < 4; ++shift) {
            std::string text(shift, 'x');
            while (text.size() < MiB + 10) text += character;
            auto const expected = naive(rules, text);
            compare(in_pieces(plain, folder.put("file", text), text.size(), 4 * MiB), expected);
            auto wide = "\xff\xfe" + to_utf16(text, false);
            auto const found = in_pieces(plain, folder.put("wide", wide), wide.size(), 4 * wide.size());
            REQUIRE((found.hits == expected.hits));
        }
}

TEST_CASE("scanner: what is left when much was found is given by the next calls", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = mixed_rules();
    std::mt19937_64 random{3};
    auto const text = random_text(random, 200, {"\n", "\r\n"}, false);
    auto const file = folder.put("file", text);
    auto const expected = naive(rules, text);
    for (std::size_t const most : {0u, 1u, 500u, 10'000u}) {
        auto const plain = scanner_of(rules, {.most_found = most});
        scanner const loose{rules, make_loose(rules.patterns()).value(), {.most_found = most}};
        for (std::uint64_t const size : {100u, 1'000'000u}) {
            compare(in_pieces(plain, file, text.size(), size), expected);
            compare(in_pieces(loose, file, text.size(), size), expected);
        }
    }
    auto const first = scanner_of(rules, {.most_found = 0})(piece{.file = file, .path = "file"}).value();
    CHECK(first.hits.size() == 1);
    CHECK(first.rest);
}

TEST_CASE("scanner: a piece may ask for fewer hits at a time, and what is left then asks no more", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "x"}});
    auto const file = folder.put("file", "x\nx\nx\n");
    auto const first = scanner_of(rules)(piece{.file = file, .path = "file", .most_found = 0}).value();
    CHECK(first.hits.size() == 1);
    REQUIRE(first.rest);
    auto const rest = scanner_of(rules)(*first.rest).value();
    CHECK(rest.hits.size() == 2);
    CHECK(!rest.rest);
    CHECK(scanner_of(rules, {.most_found = 0})(piece{.file = file, .path = "file", .most_found = 1'000}).value().hits.size() == 1);
}

TEST_CASE("scanner: what is left of long lines is given by the next calls, in parts of bounded memory", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "a", .regex = "x"}, {.name = "b", .regex = "x"}, {.name = "c", .regex = "y$"}, {.name = "d", .regex = "x+"}});
    std::string text = "x\nx\n";
    for (std::size_t const length : {5u, 300'000u, 2'097'152u, 1'048'577u}) text += std::string(length, 'x') + "y\r\n";
    text += std::string(2'000'000, 'x');
    auto const expected = naive(rules, text);
    for (auto const& bytes : {text, "\xef\xbb\xbf" + text, "\xff\xfe" + to_utf16(text, false)}) {
        auto const file = folder.put("file", bytes);
        for (std::size_t const most : {0u, 1'500'000u}) {
            auto const plain = scanner_of(rules, {.most_found = most});
            INFO(bytes.size() << " bytes, " << most);
            auto const found = in_pieces(plain, file, bytes.size(), 100'000'000);
            compare(found, expected);
            compare(in_pieces(plain, file, bytes.size(), 1'000'000), expected);
        }
    }
    // One row more than was allowed.
    auto const file = folder.put("file", text);
    auto const plain = scanner_of(rules, {.most_found = 1'500'000});
    std::optional<piece> next = piece{.file = file, .path = "file"};
    for (int calls = 0; next; ++calls) {
        REQUIRE(calls < 1'000);
        auto const found = plain(*next).value();
        std::size_t held = 0;
        for (auto const& each : found.hits) held += each.text.size();
        CHECK(held < 1'500'000 + MiB + 1);
        next = found.rest;
    }
}

TEST_CASE("scanner: UTF-16 is read as UTF-8, and what is no character as U+FFFD", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = mixed_rules();
    auto const every = checked({{.name = "all", .regex = "^.*$"}});
    std::mt19937_64 random{4};
    for (bool const big : {false, true})
        for (int round = 0; round < 6; ++round) {
            auto text = random_text(random, 30, {"\n", "\r\n"}, round % 2 == 0);
            auto bytes = (big ? "\xfe\xff"s : "\xff\xfe"s) + to_utf16(text + "\xf0\x9f\x98\x80 \xe2\x82\xac\n", big);
            if (round >= 2)    // lone surrogates, in any order, and half a unit
                for (int i = 0; i < 20; ++i) {
                    auto const at = 2 + random() % (bytes.size() / 2 - 1) * 2;
                    bytes.insert(at, to_utf16(i % 2 ? "\xed\xa0\xbd" : "\xed\xb8\x80", big));
                }
            if (round >= 4) bytes += big ? "\xd8"s : "\x0a"s;
            if (round == 5) bytes.insert(2, big ? "\xdc\x00"s : "\x00\xdc"s);
            auto const file = folder.put("file", bytes);
            for (auto const& use : {rules, every}) {
                auto const expected = naive(use, bytes);
                for (std::uint64_t const size : {1u, 2u, 3u, 7u, 64u, 1'000u, 1'000'000u}) {
                    INFO("round " << round << ", pieces of " << size);
                    compare(in_pieces(scanner_of(use), file, bytes.size(), size), expected);
                    compare(in_pieces(scanner_of(use, {.most_found = 300}), file, bytes.size(), size), expected);
                }
            }
        }
    for (auto const& mark : {"\xff\xfe"s, "\xfe\xff"s, "\xef\xbb\xbf"s, ""s}) {
        auto const found = in_pieces(scanner_of(every), folder.put("file", mark), mark.size(), 1'000'000);
        CHECK((found == whole_file{}));
    }
    auto const half = in_pieces(scanner_of(every), folder.put("file", "\xff\xfe" "a"), 3, 1'000'000);
    REQUIRE(half.hits.size() == 1);
    CHECK(half.hits[0].text == "\xef\xbf\xbd");
    CHECK(half.lines == 1);
}

TEST_CASE("scanner: UTF-16 of more than one block gives each line once", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = mixed_rules();
    std::mt19937_64 random{5};
    std::string text;
    for (int i = 0; i < 7; ++i) {
        text += random_text(random, 3'000, {"\n", "\r\n"}, true) + "\xf0\x9f\x98\x80\n";
        text += std::string(static_cast<std::size_t>(i) * 100'000, 'x') + "abb\n";
    }
    for (bool const big : {false, true}) {
        auto const bytes = (big ? "\xfe\xff"s : "\xff\xfe"s) + to_utf16(text, big);
        auto const file = folder.put("file", bytes);
        auto const expected = naive(rules, bytes);
        compare(in_pieces(scanner_of(rules), file, bytes.size(), 1'000'000'000), expected);
        compare(in_pieces(scanner_of(rules), file, bytes.size(), 1'000'001), expected);
        compare(in_pieces(scanner_of(rules, {.most_found = 100'000}), file, bytes.size(), 1'000'000'000), expected);
    }
}

TEST_CASE("scanner: the byte order mark of UTF-8 is no part of the first line, whatever the piece", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "all", .regex = "^.*$"}});
    auto const text = "\xef\xbb\xbf" "first\nsecond\n"s;
    auto const file = folder.put("file", text);
    for (std::uint64_t const size : {1u, 2u, 3u, 4u, 5u, 9u, 100u}) {
        INFO(size);
        compare(in_pieces(scanner_of(rules), file, text.size(), size), naive(rules, text));
        compare(in_pieces(scanner_of(rules, {.most_found = 0}), file, text.size(), size), naive(rules, text));
    }
}

TEST_CASE("scanner: a line that is no UTF-8 is read as Latin-1, its fields too", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "r", .regex = "^(?<a>\\S+) (?<b>\\S+)$"}, {.name = "m", .regex = "\\S+$", .only_matching = true}});
    auto const found = in_pieces(scanner_of(rules), folder.put("file", "gr\xc3\xbc\xc3\x9f \xc3\xa9\n" "gr\xfc\xdf \xc3\xa9\r\nx \xff"), 30, 100);
    REQUIRE(found.hits.size() == 6);
    CHECK(found.hits[0].fields == std::vector<std::string>{"gr\xc3\xbc\xc3\x9f", "\xc3\xa9"});
    CHECK(found.hits[2].text == "gr\xc3\xbc\xc3\x9f \xc3\x83\xc2\xa9");    // C3 A9 are two characters on this line
    CHECK(found.hits[2].fields == std::vector<std::string>{"gr\xc3\xbc\xc3\x9f", "\xc3\x83\xc2\xa9"});
    CHECK(found.hits[3].text == "\xc3\x83\xc2\xa9");
    CHECK(found.hits[5].text == "\xc3\xbf");
}

TEST_CASE("scanner: a zero byte near the top makes a file binary, one further on is text", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "zero", .regex = "a\\x00b"}});
    auto const plain = scanner_of(rules);
    auto const near = plain(piece{.file = folder.put("near", "a\0b\n"s), .path = "near"}).value();
    CHECK(near.look.encoding == text_encoding::binary);
    CHECK(near.hits.empty());
    CHECK(near.lines == 0);
    auto text = std::string(10'000, 'x') + "\na\0b\n"s;
    auto const far = plain(piece{.file = folder.put("far", text), .path = "far"}).value();
    REQUIRE(far.hits.size() == 1);
    CHECK(far.hits[0].line == 2);
    CHECK(far.hits[0].text == "a\0b"s);
    text = std::string(8'191, 'x') + '\0';
    CHECK(plain(piece{.file = folder.put("last", text), .path = "last"}).value().look.encoding == text_encoding::binary);
    text.insert(0, "y");
    CHECK(plain(piece{.file = folder.put("next", text), .path = "next"}).value().look.encoding == text_encoding::bytes);
    // A piece in the middle knows it, too.
    CHECK(plain(piece{.file = folder.put("near", "a\0b\nc\n"s), .path = "near", .offset = 3}).value().look.encoding == text_encoding::binary);
}

TEST_CASE("scanner: no bytes make no lines, and behind the end of a file there are none", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "all", .regex = "^.*$"}});
    auto const plain = scanner_of(rules);
    CHECK(plain(piece{.file = folder.put("empty", ""), .path = "empty"}).value().lines == 0);
    auto const file = folder.put("file", "a\nb");
    CHECK(plain(piece{.file = file, .path = "file", .offset = 100}).value().lines == 0);
    CHECK(plain(piece{.file = file, .path = "file", .size = 0}).value().lines == 0);
    CHECK(plain(piece{.file = file, .path = "file", .offset = 2}).value().lines == 1);
    CHECK(plain(piece{.file = file, .path = "file", .offset = std::uint64_t{1} << 40u}).value().lines == 0);
    CHECK(plain(piece{.file = file, .path = "file", .skip_lines = 100}).value().lines == 0);
}

TEST_CASE("scanner: a set without rules finds nothing, and counts the lines", "[search][scanner]") {
    temporary_folder const folder;
    auto const found = scanner_of(rule_set{})(piece{.file = folder.put("file", "a\nb\n"), .path = "file"}).value();
    CHECK(found.hits.empty());
    CHECK(found.lines == 2);
}

TEST_CASE("scanner: rules are tried on the systems that they are for", "[search][scanner]") {
    temporary_folder const folder;
    auto const on = [](system_attribute what, comparison by, std::string value) {
        return std::vector<system_condition>{{what, by, {std::move(value)}}};
    };
    auto const rules = checked({
        {.name = "linux", .regex = "^x$", .systems = on(system_attribute::family, comparison::equal, "linux")},
        {.name = "windows", .regex = "^x$", .systems = on(system_attribute::family, comparison::equal, "windows")},
        {.name = "any", .regex = "^x$"},
        {.name = "named", .regex = "^x$", .systems = on(system_attribute::name, comparison::equal, "web-01")},
        {.name = "others", .regex = "^x$", .systems = on(system_attribute::name, comparison::not_equal, "web-01")},
    });
    auto const found_on = [&](piece const& what) {
        std::vector<std::string> out;
        auto const found = scanner_of(rules)(what).value();
        for (auto const& each : found.hits) out.push_back(rules[rules.pattern(each.pattern).rule].name);
        return out;
    };
    using names = std::vector<std::string>;
    auto const file = folder.put("a", "KPNIXVERSION: 0.6.21\nx\n");
    CHECK(found_on({.file = file, .path = "in/db-01.txt"}) == names{"linux", "any", "others"});
    CHECK(found_on({.file = file, .path = "in/web-01.txt"}) == names{"linux", "any", "named"});
    CHECK(found_on({.file = file, .path = "web-01"}) == names{"linux", "any", "named"});
    CHECK(found_on({.file = folder.put("b", "x\n"), .path = "b"}) == names{"any", "others"});
    CHECK(found_on({.file = folder.put("c", "Microsoft Windows [Version 10.0.17763.1]\r\nHost Name: WEB-01\r\nx\r\n"), .path = "c"}) ==
          names{"windows", "any", "named"});
    // The top tells it, in whichever piece the line is.
    auto const size = std::uint64_t{21};
    CHECK(found_on({.file = file, .path = "web-01", .offset = size}) == names{"linux", "any", "named"});
    auto const late = folder.put("d", "x\nx\nKPNIXVERSION: 0.6.21\n");
    CHECK(found_on({.file = late, .path = "d", .size = 1}) == names{"linux", "any", "others"});
    auto const known = look_at(late).value();
    CHECK(found_on({.file = late, .path = "d", .offset = 1, .size = 2, .look = known}) == names{"linux", "any", "others"});
}

TEST_CASE("scanner: a rule with a limit is not searched on in a piece, but where more is asked of it", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "two", .regex = "a", .max_results = 2},
                                {.name = "full", .regex = "a", .max_results = 2, .full_scan = true},
                                {.name = "unique", .regex = "a", .unique = true, .max_results = 2}});
    std::string text;
    for (int i = 0; i < 10; ++i) text += "a\n";
    std::vector<int> counts(3);
    auto const found = scanner_of(rules)(piece{.file = folder.put("file", text), .path = "file"}).value();
    for (auto const& each : found.hits) ++counts[each.pattern];
    CHECK(counts == std::vector<int>{2, 10, 10});
}

TEST_CASE("scanner: fields come as they are asked for; of one name the group that took part counts", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "two", .regex = "(?J)(?:u=(?<id>\\d*)|n=(?<id>[a-z]*))(?<more>;)?"},
                                {.name = "order", .regex = "(?<a>.)(?<b>.)(?<c>.)", .fields = {"c", "a"}},
                                {.name = "kept", .regex = "x\\Ky", .only_matching = true}});
    auto const found = scanner_of(rules)(piece{.file = folder.put("file", "u=7;\nn=bob\nu=\nxy\n"), .path = "file"}).value();
    using texts = std::vector<std::string>;
    REQUIRE(found.hits.size() == 6);
    CHECK(found.hits[0].fields == texts{"7", ";"});
    CHECK(found.hits[0].present == 3);
    CHECK(found.hits[1].fields == texts{"7", "u"});
    CHECK(found.hits[2].fields == texts{"bob", ""});
    CHECK(found.hits[2].present == 1);
    CHECK(found.hits[4].fields == texts{"", ""});
    CHECK(found.hits[4].present == 1);    // it took part, and held nothing
    CHECK(found.hits[5].text == "y");
}

TEST_CASE("scanner: a delimiter comes before a match on the same line", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "first", .regex = "="}, {.name = "r", .regex = "(?<v>=)", .records = true, .record_delimiter = "="}});
    for (auto make : {make_every_line, make_loose}) {
        auto const found = scanner{rules, make(rules.patterns()).value()}(piece{.file = folder.put("file", "=\n"), .path = "file"}).value();
        REQUIRE(found.hits.size() == 3);
        CHECK(rules.pattern(found.hits[0].pattern).rule == 0);
        CHECK(rules.pattern(found.hits[1].pattern).is_delimiter);
        CHECK(found.hits[1].text.empty());
        CHECK(!rules.pattern(found.hits[2].pattern).is_delimiter);
        CHECK(found.hits[2].text.empty());    // of records the fields alone
    }
}

TEST_CASE("scanner: a regex that gives up is a trouble of its rule and line, and all else is found", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "before", .regex = "a"}, {.name = "bad", .regex = "^(a+)+$"}, {.name = "after", .regex = "a"}});
    auto const line = std::string(40, 'a') + "!\n";
    auto const file = folder.put("file", "aa\n" + line + "b\n" + line + "a\n");
    for (auto make : {make_every_line, make_loose}) {
        auto const found = scanner{rules, make(rules.patterns()).value(), {.limits = {.steps = 10'000}}}(piece{.file = file, .path = "file"}).value();
        REQUIRE(found.troubles.size() == 1);
        CHECK(found.troubles[0].pattern == 1);
        CHECK(found.troubles[0].line == 2);
        CHECK(found.troubles[0].times == 2);
        CHECK(!found.troubles[0].dropped);
        CHECK(found.troubles[0].text.find("steps") != std::string::npos);
        std::vector<std::pair<std::uint64_t, std::uint32_t>> where;
        for (auto const& each : found.hits) where.emplace_back(each.line, each.pattern);
        CHECK(where == std::vector<std::pair<std::uint64_t, std::uint32_t>>{{1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 2}, {4, 0}, {4, 2}, {5, 0}, {5, 1}, {5, 2}});
    }
}

TEST_CASE("scanner: a regex that gives up too often is dropped for the piece", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "bad", .regex = "^(a+)+$"}, {.name = "good", .regex = "!"}});
    std::string text;
    for (int i = 0; i < 50; ++i) text += std::string(40, 'a') + "!\n";
    scanner const by{rules, make_every_line(rules.patterns()).value(), {.limits = {.steps = 1'000}, .most_troubles = 7}};
    auto const found = by(piece{.file = folder.put("file", text + "a\n"), .path = "file"}).value();
    REQUIRE(found.troubles.size() == 1);
    CHECK(found.troubles[0].times == 7);
    CHECK(found.troubles[0].dropped);
    CHECK(found.hits.size() == 50);
    CHECK(found.lines == 51);
}

TEST_CASE("scanner: a stop and the deadline end it between blocks", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "x"}});
    std::string text;
    while (text.size() < 3 * MiB) text += "some line\n";
    auto const file = folder.put("file", text);
    std::stop_source stop;
    int blocks = 0;
    scanner const stopping{rules, engine{told_engine{0, [&](std::string_view) -> outcome<void> {
        if (++blocks == 2) stop.request_stop();
        return {};
    }}}};
    context cx{stop.get_token()};
    auto const stopped = stopping(piece{.file = file, .path = "dir/file"}, cx);
    REQUIRE(!stopped);
    CHECK(stopped.error().is(cause::cancelled));
    CHECK(stopped.error().text().find("\"dir/file\"") != std::string::npos);
    CHECK(blocks == 2);

    testing::manual_time time;
    blocks = 0;
    scanner const late{rules, engine{told_engine{0, [&](std::string_view) -> outcome<void> {
        ++blocks;
        time.advance(1s);
        return {};
    }}}};
    context slow{time};
    auto const expired = (deadline{1500ms} | late)(piece{.file = file, .path = "file"}, slow);
    REQUIRE(!expired);
    CHECK(expired.error().is(cause::timed_out));
    CHECK(blocks == 2);
    // The memory of a call that was cut short is used again.
    blocks = -1'000;
    context again;
    CHECK(stopping(piece{.file = file, .path = "file"}, again).value().lines == naive(rules, text).lines);
}

TEST_CASE("scanner: a stop ends it within a block, too, where many lines are tried", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "^x"}});
    std::string text;
    for (int i = 0; i < 200; ++i) text += "no\n";
    auto const file = folder.put("file", text + "x\nx\n");    // the second is left for another call
    for (bool const stops : {false, true}) {
        std::stop_source stop;
        scanner const by{rules, engine{told_engine{1, [&](std::string_view) -> outcome<void> {
            if (stops) stop.request_stop();
            return {};
        }}}, {.most_found = 0}};
        context cx{stop.get_token()};
        auto const found = by(piece{.file = file, .path = "file"}, cx);
        REQUIRE(found.has_value() == !stops);
        if (stops) CHECK(found.error().is(cause::cancelled));
        else CHECK(found->rest);
    }
}

TEST_CASE("scanner: what cannot be searched is a failure that names it", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "x"}});
    auto const why = [&](std::string const& file) {
        auto const found = scanner_of(rules)(piece{.file = file, .path = "shown"});
        REQUIRE(!found);
        return found.error();
    };
    auto const missing = why(folder / "missing");
    CHECK(missing.is(cause::unavailable));
    CHECK(missing.text().find("missing") != std::string::npos);
    CHECK(why(folder.path()).is(cause::invalid_input));
    CHECK(why(folder.path()).text().find("no regular file") != std::string::npos);
    auto const pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(why(pipe).is(cause::invalid_input));
    auto const plug = folder / "plug";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    plug.copy(address.sun_path, sizeof address.sun_path - 1);
    auto const socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(why(plug).is(cause::invalid_input));
    ::close(socket);
    CHECK(why("/dev/null").is(cause::invalid_input));
    CHECK(why(std::string(5'000, 'n')).is(cause::invalid_input));
    CHECK(why(folder.put("file", "") + "/below").is(cause::unavailable));
    CHECK(why("a\0b"s).is(cause::invalid_input));
    REQUIRE(::symlink("loop", (folder / "loop").c_str()) == 0);
    CHECK(why(folder / "loop").is(cause::unavailable));

    scanner const broken{rules, engine{told_engine{1, [](std::string_view) -> outcome<void> { return failure{cause::exhausted, "no room"}; }}}};
    auto const found = broken(piece{.file = folder.put("file", "x"), .path = "dir/file"});
    REQUIRE(!found);
    CHECK(found.error().is(cause::exhausted));
    CHECK(found.error().text() == "no room in \"dir/file\"");
}

TEST_CASE("scanner: an engine is shown each byte once, in blocks of bounded size", "[search][scanner]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "never"}});
    std::size_t shown = 0, largest = 0;
    scanner const by{rules, engine{told_engine{1, [&](std::string_view text) -> outcome<void> {
        shown += text.size();
        largest = std::max(largest, text.size());
        return {};
    }}}};
    std::string text;
    while (text.size() < 2 * MiB) text += "line\n";
    (void)by(piece{.file = folder.put("lines", text), .path = "lines"}).value();
    CHECK(shown == text.size());
    CHECK(largest <= 256 * KiB);
    auto const longer = std::string(5 * MiB, 'a') + '\n' + text;
    shown = largest = 0;
    (void)by(piece{.file = folder.put("long", longer), .path = "long"}).value();
    CHECK(shown == longer.size());
    CHECK(largest <= MiB + 2);
    // A line that was long once does not make all blocks large.
    shown = largest = 0;
    (void)by(piece{.file = folder.put("lines", text), .path = "lines"}).value();
    CHECK(largest <= 256 * KiB);
}

TEST_CASE("scanner: lines without text take no memory for each rule", "[search][scanner]") {
    temporary_folder const folder;
    std::vector<rule> many;
    for (int i = 0; i < 100; ++i) many.push_back({.name = std::to_string(i), .regex = "never" + std::to_string(i)});
    auto const rules = checked(many);
    auto const by = scanner_of(rules);
    auto const file = folder.put("file", std::string(100'000, '\n'));
    live_bytes const live;
    CHECK(by(piece{.file = file, .path = "file"}).value().lines == 100'000);
    CHECK(live.peak() < 2 * MiB);
}

namespace {

// A file of that size: a top that is text, and behind it what a hole reads as, or letters.
std::string long_line(temporary_folder const& folder, std::uint64_t size, bool hole) {
    auto const file = folder.put("long", "first line\n" + std::string(16 * KiB, 'a'));
    if (hole) {
        REQUIRE(::truncate(file.c_str(), static_cast<off_t>(size)) == 0);
        return file;
    }
    std::ofstream to{file, std::ios::binary | std::ios::app};
    std::string const some(MiB, 'a');
    for (auto left = size - std::filesystem::file_size(file); left != 0;) {
        auto const part = std::min<std::uint64_t>(left, MiB);
        to.write(some.data(), static_cast<std::streamsize>(part));
        left -= part;
    }
    return file;
}

void check_long_line(std::uint64_t size, bool hole) {
    temporary_folder const folder;
    auto const file = long_line(folder, size, hole);
    auto const rules = checked({{.name = "first", .regex = "first"}, {.name = "b", .regex = "b"}, {.name = "every", .regex = "a"}, {.name = "end", .regex = "a$"}});
    std::uint64_t shown = 0;
    scanner const by{rules, engine{told_engine{rules.size(), [&](std::string_view text) -> outcome<void> {
        shown += text.size();
        return {};
    }}}};
    std::uint64_t hits = 0, lines = 0, long_lines = 0, bytes = 0;
    live_bytes const live;
    std::optional<piece> next = piece{.file = file, .path = "long"};
    std::uint64_t calls = 0;
    for (; next; ++calls) {
        auto found = by(*next).value();
        hits += found.hits.size();
        lines += found.lines;
        long_lines += found.long_lines;
        bytes += found.bytes;
        next = std::move(found.rest);
    }
    CHECK(live.peak() < 16 * MiB);
    CHECK(lines == 2);
    CHECK(long_lines == 1);
    CHECK(bytes == size);
    CHECK(shown <= size + calls * MiB);    // each part once, and what was left off again
    CHECK(calls <= 1 + size / MiB);
    CHECK(hits >= (hole ? 2 : size / MiB));
}

}  // namespace

TEST_CASE("scanner: a line without end takes bounded memory, and each of its bytes is searched once", "[search][scanner]") {
    check_long_line(64 * MiB, false);
    check_long_line(256 * MiB, true);
}

TEST_CASE("scanner: a line of 1 GB takes bounded memory", "[search][scanner][soak]") {
    if (!std::getenv("MUSTER_SOAK")) SKIP("it runs under ./tests/run --soak");
    check_long_line(GiB, false);
    check_long_line(GiB, true);
}
