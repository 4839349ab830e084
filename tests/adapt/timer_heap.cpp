#include <muster/adapt/detail/timer_heap.hpp>

#include "catch.hpp"

#include <random>
#include <set>
#include <vector>

using namespace muster;

namespace {
struct sleeper {
    static constexpr std::size_t no_timer = static_cast<std::size_t>(-1);
    std::size_t timer = no_timer;
    instant due{};
};
}  // namespace

TEST_CASE("timer_heap: the first is always the one that is due first, whoever comes and goes", "[adapt][fibers]") {
    std::mt19937 draw{7};
    std::vector<sleeper> all(200);
    std::multiset<instant> model;
    detail::timer_heap<sleeper> heap;
    heap.reserve(all.size());
    std::size_t wrong = 0;
    for (int round = 0; round < 20'000; ++round) {
        auto& one = all[draw() % all.size()];
        if (one.timer == sleeper::no_timer) {
            one.due = instant{} + std::chrono::nanoseconds{draw() % 100};
            heap.add(one, one.due);
            model.insert(one.due);
        } else {
            auto& out = draw() % 2 == 0 ? heap.first() : one;
            heap.remove(out);
            model.erase(model.find(out.due));
            wrong += out.timer != sleeper::no_timer;
        }
        wrong += heap.empty() != model.empty();
        if (!heap.empty()) wrong += heap.first_due() != *model.begin() || heap.first().due != heap.first_due();
    }
    heap.remove(all[0]);
    heap.remove(all[0]);    // who is not in is left alone
    CHECK(all[0].timer == sleeper::no_timer);
    CHECK(wrong == 0);
}
