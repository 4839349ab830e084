#include <muster/core/stage.hpp>

#include "catch.hpp"

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork
#endif

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct nothing {
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return next(cx, std::forward<Item>(item));
    }
    friend bool operator==(nothing, nothing) = default;
};
// What `named` does, so that this test needs core alone.
struct called {
    using policy_concept = place_tag;
    std::string_view text;
    [[nodiscard]] std::string_view name() const { return text; }
    [[nodiscard]] auto enter(context& cx) const { return cx.change_stage(text); }
};
struct tries {
    using policy_concept = around_tag;
    unsigned number;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        auto const guard = cx.change_attempt(number);
        auto result = next(cx, std::forward<Item>(item));
        if (!result) cx.stamp(result.error());
        return result;
    }
};
struct leased {    // what `scratch` does
    using policy_concept = place_tag;
    std::atomic<int>* out;
    struct held {
        std::atomic<int>* out;
        mutable std::string text;
        explicit held(std::atomic<int>* where) : out(where) { ++*out; }
        held(held const&) = delete;
        ~held() { --*out; }
        std::string& get() const { return text; }
    };
    [[nodiscard]] held lease() const { return held{out}; }
};

constexpr auto plus_one = [](int n) { return n + 1; };
constexpr auto careful = [](int n) noexcept { return n + 1; };

template <class F, class Item>
inline constexpr bool needs_no_try = detail::task_result<F, Item>::is_noexcept;

}  // namespace

static_assert(std::same_as<decltype((nothing{} | plus_one)(1)), outcome<int>>);
static_assert(std::same_as<decltype((nothing{} | [](int) {})(1)), outcome<void>>);
static_assert(std::same_as<decltype((nothing{} | [](int) -> outcome<char> { return 'c'; })(1)), outcome<char>>);
static_assert(needs_no_try<std::remove_const_t<decltype(careful)>, int>);
static_assert(!needs_no_try<std::remove_const_t<decltype(plus_one)>, int>);
// A conversion on the way in may throw although the task does not.
static_assert(!needs_no_try<void (*)(std::string) noexcept, char const*>);

TEST_CASE("stage: it is an ordinary function that answers an outcome", "[core][stage]") {
    auto const ask = nothing{} | plus_one;
    CHECK(ask(1) == 2);
    context cx;
    CHECK(ask(2, cx) == 3);
}

TEST_CASE("stage: it is itself a task, in other stages and with or without a context", "[core][stage]") {
    auto const inner = called{"inner"} | [](int n, context& cx) { return std::to_string(n) + std::string{cx.stage()}; };
    static_assert(task_for<decltype(inner), int>);
    static_assert(task_for<std::remove_const_t<decltype(inner)>, int>);
    CHECK(inner(4) == "4inner");
}

TEST_CASE("stage: what the task throws becomes a failure that keeps it", "[core][stage]") {
    auto const ask = nothing{} | [](int n) -> int {
        if (n == 0) throw std::out_of_range{"zero"};
        if (n == 1) throw 7;
        if (n == 2) throw std::bad_alloc{};
        return n;
    };
    auto const range = ask(0);
    REQUIRE_FALSE(range);
    CHECK(range.error().is(cause::threw));
    CHECK(range.error().text() == "zero");
    CHECK_THROWS_AS(std::rethrow_exception(range.error().exception()), std::out_of_range);
    auto const odd = ask(1);
    REQUIRE_FALSE(odd);
    CHECK(odd.error().is(cause::threw));
    CHECK_THROWS_AS(std::rethrow_exception(odd.error().exception()), int);
    CHECK(ask(2).error().is(cause::out_of_memory));
    CHECK(ask(3) == 3);
}

TEST_CASE("stage: value() of a failed outcome inside a task fails with the same failure", "[core][stage]") {
    auto const fetch = called{"fetch"} | [](int) -> outcome<int> {
        return failure{cause::exited, "code 3"}.exit_code(3);
    };
    auto const ask = called{"outer"} | [&](int n) { return fetch(n).value() + 1; };
    auto const result = ask(1);
    REQUIRE_FALSE(result);
    CHECK(result.error().is(cause::exited));
    CHECK(result.error().exit_code() == 3);
    CHECK(result.error().stage() == "fetch");    // the innermost that failed
}

TEST_CASE("stage: a failure leaves stamped with stage, item and attempts", "[core][stage]") {
    auto const ask = called{"parse"} | tries{4} | [](int) -> outcome<int> {
        return failure{cause::invalid_input, "bad"};
    };
    context cx;
    cx.item(12);
    auto const result = ask(1, cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage() == "parse");
    CHECK(result.error().index() == 12);
    CHECK(result.error().attempts() == 4);
    CHECK(cx.stage().empty());    // and the context is as it was
}

TEST_CASE("stage: a plain failure counts one attempt", "[core][stage]") {
    CHECK((nothing{} | [](int) -> int { throw 1; })(1).error().attempts() == 1);
}

TEST_CASE("stage: a task may be a function, a member or a member function", "[core][stage]") {
    struct token {
        int kid;
        [[nodiscard]] int twice() const { return 2 * kid; }
    };
    CHECK((nothing{} | &token::kid)(token{5}) == 5);
    CHECK((nothing{} | &token::twice)(token{5}) == 10);
    CHECK((nothing{} | +[](int n) { return n; })(3) == 3);
}

TEST_CASE("stage: a task that takes the context gets it", "[core][stage]") {
    auto const ask = tries{3} | [](int, context const& cx) { return cx.attempt(); };
    CHECK(ask(0) == 3u);
}

TEST_CASE("stage: state is leased for each call and given back, whatever happens", "[core][stage]") {
    std::atomic<int> out = 0;
    auto const ask = leased{&out} | [&](int n, std::string& text) {
        if (n < 0) throw std::runtime_error{"negative"};
        text += std::to_string(n);
        return text + (out == 1 ? "" : "!");
    };
    CHECK(ask(7) == "7");
    CHECK(ask(8) == "8");
    CHECK_FALSE(ask(-1));
    CHECK(out == 0);
    auto const with_context = leased{&out} | [](int n, context& cx, std::string& text) {
        text += "x";
        return static_cast<unsigned>(n) + cx.attempt();
    };
    CHECK(with_context(1) == 2u);
}

TEST_CASE("stage: many threads call one stage at once, each with a context of its own", "[core][stage]") {
    auto const ask = called{"shared"} | nothing{} | [](int n, context& cx) -> outcome<int> {
        if (n % 2) return failure{cause::rejected, std::to_string(cx.index())};
        return n;
    };
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                context cx;
                for (int n = 0; n < 300; ++n) {
                    cx.item(t * 1000 + static_cast<std::size_t>(n));
                    auto const result = ask(n, cx);
                    if (n % 2 == 0) wrong += !(result == n);
                    else
                        wrong +=
                            result.error().index() != cx.index() || result.error().text() != std::to_string(cx.index());
                }
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("stage: stages with comparable tasks compare", "[core][stage]") {
    auto const task = +[](int n) { return n; };
    CHECK((nothing{} | task) == (nothing{} | task));
}

#if __has_include(<sys/wait.h>)
TEST_CASE("stage: a noexcept task has no try around it: a throw inside ends the process", "[core][stage][forks]") {
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        std::set_terminate([] { ::_exit(42); });    // no message, no core file
        auto const liar = [](int n) noexcept -> int {
            auto const thrower = [](int m) { if (m == 1) throw m; };
            thrower(n);
            return n;
        };
        (void)(nothing{} | liar)(1);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
}
#endif
