#pragma once

// Why Redis and not memcached, which is faster. Look-ups a second of this node and of libmemcached 1.1 against memcached 1.6: values of 100
// bytes over loopback, interleaved runs, the median of 7, on a busy machine of 2 cores that the servers shared:
//
//                                 1 thread    8 threads    1 thread, 100 at a time    8 threads, 100 at a time
//     redis_node, Redis 7.0         22,500       50,700                  1,070,000                   1,320,000
//     libmemcached, memcached       52,100       64,500                  1,700,000                   2,420,000
//
// Beside a network that is little, and what follows cannot be had otherwise. The time of a call is ours to bound: a server that sends a byte every
// 100 ms held libmemcached for 5.2 s, with timeouts of 250 ms that begin anew with each byte. Keys are any bytes of any length, where
// memcached takes 250 without blanks: none is hashed, and no two share a name. Times to live are milliseconds, where memcached counts
// seconds and reads more than 30 days as a date.

#include <chrono>         // nanoseconds
#include <cstddef>        // byte
#include <cstdint>        // uint16_t
#include <optional>       // what was found
#include <span>           // bytes
#include <stdexcept>      // invalid_argument
#include <string>         // names
#include <string_view>    // bytes
#include <utility>        // move
#include <vector>         // many at once

#include <muster/adapt/cache_nodes.hpp>          // cache_node
#include <muster/adapt/detail/redis_pool.hpp>    // redis_pool, redis_answer, put_command
#include <muster/cache/memory_cache.hpp>         // its single flight
#include <muster/core/bytes.hpp>                 // MiB
#include <muster/core/concepts.hpp>              // cache
#include <muster/core/context.hpp>               // context
#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/invoke_task.hpp>           // guarded
#include <muster/core/outcome.hpp>               // outcome
#include <muster/core/wire.hpp>                  // encoded, decoded, wire_fingerprint

namespace muster {

/// Where a redis_node is, and what it does there.
struct redis_options {
    std::string host{};                ///< a name or an address
    std::uint16_t port = 6379;         ///< 6379: that of Redis
    std::string socket{};              ///< the path of a socket, in place of host and port
    std::string password{};            ///< empty: none is sent. It travels as it is written
    /// 250 ms: what one call may take, connecting included; more than 0. A round trip takes 20 us on one machine, 1 ms in one building;
    /// a server that hangs costs this much a call, until a hash_ring has it down.
    std::chrono::nanoseconds timeout = std::chrono::milliseconds{250};
    /// How long an entry is good; more than 0. Counted by the server in milliseconds, a part of one as a whole; the largest: for ever.
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::max();
    std::size_t connections = 16;      ///< 16: kept open between calls; more calls at once open more, and close them. 1 to 1,024
    /// 1 MiB: bytes of a key or a value on the wire; 1 byte to 512 MiB. Programs that share entries agree on it: a larger one is a
    /// failure of the server to who reads it.
    std::size_t largest = MiB;
    std::string prefix = "muster";     ///< in front of each key, so that programs may share a server; any text without a colon

    /// The same, at another place.
    [[nodiscard]] redis_options at(cache_node const& node) const {
        auto out = *this;
        out.host = node.host;
        out.port = node.port;
        out.socket = node.socket;
        return out;
    }
    friend bool operator==(redis_options const&, redis_options const&) = default;
};

/// A cache on another machine: one Redis server, by itself or as a node of a hash_ring.
///
///     std::deque<redis_node<std::string, page>> nodes;
///     hash_ring<redis_node<std::string, page>> ring;
///     for (auto const& each : cache_nodes_from_environment().value().nodes)
///         (void)ring.add(each.name, nodes.emplace_back(redis_options{.ttl = 10min}.at(each)));
///
/// Shape      keys and values are `transportable`; equal keys need equal bytes on the wire, as for hash_ring_hash. An entry's name is
///            "muster:0123456789abcdef:" and the bytes of the key; the digits tell of the layout of key and value, so that two versions
///            of a program do not read each other's. Programs that share server, prefix and layout share entries.
/// Order      the newest put wins. The server forgets what is least used where it is told to: `maxmemory 1gb`, `maxmemory-policy
///            allkeys-lru`; without that it refuses puts when it is full.
/// Waits      for the server, `timeout` at most a call, however slowly it answers. `get_or_compute` also for the one that is under way on
///            the same key in this process, through the context.
/// Fails      cause::unavailable: no connection, none any more, an answer that is no Redis server's, or one that refuses; timed_out;
///            exhausted: the server is full, or this process has no descriptors; invalid_input: a key or value larger than `largest`.
///            An entry that is no such value is a miss, which the next put ends. `get` and `get_or_compute` take a failure of
///            the server for a miss; `get_or_compute` then fails only as `compute` does, or with would_deadlock, timed_out, cancelled.
/// Throws     std::invalid_argument for options out of range and for a host that has no address: it is looked up once, by the
///            constructor. What writing a key throws, as wire_writer, and writing a value that is put; `get_or_compute` answers it all the
///            same.
/// Threads    any number, without a lock but for `get_or_compute`. After a fork the child opens connections of its own, and
///            `get_or_compute` there has the hazards of any lock.
/// Cost       a round trip: 15 to 25 us on one machine; `try_get_each` takes one for all. A server that was restarted costs one more.
///            A miss of `get_or_compute` takes two.
template <class Key, class Value>
class redis_node {
    static_assert(transportable<Key> && transportable<Value>, "muster: keys and values of redis_node travel: see muster/core/wire.hpp");
    static_assert(!detail::is_outcome<Value>, "muster: a value of redis_node is no outcome: failures are not remembered");

public:
    using key_type = Key;
    using value_type = Value;

    explicit redis_node(redis_options options)
        : options_(checked(std::move(options))),
          pool_(detail::redis_address{options_.host, options_.port, options_.socket}, options_.password, options_.timeout, options_.connections),
          front_(front_of(options_.prefix)) {}
    redis_node(redis_node const&) = delete;
    redis_node& operator=(redis_node const&) = delete;

    outcome<std::optional<Value>> try_get(Key const& key) { return look(name_of(key)); }
    /// Many in one round trip, within one timeout; as many as keys, same order.
    outcome<std::vector<std::optional<Value>>> try_get_each(std::span<Key const> keys);
    outcome<void> try_put(Key const& key, Value const& value) { return store(name_of(key), value, options_.ttl); }
    /// For a time to live of this entry's own.
    outcome<void> try_put(Key const& key, Value const& value, std::chrono::nanoseconds ttl) { return store(name_of(key), value, ttl); }
    /// True when it was there.
    outcome<bool> try_erase(Key const& key);

    std::optional<Value> get(Key const& key) {
        auto found = try_get(key);
        return found ? *std::move(found) : std::nullopt;
    }
    template <class Compute>
    outcome<Value> get_or_compute(Key const& key, context& cx, Compute const& compute);

    [[nodiscard]] redis_options const& options() const noexcept { return options_; }

private:
    using answer = detail::redis_answer;
    static constexpr std::size_t most_overhead = 65'536;    // bytes of an answer beside its value: an error text is one line

    static redis_options checked(redis_options options);
    static std::string front_of(std::string const& prefix);
    [[nodiscard]] std::string name_of(Key const& key) const;
    [[nodiscard]] failure too_large(std::string_view what, std::size_t size) const;
    [[nodiscard]] failure refused(answer const& by) const;
    [[nodiscard]] outcome<std::optional<Value>> value_in(answer const& from) const;
    outcome<std::optional<Value>> look(std::string const& name);
    outcome<void> store(std::string const& name, Value const& value, std::chrono::nanoseconds ttl);

    redis_options const options_;
    detail::redis_pool pool_;
    std::string const front_;
    memory_cache<std::string, Value> flights_;    // holds nothing longer than a flight
};

// Implementation

template <class Key, class Value>
redis_options redis_node<Key, Value>::checked(redis_options options) {
    if (options.timeout.count() <= 0 || options.ttl.count() <= 0 || options.connections < 1 || options.connections > 1'024 ||
        options.largest < 1 || options.largest > 512 * MiB || options.prefix.find(':') != std::string::npos)
        throw std::invalid_argument("muster: redis_node needs a timeout and a ttl above 0, 1 to 1,024 connections, a largest of 1 byte to "
                                    "512 MiB and a prefix without a colon");
    return options;
}

template <class Key, class Value>
std::string redis_node<Key, Value>::front_of(std::string const& prefix) {
    auto layout = detail::mix_hash(wire_fingerprint<Key>, wire_fingerprint<Value>);
    std::string digits(16, '0');
    for (auto at = digits.rbegin(); at != digits.rend(); ++at, layout >>= 4) *at = "0123456789abcdef"[layout & 15];
    return prefix + ':' + digits + ':';    // the first colon ends the prefix: no two of these begin alike
}

template <class Key, class Value>
std::string redis_node<Key, Value>::name_of(Key const& key) const {
    auto const bytes = encoded(key);
    auto out = front_;
    return out.append(reinterpret_cast<char const*>(bytes.data()), bytes.size());
}

template <class Key, class Value>
failure redis_node<Key, Value>::too_large(std::string_view what, std::size_t size) const {
    return {cause::invalid_input, "muster: a " + std::string{what} + " of " + std::to_string(size) + " bytes is larger than the " +
                                      std::to_string(options_.largest) + " that redis_options::largest allows"};
}

template <class Key, class Value>
failure redis_node<Key, Value>::refused(answer const& by) const {
    if (by.is != answer::kind::refusal) return {cause::unavailable, pool_.whom() + " answers something else than it was asked"};
    return {by.text.starts_with("OOM") ? cause::exhausted : cause::unavailable, pool_.whom() + " refuses: " + by.text};
}

template <class Key, class Value>
outcome<std::optional<Value>> redis_node<Key, Value>::value_in(answer const& from) const {
    if (from.is == answer::kind::nothing) return std::optional<Value>{};
    if (from.is == answer::kind::refusal && from.text.starts_with("WRONGTYPE")) return std::optional<Value>{};    // somebody else's list
    if (from.is != answer::kind::bytes) return refused(from);
    auto value = decoded<Value>(std::as_bytes(std::span{from.text}));
    return value ? std::optional<Value>{*std::move(value)} : std::nullopt;
}

template <class Key, class Value>
outcome<std::optional<Value>> redis_node<Key, Value>::look(std::string const& name) {
    if (name.size() - front_.size() > options_.largest) return too_large("key", name.size() - front_.size());
    std::string command;
    detail::put_command(command, {"GET", name});
    answer got;
    if (auto const asked = pool_.ask(command, {&got, 1}, options_.largest + most_overhead); !asked) return asked.error();
    return value_in(got);
}

template <class Key, class Value>
outcome<std::vector<std::optional<Value>>> redis_node<Key, Value>::try_get_each(std::span<Key const> keys) {
    std::string commands;
    for (auto const& key : keys) {
        auto const name = name_of(key);
        if (name.size() - front_.size() > options_.largest) return too_large("key", name.size() - front_.size());
        detail::put_command(commands, {"GET", name});
    }
    std::vector<answer> got(keys.size());
    std::vector<std::optional<Value>> out;
    if (keys.empty()) return out;
    auto const most = keys.size() * (options_.largest + 64) + most_overhead;    // 64: the length of a value, as a line
    if (auto const asked = pool_.ask(commands, got, most); !asked) return asked.error();
    out.reserve(keys.size());
    for (auto& each : got) {
        auto value = value_in(each);
        if (!value) return std::move(value).error();
        out.push_back(*std::move(value));
        each = {};    // the bytes go as the values come
    }
    return out;
}

template <class Key, class Value>
outcome<void> redis_node<Key, Value>::store(std::string const& name, Value const& value, std::chrono::nanoseconds ttl) {
    if (name.size() - front_.size() > options_.largest) return too_large("key", name.size() - front_.size());
    if (ttl.count() <= 0) return failure{cause::invalid_input, "muster: redis_node: an entry needs a ttl above 0"};
    auto const bytes = encoded(value);
    if (bytes.size() > options_.largest) return too_large("value", bytes.size());
    std::string_view const text{reinterpret_cast<char const*>(bytes.data()), bytes.size()};
    std::string command;
    if (ttl == ttl.max()) detail::put_command(command, {"SET", name, text});
    else {
        auto const left = std::to_string(std::chrono::ceil<std::chrono::milliseconds>(ttl).count());
        detail::put_command(command, {"SET", name, text, "PX", left});
    }
    answer got;
    if (auto const asked = pool_.ask(command, {&got, 1}, most_overhead); !asked) return asked.error();
    if (got.is != answer::kind::word) return refused(got);
    return {};
}

template <class Key, class Value>
outcome<bool> redis_node<Key, Value>::try_erase(Key const& key) {
    auto const name = name_of(key);
    if (name.size() - front_.size() > options_.largest) return too_large("key", name.size() - front_.size());
    std::string command;
    detail::put_command(command, {"UNLINK", name});    // a large value is freed later: others need not wait for it
    answer got;
    if (auto const asked = pool_.ask(command, {&got, 1}, most_overhead); !asked) return asked.error();
    if (got.is != answer::kind::number) return refused(got);
    return got.number != 0;
}

template <class Key, class Value>
template <class Compute>
outcome<Value> redis_node<Key, Value>::get_or_compute(Key const& key, context& cx, Compute const& compute) {
    auto const name = name_of(key);
    struct landing {    // also where an answer is thrown away because it cannot be copied
        memory_cache<std::string, Value>& flights;
        std::string const& name;
        bool flew = false;
        ~landing() {
            if (flew) flights.erase(name);
        }
    } mine{flights_, name};
    return flights_.get_or_compute(name, cx, [&](context& inner) -> outcome<Value> {
        mine.flew = true;
        auto found = look(name);    // one asks for all that wait here
        if (found && *found) return **std::move(found);
        outcome<Value> fresh = compute(inner);
        if (fresh && found)    // a server that has just failed is not asked again; what cannot be stored is an answer all the same
            (void)guarded<outcome<void>>([&] { return store(name, *fresh, options_.ttl); });
        return fresh;
    });
}

static_assert(cache<redis_node<std::string, std::string>>);

}  // namespace muster
