// batched::automatic under the verbs that read it: on manual time, which moves as a model of the cost says.
#include <muster/policy/batched.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <list>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <muster/core/settings.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

// A call takes 20 us and 1 us an item; from item `step` on 0 us and 20 us an item.
struct modelled {
    testing::manual_time* time;
    int step = std::numeric_limits<int>::max();
    std::size_t* last = nullptr;    // the size of the last full batch
    std::vector<outcome<int>> operator()(std::span<int const> some) const {
        auto const n = static_cast<int>(some.size());
        time->advance(some.front() < step ? 20us + 1us * n : 20us * n);
        if (last) *last = some.size();
        return {some.begin(), some.end()};
    }
};
template <class Run>
std::chrono::nanoseconds spent(testing::manual_time& time, Run const& run) {
    auto const began = time.now();
    run();
    return time.now() - began;
}

constexpr auto automatically = batched{.size = batched::automatic};

}  // namespace

TEST_CASE("batched: an automatic size comes within a fifth of the best fixed one under map", "[flow][batched]") {
    testing::manual_time time;
    for (int const n : {2'000, 20'000}) {
        auto const items = numbers(n);
        auto const with = [&](batched how) {
            return spent(time, [&] {
                auto const answers = map(items, how | modelled{&time}, context{time});
                REQUIRE(answers.size() == items.size());
                CHECK(std::all_of(answers.begin(), answers.end(), [&, i = 0](auto const& one) mutable { return one == i++; }));
            });
        };
        auto best = with(batched{1});
        for (std::size_t const size : {2U, 5U, 10U, 20U, 50U, 100U}) best = std::min(best, with(batched{size}));
        CHECK(with(automatically) <= best * 12 / 10);
        CHECK(with(batched{1}) > best * 10);    // so that there is something to be found
    }
}

TEST_CASE("batched: an automatic size comes within a fifth of the best fixed one in a stream", "[flow][batched]") {
    testing::manual_time time;
    blocking_pool pool{2};
    auto const items = numbers(5'000);
    auto const all = [&](auto flow) {
        return spent(time, [&] { CHECK(stream(items, flow, context{time}).drain().stages[0].out == items.size()); });
    };
    auto const best = all(batched{100} | modelled{&time});
    CHECK(all(automatically | modelled{&time}) <= best * 12 / 10);
    CHECK(all(on{pool, 1} | batched{.size = batched::automatic, .linger = 1h} | modelled{&time}) <= best * 12 / 10);
}

TEST_CASE("batched: an automatic size follows a step of the load", "[flow][batched]") {
    testing::manual_time time;
    blocking_pool pool{2};
    auto const items = numbers(30'000);
    std::size_t last = 0;
    modelled const before{&time, std::numeric_limits<int>::max(), &last}, after{&time, 15'000, &last};
    context cx{time};
    auto const check = [&](auto const& run) {
        run(before);
        CHECK(last >= 10);
        run(after);
        CHECK(last <= 10);    // a call costs nothing any more: no item is to wait for another
    };
    check([&](auto const& task) { CHECK(map(items, automatically | task, cx).size() == items.size()); });
    check([&](auto const& task) { CHECK(stream(items, automatically | task, cx).drain().read == items.size()); });
    check([&](auto const& task) {
        CHECK(stream(items, on{pool, 1} | batched{.size = batched::automatic, .linger = 1h} | task, cx).drain().read == items.size());
    });
}

TEST_CASE("batched: an automatic size stays below what the settings say, or the policy", "[flow][batched]") {
    testing::manual_time time;
    thread_pool pool{2};
    settings switches{settings_source{.environment = [](std::string const&) { return std::nullopt; }}};
    switches.say({.batch_size = 7});
    std::mutex mutex;
    std::size_t most = 0;
    auto const task = [&](std::span<int const> some) {
        std::lock_guard lock(mutex);
        most = std::max(most, some.size());
        time.advance(20us + 1us * static_cast<int>(some.size()));
        return std::vector<outcome<int>>(some.begin(), some.end());
    };
    auto const items = numbers(5'000);
    context cx{time};
    CHECK(map(items, on{pool, width{2}, switches} | automatically | task, cx).size() == items.size());
    CHECK(most == 7);
    CHECK(stream(items, on{pool, width{2}, switches} | automatically | task, cx).drain().read == items.size());
    CHECK(most == 7);
    CHECK(map(items, batched{.size = batched::automatic, .most = 30} | task, cx).size() == items.size());
    CHECK(most == 30);
}

TEST_CASE("batched: an automatic size gives every worker something, and each item its answer", "[flow][batched]") {
    thread_pool pool{4};
    for (int const n : {0, 1, 3, 4, 5, 100, 10'001}) {
        auto const items = numbers(n);
        std::mutex mutex;
        std::size_t calls = 0;
        auto const task = [&](std::span<int const> some) {
            std::lock_guard lock(mutex);
            ++calls;
            std::vector<outcome<int>> out(some.begin(), some.end());
            for (auto& one : out)
                if (*one % 10 == 7) one = failure{cause::invalid_input, "a seven"};
            return out;
        };
        auto const answers = map(items, on{pool, 4} | automatically | task);
        REQUIRE(answers.size() == items.size());
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (i % 10 == 7) CHECK(answers[i].error().index() == i);
            else CHECK(answers[i] == static_cast<int>(i));
        }
        CHECK(calls >= std::min<std::size_t>(static_cast<std::size_t>(n), 4));
        std::list<int> const scattered(items.begin(), items.end());
        CHECK(map(scattered, on{pool, 4} | automatically | task).size() == items.size());
    }
}

TEST_CASE("map: a batch ends with the item that fills its bytes", "[flow][batched]") {
    std::vector<std::string> const words{"four", "four", "eight is", "a", "b", "c", "much more than eight", "d"};
    std::vector<std::vector<std::string>> const should{{"four", "four"}, {"eight is"}, {"a", "b", "c", "much more than eight"}, {"d"}};
    std::vector<std::vector<std::string>> batches;
    auto const noted = [&](std::span<std::string const> some) {
        batches.emplace_back(some.begin(), some.end());
        return std::vector<outcome<void>>(some.size());
    };
    CHECK(map(words, batched{.size = 100, .bytes = 8} | noted).size() == 8);
    CHECK(batches == should);
    batches.clear();
    CHECK(map(std::list<std::string>(words.begin(), words.end()), batched{.size = 100, .bytes = 8} | noted).size() == 8);
    CHECK(batches == should);
    batches.clear();
    CHECK(map(words, batched{.size = 3, .bytes = 8} | noted).size() == 8);
    CHECK(batches == std::vector<std::vector<std::string>>{{"four", "four"}, {"eight is"}, {"a", "b", "c"}, {"much more than eight"}, {"d"}});
}

TEST_CASE("map: a failure of one item of a batch bears the name of the stage", "[flow][batched]") {
    auto const answers = map(numbers(2), named{"halves"} | batched{2} | [](std::span<int const>) {
        return std::vector<outcome<int>>{0, failure{cause::invalid_input, "odd"}};
    });
    CHECK(answers[1].error().stage() == "halves");
}
