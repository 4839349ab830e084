#include <muster/workloads/bgp/fault.hpp>

#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace muster::bgp;
using muster::cause;
using muster::failure;

namespace {

std::vector<std::pair<fault, cause>> const all{
    {fault::server_error, cause::unavailable},      {fault::several_keys, cause::unavailable},
    {fault::bad_prefix, cause::unavailable},        {fault::refused, cause::unavailable},
    {fault::unresolved_host, cause::unavailable},   {fault::wrong_reply, cause::unavailable},
    {fault::closed_early, cause::unavailable},      {fault::timed_out, cause::timed_out},
    {fault::invalid_number, cause::invalid_input},  {fault::invalid_source, cause::invalid_input},
    {fault::invalid_object, cause::invalid_input},  {fault::invalid_options, cause::invalid_input},
    {fault::aborted, cause::crashed},               {fault::reported, cause::exited},
    {fault::failed, cause::exited},                 {fault::unreadable, cause::exited}};

}  // namespace

TEST_CASE("fault: every one amounts to the cause that callers branch on, and to no other", "[bgp][fault]") {
    CHECK(all.size() == static_cast<std::size_t>(fault::unreadable));
    for (auto const& [which, amounts_to] : all) {
        CAPTURE(name_of(which));
        failure const failed{make_error_code(which), "x"};
        CHECK(cause_of(which) == amounts_to);
        CHECK(failed.code() == which);
        for (auto const other : {cause::unavailable, cause::timed_out, cause::invalid_input, cause::crashed,
                                 cause::exited, cause::cancelled, cause::threw, cause::exhausted})
            CHECK(failed.is(other) == (other == amounts_to));
    }
}

TEST_CASE("fault: each has a name of its own, which is its message", "[bgp][fault]") {
    std::set<std::string_view> names;
    for (auto const& [which, amounts_to] : all) {
        CHECK(name_of(which) != "unknown fault");
        CHECK(names.insert(name_of(which)).second);
        CHECK(make_error_code(which).message() == name_of(which));
    }
    CHECK(make_error_code(static_cast<fault>(200)).message() == "unknown fault");
}

TEST_CASE("fault: its category is bgpq4, one for the whole program, and success is none of it", "[bgp][fault]") {
    std::error_code const code = fault::server_error;    // converts by itself
    CHECK(code.category() == fault_category());
    CHECK(code.category().name() == std::string{"bgpq4"});
    for (auto const& [which, amounts_to] : all) CHECK(make_error_code(which));    // true: an error
    CHECK(code != fault::several_keys);
}
