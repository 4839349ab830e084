// What a get and a put of shm_cache take as it grows, from 10^4 to 10^7 keys with values of 64 bytes. All of it takes some 5 GB.
//
// Each call is timed by itself, for keys that are there, drawn evenly: p50 and p99, less what the clock takes. Beside it, what memory does
// to any table that outgrows the caches and the TLB: a std::unordered_map behind a std::shared_mutex, in malloc's pages and in large ones,
// which a shm_cache asks for as well. All sizes of all of them are there at once and asked in turn, so that the growth from one size to
// another is that of one moment. A put replaces: of an unordered_map no other leaves the size as it is.

#include <algorithm>          // min, sort
#include <array>              // records
#include <chrono>             // steady_clock
#include <cstddef>            // size_t
#include <cstdint>            // uint64_t
#include <cstdlib>            // abort
#include <map>                // p50 beside p99
#include <memory>             // stores
#include <memory_resource>    // one piece of memory for a map
#include <mutex>              // unique_lock
#include <optional>           // looks
#include <random>             // mt19937_64
#include <shared_mutex>       // shared_mutex
#include <string>             // names
#include <type_traits>        // is_same
#include <unordered_map>      // the yardstick
#include <utility>            // pair
#include <vector>             // samples

#include <sys/mman.h>    // MADV_HUGEPAGE
#include <unistd.h>      // getpid

#include <measure.hpp>

#include <muster/cache/shm_cache.hpp>

namespace {

constexpr std::size_t ways = muster::detail::set_shape{}.ways;

using key = std::uint64_t;
struct record {
    std::array<std::uint64_t, 8> words{};
};
record record_of(key of) { return {{of}}; }

// Keys without a pattern, in which a number is found by its place.
key key_of(std::uint64_t number) {
    number = (number ^ number >> 30) * 0xbf58'476d'1ce4'e5b9;
    number = (number ^ number >> 27) * 0x94d0'49bb'1331'11eb;
    return number ^ number >> 31;
}

class shared_cache {
public:
    static constexpr char const* name = "shm_cache";
    static constexpr std::size_t room_for(std::size_t keys) { return keys * 5 / 4; }    // as bench/cache: few sets have too many

    explicit shared_cache(std::size_t keys) {
        auto const file = "muster-bench-growth-" + std::to_string(::getpid());
        cache_ = std::make_unique<cache>(file, muster::shm_cache_options{.entries = room_for(keys), .entry_bytes = sizeof(key) + sizeof(record)});
        (void)cache::unlink(file);
    }
    std::optional<record> get(key of) { return cache_->get(of); }
    void put(key of, record const& what) {
        if (!cache_->put(of, what)) std::abort();
    }
    [[nodiscard]] std::size_t size() const { return cache_->size(); }
    [[nodiscard]] std::size_t bytes() const { return cache_->bytes(); }

private:
    using cache = muster::shm_cache<key, record>;
    std::unique_ptr<cache> cache_;
};

template <class Map>
class shared_map {
public:
    template <class... How>
    explicit shared_map(std::size_t keys, How const&... how) : map_(how...) {
        map_.reserve(keys);
    }
    std::optional<record> get(key of) {
        std::shared_lock lock(mutex_);
        auto const found = map_.find(of);
        return found == map_.end() ? std::nullopt : std::optional{found->second};
    }
    void put(key of, record const& what) {
        std::unique_lock lock(mutex_);
        map_.insert_or_assign(of, what);
    }

private:
    std::shared_mutex mutex_;
    Map map_;
};
struct plain_map : shared_map<std::unordered_map<key, record>> {
    static constexpr char const* name = "unordered_map";
    using shared_map::shared_map;
};

// One piece of memory, which the kernel gives in large pages if it can.
class large_pages {
public:
    explicit large_pages(std::size_t bytes) : bytes_(bytes) {
        if (at_ == MAP_FAILED) std::abort();
        (void)::madvise(at_, bytes_, MADV_HUGEPAGE);
    }
    large_pages(large_pages const&) = delete;
    ~large_pages() { ::munmap(at_, bytes_); }
    std::pmr::memory_resource* room() noexcept { return &room_; }

private:
    std::size_t const bytes_;
    void* const at_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::pmr::monotonic_buffer_resource room_{at_, bytes_};
};
class map_in_large_pages : large_pages, public shared_map<std::pmr::unordered_map<key, record>> {
public:
    static constexpr char const* name = "map_in_large_pages";
    explicit map_in_large_pages(std::size_t keys) : large_pages((std::size_t{4} << 20) + 112 * keys), shared_map(keys, room()) {}
};

// How often calls took so many nanoseconds; small, so that it takes little of the caches that are measured.
class times {
public:
    using clock = std::chrono::steady_clock;
    void add(clock::duration took) { ++count_[std::min<std::size_t>(static_cast<std::size_t>(std::chrono::nanoseconds{took}.count()), most)]; }
    /// Those of one tick, which may be 10 ns, are spread evenly up to the next one.
    [[nodiscard]] double quantile(double share) const {
        std::uint64_t all = 0, below = 0;
        for (auto const each : count_) all += each;
        auto const wanted = share * static_cast<double>(all);
        std::size_t ns = 0;
        for (; static_cast<double>(below + count_[ns]) <= wanted && ns < most; ++ns) below += count_[ns];
        auto next = ns + 1;
        while (next < most && count_[next] == 0) ++next;
        return static_cast<double>(ns) + static_cast<double>(next - ns) * (wanted - static_cast<double>(below)) / count_[ns];
    }

private:
    static constexpr std::size_t most = 20'000;
    std::vector<std::uint32_t> count_ = std::vector<std::uint32_t>(most + 1);
};

template <class Call>
[[gnu::noinline]] times timed(std::vector<key> const& keys, std::size_t warm, Call const& call) {
    times out;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        auto const begin = times::clock::now();
        call(keys[i]);
        auto const end = times::clock::now();
        if (i >= warm) out.add(end - begin);
    }
    return out;
}

// How many entries a get compares in full, on the average and at the most: those of its set with the tag of its key. By the hash of the
// cache and a seed of our own, for a cache lets nobody see its own; what a full set has let go is counted, too.
std::pair<double, double> compared(std::size_t keys) {
    auto const sets = (shared_cache::room_for(keys) + ways - 1) / ways;
    std::vector<std::uint64_t> set_and_tag;
    for (std::uint64_t i = 0; i < keys; ++i) {
        std::array<std::uint64_t, 1> const word{key_of(i)};
        auto const hash = muster::detail::hash_of({word.data(), sizeof word}, 7);
        auto const set = static_cast<std::uint64_t>(static_cast<muster::detail::wide_word>(hash) * sets >> 64);
        set_and_tag.push_back(set << 16 | std::max<std::uint64_t>(hash & 0xffff, 1));
    }
    std::sort(set_and_tag.begin(), set_and_tag.end());
    double sum = 0, most = 0;
    for (auto from = set_and_tag.begin(); from != set_and_tag.end();) {
        auto const to = std::upper_bound(from, set_and_tag.end(), *from);
        auto const alike = static_cast<double>(to - from);
        sum += alike * alike;
        most = std::max(most, alike);
        from = to;
    }
    return {sum / static_cast<double>(keys), most};
}

// The stores of all sizes, filled, and what their calls took.
class comparison {
public:
    comparison(bench::report const& to, std::vector<std::size_t> sizes) : to_(to), sizes_(std::move(sizes)) {
        std::vector<double> samples;
        std::vector<key> const nothing(calls());
        for (int i = 0; i < 21; ++i) samples.push_back(timed(nothing, warm(), [](key each) { bench::keep(each); }).quantile(0.5));
        to_.figure("clock", samples, "ns");
        clock_ = bench::median(samples);
    }

    template <class Store>
    void enter() {
        for (auto const keys : sizes_) {
            auto const of = std::make_shared<Store>(keys);
            for (std::uint64_t i = 0; i < keys; ++i) of->put(key_of(i), record_of(key_of(i)));
            auto const held = std::make_shared<std::vector<std::uint32_t>>();
            for (std::uint32_t i = 0; i < keys; ++i)
                if (of->get(key_of(i))) held->push_back(i);
            auto const size = std::to_string(keys);
            if constexpr (std::is_same_v<Store, shared_cache>) {
                auto const room = (shared_cache::room_for(keys) + ways - 1) / ways * ways;
                auto const [mean, most] = compared(keys);
                to_.figure("load_" + size, {static_cast<double>(of->size()) / static_cast<double>(room)}, "held / capacity");
                to_.figure("held_" + size, {static_cast<double>(held->size()) / static_cast<double>(keys)}, "of the keys");
                to_.figure("bytes_" + size, {static_cast<double>(of->bytes()) / static_cast<double>(held->size())}, "B an entry");
                to_.figure("compared_" + size, {mean}, "entries in full a get");
                to_.figure("compared_at_most_" + size, {most}, "entries in full a get");
            }
            add("get_" + (Store::name + ("_" + size)), held, [of](key each) {
                if (auto const found = of->get(each); !found || found->words[0] != each) std::abort();
            });
            add("put_" + (Store::name + ("_" + size)), held, [of](key each) { of->put(each, record_of(each)); });
        }
    }

    void run() {
        auto const taken = bench::in_quiet_rounds(all_, to_.size(21, 2), 120);
        auto const p50 = [&](std::string const& name) { return taken.pick(medians_[name]); };
        auto const p99 = [&](std::string const& name) { return taken.of(name); };
        for (auto const& name : taken.names()) to_.figure(name + "_p50", p50(name), "ns");
        taken.figures(to_, "", "_p99", "ns");
        auto const against_maps = [&](std::string const& call, std::string const& part, auto const& of) {
            auto const growth = [&](std::string const& store) {
                auto const name = call + "_" + store + "_";
                auto out = bench::ratios(of(name + std::to_string(sizes_.back())), of(name + std::to_string(sizes_.front())));
                to_.figure(call + "_" + part + "_growth_" + store, out, "x");
                return out;
            };
            auto const ours = growth(shared_cache::name);
            for (std::string const map : {plain_map::name, map_in_large_pages::name}) {
                to_.figure(call + "_" + part + "_growth_against_" + map, bench::ratios(ours, growth(map)), "x");
                auto const largest = "_" + std::to_string(sizes_.back());
                to_.figure(call + "_" + part + "_of_most_keys_against_" + map,
                           bench::ratios(of(call + "_" + shared_cache::name + largest), of(call + "_" + map + largest)), "x");
            }
        };
        for (std::string const call : {"get", "put"}) {
            against_maps(call, "p50", p50);
            against_maps(call, "p99", p99);
        }
    }

private:
    [[nodiscard]] std::size_t warm() const { return to_.size<std::size_t>(50'000, 5'000); }    // what ran before has the caches
    [[nodiscard]] std::size_t calls() const { return warm() + to_.size<std::size_t>(100'000, 10'000); }

    template <class Call>
    void add(std::string const& name, std::shared_ptr<std::vector<std::uint32_t>> held, Call const& call) {
        all_.push_back({name, [this, name, held, call] {
                            std::vector<key> asked(calls());
                            for (auto& each : asked) each = key_of((*held)[random_() % held->size()]);
                            auto const took = timed(asked, warm(), call);
                            medians_[name].push_back(took.quantile(0.5) - clock_);
                            return took.quantile(0.99) - clock_;
                        }});
    }

    bench::report const& to_;
    std::vector<std::size_t> const sizes_;
    double clock_ = 0;
    std::mt19937_64 random_{7};
    std::vector<bench::contender> all_;
    std::map<std::string, std::vector<double>> medians_;
};

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    std::vector<std::size_t> sizes{10'000, 100'000, 1'000'000};
    if (!report.is_short()) sizes.push_back(10'000'000);
    comparison all{report, sizes};
    all.enter<shared_cache>();
    all.enter<plain_map>();
    all.enter<map_in_large_pages>();
    all.run();
}
