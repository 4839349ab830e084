#include <muster/workloads/llm/run_identity.hpp>

#include "catch.hpp"

#include <set>       // digests
#include <string>    // texts

using namespace muster::llm;

TEST_CASE("run_identity: the digest is of all four parts, and of where each ends", "[llm]") {
    std::set<std::string> digests;
    for (auto const& each : {run_identity{"d", "p", "m", "s"}, run_identity{"D", "p", "m", "s"}, run_identity{"d", "P", "m", "s"},
                             run_identity{"d", "p", "M", "s"}, run_identity{"d", "p", "m", "S"}, run_identity{"dp", "", "m", "s"},
                             run_identity{"", "dp", "m", "s"}, run_identity{"p", "d", "m", "s"}})
        digests.insert(each.digest());
    CHECK(digests.size() == 8);
    CHECK(run_identity{"d", "p", "m", "s"}.digest() == run_identity{"d", "p", "m", "s"}.digest());
}

TEST_CASE("run_identity: the digest is SHA-256 over lengths and texts", "[llm]") {
    // printf '\1\0\0\0\0\0\0\0d\1\0\0\0\0\0\0\0p\1\0\0\0\0\0\0\0m\1\0\0\0\0\0\0\0s' | sha256sum
    CHECK(run_identity{"d", "p", "m", "s"}.digest() == "77f94e4461d2a182c7876f2aa2d07ec1ae4c57c72e9b585f62830f2e80d72ceb");
}
