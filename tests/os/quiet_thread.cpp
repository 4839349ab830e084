#include <muster/os/quiet_thread.hpp>

#include "catch.hpp"

using namespace muster;

namespace {
sigset_t mask_of_this_thread() {
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return now;
}
}  // namespace

TEST_CASE("quiet_thread: no signal comes to it, and its maker hears as many as before", "[os][quiet_thread]") {
    auto const blocks = [](sigset_t const& mask, int number) { return ::sigismember(&mask, number) == 1; };
    auto const before = mask_of_this_thread();
    bool quiet = false;
    {
        auto const thread = quiet_thread([&] {
            auto const mine = mask_of_this_thread();
            quiet = blocks(mine, SIGINT) && blocks(mine, SIGTERM) && blocks(mine, SIGCHLD) && blocks(mine, SIGALRM);
        });
    }
    CHECK(quiet);
    for (int const number : {SIGINT, SIGTERM, SIGCHLD, SIGALRM}) CHECK(blocks(mask_of_this_thread(), number) == blocks(before, number));
}
