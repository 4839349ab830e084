#include <muster/workloads/search/detail/leased.hpp>

#include "catch.hpp"

#include <memory>

using muster::searching::detail::leased;

TEST_CASE("leased: what was brought back is lent again, and no more is made than is needed at once", "[search][leased]") {
    int made = 0;
    auto const make = [&]() -> muster::outcome<std::unique_ptr<int>> { return std::make_unique<int>(++made); };
    leased<std::unique_ptr<int>, decltype(make)> pool{make};
    {
        auto first = pool.lease().value();
        auto second = pool.lease();
        CHECK(**first == 1);
        CHECK(***second == 2);
    }
    for (int i = 0; i < 5; ++i) CHECK(pool.lease());
    CHECK(made == 2);
}

TEST_CASE("leased: what cannot be made is said, and may be another time", "[search][leased]") {
    bool fails = true;
    auto const make = [&]() -> muster::outcome<int> {
        if (fails) return muster::failure{muster::cause::exhausted, "no more"};
        return 7;
    };
    leased<int, decltype(make)> pool{make};
    CHECK(pool.lease().error().text() == "no more");
    fails = false;
    CHECK(**pool.lease() == 7);
}
