#pragma once

#include <algorithm>        // max
#include <array>            // shards
#include <chrono>           // nanoseconds
#include <cstddef>          // size_t
#include <functional>       // hash
#include <list>             // entries in order of age
#include <mutex>            // mutex
#include <optional>         // get
#include <stdexcept>        // invalid_argument
#include <unordered_map>    // entries by key
#include <utility>          // move

#include <muster/cache/cache_stats.hpp>             // cache_stats
#include <muster/cache/detail/single_flight.hpp>    // single_flight
#include <muster/core/concepts.hpp>                 // cache
#include <muster/core/context.hpp>                  // context
#include <muster/core/outcome.hpp>                  // outcome

namespace muster {

/// What a memory_cache holds, and how long.
struct memory_cache_options {
    std::size_t entries = 1'024;                                                 ///< at most; 1 or more
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::max();              ///< how long an entry is good; more than 0
    friend bool operator==(memory_cache_options const&, memory_cache_options const&) = default;
};

/// Remembers values within this process.
///
/// Order      when it is full, the oldest entry goes that was not used since it was last considered (second chance).
/// Shape      keys are hashable by std::hash, comparable and copyable; values copyable.
/// Waits      `get_or_compute` for a call under way on the same key, through the context.
/// Fails      only with what `compute` fails with (never remembered), or cause::would_deadlock, timed_out, cancelled.
/// Throws     std::invalid_argument for options out of range.
/// Threads    any number; entries are spread over shards with a lock each.
/// Cost       one hash, one lock, one copy of the value.
/// Source     second chance: F. J. Corbató, A Paging Experiment with the Multics System, 1968.
template <class Key, class Value>
class memory_cache {
public:
    using key_type = Key;
    using value_type = Value;

    memory_cache() : memory_cache(memory_cache_options{}) {}
    explicit memory_cache(memory_cache_options options);
    memory_cache(memory_cache const&) = delete;
    memory_cache& operator=(memory_cache const&) = delete;

    /// The value, if it is there and not too old at `now`.
    std::optional<Value> get(Key const& key, instant now = thread_waiter{}.now());
    void put(Key const& key, Value value, instant now = thread_waiter{}.now());
    bool erase(Key const& key);
    void clear();

    /// The value that is remembered, or that of `compute(cx)`, which then is.
    template <class Compute>
    outcome<Value> get_or_compute(Key const& key, context& cx, Compute const& compute);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] cache_stats stats() const;

private:
    struct entry {
        Key key;
        Value value;
        instant good_until;
        bool used = false;
    };
    struct alignas(64) shard {
        mutable std::mutex mutex;
        std::list<entry> by_age;    // oldest first
        std::unordered_map<Key, typename std::list<entry>::iterator> by_key;
        cache_stats counts;
    };
    static constexpr std::size_t most_shards = 16;

    shard& shard_of(Key const& key) {
        auto const hash = std::hash<Key>{}(key) * 0x9e3779b97f4a7c15u;    // std::hash of integers is the identity
        return shards_[(hash >> 32) % shard_count_];
    }
    std::optional<Value> look(Key const& key, instant now, bool count_miss);

    memory_cache_options const options_;
    std::size_t const shard_count_;
    std::array<shard, most_shards> shards_;
    detail::single_flight<Key, Value> flights_;
};

// Implementation

template <class Key, class Value>
memory_cache<Key, Value>::memory_cache(memory_cache_options options)
    : options_(options), shard_count_(std::max<std::size_t>(1, std::min(most_shards, options.entries / 64))) {
    if (options.entries == 0 || options.ttl.count() <= 0)
        throw std::invalid_argument("muster: memory_cache needs room for 1 entry or more and a ttl above 0");
}

template <class Key, class Value>
std::optional<Value> memory_cache<Key, Value>::look(Key const& key, instant now, bool count_miss) {
    auto& in = shard_of(key);
    std::lock_guard lock(in.mutex);
    auto const found = in.by_key.find(key);
    if (found != in.by_key.end() && now < found->second->good_until) {
        ++in.counts.hits;
        found->second->used = true;
        return found->second->value;
    }
    if (found != in.by_key.end()) {
        ++in.counts.expired;
        in.by_age.erase(found->second);
        in.by_key.erase(found);
    }
    in.counts.misses += count_miss;
    return std::nullopt;
}

template <class Key, class Value>
std::optional<Value> memory_cache<Key, Value>::get(Key const& key, instant now) {
    return look(key, now, true);
}

template <class Key, class Value>
void memory_cache<Key, Value>::put(Key const& key, Value value, instant now) {
    auto& in = shard_of(key);
    auto const room = options_.entries / shard_count_ + (static_cast<std::size_t>(&in - shards_.data()) < options_.entries % shard_count_);
    std::lock_guard lock(in.mutex);
    ++in.counts.stored;
    if (auto const found = in.by_key.find(key); found != in.by_key.end()) {
        found->second->value = std::move(value);
        found->second->good_until = later(now, options_.ttl);
        in.by_age.splice(in.by_age.end(), in.by_age, found->second);
        return;
    }
    while (in.by_age.size() >= room) {
        auto const oldest = in.by_age.begin();
        if (oldest->used && now < oldest->good_until) {    // a second chance
            oldest->used = false;
            in.by_age.splice(in.by_age.end(), in.by_age, oldest);
            continue;
        }
        ++(now < oldest->good_until ? in.counts.evicted : in.counts.expired);
        in.by_key.erase(oldest->key);
        in.by_age.erase(oldest);
    }
    in.by_age.push_back(entry{key, std::move(value), later(now, options_.ttl)});
    in.by_key.emplace(key, std::prev(in.by_age.end()));
}

template <class Key, class Value>
bool memory_cache<Key, Value>::erase(Key const& key) {
    auto& in = shard_of(key);
    std::lock_guard lock(in.mutex);
    auto const found = in.by_key.find(key);
    if (found == in.by_key.end()) return false;
    in.by_age.erase(found->second);
    in.by_key.erase(found);
    return true;
}

template <class Key, class Value>
void memory_cache<Key, Value>::clear() {
    for (auto& in : shards_) {
        std::lock_guard lock(in.mutex);
        in.by_age.clear();
        in.by_key.clear();
    }
}

template <class Key, class Value>
template <class Compute>
outcome<Value> memory_cache<Key, Value>::get_or_compute(Key const& key, context& cx, Compute const& compute) {
    if (auto known = look(key, cx.now(), true)) return std::move(*known);
    auto const look_again = [&] { return look(key, cx.now(), false); };
    auto const compute_and_keep = [&](context& inner) -> outcome<Value> {
        outcome<Value> answer = compute(inner);
        if (answer.has_value()) put(key, *answer, inner.now());
        return answer;
    };
    return flights_.run(key, cx, look_again, compute_and_keep);
}

template <class Key, class Value>
std::size_t memory_cache<Key, Value>::size() const {
    std::size_t sum = 0;
    for (auto& in : shards_) {
        std::lock_guard lock(in.mutex);
        sum += in.by_age.size();
    }
    return sum;
}

template <class Key, class Value>
cache_stats memory_cache<Key, Value>::stats() const {
    cache_stats sum;
    for (auto& in : shards_) {
        std::lock_guard lock(in.mutex);
        sum.hits += in.counts.hits;
        sum.misses += in.counts.misses;
        sum.stored += in.counts.stored;
        sum.evicted += in.counts.evicted;
        sum.expired += in.counts.expired;
    }
    sum.waited = flights_.waited();
    return sum;
}

}  // namespace muster
