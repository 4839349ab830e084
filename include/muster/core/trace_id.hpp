#pragma once

#include <cstdint>        // uint64_t
#include <string>         // the id
#include <string_view>    // bytes

#include <muster/core/context.hpp>    // origin

namespace muster {

/// By what logs, spans and dead letters know one record of a source: the same in each attempt, stage and run.
///
///     [](std::string_view line, context& cx) { return post(line, {{"traceparent", "00-" + trace_id(cx.from()) + "-" + span + "-01"}}); }
///
/// Shape      32 hexadecimal digits of a hash of source, partition and offset; parts of a record share its id, and the epoch of a run plays no
///            part. Empty outside durable runs. It tells records apart, and keeps nobody from making two that look the same.
/// Source     W3C Trace Context, section 3.2.2.3, trace-id; the hash: FNV-1a with 64 bits, its end the finaliser of SplitMix64.
[[nodiscard]] std::string trace_id(origin const& from);

// Implementation

inline std::string trace_id(origin const& from) {
    if (from.source.empty()) return {};
    auto const hash = [&](std::uint64_t seed) {
        std::uint64_t sum = 0xcbf2'9ce4'8422'2325 ^ seed;
        auto const add = [&](unsigned char byte) { sum = (sum ^ byte) * 0x100'0000'01b3; };
        for (auto const number : {from.partition, from.offset})    // before the name, which has no fixed length
            for (unsigned shift = 0; shift != 64; shift += 8) add(static_cast<unsigned char>(number >> shift));
        for (char const each : from.source) add(static_cast<unsigned char>(each));
        sum = (sum ^ (sum >> 30)) * 0xbf58'476d'1ce4'e5b9;
        sum = (sum ^ (sum >> 27)) * 0x94d0'49bb'1331'11eb;
        return sum ^ (sum >> 31);
    };
    std::uint64_t const halves[]{hash(0), hash(0x9e37'79b9'7f4a'7c15) | 1};    // never all zeros, which is no id
    std::string out;
    for (auto const half : halves)
        for (unsigned shift = 64; shift != 0; shift -= 4) out += "0123456789abcdef"[half >> (shift - 4) & 15];
    return out;
}

}  // namespace muster
