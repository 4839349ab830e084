#include <cstdint>
#include <string_view>
#include <vector>

#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hash_batch.hpp>

int main() {
    std::vector<std::string_view> const keys{"a", "b"};
    std::vector<std::uint64_t> digests(2);
    return muster::hashing::hash_batch(keys, muster::hashing::fnv1a{}, muster::into{digests}).empty() ? 0 : 1;
}
