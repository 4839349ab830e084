#include <muster/workloads/hash/hasher.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string_view>

using namespace muster;

namespace {
// The smallest hash: how long a key is.
struct length {
    using digest_type = std::uint64_t;
    struct state {
        std::uint64_t sum = 0;
        void add(std::string_view piece) { sum += piece.size(); }
        std::uint64_t finish() const { return sum; }
    };
    std::uint64_t operator()(std::string_view key) const { return key.size(); }
    outcome<void> each(std::span<std::string_view const> keys, std::span<std::uint64_t> out) const {
        for (std::size_t i = 0; i < keys.size(); ++i) out[i] = keys[i].size();
        return {};
    }
    state start() const { return {}; }
};
struct without_batch {
    using digest_type = std::uint64_t;
    std::uint64_t operator()(std::string_view key) const { return key.size(); }
    length::state start() const { return {}; }
};
struct without_pieces {
    using digest_type = std::uint64_t;
    std::uint64_t operator()(std::string_view key) const { return key.size(); }
    outcome<void> each(std::span<std::string_view const>, std::span<std::uint64_t>) const { return {}; }
};
}  // namespace

static_assert(hashing::hasher<length>);
static_assert(!hashing::hasher<without_batch>);
static_assert(!hashing::hasher<without_pieces>);
static_assert(!hashing::hasher<int>);

TEST_CASE("hasher: one of your own needs no base class", "[hash][hasher]") {
    auto state = length{}.start();
    state.add("abc");
    CHECK(state.finish() == length{}("abc"));
}
