#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <string>     // texts
#include <vector>     // facts

#include <muster/workloads/llm/node_state.hpp>     // node_state
#include <muster/workloads/llm/token_usage.hpp>    // token_usage

namespace muster::llm {

/// One thing that a node's answer says.
struct fact {
    std::string name{};
    std::string value{};    ///< as it stood in the answer: JSON, say
    friend bool operator==(fact const&, fact const&) = default;
};

/// How an attempt at a node ended, and with it the node.
struct node_result {
    std::uint64_t node = 0;
    std::uint64_t attempt = 0;                 ///< as `begin_attempt` counted it; 0: it ended without a request, as by a cache or before its turn
    node_state state = node_state::done;       ///< done, failed or stopped; pending: the attempt failed, and the node is tried again
    std::string kind{};                        ///< of a failure: "timed out", "content filter"
    std::string text{};                        ///< of a failure: its sentence
    std::string answer{};
    std::string finish_reason{};
    bool partial = false;                      ///< the answer is not whole
    token_usage usage{};
    std::vector<fact> facts{};
    friend bool operator==(node_result const&, node_result const&) = default;
};

}  // namespace muster::llm
