#include <muster/os/system_failure.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("system_failure: says what was tried and what the system said", "[os][system_failure]") {
    auto const full = system_failure(ENOSPC, "cannot write x");
    CHECK(full.text() == "cannot write x: No space left on device");
    CHECK(full.is(cause::exhausted));
}

TEST_CASE("system_failure: names a cause where one fits, else keeps the errno", "[os][system_failure]") {
    CHECK(system_failure(EDQUOT, "").is(cause::exhausted));
    CHECK(system_failure(EMFILE, "").is(cause::exhausted));
    CHECK(system_failure(ENOMEM, "").is(cause::out_of_memory));
    CHECK(system_failure(ENOENT, "").is(cause::unavailable));
    CHECK(system_failure(EACCES, "").is(cause::unavailable));
    CHECK(system_failure(EROFS, "").is(cause::unavailable));
    CHECK(system_failure(ENAMETOOLONG, "").is(cause::invalid_input));
    CHECK(system_failure(EIO, "").code() == std::errc::io_error);
}
