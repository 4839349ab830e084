// Cookbook: digests of many keys, of a message with a secret, and of files.
// ctest:

#include <cstdint>        // uint64_t
#include <cstdio>         // printf
#include <string>         // keys
#include <vector>         // keys

#include <muster/muster.hpp>
#include <muster/workloads/hash/hash_batch.hpp>
#include <muster/workloads/hash/hash_file.hpp>
#include <muster/workloads/hash/hex.hpp>
#include <muster/workloads/hash/hmac_sha256.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>

using namespace muster;

int main() {
    std::vector<std::string> keys;
    for (int i = 0; i < 100'000; ++i) keys.push_back("key " + std::to_string(i));
    std::vector<std::string> const paths{"README.md", "LICENSE", "no_such_file"};

    // [hash_keys]
    thread_pool pool;
    std::vector<std::uint64_t> digests(keys.size());
    auto const failed = hashing::hash_batch(keys, on{pool} | hashing::xxh3{}, into{digests});    // in chunks; empty: all went well

    hashing::hmac_sha256 const sign{"a secret"};                    // keyed once; copies of its state start each message
    bool const good = sign.matches("message", sign("message"));  // compared in a time that tells nothing

    auto const files = map(paths, on{pool} | hashing::hash_file{hashing::sha256{}});
    for (auto const& file : files)
        std::printf("%s\n", file ? to_hex(*file).c_str() : to_string(file.error()).c_str());
    // [end]
    return failed.empty() && good && !files[2] ? 0 : 1;
}
