#pragma once

#include <algorithm>      // clamp
#include <array>          // what a sweep takes at a time
#include <bit>            // bit_floor
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <functional>     // hash
#include <memory>         // unique_ptr
#include <mutex>          // mutex
#include <optional>       // get
#include <stdexcept>      // invalid_argument
#include <type_traits>    // is_invocable_r
#include <utility>        // move

#include <muster/cache/cache_stats.hpp>             // cache_stats
#include <muster/cache/detail/call_time.hpp>        // call_time
#include <muster/cache/detail/s3_fifo.hpp>          // s3_fifo
#include <muster/cache/detail/single_flight.hpp>    // single_flight
#include <muster/core/concepts.hpp>                 // cache
#include <muster/core/context.hpp>                  // context
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/core/waiter.hpp>                   // instant, later, never

namespace muster {

/// What a memory_cache holds, and how long.
struct memory_cache_options {
    std::size_t entries = 1'024;                                                 ///< at most; 1 or more
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::max();              ///< how long an entry is good; more than 0
    friend bool operator==(memory_cache_options const&, memory_cache_options const&) = default;
};

/// Remembers values within this process.
///
/// Order      when it is full, what was used least goes: S3-FIFO, in each shard. A new entry that is not used twice goes first,
///            and a key that comes back soon after is kept for longer. The room is shared out evenly among the shards, one for
///            256 entries and 64 at most, and one of them may be full before the others.
/// Shape      keys are hashable by std::hash, comparable and copyable; values copyable and assignable.
/// Units      `now` is the time of the call. Without it the clock is read, once and only where an entry has an age.
/// Waits      `get_or_compute` for a call under way on the same key, through the context.
/// Fails      only with what `compute` fails with (never remembered), or cause::would_deadlock, timed_out, cancelled.
/// Throws     std::invalid_argument for options and times to live out of range. What copying, moving, hashing or comparing a key
///            or a value throws: then nothing has changed, or this one entry is lost, or the one that went for it.
/// Threads    any number; entries are spread over up to 64 shards with a lock each. Keys are hashed and `change` and `compute`
///            called outside of them; so are values destroyed that go, where their moves do not throw.
/// Cost       a look: one hash, one lock, one copy of the value. At most 16 keys are compared, however keys hash: those of which
///            more have the same hash push each other out. Memory grows with the entries, by 40 to 80 bytes for each beside key
///            and value.
/// Source     S3-FIFO: J. Yang and others, FIFO Queues are All You Need for Cache Eviction, 2023.
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
    std::optional<Value> get(Key const& key, std::optional<instant> now = {});
    void put(Key const& key, Value value, std::optional<instant> now = {});
    /// For a time to live of this entry's own, shorter or longer than the cache's.
    void put(Key const& key, Value value, std::chrono::nanoseconds ttl, std::optional<instant> now = {});
    bool erase(Key const& key);
    void clear();

    /// The value that is remembered, or that of `compute(cx)`, which then is.
    template <class Compute>
    outcome<Value> get_or_compute(Key const& key, context& cx, Compute const& compute);

    /// Puts what `change(what is there)` answers, and answers it; called again where somebody was faster: nothing is lost of what
    /// several do at a time. `change` takes a `std::optional<Value> const&`, none where nothing is there.
    template <class Change>
    Value update(Key const& key, Change const& change, std::optional<instant> now = {});

    /// Forgets what is too old, and answers how many that were. Without it they go when they are asked for, or their turn comes.
    std::size_t sweep(std::optional<instant> now = {});

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] cache_stats stats() const;

private:
    using held = detail::s3_fifo<Key, Value>;
    using leaving = typename held::leaving;
    using version = std::uint64_t;    // 0: nothing is there

    struct alignas(64) shard {
        std::mutex mutex;
        version last = 0;
        cache_stats counts;
        held entries;
    };
    struct place {
        shard& in;
        std::uint32_t tag;
    };
    static constexpr std::size_t most_shards = 64;
    static constexpr std::size_t least_entries = 256;    // of a shard: with fewer, some are full long before others
    static constexpr auto no_end = std::chrono::nanoseconds::max();

    static std::size_t shards_for(memory_cache_options const& options) {
        return std::bit_floor(std::clamp<std::size_t>(options.entries / least_entries, 1, most_shards));
    }
    std::size_t room_of(std::size_t number) const noexcept {
        return options_.entries / shard_count_ + (number < options_.entries % shard_count_);
    }
    place place_of(Key const& key) const;
    std::optional<Value> look(Key const& key, detail::call_time time, bool count_miss, version* seen = nullptr);
    bool store(Key const& key, Value& value, std::chrono::nanoseconds ttl, detail::call_time time, version const* only_over = nullptr);

    memory_cache_options const options_;
    std::size_t const shard_count_;    // a power of two
    std::unique_ptr<shard[]> const shards_;
    detail::single_flight<Key, Value> flights_;
};

// Implementation

template <class Key, class Value>
memory_cache<Key, Value>::memory_cache(memory_cache_options options)
    : options_(options), shard_count_(shards_for(options)), shards_(std::make_unique<shard[]>(shard_count_)) {
    if (options.entries == 0 || options.ttl.count() <= 0)
        throw std::invalid_argument("muster: memory_cache needs room for 1 entry or more and a ttl above 0");
    for (std::size_t i = 0; i < shard_count_; ++i) {
        held roomy{room_of(i)};
        shards_[i].entries.swap(roomy);
    }
}

template <class Key, class Value>
auto memory_cache<Key, Value>::place_of(Key const& key) const -> place {
    // std::hash of a number is the number: each bit has to reach those that tell shards apart, and those of the tag
    std::uint64_t bits = std::hash<Key>{}(key);
    bits = (bits ^ (bits >> 32)) * 0x9e37'79b9'7f4a'7c15u;
    bits = (bits ^ (bits >> 29)) * 0xbf58'476d'1ce4'e5b9u;
    bits ^= bits >> 32;
    return {shards_[(bits >> 32) & (shard_count_ - 1)], static_cast<std::uint32_t>(bits)};
}

template <class Key, class Value>
std::optional<Value> memory_cache<Key, Value>::look(Key const& key, detail::call_time time, bool count_miss, version* seen) {
    auto const [in, tag] = place_of(key);
    std::optional<Value> answer;
    leaving gone;    // before the lock, so that what goes is destroyed after it
    std::lock_guard lock(in.mutex);
    auto const found = in.entries.find(tag, key);
    if (found == held::none) {
        in.counts.misses += count_miss;
    } else if (in.entries.remove_old(found, time, gone)) {
        ++in.counts.expired;
        in.counts.misses += count_miss;
    } else {
        answer.emplace(in.entries.value(found));
        if (seen) *seen = in.entries.version(found);
        in.entries.use(found);
        ++in.counts.hits;
    }
    return answer;
}

template <class Key, class Value>
std::optional<Value> memory_cache<Key, Value>::get(Key const& key, std::optional<instant> now) {
    return look(key, detail::call_time{now}, true);
}

// False where it was to replace one version only, and another one is there.
template <class Key, class Value>
bool memory_cache<Key, Value>::store(Key const& key, Value& value, std::chrono::nanoseconds ttl, detail::call_time time,
                                     version const* only_over) {
    auto const good_until = ttl == no_end ? never : later(time.now(), ttl);
    auto const [in, tag] = place_of(key);
    leaving gone;    // before the lock, so that what goes is destroyed after it
    std::lock_guard lock(in.mutex);
    auto const found = in.entries.find(tag, key);
    if (only_over) {
        auto const nothing = found == held::none || in.entries.too_old(found, time);
        if (*only_over != (nothing ? 0 : in.entries.version(found))) return false;
    }
    if (found == held::none) in.entries.insert(tag, key, value, good_until, ++in.last, time, gone, in.counts);
    else in.entries.replace(found, value, good_until, ++in.last);
    ++in.counts.stored;
    return true;
}

template <class Key, class Value>
void memory_cache<Key, Value>::put(Key const& key, Value value, std::optional<instant> now) {
    store(key, value, options_.ttl, detail::call_time{now});
}

template <class Key, class Value>
void memory_cache<Key, Value>::put(Key const& key, Value value, std::chrono::nanoseconds ttl, std::optional<instant> now) {
    if (ttl.count() <= 0) throw std::invalid_argument("muster: memory_cache: an entry needs a ttl above 0");
    store(key, value, ttl, detail::call_time{now});
}

template <class Key, class Value>
bool memory_cache<Key, Value>::erase(Key const& key) {
    auto const [in, tag] = place_of(key);
    leaving gone;    // before the lock, so that what goes is destroyed after it
    std::lock_guard lock(in.mutex);
    auto const found = in.entries.find(tag, key);
    if (found == held::none) return false;
    in.entries.remove(found, gone);
    return true;
}

template <class Key, class Value>
void memory_cache<Key, Value>::clear() {
    for (std::size_t i = 0; i < shard_count_; ++i) {
        held bare{room_of(i)};    // before the lock, so that what was there is destroyed after it
        std::lock_guard lock(shards_[i].mutex);
        shards_[i].entries.swap(bare);
    }
}

template <class Key, class Value>
template <class Compute>
outcome<Value> memory_cache<Key, Value>::get_or_compute(Key const& key, context& cx, Compute const& compute) {
    if (auto known = look(key, detail::call_time{cx}, true)) return std::move(*known);
    auto const look_again = [&] { return look(key, detail::call_time{cx}, false); };
    auto const compute_and_keep = [&](context& inner) -> outcome<Value> {
        outcome<Value> answer = compute(inner);
        if (answer.has_value()) {
            Value kept = *answer;
            store(key, kept, options_.ttl, detail::call_time{inner});
        }
        return answer;
    };
    return flights_.run(key, cx, look_again, compute_and_keep);
}

template <class Key, class Value>
template <class Change>
Value memory_cache<Key, Value>::update(Key const& key, Change const& change, std::optional<instant> now) {
    static_assert(std::is_invocable_r_v<Value, Change const&, std::optional<Value> const&>,
                  "muster: memory_cache::update takes a function of std::optional<Value> const& that answers the new value");
    for (;;) {    // whoever was faster has changed it: of all who try at a time one succeeds
        version seen = 0;
        auto const there = look(key, detail::call_time{now}, true, &seen);
        Value changed = change(there);
        Value kept = changed;
        if (store(key, kept, options_.ttl, detail::call_time{now}, &seen)) return changed;
    }
}

template <class Key, class Value>
std::size_t memory_cache<Key, Value>::sweep(std::optional<instant> now) {
    constexpr auto at_a_time = std::clamp<std::size_t>(16'384 / sizeof(leaving), 1, 64);    // under one lock, and on the stack
    detail::call_time time{now};
    std::size_t swept = 0;
    for (std::size_t i = 0; i < shard_count_; ++i) {
        auto& in = shards_[i];
        for (std::uint32_t next = 0, end = 1; next < end;) {
            std::array<leaving, at_a_time> gone;    // before the lock, so that what goes is destroyed after it
            std::lock_guard lock(in.mutex);
            end = in.entries.numbers();
            for (std::size_t one = 0; one < at_a_time && next < end; ++one, ++next)
                if (in.entries.remove_old(next, time, gone[one])) {
                    ++in.counts.expired;
                    ++swept;
                }
        }
    }
    return swept;
}

template <class Key, class Value>
std::size_t memory_cache<Key, Value>::size() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shard_count_; ++i) {
        std::lock_guard lock(shards_[i].mutex);
        sum += shards_[i].entries.size();
    }
    return sum;
}

template <class Key, class Value>
cache_stats memory_cache<Key, Value>::stats() const {
    cache_stats sum;
    for (std::size_t i = 0; i < shard_count_; ++i) {
        auto& in = shards_[i];
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
