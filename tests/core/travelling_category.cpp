#include <muster/core/travelling_category.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>
#include <system_error>

#include <muster/core/failure.hpp>
#include <muster/core/outcome.hpp>
#include <muster/core/wire.hpp>

using namespace muster;

namespace {

class quota_category_type final : public std::error_category {
public:
    char const* name() const noexcept override { return "quota"; }
    std::string message(int value) const override { return value == 7 ? "used up" : "unknown"; }
    std::error_condition default_error_condition(int value) const noexcept override {
        return value == 7 ? make_error_code(cause::rejected).default_error_condition() : std::error_condition{value, *this};
    }
};
std::error_category const& quota_category() {
    static quota_category_type const it;
    return it;
}
travelling_category const quota_errors{quota_category()};

}  // namespace

TEST_CASE("travelling_category: its codes arrive as what they were, with what was said beside them", "[core][travelling_category]") {
    auto const sent = failure{{7, quota_category()}, "of team 3"}.exit_code(4);
    auto const got = decoded<outcome<int>>(encoded(outcome<int>{sent}));
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code() == std::error_code{7, quota_category()});
    CHECK(got.error().is(cause::rejected));
    CHECK(got.error().text() == sent.text());
    CHECK(got.error().exit_code() == 4);
}

TEST_CASE("travelling_category: where nobody has said it, the cause arrives, and the text says the rest", "[core][travelling_category]") {
    auto sent = encoded(outcome<int>{failure{{7, quota_category()}, "of team 3"}});
    bool renamed = false;
    for (auto& each : sent)
        if (!renamed && each == std::byte{'q'}) each = std::byte{'x'}, renamed = true;
    REQUIRE(renamed);
    auto const got = decoded<outcome<int>>(sent);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code() == cause::rejected);
    CHECK(got.error().text() == "xuota: used up: of team 3");
}

TEST_CASE("travelling_category: of two with one name the first is found", "[core][travelling_category]") {
    static quota_category_type const second;
    static travelling_category const late{second};
    CHECK(travelling_category::named("quota") == &quota_category());
    CHECK(travelling_category::named("nobody's") == nullptr);
    auto const got = decoded<outcome<int>>(encoded(outcome<int>{failure{{7, second}, "x"}}));    // it would arrive as another's code
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code() == cause::rejected);
}
