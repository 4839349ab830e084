#include <muster/workloads/bgp/program_identity.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "folder.hpp"

using namespace muster::bgp;

TEST_CASE("program_identity: changes with the file, and knows what is not there", "[bgp][program_identity]") {
    test::folder folder;
    auto const path = folder / "tool";
    std::ofstream{path} << "#!/bin/sh\n";
    CHECK(!program_identity(path));    // may not be run
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    auto const first = program_identity(path).value();
    CHECK(program_identity(path).value() == first);
    std::ofstream{path} << "#!/bin/sh\nexit 1\n";
    CHECK(program_identity(path).value() != first);
    CHECK(program_identity("sh"));
    CHECK(program_identity("no-such-program").error().is(muster::cause::unavailable));
    CHECK(!program_identity(folder.path()));
}
