#include <muster/workloads/search/engine.hpp>

#include <memory>
#include <utility>

#include "catch.hpp"

using namespace muster::searching;

namespace {

// Finds a byte.
struct byte_engine {
    char byte = 'x';
    std::vector<std::uint32_t> leaves{};
    std::shared_ptr<int> alive = std::make_shared<int>();

    muster::outcome<void> scan(std::string_view text, std::vector<candidate>& into) const {
        if (text.size() > 8) return muster::failure{muster::cause::exhausted, "too long"};
        for (std::uint32_t i = 0; i < text.size(); ++i)
            if (text[i] == byte) into.push_back({.pattern = 0, .at = i});
        return {};
    }
    std::span<std::uint32_t const> alone() const { return leaves; }
    std::string_view name() const { return "byte"; }
};

struct not_const {
    muster::outcome<void> scan(std::string_view, std::vector<candidate>&);
    std::span<std::uint32_t const> alone() const;
    std::string_view name() const;
};
struct nameless {
    muster::outcome<void> scan(std::string_view, std::vector<candidate>&) const;
    std::span<std::uint32_t const> alone() const;
};

}  // namespace

static_assert(line_engine<byte_engine>);
static_assert(!line_engine<not_const>);
static_assert(!line_engine<nameless>);
static_assert(!std::constructible_from<engine, nameless>);
static_assert(!std::convertible_to<byte_engine, engine>);
static_assert(std::copyable<engine>);

TEST_CASE("engine: it does what the one that it holds does", "[search][engine]") {
    engine const any{byte_engine{.leaves = {3, 5}}};
    std::vector<candidate> found{{.pattern = 9, .at = 9}};
    REQUIRE(any.scan("axbx", found));
    CHECK(found == std::vector<candidate>{{9, 9}, {0, 1}, {0, 3}});    // appended
    CHECK(std::vector(any.alone().begin(), any.alone().end()) == std::vector<std::uint32_t>{3, 5});
    CHECK(any.name() == "byte");
    CHECK(any.scan("123456789", found).error().is(muster::cause::exhausted));
}

TEST_CASE("engine: copies share what they hold, and it ends with the last", "[search][engine]") {
    auto alive = std::make_shared<int>();
    std::weak_ptr<int> const watched = alive;
    {
        engine one{byte_engine{.alive = std::move(alive)}};
        auto other = one;    // a copy, not an engine in an engine
        engine third{other};
        CHECK(other.alone().data() == one.alone().data());
        one = std::move(third);
        CHECK(!watched.expired());
    }
    CHECK(watched.expired());
}

TEST_CASE("engine: a maker makes one for patterns, or says why not", "[search][engine]") {
    engine_maker const make = [](std::span<line_pattern const> of) -> muster::outcome<engine> {
        if (of.empty()) return muster::failure{muster::cause::invalid_input, "no patterns"};
        return engine{byte_engine{.byte = of[0].regex[0]}};
    };
    CHECK(make({}).error().text() == "no patterns");
    std::vector<line_pattern> const patterns{{.regex = "b"}};
    std::vector<candidate> found;
    REQUIRE(make(patterns)->scan("ab", found));
    CHECK(found == std::vector<candidate>{{0, 1}});
}
