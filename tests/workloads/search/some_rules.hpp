// Rules and findings for the tests of what writes them.
#pragma once

#include "catch.hpp"

#include <string>
#include <vector>

#include <muster/workloads/search/finding.hpp>
#include <muster/workloads/search/rule_set.hpp>

namespace test {

/// "login" has the fields "value" and "n", "banner" has none, "users" has "name"; "registry" is for Windows alone.
inline muster::searching::rule_set some_rules() {
    auto checked = muster::searching::rule_set::check({
        {.name = "login", .regex = "(?<value>yes|no)(?<n>\\d*)", .comment = "who may log in"},
        {.name = "banner", .regex = "banner"},
        {.name = "users", .regex = "(?<name>\\w+)", .show_missing = true},
        {.name = "registry", .regex = "HKLM", .systems = {{.values = {"Windows"}}}},
    });
    REQUIRE(checked.faults.empty());
    return checked.rules;
}

inline muster::searching::finding_place on_linux(std::string path, std::string name) {
    return {.path = std::move(path), .system = {.family = muster::searching::system_family::gnu_linux, .name = std::move(name),
                                                .product = "Debian GNU/Linux 12 (bookworm)", .version = "12", .distribution = "debian"}};
}

}  // namespace test
