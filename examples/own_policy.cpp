// Cookbook: a policy of your own, in your own namespace: no base class, no macro, no registration.
// ctest:

#include <algorithm>    // max
#include <atomic>       // sums
#include <chrono>       // nanoseconds
#include <cstdio>       // printf
#include <vector>       // items

#include <muster/muster.hpp>

namespace mine {

struct histogram {
    std::atomic<long long> calls{0}, nanoseconds{0};
    void record(std::chrono::nanoseconds took) {
        ++calls;
        nanoseconds += took.count();
    }
};

// [timed]
struct timed {                                  // a user's policy
    using policy_concept = muster::around_tag;
    histogram* into;

    auto around(auto const& next, muster::context& cx, auto&& item) const {
        auto const start = cx.now();
        auto result = next(cx, std::forward<decltype(item)>(item));
        into->record(cx.now() - start);
        return result;                          // an outcome<T>; not calling next is allowed
    }
};
using muster::operator|;                        // beside a policy of another namespace
// [end]

struct text {};
text operator|(text, text);    // a namespace with an operator| of its own hides all others: hence the line above

auto stage_of(histogram& into) {
    return timed{&into} | muster::retry{} | [](int item) { return item * item; };
}

}  // namespace mine

int main() {
    mine::histogram times;
    muster::thread_pool pool;
    std::vector<int> const items{1, 2, 3, 4, 5};
    auto squares = muster::map(items, muster::on{pool} | mine::stage_of(times));
    for (auto const& square : squares) std::printf("%d ", square.value_or(-1));
    std::printf("\n%lld calls, %lld ns on average\n", times.calls.load(), times.nanoseconds.load() / std::max(1LL, times.calls.load()));
    return times.calls == 5 ? 0 : 1;
}
