#pragma once

#include <algorithm>      // clamp, min
#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <span>           // batches
#include <utility>        // move
#include <vector>         // failures

#include <muster/core/context.hpp>                   // context
#include <muster/core/failure.hpp>                   // failure
#include <muster/core/outcome.hpp>                   // outcome
#include <muster/core/stage.hpp>                     // stage
#include <muster/flow/for_each.hpp>                  // for_each
#include <muster/flow/indices.hpp>                   // indices
#include <muster/flow/into.hpp>                      // into
#include <muster/workloads/hash/detail/each.hpp>     // span_of
#include <muster/workloads/hash/hasher.hpp>          // hasher

namespace muster::hashing {

/// Hashes a large batch, a chunk of keys at a time: `hash_batch(keys, on{pool} | fnv1a{}, into{digests})`.
///
/// `map` with the same arguments takes one key at a time, and a hash that is faster with several then is not.
///
/// Order      policies in front of the hash are about a chunk: one permit, one attempt.
/// Shape      as `map` with `into`: digests in the order of the keys, and a failure for each key that has none, sorted by index;
///            empty means that all went well. A chunk is a 64th of the keys, 32 to 2,048.
/// Waits      until every chunk is done or given up.
/// Fails      never as a whole. Keys that were not hashed because of a stop, a deadline or a policy have its failure.
/// Throws     std::length_error where `into` has too little room, before anything is written.
/// Threads    any number of callers.
/// Lifetime   keys and digests stay where they are meanwhile: the hash runs in this process.
/// Cost       a task a chunk.
struct hash_batch_verb {
    template <detail::keys Keys, class Task, class Digest>
    std::vector<failure> operator()(Keys const& keys, Task const& task, into<Digest> where, context const& parent = context{}) const;
};
inline constexpr hash_batch_verb hash_batch{};

// Implementation

namespace detail {

template <class T>
struct hasher_of {
    using type = T;
    static T const& get(T const& task) noexcept { return task; }
};
template <class Chain, class H>
struct hasher_of<stage<Chain, H>> {
    using type = H;
    static H const& get(stage<Chain, H> const& task) noexcept { return task.task(); }
};

// The task that stands in for the hash: its items are chunks.
template <class H, class Key>
struct hash_chunk {
    H const* by;
    std::span<Key const> keys;
    std::span<typename H::digest_type> out;
    std::size_t size;

    outcome<void> operator()(std::size_t number) const {
        auto const first = number * size, count = std::min(size, keys.size() - first);
        return by->each(keys.subspan(first, count), out.subspan(first, count));
    }
};

template <class H, class Chunk>
Chunk const& over_chunks(H const&, Chunk const& chunk) noexcept { return chunk; }
template <class Chain, class H, class Chunk>
stage<Chain, Chunk> over_chunks(stage<Chain, H> const& task, Chunk const& chunk) { return {task.policies(), chunk}; }

// A failure for each key of the chunks that failed.
inline std::vector<failure> failures_of_keys(std::vector<failure> const& chunks, std::size_t size, std::size_t keys) {
    std::vector<failure> out;
    for (auto const& chunk : chunks) {
        auto const first = chunk.index() * size, last = std::min(keys, first + size);
        auto path = chunk.path();
        if (path.empty()) path.push_back(0);
        for (auto key = first; key != last; ++key) {
            path.back() = key;
            out.push_back(failure{chunk}.leave(path));
        }
    }
    return out;
}

}  // namespace detail

template <detail::keys Keys, class Task, class Digest>
std::vector<failure> hash_batch_verb::operator()(Keys const& keys, Task const& task, into<Digest> where, context const& parent) const {
    using of = detail::hasher_of<Task>;
    using by = typename of::type;
    constexpr bool is_hash = hasher<by>;
    static_assert(is_hash, "muster: hash_batch takes a hash, behind policies or not: hash_batch(keys, on{pool} | fnv1a{}, into{digests})");
    if constexpr (is_hash) {
        constexpr bool fits = std::same_as<Digest, typename by::digest_type>;
        static_assert(fits, "muster: the elements of into{span} are not the digests of this hash");
        if constexpr (fits) {
            auto const in = detail::span_of(keys);
            muster::detail::check_room(where, in.size());
            auto const size = std::clamp<std::size_t>((in.size() / 64 + 31) / 32 * 32, 32, 2'048);
            detail::hash_chunk<by, detail::key_of<Keys>> const chunk{&of::get(task), in, where.out, size};
            auto const failed = for_each(indices{(in.size() + size - 1) / size}, detail::over_chunks(task, chunk), parent);
            return failed.empty() ? std::vector<failure>{} : detail::failures_of_keys(failed, size, in.size());
        }
    }
    return {};
}

}  // namespace muster::hashing
