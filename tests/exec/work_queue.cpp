#include <muster/exec/detail/work_queue.hpp>

#include <array>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace muster;
using detail::job_inbox;
using detail::job_list;

namespace {

struct numbered final : detail::posted_job {
    int number = 0;
    void run() override {}
};

std::vector<int> numbers_of(job_list const& all) {
    std::vector<int> found;
    for (auto const* each = all.first; each; each = each->after) found.push_back(static_cast<numbered const*>(each)->number);
    return found;
}

template <std::size_t N>
std::array<numbered, N> jobs() {
    std::array<numbered, N> all;
    for (std::size_t i = 0; i < N; ++i) all[i].number = static_cast<int>(i);
    return all;
}

}  // namespace

TEST_CASE("job_list: first in, first out; cut from the front, joined at the end", "[exec]") {
    auto all = jobs<6>();
    job_list list;
    CHECK(list.cut(3).first == nullptr);
    for (auto& each : all) list.push_back(each);
    CHECK(list.size == 6);
    auto front = list.cut(2);
    CHECK(numbers_of(front) == std::vector{0, 1});
    CHECK(numbers_of(list) == std::vector{2, 3, 4, 5});
    CHECK(list.size == 4);
    list.append(front);
    list.append({});
    CHECK(numbers_of(list) == std::vector{2, 3, 4, 5, 0, 1});
    CHECK(numbers_of(list.cut(6)) == std::vector{2, 3, 4, 5, 0, 1});
    CHECK(list.first == nullptr);
    CHECK(list.size == 0);
    list.append(front);
    CHECK(numbers_of(list.cut(100)) == std::vector{0, 1});
}

TEST_CASE("job_inbox: only who puts something into an empty one is told so, and all comes out in order", "[exec]") {
    auto all = jobs<4>();
    job_inbox box;
    CHECK(box.empty());
    CHECK(box.take_all().first == nullptr);
    CHECK(box.put(all[0]));
    CHECK_FALSE(box.put(all[1]));
    CHECK_FALSE(box.put(all[2]));
    CHECK_FALSE(box.empty());
    auto const taken = box.take_all();
    CHECK(numbers_of(taken) == std::vector{0, 1, 2});
    CHECK(taken.size == 3);
    CHECK(taken.last == &all[2]);
    CHECK(box.empty());
    CHECK(box.put(all[3]));
    CHECK(numbers_of(box.take_all()) == std::vector{3});
}

TEST_CASE("job_inbox: many put and many take, each job comes out once, those of one thread in order", "[exec]") {
    constexpr int threads = 3, each = 5'000;
    std::vector<numbered> all(threads * each);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].number = static_cast<int>(i);
    job_inbox box;
    std::atomic<int> putting{threads}, empty_before{0}, not_empty_found{0};
    std::array<std::vector<std::vector<int>>, 2> taken;
    {
        std::vector<std::jthread> run;
        for (int t = 0; t < threads; ++t)
            run.emplace_back([&, t] {
                for (int i = 0; i < each; ++i)
                    if (box.put(all[static_cast<std::size_t>(t * each + i)])) ++empty_before;
                --putting;
            });
        for (auto& mine : taken)
            run.emplace_back([&] {
                while (putting != 0 || !box.empty())
                    if (auto const found = box.take_all(); found.first) {
                        ++not_empty_found;
                        mine.push_back(numbers_of(found));
                    }
            });
    }
    CHECK(empty_before == not_empty_found);    // who is told, and what is found, are the same times
    std::vector<int> seen(all.size());
    bool ordered = true;
    for (auto const& mine : taken)
        for (auto const& list : mine) {
            std::array<int, threads> last;
            last.fill(-1);
            for (auto const number : list) {
                ++seen[static_cast<std::size_t>(number)];
                auto& before = last[static_cast<std::size_t>(number / each)];
                ordered = ordered && number > before;
                before = number;
            }
        }
    CHECK(ordered);
    CHECK(seen == std::vector<int>(all.size(), 1));
}
