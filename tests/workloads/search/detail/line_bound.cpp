#include <muster/workloads/search/detail/line_bound.hpp>

#include "catch.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace muster;
using namespace muster::searching::detail;

namespace {

std::vector<std::pair<std::string, std::string>> const bounds{
    {"a\\sb", "a[\\t\\x0b-\\r ]b"},
    {"a\\Wb", "a[^\\w\\n]b"},
    {"\\D+", "[^\\d\\n]+"},
    {"\\H\\v", "[^\\h\\n][\\x0b-\\r\\x85]"},
    {"[^:]*", "[^\\n:]*"},
    {"[^]a]", "[^]a\\n]"},
    {"[^-a]", "[^-a\\n]"},
    {"[^a-]", "[^\\na-]"},
    {"[\\s,]", "[\\t\\x0b-\\r ,]"},
    {"[^\\s-]", "[^\\n\\t\\x0b-\\r -]"},
    {"[^\\\\s]", "[^\\n\\\\s]"},
    {"(?![^x]*y)(?>[^z]+)", "(?![^\\nx]*y)(?>[^\\nz]+)"},
    {"\\S.\\w\\d[a-z]\\x41\\.", "\\S.\\w\\d[a-z]\\x41\\."},
};

}  // namespace

TEST_CASE("line_bound: classes lose the line end, wherever they stand", "[search][line_bound]") {
    for (auto const& [regex, bound] : bounds) {
        INFO(regex);
        auto tree = regex_tree::read(regex).value();
        CHECK(bind_to_line(tree));
        CHECK(tree.written() == bound);
    }
}

TEST_CASE("line_bound: what cannot be kept within a line is said", "[search][line_bound]") {
    for (std::string const regex : {"a\\nb", "a\nb", "\\x0a", "[\\n]", "[\\x00-\\x1f]", "[[:space:]]", "[a\\W]", "[\\v]", "[[:^alpha:]]", "(a(?=[\\D]))", "[^]-]"}) {
        INFO(regex);
        auto tree = regex_tree::read(regex).value();
        CHECK(!bind_to_line(tree));
    }
}

TEST_CASE("line_bound: on a line it means the same", "[search][line_bound]") {
    pcre2_matcher by;
    for (auto const& [regex, bound] : bounds) {
        INFO(regex);
        auto const one = pcre2_pattern::compile('^' + regex + '$').value();
        auto const other = pcre2_pattern::compile('^' + bound + '$').value();
        for (int a = 0; a < 256; ++a)
            for (int b = 0; b < 128; ++b) {
                if (a == '\n' || b == '\n') continue;
                std::string const line{'a', static_cast<char>(a), static_cast<char>(b)};
                for (auto const part : {std::string_view{line}.substr(1, 1), std::string_view{line}.substr(1), std::string_view{line}})
                    if (by.match(one, part) != by.match(other, part)) FAIL(a << ' ' << b);
            }
    }
}
