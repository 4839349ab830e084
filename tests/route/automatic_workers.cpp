#include <muster/route/automatic_workers.hpp>

#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <unistd.h>

#include <muster/flow/map.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>

#include "catch.hpp"

using namespace muster;

namespace {
std::vector<int> numbers(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}
int where(int) { return ::getpid(); }
}  // namespace

// This main has no process_main: processes can be had while there is one thread, and not afterwards.
TEST_CASE("automatic_workers: processes where they can be started, and then threads, which is said", "[route][automatic_workers][forks]") {
    {
        automatic_workers workers{{.workers = 2, .start = start_method::copy_anyway}};
        CHECK(workers.serves() == served_by::processes);
        CHECK(workers.why().empty());
        for (auto const& pid : map(numbers(10), on{workers, automatic{}} | &where)) CHECK(*pid != ::getpid());
        for (auto const& pid : map(numbers(2), on{workers, automatic{}} | &where)) CHECK(*pid == ::getpid());    // so few are done here
        CHECK((isolate{workers} | &where)(0).value() != ::getpid());
    }
    std::jthread const other{[](std::stop_token stop) {
        while (!stop.stop_requested()) std::this_thread::yield();
    }};
    automatic_workers workers{{.workers = 2}};
    CHECK(workers.serves() == served_by::threads);
    CHECK(name_of(workers.serves()) == "threads");
    CHECK(workers.why().find("process_main") != std::string::npos);
    CHECK(workers.processes() == nullptr);
    auto const out = map(numbers(100), on{workers} | [](int i) { return i == 7 ? throw std::runtime_error{"seven"} : 2 * i; });
    CHECK(out[99] == 198);
    REQUIRE_FALSE(out[7]);
    CHECK(out[7].error().index() == 7);
    CHECK((isolate{workers} | &where)(0) == ::getpid());
}

TEST_CASE("automatic_workers: the threshold of its options is the number of items that are done here", "[route][automatic_workers][forks]") {
    automatic_workers workers{{.workers = 2, .threshold = 5, .start = start_method::copy_anyway}};
    for (auto const& pid : map(numbers(5), on{workers, automatic{}} | &where)) CHECK(*pid == ::getpid());
    for (auto const& pid : map(numbers(6), on{workers, automatic{}} | &where)) CHECK(*pid != ::getpid());
}

TEST_CASE("automatic_workers: who serves has a name", "[route][automatic_workers]") {
    CHECK(name_of(served_by::processes) == "processes");
    CHECK(name_of(served_by::this_thread) == "this thread");
    CHECK(name_of(static_cast<served_by>(9)) == "unknown");
}
