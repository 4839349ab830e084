#include <muster/core/portable.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {
struct three {
    int operator()() const { return 3; }
};
bool never_again(failure const&) { return false; }

// As between two threads: the address itself.
detail::function_travel const same_process{
    [](wire_writer& to, void (*which)()) { to.put(reinterpret_cast<std::uint64_t>(which)); },
    [](wire_reader& from) { return reinterpret_cast<void (*)()>(from.get<std::uint64_t>()); }};

template <class P>
P there_and_back(P const& policy) {
    std::vector<std::byte> bytes(1'000);
    wire_writer to{bytes.data(), bytes.size()};
    detail::put_policy(to, policy, same_process);
    wire_reader from{bytes.data(), to.size()};
    auto back = detail::get_policy<P>(from, same_process);
    CHECK(from.left() == 0);
    return back;
}
}  // namespace

static_assert(portable_policy<deadline>);
static_assert(portable_policy<retry>);
static_assert(portable_policy<scratch<three>>);
static_assert(!portable_policy<limit<rate_limiter>>);    // names a gate of this process

TEST_CASE("portable: a policy comes back as it went", "[core][portable]") {
    CHECK(there_and_back(deadline{3s}) == deadline{3s});
    retry const policy{.attempts = 7, .delay = 5ms, .factor = 3, .most = 1h, .jitter = false, .when = never_again, .seed = 9};
    CHECK(there_and_back(policy) == policy);
    auto const made = there_and_back(scratch{three{}});
    auto lease = made.lease();
    CHECK(lease.get() == 3);
}

TEST_CASE("portable: bytes that end early are refused", "[core][portable]") {
    std::vector<std::byte> const bytes(3);
    wire_reader from{bytes.data(), bytes.size()};
    CHECK_THROWS_AS(detail::get_policy<deadline>(from, same_process), bad_outcome);
}
