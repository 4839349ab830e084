#include <muster/workloads/search/detail/count_lines.hpp>

#include "catch.hpp"

#include <algorithm>
#include <random>
#include <string>

using muster::searching::detail::count_lines;

TEST_CASE("count_lines: it counts line feeds, of any text at any address", "[search][count_lines]") {
    std::mt19937_64 random{1};
    std::string text(40'000, ' ');
    for (auto& each : text) each = random() % 4 == 0 ? '\n' : static_cast<char>(random() % 256);
    for (std::size_t const size : {0u, 1u, 31u, 32u, 33u, 64u, 255u * 32u, 255u * 32u + 1u, 256u * 32u, 30'000u})
        for (std::size_t from = 0; from < 40; from += 3)
            CHECK(count_lines(text.data() + from, size) ==
                  static_cast<std::uint64_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(from), text.begin() + static_cast<std::ptrdiff_t>(from + size), '\n')));
    std::string const full(300'000, '\n');    // more than a byte counts to
    CHECK(count_lines(full.data(), full.size()) == 300'000);
}
