#include <muster/flow/detail/key_hash.hpp>

#include "catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

using namespace muster::detail;

namespace {
struct unhashed {
    [[maybe_unused]] friend bool operator==(unhashed, unhashed) = default;
};
}  // namespace

static_assert(hashable_key<int> && hashable_key<std::string> && hashable_key<std::monostate>);
static_assert(!hashable_key<std::string_view> && !hashable_key<unhashed> && !hashable_key<std::vector<int>>);

TEST_CASE("key_hash: equal keys have equal hashes, others hardly ever", "[flow][detail]") {
    CHECK(key_hash<std::string>{}("some text") == key_hash<std::string>{}(std::string{"some text"}));
    std::unordered_set<std::size_t> texts, numbers;
    for (int i = 0; i < 100'000; ++i) {
        texts.insert(key_hash<std::string>{}(std::to_string(i)));
        numbers.insert(key_hash<int>{}(i));
    }
    CHECK(texts.size() == 100'000);
    CHECK(numbers.size() == 100'000);
    CHECK(key_hash<std::string>{}(std::string(3, '\0')) != key_hash<std::string>{}(std::string(4, '\0')));
}

TEST_CASE("key_hash: numbers chosen to share a bucket of std::hash do not", "[flow][detail]") {
    std::unordered_map<std::uint64_t, int, key_hash<std::uint64_t>> table;
    table.reserve(10'000);
    for (std::uint64_t i = 0; i < 10'000; ++i) table[i * table.bucket_count()] = 1;
    std::size_t longest = 0;
    for (std::size_t bucket = 0; bucket < table.bucket_count(); ++bucket) longest = std::max(longest, table.bucket_size(bucket));
    CHECK(longest < 20);
}
