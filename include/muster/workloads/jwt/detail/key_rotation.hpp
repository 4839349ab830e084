#pragma once

#include <algorithm>      // find, min
#include <atomic>         // times that readers look at
#include <chrono>         // nanoseconds
#include <cstdint>        // uint64_t
#include <functional>     // function
#include <memory>         // make_shared
#include <mutex>          // mutex
#include <optional>       // what went wrong
#include <utility>        // move
#include <vector>         // fingerprints

#include <muster/cache/memory_cache.hpp>                      // memory_cache
#include <muster/core/context.hpp>                            // context
#include <muster/core/invoke_task.hpp>                        // guarded
#include <muster/core/outcome.hpp>                            // outcome
#include <muster/core/waiter.hpp>                             // instant, later
#include <muster/workloads/jwt/detail/key_fingerprint.hpp>    // fingerprint_of
#include <muster/workloads/jwt/detail/replaced.hpp>           // replaced
#include <muster/workloads/jwt/key_set.hpp>                   // key_set

namespace muster::jwt::detail {

// A key set as it was at one time.
struct key_generation {
    key_set keys;
    std::vector<token_digest> each;    // the fingerprints of the keys
    token_digest all;
    std::uint64_t number;              // of the fetch that brought it, from 1
};

struct rotation_times {
    std::chrono::nanoseconds fresh_for, stale_for, ahead, unknown_kid_every, retry_every;
};

// What `rotating_keys` is but for where keys come from, so that a verifier knows it without the readers of keys.
//
// `cached` has no way to wait for a renewal that another call makes while an older answer is there, which is what a token with a new
// `kid` needs. Here each fetch is a flight of its own in a cache, named by the number of the generation that it follows: whoever wants
// a newer one than n joins that flight, is given its result, or finds it done, and so waits for one fetch at the most.
class key_rotation {
public:
    using held = replaced<key_generation>::held;
    using fetch_function = std::function<outcome<key_set>(context&)>;
    using post_function = std::function<void(std::function<void()>)>;

    key_rotation(fetch_function fetch, rotation_times times, post_function post)
        : fetch_(std::move(fetch)), times_(times), post_(std::move(post)) {}
    key_rotation(key_rotation const&) = delete;
    key_rotation& operator=(key_rotation const&) = delete;

    // The keys as they are now: two looks at what nobody writes, but where it is time for newer ones.
    [[nodiscard]] outcome<held> hold(context& cx) {
        auto const now = cx.now();
        // acquire: pairs with the stores of publish and look; what was published before is read after
        if (ticks(now) >= look_from_.load(std::memory_order_acquire))
            if (auto wrong = look(cx, now)) return std::move(*wrong);
        return current_.read();
    }

    // For a token whose kid is not among the keys of this generation: true when there is a newer one.
    [[nodiscard]] bool newer_than(std::uint64_t generation, context& cx);

    // How many fetches brought keys, and how many did not.
    [[nodiscard]] std::uint64_t fetched() const noexcept { return number_.load(); }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }    // a count alone

private:
    using count = instant::rep;
    static count ticks(instant when) noexcept { return when.time_since_epoch().count(); }

    [[nodiscard]] std::optional<failure> look(context& cx, instant now);
    [[nodiscard]] std::optional<failure> renew(std::uint64_t after, context& cx);
    outcome<std::uint64_t> fetch_after(std::uint64_t number, context& cx);
    void publish(key_set&& made, instant now);

    fetch_function const fetch_;
    rotation_times const times_;
    post_function const post_;    // empty: renewals are made by who finds that it is time
    replaced<key_generation> current_;
    memory_cache<std::uint64_t, std::uint64_t> flights_{memory_cache_options{.entries = 8}};    // by the generation before

    std::atomic<std::uint64_t> number_{0};    // of the generation; 0: none yet
    std::atomic<count> look_from_{instant::min().time_since_epoch().count()};
    std::atomic<count> unknown_from_{instant::min().time_since_epoch().count()};    // from when an unknown kid may ask for a fetch
    std::atomic<bool> busy_{false};           // a fetch is allowed or under way
    std::atomic<std::uint64_t> failed_{0};

    std::mutex mutex_;    // of what follows, and of every change of what stands above
    bool allowed_ = false;                    // the next flight may fetch
    instant given_until_ = instant::min();
    instant failed_until_ = instant::min();
    std::optional<failure> last_failure_{};
};

// Implementation

// It is time for newer keys, or there are none.
inline std::optional<failure> key_rotation::look(context& cx, instant now) {
    std::uint64_t number = 0;
    bool none = false;
    {
        std::lock_guard lock(mutex_);
        number = number_.load();
        none = number == 0 || now >= given_until_;
        if (none && now < failed_until_) return last_failure_;
        if (!none) {
            if (ticks(now) < look_from_.load()) return std::nullopt;    // somebody was faster
            look_from_.store(ticks(std::min(later(now, std::chrono::seconds{30}), given_until_)));    // by then he is taken for dead
        }
        allowed_ = true;
        busy_.store(true);
    }
    if (none) {
        auto wrong = renew(number, cx);
        return number_.load() != number ? std::nullopt : std::move(wrong);
    }
    if (post_) post_([this, by = cx.waiting(), number] {
        context own{by};
        (void)renew(number, own);
    });
    else (void)renew(number, cx);
    return std::nullopt;    // what was there is given on
}

inline bool key_rotation::newer_than(std::uint64_t generation, context& cx) {
    if (number_.load() != generation) return true;
    auto const now = cx.now();
    // Without the mutex, for made-up kids may come by the million. Whoever moves `unknown_from_` has said `busy_` before.
    if (ticks(now) < unknown_from_.load() && !busy_.load()) return number_.load() != generation;
    {
        std::lock_guard lock(mutex_);
        if (number_.load() != generation) return true;
        if (ticks(now) >= unknown_from_.load()) {
            allowed_ = true;
            busy_.store(true);
            unknown_from_.store(ticks(later(now, times_.unknown_kid_every)));
        } else if (!busy_.load()) {
            return false;
        }
    }
    (void)renew(generation, cx);
    return number_.load() != generation;
}

// What went wrong, or nothing: then there is a newer generation than that one.
inline std::optional<failure> key_rotation::renew(std::uint64_t after, context& cx) {
    auto brought = guarded<outcome<std::uint64_t>>(
        [&] { return flights_.get_or_compute(after, cx, [&](context& inner) { return fetch_after(after, inner); }); });
    if (brought) return std::nullopt;
    return std::move(brought).error();
}

inline outcome<std::uint64_t> key_rotation::fetch_after(std::uint64_t number, context& cx) {
    {
        std::lock_guard lock(mutex_);
        if (auto const there = number_.load(); there != number) return there;
        if (!std::exchange(allowed_, false))    // the flight that it came for is over, and failed
            return last_failure_ ? *last_failure_ : failure{cause::unavailable, "the keys were asked for a moment ago"};
    }
    auto made = guarded<outcome<key_set>>([&] { return fetch_(cx); });
    auto const now = cx.now();
    std::lock_guard lock(mutex_);
    if (made) {
        last_failure_.reset();
        publish(std::move(*made), now);
        busy_.store(false);
        return number_.load();
    }
    if (cx.stop_requested()) {    // the end of this call says nothing of the keys: the next one may try
        allowed_ = true;
        look_from_.store(ticks(now));
        return std::move(made).error();
    }
    failed_.fetch_add(1, std::memory_order_relaxed);    // a count alone
    last_failure_ = std::move(made).error();
    failed_until_ = later(now, std::max(times_.retry_every, last_failure_->retry_after().value_or(std::chrono::nanoseconds{0})));
    look_from_.store(ticks(std::min(failed_until_, given_until_)));    // what is over is looked at by each call
    busy_.store(false);
    return *last_failure_;
}

// Under the mutex. Keys that are there already are kept as they are, with all that was learned about them.
inline void key_rotation::publish(key_set&& made, instant now) {
    auto const before = current_.read();
    std::vector<token_digest> each;
    std::vector<key> keys{made.keys().begin(), made.keys().end()};
    for (auto& one : keys) {
        each.push_back(fingerprint_of(one));
        if (!before.get()) continue;
        auto const& known = before.get()->each;
        if (auto const found = std::find(known.begin(), known.end(), each.back()); found != known.end())
            one = before.get()->keys.keys()[static_cast<std::size_t>(found - known.begin())];
    }
    auto const same = before.get() && before.get()->each == each;
    auto set = same ? before.get()->keys : std::move(*key_set::of(std::move(keys)));    // of what was a set already
    auto const all = fingerprint_of(set.keys());
    auto const number = number_.load() + 1;
    current_.replace(std::make_shared<key_generation const>(key_generation{std::move(set), std::move(each), all, number}));
    auto const fresh_until = later(now, times_.fresh_for);
    given_until_ = later(fresh_until, times_.stale_for);
    look_from_.store(ticks(fresh_until == never ? never : fresh_until - times_.ahead));
    number_.store(number);
}

}  // namespace muster::jwt::detail
