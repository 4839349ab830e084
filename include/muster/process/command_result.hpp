#pragma once

#include <chrono>     // times
#include <cstdint>    // uint64_t
#include <string>     // what it wrote

namespace muster {

/// What a process used up, as the kernel counted it.
struct process_usage {
    std::chrono::nanoseconds user{};      ///< processor time in the program
    std::chrono::nanoseconds system{};    ///< processor time in the kernel
    std::uint64_t max_rss = 0;            ///< most memory at once, in bytes
    friend bool operator==(process_usage const&, process_usage const&) = default;
};

/// What a program left that ended by itself.
struct command_result {
    int exit_code = 0;
    std::string out;    ///< its standard output
    std::string err;    ///< its standard error
    process_usage usage;
    std::chrono::nanoseconds wall{};    ///< from before its start to after its end
    friend bool operator==(command_result const&, command_result const&) = default;
};

}  // namespace muster
