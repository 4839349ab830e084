#include <muster/shm/shared_span.hpp>

#include <cstdint>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include "catch.hpp"

using namespace muster;

static_assert(!std::is_copy_constructible_v<shared_span<double>> && std::is_nothrow_move_constructible_v<shared_span<double>>);
static_assert(std::is_same_v<decltype(*std::declval<shared_span<double> const&>().begin()), double const&>);
static_assert(std::is_same_v<decltype(*std::declval<shared_span<double>&>().begin()), double&>);
static_assert(std::is_convertible_v<shared_span<double> const&, std::span<double const>>);
static_assert(!std::is_convertible_v<shared_span<double> const&, std::span<double>>);

namespace {

constexpr std::size_t MiB = 1'024 * 1'024;
struct point {
    double x, y, z;
};

}  // namespace

TEST_CASE("shared_span: holds elements, and reads as a span", "[shm][shared_span]") {
    arena here{{.capacity = 1 * MiB}};
    auto numbers = shared_span<double>::make(here, 1'000).value();
    CHECK(numbers.size() == 1'000);
    std::iota(numbers.begin(), numbers.end(), 0.0);
    auto const sum = [](std::span<double const> all) { return std::accumulate(all.begin(), all.end(), 0.0); };
    CHECK(sum(std::as_const(numbers)) == 499'500.0);
    CHECK(sum(numbers.span()) == 499'500.0);
    CHECK(std::as_const(numbers)[999] == 999.0);
    CHECK(reinterpret_cast<std::uintptr_t>(numbers.data()) % alignof(std::max_align_t) == 0);
}

TEST_CASE("shared_span: more elements than can be counted are too many", "[shm][shared_span]") {
    arena here{{.capacity = 1 * MiB}};
    for (auto const count : {SIZE_MAX, SIZE_MAX / 8 + 2, (1 * MiB) / 8 + 1}) {
        auto const none = shared_span<double>::make(here, count);
        REQUIRE_FALSE(none);
        CHECK(none.error().is(cause::exhausted));
    }
    CHECK(shared_span<double>::make(here, 0).value().empty());
    CHECK(shared_span<double>::make(here, 1 * MiB / 8));
}

TEST_CASE("shared_span: a size that is no number of elements is refused", "[shm][shared_span]") {
    arena here{{.capacity = 1 * MiB}};
    auto const points = shared_span<point>::make(here, 10).value();
    auto handle = points.handle();
    CHECK(shared_span<point>::adopt(here, handle).value().size() == 10);
    CHECK(shared_span<double>::adopt(here, handle).value().size() == 30);
    handle.size -= 1;
    auto const refused = shared_span<point>::adopt(here, handle);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(cause::invalid_input));
    CHECK_THROWS_AS(shared_span<point>::from_wire(handle), bad_outcome);
    handle.size = 0;
    CHECK(shared_span<point>::from_wire(handle).empty());
}

TEST_CASE("shared_span: a vector of items is worked on in children, which may die, and stays the caller's", "[shm][shared_span][forks]") {
    arena here{{.capacity = 1 * MiB}};
    std::vector<shared_span<double>> items;
    for (int i = 0; i < 4; ++i) {
        items.push_back(shared_span<double>::make(here, 100).value());
        for (auto& one : items.back()) one = i;
    }
    shared_memory const mail{sizeof(shared_handle)};
    for (int i = 0; i < 4; ++i)
        for (bool const dies : {true, false}) {    // a retry sends it again
            auto const sent = std::as_const(items)[static_cast<std::size_t>(i)].to_wire();
            auto const child = ::fork();
            if (child == 0) {
                auto const item = shared_span<double>::from_wire(sent);
                auto answer = shared_span<double>::make(here, item.size()).value();
                for (std::size_t n = 0; n < item.size(); ++n) answer[n] = item[n] + 1;
                if (dies) ::kill(::getpid(), SIGKILL);
                *reinterpret_cast<shared_handle*>(mail.data()) = answer.to_wire();
                answer = {};
                ::_exit(0);
            }
            int status = 0;
            ::waitpid(child, &status, 0);
            REQUIRE(WIFSIGNALED(status) == dies);
            if (dies) {
                CHECK(here.sweep_dead() == 1);
                continue;
            }
            auto const answer = shared_span<double>::from_wire(*reinterpret_cast<shared_handle*>(mail.data()));
            CHECK(answer.owns());
            CHECK(answer[99] == i + 1);
        }
    for (auto const& one : items) CHECK(one.owns());
    CHECK(here.stats().chunks == 4);
}
