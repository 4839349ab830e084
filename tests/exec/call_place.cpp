#include <muster/exec/call_place.hpp>

#include "catch.hpp"

#include <atomic>

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

using namespace muster;

TEST_CASE("call_place: outside of every pool there is nothing to put away", "[exec]") {
    call_place mine;
    mine.put_away();
    CHECK(detail::crew::current() == nullptr);
    mine.put_back();
    CHECK(detail::crew::current() == nullptr);
    CHECK(detail::fork_stack::here() == nullptr);
}

TEST_CASE("call_place: a call that put its place away is in no pool, and in its own again after", "[exec]") {
    thread_pool pool{1}, other{1};
    std::atomic<int> seen{0};
    (void)pool.run([&] {
        auto* const crew = detail::crew::current();
        auto* const forks = detail::fork_stack::here();
        seen += crew != nullptr && forks != nullptr;
        call_place first;
        first.put_away();
        seen += !detail::crew::current() && !detail::fork_stack::here();

        // Another call comes on this thread, goes into another pool, and waits in it, so that the first goes on and ends before it.
        (void)other.run([&] {
            seen += detail::crew::current() != crew && detail::fork_stack::here() != forks;
            call_place second;
            second.put_away();
            first.put_back();
            seen += detail::crew::current() == crew && detail::fork_stack::here() == forks;
            auto const [left, right] = join([] { return 1; }, [] { return 2; });
            seen += left + right == 3;
            first.put_away();
            second.put_back();
            seen += detail::crew::current() != crew && detail::fork_stack::here() != forks;
            return 0;
        });
        seen += !detail::crew::current() && !detail::fork_stack::here();
        first.put_back();
        seen += detail::crew::current() == crew && detail::fork_stack::here() == forks;
        return 0;
    });
    CHECK(seen == 8);
}
