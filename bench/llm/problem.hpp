#pragma once

#include <cstddef>    // size_t
#include <string>     // URL

namespace bench {

/// Many small chat completions, so many in flight at a time.
struct chats {
    std::string url;         ///< up to /v1
    std::size_t count = 0;
    std::size_t in_flight = 0;
};

/// The JSON of request `number`, the same for every contender.
inline std::string body_of(std::size_t number) {
    return "{\"model\":\"small\",\"messages\":[{\"role\":\"system\",\"content\":\"State the facts.\"},{\"role\":\"user\",\"content\":\"<node n=\\\"" +
           std::to_string(number) + "\\\"/>\"}]}";
}

/// How a client went about it, in a process of its own.
struct client_run {
    double seconds = 0;              ///< from the first request to the last answer
    double processor_seconds = 0;    ///< in that time
    double mebibytes = 0;            ///< the most that the process has held
    double answered = 0;             ///< with 200
};

/// The least that one can do with libcurl: one multi handle, no parsing.
std::size_t run_raw_multi(chats const& what);

}  // namespace bench
