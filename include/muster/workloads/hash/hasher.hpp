#pragma once

#include <concepts>       // copyable, same_as
#include <span>           // batches
#include <string_view>    // keys

#include <muster/core/outcome.hpp>    // outcome

namespace muster::hashing {

// The namespace is hashing, not hash: beside `using namespace std` that would be std::hash as well.

/// A value that hashes: xxh3, xxh64, fnv1a, sha256, hmac_sha256, or one of your own.
///
///     std::uint64_t const one = xxh3{}("key");                  // a task, too: map(keys, on{pool} | xxh3{}, into{digests})
///     auto const done = fnv1a{}.each(keys, digests);            // a batch, several keys at a time where that is faster
///     auto const all = hash_batch(keys, on{pool} | sha256{}, into{digests});           // a large batch, on many threads
///     auto const file = hash_file{sha256{}}("a.iso");           // a file, a piece at a time; a task, too
template <class H>
concept hasher = std::copyable<H> && requires(H const& hash, std::string_view key,
                                              std::span<std::string_view const> keys, std::span<typename H::digest_type> out) {
    // for one key
    { hash(key) } -> std::same_as<typename H::digest_type>;
    // for a batch: a digest for each key, in their order. Where there is too little room it fails, and nothing is written
    { hash.each(keys, out) } -> std::same_as<outcome<void>>;
    // for what comes in pieces: state.add(piece) for each, then state.finish() once
    requires requires(decltype(hash.start()) state) {
        state.add(key);
        { state.finish() } -> std::same_as<typename H::digest_type>;
    };
};

}  // namespace muster::hashing
