#include <muster/adapt/fmt.hpp>
#include <muster/policy/deadline.hpp>    // deadline
#include <muster/policy/named.hpp>       // named
#include <muster/policy/retry.hpp>       // retry

#include "catch.hpp"

#include <memory>
#include <string>

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct opaque {};
failure const late{cause::timed_out, "no answer within 2 s"};

struct own_policy {
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return next(cx, std::forward<Item>(item));
    }
};

}  // namespace

static_assert(fmt::is_formattable<outcome<int>>::value);
static_assert(!fmt::is_formattable<outcome<opaque>>::value);    // a T that cannot be printed makes no outcome that can
static_assert(!fmt::is_formattable<outcome<std::unique_ptr<opaque>>>::value);

TEST_CASE("fmt: causes and failures read as text, with a string's width and fill", "[adapt][fmt]") {
    CHECK(fmt::format("{}", cause::out_of_memory) == "out of memory");
    CHECK(fmt::format("[{:>12}]", cause::crashed) == "[     crashed]");
    CHECK(fmt::format("{}", late) == to_string(late));
    CHECK(fmt::format("{:.9}", late) == "timed out");
    CHECK(fmt::format("{}", failure{cause::threw, "braces {} and {0}"}) == "threw: braces {} and {0}");
    CHECK(fmt::format("{}", sequential_reason::too_few_items) == "too few items");
}

TEST_CASE("fmt: an outcome reads as its value, in the value's format, or as its failure", "[adapt][fmt]") {
    CHECK(fmt::format("{}", outcome<int>{3}) == "3");
    CHECK(fmt::format("{:08.3f}", outcome<double>{3.14159}) == "0003.142");
    CHECK(fmt::format("{:>5}|", outcome<std::string>{"ab"}) == "   ab|");
    CHECK(fmt::format("{}", outcome<int>{late}) == "[timed out: no answer within 2 s]");
    CHECK(fmt::format("{:#x}", outcome<int>{late}) == "[timed out: no answer within 2 s]");
    CHECK(fmt::format("{} {}", outcome<void>{}, outcome<void>{late}) == "done [timed out: no answer within 2 s]");
}

TEST_CASE("fmt: policies, chains, stages and pipelines read as they were written", "[adapt][fmt]") {
    auto const parse = [](int n) { return n; };
    CHECK(fmt::format("{}", named{"parse"}) == "named{parse}");
    CHECK(fmt::format("{}", deadline{2s}) == "deadline{2s}");
    CHECK(fmt::format("{}", own_policy{}) == "policy");
    auto const front = named{"parse"} | deadline{1500ms};
    CHECK(fmt::format("{}", front) == "named{parse} | deadline{1.5s}");
    CHECK(fmt::format("{}", front | parse) == "named{parse} | deadline{1.5s} | task");
    CHECK(fmt::format("{}", pipeline{front | parse, parse}) == "pipeline{named{parse} | deadline{1.5s} | task, task}");
    auto const tried = fmt::format("{}", retry{.attempts = 4, .delay = 200ms} | parse);
    CHECK(tried.find("retry{") == 0);
    CHECK(tried.find("4") != std::string::npos);
    CHECK(tried.find("200ms") != std::string::npos);
}
