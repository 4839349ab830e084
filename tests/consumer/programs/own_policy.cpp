// A policy that was written outside the library, in a namespace of its own.
#include <atomic>

#include <muster/muster.hpp>

namespace elsewhere {

struct counted {
    using policy_concept = muster::around_tag;
    std::atomic<int>* calls;

    auto around(auto const& next, muster::context& cx, auto&& item) const {
        ++*calls;
        return next(cx, std::forward<decltype(item)>(item));
    }
};
using muster::operator|;

}  // namespace elsewhere

int main() {
    std::atomic<int> calls{0};
    auto const stage = muster::retry{.attempts = 3, .delay = {}} | elsewhere::counted{&calls} | [](int item, muster::context& cx) -> muster::outcome<int> {
        if (cx.attempt() < 3) return muster::failure{muster::cause::unavailable, "not yet"};
        return item;
    };
    return stage(5) == muster::outcome<int>{5} && calls == 3 ? 0 : 1;
}
