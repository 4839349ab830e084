#include <muster/workloads/search/detail/engine_trial.hpp>

#include "catch.hpp"

#include <algorithm>

#include <muster/workloads/search/pcre2_engine.hpp>

using namespace muster::searching;
using muster::cause;
using muster::failure;
using muster::outcome;

namespace {

// Loses a candidate, or says that it could not look.
struct forgetful {
    engine by;
    std::size_t lost = 0;
    bool fails = false;

    outcome<void> scan(std::string_view text, std::vector<candidate>& into) const {
        if (fails) return failure{cause::exhausted, "too much"};
        auto const done = by.scan(text, into);
        if (lost < into.size()) into.erase(into.begin() + static_cast<std::ptrdiff_t>(lost));
        return done;
    }
    std::span<std::uint32_t const> alone() const { return by.alone(); }
    std::string_view name() const { return "forgetful"; }
};

outcome<void> trial(std::size_t lost, bool fails = false) {
    return muster::searching::detail::engine_trial([&](std::span<line_pattern const> patterns) -> outcome<engine> {
        auto made = pcre2_engine::make(patterns);
        if (!made) return made;
        return engine{forgetful{std::move(*made), lost, fails}};
    });
}

}  // namespace

TEST_CASE("engine_trial: an engine that misses no line passes", "[search][engine_trial]") { CHECK(trial(1'000'000)); }

TEST_CASE("engine_trial: one missed line is enough", "[search][engine_trial]") {
    for (std::size_t const lost : {0u, 17u, 500u}) {
        auto const result = trial(lost);
        REQUIRE(!result);
        CHECK(result.error().is(cause::unavailable));
        CHECK(result.error().text().starts_with("it misses the line \""));
    }
}

TEST_CASE("engine_trial: what cannot be made, or cannot look, does not pass", "[search][engine_trial]") {
    CHECK(trial(0, true).error().text() == "too much");
    auto const never = [](std::span<line_pattern const>) -> outcome<engine> { return failure{cause::unavailable, "not here"}; };
    CHECK(muster::searching::detail::engine_trial(never).error().text() == "not here");
}

TEST_CASE("engine_trial: there is something to miss for each pattern", "[search][engine_trial]") {
    auto const patterns = muster::searching::detail::trial_patterns();
    auto const by = pcre2_engine::make(patterns).value();
    CHECK(by.alone().empty());
    std::vector<candidate> found;
    REQUIRE(by.scan(muster::searching::detail::trial_text(), found));
    for (std::uint32_t i = 0; i < patterns.size(); ++i)
        CHECK(std::count_if(found.begin(), found.end(), [&](candidate const& one) { return one.pattern == i; }) >= 2);
}
