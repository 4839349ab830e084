// expect: muster: hash_batch takes a hash
#include <cstdint>
#include <string_view>
#include <vector>

#include <muster/workloads/hash/hash_batch.hpp>

int main() {
    std::vector<std::string_view> const keys{"a", "b"};
    std::vector<std::uint64_t> sizes(2);
    return muster::hashing::hash_batch(keys, [](std::string_view key) { return key.size(); }, muster::into{sizes}).empty() ? 0 : 1;
}
