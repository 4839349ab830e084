#pragma once

#include <cstdint>        // uint8_t
#include <string_view>    // string_view

namespace muster::bgp {

/// How an embedded registry misbehaves when it is asked for an object, as real ones have been seen to.
enum class irr_fault : std::uint8_t {
    none,
    silent,           ///< no answer, ever; the connection stays open
    half_answer,      ///< the first half of the answer, then silence
    close_early,      ///< the first half of the answer, then the connection is closed
    server_error,     ///< `F`: the server could not look it up
    several_keys,     ///< `E`: the key is there more than once
    no_data,          ///< `C`: there, but without data
    unknown,          ///< `D`: not there
    bad_prefix,       ///< one of the prefixes is none
    bad_length,       ///< the length of the frame is one byte too short
    wrong_letter,     ///< an answer that the protocol does not know
};

/// "half answer": the fault as people read it.
[[nodiscard]] constexpr std::string_view name_of(irr_fault which) noexcept {
    switch (which) {
        case irr_fault::none: return "none";
        case irr_fault::silent: return "silent";
        case irr_fault::half_answer: return "half answer";
        case irr_fault::close_early: return "close early";
        case irr_fault::server_error: return "server error";
        case irr_fault::several_keys: return "several keys";
        case irr_fault::no_data: return "no data";
        case irr_fault::unknown: return "unknown";
        case irr_fault::bad_prefix: return "bad prefix";
        case irr_fault::bad_length: return "bad length";
        case irr_fault::wrong_letter: return "wrong letter";
    }
    return "unknown fault";
}

}  // namespace muster::bgp
