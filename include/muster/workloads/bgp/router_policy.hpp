#pragma once

#include <muster/workloads/bgp/policy_text.hpp>    // policy_text
#include <muster/workloads/bgp/request.hpp>        // request

namespace muster::bgp {

/// A request with its answer.
struct router_policy {
    request asked;
    policy_text list;
    bool remembered = false;    ///< from a cache, or from another call that was under way: no program ran for it

    friend bool operator==(router_policy const&, router_policy const&) = default;
};

}  // namespace muster::bgp
