#pragma once

#include <atomic>                // what a child of fork begins anew
#include <chrono>                // nanoseconds
#include <concepts>              // same_as
#include <condition_variable>    // condition_variable_any
#include <cstddef>               // size_t
#include <cstdint>               // uint64_t
#include <memory>                // unique_ptr
#include <mutex>                 // mutex
#include <optional>              // get
#include <stdexcept>             // runtime_error
#include <stop_token>            // stop_token
#include <string>                // names
#include <thread>                // jthread
#include <utility>               // move

#include <muster/cache/cache_stats.hpp>             // cache_stats
#include <muster/cache/detail/cache_segment.hpp>    // cache_segment
#include <muster/cache/detail/cache_words.hpp>      // encoded_words
#include <muster/cache/detail/single_flight.hpp>    // single_flight
#include <muster/core/concepts.hpp>                 // cache
#include <muster/core/context.hpp>                  // context
#include <muster/core/invoke_task.hpp>              // guarded
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/core/wire.hpp>                     // transportable
#include <muster/os/quiet_thread.hpp>               // quiet_thread
#include <muster/os/wiped_page.hpp>                 // wiped_page

namespace muster {

/// What a shm_cache holds, and how long. All processes that open it say the same `entries`, `entry_bytes` and `largest`.
struct shm_cache_options {
    std::size_t entries = 4'096;       ///< about so many
    std::size_t entry_bytes = 128;     ///< that an entry has on the average, key and value: `entries` of them are what memory is taken for
    std::size_t largest = 0;           ///< bytes that there has to be room for in one entry; 0: what 32 of the average have is enough
    std::chrono::nanoseconds ttl = std::chrono::nanoseconds::max();    ///< how long an entry is good; more than 0
    std::chrono::nanoseconds patience = std::chrono::seconds{30};      ///< how long a call waits for a process that computes the same
    std::chrono::nanoseconds sweep_every{0};    ///< how often a thread of this process takes away what is too old; 0: only who looks at it does
    unsigned mode = 0600;              ///< who may open it
    friend bool operator==(shm_cache_options const&, shm_cache_options const&) = default;
};

/// Remembers values for every process of this machine that opens the same name. Reads take no lock, and whoever dies, at whatever
/// instruction, costs at most what he was about to store. It may forget; it never lies, and it never blocks.
///
///     shm_cache<std::string, page> pages{"pages", {.entries = 100'000, .entry_bytes = 1'024, .ttl = 10min}};
///
/// A name with a slash is a path: the entries lie in that file, and are there after the machine was started again.
///
/// Order      S3-FIFO in sets of 32: what is asked for once goes first.
/// Shape      keys and values that travel (core/wire.hpp), of any size up to `largest()`. Keys are equal when their bytes on the wire are.
/// Units      shared memory: fixed when it is made, `bytes()`, and never more. A thread keeps up to 64 KiB for what it copies.
/// Waits      `get_or_compute`: for a call under way on the same key, also in another process, where it looks every 0.1 to 2 ms. A
///            process that dies over it is replaced at once. A call inside another call's computation waits for no other process, but for
///            a thread of its own, which may: a circle through two processes ends with `patience`.
/// Fails      `put`: cause::invalid_input for an entry that is too large, cause::unavailable where a process that is stopped, or has
///            no processor, has held the set for 10 ms; the key is then forgotten. `get_or_compute`: only with what `compute`
///            fails with, and as memory_cache; what cannot be stored is answered all the same, and counted as `unstored`.
/// Throws     the constructor: std::runtime_error, which says what is wrong with the name, the options or what is there already.
/// Threads    any number, in up to 256 processes at a time, their children of fork included; all in one pid namespace. A child has its
///            parent's entries, and none of its computations. A program that calls exec while another of its threads stores keeps that
///            set until it ends.
/// Lifetime   the entries stay when all are gone: a program that starts again finds them. `unlink` removes the name.
/// Cost       a look: one hash, four cache lines for an entry of up to 112 bytes, one copy, and the value is made from it. A put besides: two exchanges, and the
///            32 words of a set where one has to go.
/// Source     see detail/cache_set.hpp.
template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
class shm_cache {
    static_assert(std::same_as<typename detail::normalised<Value>::type, outcome<Value>>,
                  "muster: shm_cache remembers values, no outcomes; what failed is not remembered");

public:
    using key_type = Key;
    using value_type = Value;

    explicit shm_cache(std::string const& name, shm_cache_options options = {});
    shm_cache(shm_cache const&) = delete;
    shm_cache& operator=(shm_cache const&) = delete;
    ~shm_cache();

    /// Nobody finds it by that name any more; who has it open keeps it. False: there was none.
    static outcome<bool> unlink(std::string const& name) { return detail::cache_segment::unlink(name); }

    /// The value, if it is there and not too old: now, or at `now`.
    std::optional<Value> get(Key const& key) { return look(key, [] { return thread_waiter{}.now(); }, true); }
    std::optional<Value> get(Key const& key, instant now) { return look(key, [now] { return now; }, true); }
    /// The same into a string that is there, which keeps its memory, so that many looks allocate none. False: it is empty.
    bool get_to(Key const& key, Value& into)
        requires std::same_as<Value, std::string>;
    outcome<void> put(Key const& key, Value const& value, instant now = thread_waiter{}.now()) { return put(key, value, options_.ttl, now); }
    /// Good for `ttl`, more than 0, instead of as long as others are.
    outcome<void> put(Key const& key, Value const& value, std::chrono::nanoseconds ttl, instant now = thread_waiter{}.now());
    /// False: it was not there. Needs nobody's leave: from then on no process finds it.
    bool erase(Key const& key);
    void clear() noexcept;
    /// Stores what `change(std::optional<Value> const&)` makes of what is there, in one step: where somebody has changed that meanwhile it
    /// is called again. Answers what was stored. Fails as `put`.
    template <class Change>
    outcome<Value> update(Key const& key, Change const& change, instant now = thread_waiter{}.now());

    /// The value that is remembered, or that of `compute(cx)`, which then is.
    template <class Compute>
    outcome<Value> get_or_compute(Key const& key, context& cx, Compute const& compute);

    /// Takes away what is too old; answers how many those were. Any process may.
    std::size_t sweep(instant now = thread_waiter{}.now()) noexcept { return sweep(now, {}); }

    /// Entries, also those that are too old; some that come and go meanwhile are counted or not.
    [[nodiscard]] std::size_t size() const noexcept;
    /// The bytes that a key and a value may have together, on the wire.
    [[nodiscard]] std::size_t largest() const noexcept { return segment_->plan().shape.largest(); }
    /// Of memory, or of the file.
    [[nodiscard]] std::size_t bytes() const noexcept { return segment_->bytes(); }
    /// Of all processes, also of those that are gone.
    [[nodiscard]] cache_stats stats() const noexcept { return segment_->stats(); }
    /// Of this process.
    [[nodiscard]] cache_stats stats_of_process() noexcept { return segment_->stats_of_process(); }

private:
    using segment = detail::cache_segment;
    using set_events = detail::set_events;
    using key_words = detail::encoded_words<128>;
    using value_words = detail::encoded_words<1'024>;

    static std::unique_ptr<segment> opened(std::string const& name, shm_cache_options const& options);

    template <class Now>
    std::optional<Value> look(Key const& key, Now const& now, bool count_miss);
    template <class Now>
    std::optional<Value> look_at(detail::cache_words key, std::uint64_t hash, Now const& now, detail::seen_entry* seen);
    template <class Now, class To>
    bool find(detail::cache_words key, std::uint64_t hash, Now const& now, To& to, detail::seen_entry* seen);
    std::optional<failure> too_large(detail::cache_words key, detail::cache_words value) const;
    static failure not_claimed(segment::claimed why) {
        return {cause::unavailable, why == segment::claimed::held ? "another process holds this part of the shared cache: it is stopped, or has no processor"
                                                                  : "there is no place for this process among the 256 that the shared cache knows, or its file was closed"};
    }
    outcome<void> refuse(detail::cache_words key, std::uint64_t hash, failure why);
    template <class Compute>
    outcome<Value> compute_once(Key const& key, std::uint64_t hash, bool nested, context& cx, Compute const& compute);
    using flights = detail::single_flight<std::string, Value>;    // by the key's bytes: it need not be hashable
    flights& under_way();
    std::size_t sweep(instant now, std::stop_token const& stop) noexcept;
    struct sweeper {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::jthread thread;    // the last: it ends first
        void run(shm_cache& in, std::stop_token const& stop);
    };

    shm_cache_options const options_;
    std::unique_ptr<segment> const segment_;
    // A child of fork begins with none of these: threads that it does not have may hold what is in them.
    struct of_this_process {
        std::atomic<flights*> under_way{nullptr};
        sweeper* sweeps = nullptr;
    };
    wiped_page<of_this_process> here_;
};

// Implementation

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
shm_cache<Key, Value>::shm_cache(std::string const& name, shm_cache_options options) : options_(options), segment_(opened(name, options)) {
    if (options_.sweep_every.count() == 0) return;
    auto made = std::make_unique<sweeper>();
    made->thread = quiet_thread([this, it = made.get()](std::stop_token const& stop) { it->run(*this, stop); });
    here_->sweeps = made.release();
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
shm_cache<Key, Value>::~shm_cache() {
    delete here_->sweeps;
    delete here_->under_way.load(std::memory_order_acquire);    // pairs with `under_way`
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
auto shm_cache<Key, Value>::under_way() -> flights& {
    auto& mine = here_->under_way;
    if (auto* const there = mine.load(std::memory_order_acquire)) return *there;    // pairs with the exchange
    auto made = std::make_unique<flights>();
    flights* there = nullptr;
    if (mine.compare_exchange_strong(there, made.get(), std::memory_order_acq_rel)) return *made.release();    // pairs with the load
    return *there;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
std::unique_ptr<detail::cache_segment> shm_cache<Key, Value>::opened(std::string const& name, shm_cache_options const& options) {
    auto const wrong = [](std::string const& what) { throw std::runtime_error{"muster: " + what}; };
    if (options.entries == 0 || options.entry_bytes == 0 || options.ttl.count() <= 0 || options.patience.count() < 0 || options.sweep_every.count() < 0)
        wrong("shm_cache needs room for 1 entry or more, of 1 byte or more, a ttl above 0, and times of 0 or more");
    constexpr std::uint64_t most_units = 0xffff, most_bytes = std::uint64_t{1} << 46;
    detail::segment_plan plan;
    plan.fingerprint = wire_fingerprint<Key> * 31 + wire_fingerprint<Value>;
    plan.mode = options.mode;
    plan.shape.sums = segment::is_path(name);
    auto const largest = options.largest != 0 ? options.largest : options.entry_bytes;
    if (options.entry_bytes > most_units * detail::set_shape::unit || largest > most_units * detail::set_shape::unit)
        wrong("shm_cache takes entries of 4 MiB at the most");
    auto const each = plan.shape.units_for(options.entry_bytes, 8);    // two words of which a part is empty
    auto const needed = plan.shape.units_for(largest, 14);
    auto const units = std::max<std::uint64_t>((plan.shape.ways + 1) * each, needed);
    if (units > most_units) wrong("shm_cache takes 32 entries of " + std::to_string(options.entry_bytes) + " bytes in a set, which may have 4 MiB; make entry_bytes smaller, and largest what the largest has");
    plan.shape.units = static_cast<std::uint32_t>(units);
    if (options.entries > most_bytes / (units * detail::set_shape::unit) * plan.shape.ways) wrong("shm_cache takes 64 TiB at the most");
    plan.sets = (options.entries + plan.shape.ways - 1) / plan.shape.ways;
    context cx;
    auto const until = cx.change_deadline(later(cx.now(), std::chrono::seconds{10}));
    auto made = segment::open(name, plan, cx);
    if (!made) wrong(made.error().text());
    return *std::move(made);
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Now, class To>
bool shm_cache<Key, Value>::find(detail::cache_words key, std::uint64_t hash, Now const& now, To& to, detail::seen_entry* seen) {
    auto const found = segment_->set_of(hash).find(hash, key, [&] { return now().time_since_epoch().count(); }, to, seen);
    if (found == detail::cache_set::found::expired) segment_->add(segment::expired);
    return found == detail::cache_set::found::here;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Now>
std::optional<Value> shm_cache<Key, Value>::look_at(detail::cache_words key, std::uint64_t hash, Now const& now, detail::seen_entry* seen) {
    std::optional<Value> made;
    if constexpr (std::same_as<Value, std::string>) {
        detail::text_buffer text{made.emplace()};
        if (!find(key, hash, now, text, seen)) made.reset();
    } else {
        detail::value_buffer bytes;
        if (!find(key, hash, now, bytes, seen)) return made;
        auto value = decoded<Value>(bytes.bytes());
        if (value) made = *std::move(value);
        else segment_->add(segment::damaged);    // no writer leaves such a thing: somebody else has written here
    }
    return made;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
bool shm_cache<Key, Value>::get_to(Key const& key, Value& into)
    requires std::same_as<Value, std::string>
{
    key_words const of_key{key};
    auto const bytes = of_key.words();
    detail::text_buffer text{into};
    auto const found = find(bytes, hash_of(bytes, segment_->seed()), [] { return thread_waiter{}.now(); }, text, nullptr);
    if (!found) into.clear();
    segment_->add(found ? segment::hits : segment::misses);
    return found;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Now>
std::optional<Value> shm_cache<Key, Value>::look(Key const& key, Now const& now, bool count_miss) {
    key_words const of_key{key};
    auto const bytes = of_key.words();
    auto found = look_at(bytes, hash_of(bytes, segment_->seed()), now, nullptr);
    if (found) segment_->add(segment::hits);
    else if (count_miss) segment_->add(segment::misses);
    return found;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
std::optional<failure> shm_cache<Key, Value>::too_large(detail::cache_words key, detail::cache_words value) const {
    auto const size = key.bytes + value.bytes;
    if (size <= largest()) return std::nullopt;
    return failure{cause::invalid_input, "an entry of " + std::to_string(size) + " bytes is too large for this shared cache, which takes up to " + std::to_string(largest())};
}

/// What could not be stored is not there in an older form either: a cache may forget.
template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
outcome<void> shm_cache<Key, Value>::refuse(detail::cache_words key, std::uint64_t hash, failure why) {
    (void)segment_->set_of(hash).take_away(hash, key);
    segment_->add(segment::unstored);
    return why;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
outcome<void> shm_cache<Key, Value>::put(Key const& key, Value const& value, std::chrono::nanoseconds ttl, instant now) {
    if (ttl.count() <= 0) return failure{cause::invalid_input, "an entry of a shared cache is good for more than no time"};
    key_words const of_key{key};
    auto const bytes = of_key.words();
    auto const hash = hash_of(bytes, segment_->seed());
    auto const set = segment_->set_of(hash);
    set.prefetch();
    value_words const of_value{value};
    if (auto why = too_large(bytes, of_value.words())) return refuse(bytes, hash, *std::move(why));
    auto const until = later(now, ttl).time_since_epoch().count();
    auto const claimed = segment_->with_claim(set, [&](set_events& events) {
        (void)set.put(hash, bytes, of_value.words(), until, now.time_since_epoch().count(), segment_->sum(), events);
    });
    if (claimed != segment::claimed::done) return refuse(bytes, hash, not_claimed(claimed));
    segment_->add(segment::stored);
    return {};
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Change>
outcome<Value> shm_cache<Key, Value>::update(Key const& key, Change const& change, instant now) {
    key_words const of_key{key};
    auto const bytes = of_key.words();
    auto const hash = hash_of(bytes, segment_->seed());
    auto const set = segment_->set_of(hash);
    auto const until = later(now, options_.ttl).time_since_epoch().count();
    for (;;) {
        detail::seen_entry seen;
        Value value = change(look_at(bytes, hash, [now] { return now; }, &seen));
        value_words const of_value{value};
        if (auto why = too_large(bytes, of_value.words())) return refuse(bytes, hash, *std::move(why)).error();
        bool same = false;
        auto const claimed = segment_->with_claim(set, [&](set_events& events) {
            same = set.put(hash, bytes, of_value.words(), until, now.time_since_epoch().count(), segment_->sum(), events, &seen);
        });
        if (claimed != segment::claimed::done) return refuse(bytes, hash, not_claimed(claimed)).error();
        if (!same) continue;
        segment_->add(segment::stored);
        return value;
    }
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
bool shm_cache<Key, Value>::erase(Key const& key) {
    key_words const of_key{key};
    auto const bytes = of_key.words();
    auto const hash = hash_of(bytes, segment_->seed());
    return segment_->set_of(hash).take_away(hash, bytes);
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
void shm_cache<Key, Value>::clear() noexcept {
    for (std::uint64_t i = 0; i < segment_->plan().sets; ++i) segment_->set(i).clear();
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
std::size_t shm_cache<Key, Value>::sweep(instant now, std::stop_token const& stop) noexcept {
    std::size_t all = 0;
    for (std::uint64_t i = 0; i < segment_->plan().sets && !stop.stop_requested(); ++i)
        if (auto const count = segment_->set(i).sweep(now.time_since_epoch().count()); count != 0) {
            segment_->add(segment::expired, count);
            all += count;
        }
    return all;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
void shm_cache<Key, Value>::sweeper::run(shm_cache& in, std::stop_token const& stop) {
    std::unique_lock lock(mutex);
    auto const next = [&] { return later(thread_waiter{}.now(), in.options_.sweep_every); };
    while (!woken.wait_until(lock, stop, next(), [&] { return stop.stop_requested(); })) (void)in.sweep(thread_waiter{}.now(), stop);
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
std::size_t shm_cache<Key, Value>::size() const noexcept {
    std::size_t count = 0;
    for (std::uint64_t i = 0; i < segment_->plan().sets; ++i) count += segment_->set(i).size();
    return count;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Compute>
outcome<Value> shm_cache<Key, Value>::get_or_compute(Key const& key, context& cx, Compute const& compute) {
    if (auto known = look(key, [&] { return cx.now(); }, true)) return *std::move(known);
    key_words const of_key{key};
    auto const bytes = of_key.words();
    auto const hash = hash_of(bytes, segment_->seed());
    auto const text = bytes.as_bytes();
    auto const nested = cx.flights() != nullptr;
    bool led = false;
    auto result = under_way().run(
        std::string{reinterpret_cast<char const*>(text.data()), text.size()}, cx,
        [&] {
            led = true;
            return look(key, [&] { return cx.now(); }, false);
        },
        [&](context& inner) { return compute_once(key, hash, nested, inner, compute); });
    if (!led) segment_->add(segment::waited);
    return result;
}

template <class Key, class Value>
    requires transportable<Key> && transportable<Value>
template <class Compute>
outcome<Value> shm_cache<Key, Value>::compute_once(Key const& key, std::uint64_t hash, bool nested, context& cx, Compute const& compute) {
    using namespace std::chrono_literals;
    auto how = segment_->take_off(hash);
    bool waited = false;
    auto const look_again = [&] {
        auto known = look(key, [&] { return cx.now(); }, false);
        if (known && waited) segment_->add(segment::waited);
        return known;
    };
    auto const begin = cx.now();
    // One that leads another key may be what that process waits for: nobody sees a circle that goes through two of them.
    for (std::chrono::nanoseconds pause = 100us; !nested && how == segment::flight::waits; how = segment_->take_off(hash)) {
        if (auto known = look_again()) return *std::move(known);
        if (cx.now() - begin >= options_.patience) break;
        if (auto const paused = cx.pause(pause); !paused) return paused.error();
        waited = true;
        pause = std::min<std::chrono::nanoseconds>(pause + pause / 4, 2ms);
    }
    struct landing {
        segment& in;
        std::uint64_t const hash;
        bool const led;
        ~landing() {
            if (led) in.land(hash);
        }
    } const landing{*segment_, hash, how == segment::flight::led};
    if (auto known = look_again()) return *std::move(known);    // stored before it landed
    outcome<Value> made = compute(cx);
    if (made) (void)guarded<outcome<void>>([&] { return put(key, *made, cx.now()); });    // counted where it fails; the answer is there in any case
    return made;
}

}  // namespace muster
