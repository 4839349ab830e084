#include "problem.hpp"

#include <cstdint>    // uint64_t
#include <cstdlib>    // abort
#include <cstring>    // memcpy, memset
#include <string>     // names
#include <vector>     // items

#include <muster/core/stage.hpp>
#include <muster/flow/map.hpp>
#include <muster/os/affinity.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/process_pool.hpp>
#include <muster/shm/shared_span.hpp>

#include <python_script.hpp>

#include "lent_chunk.hpp"
#include "raw_ring.hpp"

namespace bench::process {

using namespace muster;

/// What a slot of the raw ring has of an item.
struct text {
    char bytes[1'024];
};

/// The tasks: an empty class each, which muster sends by its type and the raw ring has in its own.
struct negate {
    int operator()(int const& x) const noexcept { return negated(x); }
};
struct sum_text {
    std::uint64_t operator()(std::string const& of) const noexcept { return sum_of_lines(of); }
    std::uint64_t operator()(text const& of) const noexcept { return sum_of_lines({of.bytes, sizeof of.bytes}); }
};
struct sum_chunk {
    std::uint64_t operator()(lent_chunk const& of) const noexcept { return sum_of_lines(of.bytes()); }
    std::uint64_t operator()(shared_span<char> const& of) const noexcept { return sum_of_lines({of.data(), of.size()}); }
};

namespace {

void put(int& slot, int item) { slot = item; }
void put(text& slot, std::string const& item) { std::memcpy(slot.bytes, item.data(), sizeof slot.bytes); }
void put(lent_chunk& slot, lent_chunk item) { slot = item; }

/// Everybody calls `task` with each item, `repeat` times over; nanoseconds a call, and every answer is looked at. `ours` are the same items
/// as muster takes them.
template <class Slot, class Item, class Ours, class Task>
void compare(report const& to, std::string const& tag, process_pool& cells, std::vector<Item> const& items, std::vector<Ours> const& ours,
             Task const& task, std::size_t repeat, python_script* pools) {
    using answer = decltype(task(items[0]));
    std::vector<answer> expected, got(items.size());
    for (auto const& item : items) expected.push_back(task(item));
    auto const cpus = affinity::of_thread().cpus();
    raw_ring<Slot, answer, Task> plain{cpus.back()}, batched{cpus.back(), 16};
    auto const bound = pinned::to(affinity{cpus.front()});
    if (!bound) std::fprintf(stderr, "  map: %s\n", bound.error().text().c_str());

    auto const ns_a_call = [&](auto const& once, auto const& answers) {
        double took = 0;
        for (std::size_t i = 0; i < repeat; ++i) {
            took += seconds(once);
            if (!answers()) std::abort();
        }
        return took * 1e9 / static_cast<double>(items.size() * repeat);
    };
    auto const with_muster = [&] {
        auto const stage = on{cells} | task;
        decltype(map(ours, stage)) made;
        return ns_a_call([&] { made = map(ours, stage); },
                         [&] {
                             for (std::size_t i = 0; i < items.size(); ++i)
                                 if (made[i].value() != expected[i]) return false;
                             return true;
                         });
    };
    auto const with_raw = [&](raw_ring<Slot, answer, Task>& raw, std::size_t window) {
        return [&, window] {
            return ns_a_call([&] {
                raw.run(items.size(), window, [&](std::size_t i, Slot& slot) { put(slot, items[i]); },
                        [&](std::size_t i, answer const& made) { got[i] = made; });
            }, [&] { return got == expected; });
        };
    };
    std::vector<contender> all{{"muster", with_muster}, {"raw_ring_64", with_raw(plain, 64)}, {"raw_ring_256", with_raw(plain, 256)},
                               {"raw_ring_256_by_16", with_raw(batched, 256)}};
    for (std::string const pool : {"ppe", "ppe_chunks", "loky", "loky_chunks"}) {
        if (!pools) break;
        auto const ask = [=](std::size_t n) { return pools->ask(std::string{pool} + ' ' + tag + ' ' + std::to_string(n)); };
        if (!ask(1)) {
            std::fprintf(stderr, "  map: without %s, which was not found (Debian: apt-get install python3 python3-joblib)\n", pool.c_str());
            continue;
        }
        auto const count = pool.ends_with("_chunks") ? to.size<std::size_t>(50'000, 1'000) : to.size<std::size_t>(3'000, 100);
        all.push_back({pool, [=] { return ask(count).value(); }});
    }

    auto const taken = in_quiet_rounds(all, to.size(9, 1), 25);
    auto const prefix = "map_" + tag + "_";
    taken.figures(to, prefix, "_ns", "ns/task");
    for (std::size_t i = 1; i < all.size(); ++i) taken.ratio(to, prefix + "against_" + all[i].name, "muster", all[i].name);
}

}  // namespace

void compare_throughput(report const& to) {
    python_script pools{"bench/process/pools.py"};    // first: see there
    process_pool_options options;
    options.workers = 1;
    options.cpus = {affinity::of_thread().cpus().back()};
    process_pool cells{options};

    std::vector<int> numbers;
    for (int i = 0; i < to.size(200'000, 2'000); ++i) numbers.push_back(i);
    compare<int>(to, "empty", cells, numbers, numbers, negate{}, 1, &pools);

    std::vector<std::string> texts;    // together no more than a cache holds
    for (int i = 0; i < to.size(8'192, 512); ++i) texts.emplace_back(sizeof(text), static_cast<char>('a' + i % 26));
    compare<text>(to, "1_KiB", cells, texts, texts, sum_text{}, to.size<std::size_t>(8, 1), &pools);

    std::vector<lent_chunk> chunks;
    std::vector<shared_span<char>> spans;
    for (std::uint32_t i = 0; i < chunk_count; ++i) {
        chunks.push_back({i});
        spans.push_back(shared_span<char>::make(cells.arena(), chunk_size).value());
        std::memset(common.chunks[i], static_cast<int>(i + 1), chunk_size);
        std::memset(spans.back().data(), static_cast<int>(i + 1), chunk_size);
    }
    compare<lent_chunk>(to, "1_MiB", cells, chunks, spans, sum_chunk{}, to.size<std::size_t>(64, 4), nullptr);
}

}  // namespace bench::process
