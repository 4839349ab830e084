#include <muster/flow/detail/batch_search.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <random>

using muster::detail::batch_search;

namespace {

using cost_of_call = std::function<double(std::size_t)>;

double each_at(cost_of_call const& cost, std::size_t size) { return cost(size) / static_cast<double>(size); }
double best_fixed(cost_of_call const& cost, std::size_t most) {
    double best = each_at(cost, 1);
    for (std::size_t n = 2; n <= most; ++n) best = std::min(best, each_at(cost, n));
    return best;
}
// What an item costs over so many items.
double run(batch_search& search, std::size_t items, cost_of_call const& cost) {
    double spent = 0;
    std::size_t done = 0;
    while (done < items) {
        auto const size = search.size();
        auto const took = cost(size);
        spent += took;
        done += size;
        search.ended(size, size, took);
    }
    return spent / static_cast<double>(done);
}
cost_of_call line(double call, double item) {
    return [=](std::size_t n) { return call + item * static_cast<double>(n); };
}

}  // namespace

TEST_CASE("batch_search: comes within a fifth of the best fixed size, whatever a call and an item cost", "[flow][batched]") {
    for (double const call : {0.0, 0.1, 1.0, 5.0, 20.0, 100.0, 10'000.0})
        for (std::size_t const most : {1U, 2U, 10U, 100U, 1000U}) {
            INFO(call << " a call, " << most << " at most");
            batch_search search{most};
            CHECK(run(search, 20'000, line(call, 1)) <= 1.2 * best_fixed(line(call, 1), most));
        }
}

TEST_CASE("batch_search: finds its size soon", "[flow][batched]") {
    batch_search search{100};
    CHECK(run(search, 2'000, line(20, 1)) <= 1.2 * best_fixed(line(20, 1), 100));
}

TEST_CASE("batch_search: a size beyond which items cost more is not gone beyond", "[flow][batched]") {
    for (std::size_t const edge : {3U, 20U, 45U, 64U, 90U}) {
        INFO(edge);
        cost_of_call const cost = [=](std::size_t n) {
            auto const beyond = n > edge ? static_cast<double>(n - edge) : 0.0;
            return 50 + static_cast<double>(n) + 20 * beyond;
        };
        batch_search search{100};
        (void)run(search, 5'000, cost);
        CHECK(run(search, 50'000, cost) <= 1.2 * best_fixed(cost, 100));
    }
}

TEST_CASE("batch_search: follows a step of the load, there and back", "[flow][batched]") {
    batch_search search{1'000};
    auto const dear_calls = line(200, 1), dear_items = line(1, 50);
    (void)run(search, 100'000, dear_calls);
    CHECK(search.size() >= 500);
    for (int round = 0; round < 3; ++round) {
        (void)run(search, 20'000, dear_items);
        CHECK(run(search, 20'000, dear_items) <= 1.1 * best_fixed(dear_items, 1'000));
        CHECK(search.size() <= 8);    // its items wait no longer than they need
        (void)run(search, 20'000, dear_calls);
        CHECK(run(search, 20'000, dear_calls) <= 1.2 * best_fixed(dear_calls, 1'000));
        CHECK(search.size() >= 500);
    }
}

TEST_CASE("batch_search: is not led astray by calls that take ten times as long now and then", "[flow][batched]") {
    std::mt19937 random{20'261'123};
    for (double const call : {1.0, 20.0, 100.0}) {
        auto const plain = line(call, 1);
        cost_of_call const disturbed = [&](std::size_t n) {
            auto const noise = std::uniform_real_distribution<double>{0.9, 1.1}(random);
            bool const held_up = std::uniform_int_distribution<int>{0, 19}(random) == 0;
            return plain(n) * noise * (held_up ? 10 : 1);
        };
        batch_search search{100};
        (void)run(search, 10'000, disturbed);
        double spent = 0;
        std::size_t done = 0;
        while (done < 200'000) {
            auto const size = search.size();
            spent += plain(size);    // of the sizes that it chose, without the disturbance
            done += size;
            search.ended(size, size, disturbed(size));
        }
        CHECK(spent / static_cast<double>(done) <= 1.2 * best_fixed(plain, 100));
    }
}

TEST_CASE("batch_search: calls with fewer items than were wanted say nothing", "[flow][batched]") {
    batch_search search{100};
    auto const before = search.size();
    for (int i = 0; i < 1'000; ++i) search.ended(before, before - 1, 1.0);
    CHECK(search.size() == before);
    search.ended(before + 1, before + 1, 1.0);    // nor do those of another size
    CHECK(search.size() == before);
}
