// What hash_ring adds to a call: a look on nodes that answer at once, at 3, 16 and 50 nodes, of one weight and of several. Beside it, the
// rings that it was measured against choose a node, and nothing more.

#include <algorithm>    // find_if, sort, upper_bound
#include <cstdint>      // uint64_t
#include <cstdlib>      // abort
#include <deque>        // nodes
#include <memory>       // the rings stay where they are
#include <optional>     // get
#include <string>       // names
#include <vector>       // points

#include <measure.hpp>

#include <muster/route/hash_ring.hpp>

namespace {

using namespace muster;

struct nothing_there {
    using key_type = std::uint64_t;
    using value_type = std::uint64_t;
    std::optional<std::uint64_t> get(std::uint64_t const& key) { return key; }
    template <class Compute>
    outcome<std::uint64_t> get_or_compute(std::uint64_t const&, context& cx, Compute const& compute) { return compute(cx); }
};
struct far_away {
    using key_type = std::uint64_t;
    using value_type = std::uint64_t;
    outcome<std::optional<std::uint64_t>> try_get(std::uint64_t const& key) { return std::optional{key}; }
    outcome<void> try_put(std::uint64_t const&, std::uint64_t const&) { return {}; }
};

// Karger's ring, with so many points for each node.
class ring_of_points {
public:
    ring_of_points(std::uint64_t nodes, std::uint64_t points) {
        for (std::uint64_t node = 0; node < nodes; ++node)
            for (std::uint64_t i = 1; i <= points; ++i) all_.push_back({detail::ring_mixed(detail::ring_mixed(node + 1) + detail::ring_mixed(i)), node});
        std::sort(all_.begin(), all_.end(), [](point const& a, point const& b) { return a.at < b.at; });
    }
    [[nodiscard]] std::uint64_t node_of(std::uint64_t key) const {
        auto const found = std::upper_bound(all_.begin(), all_.end(), key, [](std::uint64_t at, point const& b) { return at < b.at; });
        return (found == all_.end() ? all_.front() : *found).node;
    }

private:
    struct point {
        std::uint64_t at;
        std::uint64_t node;
    };
    std::vector<point> all_;
};

template <class Look>
[[gnu::noinline]] double ns_a_look(Look const& look, std::uint64_t n) {
    std::uint64_t sum = 0;
    auto const took = bench::seconds([&] {
        for (std::uint64_t i = 0; i < n; ++i) sum += look(i);
    });
    bench::keep(sum);
    return took * 1e9 / static_cast<double>(n);
}

template <class Node>
struct farm {
    farm(std::size_t n, bool even) : nodes(n) {
        for (std::size_t i = 0; i < n; ++i)
            if (!ring.add("node" + std::to_string(i), nodes[i], even ? 1 : static_cast<double>(1 + i % 3))) std::abort();
    }
    std::deque<Node> nodes;
    hash_ring<Node> ring;
};

template <class Node>
bench::contender on_ring(std::string name, std::size_t nodes, bool even, std::uint64_t n) {
    return {name + "_" + std::to_string(nodes), [of = std::make_shared<farm<Node>>(nodes, even), n] {
                return ns_a_look([&](std::uint64_t key) { return *of->ring.get(key); }, n);
            }};
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    auto const n = report.size<std::uint64_t>(500'000, 5'000);

    std::vector<bench::contender> all;
    for (std::size_t const nodes : {3u, 16u, 50u}) {
        all.push_back(on_ring<nothing_there>("hash_ring", nodes, true, n));
        all.push_back(on_ring<nothing_there>("hash_ring_weighted", nodes, false, n));
        all.push_back(on_ring<far_away>("hash_ring_that_may_fail", nodes, true, n));
        for (std::uint64_t const points : {160u, 1'000u, 4'000u})
            all.push_back({"points_" + std::to_string(points) + "_" + std::to_string(nodes),
                           [of = std::make_shared<ring_of_points>(nodes, points), n] {
                               return ns_a_look([&](std::uint64_t key) { return of->node_of(detail::ring_mixed(key)); }, n);
                           }});
    }
    auto const samples = bench::interleaved(all, report.size(31, 3));
    for (std::size_t i = 0; i < all.size(); ++i) report.figure(all[i].name, samples[i], "ns");
    auto const samples_of = [&](std::string const& name) {
        auto const found = std::find_if(all.begin(), all.end(), [&](auto const& each) { return each.name == name; });
        return samples[static_cast<std::size_t>(found - all.begin())];
    };
    for (std::string const nodes : {"3", "16", "50"})
        report.figure("hash_ring_ratio_" + nodes, bench::ratios(samples_of("hash_ring_" + nodes), samples_of("points_1000_" + nodes)), "x");
}
