#include <muster/workloads/search/rule_flaw.hpp>

#include "catch.hpp"

using namespace muster::searching;

TEST_CASE("rule_flaw: it reads as a compiler writes, and leaves out what is not known", "[search][rule_flaw]") {
    CHECK(to_string({.at = {"a/b.yaml", 12, 5}, .rule = "sshd_root", .text = "no"}) == "a/b.yaml:12:5: sshd_root: no");
    CHECK(to_string({.at = {"b.yaml", 0, 0}, .text = "no"}) == "b.yaml: no");
    CHECK(to_string({.text = "no"}) == "no");
}
