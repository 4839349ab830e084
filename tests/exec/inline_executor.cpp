#include <muster/exec/inline_executor.hpp>

#include "catch.hpp"

#include <memory>
#include <thread>
#include <vector>

using namespace muster;

static_assert(inline_executor::width() == 1);
static_assert(!has_waiter<inline_executor>);

TEST_CASE("inline_executor: calls the items in order, on the calling thread, and none of none", "[exec]") {
    inline_executor here;
    std::vector<std::size_t> seen;
    auto const each = [&](std::size_t first, std::size_t last) noexcept {
        for (; first != last; ++first) seen.push_back(first);
    };
    here.bulk(0, 8, each);
    CHECK(seen.empty());
    here.bulk(4, 8, each);
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("inline_executor: a job has run when post returns, also one that only moves", "[exec]") {
    inline_executor here;
    std::thread::id where;
    here.post([&, held = std::make_unique<int>(1)] { where = std::this_thread::get_id(); });
    CHECK(where == std::this_thread::get_id());
}
