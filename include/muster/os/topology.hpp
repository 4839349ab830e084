#pragma once

#include <algorithm>       // binary_search, lower_bound, rotate, set_intersection, sort
#include <charconv>        // from_chars
#include <cstddef>         // size_t
#include <fstream>         // ifstream
#include <iterator>        // back_inserter
#include <map>             // groups by what they are known by
#include <optional>        // what a file may not say
#include <span>            // places
#include <string>          // paths
#include <string_view>     // text
#include <system_error>    // errc
#include <tuple>           // keys to sort by
#include <utility>         // pair
#include <vector>          // places

#include <dirent.h>    // opendir

#include <muster/os/affinity.hpp>    // affinity

namespace muster {

/// Where one CPU sits in the machine.
///
/// Units      `cpu` as the kernel counts, which may leave numbers out; the others count from 0 without holes, in the order of
///            their first CPU, and only what this process may use.
struct cpu_place {
    std::size_t cpu = 0;        ///< one hardware thread; what `pin_to` takes
    std::size_t core = 0;       ///< shared by the hardware threads of one physical core
    std::size_t cache = 0;      ///< shared by whoever shares the last-level cache and the node
    std::size_t node = 0;       ///< of memory (NUMA)
    std::size_t package = 0;    ///< the socket
    friend bool operator==(cpu_place const&, cpu_place const&) = default;
};

/// What this process may use of the machine, and what lies near what: for binding workers and for stealing near before far.
///
/// Default    one CPU. Where a file is missing or makes no sense: every CPU a core of its own; those of one package share a
///            cache; those without a node share one, and those without a package share one.
/// Throws     nothing but std::bad_alloc.
/// Cost       some ten small files, 0.1 ms, for each CPU: ask once and keep the answer. CPUs that come or go later are not seen.
/// Source     the kernel's Documentation/ABI: sysfs-devices-system-cpu, sysfs-devices-node.
class topology {
public:
    /// Of the CPUs that the calling thread may use: ask before it is pinned. `root` stands in front of /sys, for tests.
    [[nodiscard]] static topology of_process(std::string const& root = {});
    /// The same with these CPUs allowed; none: all that are online.
    [[nodiscard]] static topology read(std::string const& root, std::span<std::size_t const> allowed);

    /// At least one, ascending by `cpu`.
    [[nodiscard]] std::span<cpu_place const> places() const noexcept { return places_; }
    /// Nothing for a CPU that this process may not use.
    [[nodiscard]] std::optional<cpu_place> place_of(std::size_t cpu) const;
    [[nodiscard]] std::size_t cores() const noexcept { return cores_; }
    [[nodiscard]] std::size_t caches() const noexcept { return caches_; }
    [[nodiscard]] std::size_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::size_t packages() const noexcept { return packages_; }
    /// To bind a worker to a node rather than to a CPU: `affinity{of_node(0)}`.
    [[nodiscard]] std::vector<std::size_t> of_node(std::size_t node) const;

    /// How far two CPUs are apart. Only its order means something: 0 for the same, then the same core, cache, node, package, none
    /// of these; what is shared nearer the core weighs more than all that is shared farther out.
    [[nodiscard]] static constexpr unsigned distance(cpu_place const& a, cpu_place const& b) noexcept {
        return (a.cpu != b.cpu) * 16u + (a.core != b.core) * 8u + (a.cache != b.cache) * 4u + (a.node != b.node) * 2u +
               (a.package != b.package) * 1u;
    }

    /// Every other CPU, nearest first: the order to steal in. Among equals the next number first and round the end, so that
    /// neighbours do not all begin with the same victim. Of a CPU that is not here: all, ascending.
    [[nodiscard]] std::vector<std::size_t> near_first(std::size_t cpu) const;

    /// Which CPU each of `workers` workers is bound to, for the most memory bandwidth and cache: nodes take one in turn, and within
    /// a node its caches; second threads of a core only once every core of the machine has a worker.
    ///
    /// Shape      `workers` numbers; past the last CPU it begins again. A pool that grows moves nobody: fewer are the first of more.
    [[nodiscard]] std::vector<std::size_t> spread(std::size_t workers) const;
    /// The same for workers that share much: a node is filled, cache by cache, its second threads last, before the next begins.
    [[nodiscard]] std::vector<std::size_t> compact(std::size_t workers) const;

    friend bool operator==(topology const&, topology const&) = default;

    // What the files say

    /// "0-3,8\n" is 0, 1, 2, 3, 8; nothing for what no kernel writes: numbers that do not ascend, or reach `affinity::limit`.
    [[nodiscard]] static std::optional<std::vector<std::size_t>> parse_cpu_list(std::string_view text);
    /// "12\n"; nothing for a negative number, with which some machines say that they do not know.
    [[nodiscard]] static std::optional<std::size_t> parse_number(std::string_view text);

private:
    static std::optional<std::string> text_of(std::string const& path);
    static std::optional<std::vector<std::size_t>> list_of(std::string const& path);
    static std::optional<std::size_t> lowest_beside(std::size_t cpu, std::string const& path);
    static std::optional<std::size_t> last_cache(std::size_t cpu, std::string const& folder);
    static std::vector<std::optional<std::size_t>> nodes_of(std::span<std::size_t const> cpus, std::string const& folder);
    template <class Rank>
    std::vector<std::size_t> in_order(std::size_t workers, Rank rank) const;

    std::vector<cpu_place> places_ = std::vector<cpu_place>(1);
    std::size_t cores_ = 1, caches_ = 1, nodes_ = 1, packages_ = 1;
};

// Implementation

inline std::optional<std::size_t> topology::parse_number(std::string_view text) {
    std::size_t value = 0;
    auto const* const last = text.data() + text.size();
    auto const [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc{} || (end != last && *end != '\n')) return std::nullopt;
    return value;
}

inline std::optional<std::vector<std::size_t>> topology::parse_cpu_list(std::string_view text) {
    std::vector<std::size_t> numbers;
    text = text.substr(0, text.find('\n'));
    // As they ascend below a limit, no text makes more of them than that.
    for (bool more = !text.empty(); more;) {
        auto const part = text.substr(0, text.find(','));
        more = part.size() < text.size();
        text.remove_prefix(more ? part.size() + 1 : part.size());

        auto const dash = part.find('-');
        auto const first = parse_number(part.substr(0, dash));
        auto const last = dash == part.npos ? first : parse_number(part.substr(dash + 1));
        if (!first || !last || *first > *last || *last >= affinity::limit) return std::nullopt;
        if (!numbers.empty() && *first <= numbers.back()) return std::nullopt;
        for (auto number = *first; number <= *last; ++number) numbers.push_back(number);
    }
    return numbers;
}

inline std::optional<std::string> topology::text_of(std::string const& path) {
    std::size_t const longest = std::size_t{512} * 1'024;    // every second number below the limit takes 192 KiB
    std::ifstream file{path, std::ios::binary};
    std::string text;
    char part[4'096];
    while (file && text.size() < longest) {
        file.read(part, sizeof part);    // of a folder: nothing
        text.append(part, static_cast<std::size_t>(file.gcount()));
    }
    if (text.empty() || text.size() >= longest) return std::nullopt;
    return text;
}

inline std::optional<std::vector<std::size_t>> topology::list_of(std::string const& path) {
    auto const text = text_of(path);
    return text ? parse_cpu_list(*text) : std::nullopt;
}

/// A group of CPUs is known by its lowest, in use or not: each of them finds the same one.
inline std::optional<std::size_t> topology::lowest_beside(std::size_t cpu, std::string const& path) {
    auto const list = list_of(path);
    if (!list || !std::binary_search(list->begin(), list->end(), cpu)) return std::nullopt;
    return list->front();
}

inline std::optional<std::size_t> topology::last_cache(std::size_t cpu, std::string const& folder) {
    std::size_t highest = 0;
    std::string last;
    for (int index = 0; index < 16; ++index) {    // numbered without holes
        auto const cache = folder + "/index" + std::to_string(index);
        auto const text = text_of(cache + "/level");
        if (!text) break;
        auto const level = parse_number(*text).value_or(0);
        if (level <= highest) continue;
        highest = level;
        last = cache;
    }
    return highest == 0 ? std::nullopt : lowest_beside(cpu, last + "/shared_cpu_list");
}

/// The node of each of `cpus`, which ascend.
inline std::vector<std::optional<std::size_t>> topology::nodes_of(std::span<std::size_t const> cpus, std::string const& folder) {
    struct closing {
        DIR* listing;
        ~closing() {
            if (listing) ::closedir(listing);
        }
    } const in{::opendir(folder.c_str())};
    std::vector<std::optional<std::size_t>> nodes(cpus.size());
    if (!in.listing) return nodes;
    while (auto const* entry = ::readdir(in.listing)) {
        std::string_view const name = entry->d_name;
        auto const node = name.starts_with("node") ? parse_number(name.substr(4)) : std::nullopt;
        auto const list = node ? list_of(folder + '/' + entry->d_name + "/cpulist") : std::nullopt;
        if (!list) continue;
        for (std::size_t i = 0; i < cpus.size(); ++i)    // where two claim one, the order of a folder shall not decide
            if (std::binary_search(list->begin(), list->end(), cpus[i])) nodes[i] = std::min(nodes[i].value_or(*node), *node);
    }
    return nodes;
}

inline topology topology::read(std::string const& root, std::span<std::size_t const> allowed) {
    auto const folder = root + "/sys/devices/system/";
    std::vector<std::size_t> cpus{allowed.begin(), allowed.end()};
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    if (auto const online = list_of(folder + "cpu/online"); online && !online->empty()) {
        std::vector<std::size_t> both;
        std::set_intersection(cpus.begin(), cpus.end(), online->begin(), online->end(), std::back_inserter(both));
        if (!both.empty()) cpus = both;
        else if (cpus.empty()) cpus = *online;    // else this is another machine's /sys: the mask is what was asked for
    }
    if (cpus.empty()) cpus.push_back(0);

    auto const nodes = nodes_of(cpus, folder + "node");
    using name = std::pair<bool, std::size_t>;    // whether a file gave it, and what it is
    auto const named = [](std::optional<std::size_t> given, std::size_t otherwise) {
        return name{given.has_value(), given.value_or(otherwise)};
    };
    std::map<name, std::size_t> core_numbers, node_numbers, package_numbers;
    std::map<std::pair<name, std::size_t>, std::size_t> cache_numbers;
    auto const number = [](auto& numbers, auto const& of) { return numbers.try_emplace(of, numbers.size()).first->second; };

    topology found;
    found.places_.clear();
    found.places_.reserve(cpus.size());
    for (std::size_t i = 0; i < cpus.size(); ++i) {
        auto const cpu = cpus[i];
        auto const of_cpu = folder + "cpu/cpu" + std::to_string(cpu);
        auto core = lowest_beside(cpu, of_cpu + "/topology/core_cpus_list");
        if (!core) core = lowest_beside(cpu, of_cpu + "/topology/thread_siblings_list");    // its name before Linux 5.3
        auto const package = parse_number(text_of(of_cpu + "/topology/physical_package_id").value_or(""));
        auto const cache = last_cache(cpu, of_cpu + "/cache");

        cpu_place place;
        place.cpu = cpu;
        place.core = number(core_numbers, named(core, cpu));
        place.package = number(package_numbers, named(package, 0));
        place.node = number(node_numbers, named(nodes[i], 0));
        place.cache = number(cache_numbers, std::pair{named(cache, place.package), place.node});
        found.places_.push_back(place);
    }
    found.cores_ = core_numbers.size();
    found.caches_ = cache_numbers.size();
    found.nodes_ = node_numbers.size();
    found.packages_ = package_numbers.size();
    return found;
}

inline topology topology::of_process(std::string const& root) { return read(root, affinity::of_thread().cpus()); }

inline std::optional<cpu_place> topology::place_of(std::size_t cpu) const {
    auto const at = std::lower_bound(places_.begin(), places_.end(), cpu,
                                     [](cpu_place const& place, std::size_t wanted) { return place.cpu < wanted; });
    if (at == places_.end() || at->cpu != cpu) return std::nullopt;
    return *at;
}

inline std::vector<std::size_t> topology::of_node(std::size_t node) const {
    std::vector<std::size_t> cpus;
    for (auto const& place : places_)
        if (place.node == node) cpus.push_back(place.cpu);
    return cpus;
}

inline std::vector<std::size_t> topology::near_first(std::size_t cpu) const {
    auto const here = place_of(cpu);
    auto others = places_;
    if (here) {
        auto const at = std::find(others.begin(), others.end(), *here);
        std::rotate(others.begin(), at, others.end());
        others.erase(others.begin());
        std::stable_sort(others.begin(), others.end(),
                         [&](auto const& a, auto const& b) { return distance(*here, a) < distance(*here, b); });
    }
    std::vector<std::size_t> cpus;
    cpus.reserve(others.size());
    for (auto const& place : others) cpus.push_back(place.cpu);
    return cpus;
}

/// `rank` sorts by a place, the how-manieth thread it is of its core, that core of its cache, and that cache of its node.
template <class Rank>
std::vector<std::size_t> topology::in_order(std::size_t workers, Rank rank) const {
    std::size_t const none = ~std::size_t{0};
    std::vector<std::size_t> threads(cores_), cores_seen(caches_), caches_seen(nodes_);
    std::vector<std::size_t> core_in_cache(cores_, none), cache_in_node(caches_, none);
    using ranked = std::pair<decltype(rank(places_[0], 0, 0, 0)), std::size_t>;
    std::vector<ranked> order;
    order.reserve(places_.size());
    for (auto const& place : places_) {
        auto& core = core_in_cache[place.core];
        if (core == none) core = cores_seen[place.cache]++;
        auto& cache = cache_in_node[place.cache];
        if (cache == none) cache = caches_seen[place.node]++;
        order.emplace_back(rank(place, threads[place.core]++, core, cache), place.cpu);
    }
    std::sort(order.begin(), order.end());

    std::vector<std::size_t> cpus;
    cpus.reserve(workers);
    for (std::size_t i = 0; i < workers; ++i) cpus.push_back(order[i % order.size()].second);
    return cpus;
}

inline std::vector<std::size_t> topology::spread(std::size_t workers) const {
    return in_order(workers, [](cpu_place const& place, std::size_t thread, std::size_t core, std::size_t cache) {
        return std::tuple{thread, core, cache, place.node};
    });
}

inline std::vector<std::size_t> topology::compact(std::size_t workers) const {
    return in_order(workers, [](cpu_place const& place, std::size_t thread, std::size_t, std::size_t) {
        return std::tuple{place.node, thread, place.cache, place.core};
    });
}

}  // namespace muster
