#include <muster/core/failure.hpp>

#include "catch.hpp"

#include <array>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

static_assert(sizeof(failure) == sizeof(void*));
static_assert(std::is_nothrow_copy_constructible_v<failure> && std::is_nothrow_move_constructible_v<failure>);
static_assert(std::is_nothrow_default_constructible_v<failure> && std::is_nothrow_move_assignable_v<failure>);

namespace {

std::vector<std::size_t> const three{3};
std::vector<std::size_t> const three_one{3, 1};

// An application's own codes, which say what they amount to.
enum class lookup_error { no_such_key = 1, server_busy };
class lookup_category final : public std::error_category {
    char const* name() const noexcept override { return "lookup"; }
    std::string message(int) const override { return "look-up failed"; }
    std::error_condition default_error_condition(int value) const noexcept override {
        if (value == static_cast<int>(lookup_error::server_busy))
            return {static_cast<int>(cause::unavailable), cause_category()};
        return {value, *this};
    }
};
std::error_code of(lookup_error which) {
    static lookup_category const category;
    return {static_cast<int>(which), category};
}

}  // namespace

TEST_CASE("failure: one that nobody filled in reads as cancelled, did not run", "[core][failure]") {
    failure const nothing;
    CHECK(nothing.code() == cause::cancelled);
    CHECK(nothing.is(cause::cancelled));
    CHECK(nothing.text() == "did not run");
    CHECK(nothing.attempts() == 0);
    CHECK(nothing.index() == 0);
    CHECK(nothing.path().empty());
    CHECK(nothing.stage().empty());
    CHECK_FALSE(nothing.retry_after());
    CHECK_FALSE(nothing.exit_code());
    CHECK_FALSE(nothing.signal());
    CHECK_FALSE(nothing.exception());
    CHECK(to_string(nothing) == "cancelled: did not run");
}

TEST_CASE("failure: one moved from reads as did not run and can be used again", "[core][failure]") {
    failure from{cause::crashed, "signal 11"};
    failure to = std::move(from);
    CHECK(from.text() == "did not run");    // NOLINT: the promise is about this very use
    CHECK(to.is(cause::crashed));
    from.note("; later");
    CHECK(from.text() == "did not run; later");
    CHECK(from.is(cause::cancelled));
    CHECK(to.text() == "signal 11");
}

TEST_CASE("failure: assigning it to itself changes nothing", "[core][failure]") {
    failure self{cause::exited, "code 3"};
    auto& same = self;
    self = same;
    CHECK(self.text() == "code 3");
    self = std::move(same);
    CHECK(self.text() == "code 3");
}

TEST_CASE("failure: a copy is of its own once either is changed", "[core][failure]") {
    failure original{cause::exited, "code 3"};
    original.exit_code(3).stamp("fetch", three, 2);
    failure copy = original;
    copy.note(", said twice").exit_code(4).signal(9).retry_after(2s);

    CHECK(original.text() == "code 3");
    CHECK(original.exit_code() == 3);
    CHECK_FALSE(original.signal());
    CHECK_FALSE(original.retry_after());
    CHECK(copy.text() == "code 3, said twice");
    CHECK(copy.exit_code() == 4);
    CHECK(copy.signal() == 9);
    CHECK(copy.retry_after() == 2s);
    CHECK(copy.stage() == "fetch");    // what was not changed went along
    CHECK(copy.attempts() == 2);
}

TEST_CASE("failure: copies of one record are changed by many threads without touching each other", "[core][failure]") {
    failure const shared{cause::threw, "shared"};
    std::array<failure, 8> results;
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < results.size(); ++t)
            threads.emplace_back([&, t, mine = shared]() mutable {
                for (std::size_t i = 0; i < 500; ++i) {
                    failure again = mine;
                    again.note("!").stamp("stage", {t, i}, 1);
                    if (again.text().size() != 7 || mine.text() != "shared") return;
                    results[t] = again;
                }
            });
    }
    CHECK(shared.text() == "shared");
    CHECK(shared.path().empty());
    for (std::size_t t = 0; t < results.size(); ++t) {
        REQUIRE(results[t].path().size() == 2);
        CHECK(results[t].path()[0] == t);
        CHECK(results[t].path()[1] == 499);
    }
}

TEST_CASE("failure: the last of two owners may change the record in place while the other lets go", "[core][failure]") {
    for (int round = 0; round < 300; ++round) {
        failure mine{cause::threw, "text"};
        std::jthread other{[theirs = mine]() mutable { theirs.note(", theirs"); }};
        mine.note(", mine");
        CHECK(mine.text() == "text, mine");
    }
}

TEST_CASE("failure: a stamp does not overwrite what an inner layer said", "[core][failure]") {
    failure what{cause::threw, "no"};
    what.stamp("inner", three_one, 4);
    what.stamp("outer", three, 1);
    CHECK(what.stage() == "inner");
    CHECK(what.attempts() == 4);
    CHECK(what.path() == std::vector<std::size_t>{3, 1});
}

TEST_CASE("failure: an outer stamp fills in what the inner layers did not know", "[core][failure]") {
    failure what{cause::threw, "no"};
    what.stamp("", {}, 2);
    what.stamp("outer", three, 1);
    CHECK(what.stage() == "outer");
    CHECK(what.index() == 3);
    CHECK(what.attempts() == 2);
}

TEST_CASE("failure: the index counts the items of the verb that it has left", "[core][failure]") {
    failure what{cause::threw, "no"};
    what.stamp("", three_one, 1);
    CHECK(what.leave(three_one).index() == 1);    // out of the inner verb
    CHECK(what.leave(three).index() == 3);        // out of the outer one
    CHECK(what.path().size() == 2);
    CHECK(failure{}.leave(three_one).index() == 1);
    CHECK(failure{}.leave({}).index() == 0);
}

TEST_CASE("failure: that it never ran is something an outer stamp does not overwrite", "[core][failure]") {
    failure what{cause::cancelled, "stopped"};
    what.stamp("", three, 0);
    what.stamp("outer", three, 2);
    CHECK(what.attempts() == 0);
}

TEST_CASE("failure: one that another item failed with before is numbered as the item it is given for", "[core][failure]") {
    failure const first = failure{cause::threw, "no"}.stamp("", three_one, 1).leave(three_one);
    std::vector<std::size_t> const five{5};
    auto const second = failure{first}.leave(five);
    CHECK(second.index() == 5);
    CHECK(second.path() == std::vector<std::size_t>{5, 1});
    CHECK(first.index() == 1);
}

TEST_CASE("failure: a category says through its condition which cause a code amounts to", "[core][failure]") {
    failure const busy{of(lookup_error::server_busy), "try later"};
    failure const absent{of(lookup_error::no_such_key), "no key"};
    CHECK(busy.is(cause::unavailable));
    CHECK_FALSE(busy.is(cause::rejected));
    CHECK(busy.code() == of(lookup_error::server_busy));
    CHECK_FALSE(absent.is(cause::threw));    // the same number in another category is another code
    CHECK_FALSE(absent.is(cause::cancelled));
}

TEST_CASE("failure: every cause has a name, and its code carries it", "[core][failure]") {
    for (int value = 1; value <= 13; ++value) {
        auto const which = static_cast<cause>(value);
        CHECK(name_of(which) != "unknown cause");
        CHECK(make_error_code(which).message() == name_of(which));
        CHECK(std::error_code{which}.category().name() == std::string{"muster"});
        CHECK(failure{which, ""}.is(which));
    }
    CHECK(name_of(static_cast<cause>(99)) == "unknown cause");
    CHECK(cause_category().message(-1) == "unknown cause");
}

TEST_CASE("failure: two are equal when code and text are, wherever they happened", "[core][failure]") {
    failure a{cause::threw, "x"}, b{cause::threw, "x"};
    a.stamp("here", three, 3);
    CHECK(a == b);
    CHECK_FALSE(a == failure{cause::threw, "y"});
    CHECK_FALSE(a == failure{cause::exited, "x"});
    CHECK(failure{} == failure{cause::cancelled, "did not run"});
}

TEST_CASE("failure: what was thrown is kept", "[core][failure]") {
    failure what{cause::threw, "range"};
    what.exception(std::make_exception_ptr(std::out_of_range{"range"}));
    failure const copy = what;
    CHECK_THROWS_AS(std::rethrow_exception(copy.exception()), std::out_of_range);
}

TEST_CASE("failure: one line for people says where, what and how often", "[core][failure]") {
    failure what{cause::timed_out, "no answer within 2 s"};
    CHECK(to_string(what) == "timed out: no answer within 2 s");
    what.stamp("fetch", three_one, 4);
    CHECK(to_string(what) == R"(stage "fetch", item 3.1, 4 attempts: timed out: no answer within 2 s)");
    CHECK(to_string(failure{cause::threw, ""}) == "threw");
}
